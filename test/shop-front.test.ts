import { readFileSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { ask } from '../demo/ask.js';
import { ShopFrontDocument } from '../demo/client/graphql.js';
import { orders, products, users, type Money } from '../demo/data.js';
import { demoToken, type DemoName } from '../demo/identities.js';
import { startShopFront, type ShopFront } from './support/shop.js';

const shopFront = readFileSync('demo/operations/shop-front.graphql', 'utf8');

/** The answer to ShopFront, made from the shop's data by hand. */
function frontOf(userId: number) {
  const own = orders.filter((order) => order.userId === String(userId));
  const newest = own.toSorted((a, b) => b.placedAt.localeCompare(a.placedAt)).slice(0, 3);
  const amount = (money: Money) => ({ amount: money.amountMinor, currency: money.currency });
  return {
    name: users.find((user) => user.id === userId)?.name,
    orders: newest.map(({ id, placedAt, total, items }) => ({
      id,
      placedAt,
      total: amount(total),
      items: items.map(({ quantity, productId }) => {
        const product = products.find((each) => each.id === productId);
        return { quantity, product: product && { name: product.name, price: amount(product.price) } };
      }),
    })),
  };
}

let front: ShopFront;

beforeAll(async () => {
  front = await startShopFront();
});

afterAll(() => front.close());

beforeEach(() => front.shop.reset());

describe('one query over three backends', () => {
  it('answers ShopFront byte for byte', async () => {
    const { status, text } = await front.post(shopFront, 'customer');
    expect(status).toBe(200);
    expect(text).toBe(`${JSON.stringify({ data: { me: frontOf(1) } })}\n`);
  });

  it('answers the typed client', async () => {
    const token = await demoToken('customer');
    const { data } = await ask(`${front.url}/graphql`, ShopFrontDocument, { token });
    expect(data?.me?.orders?.map((order) => order.total.amount)).toEqual(
      frontOf(1).orders.map((order) => order.total.amount),
    );
  });

  it('makes one REST, one GraphQL and one gRPC call for it', async () => {
    await front.post(shopFront, 'customer');
    expect(front.counts()).toEqual({ users: 1, products: 1, orders: 1 });
    expect(front.shop.users.calls()[0]?.operation).toBe('GET /users/me');
    expect(front.shop.products.calls()[0]?.operation).toBe('ProductService/BatchGetProducts');
    expect(front.shop.orders.calls()[0]?.operation).toBe('query ordersByUsers');
  });

  it('makes one call per backend for all orders with user and products', async () => {
    const { answer } = await front.post(
      '{ orders(first: 180) { totalCount nodes { id user { id name } items { product { id name } } } } }',
      'agent',
    );
    expect(answer.errors).toBeUndefined();
    expect(front.counts()).toEqual({ users: 1, products: 1, orders: 1 });
    expect(answer).toMatchObject({ data: { orders: { totalCount: 180 } } });
  });

  it('asks a backend only for what the query needs', async () => {
    await front.post('{ me { orders(last: 1) { id } } }', 'customer');
    const document = front.shop.orders.calls()[0]?.document ?? '';
    expect(document.replace(/\s+/g, ' ')).toContain('{ id userId }');
    expect(document).not.toContain('total');
  });

  it('does not ask a backend for a stub', async () => {
    const { answer } = await front.post('{ order(id: "o-138") { user { id } } }', 'agent');
    expect(answer).toEqual({ data: { order: { user: { id: '1' } } } });
    expect(front.counts()).toEqual({ users: 0, products: 0, orders: 1 });
  });

  it('gives null for the user of an order who is gone, and for a deleted product', async () => {
    const { answer } = await front.post(
      '{ orders(first: 180) { nodes { id user { name } items { product { name } } } } }',
      'agent',
    );
    const { nodes } = (answer.data as unknown as { orders: { nodes: OrderNode[] } }).orders;
    expect(nodes.find((order) => order.id === 'o-032')?.user).toBeNull();
    expect(nodes.flatMap((order) => order.items).filter((item) => item.product === null)).toHaveLength(12);
    expect(answer.errors).toBeUndefined();
  });

  it('answers under the names the client chose, in the order it asked', async () => {
    const { text } = await front.post('{ b: me { n: name, id } a: me { id } }', 'customer');
    expect(text.trim()).toBe('{"data":{"b":{"n":"Ada Threadwell","id":"1"},"a":{"id":"1"}}}');
    expect(front.counts().users).toBe(1);
  });

  it('never takes a key under a name the client chose', async () => {
    const { answer } = await front.post(
      '{ me { id: name name: id orders: city real: orders(last: 1) { id: placedAt user { name: id } } } }',
      'customer',
    );
    expect(answer).toMatchObject({ data: { me: { id: 'Ada Threadwell', name: '1' } } });
    expect(answer).toMatchObject({ data: { me: { real: [{ user: { name: '1' } }] } } });
  });
});

interface OrderNode {
  readonly id: string;
  readonly user: { readonly name: string } | null;
  readonly items: readonly { readonly product: { readonly name: string } | null }[];
}

describe('who may have what', () => {
  const denied = (code: string) => [expect.objectContaining({ extensions: { code } }) as unknown];

  it('shows products to everybody', async () => {
    const { answer } = await front.post('{ product(id: "p-01") { id price { amount currency } } }');
    expect(answer.errors).toBeUndefined();
    expect(answer).toMatchObject({ data: { product: { id: 'p-01' } } });
  });

  it('answers `me` of an anonymous caller with null and UNAUTHENTICATED, and makes no call', async () => {
    const { answer } = await front.post('{ me { name } }');
    expect(answer.data).toEqual({ me: null });
    expect(answer.errors).toEqual(denied('UNAUTHENTICATED'));
    expect(answer.errors?.[0]?.path).toEqual(['me']);
    expect(front.counts().users).toBe(0);
  });

  it('refuses a token that is not good, and does not take its bearer for anonymous', async () => {
    const response = await fetch(`${front.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer rubbish' },
      body: JSON.stringify({ query: '{ product(id: "p-01") { id } }' }),
    });
    expect(response.status).toBe(401);
    expect(front.counts().products).toBe(0);
  });

  it('gives a customer her own orders', async () => {
    const { answer } = await front.post('{ order(id: "o-138") { id } }', 'customer');
    expect(answer).toEqual({ data: { order: { id: 'o-138' } } });
  });

  it("denies a customer somebody else's order", async () => {
    const { answer } = await front.post('{ order(id: "o-002") { id total { amount } } }', 'customer');
    expect(answer.data).toEqual({ order: null });
    expect(answer.errors).toEqual(denied('FORBIDDEN'));
    expect(answer.errors?.[0]?.path).toEqual(['order']);
  });

  it('denies a customer the list of all orders, and makes no call', async () => {
    const { answer } = await front.post('{ orders { nodes { id } } }', 'customer');
    expect(answer.errors).toEqual(denied('FORBIDDEN'));
    expect(front.counts().orders).toBe(0);
  });

  it("denies a customer another user's orders, and makes no call", async () => {
    const { answer } = await front.post('{ user(id: 2) { name orders { id } } }', 'customer');
    expect(answer).toMatchObject({ data: { user: { orders: null } } });
    expect(answer.errors).toEqual(denied('FORBIDDEN'));
    expect(front.counts().orders).toBe(0);
  });

  it('shows a customer her own e-mail address and no other', async () => {
    const { answer } = await front.post('{ me { email } user(id: 2) { name email } }', 'customer');
    expect(answer).toMatchObject({
      data: { me: { email: expect.stringContaining('@') as string }, user: { email: null } },
    });
    expect(answer.errors).toEqual(denied('FORBIDDEN'));
    expect(answer.errors?.[0]?.path).toEqual(['user', 'email']);
  });

  it('shows an agent any order, and no e-mail address', async () => {
    const { answer } = await front.post('{ order(id: "o-001") { id user { name email } } }', 'agent');
    expect(answer).toMatchObject({ data: { order: { id: 'o-001', user: { email: null } } } });
    expect(answer.errors).toEqual(denied('FORBIDDEN'));
  });

  it('shows an admin everything', async () => {
    const { answer } = await front.post(
      '{ order(id: "o-001") { id user { name email } } users { email } orders { totalCount } }',
      'admin',
    );
    expect(answer.errors).toBeUndefined();
    expect(answer).toMatchObject({ data: { orders: { totalCount: 180 } } });
  });

  it('lets nobody order under the name of another', async () => {
    const order = `mutation { placeOrder(items: [{ productId: "p-01", quantity: 2 }]) { id user { id } } }`;
    expect((await front.post(order)).answer.errors).toEqual(denied('UNAUTHENTICATED'));
    const { answer } = await front.post(order, 'customer');
    expect(answer).toMatchObject({ data: { placeOrder: { user: { id: '1' } } } });
  });

  it('limits how often one caller may order', async () => {
    const aliases = Array.from({ length: 12 }, (_, i) => `a${i}: placeOrder(items: []) { id }`).join(' ');
    const { answer } = await front.post(`mutation { ${aliases} }`, 'customer');
    const limited = answer.errors?.filter((error) => error.extensions?.['code'] === 'RATE_LIMITED') ?? [];
    expect(limited.length).toBeGreaterThanOrEqual(2);
    expect(front.counts().orders).toBeLessThanOrEqual(10);
  });
});

describe('a subscription over three backends', () => {
  /** Listens as one of the demo's people, until the test ends. */
  async function listen(as: DemoName) {
    const client = createClient({
      url: `${front.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${await demoToken(as)}` },
      retryAttempts: 0,
    });
    onTestFinished(async () => client.dispose());
    return client.iterate({
      query: 'subscription { orderPlaced { who: user { name } items { quantity product { name } } } }',
    });
  }

  it('joins each event with the other backends', async () => {
    const events = await listen('agent');
    const event = events.next();
    await expect.poll(() => front.shop.orders.calls().length).toBe(1);
    front.shop.reset();
    // Placed elsewhere, not through the gateway.
    const order = { userId: '2', items: [{ productId: 'p-01', quantity: 2 }] };
    await fetch(front.shop.environment['ORDERS_URL'], {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
        variables: { input: order },
      }),
    });
    expect((await event).value).toEqual({
      data: {
        orderPlaced: {
          who: { name: users.find(({ id }) => id === 2)?.name },
          items: [{ quantity: 2, product: { name: products.find(({ id }) => id === 'p-01')?.name } }],
        },
      },
    });
    expect(front.counts()).toEqual({ users: 1, products: 1, orders: 1 });
    await events.return?.();
  });

  it('is refused to who may not hear it, and the service is not asked', async () => {
    const events = await listen('customer');
    await expect(events.next()).rejects.toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(front.counts().orders).toBe(0);
  });
});

describe('backends that fail', () => {
  it('answers what it can, and says which part is missing without saying why', async () => {
    await front.shop.products.behave({ mode: 'down' });
    const { answer, text } = await front.post(shopFront, 'customer');
    await front.shop.products.behave({ mode: 'ok' });
    expect(answer).toMatchObject({ data: { me: { name: 'Ada Threadwell' } } });
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'HTTP_CLIENT_ERROR', service: 'products' });
    expect(text).not.toContain('127.0.0.1');
  });

  it('keeps a failing backend a failing backend, and not a denial', async () => {
    await front.shop.users.behave({ mode: 'failing' });
    const { answer } = await front.post('{ me { email } }', 'customer');
    await front.shop.users.behave({ mode: 'ok' });
    expect(answer.data).toEqual({ me: null });
    expect(answer.errors?.[0]?.extensions).toEqual({
      code: 'CONNECTOR_FETCH',
      service: 'users',
      connector: { coordinate: 'users:Query.me[0]' },
      http: { status: 503 },
    });
  });

  it('reports one error per object whose fetch failed, at the object', async () => {
    await front.shop.users.behave({ mode: 'failing' });
    const { answer } = await front.post('{ order(id: "o-001") { id user { id city joinedAt } } }', 'agent');
    await front.shop.users.behave({ mode: 'ok' });
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors?.[0]?.path).toEqual(['order', 'user']);
    expect(answer.data).toMatchObject({ order: { user: { city: null, joinedAt: null } } });
  });
});

describe('the schema folder', () => {
  it.each([
    ['schemas/products.proto', 'demo/products/products.proto'],
    ['schemas/orders.remote.graphql', 'demo/orders/schema.graphql'],
  ])('%s is what the backend publishes', (copy, original) => {
    expect(readFileSync(copy, 'utf8')).toBe(readFileSync(original, 'utf8'));
  });
});
