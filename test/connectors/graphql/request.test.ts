import { describe, expect, test } from 'vitest';
import { withRowKey } from '../../../src/connectors/rows.js';
import { parseSelection } from '../../../src/mapping/parse.js';
import { inputPaths } from '../../../src/mapping/shape.js';
import { limits, open } from './open.js';
import { startService } from './service.js';

const sdl = /* GraphQL */ `
  type Query {
    order(id: ID!): Order
    orders(userIds: [ID!]!, last: Int = 20, status: Status, filter: Filter): [Order!]!
    byNumber(number: Int!, tags: [Int!]): Order
    huge(number: Long!): Long
    count: Int!
  }
  type Mutation {
    place(input: PlaceInput!): Order!
  }
  scalar Long
  enum Status {
    PLACED
    PAID
  }
  input Filter {
    min: Money
    text: String
  }
  input Money {
    amountMinor: Int!
    currency: String = "EUR"
  }
  input PlaceInput {
    userId: ID!
    items: [ItemInput!]!
    note: String
  }
  input ItemInput {
    productId: ID!
    quantity: Int!
  }
  type Order {
    id: ID!
    userId: ID!
    status: Status!
    total: Total!
    items: [Item!]!
  }
  type Item {
    productId: ID!
    quantity: Int!
  }
  type Total {
    amountMinor: Int!
    currency: String!
  }
`;

const order = {
  id: 'o1',
  userId: 'u1',
  status: 'PLACED',
  total: { amountMinor: 1200, currency: 'EUR' },
  items: [{ productId: 'p1', quantity: 2 }],
};

const service = () =>
  startService(sdl, {
    order: ({ id }: { id: string }) => (id === 'o1' ? order : null),
    orders: ({ userIds }: { userIds: string[] }) => userIds.map((userId) => ({ ...order, userId })),
    byNumber: () => order,
    huge: ({ number }: { number: unknown }) => number,
    count: 3,
    place: ({ input }: { input: { userId: string; items: unknown } }) => ({
      ...order,
      userId: input.userId,
      items: input.items,
    }),
  });

const wanted = (selection: string) => ({ reads: inputPaths(parseSelection(selection, '0.4')) });

/** A schema file with one connector on a field with these arguments. */
function file(url: string, args: string, call: string, selection: string, more = ''): string {
  return /* GraphQL */ `
    extend schema @source(name: "orders", graphql: { url: "${url}" })
    type Query { field${args}: JSON @connect(source: "orders", graphql: { ${call} }, selection: "${selection}" ${more}) }
    scalar JSON
  `;
}

describe('the document', () => {
  test('asks for the field with what the selection reads, variables typed by the backend', async () => {
    const { url, queries } = await service();
    const opened = await open(
      file(url, '(id: ID!)', 'query: "order", args: "id: $args.id"', 'id sum: total.amountMinor'),
    );
    expect(await opened.fetch({ $args: { id: 'o1' } })).toEqual({ id: 'o1', sum: 1200 });
    expect(queries.map((call) => call.document)).toEqual([
      'query ($id: ID!) { order(id: $id) { id total { amountMinor } } }',
    ]);
    expect(queries[0]?.variables).toEqual({ id: 'o1' });
  });

  test('declares only the arguments that can be given', async () => {
    const { url, queries } = await service();
    const call = 'query: "orders", args: "userIds: $args.ids last: $args.last"';
    const opened = await open(file(url, '(ids: [ID!]!, last: Int)', call, 'id'));
    await opened.fetch({ $args: { ids: ['u1', 'u2'] } });
    expect(queries[0]?.document).toBe(
      'query ($userIds: [ID!]!, $last: Int) { orders(userIds: $userIds, last: $last) { id } }',
    );
  });

  test('has no variables where no arguments are given', async () => {
    const { url, queries } = await service();
    const opened = await open(file(url, '', 'query: "count"', '$'));
    expect(await opened.fetch()).toBe(3);
    expect(queries[0]?.document).toBe('query { count }');
  });

  test('is a mutation for a mutation, with its input object', async () => {
    const { url, queries } = await service();
    const call = 'mutation: "place", args: "input: $args.input"';
    const opened = await open(file(url, '(input: JSON!)', call, 'userId items { productId }'));
    const input = { userId: 'u7', items: [{ productId: 'p1', quantity: 2 }] };
    expect(await opened.fetch({ $args: { input } })).toEqual({ userId: 'u7', items: [{ productId: 'p1' }] });
    expect(queries[0]?.document).toBe(
      'mutation ($input: PlaceInput!) { place(input: $input) { userId items { productId } } }',
    );
    expect(queries[0]?.variables).toEqual({ input });
  });

  test('is written once for one wanted part, and asks for no more than it', async () => {
    const { url, queries } = await service();
    const opened = await open(
      file(url, '(id: ID!)', 'query: "order", args: "id: $args.id"', 'id status total { amountMinor }'),
    );
    await opened.call({ $args: { id: 'o1' } }, 'status');
    await opened.call({ $args: { id: 'o1' } }, 'id');
    expect(queries.map((call) => call.document)).toEqual([
      'query ($id: ID!) { order(id: $id) { status } }',
      'query ($id: ID!) { order(id: $id) { id } }',
    ]);
  });

  test('asks also for what isSuccess reads', async () => {
    const { url, queries } = await service();
    const call = 'query: "order", args: "id: $args.id"';
    const more = 'isSuccess: "status->ne(\\"PAID\\")", errors: { message: "userId" }';
    const opened = await open(file(url, '(id: ID!)', call, 'id', more));
    await opened.call({ $args: { id: 'o1' } });
    expect(queries[0]?.document).toBe('query ($id: ID!) { order(id: $id) { id status userId } }');
  });

  test('asks for the key of rows that are grouped', async () => {
    const { url, queries } = await service();
    const opened = await open(/* GraphQL */ `
      extend schema @source(name: "orders", graphql: { url: "${url}" })
      type Query { user: User }
      type User {
        id: ID!
        orders: [Order!] @connect(source: "orders", graphql: { query: "orders", args: "userIds: $batch.id" },
          selection: "id", batch: { by: "id: userId" })
      }
      type Order { id: ID! }
    `);
    const selection = withRowKey(parseSelection('id', '0.4'), parseSelection('id: userId', '0.4'));
    await opened
      .connect()
      .prepare({ $batch: [{ id: 'u1' }] }, { reads: inputPaths(selection!) })
      .send(limits);
    expect(queries[0]?.document).toBe('query ($userIds: [ID!]!) { orders(userIds: $userIds) { id userId } }');
  });
});

describe('variables', () => {
  const call =
    'query: "orders", args: "userIds: $args.ids last: $args.last status: $args.status filter: $args.filter"';
  const signature = '(ids: [ID!]!, last: Int, status: String, filter: JSON)';

  test.each([
    ['a missing argument is left out', {}, {}],
    ['null is sent as null', { status: null, filter: null }, { status: null, filter: null }],
    ['an enum is its name', { status: 'PAID' }, { status: 'PAID' }],
    [
      'an input object is sent with what it has',
      { filter: { min: { amountMinor: 5 }, text: null } },
      { filter: { min: { amountMinor: 5 }, text: null } },
    ],
    [
      'digits stand for an Int, also in input objects',
      { last: '5', filter: { min: { amountMinor: '7' } } },
      { last: 5, filter: { min: { amountMinor: 7 } } },
    ],
  ])('%s', async (_, given, sent) => {
    const { url, queries } = await service();
    const opened = await open(file(url, signature, call, 'id'));
    const reply = await opened.call({ $args: { ids: ['u1'], ...given } });
    expect(reply.succeeded).toBe(true);
    expect(queries[0]?.variables).toEqual({ userIds: ['u1'], ...sent });
  });

  test('numbers stand for IDs, one by one in a list, and keep their digits', async () => {
    const { url, queries } = await service();
    const opened = await open(file(url, signature, call, 'userId'));
    const ids = [1, 9007199254740993n, 'x'];
    expect(await opened.fetch({ $args: { ids } })).toEqual([
      { userId: '1' },
      { userId: '9007199254740993' },
      { userId: 'x' },
    ]);
    expect(queries[0]?.variables).toEqual({ userIds: ['1', '9007199254740993', 'x'] });
  });

  test('keys of a batch go out as one list', async () => {
    const { url, queries } = await service();
    const opened = await open(file(url, '', 'query: "orders", args: "userIds: $batch.id"', 'userId'));
    expect(await opened.fetch({ $batch: [{ id: 'u1' }, { id: 'u2' }] })).toEqual([
      { userId: 'u1' },
      { userId: 'u2' },
    ]);
    expect(queries).toHaveLength(1);
  });

  test('big integers keep their digits both ways', async () => {
    const started = await service();
    started.canned = (received) =>
      received.document.includes('huge') ? { text: '{"data":{"huge":9007199254740993}}' } : undefined;
    const opened = await open(
      file(started.url, '(n: String)', 'query: "huge", args: "number: $args.n"', '$'),
    );
    expect(await opened.fetch({ $args: { n: 12345678901234567890n } })).toBe(9007199254740993n);
    expect(started.queries[0]?.body).toContain('"variables":{"number":12345678901234567890}');
  });

  test('$args forwards all arguments, and only those the backend takes', async () => {
    const { url, queries } = await service();
    const opened = await open(
      file(url, '(userIds: [ID!]!, last: Int)', 'query: "orders", args: "$args"', 'id'),
    );
    await opened.fetch({ $args: { userIds: ['u1'], last: 2 } });
    expect(queries[0]?.document).toContain('query ($userIds: [ID!]!, $last: Int)');
    expect(queries[0]?.variables).toEqual({ userIds: ['u1'], last: 2 });
  });

  test.each([
    ['a required argument that is missing', {}, 'The argument "id" is missing.'],
    ['a required argument that is null', { id: null }, 'The argument "id" cannot be null.'],
  ])('%s makes no call', async (_, $args, message) => {
    const { url, queries } = await service();
    const opened = await open(file(url, '(id: ID)', 'query: "order", args: "id: $args.id"', 'id'));
    expect(() => opened.connect().prepare({ $args }, wanted('id'))).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', message }),
    );
    expect(queries).toEqual([]);
  });

  test('what only running shows to be no argument is refused', async () => {
    const { url } = await service();
    const opened = await open(file(url, '(input: JSON)', 'query: "order", args: "$args.input"', 'id'));
    await expect(opened.call({ $args: { input: { id: 'o1', __proto__x: 1 } } })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    await expect(opened.call({ $args: { input: ['o1'] } })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('the request', () => {
  test('is JSON, with the headers of source and connector', async () => {
    const { url, queries } = await service();
    const opened = await open(
      /* GraphQL */ `
      extend schema @source(name: "orders", graphql: { url: "${url}?v=1", headers: [
        { name: "x-key", value: "{$config.key}" }, { name: "x-tenant", value: "none" }, { name: "authorization", from: "authorization" }
      ] })
      type Query { count: Int @connect(source: "orders", selection: "$", graphql: {
        query: "count", headers: [{ name: "X-Tenant", value: "{$args.tenant}" }]
      }) }
    `,
      { config: { key: 'k1' } },
    );
    await opened.call({
      $config: { key: 'k1' },
      $args: { tenant: 't1' },
      $request: { headers: { authorization: ['Bearer a'] } },
    });
    expect(queries[0]?.path).toBe('/graphql?v=1');
    expect(queries[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'x-key': 'k1',
      'x-tenant': 't1',
      authorization: 'Bearer a',
    });
  });

  test('leaves only when it is sent', async () => {
    const { url, queries } = await service();
    const opened = await open(file(url, '', 'query: "count"', '$'));
    const outgoing = opened.connect().prepare({}, wanted('$'));
    expect(queries).toEqual([]);
    expect((await outgoing.send(limits)).body).toBe(3);
  });

  test("goes to the address of the setting instead of the file's", async () => {
    const { url, queries } = await service();
    const opened = await open(file('http://nowhere.invalid/', '', 'query: "count"', '$'), { address: url });
    expect(await opened.fetch()).toBe(3);
    expect(queries).toHaveLength(1);
  });
});
