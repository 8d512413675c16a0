import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openRedis } from '../../src/policy/redis.js';
import { RedisWindows } from '../../src/policy/redis-windows.js';
import { SlidingWindows } from '../../src/policy/sliding-windows.js';
import { startRedis, whyNoRedis, withRedis, type RedisServer } from '../support/redis.js';

async function windowsOn(redis: RedisServer, options: ConstructorParameters<typeof RedisWindows>[1] = {}) {
  const connection = await openRedis(redis);
  onTestFinished(() => connection.disconnect());
  return new RedisWindows(connection, options);
}

const five = { max: 5, windowMs: 60_000, slots: 1 };

describe.skipIf(whyNoRedis !== undefined)(withRedis('windows in Redis'), () => {
  test('agree with those in memory', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    let now = 0;
    const clock = () => now;
    let run = 0;
    const connection = await openRedis(redis);
    onTestFinished(() => connection.disconnect());
    const call = fc.record({
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 30_000 })),
      key: fc.constantFrom('ann', 'bob'),
      slots: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 150 })),
    });
    const property = fc.asyncProperty(
      fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 90, max: 400 })),
      fc.integer({ min: 20_000, max: 60_000 }),
      fc.array(call, { maxLength: 60, size: 'max' }),
      async (max, windowMs, calls) => {
        run += 1;
        const memory = new SlidingWindows({ clock });
        const shared = new RedisWindows(connection, { clock, keyPrefix: `${run}:` });
        for (const { pause, key, slots } of calls) {
          now += pause;
          const request = { max, windowMs, slots };
          expect(await shared.reserve(key, request)).toEqual(memory.reserve(key, request));
        }
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  test('are one for all who are connected, by the clock of Redis', async () => {
    const redis = await startRedis();
    const stores = await Promise.all([windowsOn(redis), windowsOn(redis)]);
    const calls = Array.from({ length: 50 }, (_, n) => stores[n % 2]!.reserve('key', five));
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'taken')).toHaveLength(5);
  });

  test('slide with real time', async () => {
    const windows = await windowsOn(await startRedis());
    const request = { max: 2, windowMs: 400, slots: 1 };
    expect(await windows.reserve('key', request)).toMatchObject({ kind: 'taken', remaining: 1 });
    await sleep(100);
    expect(await windows.reserve('key', request)).toMatchObject({ kind: 'taken', remaining: 0 });
    const { kind, resetMs } = await windows.reserve('key', request);
    expect(kind).toBe('full');
    expect(resetMs).toBeLessThanOrEqual(300);
    await sleep(resetMs + 1);
    expect(await windows.reserve('key', request)).toMatchObject({ kind: 'taken' });
  });

  test('have names that tell nothing, and leave nothing behind', async () => {
    const redis = await startRedis();
    const windows = await windowsOn(redis, { keyPrefix: 'shop:' });
    await windows.reserve('Query.login\n["address","192.0.2.1"]', { max: 500, windowMs: 300, slots: 7 });
    const keys = await redis.client.keys('*');
    expect(keys).toEqual([expect.stringMatching(/^shop:limit:[\w-]{43}$/)]);
    expect(await redis.client.pttl(keys[0]!)).toBeGreaterThan(0);
    await sleep(400);
    expect(await redis.client.keys('*')).toEqual([]);
  });

  test('go on in a Redis that has forgotten the script', async () => {
    const redis = await startRedis();
    const windows = await windowsOn(redis);
    await windows.reserve('key', five);
    await redis.client.script('FLUSH');
    expect(await windows.reserve('key', five)).toMatchObject({ kind: 'taken', remaining: 3 });
  });

  test('keep their order when the clock of Redis goes back', async () => {
    const redis = await startRedis();
    let now = 100_000;
    const windows = await windowsOn(redis, { clock: () => now });
    await windows.reserve('key', { ...five, slots: 4 });
    now = 99_000;
    expect(await windows.reserve('key', five)).toEqual({ kind: 'taken', remaining: 0, resetMs: 60_000 });
    expect(await windows.reserve('key', five)).toMatchObject({ kind: 'full', remaining: 0 });
    now = 160_000;
    expect(await windows.reserve('key', { ...five, slots: 5 })).toMatchObject({ kind: 'taken' });
  });

  test('say so where the key is something else', async () => {
    const redis = await startRedis();
    const windows = await windowsOn(redis);
    await windows.reserve('key', five);
    const [name = ''] = await redis.client.keys('*');
    await redis.client.set(name, 'else');
    await expect(windows.reserve('key', five)).rejects.toThrow(/^WRONGTYPE/);
  });
});
