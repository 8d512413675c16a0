import { getEventListeners } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ConfigInput } from '../../src/base/config.js';
import { createGateway, type Gateway, type Question } from '../../src/index.js';
import { openSockets } from '../connectors/contract.js';
import { startRest } from '../support/rest.js';
import { folderWith, nextOf, plain, startStreams, streamOf, type StreamBackend } from '../support/streams.js';

const proto = `
  syntax = "proto3";
  package orders.v1;
  service Orders { rpc Watch(WatchRequest) returns (stream Placed); }
  message WatchRequest { string shop = 1; }
  message Placed { repeated Order orders = 1; bool is_broken = 2; string padding = 3; Order newest = 4; }
  message Order { string id = 1; string user_id = 2; int32 total = 3; }
`;

const orders = `
  extend schema
    @source(name: "orders", grpc: { address: "{$env.ORDERS}", proto: ["orders.proto"], deadline: "300ms",
      metadata: [{ name: "x-team", from: "x-team" }] })
    @definePolicy(name: "small", allow: "$this.total->lt(100)")

  type Query {
    teams: [String] @connect(selection: "$([\\"a\\"])")
  }

  type Subscription {
    placed(shop: String): [Order]
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "shop: $args.shop" },
        selection: "$.orders { id total user: { id: userId } }",
        isSuccess: "$status->eq(0)->and($.isBroken->not)",
        errors: { message: "$.message ?? 'a broken event'" })
    first: Order
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders->first { id total }")
    sure: Order!
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders->first { id total }")
    newest: Order
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.newest { id }")
    padding: String
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" }, selection: "$.padding")
    signedIn: Order @authenticated
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders->first { id }")
    scoped: Order @requiresScopes(scopes: [["orders"]])
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders->first { id }")
    limited: Order @rateLimit(window: "1h", max: 2)
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders->first { id }")
    guarded: [Parcel]
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch", request: "{}" },
        selection: "$.orders { id total secret: userId }")
  }

  type Order {
    id: ID!
    total: Int
    user: User
  }

  type Parcel @policy(policies: [["small"]]) {
    id: ID
    total: Int
    secret: String @authenticated
  }

  type User {
    id: ID!
  }
`;

const users = `
  extend schema @source(name: "users", http: { baseURL: "{$env.USERS}" })

  type Query {
    userNames: [String] @connect(source: "users", http: { GET: "/names" }, selection: "$")
  }

  type User @connect(source: "users", http: { GET: "/users", queryParams: "ids: $batch.id->joinNotNull(',')" }, selection: "id name") {
    id: ID!
    name: String
  }
`;

const order = (id: string, userId = '', total = 1) => ({ id, userId, total });
const placed = (...rows: readonly object[]) => ({ orders: rows });

async function open(config: ConfigInput = {}) {
  const folder = folderWith({ 'orders.proto': proto, 'orders.graphql': orders, 'users.graphql': users });
  const backend = await startStreams(join(folder, 'orders.proto'), 'orders.v1.Orders');
  const rest = await startRest(
    new Map([
      ['GET /users?ids=1%2C2', { body: '[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}]' }],
      ['GET /users?ids=1', { body: '[{"id":1,"name":"Ada"}]' }],
    ]),
  );
  onTestFinished(() => rest.close());
  const gateway = await createGateway({
    config: { schemas: folder, log: 'silent', ...config },
    environment: { ORDERS: backend.address, USERS: rest.url },
  });
  onTestFinished(() => gateway.close());
  return { gateway, backend, rest };
}

/** Opens a subscription, and waits until the backend has it. */
async function watch(gateway: Gateway, backend: StreamBackend, question: Question | string) {
  const before = backend.streams.length;
  const answers = streamOf(
    await gateway.subscribe(typeof question === 'string' ? { query: question } : question),
  );
  await vi.waitFor(() => expect(backend.streams).toHaveLength(before + 1));
  const stream = backend.streams[before];
  if (stream === undefined) throw new Error('there is no stream');
  return { answers, stream };
}

const facts = (field: string) => ({
  service: 'orders',
  connector: { coordinate: `orders:Subscription.${field}[0]` },
});

describe('events', () => {
  test('come in order, with arguments and metadata sent once, until the backend ends', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, {
      query: 'subscription ($shop: String) { placed(shop: $shop) { id total } }',
      variables: { shop: 'north' },
      headers: { 'x-team': ['blue'] },
    });
    expect(stream.request).toEqual({ shop: 'north' });
    expect(stream.metadata.get('x-team')).toEqual(['blue']);
    for (const id of ['1', '2', '3']) stream.write(placed(order(id, '', Number(id))));
    stream.end();
    for (const id of ['1', '2', '3']) {
      expect(await nextOf(answers)).toEqual({ data: { placed: [{ id, total: Number(id) }] } });
    }
    expect(await nextOf(answers)).toBeUndefined();
    expect(await nextOf(answers)).toBeUndefined();
    expect(backend.streams).toHaveLength(1);
  });

  test('are answered under the names of the client, through fragments and what variables switch', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, {
      query: `
        subscription ($more: Boolean!) { ...Root }
        fragment Root on Subscription { id: placed { ...Row total: id } }
        fragment Row on Order { name: __typename id: total @include(if: $more) }`,
      variables: { more: true },
    });
    stream.write(placed(order('7', '', 3)));
    expect(await nextOf(answers)).toEqual({ data: { id: [{ name: 'Order', id: 3, total: '7' }] } });
    await answers.return?.();
  });

  test('several subscriptions do not mix', async () => {
    const { gateway, backend } = await open();
    const one = await watch(gateway, backend, 'subscription { placed(shop: "a") { id } }');
    const two = await watch(gateway, backend, 'subscription { placed(shop: "b") { id } }');
    two.stream.write(placed(order('b')));
    one.stream.write(placed(order('a')));
    expect(await nextOf(one.answers)).toEqual({ data: { placed: [{ id: 'a' }] } });
    expect(await nextOf(two.answers)).toEqual({ data: { placed: [{ id: 'b' }] } });
  });

  test('a root type may have another name', async () => {
    const renamed = orders
      .replace('extend schema', 'schema { query: Asked subscription: Happened }\nextend schema')
      .replace('type Query', 'type Asked')
      .replace('type Subscription', 'type Happened');
    const folder = folderWith({ 'orders.proto': proto, 'orders.graphql': renamed });
    const backend = await startStreams(join(folder, 'orders.proto'), 'orders.v1.Orders');
    const gateway = await createGateway({
      config: { schemas: folder, log: 'silent' },
      environment: { ORDERS: backend.address },
    });
    onTestFinished(() => gateway.close());
    const { answers, stream } = await watch(gateway, backend, 'subscription { first { id } }');
    stream.write(placed(order('1')));
    expect(await nextOf(answers)).toEqual({ data: { first: { id: '1' } } });
  });
});

describe('joins', () => {
  test('are batched for each event, and nothing is kept for the next', async () => {
    const { gateway, backend, rest } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { id user { name } } }');
    const ada = { name: 'Ada' };
    stream.write(placed(order('10', '1'), order('11', '2'), order('12', '1')));
    expect(await nextOf(answers)).toEqual({
      data: {
        placed: [
          { id: '10', user: ada },
          { id: '11', user: { name: 'Bob' } },
          { id: '12', user: ada },
        ],
      },
    });
    expect(rest.calls).toEqual(['GET /users?ids=1%2C2']);
    stream.write(placed(order('13', '1'), order('14', '1')));
    expect(await nextOf(answers)).toEqual({
      data: {
        placed: [
          { id: '13', user: ada },
          { id: '14', user: ada },
        ],
      },
    });
    expect(rest.calls).toEqual(['GET /users?ids=1%2C2', 'GET /users?ids=1']);
  });

  test('that fail are errors of their event', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { user { name } } }');
    stream.write(placed(order('1', '404')));
    stream.write(placed(order('2', '1')));
    expect(await nextOf(answers)).toMatchObject({
      data: { placed: [{ user: { name: null } }] },
      errors: [{ extensions: { code: 'CONNECTOR_FETCH' } }],
    });
    expect(await nextOf(answers)).toEqual({ data: { placed: [{ user: { name: 'Ada' } }] } });
  });

  test('have the time of an operation for each event', async () => {
    const { gateway, backend } = await open({ timeout: '400ms' });
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { user { name } } }');
    await wait(500);
    stream.write(placed(order('2', '1')));
    expect(await nextOf(answers)).toEqual({ data: { placed: [{ user: { name: 'Ada' } }] } });
  });
});

describe('failures', () => {
  test('an event that is one is an error of that event, and the stream goes on', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { a: placed { id } }');
    stream.write({ isBroken: true });
    stream.write(placed(order('2')));
    expect(await nextOf(answers)).toEqual({
      data: { a: null },
      errors: [
        {
          message: 'a broken event',
          path: ['a'],
          extensions: {
            code: 'CONNECTOR_FETCH',
            ...facts('placed'),
            grpc: { status: 0, code: 'OK' },
          },
        },
      ],
    });
    expect(await nextOf(answers)).toEqual({ data: { a: [{ id: '2' }] } });
  });

  test('a null where there can be none is, too', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { sure { id } }');
    stream.write(placed());
    stream.write(placed(order('2')));
    expect(await nextOf(answers)).toMatchObject({
      data: null,
      errors: [{ path: ['sure'], extensions: { code: 'CONNECTOR_RESPONSE_INVALID' } }],
    });
    expect(await nextOf(answers)).toEqual({ data: { sure: { id: '2' } } });
  });

  test('a status in the midst of the stream is the last answer', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { first { id } }');
    stream.write(placed(order('1')));
    expect(await nextOf(answers)).toEqual({ data: { first: { id: '1' } } });
    stream.fail(status.RESOURCE_EXHAUSTED, 'told by 10.0.0.5');
    expect(await nextOf(answers)).toEqual({
      data: { first: null },
      errors: [
        {
          message: 'Request failed',
          path: ['first'],
          extensions: {
            code: 'CONNECTOR_FETCH',
            ...facts('first'),
            grpc: { status: 8, code: 'RESOURCE_EXHAUSTED' },
          },
        },
      ],
    });
    expect(await nextOf(answers)).toBeUndefined();
  });

  test('so is one in the place of a stream; its message is told where the schema says so', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { id } }');
    stream.fail(status.NOT_FOUND, 'no such shop');
    expect(await nextOf(answers)).toMatchObject({
      data: { placed: null },
      errors: [{ message: 'no such shop', extensions: { grpc: { status: 5, code: 'NOT_FOUND' } } }],
    });
    expect(await nextOf(answers)).toBeUndefined();
  });

  test('a message that cannot be read ends the stream, and the call', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { id } }');
    stream.write(Buffer.from([0x0a, 0xff]));
    expect(await nextOf(answers)).toMatchObject({
      data: { placed: null },
      errors: [{ path: ['placed'], extensions: { code: 'CONNECTOR_RESPONSE_INVALID', ...facts('placed') } }],
    });
    expect(await nextOf(answers)).toBeUndefined();
    await vi.waitFor(() => expect(stream.isCancelled()).toBe(true));
  });

  test('a backend that breaks down ends the stream', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { first { id } }');
    stream.write(placed(order('1')));
    await nextOf(answers);
    backend.stop();
    expect(await nextOf(answers)).toMatchObject({
      data: { first: null },
      errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }],
    });
    expect(await nextOf(answers)).toBeUndefined();
  });

  test('a backend that is not there is an answer, and the end', async () => {
    const { gateway, backend } = await open();
    backend.stop();
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { first { id } }' }));
    expect(await nextOf(answers)).toMatchObject({
      data: { first: null },
      errors: [{ path: ['first'], extensions: { code: 'HTTP_CLIENT_ERROR', ...facts('first') } }],
    });
    expect(await nextOf(answers)).toBeUndefined();
  });
});

describe('time', () => {
  test('a backend that cannot be connected to is given up after the deadline of the source', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    const folder = folderWith({ 'orders.proto': proto, 'orders.graphql': orders });
    const gateway = await createGateway({
      config: { schemas: folder, log: 'silent' },
      environment: { ORDERS: `127.0.0.1:${(silent.address() as AddressInfo).port}` },
    });
    onTestFinished(() => gateway.close());
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { first { id } }' }));
    expect(await nextOf(answers)).toMatchObject({ errors: [{ extensions: { code: 'GATEWAY_TIMEOUT' } }] });
    expect(await nextOf(answers)).toBeUndefined();
  });

  test('a stream may be silent for longer than a call may take, before its first event and after', async () => {
    const { gateway, backend } = await open({ timeout: '300ms' });
    const { answers, stream } = await watch(gateway, backend, 'subscription { first { id } }');
    for (const id of ['1', '2']) {
      const next = nextOf(answers);
      await wait(450);
      stream.write(placed(order(id)));
      expect(await next).toEqual({ data: { first: { id } } });
    }
  });

  test('an address that cannot be connected to is passed over', async () => {
    const folder = folderWith({ 'orders.proto': proto, 'orders.graphql': orders });
    const backend = await startStreams(join(folder, 'orders.proto'), 'orders.v1.Orders');
    const gateway = await createGateway({
      config: { schemas: folder, log: 'silent' },
      environment: { ORDERS: 'unused:1', SOURCE_ORDERS_URL: `127.0.0.1:1,${backend.address}` },
    });
    onTestFinished(() => gateway.close());
    const { answers, stream } = await watch(gateway, backend, 'subscription { first { id } }');
    stream.write(placed(order('1')));
    expect(await nextOf(answers)).toEqual({ data: { first: { id: '1' } } });
  });
});

describe('who reads slowly', () => {
  const total = 400;
  const message = (index: number) => ({ padding: `${index} ${'.'.repeat(16_000)}` });

  test('slows the backend down: what it sends ahead is bounded', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { padding }');
    let written = 0;
    const writing = (async () => {
      for (; written < total; written++) {
        if (!stream.write(message(written))) await stream.drained();
      }
      stream.end();
    })();
    const settle = async () => {
      for (let before = -1; before !== written;) {
        before = written;
        await wait(100);
      }
      return written;
    };
    const ahead = await settle();
    expect(ahead).toBeLessThan(60);
    for (let index = 0; index < 100; index++) {
      const answer = (await nextOf(answers)) as { data: { padding: string } };
      expect(Number.parseInt(answer.data.padding, 10)).toBe(index);
    }
    expect((await settle()) - 100).toBeLessThan(ahead + 20);
    let read = 100;
    for await (const _ of answers) read++;
    expect(read).toBe(total);
    await writing;
  });

  test('answers are made one at a time, whoever asks', async () => {
    const { gateway, backend, rest } = await open();
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { user { name } } }');
    for (const id of ['1', '2', '3']) stream.write(placed(order(id, '1')));
    await wait(100);
    expect(rest.calls).toEqual([]);
    const both = [nextOf(answers), nextOf(answers)];
    await Promise.all(both);
    expect(rest.calls).toHaveLength(2);
    await wait(50);
    expect(rest.calls).toHaveLength(2);
  });
});

describe('the end', () => {
  const query = 'subscription { first { id } }';

  test('return() cancels the call, also while an event is waited for', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, query);
    const pending = answers.next();
    await wait(20);
    await answers.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await nextOf(answers)).toBeUndefined();
    await vi.waitFor(() => expect(stream.isCancelled()).toBe(true));
  });

  test('return() before the first next() does, too', async () => {
    const { gateway, backend } = await open();
    const { answers, stream } = await watch(gateway, backend, query);
    stream.write(placed(order('1')));
    await answers.return?.();
    expect(await nextOf(answers)).toBeUndefined();
    await vi.waitFor(() => expect(stream.isCancelled()).toBe(true));
  });

  test('return() while an event is answered does not wait, and breaks its calls off', async () => {
    const hanging = createServer();
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    let closed = 0;
    hanging.on('connection', (socket) =>
      socket
        .on('close', () => closed++)
        .on('error', () => undefined)
        .resume(),
    );
    onTestFinished(() => void hanging.close());
    const folder = folderWith({ 'orders.proto': proto, 'orders.graphql': orders, 'users.graphql': users });
    const backend = await startStreams(join(folder, 'orders.proto'), 'orders.v1.Orders');
    const gateway = await createGateway({
      config: { schemas: folder, log: 'silent' },
      environment: {
        ORDERS: backend.address,
        USERS: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`,
      },
    });
    onTestFinished(() => gateway.close());
    const { answers, stream } = await watch(gateway, backend, 'subscription { placed { user { name } } }');
    stream.write(placed(order('1', '1')));
    const pending = answers.next();
    await wait(100);
    await answers.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect([stream.isCancelled(), closed]).toEqual([true, 1]));
  });

  test('so does the signal of the client', async () => {
    const { gateway, backend } = await open();
    const client = new AbortController();
    const { answers, stream } = await watch(gateway, backend, { query, signal: client.signal });
    const pending = nextOf(answers);
    await wait(20);
    client.abort();
    expect(await pending).toMatchObject({ errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }] });
    expect(await nextOf(answers)).toBeUndefined();
    await vi.waitFor(() => expect(stream.isCancelled()).toBe(true));
    expect(getEventListeners(client.signal, 'abort')).toEqual([]);

    const { length } = backend.streams;
    const late = streamOf(await gateway.subscribe({ query, signal: client.signal }));
    expect(await nextOf(late)).toMatchObject({ errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }] });
    expect(backend.streams).toHaveLength(length);
  });

  test('so does the gateway when it is closed; no socket is left', async () => {
    const before = openSockets();
    const { gateway, backend } = await open();
    const one = await watch(gateway, backend, query);
    const two = await watch(gateway, backend, query);
    const pending = nextOf(one.answers);
    await wait(20);
    await gateway.close();
    expect(await pending).toMatchObject({ errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }] });
    expect(await nextOf(one.answers)).toBeUndefined();
    await vi.waitFor(() =>
      expect([one.stream.isCancelled(), two.stream.isCancelled()]).toEqual([true, true]),
    );
    await vi.waitFor(() => expect(openSockets()).toBeLessThanOrEqual(before));
    const late = streamOf(await gateway.subscribe({ query }));
    expect(await nextOf(late)).toMatchObject({ errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }] });
  });

  test('a thousand subscriptions that came and went leave nothing', async () => {
    const { gateway, backend } = await open();
    const client = new AbortController();
    for (let round = 0; round < 20; round++) {
      const opened = await Promise.all(
        Array.from({ length: 50 }, () => gateway.subscribe({ query, signal: client.signal })),
      );
      await Promise.all(opened.map(async (each) => streamOf(each).return?.()));
    }
    expect(getEventListeners(client.signal, 'abort')).toEqual([]);
    await vi.waitFor(() => expect(backend.streams.every((stream) => stream.isCancelled())).toBe(true));
  });
});

describe('rules', () => {
  const identity = { subject: 'ada', claims: { sub: 'ada', scope: 'orders' } };

  test.each([
    ['who must sign in', 'signedIn', undefined, 'UNAUTHENTICATED'],
    ['whose token lacks a scope', 'scoped', { subject: 'bob', claims: { scope: 'users' } }, 'FORBIDDEN'],
  ])('%s makes no call', async (_, field, who, code) => {
    const { gateway, backend } = await open();
    const opened = await gateway.subscribe({
      query: `subscription { a: ${field} { id } }`,
      ...(who && { identity: who }),
    });
    expect(plain(opened as never)).toMatchObject({ errors: [{ path: ['a'], extensions: { code } }] });
    await wait(50);
    expect(backend.streams).toEqual([]);
  });

  test.each(['signedIn', 'scoped'])('who may have %s has the events', async (field) => {
    const { gateway, backend } = await open();
    const query = `subscription { ${field} { id } }`;
    const { answers, stream } = await watch(gateway, backend, { query, identity });
    stream.write(placed(order('1')));
    expect(await nextOf(answers)).toEqual({ data: { [field]: { id: '1' } } });
  });

  test('a limit counts streams and not events, and refuses before the call', async () => {
    const { gateway, backend } = await open();
    const query = 'subscription { limited { id } }';
    for (let count = 0; count < 2; count++) {
      const { answers, stream } = await watch(gateway, backend, query);
      for (const id of ['1', '2', '3']) stream.write(placed(order(id)));
      for (const id of ['1', '2', '3']) expect(await nextOf(answers)).toEqual({ data: { limited: { id } } });
    }
    expect(plain((await gateway.subscribe({ query })) as never)).toMatchObject({
      errors: [{ path: ['limited'], extensions: { code: 'RATE_LIMITED' } }],
    });
    expect(backend.streams).toHaveLength(2);
  });

  test('those of types and fields hold for each event', async () => {
    const { gateway, backend } = await open();
    const query = 'subscription { guarded { total: id secret } }';
    const { answers, stream } = await watch(gateway, backend, query);
    stream.write(placed(order('1', 'x', 5), order('2', 'y', 500)));
    stream.write(placed(order('3', 'z', 100)));
    expect(await nextOf(answers)).toMatchObject({
      data: { guarded: [{ total: '1', secret: null }, null] },
      errors: [
        { path: ['guarded', 1], extensions: { code: 'UNAUTHENTICATED' } },
        { path: ['guarded', 0, 'secret'], extensions: { code: 'UNAUTHENTICATED' } },
      ],
    });
    expect(await nextOf(answers)).toMatchObject({
      data: { guarded: [null] },
      errors: [{ path: ['guarded', 0] }],
    });
  });
});

describe('what is no subscription', () => {
  test.each([
    ['a query', '{ teams }', 'BAD_REQUEST'],
    ['no field', 'subscription { first @skip(if: true) { id } }', 'BAD_REQUEST'],
    ['what does not parse', 'subscription {', undefined],
    ['what does not fit the schema', 'subscription { nothing }', undefined],
    ['two fields', 'subscription { first { id } padding }', undefined],
    [
      'fields that variables switch',
      'subscription ($a: Boolean!) { first @skip(if: $a) { id } padding @include(if: $a) }',
      undefined,
    ],
  ])('%s is one answer with an error', async (_, query, code) => {
    const { gateway, backend } = await open();
    const opened = await gateway.subscribe({ query, variables: { a: true } });
    expect(plain(opened as never)).toEqual({
      errors: [expect.objectContaining(code === undefined ? {} : { extensions: { code } })],
    });
    expect(backend.streams).toEqual([]);
  });

  test('a subscription that is asked for one answer opens no stream', async () => {
    const { gateway, backend } = await open();
    expect(plain(await gateway.ask({ query: 'subscription { first { id } }' }))).toMatchObject({
      data: { first: null },
      errors: [{ path: ['first'], extensions: { code: 'BAD_REQUEST' } }],
    });
    expect(backend.streams).toEqual([]);
  });
});

test('in development each answer says what its event lacked', async () => {
  const { gateway, backend } = await open({ mode: 'development' });
  const { answers, stream } = await watch(gateway, backend, 'subscription { newest { id } }');
  stream.write(placed());
  stream.write({ newest: order('1') });
  expect(await nextOf(answers)).toMatchObject({
    data: { newest: null },
    extensions: { mapping: [{ connector: 'orders:Subscription.newest[0]', count: 1 }] },
  });
  expect(await nextOf(answers)).toEqual({ data: { newest: { id: '1' } } });
});
