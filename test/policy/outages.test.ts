import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../../src/base/log.js';
import { OutageGuard, type OutagePolicy, type RemoteStore } from '../../src/policy/outages.js';
import type { Counted } from '../../src/policy/rate-limit-store.js';
import { openRedis } from '../../src/policy/redis.js';
import { RedisWindows } from '../../src/policy/redis-windows.js';
import { SlidingWindows } from '../../src/policy/sliding-windows.js';
import { startRedis, startSlowProxy, whyNoRedis, withRedis, type RedisServer } from '../support/redis.js';

const taken: Counted = { kind: 'taken', remaining: 4, resetMs: 60_000 };
const five = { max: 5, windowMs: 60_000, slots: 1 };

function recordingLog() {
  const lines: string[] = [];
  const write = (_: object, message: string) => void lines.push(message);
  return { lines, log: { info: write, warn: write, error: write } satisfies Log };
}

const never = () => new Promise<never>(() => undefined);

describe('a store that does not answer', () => {
  beforeEach(
    () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }),
  );
  afterEach(() => void vi.useRealTimers());

  function guardOf(policy: OutagePolicy = 'local') {
    const remote = {
      reserve: vi.fn<RemoteStore['reserve']>(never),
      prepare: vi.fn<RemoteStore['prepare']>(never),
    };
    const { lines, log } = recordingLog();
    const local = new SlidingWindows();
    return { remote, lines, guard: new OutageGuard(remote, { policy, local, log, timeoutMs: 50 }) };
  }

  test('is waited for 50 ms, and then not again', async () => {
    const { guard, remote } = guardOf();
    const settled = vi.fn();
    const calls = Promise.all([guard.reserve('key', five), guard.reserve('key', five)]).then(settled);
    await vi.advanceTimersByTimeAsync(49);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2);
    await calls;
    for (let many = 0; many < 100; many += 1) await guard.reserve('key', five);
    expect(remote.reserve).toHaveBeenCalledTimes(2);
    expect(remote.prepare).not.toHaveBeenCalled();
  });

  test('is asked once a second whether it is back, which no call waits for', async () => {
    const { guard, remote } = guardOf();
    void guard.reserve('key', five);
    for (let second = 1; second <= 3; second += 1) {
      await vi.advanceTimersByTimeAsync(1_100);
      await Promise.all([guard.reserve('key', five), guard.reserve('key', five)]);
      expect(remote.prepare).toHaveBeenCalledTimes(second);
    }
    remote.prepare.mockResolvedValue();
    remote.reserve.mockResolvedValue(taken);
    await vi.advanceTimersByTimeAsync(1_100);
    await guard.reserve('key', five);
    expect(remote.reserve).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await guard.reserve('key', five)).toBe(taken);
  });

  test('is in the log once for each outage', async () => {
    const { guard, remote, lines } = guardOf();
    const fail = async () => {
      remote.reserve.mockRejectedValueOnce(new Error('Connection is closed.'));
      await guard.reserve('key', five);
    };
    remote.prepare.mockResolvedValue();
    remote.reserve.mockResolvedValue(taken);
    for (let many = 0; many < 5; many += 1) {
      await fail();
      await vi.advanceTimersByTimeAsync(1_100);
      await guard.reserve('key', five);
      await vi.advanceTimersByTimeAsync(1);
      await guard.reserve('key', five);
    }
    expect(lines).toEqual([
      'Redis does not count for rate limits. Meanwhile each gateway counts on its own.',
    ]);
    await vi.advanceTimersByTimeAsync(10_000);
    await guard.reserve('key', five);
    expect(lines.slice(1)).toEqual(['Redis counts for rate limits again.']);
    await fail();
    expect(lines).toHaveLength(3);
  });

  test.each([
    ['local', 5],
    ['open', 50],
    ['closed', 0],
  ] as const)('lets through what "%s" says: %i of 50', async (policy, count) => {
    const { guard } = guardOf(policy);
    const calls = Promise.all(Array.from({ length: 50 }, () => guard.reserve('key', five)));
    await vi.advanceTimersByTimeAsync(60);
    const passed = (await calls).filter((verdict) =>
      verdict.kind === 'uncounted' ? verdict.isAdmitted : verdict.kind === 'taken',
    );
    expect(passed).toHaveLength(count);
  });

  test('is asked again at once where it answers, but with an error', async () => {
    const { guard, remote, lines } = guardOf();
    const readOnly = Object.assign(new Error('READONLY You can not write here.'), { name: 'ReplyError' });
    remote.reserve.mockRejectedValue(readOnly);
    for (let many = 0; many < 8; many += 1) {
      expect(await guard.reserve('key', five)).toMatchObject({ kind: many < 5 ? 'taken' : 'full' });
    }
    expect(remote.reserve).toHaveBeenCalledTimes(8);
    expect(lines).toHaveLength(1);
  });
});

test('an answer that came while the process was busy is in time', async () => {
  const { log } = recordingLog();
  const remote: RemoteStore = {
    // As from a socket: the answer is there, but nobody has looked.
    reserve: () => new Promise((resolve) => setTimeout(() => setImmediate(() => resolve(taken)), 20)),
    prepare: never,
  };
  const guard = new OutageGuard(remote, {
    policy: 'closed',
    local: new SlidingWindows(),
    log,
    timeoutMs: 50,
  });
  const verdict = guard.reserve('key', five);
  const until = performance.now() + 100;
  while (performance.now() < until);
  expect(await verdict).toBe(taken);
});

describe.skipIf(whyNoRedis !== undefined)(withRedis('with a real Redis'), { timeout: 30_000 }, () => {
  async function guardOn(url: string, policy: OutagePolicy = 'local') {
    const connection = await openRedis({ url });
    onTestFinished(() => connection.disconnect());
    const { lines, log } = recordingLog();
    const remote = new RedisWindows(connection);
    return {
      lines,
      guard: new OutageGuard(remote, { policy, local: new SlidingWindows(), log, timeoutMs: 50 }),
    };
  }

  type Guarded = Awaited<ReturnType<typeof guardOn>>;

  /** Milliseconds that a call takes; the limit is one that it can never reach. */
  async function timeOf({ guard }: Guarded): Promise<number> {
    const start = performance.now();
    const verdict = await guard.reserve('key', { ...five, max: 1_000_000 });
    expect(verdict).toMatchObject({ kind: 'taken' });
    return performance.now() - start;
  }

  /** How many calls Redis has counted. */
  async function countIn(redis: RedisServer): Promise<number> {
    const lists = await redis.client.keys('*');
    const entries = await Promise.all(lists.map((name) => redis.client.lrange(name, 0, -1)));
    return entries.flat().reduce((sum, text, place) => (place % 2 === 1 ? sum + Number(text) : sum), 0);
  }

  /** Waits until calls are counted in Redis. */
  async function untilCounted(redis: RedisServer, guarded: Guarded): Promise<void> {
    const before = await countIn(redis);
    for (let tries = 0; tries < 200; tries += 1) {
      await timeOf(guarded);
      if ((await countIn(redis)) > before) return;
      await sleep(50);
    }
    throw new Error('Calls are not counted in Redis again.');
  }

  /** The first call may wait for 50 ms, in which a busy machine does much else; a hundred more wait for none. */
  async function expectNoWaiting(guarded: Guarded): Promise<void> {
    expect(await timeOf(guarded)).toBeLessThan(500);
    const start = performance.now();
    for (let many = 0; many < 100; many += 1) await timeOf(guarded);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(guarded.lines).toHaveLength(1);
  }

  test('that is held, no call waits but the first; then it counts again', async () => {
    const redis = await startRedis();
    const guarded = await guardOn(redis.url);
    await timeOf(guarded);
    redis.pause();
    await expectNoWaiting(guarded);
    redis.resume();
    await untilCounted(redis, guarded);
  });

  test('that has died, no call waits; another in its place counts', async () => {
    const redis = await startRedis();
    const guarded = await guardOn(redis.url);
    await timeOf(guarded);
    await redis.kill();
    await expectNoWaiting(guarded);
    await redis.restart();
    await untilCounted(redis, guarded);
  });

  test('that is slow, no call waits but the first; then it counts again', async () => {
    const redis = await startRedis();
    const proxy = await startSlowProxy(redis);
    const guarded = await guardOn(proxy.url);
    await timeOf(guarded);
    proxy.delayMs = 1_000;
    await expectNoWaiting(guarded);
    proxy.delayMs = 0;
    await untilCounted(redis, guarded);
  });

  test('that is not there when the gateway starts, calls are counted as soon as it is', async () => {
    const redis = await startRedis();
    await redis.kill();
    const guarded = await guardOn(redis.url);
    await expectNoWaiting(guarded);
    await redis.restart();
    await untilCounted(redis, guarded);
  });

  test('that became a replica, each gateway counts on its own until it is one no more', async () => {
    const redis = await startRedis();
    const guarded = await guardOn(redis.url);
    await timeOf(guarded);
    await redis.client.replicaof('127.0.0.1', '1');
    await expectNoWaiting(guarded);
    await redis.client.replicaof('NO', 'ONE');
    await untilCounted(redis, guarded);
  });

  test('in which a key is something else, only that key is counted elsewhere', async () => {
    const redis = await startRedis();
    const guarded = await guardOn(redis.url);
    await guarded.guard.reserve('spoilt', five);
    const [name = ''] = await redis.client.keys('*');
    await redis.client.set(name, 'else');
    const verdicts = [];
    for (let many = 0; many < 7; many += 1) verdicts.push((await guarded.guard.reserve('spoilt', five)).kind);
    expect(verdicts).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 'full', 'full']);
    expect(guarded.lines).toHaveLength(1);
    await redis.client.del(name);
    await timeOf(guarded);
    expect(await countIn(redis)).toBe(1);
  });
});

test('a Redis that nobody serves does not keep the gateway from starting', async () => {
  const connection = await openRedis({ url: 'redis://127.0.0.1:1' });
  await expect(connection.script('LOAD', 'return 1')).rejects.toThrow();
  connection.disconnect();
});

test('without its client, the start says what to install', async () => {
  vi.resetModules();
  vi.doMock('ioredis', () => {
    throw new Error('Cannot find package');
  });
  const { openRedis: open } = await import('../../src/policy/redis.js');
  await expect(open({ url: 'redis://:secret@127.0.0.1:1' })).rejects.toThrow(
    'CONFIG_INVALID  the configuration\n' +
      '  "redis" needs the package "ioredis", which is not installed. Try: npm install ioredis@6',
  );
  vi.doUnmock('ioredis');
});
