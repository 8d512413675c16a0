import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toConfig, type ConfigInput } from '../../src/base/config.js';
import { createGateway } from '../../src/index.js';
import { blocksOf } from '../support/markdown.js';

const blocks = blocksOf(readFileSync(new URL('../../docs/rate-limits.md', import.meta.url), 'utf8'));

function shown(heading: string, language: string): string {
  const block = blocks.find((each) => each.heading === heading && each.language === language);
  if (block === undefined) throw new Error(`The page shows no ${language} below "${heading}".`);
  return block.text;
}

const limits = JSON.parse(shown('All operations', 'json')) as ConfigInput;

describe('the page on rate limits', () => {
  it('shows configurations that are accepted', () => {
    expect(toConfig(limits).rateLimits).toMatchObject({ operations: { max: 100 }, cost: { max: 5_000 } });
    const redis = JSON.parse(shown('Several gateways', 'json')) as ConfigInput;
    expect(toConfig(redis).redis).toMatchObject({ keyPrefix: 'shop:', timeout: 50 });
  });

  it('shows a field, and an answer, as they are', async () => {
    const source = 'extend schema @source(name: "users", http: { baseURL: "http://127.0.0.1:1" })';
    const gateway = await createGateway({
      files: {
        'users.graphql': `${source} type Query { now: String @connect(source: "users", http: { GET: "/" }, selection: "$") } ${shown('A field', 'graphql')}`,
      },
      config: { log: 'silent', rateLimits: { operations: limits.rateLimits!.operations! } },
    });
    const { url, close } = await gateway.serve({ port: 0 });
    onTestFinished(async () => {
      await close();
      await gateway.close();
    });
    const ask = () =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ __typename }"}',
      });
    for (let many = 0; many < 100; many += 1) await ask();
    const { status, headers } = await ask();
    const [first, ...lines] = shown('All operations', '').split('\n');
    expect(first).toBe(`HTTP/1.1 ${status} Too Many Requests`);
    const seconds = headers.get('retry-after') ?? '';
    for (const line of lines) {
      const [name = '', value = ''] = line.split(': ');
      expect(headers.get(name)).toBe(value.replace('42', seconds));
    }
  });
});
