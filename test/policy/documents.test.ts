import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readConfigFile, toConfig, type ConfigInput } from '../../src/base/config.js';
import type { LogFacts } from '../../src/base/log.js';
import { run } from '../../src/cli/run.js';
import { createGateway } from '../../src/gateway.js';
import { hashOf } from '../../src/policy/trusted-documents.js';
import { startRest } from '../support/rest.js';
import { startRedis, whyNoRedis, withRedis } from '../support/redis.js';

const schema = (url: string) => `
  extend schema @source(name: "greetings", http: { baseURL: "${url}" })
  type Query { hello: String @connect(source: "greetings", http: { GET: "/hello" }, selection: "$.text") }
`;

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A gateway of one field, and what it wrote to its log. */
async function startGateway(config: ConfigInput) {
  const backend = await startRest(new Map([['GET /hello', { body: '{"text":"world"}' }]]));
  const lines: [LogFacts, string][] = [];
  const write = (facts: LogFacts, message: string): void => void lines.push([facts, message]);
  const gateway = await createGateway({
    files: { 'greetings.graphql': schema(backend.url) },
    config,
    log: { info: write, warn: write, error: write },
  });
  const served = await gateway.serve({ port: 0 });
  onTestFinished(async () => {
    await served.close();
    await gateway.close();
    await backend.close();
  });
  const post = async (body: object): Promise<unknown> => {
    const response = await fetch(`${served.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  return { gateway, post, lines, calls: backend.calls };
}

const world = { data: { hello: 'world' } };
const hello = '{ hello }';
const hashOnly = { extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(hello) } } };
const refused = (code: string) => ({ errors: [{ extensions: { code } }] });

describe('a gateway', () => {
  test('runs its trusted documents alone, and warns at its start of those that do not fit the schema', async () => {
    const path = folderWith({ 'Hello.graphql': hello, 'Old.graphql': 'query Old { bye }' });
    const { post, lines, calls, gateway } = await startGateway({ trustedDocuments: { path } });
    expect(lines).toEqual([
      [
        { code: 'GRAPHQL_VALIDATION_FAILED', file: join(path, 'Old.graphql'), operation: 'Old' },
        'a trusted document does not fit the schema, and is refused: Cannot query field "bye" on type "Query".',
      ],
    ]);
    expect(await post({ query: 'query Free { hello }' })).toMatchObject(refused('DOCUMENT_NOT_TRUSTED'));
    expect(await post({ documentId: 'Old' })).toMatchObject(refused('GRAPHQL_VALIDATION_FAILED'));
    expect(calls).toEqual([]);
    expect(await post({ documentId: 'Hello' })).toEqual(world);
    // The program that holds the gateway is trusted by itself.
    expect(await gateway.ask({ query: 'query Free { hello }' })).toEqual(world);
  });

  test('names a few of many documents that do not fit', async () => {
    const manifest = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`d${i}`, `{ old${i} }`]));
    const path = join(folderWith({ 'manifest.json': JSON.stringify(manifest) }), 'manifest.json');
    const { lines } = await startGateway({ trustedDocuments: { path, mode: 'log' } });
    expect([lines.length, lines.at(-1)?.[1]]).toEqual([21, 'so are 10 more trusted documents']);
  });

  test('keeps what clients of automatic persisted queries send, unless told not to', async () => {
    const { post } = await startGateway({});
    expect(await post(hashOnly)).toMatchObject(refused('PERSISTED_QUERY_NOT_FOUND'));
    expect(await post({ query: hello, ...hashOnly })).toEqual(world);
    expect(await post(hashOnly)).toEqual(world);
    const off = await startGateway({ persistedQueries: { store: 'off' } });
    expect(await off.post(hashOnly)).toMatchObject(refused('PERSISTED_QUERY_NOT_SUPPORTED'));
  });

  test.skipIf(whyNoRedis !== undefined)(withRedis('shares them with others in Redis'), async () => {
    const { url } = await startRedis();
    const config = { redis: { url, timeout: '2s' }, persistedQueries: { store: 'redis' } } as const;
    const one = await startGateway(config);
    const other = await startGateway(config);
    expect(await one.post({ query: hello, ...hashOnly })).toEqual(world);
    await vi.waitFor(async () => expect(await other.post(hashOnly)).toEqual(world));
  });
});

describe('the configuration', () => {
  test('has defaults that are safe', () => {
    const { persistedQueries, trustedDocuments } = toConfig({ trustedDocuments: { path: 'documents' } });
    expect(persistedQueries).toEqual({
      store: 'memory',
      maxEntries: 10_000,
      maxBytes: 30_000_000,
      ttl: 86_400_000,
    });
    expect(trustedDocuments).toEqual({ path: 'documents', mode: 'enforce' });
    expect(toConfig({}).trustedDocuments).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['a mode', { trustedDocuments: { path: 'a', mode: 'strict' } }, '"trustedDocuments.mode"'],
    ['a misspelt key', { trustedDocuments: { paht: 'a' } }, '"trustedDocuments.paht". Did you mean "path"?'],
    ['a store', { persistedQueries: { store: 'disk' } }, '"persistedQueries.store"'],
    ['a misspelt limit', { persistedQueries: { maxEntrys: 5 } }, 'Did you mean "maxEntries"'],
    ['an origin with a path', { corsOrigins: ['https://a.example/'] }, 'is not an exact origin'],
    ['any origin', { corsOrigins: ['*'] }, 'is not an exact origin'],
  ])('with %s that is none is refused', (_, input, expected) => {
    expect(() => toConfig(input as ConfigInput)).toThrow(expected);
  });

  test('with a store in a Redis that nobody names is refused', async () => {
    const gateway = startGateway({ persistedQueries: { store: 'redis' } });
    await expect(gateway).rejects.toThrow('"persistedQueries.store" is "redis", but "redis" is not there');
  });

  test('in a file names documents from where it is', async () => {
    const folder = folderWith({
      'backstitch.config.json': '{"trustedDocuments":{"path":"documents","mode":"log"}}',
    });
    const { trustedDocuments } = await readConfigFile(join(folder, 'backstitch.config.json'));
    expect(trustedDocuments).toEqual({ path: join(folder, 'documents'), mode: 'log' });
  });
});

test('documents with faults end the start with 1, and their places', async () => {
  const folder = folderWith({
    'greetings.graphql': schema('http://127.0.0.1:1'),
    'manifest.json': '{\n  "a": "{ hello"\n}',
    'backstitch.config.json': '{"trustedDocuments":{"path":"manifest.json"}}',
  });
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const code = await run(['start', '--schemas', folder, '--config', join(folder, 'backstitch.config.json')]);
  expect(code).toBe(1);
  expect(written.mock.calls.join('')).toMatch(
    /TRUSTED_DOCUMENTS_INVALID[^]*manifest\.json:2:8 {2}INVALID_DOCUMENT/,
  );
});
