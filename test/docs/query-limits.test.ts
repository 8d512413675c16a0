import { readFileSync } from 'node:fs';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toConfig, type ConfigInput } from '../../src/base/config.js';
import { errorCodes } from '../../src/base/errors.js';
import { createGateway, type Gateway } from '../../src/index.js';
import { createCosts } from '../../src/policy/query-limits/cost.js';
import { codeOf, type LimitName } from '../../src/policy/query-limits/limits.js';
import { readWeights } from '../../src/policy/query-limits/weights.js';
import { blocksOf } from '../support/markdown.js';

const text = readFileSync('docs/query-limits.md', 'utf8');
const blocks = blocksOf(text);
const cells = [...text.matchAll(/^\| `(.+?)` +\| (.+?) +\|(?: .*? +\| (.*?) +\|)?$/gm)].map((row) =>
  row.slice(1),
);

function block(language: string): string {
  const found = blocks.find((each) => each.language === language);
  if (found === undefined) throw new Error(`docs/query-limits.md has no block in ${language}.`);
  return found.text;
}

describe('docs/query-limits.md', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await createGateway({ files: { 'shop.graphql': block('graphql') }, config: { log: 'silent' } });
  });
  afterAll(() => gateway.close());

  test('lists all keys with their defaults', () => {
    const listed = cells.filter(([, , code]) => code !== undefined);
    const defaults = Object.fromEntries(
      listed.map(([key, value]) => [key, JSON.parse(value ?? '') as unknown]),
    );
    expect(defaults).toEqual(toConfig({}).limits);
  });

  test('lists the codes of limits', () => {
    const limited = cells.filter(([, , code]) => code !== undefined && code !== '');
    const codes = limited.map(([key, , code]) => [key, code?.replaceAll('`', '')]);
    expect(codes).toEqual(limited.map(([key]) => [key, codeOf(key as LimitName)]));
    expect(Object.keys(errorCodes)).toEqual(expect.arrayContaining(codes.map(([, code]) => code)));
  });

  test('shows a configuration that is taken', () => {
    expect(toConfig(JSON.parse(block('json')) as ConfigInput).limits).toEqual(toConfig({}).limits);
  });

  test('says what queries cost', () => {
    const costs = createCosts(gateway.schema, readWeights(gateway.subgraphs), 10);
    const queries = cells.filter(([query]) => query?.startsWith('{'));
    expect(queries).toHaveLength(2);
    for (const [query = '', cost] of queries) {
      expect([query, costs.costOf({ document: parse(query) })]).toEqual([query, Number(cost)]);
    }
  });
});
