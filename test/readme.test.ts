import { readFileSync } from 'node:fs';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toConfig, type ConfigInput } from '../src/base/config.js';
import { createGateway } from '../src/index.js';
import { toSchemaFile } from '../src/subgraph/read.js';
import { parseSubgraph } from '../src/subgraph/parse.js';
import { blocksOf, type Block } from './support/markdown.js';
import { startShopFront, type ShopFront } from './support/shop.js';

const blocks = blocksOf(readFileSync('README.md', 'utf8'));

function find(language: string, text: string): Block {
  const block = blocks.find((each) => each.language === language && each.text.includes(text));
  if (block === undefined) throw new Error(`The README has no ${language} block with "${text}".`);
  return block;
}

let front: ShopFront;

beforeAll(async () => {
  front = await startShopFront();
});

afterAll(() => front.close());

describe('the README', () => {
  it('shows the answer to its curl', async () => {
    const curl = find('sh', 'curl').text;
    const headers = [...curl.matchAll(/-H '([^:]+): ([^']+)'/g)].map((match) => [
      match[1] ?? '',
      match[2] ?? '',
    ]);
    const body = /-d '([^']+)'/.exec(curl)?.[1] ?? '';
    const response = await fetch(`${front.url}/graphql`, {
      method: 'POST',
      headers: Object.fromEntries(headers) as Record<string, string>,
      body,
    });
    expect(await response.json()).toEqual(JSON.parse(find('json', '"me"').text));
  });

  it('begins with a schema file that loads', async () => {
    const { text } = find('graphql', '# schemas/users.graphql');
    const gateway = await createGateway({ files: { 'schemas/users.graphql': text } });
    expect(gateway.schema.getType('User')).toBeDefined();
    await gateway.close();
  });

  it('shows a fault as it is printed', async () => {
    const text = find('graphql', '# schemas/users.graphql').text.replace('$args.id', '$args.ident');
    const gateway = createGateway({ files: { 'schemas/users.graphql': text } });
    const shown = find('', 'SCHEMA_FILE_INVALID').text;
    await expect(gateway).rejects.toThrow(expect.objectContaining({ message: shown }) as Error);
  });

  it.each(blocks.filter((block) => block.language === 'graphql').map((block) => [block.text]))(
    'shows a schema file without faults: %s',
    (text) => {
      const { problems } = parseSubgraph(toSchemaFile('readme.graphql', text));
      const known = /^Unknown type "(Order|User|Product|Money)"/;
      expect(problems.filter((problem) => !known.test(problem.message))).toEqual([]);
      expect(() => parse(text)).not.toThrow();
    },
  );

  it('shows a configuration that is accepted', () => {
    const config = JSON.parse(find('json', '"jwt"').text) as ConfigInput;
    expect(toConfig(config).jwt).toHaveLength(1);
  });

  it('shows a program that runs', async () => {
    const program = find('ts', 'createGateway').text;
    const { environment } = front.shop;
    const body = program.replace(/^import .*$/m, '').replace('process.env', 'environment');
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the program is our own README's
    const run = new Function(
      'createGateway',
      'environment',
      `return (async () => { ${body}\nreturn { data, errors } })()`,
    ) as (...args: unknown[]) => Promise<unknown>;
    expect(await run(createGateway, environment)).toMatchObject({
      data: { product: { name: expect.any(String) as string } },
    });
  });
});
