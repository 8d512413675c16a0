import { expect, test, vi } from 'vitest';
import { RequestContext } from '../../../src/base/context.js';
import { createConnector } from '../../../src/connectors/connect.js';
import type { Connector } from '../../../src/connectors/connector.js';
import { load } from '../../../src/connectors/loaders.js';
import { open } from './open.js';
import { startService } from './service.js';

const sdl = /* GraphQL */ `
  type Query {
    order(id: ID!): Order
    ordersByUsers(userIds: [ID!]!, last: Int): [Order!]!
  }
  type Order {
    id: ID!
    userId: ID!
    status: String!
    total: Total!
  }
  type Total {
    amountMinor: Int!
  }
`;

const orders = ['u1', 'u2', 'u1'].map((userId, index) => ({
  id: `o${index}`,
  userId,
  status: 'PLACED',
  total: { amountMinor: index },
}));

const service = () =>
  startService(sdl, {
    order: ({ id }: { id: string }) => {
      if (id === 'bad') throw new Error('secret');
      return orders.find((order) => order.id === id) ?? null;
    },
    ordersByUsers: ({ userIds }: { userIds: string[] }) =>
      orders.filter((order) => userIds.includes(order.userId)),
  });

async function connector(text: string): Promise<Connector> {
  const opened = await open(text);
  const { subgraph } = opened;
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  return createConnector(subgraph.connects[0]!, {
    subgraph,
    source: subgraph.sources[0],
    transport: opened.connect(),
    environment: {},
    config: {},
    budget: { total: 1_000, ofSource: Infinity },
    rows: { max: Infinity, refuse: () => undefined },
    log,
  });
}

test('one call answers many parents, and asks for the key of their rows', async () => {
  const { url, queries } = await service();
  const users = await connector(/* GraphQL */ `
    extend schema @source(name: "orders", graphql: { url: "${url}" })
    type Query { user: User }
    type User {
      id: ID!
      orders(last: Int): [Order!] @connect(source: "orders", selection: "id total",
        graphql: { query: "ordersByUsers", args: "userIds: $batch.id last: $args.last" }, batch: { by: "id: userId" })
    }
    type Order { id: ID!, total: Total }
    type Total { amountMinor: Int }
  `);
  const context = new RequestContext();
  const wanted = new Map([['id', null]]);
  const answers = await Promise.all(
    ['u1', 'u2', 'u3'].map((id) => load(users, context, { args: { last: 5 }, parent: { id }, wanted })),
  );
  expect(answers).toMatchObject([[{ id: 'o0' }, { id: 'o2' }], [{ id: 'o1' }], []]);
  expect(queries).toHaveLength(1);
  expect(queries[0]).toMatchObject({
    document:
      'query ($userIds: [ID!]!, $last: Int) { ordersByUsers(userIds: $userIds, last: $last) { id userId } }',
    variables: { userIds: ['u1', 'u2', 'u3'], last: 5 },
  });
});

const single = (url: string, more = '') => /* GraphQL */ `
  extend schema @source(name: "orders", graphql: { url: "${url}" })
  type Query { order(id: ID!): Order @connect(source: "orders", graphql: { query: "order", args: "$args" } ${more}) }
  type Order { id: ID!, status: String, total: Total, note: String }
  type Total { amountMinor: Int }
`;

test('without a selection the names are the same, and what the backend lacks is left out', async () => {
  const { url, queries } = await service();
  const order = await connector(single(url));
  const wanted = new Map([
    ['id', null],
    ['note', null],
    ['total', new Map([['amountMinor', null]])],
  ]);
  const answer = await load(order, new RequestContext(), { args: { id: 'o1' }, wanted });
  expect(answer).toEqual({ id: 'o1', total: { amountMinor: 1 } });
  expect(queries[0]?.document).toBe('query ($id: ID!) { order(id: $id) { id total { amountMinor } } }');
});

test('an object that is not there is null', async () => {
  const { url } = await service();
  const order = await connector(single(url));
  expect(
    await load(order, new RequestContext(), { args: { id: 'none' }, wanted: new Map([['id', null]]) }),
  ).toBe(null);
});

test('a remote error fails the field without its words, unless the schema shows them', async () => {
  const { url } = await service();
  const fetch = async (text: string) =>
    load(await connector(text), new RequestContext(), {
      args: { id: 'bad' },
      wanted: new Map([['id', null]]),
    });
  await expect(fetch(single(url))).rejects.toMatchObject({
    code: 'CONNECTOR_FETCH',
    message: 'Request failed',
    extensions: {
      http: { status: 200 },
      service: 'orders',
      connector: { coordinate: 'orders:Query.order[0]' },
    },
  });
  const shown = 'selection: "id", errors: { message: "errors->first.message" }';
  await expect(fetch(single(url, shown))).rejects.toMatchObject({ message: 'secret' });
});
