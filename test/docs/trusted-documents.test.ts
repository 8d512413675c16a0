import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toConfig, type ConfigInput } from '../../src/base/config.js';
import { createGateway } from '../../src/gateway.js';
import { longestKept } from '../../src/policy/document-store.js';
import { readTrustedDocuments } from '../../src/policy/trusted-documents.js';
import { blocksOf } from '../support/markdown.js';
import { startRest } from '../support/rest.js';
import { rowsWith } from './tables.js';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/trusted-documents.md', import.meta.url), 'utf8');
const blocks = blocksOf(page);

/** The blocks of the page in a language, under a heading, in order. */
function shown(heading: string, language: string): string[] {
  const texts = blocks.filter((each) => each.heading === heading && each.language === language);
  if (texts.length === 0) throw new Error(`The page shows no ${language} below "${heading}".`);
  return texts.map(({ text }) => text);
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const schema = (url: string) => `
  extend schema @source(name: "shop", http: { baseURL: "${url}" })
  type Query {
    product(id: ID!): Product @connect(source: "shop", http: { GET: "/products/{$args.id}" }, selection: "name")
  }
  type Product { name: String }
`;

/** The shop of the examples, with these documents. */
async function startShop(trustedDocuments: ConfigInput['trustedDocuments']): Promise<number> {
  const backend = await startRest(new Map([['GET /products/p-01', { body: '{"name":"Quilting thread"}' }]]));
  const gateway = await createGateway({
    files: { 'shop.graphql': schema(backend.url) },
    config: { log: 'silent', trustedDocuments },
  });
  const served = await gateway.serve({ port: 0 });
  onTestFinished(async () => {
    await served.close();
    await gateway.close();
    await backend.close();
  });
  return served.port;
}

async function post(port: number, body: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const variables = { id: 'p-01' };

describe('the page about trusted documents', () => {
  it.skipIf(!hasCurl)('asks for the document of its folder with its curl, and shows the answer', async () => {
    const [document = ''] = shown('A folder', 'graphql');
    const file = /^# (\S+)/.exec(document)?.[1] ?? '';
    const folder = folderWith({ [file]: document });
    const config = JSON.parse(shown('Trusted documents', 'json')[0] ?? '') as ConfigInput;
    const path = join(folder, toConfig(config).trustedDocuments?.path ?? '');
    const port = await startShop({ ...config.trustedDocuments, path });
    const [curl = ''] = shown('Asking by name', 'sh');
    const { stdout } = await run('sh', ['-c', `${curl.replace('localhost:4000', `127.0.0.1:${port}`)} -s`]);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(shown('Asking by name', 'json')[0] ?? ''));
    expect(await post(port, { query: '{ product(id: "p-01") { name } }' })).toMatchObject({
      errors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }],
    });
  });

  it.each(shown('A manifest', 'json').map((text) => [text]))(
    'shows a manifest that is read: %s',
    async (text) => {
      const path = join(folderWith({ 'documents.json': text }), 'documents.json');
      const port = await startShop({ path });
      const answer = { data: { product: { name: 'Quilting thread' } } };
      expect(await post(port, { documentId: '8b7b40f5d1f8b2e3', variables })).toEqual(answer);
      expect(await post(port, { doc_id: '8b7b40f5d1f8b2e3', variables })).toEqual(answer);
    },
  );

  it('shows a fault as it is printed', async () => {
    const folder = folderWith({ 'documents.json': '{\n  "8b7b40f5d1f8b2e3": "query Product {"\n}' });
    const error = await readTrustedDocuments(join(folder, 'documents.json')).catch(
      (thrown: unknown) => thrown as Error,
    );
    expect((error as Error).message.replace(`${folder}/`, '')).toBe(shown('A manifest', '')[0]);
  });

  it('has the options of persisted queries, with their defaults', () => {
    const { persistedQueries } = toConfig(
      JSON.parse(shown('Automatic persisted queries', 'json')[0] ?? '') as ConfigInput,
    );
    const given = toConfig({}).persistedQueries;
    expect(persistedQueries).toEqual(given);
    const options = rowsWith(page, 'option', 'default').map((row) => [
      row.get('option') ?? '',
      (row.get('default') ?? '').replaceAll(',', ''),
    ]);
    const { ttl, ...others } = given;
    expect(Object.fromEntries(options)).toEqual({
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)])),
      ttl: `${ttl / 3_600_000}h`,
    });
    expect(page).toContain(`${longestKept / 1_024} KB`);
  });

  it('has the modes', () => {
    const modes = rowsWith(page, 'mode').map((row) => row.get('mode'));
    for (const mode of modes) toConfig({ trustedDocuments: { path: 'a', mode: mode as 'off' } });
    expect(modes).toEqual(['enforce', 'log', 'off']);
    expect(toConfig({ trustedDocuments: { path: 'a' } }).trustedDocuments?.mode).toBe('enforce');
  });
});
