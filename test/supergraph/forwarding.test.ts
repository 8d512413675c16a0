import { describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { onTestFinished } from 'vitest';
import { startService, type Service } from '../connectors/graphql/service.js';
import { startRest } from '../support/rest.js';

const sdl = `
  type Query {
    order(id: ID!): Order
    orders(filter: Filter, first: Int = 2): [Order!]!
    search(text: String!): [Hit!]!
    node(id: ID!): Node
    strict(id: ID!): Order!
  }
  type Mutation { place(input: Place!): Order }
  interface Node { id: ID! }
  union Hit = Order | Customer
  type Order implements Node {
    id: ID!
    state: State!
    placed(format: String = "iso"): Date
    items(first: Int, of: [ID!]): [Item!]!
    customer: Customer
    note(language: String!): String
    secret: String
    extra: JSON
  }
  type Item { sku: String! price(currency: Currency = EUR): Int! }
  type Customer implements Node { id: ID! nick: String vip(since: Int): Boolean }
  enum State { OPEN CLOSED }
  enum Currency { EUR USD }
  scalar Date
  scalar JSON
  input Filter { state: State, ids: [ID!], range: Range }
  input Range { from: Int, to: Int = 9 }
  input Place { sku: String!, quantity: Int = 1 }
`;

const customer = (id: string) => ({
  __typename: 'Customer',
  id,
  nick: `nick-${id}`,
  vip: ({ since }: { since?: number }) => since === undefined,
});

const order = (id: string) => ({
  __typename: 'Order',
  id,
  state: id === '1' ? 'OPEN' : 'CLOSED',
  placed: ({ format }: { format: string }) => `${format}-${id}`,
  items: ({ first = 3 }: { first?: number }) =>
    Array.from({ length: first }, (_, index) => ({
      sku: `s${index}`,
      price: ({ currency }: { currency: string }) => (currency === 'EUR' ? index : index * 2),
    })),
  customer: () => customer(`c${id}`),
  note: ({ language }: { language: string }) => `${language} ${id}`,
  extra: { deep: [1, { id }] },
});

const root = {
  order: ({ id }: { id: string }) => (id === '404' ? null : order(id)),
  orders: ({ filter, first }: { filter?: { ids?: string[] }; first: number }) =>
    (filter?.ids ?? ['1', '2', '3']).slice(0, first).map(order),
  search: () => [order('1'), customer('c9')],
  node: ({ id }: { id: string }) => (id.startsWith('c') ? customer(id) : order(id)),
  strict: ({ id }: { id: string }) => order(id),
  place: ({ input }: { input: { sku: string; quantity: number } }) => order(`${input.sku}${input.quantity}`),
};

async function shop(more: Record<string, string> = {}): Promise<{ gateway: Gateway; service: Service }> {
  const service = await startService(sdl, root);
  const gateway = await createGateway({
    files: {
      'orders.graphql': `extend schema @source(name: "orders", graphql: { url: "${service.url}" })\n${sdl}`,
      ...more,
    },
  });
  onTestFinished(() => gateway.close());
  return { gateway, service };
}

describe('a file whose only source is GraphQL', () => {
  test.each<[string, string, Record<string, unknown>, string, unknown, unknown]>([
    [
      'hands a root field on, with aliases of the client put on afterwards',
      '{ a: order(id: 1) { name: id s: state } }',
      {},
      'query ($id: ID!) { order(id: $id) { id state } }',
      { id: '1' },
      { a: { name: '1', s: 'OPEN' } },
    ],
    [
      'hands on input objects, enums and lists as variables',
      'query ($ids: [ID!], $to: Int) { orders(filter: { state: OPEN, ids: $ids, range: { from: 1, to: $to } }) { id } }',
      { ids: [1, '2'] },
      'query ($filter: Filter, $first: Int) { orders(filter: $filter, first: $first) { id } }',
      { filter: { state: 'OPEN', ids: ['1', '2'], range: { from: 1, to: 9 } }, first: 2 },
      { orders: [{ id: '1' }, { id: '2' }] },
    ],
    [
      'hands on the arguments of nested fields, each set of them once',
      '{ order(id: 1) { a: items(first: 1) { sku } b: items(first: 1) { price } c: items(first: 2) { price(currency: USD) eur: price } } }',
      {},
      'query ($id: ID!, $first__1: Int, $currency__1: Currency, $first__2: Int, $currency__2: Currency, $currency__3: Currency) ' +
        '{ order(id: $id) { items__1: items(first: $first__1) { sku price__1: price(currency: $currency__1) } ' +
        'items__2: items(first: $first__2) { price__2: price(currency: $currency__2) price__3: price(currency: $currency__3) } } }',
      { id: '1', first__1: 1, currency__1: 'EUR', first__2: 2, currency__2: 'USD', currency__3: 'EUR' },
      {
        order: {
          a: [{ sku: 's0' }],
          b: [{ price: 0 }],
          c: [
            { price: 0, eur: 0 },
            { price: 2, eur: 1 },
          ],
        },
      },
    ],
    [
      'takes the values of nested arguments from variables',
      'query ($n: Int, $l: String!) { order(id: 1) { items(first: $n) { sku } note(language: $l) } }',
      { n: 1, l: 'no' },
      'query ($id: ID!, $first__1: Int, $language__1: String!) { order(id: $id) { items__1: items(first: $first__1) { sku } note__1: note(language: $language__1) } }',
      { id: '1', first__1: 1, language__1: 'no' },
      { order: { items: [{ sku: 's0' }], note: 'no 1' } },
    ],
    [
      'asks members of a union for their own fields alone',
      '{ search(text: "x") { __typename ... on Order { id } ... on Customer { nick vip(since: 3) } } }',
      {},
      'query ($text: String!, $since__1: Int) { search(text: $text) { __typename ... on Order { id } ... on Customer { nick vip__1: vip(since: $since__1) } } }',
      { text: 'x', since__1: 3 },
      {
        search: [
          { __typename: 'Order', id: '1' },
          { __typename: 'Customer', nick: 'nick-c9', vip: false },
        ],
      },
    ],
    [
      'asks an interface for the fields of its members',
      '{ node(id: "c1") { id ... on Customer { nick } } }',
      {},
      'query ($id: ID!) { node(id: $id) { __typename ... on Order { id } ... on Customer { id nick } } }',
      { id: 'c1' },
      { node: { id: 'c1', nick: 'nick-c1' } },
    ],
    [
      'leaves out what @skip and @include switch off',
      'query ($yes: Boolean!, $no: Boolean!) { order(id: 1) { id @skip(if: $yes) state @include(if: $no) customer { nick } ... @include(if: $no) { secret } } }',
      { yes: true, no: false },
      'query ($id: ID!) { order(id: $id) { customer { nick } } }',
      { id: '1' },
      { order: { customer: { nick: 'nick-c1' } } },
    ],
    [
      'hands on scalars of the service as they come',
      '{ order(id: 1) { placed extra } }',
      {},
      'query ($id: ID!, $format__1: String) { order(id: $id) { placed__1: placed(format: $format__1) extra } }',
      { id: '1', format__1: 'iso' },
      { order: { placed: 'iso-1', extra: { deep: [1, { id: '1' }] } } },
    ],
    [
      'hands on mutations',
      'mutation { place(input: { sku: "a" }) { id } }',
      {},
      'mutation ($input: Place!) { place(input: $input) { id } }',
      { input: { sku: 'a', quantity: 1 } },
      { place: { id: 'a1' } },
    ],
    [
      'hands on fragments',
      '{ order(id: 1) { ...F } } fragment F on Order { ... on Node { id } customer { ...C } } fragment C on Customer { nick }',
      {},
      'query ($id: ID!) { order(id: $id) { id customer { nick } } }',
      { id: '1' },
      { order: { id: '1', customer: { nick: 'nick-c1' } } },
    ],
  ])('%s', async (_, query, variables, document, sent, data) => {
    const { gateway, service } = await shop();
    expect(await gateway.ask({ query, variables })).toEqual({ data });
    expect(service.queries.map((each) => [each.document, each.variables])).toEqual([[document, sent]]);
  });

  test('gives both where two names of one field call different fields alike', async () => {
    const { gateway } = await shop();
    const query = '{ a: order(id: 1) { x: customer { n: nick } y: customer { n: id } } }';
    expect(await gateway.ask({ query })).toEqual({ data: { a: { x: { n: 'nick-c1' }, y: { n: 'c1' } } } });
  });

  test('is not asked for its schema', async () => {
    const { service } = await shop();
    expect(service.calls).toEqual([]);
  });

  test('shares its types with other files by their keys', async () => {
    const rows = ['c1', 'c2', 'c3'].map((id) => ({ id, name: `Name of ${id}` }));
    const crm = await startRest(
      new Map([['GET /customers?id=c1&id=c2&id=c3', { body: JSON.stringify(rows) }]]),
    );
    onTestFinished(() => crm.close());
    const { gateway, service } = await shop({
      'crm.graphql': `
        extend schema @source(name: "crm", http: { baseURL: "${crm.url}" })
        type Query { customer(id: ID!): Customer
          @connect(source: "crm", http: { GET: "/customers?id={$args.id}" }, selection: "$->first { id name }") }
        type Customer @connect(source: "crm", http: { GET: "/customers", queryParams: "id: $batch.id" }, selection: "id name") {
          id: ID!
          name: String
        }`,
    });
    expect(
      await gateway.ask({ query: '{ orders(first: 3) { id: state customer { id: nick called: name } } }' }),
    ).toEqual({
      data: {
        orders: ['1', '2', '3'].map((id) => ({
          id: id === '1' ? 'OPEN' : 'CLOSED',
          customer: { id: `nick-c${id}`, called: `Name of c${id}` },
        })),
      },
    });
    expect(crm.calls).toHaveLength(1);
    expect(service.queries).toHaveLength(1);
  });
});

/** A gateway for one service, with what its file says beside the service's own schema. */
async function forward(
  sdl: string,
  root: object,
  file: (sdl: string) => string = (same) => same,
): Promise<{ gateway: Gateway; service: Service }> {
  const service = await startService(sdl, root);
  const source = `extend schema @source(name: "service", graphql: { url: "${service.url}" })`;
  const gateway = await createGateway({ files: { 'service.graphql': `${source}\n${file(sdl)}` } });
  onTestFinished(() => gateway.close());
  return { gateway, service };
}

describe('a forwarded field', () => {
  test('is asked under no name that another field of the service has', async () => {
    const { gateway, service } = await forward(
      'type Query { box: Box } type Box { items(first: Int): [Int] items__1: String }',
      { box: { items: ({ first }: { first: number }) => [first], items__1: 'own' } },
    );
    expect(await gateway.ask({ query: '{ box { items(first: 3) items__1 } }' })).toEqual({
      data: { box: { items: [3], items__1: 'own' } },
    });
    expect(service.queries.map(({ document }) => document)).toEqual([
      'query ($first__1: Int) { box { items__2: items(first: $first__1) items__1 } }',
    ]);
  });

  test('of one type in two members of a union is answered with the arguments of each', async () => {
    const at = (who: string) => ({ x: ({ by }: { by: number }) => `${who} ${by}`, y: who });
    const { gateway } = await forward(
      `type Query { all: [Any] } union Any = A | B
       type A { at: Place } type B { at: Place } type Place { x(by: Int): String y: String }`,
      {
        all: [
          { __typename: 'A', at: at('a') },
          { __typename: 'B', at: at('b') },
        ],
      },
    );
    const query = '{ all { ... on A { at { x: y y: x(by: 1) } } ... on B { at { x: y y: x(by: 2) } } } }';
    expect(await gateway.ask({ query })).toEqual({
      data: { all: [{ at: { x: 'a', y: 'a 1' } }, { at: { x: 'b', y: 'b 2' } }] },
    });
  });

  test('is asked once for an object with two names, in each of which one name stands for another field', async () => {
    const { gateway, service } = await shop();
    const query = `{ order(id: 1) {
      a: customer { x: nick y: vip(since: 1) } b: customer { x: id y: vip } c: customer { ... on Node { x: __typename } }
    } }`;
    expect(await gateway.ask({ query })).toEqual({
      data: { order: { a: { x: 'nick-c1', y: false }, b: { x: 'c1', y: true }, c: { x: 'Customer' } } },
    });
    expect(service.queries).toHaveLength(1);
  });

  test('has every digit of the integers that are written as its arguments, or are its defaults', async () => {
    const { gateway, service } = await forward(
      `scalar Long input In { of: [Long], or: Long = 9007199254740995 }
       type Query { a(id: Long, in: In, or: Long = 9007199254740997): Boolean }`,
      { a: true },
    );
    const query =
      'query ($v: Long = 9007199254740999) { a(id: 9007199254740993, in: { of: [-9007199254740993, $v, 7] }) }';
    expect(await gateway.ask({ query })).toEqual({ data: { a: true } });
    expect(service.queries[0]?.variables).toEqual({
      id: 9007199254740993n,
      in: { of: [-9007199254740993n, 9007199254740999n, 7], or: 9007199254740995n },
      or: 9007199254740997n,
    });
  });

  test.each(['{ doc { secret } }', '{ doc { secret holder { ... on User { kin { id: age(of: 3) } } } } }'])(
    'is guarded by what its siblings are, not by what the client asks of them: %s',
    async (query) => {
      const { gateway } = await forward(
        `type Query { doc: Doc } type Doc { secret: String holder: Holder } union Holder = User | Club
         type User { kin: Kin } type Club { kin: Kin } type Kin { id: ID! age(of: Int): Int }`,
        { doc: { secret: 's', holder: { __typename: 'User', kin: { id: '9', age: 7 } } } },
        (sdl) => `extend schema @definePolicy(name: "kin", allow: "$this.holder.kin.id->eq($claims.sub)")
          ${sdl.replace('secret: String', 'secret: String @policy(policies: [["kin"]])')}`,
      );
      const secretFor = async (sub: string) => {
        const { data } = await gateway.ask({ query, identity: { subject: sub, claims: { sub } } });
        return (data as { doc: { secret: string | null } }).doc.secret;
      };
      expect([await secretFor('9'), await secretFor('7')]).toEqual(['s', null]);
    },
  );

  test('keeps its arguments where a file with mappings answers the same root field', async () => {
    const rest = await startRest(new Map([['GET /box', { body: '{"id":1,"name":"B"}' }]]));
    onTestFinished(() => rest.close());
    const service = await startService(
      'type Query { box: Box } type Box { id: ID! size(unit: String): String }',
      { box: { id: 1, size: ({ unit }: { unit: string }) => `3 ${unit}` } },
    );
    const gateway = await createGateway({
      files: {
        'mapped.graphql': `extend schema @source(name: "mapped", http: { baseURL: "${rest.url}" })
          type Query { box: Box @connect(source: "mapped", http: { GET: "/box" }, selection: "id name") }
          type Box @key(fields: "id") @connect(source: "mapped", http: { GET: "/box/{$this.id}" }, selection: "id name") {
            id: ID!
            name: String
          }`,
        'service.graphql': `extend schema @source(name: "service", graphql: { url: "${service.url}" })
          type Query { box: Box } type Box @key(fields: "id") { id: ID! size(unit: String): String }`,
      },
    });
    onTestFinished(() => gateway.close());
    expect(await gateway.ask({ query: '{ box { size: name name: size(unit: "m") } }' })).toEqual({
      data: { box: { size: 'B', name: '3 m' } },
    });
  });
});
