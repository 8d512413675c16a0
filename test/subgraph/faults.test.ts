import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SchemaFilesError } from '../../src/base/problems.js';
import { readSchemaFiles, toSchemaFile } from '../../src/subgraph/read.js';
import { parseSubgraphs, type Surroundings } from '../../src/subgraph/validate.js';
import { printed, readFaultCase, updateFaultCase } from './fault-case.js';

const folder = 'test/subgraph/faults';
const paths = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => `${folder}/${name}`);

test.each(paths.map((path) => [readFaultCase(path).title, path]))('%s (%s)', (_, path) => {
  const fault = readFaultCase(path);
  const text = printed(fault);
  if (process.env['UPDATE_CASES'] !== undefined) updateFaultCase(path, text);
  else expect(text).toBe(fault.expected);
});

test('no message shows a stack', () => {
  for (const path of paths) expect(printed(readFaultCase(path))).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

test('every code has a case', () => {
  const sources = readdirSync('src/subgraph', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const texts = sources.map((name) => readFileSync(`src/subgraph/${name}`, 'utf8')).join('\n');
  const codes = new Set([...texts.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code]) => code ?? ''));
  const shown = paths.map((path) => readFaultCase(path).expected).join('\n');
  expect(codes.size).toBeGreaterThan(60);
  expect([...codes].filter((code) => !new RegExp(`\\b${code}$`, 'm').test(shown))).toEqual([]);
});

const none: Surroundings = { environment: {}, config: {}, policies: [] };

test('a place in a block string of a file with \\r\\n', () => {
  const text = [
    'type Query {',
    '\tuser(id: ID!): User @connect(http: { GET: "https://example.com/{$args.id}" } selection: """',
    '\t\tid',
    '\t\tnmae',
    '\t""")',
    '}',
    'type User { id: ID! name: String }',
  ].join('\r\n');
  const problems = problemsOf([{ path: 'a.graphql', text }]);
  expect(problems).toMatchObject([{ code: 'SELECTED_FIELD_NOT_FOUND', offset: text.indexOf('nmae') }]);
});

test('any text is understood or refused with places in it, never with a crash', () => {
  const texts = paths.flatMap((path) => readFaultCase(path).files.map(({ text }) => text));
  const cut = fc.tuple(fc.constantFrom(...texts), fc.nat(), fc.nat({ max: 30 }), fc.nat());
  fc.assert(
    fc.property(cut, ([text, at, length, from]) => {
      const start = at % text.length;
      const moved = text.slice(from % text.length).slice(0, length);
      const damaged = `${text.slice(0, start)}${moved}${text.slice(start + length)}`;
      for (const { source, offset } of problemsOf([{ path: 'a.graphql', text: damaged }])) {
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThanOrEqual(source.body.length);
      }
    }),
    { seed: 3, numRuns: 1_500 },
  );
});

function problemsOf(files: readonly { readonly path: string; readonly text: string }[]) {
  try {
    parseSubgraphs(
      files.map(({ path, text }) => toSchemaFile(path, text)),
      none,
    );
    return [];
  } catch (error) {
    if (!(error instanceof SchemaFilesError)) throw error;
    return error.problems;
  }
}

test("the demo's own files have no problems", async () => {
  const files = await readSchemaFiles('schemas');
  const subgraphs = parseSubgraphs(files, none);
  expect(subgraphs.map(({ name }) => name)).toEqual(['orders', 'products', 'users']);
});
