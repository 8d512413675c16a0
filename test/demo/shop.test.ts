import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startShop, type Shop } from '../../demo/shop.js';
import { ask, askGraphQL, connectProducts } from './clients.js';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
beforeEach(() => shop.reset());
afterAll(() => shop.close());

async function callAll({ environment }: Pick<Shop, 'environment'>): Promise<void> {
  const products = connectProducts(environment.PRODUCTS_ADDR);
  await ask(`${environment.USERS_URL}/users/1`, { headers: { authorization: 'Bearer own' } });
  await products.call('GetProduct', { productId: 'p-01' });
  await askGraphQL(environment.ORDERS_URL, '{ orders { totalCount } }');
  await ask(`${environment.REVIEWS_URL}/reviews`);
  products.close();
}

describe('startShop', () => {
  it('starts four backends that answer where the environment says', async () => {
    await callAll(shop);
    expect([shop.users, shop.products, shop.orders, shop.reviews].map(({ count }) => count())).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it('takes the ports wanted, and others where they are taken', async () => {
    const ports = {
      users: shop.users.port,
      products: shop.products.port,
      orders: shop.orders.port,
      reviews: shop.reviews.port,
    };
    const second = await startShop({ ports });
    await callAll(second);
    for (const part of ['users', 'products', 'orders', 'reviews'] as const)
      expect(second[part].port).not.toBe(ports[part]);
    const own = second.users.port;
    await second.close();
    const third = await startShop({ ports: { users: own } });
    expect(third.users.port).toBe(own);
    await third.close();
  });
});

describe('the control', () => {
  const behave = (body: unknown, headers = {}) => ask(`${shop.control.url}/_demo/behave`, { body, headers });

  it('takes a backend down and brings it back', async () => {
    expect(await behave({ service: 'users', mode: 'down' })).toMatchObject({
      status: 200,
      body: { service: 'users', behaviour: { mode: 'down' } },
    });
    await expect(ask(`${shop.users.url}/users/1`)).rejects.toThrow();
    await behave({ service: 'users', mode: 'ok' });
    expect((await ask(`${shop.users.url}/users/1`)).status).toBe(200);
  });

  it('shows the calls without credentials, and forgets them', async () => {
    await callAll(shop);
    const { body } = await ask(`${shop.control.url}/_demo/calls`);
    expect(body).toMatchObject({
      users: [{ operation: 'GET /users/:id', headers: { authorization: '[redacted]' } }],
      products: [{ keys: ['p-01'] }],
    });
    expect(shop.users.calls()[0]?.headers['authorization']).toBe('Bearer own');
    await ask(`${shop.control.url}/_demo/reset`, { method: 'POST' });
    expect((await ask(`${shop.control.url}/_demo`)).body).toMatchObject(
      ['users', 'products', 'orders', 'reviews'].map((service) => ({
        service,
        calls: 0,
        behaviour: { mode: 'ok' },
      })),
    );
  });

  it.each([
    ['an unknown service', { service: 'toys', mode: 'ok' }, {}],
    ['an unknown mode', { service: 'users', mode: 'fast' }, {}],
    ['no JSON', '{', {}],
    [
      'what a foreign web page can send',
      '{"service":"users","mode":"down"}',
      { 'content-type': 'text/plain' },
    ],
    ['too much', JSON.stringify({ service: 'users', mode: 'down', why: 'x'.repeat(20_000) }), {}],
  ])('refuses %s', async (_what, body, headers) => {
    expect(await behave(body, headers)).toMatchObject({
      status: 400,
      body: { error: { code: 'BAD_REQUEST' } },
    });
    expect(shop.users.behaviour()).toEqual({ mode: 'ok' });
  });

  it('answers other paths with 404', async () => {
    expect((await ask(`${shop.control.url}/`)).status).toBe(404);
  });
});

describe('main', () => {
  const main = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));
  const start = () => fork(main, { execArgv: ['--import', 'tsx'] });

  it('tells its parent where it is, and ends with it', async () => {
    const child = start();
    const [message] = (await once(child, 'message')) as [Pick<Shop, 'environment'>];
    await callAll(message);
    const ended = once(child, 'exit');
    child.disconnect();
    expect(await ended).toEqual([0, null]);
  });

  it('ends on SIGTERM', async () => {
    const child = start();
    await once(child, 'message');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
