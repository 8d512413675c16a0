import { baseline } from '../contestants.js';
import type { Check, Report, Result, TakenProfile } from '../report.js';

/** The report for people: the ratios first, then what lies behind them. */
export function formatReport(report: Report): string {
  const parts = [formatRatios(report.results), formatFigures(report.results), formatChecks(report.checks)];
  const failures = report.failures.map(({ message }) => `FAILED: ${message}`);
  return [...parts, ...failures, ...report.profiles.map(formatProfile)].join('\n\n');
}

/** One table of CPU per request, the baseline being 1. */
function formatRatios(results: readonly Result[]): string {
  const names = [...new Set(results.map(({ contestant }) => contestant))];
  const rows = cellsOf(results).map((cell) => [
    cell[0]?.query ?? '',
    String(cell[0]?.connections ?? ''),
    ...names.map((name) => times(cell.find(({ contestant }) => contestant === name)?.ratio)),
    ...[cell.find(({ contestant }) => contestant === baseline)?.cpuMicros.toFixed(0) ?? '-'],
  ]);
  const head = ['query', 'connections', ...names, `1.00 is (µs)`];
  return `CPU per request, as a multiple of "${baseline}"\n\n${formatTable([head, ...rows])}`;
}

/** There is none where somebody failed. */
function times(ratio = NaN): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '-';
}

/** All results of one query at one number of connections. */
function cellsOf(results: readonly Result[]): Result[][] {
  const cells = new Map<string, Result[]>();
  for (const result of results) {
    const key = `${result.query} ${result.connections}`;
    cells.set(key, [...(cells.get(key) ?? []), result]);
  }
  return [...cells.values()];
}

function formatFigures(results: readonly Result[]): string {
  const head = [
    'query',
    'connections',
    'contestant',
    'ratio of rounds',
    'CPU µs',
    'req/s',
    'p50 ms',
    'p99 ms',
  ];
  const rows = results.map((result) => [
    result.query,
    String(result.connections),
    result.contestant,
    `${times(result.ratioFrom)}-${times(result.ratioTo)}`,
    result.cpuMicros.toFixed(0),
    result.requestsPerSecond.toFixed(0),
    result.p50Ms.toFixed(2),
    result.p99Ms.toFixed(2),
    result.callsPerRequest.toFixed(2),
    `${(result.busy * 100).toFixed(0)}%`,
    result.rssMegabytes.toFixed(0),
  ]);
  return formatTable([[...head, 'calls', 'busy', 'RSS MB'], ...rows]);
}

function formatChecks(checks: readonly Check[]): string {
  const head = ['checked', 'contestant', 'bytes', 'REST calls', 'gRPC calls', 'GraphQL calls'];
  const rows = checks.map(({ query, contestant, bytes, calls }) => [
    query,
    contestant,
    ...[bytes, calls.users, calls.products, calls.orders].map(String),
  ]);
  return formatTable([head, ...rows]);
}

const shown = 10;

function formatProfile({ contestant, query, connections, functions, packages, file }: TakenProfile): string {
  const rows = (costs: TakenProfile['functions']): string[][] =>
    costs.slice(0, shown).map(({ name, share }) => [name, `${(share * 100).toFixed(1)}%`]);
  return [
    `Self time of "${contestant}", ${query}, ${connections} connections (${file})`,
    formatTable([['package', 'share'], ...rows(packages)]),
    formatTable([['function', 'share'], ...rows(functions)]),
  ].join('\n\n');
}

/** Columns of words to the left, of numbers to the right. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isNumber = head.map((_, column) => body.every((row) => /^[\d.%-]*$/.test(row[column] ?? '')));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumber[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(head), rule, ...body.map(line)].join('\n');
}
