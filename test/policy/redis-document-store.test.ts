import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../../src/base/log.js';
import { createMemoryStore, type DocumentStore } from '../../src/policy/document-store.js';
import { createRedisStore, type RedisTexts } from '../../src/policy/redis-document-store.js';
import { openRedis } from '../../src/policy/redis.js';
import { startRedis, withRedis, whyNoRedis, type RedisServer } from '../support/redis.js';

const text = '{ hello }';
const sha256 = createHash('sha256').update(text).digest('hex');
const key = `shop:document:${sha256}`;

function logOf(lines: string[]): Log {
  const write = (_: object, message: string): void => void lines.push(message);
  return { info: write, warn: write, error: write };
}

/** One gateway's store, with a memory of its own. */
function storeOn(connect: () => Promise<RedisTexts>, lines: string[] = []): DocumentStore {
  const memory = createMemoryStore({ maxEntries: 10, maxBytes: 10_000 });
  return createRedisStore({
    connect,
    memory,
    keyPrefix: 'shop:',
    ttlMs: 60_000,
    timeoutMs: 200,
    log: logOf(lines),
  });
}

async function connected({ url }: RedisServer): Promise<RedisTexts> {
  const connection = await openRedis({ url });
  onTestFinished(() => connection.disconnect());
  return connection;
}

describe.skipIf(whyNoRedis !== undefined)(withRedis('documents in Redis'), () => {
  test('are known to all gateways that share it, for a while', async () => {
    const redis = await startRedis();
    await storeOn(() => connected(redis)).keep(sha256, text);
    expect(await storeOn(() => connected(redis)).find(sha256)).toBe(text);
    const left = await redis.client.pttl(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    expect(await storeOn(() => connected(redis)).find('f'.repeat(64))).toBeUndefined();
  });

  test('are asked of Redis once, and answered from memory from then on', async () => {
    const redis = await startRedis();
    await redis.client.set(key, text);
    const store = storeOn(() => connected(redis));
    expect(await store.find(sha256)).toBe(text);
    await redis.client.del(key);
    expect(await store.find(sha256)).toBe(text);
  });

  test('that are not what their name says, or of another type, are not found', async () => {
    const redis = await startRedis();
    const store = storeOn(() => connected(redis));
    await redis.client.set(key, '{ other }');
    expect(await store.find(sha256)).toBeUndefined();
    await redis.client.set(key, text.repeat(500_000));
    expect(await store.find(sha256)).toBeUndefined();
    await redis.client.del(key);
    await redis.client.lpush(key, text);
    expect(await store.find(sha256)).toBeUndefined();
    await redis.client.del(key);
    await redis.client.set(key, text);
    expect(await store.find(sha256)).toBe(text);
  });

  test('are known from memory while Redis stands still, and nobody waits for it again at once', async () => {
    const redis = await startRedis();
    const lines: string[] = [];
    const store = storeOn(() => connected(redis), lines);
    await store.keep(sha256, text);
    redis.pause();
    expect(await store.find('e'.repeat(64))).toBeUndefined();
    const begun = performance.now();
    for (let i = 0; i < 50; i++) expect(await store.find('e'.repeat(64))).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(await store.find(sha256)).toBe(text);
    redis.resume();
    expect(lines).toEqual(['Redis does not keep persisted queries; each gateway knows its own meanwhile.']);
  });
});

test('a Redis that cannot be reached is told once, and tried again later', async () => {
  const lines: string[] = [];
  let tries = 0;
  const store = storeOn(() => {
    tries++;
    return Promise.reject(new Error('no route'));
  }, lines);
  await store.keep(sha256, text);
  expect(await store.find(sha256)).toBe(text);
  expect(await store.find('e'.repeat(64))).toBeUndefined();
  expect([tries, lines.length]).toEqual([1, 1]);
  const now = performance.now() + 1_001;
  vi.spyOn(performance, 'now').mockReturnValue(now);
  expect(await store.find('e'.repeat(64))).toBeUndefined();
  expect([tries, lines.length]).toEqual([2, 1]);
});
