import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBehaviour, runBackend, type Running } from '../../demo/backend.js';
import { startOrders } from '../../demo/orders/server.js';
import { startProducts } from '../../demo/products/server.js';
import { startReviews } from '../../demo/reviews/server.js';
import { startUsers } from '../../demo/users/server.js';
import { ask, connectProducts } from './clients.js';

/** `ok`, the failure a caller sees (503, UNAVAILABLE), or `unreachable`. */
type Experience = 'ok' | 503 | 'UNAVAILABLE' | 'unreachable';

async function overHttp(url: string, body?: unknown): Promise<Experience> {
  try {
    const { status } = await ask(url, { body });
    return status === 503 ? 503 : 'ok';
  } catch {
    return 'unreachable';
  }
}

async function overGrpc({ address }: Running): Promise<Experience> {
  const client = connectProducts(address);
  try {
    await client.call('GetProduct', { productId: 'p-01' });
    return 'ok';
  } catch (error) {
    return String(error).includes('told to fail') ? 'UNAVAILABLE' : 'unreachable';
  } finally {
    client.close();
  }
}

describe.each([
  { name: 'users', start: startUsers, call: ({ url }: Running) => overHttp(`${url}/users/1`), failure: 503 },
  { name: 'products', start: startProducts, call: overGrpc, failure: 'UNAVAILABLE' },
  {
    name: 'orders',
    start: startOrders,
    call: ({ url }: Running) => overHttp(url, { query: '{ orders { totalCount } }' }),
    failure: 503,
  },
  {
    name: 'reviews',
    start: startReviews,
    call: ({ url }: Running) => overHttp(`${url}/reviews`),
    failure: 503,
  },
] as const)('the $name service', ({ name, start, call, failure }) => {
  let service: Running;
  beforeEach(async () => {
    service = await start();
  });
  afterEach(() => service.close());

  it('says who and where it is', () => {
    expect(service.name).toBe(name);
    expect(service.address).toBe(`127.0.0.1:${service.port}`);
    expect(service.url).toContain(service.address);
    expect(service.behaviour()).toEqual({ mode: 'ok' });
  });

  it('counts each call, and forgets them on reset', async () => {
    for (let times = 0; times < 3; times += 1) await call(service);
    expect([service.count(), service.calls().length]).toEqual([3, 3]);
    service.reset();
    expect([service.count(), service.calls().length]).toEqual([0, 0]);
  });

  it('fails every call when told, and counts them', async () => {
    await service.behave({ mode: 'failing' });
    expect([await call(service), await call(service)]).toEqual([failure, failure]);
    expect(service.count()).toBe(2);
    await service.behave({ mode: 'ok' });
    expect(await call(service)).toBe('ok');
  });

  it('fails every second call when told', async () => {
    await service.behave({ mode: 'failing', every: 2 });
    const seen: Experience[] = [];
    for (let times = 0; times < 4; times += 1) seen.push(await call(service));
    expect(seen).toEqual(['ok', failure, 'ok', failure]);
  });

  it('answers late when slow', async () => {
    await service.behave({ mode: 'slow', ms: 60 });
    const began = performance.now();
    expect(await call(service)).toBe('ok');
    // A timer may fire a millisecond early; it is the waiting that is tested, not the clock.
    expect(performance.now() - began).toBeGreaterThan(55);
  });

  it('is unreachable when down, and comes back on the same port', async () => {
    expect(await call(service)).toBe('ok');
    await service.behave({ mode: 'down' });
    expect(await call(service)).toBe('unreachable');
    expect(service.count()).toBe(1);
    await service.behave({ mode: 'ok' });
    expect(await call(service)).toBe('ok');
    expect(service.count()).toBe(2);
  });

  it('cuts off the callers that wait when it goes down', async () => {
    await service.behave({ mode: 'slow', ms: 60_000 });
    const waiting = call(service);
    await expect.poll(() => service.count()).toBe(1);
    await service.behave({ mode: 'down' });
    expect(await waiting).toBe('unreachable');
  });

  it('obeys the last wish of many made at once', async () => {
    await Promise.all([
      service.behave({ mode: 'down' }),
      service.behave({ mode: 'ok' }),
      service.behave({ mode: 'down' }),
      service.behave({ mode: 'ok' }),
    ]);
    expect(await call(service)).toBe('ok');
  });

  it('closes twice, also when down, and never comes back', async () => {
    await service.behave({ mode: 'down' });
    await Promise.all([service.close(), service.close()]);
    await expect(service.behave({ mode: 'ok' })).rejects.toThrow(`"${name}" is closed`);
  });

  it('refuses a port that is taken', async () => {
    await expect(start({ port: service.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('runBackend', () => {
  it('keeps the latest 1000 calls and counts them all', async () => {
    const backend = await runBackend('busy', {}, String, (door) => {
      const arrival = { method: 'GET', path: '/', operation: 'GET /', headers: [] };
      for (let times = 0; times < 1005; times += 1) door.enter(arrival);
      return { listen: async () => 1, stop: async () => undefined };
    });
    expect([backend.count(), backend.calls().length, backend.calls()[0]?.number]).toEqual([1005, 1000, 6]);
  });
});

describe('readBehaviour', () => {
  it.each([
    { wish: { mode: 'ok' } },
    { wish: { mode: 'down' } },
    { wish: { mode: 'slow', ms: 5 } },
    { wish: { mode: 'failing' } },
    { wish: { mode: 'failing', every: 3 } },
  ])('reads $wish', ({ wish }) => {
    expect(readBehaviour(wish)).toEqual(wish);
  });

  it.each([
    { wish: null },
    { wish: [] },
    { wish: 'down' },
    { wish: {} },
    { wish: { mode: 'fast' } },
    { wish: { mode: 'slow' } },
    { wish: { mode: 'slow', ms: -1 } },
    { wish: { mode: 'failing', every: 0.5 } },
  ])('refuses $wish', ({ wish }) => {
    expect(readBehaviour(wish)).toBeTypeOf('string');
  });
});
