import { GraphQLError } from 'graphql';
import { expect, onTestFinished, test } from 'vitest';
import { createGateway, type Gateway } from '../../../src/index.js';
import { startService, type Service } from './service.js';

const sdl = `
  type Query { order(id: ID!): Order sure(id: ID!): Order! count: Int old(id: ID!): Order }
  type Mutation { place(id: ID!): Order }
  type Order { id: ID! total(unit: Int): Int note: String }
`;

const order = (id: string) => ({
  id,
  total: ({ unit = 1 }: { unit?: number }) => Number(id) * unit,
  note: () => {
    throw new GraphQLError(`no note for ${id}`, { extensions: { code: 'NO_NOTE' } });
  },
});

const root = {
  order: ({ id }: { id: string }) => order(id),
  sure: ({ id }: { id: string }) => {
    if (id === '0') throw new GraphQLError('there is no 0', { extensions: { code: 'NOTHING' } });
    return order(id);
  },
  count: 3,
  place: ({ id }: { id: string }) => order(id),
};

async function open(source = ''): Promise<{ gateway: Gateway; service: Service }> {
  const service = await startService(sdl.replace(/old\(id: ID!\): Order/, ''), root);
  const gateway = await createGateway({
    files: {
      'orders.graphql': `extend schema @source(name: "orders", graphql: { url: "${service.url}"${source} })\n${sdl}`,
      'shops.graphql': `
        type Query { shop(ids: [ID!]!): Shop @connect(selection: "orders: $args.ids->map({ id: @ })") }
        type Shop { orders: [Line!] }
        type Line { id: ID! }`,
      'lines.graphql': `
        extend schema @source(name: "lines", graphql: { url: "${service.url}" })
        type Line { id: ID! total: Int @connect(source: "lines", graphql: { query: "order", args: "id: $this.id" }, selection: "$.total") }`,
    },
    config: { log: 'silent' },
  });
  onTestFinished(() => gateway.close());
  return { gateway, service };
}

test('the fields of one level leave as one request', async () => {
  const { gateway, service } = await open();
  const query = '{ a: order(id: 1) { t: total(unit: 10) id } count b: order(id: 2) { id } }';
  expect(await gateway.ask({ query })).toEqual({
    data: { a: { t: 10, id: '1' }, count: 3, b: { id: '2' } },
  });
  expect(service.queries.map(({ document, variables }) => [document, variables])).toEqual([
    [
      'query ($_0_id: ID!, $_0_unit__1: Int, $_1_id: ID!) { _0: order(id: $_0_id) { total__1: total(unit: $_0_unit__1) id } _1: order(id: $_1_id) { id } _2: count }',
      { _0_id: '1', _0_unit__1: 10, _1_id: '2' },
    ],
  ]);
});

test('the calls of many objects leave together, fifty at a time', async () => {
  const { gateway, service } = await open();
  const ids = Array.from({ length: 120 }, (_, index) => index + 1);
  const answer = await gateway.ask({
    query: 'query ($ids: [ID!]!) { shop(ids: $ids) { orders { total } } }',
    variables: { ids },
  });
  expect(answer).toEqual({ data: { shop: { orders: ids.map((total) => ({ total })) } } });
  expect(service.queries).toHaveLength(3);
});

test('each field gets its own errors, at its own path', async () => {
  const { gateway, service } = await open();
  const { data, errors = [] } = await gateway.ask({
    query: '{ a: order(id: 1) { id note } b: order(id: 2) { note } }',
  });
  expect(data).toEqual({ a: { id: '1', note: null }, b: { note: null } });
  expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
    [['a', 'note'], 'NO_NOTE'],
    [['b', 'note'], 'NO_NOTE'],
  ]);
  expect(service.queries).toHaveLength(1);
});

test('a field that cannot be null does not take its neighbours along', async () => {
  const { gateway, service } = await open();
  const query = '{ a: order(id: 1) { id } ... @include(if: true) { s: count } }';
  expect(await gateway.ask({ query })).toEqual({ data: { a: { id: '1' }, s: 3 } });
  service.queries.length = 0;
  const { data, errors = [] } = await gateway.ask({ query: '{ a: count old: order(id: 1) { id } }' });
  expect([data, errors]).toEqual([{ a: 3, old: { id: '1' } }, []]);
  expect(service.queries).toHaveLength(1);
  const poisoned = await startGatewayOf('sure(id: ID!): Order');
  const answer = await poisoned.gateway.ask({
    query: '{ a: sure(id: 0) { id } b: sure(id: 1) { id } count }',
  });
  expect(answer.data).toEqual({ a: null, b: { id: '1' }, count: 3 });
  expect(answer.errors?.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
    [['a'], 'NOTHING'],
  ]);
  expect(poisoned.service.queries).toHaveLength(2);
});

/** A file in which the field may be null, although the service says it cannot. */
async function startGatewayOf(field: string) {
  const service = await startService(sdl, root);
  const gateway = await createGateway({
    files: {
      'orders.graphql': `extend schema @source(name: "orders", graphql: { url: "${service.url}" })\n${sdl.replace('sure(id: ID!): Order!', field)}`,
    },
    config: { log: 'silent' },
  });
  onTestFinished(() => gateway.close());
  return { gateway, service };
}

test('a field that the service does not know does not take its neighbours along', async () => {
  const { gateway } = await open();
  const { data, errors } = await gateway.ask({ query: '{ old(id: 1) { id } order(id: 1) { id } }' });
  expect(data).toEqual({ old: null, order: { id: '1' } });
  expect(errors?.map(({ path }) => path)).toEqual([['old']]);
});

test('a service in trouble is not asked again for each field', async () => {
  const { gateway, service } = await open();
  service.canned = () => ({ status: 503, text: '{"errors":[{"message":"starting"}]}' });
  const { data, errors } = await gateway.ask({
    query: '{ a: order(id: 1) { id } b: order(id: 2) { id } count }',
  });
  expect(data).toEqual({ a: null, b: null, count: null });
  expect(errors).toHaveLength(3);
  expect(service.queries).toHaveLength(1);
});

test('mutations leave one by one, in order', async () => {
  const { gateway, service } = await open();
  await gateway.ask({ query: 'mutation { a: place(id: 1) { id } b: place(id: 2) { id } }' });
  expect(service.queries.map(({ variables }) => variables)).toEqual([{ id: '1' }, { id: '2' }]);
});

test('nothing of one caller leaves with the request of another', async () => {
  const { gateway, service } = await open(', headers: [{ name: "authorization", from: "authorization" }]');
  const callers = Array.from({ length: 20 }, (_, index) => `Bearer ${index}`);
  const ask = (authorization: string, index: number) =>
    gateway.ask({
      query: `{ a: order(id: ${index}) { id } b: order(id: ${index + 100}) { id } }`,
      headers: { authorization: [authorization] },
    });
  const answers = await Promise.all(callers.map(ask));
  expect(answers).toEqual(
    callers.map((_, index) => ({ data: { a: { id: `${index}` }, b: { id: `${index + 100}` } } })),
  );
  expect(service.queries.map(({ headers, variables }) => [headers.authorization, variables]).sort()).toEqual(
    callers.map((caller, index) => [caller, { _0_id: `${index}`, _1_id: `${index + 100}` }]).sort(),
  );
});
