import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSchema } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readTrustedDocuments } from '../../src/policy/trusted-documents.js';

/** A folder with these files, until the test's end. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The path of a manifest with this text. */
function manifestOf(content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
  return join(folderWith({ 'manifest.json': text }), 'manifest.json');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const apollo = (...operations: unknown[]) => ({
  format: 'apollo-persisted-query-manifest',
  version: 1,
  operations,
});

describe('a folder', () => {
  const text = 'query Hello {\n    hello # a remark\n}';

  test('gives documents by their paths and by the hashes of the forms in which clients send them', async () => {
    const documents = await readTrustedDocuments(
      folderWith({
        'Hello.graphql': `${text}\n`,
        'shop/cart.gql': '{ cart }',
        'README.md': 'not a document',
      }),
    );
    expect(documents.documents.map(({ id, name }) => [id, name])).toEqual([
      ['Hello', 'Hello'],
      ['shop/cart', 'shop/cart'],
    ]);
    expect(documents.find('Hello')).toBe(`${text}\n`);
    for (const form of [text, `${text}\n`, 'query Hello {\n  hello\n}']) {
      expect(documents.find(sha256(form))).toBe(form);
      expect(documents.holds(sha256(form))).toBe(true);
    }
    expect(documents.find(sha256('query Hello { hello }'))).toBeUndefined();
    expect(documents.holds(sha256('Hello'))).toBe(false);
  });

  test('is read as a mounted ConfigMap has it: links to files in a hidden folder', async () => {
    const folder = folderWith({ '..data/Hello.graphql': text, '.Hello.graphql.swp': 'x' });
    symlinkSync(join(folder, '..data/Hello.graphql'), join(folder, 'Hello.graphql'));
    expect((await readTrustedDocuments(folder)).documents.map(({ id }) => id)).toEqual(['Hello']);
  });

  test('of which every file has a fault is refused with each fault at its place', async () => {
    const folder = folderWith({
      'broken.graphql': 'query Broken {\n  hello(\n}',
      'part.graphql': 'fragment Part on Query { hello }',
      'types.graphql': 'type Query { hello: String }',
    });
    const error = await readTrustedDocuments(folder).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'TrustedDocumentsError', code: 'TRUSTED_DOCUMENTS_INVALID' });
    const { message } = error as Error;
    expect(message).toMatch(/^TRUSTED_DOCUMENTS_INVALID {2}3 problems in 3 files/);
    expect(message).toContain('broken.graphql:3:1  INVALID_DOCUMENT');
    expect(message).toContain('The document "part" has no operation.');
    expect(message).toContain('The document "types" has no operation.');
  });

  test('without documents, and a path that is not there, are refused', async () => {
    const folder = folderWith({ 'README.md': '' });
    await expect(readTrustedDocuments(folder)).rejects.toThrow('There is no document in');
    await expect(readTrustedDocuments(join(folder, 'no.json'))).rejects.toThrow(
      'no.json cannot be read: it does not',
    );
  });
});

describe('a manifest', () => {
  test("of Apollo's format gives documents by id and by hash", async () => {
    const operations = [
      { id: 'a1', name: 'A', type: 'query', body: 'query A { hello }' },
      { id: 'b1', name: 'B', type: 'mutation', body: 'mutation B { touch }', clientName: 'web' },
      { id: 'b1', name: 'B', type: 'mutation', body: 'mutation B { touch }', clientName: 'app' },
    ];
    const documents = await readTrustedDocuments(manifestOf(apollo(...operations)));
    expect(documents.find('a1')).toBe('query A { hello }');
    expect(documents.find(sha256('mutation B { touch }'))).toBe('mutation B { touch }');
  });

  test('that is an object of texts by id gives the same', async () => {
    const documents = await readTrustedDocuments(
      manifestOf({ a1: 'query A { hello }', constructor: '{ hello }' }),
    );
    expect(documents.find('a1')).toBe('query A { hello }');
    expect(documents.find('constructor')).toBe('{ hello }');
    expect(documents.find('toString')).toBeUndefined();
    expect(documents.find('__proto__')).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['that is no JSON', '{\n  "a": "{ hello }",\n  b: 1\n}', 'manifest.json:3:3  INVALID_JSON'],
    ['that ends too early', '{"a": "{ hello }"', 'manifest.json:1:18  INVALID_JSON'],
    ['behind which something stands', '{"a": "{ hello }"} x', 'manifest.json:1:20  INVALID_JSON'],
    ['with an escape that is none', '{"a": "\\x"}', 'manifest.json:1:7  INVALID_JSON'],
    ['nested without end', '['.repeat(100_000), 'manifest.json:1:66  INVALID_JSON'],
    ['that is a list', [], 'A manifest is an object.\n'],
    [
      'of another format',
      { format: 'other', operations: [] },
      '"format" must be "apollo-persisted-query-manifest".',
    ],
    ['of another version', { ...apollo(), version: 2 }, '"version" must be 1.'],
    ['without operations', { ...apollo(), operations: undefined }, '"operations" is missing here.'],
    ['with operations that are no list', { ...apollo(), operations: {} }, '"operations" must be a list.'],
    ['with an operation that is none', apollo('x'), 'An operation must be an object with "id" and "body".'],
    ['with an operation without id', apollo({ body: '{ hello }' }), '"id" is missing here.'],
    ['with a body that is no text', apollo({ id: 'a', body: 1 }), '"body" must be a text that is not empty.'],
    ['with a member that comes twice', '{"format":"x","format":"y"}', '"format" comes twice.'],
    ['with a document that is no text', { a: { body: '' } }, 'A document must be a text that is not empty.'],
    ['with an empty id', { '': '{ hello }' }, 'The id of a document is empty.'],
    [
      'with one id for two documents',
      '{"a":"{ hello }","a":"{ bye }"}',
      'The id "a" stands for two documents.',
    ],
    [
      'with a document that is not GraphQL',
      { a: 'query A {\n  hello(\n}' },
      'The document "a" is not GraphQL. Syntax Error: Expected Name, found "}", in its line 3, column 1.\n',
    ],
  ])('%s is refused', async (_, content, expected) => {
    const reading = readTrustedDocuments(manifestOf(content));
    await expect(reading).rejects.toThrow(expected);
    await expect(reading).rejects.toThrow(/manifest\.json:\d+:\d+ {2}[A-Z_]+\n/);
  });
});

test('documents that do not fit the schema are known, and why', async () => {
  const documents = await readTrustedDocuments(manifestOf({ a: 'query A { hello }', b: 'query B { helo }' }));
  const misfits = documents.misfits(buildSchema('type Query { hello: String }'));
  expect(misfits.map(({ document, reason }) => [document.name, reason])).toEqual([
    ['B', 'Cannot query field "helo" on type "Query". Did you mean "hello"?'],
  ]);
});
