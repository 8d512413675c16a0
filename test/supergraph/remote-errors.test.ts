import { GraphQLError } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { startService, type Service } from '../connectors/graphql/service.js';

const sdl = `
  type Query { order(id: ID!): Order }
  type Order { id: ID! state: String lines(first: Int): [Line!] sure: Sure lucky: [Int] }
  type Line { sku: String price: Int note(of: Int): String }
  type Sure { a: Int! b: Int! c: [Line!]! }
`;

const fail = (code?: string) => () => {
  throw new GraphQLError(
    'postgres://secret@10.0.0.5 refused',
    code === undefined ? {} : { extensions: { code } },
  );
};

const root = {
  order: ({ id }: { id: string }) => ({
    id,
    state: fail('STATE_UNKNOWN'),
    lines: [
      { sku: 's0', price: 1, note: 'n' },
      { sku: 's1', price: fail('PRICE_GONE'), note: fail() },
      { sku: fail(), price: 3, note: 'n' },
    ],
    sure: { a: fail('A_GONE'), b: fail('B_GONE'), c: [{ sku: 's' }] },
    lucky: [1, new GraphQLError('no luck', { extensions: { code: 'NO_LUCK' } }), 3],
  }),
};

async function open(source: string, schema = sdl): Promise<{ gateway: Gateway; service: Service }> {
  const service = await startService(sdl, root);
  const gateway = await createGateway({
    files: {
      'orders.graphql': `extend schema @source(name: "orders", graphql: { url: "${service.url}" }${source})\n${schema}`,
    },
    config: { log: 'silent' },
  });
  onTestFinished(() => gateway.close());
  return { gateway, service };
}

/** Path, code and message of each error. */
async function ask(gateway: Gateway, query: string) {
  const { data, errors = [] } = await gateway.ask({ query });
  const brief = errors.map(({ path, extensions, message }) => [path?.join('.'), extensions['code'], message]);
  return { data, errors: brief };
}

describe('an error beside data', () => {
  test('leaves the data, and stands at the path that the client sees, with its code', async () => {
    const { gateway } = await open('');
    const query = '{ o: order(id: 1) { id s: state l: lines { sku p: price n: note(of: 1) } n: lucky } }';
    expect(await ask(gateway, query)).toEqual({
      data: {
        o: {
          id: '1',
          s: null,
          l: [
            { sku: 's0', p: 1, n: 'n' },
            { sku: 's1', p: null, n: null },
            { sku: null, p: 3, n: 'n' },
          ],
          n: [1, null, 3],
        },
      },
      errors: [
        ['o.s', 'STATE_UNKNOWN', 'Request failed'],
        ['o.l.1.p', 'PRICE_GONE', 'Request failed'],
        ['o.l.1.n', 'CONNECTOR_FETCH', 'Request failed'],
        ['o.l.2.sku', 'CONNECTOR_FETCH', 'Request failed'],
        ['o.n.1', 'NO_LUCK', 'Request failed'],
      ],
    });
  });

  test('of a value that took the whole object stands where that value was asked for', async () => {
    const { gateway } = await open('');
    expect(await ask(gateway, '{ order(id: 1) { id x: sure { first: a b c { sku } } } }')).toEqual({
      data: { order: { id: '1', x: null } },
      errors: [['order.x.first', 'A_GONE', 'Request failed']],
    });
  });

  test('says what it says where the source says so', async () => {
    const { gateway } = await open(
      ', errors: { message: "$.message", extensions: "code: errors->first.extensions.code?" }',
    );
    expect(await ask(gateway, '{ order(id: 1) { lucky } }')).toEqual({
      data: { order: { lucky: [1, null, 3] } },
      errors: [['order.lucky.1', 'NO_LUCK', 'no luck']],
    });
  });

  test('follows its value through a mapping that names the fields otherwise', async () => {
    const { gateway } = await open(
      '',
      `type Query { order(id: ID!): Order @connect(source: "orders", graphql: { query: "order", args: "$args" },
         selection: "id status: state rows: lines { sku cost: price } numbers: lucky") }
       type Order { id: ID! status: String rows: [Row] numbers: [Int] }
       type Row { sku: String cost: Int }`,
    );
    expect(await ask(gateway, '{ o: order(id: 1) { s: status r: rows { c: cost } n: numbers } }')).toEqual({
      data: { o: { s: null, r: [{ c: 1 }, { c: null }, { c: 3 }], n: [1, null, 3] } },
      errors: [
        ['o.s', 'CONNECTOR_FETCH', 'Request failed'],
        ['o.r.1.c', 'CONNECTOR_FETCH', 'Request failed'],
        ['o.n.1', 'CONNECTOR_FETCH', 'Request failed'],
      ],
    });
  });

  test('is no key and no fact for a rule', async () => {
    const { gateway, service } = await open(
      '',
      `extend schema @definePolicy(name: "open", allow: "$this.state->eq('OPEN')")
       ${sdl.replace('lucky: [Int]', 'lucky: [Int] @policy(policies: [["open"]])')}
       extend type Order {
         more: Order @connect(source: "orders", graphql: { query: "order", args: "id: $this.state" }, selection: "id")
       }`,
    );
    const { data, errors } = await ask(gateway, '{ order(id: 1) { more { id } lucky } }');
    expect(data).toEqual({ order: { more: null, lucky: null } });
    expect(errors).toEqual([['order.lucky', 'UNAUTHENTICATED', expect.any(String)]]);
    expect(service.queries).toHaveLength(1);
  });
});
