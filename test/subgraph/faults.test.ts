import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSchemaFiles } from '../../src/subgraph/read.js';
import { parseSubgraphs } from '../../src/subgraph/validate.js';
import { printed, readFaultCase, updateFaultCase } from './fault-case.js';

const folder = 'test/subgraph/faults';
const paths = readdirSync(folder).map((name) => `${folder}/${name}`);

test.each(paths.map((path) => [readFaultCase(path).title, path]))('%s (%s)', (_, path) => {
  const fault = readFaultCase(path);
  const text = printed(fault);
  if (process.env['UPDATE_CASES'] !== undefined) updateFaultCase(path, text);
  else expect(text).toBe(fault.expected);
});

test('no message shows a stack', () => {
  for (const path of paths) expect(printed(readFaultCase(path))).not.toMatch(/^\s+at .*:\d+:\d+/m);
});

test("the demo's own files have no problems", async () => {
  const files = await readSchemaFiles('schemas');
  const subgraphs = parseSubgraphs(files, { environment: {}, config: {}, policies: [] });
  expect(subgraphs.map(({ name }) => name)).toEqual(['orders', 'products', 'users']);
});
