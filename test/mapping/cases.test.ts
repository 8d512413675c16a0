import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compileSelection } from '../../src/mapping/compile.js';
import type { MappingProblem, Variables } from '../../src/mapping/compile.js';
import { parseJson, stringifyJson } from '../../src/mapping/json.js';
import { MappingSyntaxError, parseSelection } from '../../src/mapping/parse.js';
import { printSelection } from '../../src/mapping/print.js';
import type { Selection } from '../../src/mapping/syntax.js';
import { compileHeader, parseTemplate } from '../../src/mapping/template.js';
import { compileUrl } from '../../src/mapping/url.js';
import { LATEST_VERSION, SPEC_VERSIONS } from '../../src/mapping/version.js';
import type { SpecVersion } from '../../src/mapping/version.js';
import { readCases } from './read-cases.js';
import type { Case } from './read-cases.js';
import { withoutRanges } from './trees.js';

const cases = readCases(join(import.meta.dirname, 'cases'));

const known = new Set([
  'version',
  'selection',
  'input',
  'variables',
  'output',
  'problem',
  'error',
  'header',
  'base',
  'base-template',
  'url',
  'path',
  'query',
  'source-path',
  'source-query',
  'failure',
]);

test('there is a case for every behaviour, each with a claim of its own', () => {
  const claims = cases.map(({ file, claim }) => `${file}: ${claim}`);
  expect(claims.length).toBeGreaterThan(400);
  expect(claims.filter((claim, i) => claims.indexOf(claim) !== i)).toEqual([]);
  expect(cases.flatMap(({ fields }) => [...fields.keys()]).filter((name) => !known.has(name))).toEqual([]);
});

for (const file of new Set(cases.map((each) => each.file))) {
  describe(file, () => {
    for (const each of cases.filter((one) => one.file === file)) {
      for (const version of versionsOf(each))
        test(`${each.claim} (v${version}, line ${each.line})`, () => run(each, version));
    }
  });
}

function versionsOf({ fields }: Case): SpecVersion[] {
  const names = fields.get('version')?.[0]?.split(' ') ?? [LATEST_VERSION];
  return names[0] === 'all' ? [...SPEC_VERSIONS] : (names as SpecVersion[]);
}

function run(each: Case, version: SpecVersion): void {
  if (each.fields.has('url')) return runUrl(each, version);
  if (each.fields.has('header')) return runHeader(each, version);
  return runSelection(each, version);
}

function runSelection({ fields }: Case, version: SpecVersion): void {
  const text = fields.get('selection')?.[0] ?? '';
  const error = fields.get('error')?.[0];
  if (error !== undefined) return expectSyntaxError(() => parseSelection(text, version), error);
  const selection = parseSelection(text, version);
  const mapping = compileSelection(selection);
  const input = json(fields, 'input');
  const variables = (json(fields, 'variables') ?? {}) as Variables;
  const before = stringifyJson(input);
  const problems: MappingProblem[] = [];
  const output = mapping.evaluate(input, variables, problems);
  if (!fields.has('output')) throw new Error('the case has no output');
  expect(output).toStrictEqual(json(fields, 'output'));
  expect(problems.map((problem) => problemText(problem, text))).toEqual(fields.get('problem') ?? []);
  expect(mapping.evaluate(input, variables), 'without problems').toStrictEqual(output);
  expect(stringifyJson(input), 'the input is untouched').toBe(before);
  expectPrintable(selection);
}

/** `path | the text that the range covers | message` */
function problemText({ message, path, range }: MappingProblem, text: string): string {
  return `${path.join('.')} | ${text.slice(range.start, range.end)} | ${message}`;
}

function expectPrintable(selection: Selection): void {
  const again = parseSelection(printSelection(selection), selection.version);
  expect(withoutRanges(again), printSelection(selection)).toEqual(withoutRanges(selection));
}

function json(fields: Case['fields'], name: string): unknown {
  const text = fields.get(name)?.[0];
  return text === undefined || text === 'missing' ? undefined : parseJson(text);
}

/** `offset message`: the message is a part of the whole one. */
function expectSyntaxError(parse: () => unknown, expected: string): void {
  let thrown: unknown;
  try {
    parse();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof MappingSyntaxError)) throw new Error(`no syntax error: ${String(thrown)}`);
  const [, offset, part] = /^(\d+) (.*)$/s.exec(expected) ?? [];
  expect(`${thrown.range.start} ${thrown.message}`).toContain(part);
  expect(thrown.range.start, thrown.message).toBe(Number(offset));
}

function runHeader({ fields }: Case, version: SpecVersion): void {
  const text = fields.get('header')?.[0] ?? '';
  const error = fields.get('error')?.[0];
  if (error !== undefined) return expectSyntaxError(() => parseTemplate(unescaped(text), version), error);
  const value = compileHeader(parseTemplate(unescaped(text), version))(json(fields, 'variables') ?? {});
  if (typeof value === 'string') expect(value).toBe(json(fields, 'output'));
  else
    expect(`${unescaped(text).slice(value.range.start, value.range.end)} | ${value.reason}`).toBe(
      fields.get('failure')?.[0],
    );
}

function runUrl({ fields }: Case, version: SpecVersion): void {
  const text = unescaped(fields.get('url')?.[0] ?? '');
  const error = fields.get('error')?.[0];
  if (error !== undefined) return expectSyntaxError(() => parseTemplate(text, version), error);
  const base = fields.get('base-template')?.[0];
  const selectionOf = (name: string): Selection | undefined => {
    const written = fields.get(name)?.[0];
    return written === undefined ? undefined : parseSelection(written, version);
  };
  const urlOf = compileUrl({
    base: base === undefined ? fields.get('base')?.[0] : parseTemplate(base, version),
    sourcePath: selectionOf('source-path'),
    sourceQuery: selectionOf('source-query'),
    url: parseTemplate(text, version),
    path: selectionOf('path'),
    queryParams: selectionOf('query'),
  });
  const url = urlOf(json(fields, 'variables') ?? {});
  if (url.kind === 'url') expect(url.origin + url.path).toBe(fields.get('output')?.[0]);
  else
    expect(`${url.part} ${url.range.start}-${url.range.end} | ${url.reason}`).toBe(
      fields.get('failure')?.[0],
    );
}

/** `\n`, `\t`, `\r` and `\f` in the constant parts of templates. */
function unescaped(text: string): string {
  return text.replace(
    /\\([ntrf])/g,
    (_, letter: string) => ({ n: '\n', t: '\t', r: '\r', f: '\f' })[letter] ?? letter,
  );
}
