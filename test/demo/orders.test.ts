import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  printSchema,
  type IntrospectionQuery,
} from 'graphql';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Running } from '../../demo/backend.js';
import { deletedProductId, orders, products } from '../../demo/data.js';
import { startOrders } from '../../demo/orders/server.js';
import { ask, askGraphQL } from './clients.js';

let service: Running;
beforeAll(async () => {
  service = await startOrders();
});
beforeEach(() => service.reset());
afterAll(() => service.close());

const whole =
  'id userId placedAt status items { productId quantity unitPrice { amountMinor currency } } total { amountMinor currency }';
const idsOf = (rows: unknown): string[] => (rows as { id: string }[]).map(({ id }) => id);

describe('Query', () => {
  it('answers an order whole, and null for an unknown one', async () => {
    const query = `query Both($id: ID!) { order(id: $id) { ${whole} } none: order(id: "o-999") { id } }`;
    expect(await askGraphQL(service.url, query, { id: 'o-007' })).toEqual({
      data: { order: orders[6], none: null },
    });
    expect(service.calls()).toMatchObject([
      {
        number: 1,
        method: 'POST',
        path: '/graphql',
        operation: 'query order, order',
        keys: ['o-007', 'o-999'],
        document: query,
      },
    ]);
  });

  it('pages through all orders', async () => {
    const query =
      'query ($after: String) { orders(first: 70, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } totalCount } }';
    const found: string[] = [];
    const sizes: number[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { data } = await askGraphQL(service.url, query, { after });
      const page = data?.['orders'] as {
        nodes: unknown;
        totalCount: number;
        pageInfo: { hasNextPage: boolean; endCursor: string };
      };
      expect(page.totalCount).toBe(180);
      found.push(...idsOf(page.nodes));
      sizes.push(idsOf(page.nodes).length);
      ({ hasNextPage: more, endCursor: after } = page.pageInfo);
    }
    expect(found).toEqual(idsOf(orders));
    expect(sizes).toEqual([70, 70, 40]);
  });

  it('answers 20 orders unless told, and all of them in one call if wanted', async () => {
    const { data } = await askGraphQL(
      service.url,
      '{ some: orders { nodes { id } } all: orders(first: 500) { nodes { id } pageInfo { hasNextPage } } }',
    );
    expect(data).toMatchObject({
      some: { nodes: { length: 20 } },
      all: { nodes: { length: 180 }, pageInfo: { hasNextPage: false } },
    });
  });

  it('answers the last orders of many users as flat rows, newest first, users mixed', async () => {
    const query = '{ ordersByUsers(userIds: ["2", "1", "99"], last: 3) { id userId } }';
    const last = ['1', '2'].flatMap((user) => orders.filter(({ userId }) => userId === user).slice(-3));
    const expected = last
      .toSorted((a, b) => b.placedAt.localeCompare(a.placedAt))
      .map(({ id, userId }) => ({ id, userId }));
    expect(await askGraphQL(service.url, query)).toEqual({ data: { ordersByUsers: expected } });
    expect(service.calls()).toMatchObject([{ operation: 'query ordersByUsers', keys: ['2', '1', '99'] }]);
  });

  it('answers all orders of a user without last', async () => {
    const { data } = await askGraphQL(service.url, '{ ordersByUsers(userIds: ["1"]) { id } }');
    expect(idsOf(data?.['ordersByUsers'])).toEqual(
      idsOf(orders.filter(({ userId }) => userId === '1').toReversed()),
    );
  });

  it('answers orders by ids, known and once, in its own order', async () => {
    const { data } = await askGraphQL(
      service.url,
      '{ ordersByIds(ids: ["o-009", "o-002", "o-999", "o-009"]) { id } }',
    );
    expect(idsOf(data?.['ordersByIds'])).toEqual(['o-002', 'o-009']);
  });

  it.each([
    '{ orders(first: 0) { totalCount } }',
    '{ orders(first: 501) { totalCount } }',
    '{ orders(after: "nowhere") { totalCount } }',
    '{ ordersByUsers(userIds: ["1"], last: -1) { id } }',
    `{ ordersByIds(ids: [${'"x",'.repeat(101)}]) { id } }`,
  ])('refuses %.60s', async (query) => {
    expect(await askGraphQL(service.url, query)).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
  });

  it('introspects to the schema file', async () => {
    const { data } = await askGraphQL(service.url, getIntrospectionQuery());
    const file = new URL('../../demo/orders/schema.graphql', import.meta.url);
    const print = (schema: ReturnType<typeof buildSchema>): string =>
      printSchema(lexicographicSortSchema(schema));
    expect(print(buildClientSchema(data as unknown as IntrospectionQuery))).toBe(
      print(buildSchema(readFileSync(file, 'utf8'))),
    );
  });
});

const place = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { ${whole} } }`;

describe('placeOrder', () => {
  it('places an order that can then be read', async () => {
    const own = await startOrders();
    const input = {
      userId: '3',
      items: [
        { productId: 'p-01', quantity: 2 },
        { productId: 'p-02', quantity: 1 },
      ],
    };
    const [first, second] = products.map(({ price }) => price.amountMinor) as [number, number];
    const { data } = await askGraphQL(own.url, place, { input });
    expect(data?.['placeOrder']).toMatchObject({
      id: 'o-181',
      userId: '3',
      status: 'PLACED',
      placedAt: '2025-07-11T00:51:00Z',
    });
    expect(data?.['placeOrder']).toMatchObject({
      total: { amountMinor: 2 * first + second, currency: 'EUR' },
    });
    const read = await askGraphQL(
      own.url,
      `{ order(id: "o-181") { ${whole} } ordersByUsers(userIds: ["3"], last: 1) { id } }`,
    );
    expect(read.data).toEqual({ order: data?.['placeOrder'], ordersByUsers: [{ id: 'o-181' }] });
    await own.close();
  });

  it('places one order for one idempotency key, and refuses another input under it', async () => {
    const own = await startOrders();
    const input = { userId: '3', items: [{ productId: 'p-01', quantity: 2 }], idempotencyKey: 'k' };
    const first = await askGraphQL(own.url, place, { input });
    expect(await askGraphQL(own.url, place, { input })).toEqual(first);
    expect(await askGraphQL(own.url, place, { input: { ...input, userId: '4' } })).toMatchObject({
      errors: [{ extensions: { code: 'IDEMPOTENCY_CONFLICT' } }],
    });
    expect((await askGraphQL(own.url, '{ orders { totalCount } }')).data).toEqual({
      orders: { totalCount: 181 },
    });
    await own.close();
  });

  it.each([
    ['a user who is gone', { userId: '13' }, 'USER_NOT_FOUND'],
    ['a deleted product', { items: [{ productId: deletedProductId, quantity: 1 }] }, 'PRODUCT_NOT_FOUND'],
    ['no items', { items: [] }, 'BAD_USER_INPUT'],
    [
      'a product twice',
      {
        items: [
          { productId: 'p-01', quantity: 1 },
          { productId: 'p-01', quantity: 1 },
        ],
      },
      'BAD_USER_INPUT',
    ],
    ['nothing of a product', { items: [{ productId: 'p-01', quantity: 0 }] }, 'BAD_USER_INPUT'],
  ])('refuses %s', async (_what, fault, code) => {
    const input = { userId: '3', items: [{ productId: 'p-01', quantity: 1 }], ...fault };
    expect(await askGraphQL(service.url, place, { input })).toMatchObject({
      data: null,
      errors: [{ extensions: { code } }],
    });
  });
});

interface Stream {
  /** What came so far, up to and with the first part that holds `mark`. */
  until(mark: string): Promise<string>;
  leave(): Promise<void>;
}

async function subscribe(url: string, init: RequestInit): Promise<Stream> {
  const response = await fetch(url, {
    ...init,
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const reader = (response.body ?? expect.fail('no body')).pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  return {
    async until(mark) {
      for (let done = false; !seen.includes(mark) && !done;) {
        const part = await reader.read();
        seen += part.value ?? '';
        done = part.done;
      }
      return seen;
    },
    leave: () => reader.cancel(),
  };
}

describe('orderPlaced', () => {
  const query = 'subscription { orderPlaced { id userId } }';
  const placeOne = (url: string) =>
    askGraphQL(url, place, { input: { userId: '3', items: [{ productId: 'p-01', quantity: 1 }] } });

  it.each([
    ['POST', (url: string) => subscribe(url, { method: 'POST', body: JSON.stringify({ query }) })],
    ['GET', (url: string) => subscribe(`${url}?query=${encodeURIComponent(query)}`, {})],
  ])('streams each order placed, over %s', async (_method, open) => {
    const own = await startOrders();
    const stream = await open(own.url);
    await placeOne(own.url);
    await placeOne(own.url);
    expect(await stream.until('o-182')).toBe(
      ['o-181', 'o-182']
        .map((id) => `event: next\ndata: {"data":{"orderPlaced":{"id":"${id}","userId":"3"}}}\n\n`)
        .join(''),
    );
    await stream.leave();
    await own.close();
  });

  it('reports faults of the document in the stream, and completes', async () => {
    const stream = await subscribe(service.url, {
      method: 'POST',
      body: JSON.stringify({ query: 'subscription { nothing }' }),
    });
    expect(await stream.until('never')).toMatch(
      /^event: next\ndata: \{"errors":\[.*\n\nevent: complete\ndata:\n\n$/,
    );
  });

  it('answers a query over a stream too', async () => {
    const stream = await subscribe(service.url, {
      method: 'POST',
      body: '{"query":"{ order(id: \\"o-001\\") { id } }"}',
    });
    expect(await stream.until('never')).toBe(
      'event: next\ndata: {"data":{"order":{"id":"o-001"}}}\n\nevent: complete\ndata:\n\n',
    );
  });

  it('is refused without a stream', async () => {
    expect(await askGraphQL(service.url, query)).toMatchObject({
      errors: [{ message: expect.stringContaining('text/event-stream') as string }],
    });
  });
});

describe('the orders service', () => {
  it.each([
    ['no JSON', { body: '{"query":' }, 400],
    ['an array', { body: '[]' }, 400],
    ['no query', { body: '{}' }, 400],
    ['variables that are no object', { body: { query: '{ orders { totalCount } }', variables: [] } }, 400],
    ['another type', { body: 'query', headers: { 'content-type': 'text/plain' } }, 415],
    ['GET', {}, 405],
    ['too much', { body: 'x'.repeat(1_100_000) }, 413],
  ])('answers %s with a JSON error', async (_what, init, status) => {
    expect(await ask(service.url, init)).toMatchObject({
      status,
      body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
    });
  });

  it('answers another path with 404, also one that is no URL', async () => {
    expect((await ask(new URL('/other', service.url).href)).status).toBe(404);
    const sent = httpRequest({ port: service.port, host: '127.0.0.1', path: '//[' });
    const status = new Promise((resolve) =>
      sent.on('response', (response) => resolve(text(response).then(() => response.statusCode))),
    );
    sent.end();
    expect(await status).toBe(404);
  });

  it('answers a bad document with 200 as application/json and 400 as application/graphql-response+json', async () => {
    const body = { query: '{ nothing }' };
    expect((await ask(service.url, { body })).status).toBe(200);
    const strict = await ask(service.url, { body, headers: { accept: 'application/graphql-response+json' } });
    expect([strict.status, strict.headers.get('content-type')]).toEqual([
      400,
      'application/graphql-response+json; charset=utf-8',
    ]);
  });

  it('refuses a mutation over GET', async () => {
    const query =
      'mutation { placeOrder(input: {userId: "1", items: [{productId: "p-01", quantity: 1}]}) { id } }';
    const stream = await subscribe(`${service.url}?query=${encodeURIComponent(query)}`, {});
    expect(await stream.until('never')).toContain('A mutation needs POST.');
  });
});
