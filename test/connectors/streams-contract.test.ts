import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGateway } from '../../src/index.js';
import { startRest } from '../support/rest.js';
import { folderWith, nextOf, plain, startStreams, streamOf } from '../support/streams.js';
import { startEventsByHttp, startEventsBySocket, type StartEvents } from './graphql/event-servers.js';

/** One event as every backend of this contract sends it. */
interface Placed {
  readonly id: string;
  readonly userId: string;
}

/** What a backend does when it is asked for events; told when the caller has gone. */
type Placing = (shop: string, left: AbortSignal) => AsyncIterable<Placed>;

/** A protocol that can stream. */
interface Way {
  /** Starts a backend, and gives its address. */
  start(place: Placing): Promise<string>;
  readonly source: string;
  readonly call: string;
  /** What stands beside the schema file. */
  readonly files: Readonly<Record<string, string>>;
}

const proto = `
  syntax = "proto3";
  package orders.v1;
  service Orders { rpc Watch(WatchRequest) returns (stream Placed); }
  message WatchRequest { string shop = 1; }
  message Placed { string id = 1; string user_id = 2; }
`;

const remote = `
  type Query { none: Int }
  type Subscription { placed(shop: String): Placed }
  type Placed { id: ID userId: ID }
`;

const byGrpc: Way = {
  start: async (place) => {
    const file = join(folderWith({ 'orders.proto': proto }), 'orders.proto');
    const { address } = await startStreams(file, 'orders.v1.Orders', async (stream) => {
      for await (const event of place(String(stream.request['shop']), stream.left)) stream.write(event);
      stream.end();
    });
    return address;
  },
  source: 'grpc: { address: "{$env.ORDERS}", proto: ["orders.proto"] }',
  call: 'grpc: { method: "orders.v1.Orders/Watch", request: "shop: $args.shop" }',
  files: { 'orders.proto': proto },
};

const byGraphql = (start: StartEvents, url: string): Way => ({
  start: async (place) => {
    const placed = ({ shop }: { shop: string }) => {
      const leaving = new AbortController();
      const events = place(shop, leaving.signal)[Symbol.asyncIterator]();
      return {
        next: async () => {
          const { done, value } = await events.next();
          return done === true ? { done, value } : { done: false, value: { placed: value } };
        },
        return: async () => {
          leaving.abort();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    };
    return (await start(remote, { placed })).url;
  },
  source: `graphql: { ${url}, schema: "orders.remote.graphql" }`,
  call: 'graphql: { subscription: "placed", args: "shop: $args.shop" }',
  files: { 'orders.remote.graphql': remote },
});

const ways: readonly (readonly [string, Way])[] = [
  ['gRPC', byGrpc],
  ['server-sent events', byGraphql(startEventsByHttp, 'url: "{$env.ORDERS}"')],
  [
    'graphql-transport-ws',
    byGraphql(startEventsBySocket, 'url: "http://127.0.0.1:1/graphql", subscriptions: "{$env.ORDERS}"'),
  ],
];

const orders = ({ source, call }: Way) => `
  extend schema @source(name: "orders", ${source})
  type Subscription {
    placed(shop: String): Order
      @connect(source: "orders", ${call}, selection: "id user: { id: userId }", isSuccess: "$.userId->ne('bad')")
    secret(shop: String): Order @authenticated
      @connect(source: "orders", ${call}, selection: "id user: { id: userId }")
  }
  type Order { id: ID user: User }
  type User { id: ID! }
`;

const users = `
  extend schema @source(name: "users", http: { baseURL: "{$env.USERS}" })
  type Query { me: User @connect(source: "users", http: { GET: "/me" }, selection: "id name") }
  type User @connect(source: "users", http: { GET: "/users/{$this.id}" }, selection: "id name") {
    id: ID!
    name: String
  }
`;

async function open(way: Way, place: Placing) {
  const rest = await startRest(
    new Map(['1', '2'].map((id) => [`GET /users/${id}`, { body: `{"id":${id},"name":"user ${id}"}` }])),
  );
  onTestFinished(() => rest.close());
  const schemas = folderWith({
    ...way.files,
    'orders.graphql': orders(way),
    'users.graphql': users,
  });
  const asked: string[] = [];
  const address = await way.start((shop, left) => {
    asked.push(shop);
    return place(shop, left);
  });
  const gateway = await createGateway({
    config: { schemas, log: 'silent' },
    environment: { ORDERS: address, USERS: rest.url },
  });
  onTestFinished(() => gateway.close());
  return { gateway, rest, asked };
}

const some = (...events: Placed[]): Placing =>
  async function* () {
    yield* events;
  };

const placed = (id: string, userId = '1'): Placed => ({ id, userId });

/** Sends one event, and then none until the caller has gone. */
function endless() {
  let isLeft = false;
  const place: Placing = async function* (_, left) {
    left.addEventListener('abort', () => (isLeft = true));
    yield placed('1');
    await new Promise((resolve) => left.addEventListener('abort', resolve));
  };
  return { place, isLeft: () => isLeft };
}

describe.each(ways)('a subscription to a backend that streams by %s', (_, way) => {
  test('has the events in order, and ends with them', async () => {
    const { gateway, asked } = await open(way, some(placed('1'), placed('2'), placed('3')));
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { placed(shop: "n") { id } }' }));
    for (const id of ['1', '2', '3']) expect(await nextOf(answers)).toEqual({ data: { placed: { id } } });
    expect(await nextOf(answers)).toBeUndefined();
    expect(asked).toEqual(['n']);
  });

  test('joins each event anew, by what the backend sent and not by what the client calls it', async () => {
    const { gateway, rest } = await open(way, some(placed('2', '1'), placed('1', '1')));
    const query = 'subscription { a: placed { user: id b: user { id: name name: id } } }';
    const answers = streamOf(await gateway.subscribe({ query }));
    const b = { id: 'user 1', name: '1' };
    expect(await nextOf(answers)).toEqual({ data: { a: { user: '2', b } } });
    expect(rest.calls).toEqual(['GET /users/1']);
    expect(await nextOf(answers)).toEqual({ data: { a: { user: '1', b } } });
    expect(rest.calls).toEqual(['GET /users/1', 'GET /users/1']);
  });

  test('goes on after an event that is a failure', async () => {
    const { gateway } = await open(way, some(placed('1', 'bad'), placed('2')));
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { a: placed { id } }' }));
    expect(await nextOf(answers)).toMatchObject({
      data: { a: null },
      errors: [
        {
          path: ['a'],
          extensions: {
            code: 'CONNECTOR_FETCH',
            service: 'orders',
            connector: { coordinate: 'orders:Subscription.placed[0]' },
          },
        },
      ],
    });
    expect(await nextOf(answers)).toEqual({ data: { a: { id: '2' } } });
    expect(await nextOf(answers)).toBeUndefined();
  });

  test('is left when the client leaves, although nothing is sent', async () => {
    const { place, isLeft } = endless();
    const { gateway } = await open(way, place);
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { placed { id } }' }));
    expect(await nextOf(answers)).toEqual({ data: { placed: { id: '1' } } });
    const pending = nextOf(answers);
    await answers.return?.();
    expect(await pending).toBeUndefined();
    await vi.waitFor(() => expect(isLeft()).toBe(true));
  });

  test('is not opened for those who may not have it', async () => {
    const { gateway, asked } = await open(way, some(placed('1')));
    const opened = await gateway.subscribe({ query: 'subscription { placed: secret { id } }' });
    expect(plain(opened as object)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(asked).toEqual([]);
  });

  test('ends with an error when the gateway is closed', async () => {
    const { place, isLeft } = endless();
    const { gateway } = await open(way, place);
    const answers = streamOf(await gateway.subscribe({ query: 'subscription { placed { id } }' }));
    await nextOf(answers);
    const pending = nextOf(answers);
    await gateway.close();
    expect(await pending).toMatchObject({ errors: [{ extensions: { code: 'HTTP_CLIENT_ERROR' } }] });
    expect(await nextOf(answers)).toBeUndefined();
    await vi.waitFor(() => expect(isLeft()).toBe(true));
  });
});
