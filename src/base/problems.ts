import { getLocation, type Source } from 'graphql';
import type { ErrorCode } from './errors.js';

/** Something wrong in a text somebody wrote: what, and exactly where. */
export interface Problem {
  /** A name for the kind of fault, such as `INVALID_URL`. */
  readonly code: string;
  /** What is wrong and what would help, in a sentence or two. */
  readonly message: string;
  readonly source: Source;
  /** Character offset into the source's body. */
  readonly offset: number;
}

/** Thrown with every problem of every file at once. */
export class SchemaFilesError extends Error {
  readonly code = 'SCHEMA_FILE_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems));
    this.name = 'SchemaFilesError';
    this.problems = problems;
  }
}

/** A heading that counts, then each problem with its place and a code frame. */
export function formatProblems(
  problems: readonly Problem[],
  code: ErrorCode = 'SCHEMA_FILE_INVALID',
): string {
  const files = new Set(problems.map((problem) => problem.source.name)).size;
  const heading = `${code}  ${count(problems.length, 'problem')} in ${count(files, 'file')}`;
  return [heading, ...sorted(problems).map(formatProblem)].join('\n\n');
}

/** One problem: message, `file:line:column  CODE`, and the line with a caret. */
export function formatProblem(problem: Problem): string {
  const { line, column } = getLocation(problem.source, problem.offset);
  const place = `${problem.source.name}:${line}:${column}  ${problem.code}`;
  return `${problem.message}\n${place}\n${frame(problem.source.body, line, column)}`;
}

/** Wide enough for a whole line of a schema file, narrow enough for a terminal. */
const frameWidth = 110;

function frame(body: string, line: number, column: number): string {
  const text = body.split(/\r\n|[\n\r]/)[line - 1] ?? '';
  const from = column > frameWidth - 20 ? column - Math.floor(frameWidth / 2) : 0;
  const cut = text.slice(from, from + frameWidth);
  const shown = `${from > 0 ? '…' : ''}${cut}${from + frameWidth < text.length ? '…' : ''}`;
  const number = String(line);
  const before = shown.slice(0, column - 1 - from + (from > 0 ? 1 : 0)).replace(/[^\t]/g, ' ');
  return `${number} | ${shown}\n${' '.repeat(number.length)} | ${before}^`;
}

function sorted(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.source.name.localeCompare(b.source.name) || a.offset - b.offset);
}

/** `1 problem`, `2 problems`. */
export function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? '' : 's'}`;
}
