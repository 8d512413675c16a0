import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'graphql';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RequestContext } from '../../../src/base/context.js';
import { openWire } from '../../../src/connectors/wire.js';
import { createReferenceExecutor } from '../../../src/execution/reference.js';
import { fileOf, json, open, startBackend, startSockets, type Answer } from './support.js';

const post = (url: string, query: string, signal?: AbortSignal, headers: Record<string, string> = {}) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });

async function serve(backend: string, file: string): Promise<string> {
  const gateway = await open(backend, file);
  const served = await gateway.serve({ port: 0 });
  onTestFinished(() => served.close());
  return served.url;
}

test('when the client goes, its queries are cancelled upstream', async () => {
  const backend = await startSockets(() => undefined);
  const url = await serve(backend.url, fileOf({ args: '(id: ID)', http: 'GET: "/u/{$args.id}"' }));
  const client = new AbortController();
  const asked = post(url, '{ a: go(id: 1) b: go(id: 2) }', client.signal).catch(() => 'gone');
  await vi.waitFor(() => expect(backend.counts.open).toBe(2));
  client.abort();
  expect(await asked).toBe('gone');
  await vi.waitFor(() => expect(backend.counts.open).toBe(0));
  expect(backend.counts.requests).toBe(2);
});

test('when the client goes, its mutation is let finish, once', async () => {
  let finished = 0;
  const backend = await startBackend((response, seen) => {
    response.on('close', () => (finished += response.writableFinished ? 1 : 0));
    setTimeout(() => json({})(response, seen), 100);
  });
  const url = await serve(backend.url, fileOf({ root: 'Mutation', http: 'POST: "/u"' }));
  const client = new AbortController();
  const asked = post(url, 'mutation { go }', client.signal).catch(() => 'gone');
  await vi.waitFor(() => expect(backend.seen).toHaveLength(1));
  client.abort();
  expect(await asked).toBe('gone');
  await vi.waitFor(() => expect(finished).toBe(1));
  await wait(50);
  expect(backend.seen).toHaveLength(1);
});

test('no call begins for a client that has gone', async () => {
  const backend = await startBackend();
  const wire = openWire(backend.url);
  onTestFinished(() => wire.close());
  const message = { method: 'GET', path: '/', headers: [] };
  const limits = { timeoutMs: 1_000, signal: AbortSignal.abort() };
  await expect(wire.send(message, limits)).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
  await wait(20);
  expect(backend.seen).toEqual([]);
});

test('callers of the same moment share nothing: each has the answer to its own token', async () => {
  const backend = await startBackend((response, seen) =>
    json(seen.header('authorization')[0])(response, seen),
  );
  const url = await serve(
    backend.url,
    fileOf({ http: 'GET: "/me", headers: { name: "Authorization", from: "authorization" }' }),
  );
  const names = Array.from({ length: 200 }, (_, index) => `Bearer ${index >> 1}`);
  const answers = await Promise.all(
    names.map(async (authorization) => {
      const response = await post(url, '{ go }', undefined, { authorization });
      return ((await response.json()) as Answer).data?.['go'];
    }),
  );
  expect(answers).toEqual(names);
  expect(backend.seen.map((seen) => seen.header('authorization')[0]).sort()).toEqual(names.toSorted());
});

test('what a backend says of itself does not reach the client', async () => {
  const backend = await startBackend((response, seen) => {
    for (const name of ['set-cookie', 'location', 'server', 'x-powered-by', 'x-internal'])
      response.setHeader(name, 'hunter2');
    json({})(response, seen);
  });
  const url = await serve(backend.url, fileOf({ http: 'GET: "/u"' }));
  const response = await post(url, '{ go }');
  expect(JSON.stringify([...response.headers])).not.toContain('hunter2');
});

/** Counts what a signal's listeners are, as the calls see it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal) as (name: string, listener: unknown) => void;
  const remove = signal.removeEventListener.bind(signal) as (name: string, listener: unknown) => void;
  let most = 0;
  Object.assign(signal, {
    addEventListener: (name: string, listener: unknown) => {
      listeners.add(listener);
      most = Math.max(most, listeners.size);
      add(name, listener);
    },
    removeEventListener: (name: string, listener: unknown) => {
      listeners.delete(listener);
      remove(name, listener);
    },
  });
  return { controller, signal, listening: () => listeners.size, most: () => most };
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('1,000 calls leave no listener and no timer, whatever became of them', async () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  const backend = await startSockets((socket, _, text) => {
    const path = /^GET (\S+)/.exec(text)?.[1];
    if (path === '/fine') socket.write(`${head}content-length: 2\r\n\r\n{}`);
    else if (path === '/reset') socket.resetAndDestroy();
    else if (path === '/cut') socket.end(`${head}content-length: 9\r\n\r\n{}`);
  });
  const wire = openWire(backend.url);
  const { signal, listening, most } = countedSignal();
  const before = timers();
  const paths = ['/fine', '/fine', '/reset', '/cut', '/hang', 'no path'];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 1_000 }, (_, index) => {
      const path = paths[index % paths.length] ?? '';
      return wire.send(
        { method: 'GET', path, headers: [] },
        { timeoutMs: path === '/hang' ? 50 : 5_000, signal },
      );
    }),
  );
  expect(most()).toBeGreaterThan(500);
  expect(listening()).toBe(0);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(334);
  await wire.close();
  await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before));
});

test('an aborted signal leaves no listener either', async () => {
  const backend = await startSockets(() => undefined);
  const wire = openWire(backend.url);
  onTestFinished(() => wire.close());
  const { controller, signal, listening } = countedSignal();
  const calls = Array.from({ length: 300 }, () =>
    wire.send({ method: 'GET', path: '/', headers: [] }, { timeoutMs: 60_000, signal }),
  );
  await vi.waitFor(() => expect(backend.counts.open).toBe(128));
  controller.abort();
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  expect(listening()).toBe(0);
  await vi.waitFor(() => expect(backend.counts.open).toBe(0));
  expect(backend.counts.requests).toBe(128);
});

test('nothing of a request is kept once it is over', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const backend = await startBackend(json({ id: 1 }));
  const gateway = await open(backend.url, fileOf({ http: 'GET: "/u"' }));
  const execute = createReferenceExecutor(gateway.schema, { info: vi.fn(), warn: vi.fn(), error: vi.fn() });
  const contexts: WeakRef<RequestContext>[] = [];
  const once = async () => {
    const context = new RequestContext({ signal: new AbortController().signal });
    contexts.push(new WeakRef(context));
    await execute({ document: parse('{ go }'), context });
  };
  for (let i = 0; i < 20; i++) await once();
  await wait(10);
  collect();
  await wait(10);
  collect();
  expect(contexts.filter((context) => context.deref() !== undefined).length).toBeLessThan(5);
});
