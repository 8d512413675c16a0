import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createGateway } from '../../src/index.js';
import { startRest } from '../support/rest.js';
import { folderWith, startStreams, type Watched } from '../support/streams.js';
import { until } from './feed.js';

const proto = `
  syntax = "proto3";
  package orders.v1;
  service Orders { rpc Watch(WatchRequest) returns (stream Placed); }
  message WatchRequest { string shop = 1; }
  message Placed { string id = 1; string user_id = 2; }
`;

const orders = /* GraphQL */ `
  extend schema
    @source(name: "orders", grpc: { address: "{$env.ORDERS}", proto: ["orders.proto"] })
    @source(name: "users", http: { baseURL: "{$env.USERS}" })
  type Subscription {
    placed(shop: String): Order
      @connect(
        source: "orders"
        grpc: { method: "orders.v1.Orders/Watch", request: "shop: $args.shop" }
        selection: "id user: { id: userId }"
      )
    secret: Order
      @authenticated
      @connect(source: "orders", grpc: { method: "orders.v1.Orders/Watch" }, selection: "id")
  }
  type Query {
    me: User @connect(source: "users", http: { GET: "/users/1" }, selection: "id name")
  }
  type Order {
    id: ID
    user: User
  }
  type User @connect(source: "users", http: { GET: "/users/{$this.id}" }, selection: "id name") {
    id: ID!
    name: String
  }
`;

/** A gateway before a backend that streams by gRPC and one that answers by REST: all real. */
async function startGateway() {
  const rest = await startRest(new Map([['GET /users/1', { body: '{"id":1,"name":"Ada"}' }]]));
  onTestFinished(() => rest.close());
  const schemas = folderWith({ 'orders.proto': proto, 'orders.graphql': orders });
  const backend = await startStreams(join(schemas, 'orders.proto'), 'orders.v1.Orders');
  const gateway = await createGateway({
    config: { schemas, log: 'silent' },
    environment: { ORDERS: backend.address, USERS: rest.url },
  });
  const served = await gateway.serve({ port: 0, closeTimeoutMs: 500 });
  onTestFinished(async () => {
    await served.close();
    await gateway.close();
  });
  return { backend, rest, served };
}

type Started = Awaited<ReturnType<typeof startGateway>>;

/** How a client subscribes: hears each answer as text, and leaves by what is returned. */
type Listen = (started: Started, query: string, hear: (answer: string) => void) => () => void;

const byWebSocket: Listen = ({ served }, query, hear) => {
  const url = `ws://127.0.0.1:${served.port}/graphql`;
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
  onTestFinished(() => void client.dispose());
  return client.subscribe(
    { query },
    {
      next: (answer) => hear(JSON.stringify(answer)),
      error: (errors) => hear(JSON.stringify({ errors })),
      complete: () => undefined,
    },
  );
};

const byEvents: Listen = ({ served }, query, hear) => {
  const client = new AbortController();
  onTestFinished(() => client.abort());
  const read = async () => {
    const response = await fetch(`http://127.0.0.1:${served.port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
      signal: client.signal,
    });
    let rest = '';
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (rest + text).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const json = /^data: (.+)$/m.exec(event)?.[1];
        if (json !== undefined) hear(json);
      }
    }
  };
  read().catch(() => undefined);
  return () => client.abort();
};

const ways = [
  ['a WebSocket', byWebSocket],
  ['a stream of events', byEvents],
] as const;

describe.each(ways)('by %s, a subscription', (_, listen) => {
  test('to a gRPC stream is joined with REST, event by event, and ends with the client', async () => {
    const started = await startGateway();
    const { backend, rest } = started;
    const heard: unknown[] = [];
    const leave = listen(started, 'subscription { placed(shop: "north") { id user { name } } }', (answer) =>
      heard.push(JSON.parse(answer)),
    );
    await until(() => backend.streams.length === 1);
    for (const id of ['o1', 'o2']) backend.streams[0]?.write({ id, userId: '1' });
    await until(() => heard.length === 2);
    expect(heard).toEqual(['o1', 'o2'].map((id) => ({ data: { placed: { id, user: { name: 'Ada' } } } })));
    expect(rest.calls).toEqual(['GET /users/1', 'GET /users/1']);
    leave();
    await until(() => backend.streams[0]?.isCancelled() === true);
  });

  test('that is not allowed is refused, and the backend not asked', async () => {
    const started = await startGateway();
    const heard: string[] = [];
    listen(started, 'subscription { secret { id } }', (answer) => heard.push(answer));
    await until(() => heard.length === 1);
    expect(heard[0]).toContain('"UNAUTHENTICATED"');
    expect(started.backend.streams).toEqual([]);
  });
});

/** Writes as fast as it may, and counts. */
async function flood(stream: Watched, written: { count: number }): Promise<void> {
  const id = 'x'.repeat(64 * 1024);
  while (!stream.isCancelled()) {
    written.count++;
    if (!stream.write({ id, userId: '1' })) await Promise.race([stream.drained(), aborted(stream.left)]);
  }
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

test('a client that does not read stops the backend, through all that lies between', async () => {
  const { backend, served } = await startGateway();
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/graphql`, 'graphql-transport-ws');
  onTestFinished(() => socket.terminate());
  socket.on('open', () => {
    socket.send('{"type":"connection_init"}');
    socket.once('message', () => {
      socket.pause();
      const payload = { query: 'subscription { placed { id } }' };
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    });
  });
  await until(() => backend.streams.length === 1);
  const written = { count: 0 };
  const flooding = flood(backend.streams[0]!, written);
  for (let before = -1; before !== written.count || before === 0;) {
    before = written.count;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // 64 KB each: what the sockets hold, the megabyte for the client, the window of HTTP/2.
  expect(written.count).toBeLessThan(400);
  socket.terminate();
  await flooding;
});
