import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Log, LogFacts } from '../../src/base/log.js';
import { createAdmission, type AdmissionOptions } from '../../src/policy/admission.js';
import { createMemoryStore, longestKept, type DocumentStore } from '../../src/policy/document-store.js';
import { createQueryLimits } from '../../src/policy/query-limits/query-limits.js';
import { readTrustedDocuments, type TrustedDocuments } from '../../src/policy/trusted-documents.js';
import type { Served, ServeOptions } from '../../src/server/serve.js';
import { Feed, feedExecutable, until } from './feed.js';
import { post, start, touches, type Body } from './support.js';

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The extension of the protocol of automatic persisted queries. */
function hashed(sha256Hash: unknown, version: unknown = 1) {
  return { persistedQuery: { version, sha256Hash } };
}

async function startWith(admission: AdmissionOptions, options: Partial<ServeOptions> = {}): Promise<Served> {
  return start({ admit: createAdmission(admission), ...options });
}

/** A store in memory that counts what it is given. */
function countingStore(): DocumentStore & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    find: async (hash) => kept.get(hash),
    keep: async (hash, text) => void kept.set(hash, text),
  };
}

const preflighted = { 'apollo-require-preflight': '1' };

async function get(served: Served, parameters: Record<string, string>, headers: object = preflighted) {
  const search = new URLSearchParams(parameters).toString();
  const response = await fetch(`${served.url}/graphql?${search}`, { headers: { ...headers } });
  return { status: response.status, body: (await response.json()) as Body };
}

async function events(served: Served, body: object): Promise<unknown> {
  const response = await fetch(`${served.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(body),
  });
  return JSON.parse(/^data: (.+)$/m.exec(await response.text())?.[1] ?? 'null');
}

/** The first answer to a payload over a WebSocket of its own. */
async function overWebSocket(served: Served, payload: object): Promise<{ type: string; payload: unknown }> {
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/graphql`, 'graphql-transport-ws');
  onTestFinished(() => socket.terminate());
  const messages: { type: string; payload: unknown }[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as never));
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await until(() => messages.length > 0);
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
  await until(() => messages.length > 1);
  return messages[1]!;
}

const hello = '{ hello }';
const world = { data: { hello: 'world' } };
const notFound = {
  errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
};
const badRequest = { errors: [{ extensions: { code: 'BAD_REQUEST' } }] };

describe('automatic persisted queries', () => {
  const register = { query: hello, extensions: hashed(sha256(hello)) };
  const hashOnly = { extensions: hashed(sha256(hello)) };

  test('are asked for by hash once they have been sent, over every transport', async () => {
    const served = await startWith({ store: createMemoryStore({ maxEntries: 10, maxBytes: 10_000 }) });
    expect(await post(served, hashOnly)).toMatchObject({ status: 200, body: notFound });
    expect((await post(served, register)).body).toEqual(world);
    expect((await post(served, hashOnly)).body).toEqual(world);
    expect((await post(served, { documentId: `sha256:${sha256(hello)}` })).body).toEqual(world);
    expect((await get(served, { extensions: JSON.stringify(hashOnly.extensions) })).body).toEqual(world);
    expect(await events(served, hashOnly)).toEqual(world);
    expect(await overWebSocket(served, { query: '', ...hashOnly })).toMatchObject({
      type: 'next',
      payload: world,
    });
  });

  test.each<[string, (served: Served) => Promise<unknown>]>([
    ['GET', (served) => get(served, { query: hello, extensions: JSON.stringify(register.extensions) })],
    ['events', (served) => events(served, register)],
    ['a WebSocket', (served) => overWebSocket(served, register)],
  ])('can be sent by %s', async (_, send) => {
    const store = countingStore();
    const served = await startWith({ store });
    await send(served);
    expect([...store.kept]).toEqual([[sha256(hello), hello]]);
  });

  test('that are unknown are told in the way that makes clients send them, over every transport', async () => {
    const served = await startWith({ store: countingStore() });
    expect(await events(served, hashOnly)).toMatchObject(notFound);
    expect((await get(served, { extensions: JSON.stringify(hashOnly.extensions) })).body).toMatchObject(
      notFound,
    );
    expect(await overWebSocket(served, { query: '', ...hashOnly })).toMatchObject({
      type: 'next',
      payload: notFound,
    });
  });

  test('by GET are for those who cannot be another site', async () => {
    const store = countingStore();
    const served = await startWith({ store });
    const parameters = { query: hello, extensions: JSON.stringify(register.extensions) };
    expect((await get(served, parameters, {})).status).toBe(400);
    expect(store.kept.size).toBe(0);
    const touch = 'mutation { touch }';
    const before = touches();
    store.kept.set(sha256(touch), touch);
    expect((await get(served, { extensions: JSON.stringify(hashed(sha256(touch))) })).status).toBe(405);
    expect(touches()).toBe(before);
  });

  test.each([
    ['the hash of another text', hello, hashed(sha256('{ caller }'))],
    ['a hash in capitals', hello, hashed(sha256(hello).toUpperCase())],
    ['no text as hash', hello, hashed({ toString: 'x' })],
    ['an empty hash', hello, hashed('')],
    ['another version', hello, hashed(sha256(hello), 2)],
    ['a list in its place', hello, { persistedQuery: [] }],
    ['a document nobody can parse', '{ hello', hashed(sha256('{ hello'))],
    ['a document that does not fit the schema', '{ nope }', hashed(sha256('{ nope }'))],
    ['a document of too many tokens', `{ ${'hello '.repeat(200)} }`, undefined],
    ['another documentId', hello, hashed(sha256(hello)), 'sha256:abc'],
  ])('with %s are 400 and not kept', async (_, query, extensions, documentId?: string) => {
    const store = countingStore();
    const served = await startWith(
      { store },
      { queryLimits: createQueryLimits({ limits: { maxTokens: 100 } }) },
    );
    const body = {
      query,
      extensions: extensions ?? hashed(sha256(query)),
      ...(documentId && { documentId }),
    };
    expect((await post(served, body)).status).toBe(400);
    expect(store.kept.size).toBe(0);
    expect((await post(served, hashOnly)).body).toMatchObject(notFound);
  });

  test('with another text under a hash that is known are refused, and the first one stays', async () => {
    const served = await startWith({ store: createMemoryStore({ maxEntries: 10, maxBytes: 10_000 }) });
    await post(served, register);
    const other = await post(served, { query: '{ caller }', extensions: hashOnly.extensions });
    expect(other).toMatchObject({ status: 400, body: badRequest });
    expect((await post(served, hashOnly)).body).toEqual(world);
  });

  test('too long to be kept are answered', async () => {
    const store = countingStore();
    const query = `# ${'a'.repeat(longestKept)}\n${hello}`;
    const queryLimits = createQueryLimits({ limits: { maxTokens: 15_000 } });
    const served = await startWith({ store }, { queryLimits });
    expect((await post(served, { query, extensions: hashed(sha256(query)) })).body).toEqual(world);
    expect(store.kept.size).toBe(0);
  });

  test('that a store gives wrongly are not found', async () => {
    const store = countingStore();
    store.kept.set(sha256(hello), 'mutation { touch }');
    expect((await post(await startWith({ store }), hashOnly)).body).toMatchObject(notFound);
  });

  test('without a hash are no reason to keep a document', async () => {
    const store = countingStore();
    await post(await startWith({ store }), { query: hello });
    expect(store.kept.size).toBe(0);
  });

  test('that are off are told so, and their texts are answered', async () => {
    const served = await start();
    expect(await post(served, hashOnly)).toMatchObject({
      status: 200,
      body: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } }] },
    });
    expect((await post(served, register)).body).toEqual(world);
  });

  test('name documents, and nothing of who sent them', async () => {
    const served = await startWith({ store: createMemoryStore({ maxEntries: 10, maxBytes: 10_000 }) });
    const query = 'query ($text: String) { caller echo(text: $text) }';
    const extensions = hashed(sha256(query));
    const first = { authorization: 'Bearer first' };
    await post(served, { query, extensions, variables: { text: 'mine' } }, first);
    expect((await post(served, { extensions })).body.data).toEqual({ caller: null, echo: null });
    expect((await post(served, { extensions }, first)).body.data).toEqual({ caller: 'first', echo: null });
    expect((await post(served, { extensions }, { authorization: 'Bearer bad' })).status).toBe(401);
  });

  test('are kept within bounds, those that were asked for last', async () => {
    const store = createMemoryStore({ maxEntries: 3, maxBytes: 2_000 });
    for (const text of ['a', 'b', 'c', 'd']) await store.keep(text, text);
    expect(await Promise.all(['a', 'b', 'd'].map((text) => store.find(text)))).toEqual([undefined, 'b', 'd']);
    await store.keep('long', 'x'.repeat(900));
    expect(await store.find('long')).toHaveLength(900);
    expect(await Promise.all(['b', 'c'].map((text) => store.find(text)))).toEqual(['b', undefined]);
    await store.keep('too long', 'x'.repeat(1_001));
    expect(await store.find('too long')).toBeUndefined();
  });
});

describe('trusted documents', () => {
  const manifest = {
    hello: '{ hello }',
    caller: 'query Caller { caller }',
    touch: 'mutation { touch }',
    echo: 'query Echo($text: String) { echo(text: $text) }',
    gone: '{ gone }',
    ticks: 'subscription { ticks }',
    long: `{ hello } # ${'a'.repeat(50_000)}`,
  };

  async function trusted(): Promise<TrustedDocuments> {
    const folder = mkdtempSync(join(tmpdir(), 'backstitch-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    return readTrustedDocuments(join(folder, 'manifest.json'));
  }

  const enforced = async (more: AdmissionOptions = {}) =>
    startWith({ trusted: await trusted(), mode: 'enforce', ...more });

  test.each<[string, object]>([
    ['documentId', { documentId: 'hello' }],
    ['documentId with its hash', { documentId: `sha256:${sha256(hello)}` }],
    ['the hash of automatic persisted queries', { extensions: hashed(sha256(hello)) }],
    ['an id in the place of that hash', { extensions: hashed('hello') }],
    ['doc_id', { doc_id: 'hello' }],
    ['id', { id: 'hello' }],
    ['its text', { query: hello }],
    ['its text and a line break', { query: `${hello}\n` }],
    ['its text as it is printed', { query: '{\n  hello\n}' }],
    ['its text and its id', { query: hello, documentId: 'hello' }],
    ['its text and its id in the place of the hash', { query: hello, extensions: hashed('hello') }],
    ['its text and an id of somebody else', { query: hello, id: 'caller' }],
  ])('are known by %s', async (_, body) => {
    expect((await post(await enforced(), body)).body).toEqual(world);
  });

  test.each<[string, object]>([
    ['another text', { query: '{ hello caller }' }],
    ['a text that differs by a space', { query: '{  hello }' }],
    ['no GraphQL', { query: '{' }],
    ['an unknown id', { documentId: 'nobody' }],
    ['an unknown hash', { extensions: hashed(sha256('{ caller }')) }],
    ['an unknown text with its hash', { query: '{ caller }', extensions: hashed(sha256('{ caller }')) }],
    ['the id of a prototype', { documentId: '__proto__' }],
    ['introspection', { query: '{ __schema { queryType { name } } }' }],
  ])('alone are run: %s is refused', async (_, body) => {
    const store = countingStore();
    store.kept.set(sha256('{ caller }'), '{ caller }');
    const { status, body: answer } = await post(await enforced({ store }), body);
    expect(answer.errors.map(({ extensions }) => extensions)).toEqual([{ code: 'DOCUMENT_NOT_TRUSTED' }]);
    expect([status, store.kept.size]).toEqual([400, 1]);
  });

  test.each<[string, object]>([
    ['the text of another', { query: '{ hello }', documentId: 'caller' }],
    ['another text and a hash', { query: '{ hello }', extensions: hashed(sha256(manifest.caller)) }],
    ['a documentId that is no text', { documentId: 5 }],
    ['an empty documentId', { documentId: '' }],
    ['an id that is no text', { id: 5 }],
    ['two ids', { documentId: 'hello', extensions: hashed('caller') }],
  ])('with %s are 400', async (_, body) => {
    expect(await post(await enforced(), body)).toMatchObject({ status: 400, body: badRequest });
  });

  test('take variables and the name of an operation', async () => {
    const served = await enforced();
    const body = { documentId: 'echo', operationName: 'Echo', variables: { text: 'hi' } };
    expect((await post(served, body)).body).toEqual({ data: { echo: 'hi' } });
    const variables = JSON.stringify(body.variables);
    expect((await get(served, { documentId: 'echo', operationName: 'Echo', variables })).body.data).toEqual({
      echo: 'hi',
    });
    const twice = await fetch(`${served.url}/graphql?documentId=echo&documentId=touch`, {
      headers: preflighted,
    });
    expect(twice.status).toBe(400);
  });

  test('are enforced over every transport', async () => {
    const feed = new Feed();
    const served = await startWith(
      { trusted: await trusted(), mode: 'enforce' },
      { executable: feedExecutable(feed) },
    );
    const refused = { code: 'DOCUMENT_NOT_TRUSTED' };
    const free = 'subscription Free { ticks }';
    expect(await events(served, { query: free })).toMatchObject({ errors: [{ extensions: refused }] });
    expect(await overWebSocket(served, { query: free })).toMatchObject({
      type: 'error',
      payload: [{ extensions: refused }],
    });
    expect((await get(served, { query: '{ caller }' })).body.errors[0]?.extensions).toEqual(refused);
    expect(feed.opened).toBe(0);
    const answer = overWebSocket(served, { query: '', documentId: 'ticks' });
    await feed.awaited();
    feed.push(1);
    expect(await answer).toMatchObject({ type: 'next', payload: { data: { ticks: 1 } } });
  });

  test('are held to the schema, the limits, the token and the method as others are', async () => {
    const served = await enforced();
    expect(await post(served, { documentId: 'gone' })).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    });
    expect((await post(served, { documentId: 'hello' }, { authorization: 'Bearer bad' })).status).toBe(401);
    const queryLimits = createQueryLimits({ limits: { maxTokens: 100 } });
    const limited = await startWith({ trusted: await trusted() }, { queryLimits });
    expect((await post(limited, { documentId: 'long' })).body.errors[0]?.extensions['code']).toBe(
      'QUERY_TOO_LONG',
    );
    expect((await get(served, { documentId: 'touch' })).status).toBe(405);
    expect((await get(served, { documentId: 'hello' }, {})).status).toBe(400);
  });

  test('that are only logged let others through, each named once when it has been answered', async () => {
    const lines: [LogFacts, string][] = [];
    const warn: Log['warn'] = (facts, message) => lines.push([facts, message]);
    const log = { info: warn, error: warn, warn };
    const served = await startWith({ trusted: await trusted(), mode: 'log', store: countingStore(), log });
    const query = 'query Free { hello }';
    for (const body of [
      { query },
      { query },
      { documentId: 'hello' },
      { query: '{ nope }' },
      { query: '{' },
    ]) {
      await post(served, body);
    }
    expect((await post(served, { query })).body).toEqual(world);
    expect(lines.map(([facts]) => facts)).toEqual([
      { code: 'DOCUMENT_NOT_TRUSTED', document: sha256(query), operation: 'Free' },
    ]);
    // Clients of automatic persisted queries go on as before, also where only their hash is known.
    expect((await post(served, { extensions: hashed(sha256('{ caller }')) })).body).toMatchObject(notFound);
    await post(served, { query: '{ caller }', extensions: hashed(sha256('{ caller }')) });
    expect((await post(served, { extensions: hashed(sha256('{ caller }')) })).body).toEqual({
      data: { caller: null },
    });
    expect(lines).toHaveLength(2);
  });

  test('that are only logged fill the log with no more than a thousand others', async () => {
    let lines = 0;
    const log = {
      info: () => undefined,
      error: () => undefined,
      warn: () => {
        lines++;
      },
    };
    const admit = createAdmission({ trusted: await trusted(), mode: 'log', log });
    for (let i = 0; i < 3_000; i++) (await admit({ text: `{ f${i} }` })).onAccepted?.(undefined);
    expect(lines).toBe(1_001);
  });

  test('whose mode is off are served, and so is everything else, without a word', async () => {
    const served = await startWith({ trusted: await trusted() });
    expect((await post(served, { documentId: 'hello' })).body).toEqual(world);
    expect((await post(served, { query: '{ hello caller }' })).body.data).toEqual({
      hello: 'world',
      caller: null,
    });
    expect((await post(served, { documentId: 'nobody' })).body).toMatchObject(notFound);
  });
});
