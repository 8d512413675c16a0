import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { startOrders } from '../../../demo/orders/server.js';
import { all, openClock, to } from './clock.js';
import { startHttp } from './event-servers.js';
import { open } from './open.js';
import { startService } from './service.js';

const tick = (number: number) => `event: next\ndata: {"data":{"ticks":{"number":${number}}}}\n\n`;
const complete = 'event: complete\ndata:\n\n';

/** Opens a stream at a server that answers like this. */
async function openAt(answer: (response: ServerResponse) => unknown, timeoutMs = 5_000) {
  const server = await startHttp((_, response) => answer(response));
  const opened = await openClock(server.url, 'number');
  return { server, stream: opened.subscribe(to(1), { timeoutMs }) };
}

const events = (response: ServerResponse, more = {}) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...more });

describe('what is asked', () => {
  test('is a POST that accepts events, whatever the schema says of headers', async () => {
    const server = await startHttp((_, response) => events(response).end(tick(1) + complete));
    const opened = await openClock(
      server.url,
      'number',
      ', headers: [{ name: "Accept", value: "text/html" }]',
    );
    await all(opened.subscribe(to(1)));
    expect(server.subscribed[0]?.headers).toMatchObject({
      accept: 'text/event-stream',
      'content-type': 'application/json',
    });
  });

  test('goes to the address of everything else unless there is one for subscriptions', async () => {
    const server = await startHttp((_, response) => events(response).end(tick(1) + complete));
    const service = await startService(
      'type Query { a: Int } type Subscription { ticks: Tick } type Tick { number: Int }',
    );
    const text = (url: string) => /* GraphQL */ `
      extend schema @source(name: "clock", graphql: { url: "${url}" })
      type Query { a: Int }
      type Tick { number: Int }
      type Subscription {
        ticks: Tick @connect(source: "clock", selection: "number", graphql: { subscription: "ticks" })
      }`;
    service.canned = ({ headers }) =>
      headers.accept === 'text/event-stream'
        ? { type: 'text/event-stream', text: tick(7) + complete }
        : undefined;
    expect(await all((await open(text(service.url))).subscribe())).toMatchObject([{ body: { number: 7 } }]);

    // What stands in for the address of the source counts for its subscriptions, too.
    const moved = await open(text(server.url), { address: service.url });
    expect(await all(moved.subscribe())).toMatchObject([{ body: { number: 7 } }]);
    expect(server.subscribed).toEqual([]);
  });

  test('needs an address', async () => {
    await expect(openClock('ftp://127.0.0.1/')).rejects.toMatchObject({
      problems: [
        { code: 'INVALID_URL', message: expect.stringContaining('ws:// or wss:// or http:// or https://') },
      ],
    });
  });

  test('waits for the schema of a service that was down at the start', async () => {
    const service = await startService(
      'type Query { a: Int } type Subscription { ticks: Tick } type Tick { number: Int }',
    );
    service.canned = ({ headers }) =>
      headers.accept === 'text/event-stream'
        ? { type: 'text/event-stream', text: tick(7) + complete }
        : undefined;
    service.down = true;
    const opened = await open(/* GraphQL */ `
      extend schema @source(name: "clock", graphql: { url: "${service.url}" })
      type Query { a: Int }
      type Tick { number: Int }
      type Subscription {
        ticks: Tick @connect(source: "clock", selection: "number", graphql: { subscription: "ticks" })
      }`);
    await expect(opened.subscribe().next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    service.down = false;
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_000);
    expect(await all(opened.subscribe())).toMatchObject([{ body: { number: 7 } }]);
  });
});

test('the orders of the demo shop come as they are placed', async () => {
  const orders = await startOrders();
  try {
    const opened = await open(/* GraphQL */ `
      extend schema @source(name: "orders", graphql: { url: "${orders.url}" })
      type Query { a: Int }
      type Order { id: ID, total: Int }
      type Subscription {
        orderPlaced: Order @connect(source: "orders", graphql: { subscription: "orderPlaced" }
          selection: "id total: total.amountMinor")
      }`);
    const stream = opened.subscribe();
    const first = stream.next();
    await vi.waitFor(() => expect(orders.calls().at(-1)?.operation).toBe('subscription orderPlaced'));
    const query = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }';
    const input = { userId: '1', items: [{ productId: 'p-01', quantity: 2 }] };
    const response = await fetch(orders.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { data } = (await response.json()) as { data: { placeOrder: { id: string } } };
    expect((await first).value?.body).toMatchObject({
      id: data.placeOrder.id,
      total: { amountMinor: expect.any(Number) },
    });
    await stream.return?.();
  } finally {
    await orders.close();
  }
});

describe('events are read', () => {
  test('whatever they are cut into', async () => {
    const { stream } = await openAt(async (response) => {
      events(response);
      for (const byte of Buffer.from(`\uFEFF:hi\r\n\r\n${tick(1)}${tick(2)}${complete}`)) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    expect(await all(stream)).toMatchObject([{ body: { number: 1 } }, { body: { number: 2 } }]);
  });

  test('when they have come, not when the answer ends', async () => {
    const { stream } = await openAt((response) => events(response).write(tick(1)), 300);
    expect(await stream.next()).toMatchObject({ value: { body: { number: 1 } } });
    const later = Promise.race([
      stream.next(),
      new Promise((resolve) => setTimeout(resolve, 500, 'nothing yet')),
    ]);
    expect(await later).toBe('nothing yet');
    await stream.return?.();
  });

  test('up to complete, although the answer goes on', async () => {
    const { stream, server } = await openAt((response) =>
      events(response).write(tick(1) + complete + tick(2)),
    );
    expect(await all(stream)).toHaveLength(1);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('without those that mean nothing', async () => {
    const other = 'event: ping\ndata: {}\n\ndata: hello\n\n: comment\n\n';
    const { stream } = await openAt((response) => events(response).end(other + tick(1) + other + complete));
    expect(await all(stream)).toMatchObject([{ body: { number: 1 } }]);
  });

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (text: string) => text],
  ])('packed as %s', async (coding, pack) => {
    const { stream } = await openAt((response) =>
      events(response, { 'content-encoding': coding }).end(pack(tick(1) + complete)),
    );
    expect(await all(stream)).toMatchObject([{ body: { number: 1 } }]);
  });

  test('packed, as soon as they have come', async () => {
    const { stream, server } = await openAt(async (response) => {
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
      gzip.pipe(events(response, { 'content-encoding': 'gzip' }));
      gzip.write(tick(1));
    });
    expect(await stream.next()).toMatchObject({ value: { body: { number: 1 } } });
    await stream.return?.();
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('and endless comments are not kept', async () => {
    const comments = Buffer.from(`: ${'x'.repeat(1_000)}\n`.repeat(100));
    let sent = 0;
    const { stream, server } = await openAt(async (response) => {
      events(response);
      const closed = once(response, 'close');
      while (!response.destroyed && sent < 100e6) {
        sent += comments.length;
        if (!response.write(comments)) await Promise.race([once(response, 'drain'), closed]);
      }
      response.write(tick(1));
    });
    const before = process.memoryUsage().rss;
    expect(await stream.next()).toMatchObject({ value: { body: { number: 1 } } });
    expect(process.memoryUsage().rss - before).toBeLessThan(80e6);
    await stream.return?.();
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  }, 30_000);
});

describe('an answer that is no stream', () => {
  const json = { 'content-type': 'application/json' };

  test.each([
    [
      'with data is the only event',
      200,
      { data: { ticks: { number: 5 } } },
      { succeeded: true, body: { number: 5 } },
    ],
    [
      'with errors is a failure',
      200,
      { errors: [{ message: 'no' }] },
      { succeeded: false, body: { message: 'no' }, facts: { http: { status: 200 } } },
    ],
    [
      'with a status that refuses is a failure',
      401,
      { errors: [{ message: 'who?', extensions: { code: 'UNAUTHENTICATED' } }] },
      {
        succeeded: false,
        status: 401,
        facts: { http: { status: 401 }, graphql: { code: 'UNAUTHENTICATED' } },
      },
    ],
  ])('%s', async (_, status, body, reply) => {
    const { stream, server } = await openAt((response) =>
      response.writeHead(status, json).end(JSON.stringify(body)),
    );
    expect(await all(stream)).toMatchObject([reply]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('and no JSON, with a status that refuses, is a failure', async () => {
    const { stream } = await openAt((response) => response.writeHead(503).end('<h1>down for repair</h1>'));
    expect(await all(stream)).toMatchObject([{ succeeded: false, facts: { http: { status: 503 } } }]);
  });

  test('but leads elsewhere is not followed', async () => {
    const elsewhere = await startHttp((_, response) => events(response).end(complete));
    const { stream } = await openAt((response) => response.writeHead(307, { location: elsewhere.url }).end());
    expect(await all(stream)).toMatchObject([{ succeeded: false, facts: { http: { status: 307 } } }]);
    expect(elsewhere.subscribed).toEqual([]);
  });
});

describe('a stream fails with', () => {
  test.each<[string, (response: ServerResponse) => unknown, string, string]>([
    [
      'HTML',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hi'),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be read',
    ],
    ['nothing', (response) => response.writeHead(204).end(), 'CONNECTOR_RESPONSE_INVALID', 'cannot be read'],
    [
      'an event that is no JSON',
      (response) => events(response).write('event: next\ndata: {"data"\n\n'),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be read',
    ],
    [
      'an event that is no answer',
      (response) => events(response).write('event: next\ndata: 7\n\n'),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be read',
    ],
    [
      'an event without the field',
      (response) => events(response).write('event: next\ndata: {"data":{}}\n\n'),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be read',
    ],
    ['an event without end', flood, 'CONNECTOR_RESPONSE_INVALID', 'too large'],
    [
      'an answer without end',
      (response) => flood(response.writeHead(200, { 'content-type': 'text/plain' })),
      'CONNECTOR_RESPONSE_INVALID',
      'too large',
    ],
    [
      'bytes that are not packed as they say',
      (response) => events(response, { 'content-encoding': 'gzip' }).end(tick(1)),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be unpacked',
    ],
    [
      'bytes that are no brotli',
      (response) => events(response, { 'content-encoding': 'br' }).end(tick(1)),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be unpacked',
    ],
    [
      'an unknown packing',
      (response) => events(response, { 'content-encoding': 'zstd' }).write(tick(1)),
      'CONNECTOR_RESPONSE_INVALID',
      'cannot be unpacked',
    ],
    [
      'no HTTP',
      (response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'),
      'CONNECTOR_RESPONSE_INVALID',
      'not HTTP',
    ],
    ['an end without complete', (response) => events(response).end(), 'HTTP_CLIENT_ERROR', 'broke off'],
    [
      'a lost connection',
      (response) => events(response).write(': hi\n', () => response.destroy()),
      'HTTP_CLIENT_ERROR',
      'broke off',
    ],
    [
      'a lost connection before anything',
      (response) => response.destroy(),
      'HTTP_CLIENT_ERROR',
      'without an answer',
    ],
  ])('%s', async (_, answer, code, message) => {
    const { stream, server } = await openAt(answer);
    await expect(all(stream)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['never answers', () => undefined],
    [
      'never ends an answer that is no stream',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    ],
  ])('GATEWAY_TIMEOUT where the service %s', async (_, answer) => {
    const { stream, server } = await openAt(answer, 200);
    await expect(stream.next()).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });
});

/** One endless line. */
async function flood(response: ServerResponse): Promise<void> {
  if (!response.headersSent) events(response);
  response.write('event: next\ndata: ');
  const piece = Buffer.alloc(1_000_000, 'x');
  const closed = once(response, 'close');
  while (!response.destroyed)
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
}
