import { describe, expect, it } from 'vitest';
import { toConfig, type ConfigInput } from '../../src/base/config.js';

describe('the configuration of rate limits', () => {
  it('limits nothing by itself, and counts on its own while a Redis is down', () => {
    expect(toConfig({})).toMatchObject({ rateLimits: { redisDown: 'local' } });
    expect(toConfig({}).rateLimits.operations).toBeUndefined();
    expect(toConfig({}).redis).toBeUndefined();
  });

  it('reads lengths of time', () => {
    const { rateLimits, redis } = toConfig({
      rateLimits: { operations: { max: 100, window: '1m' }, cost: { max: 5_000, window: '1h' } },
      redis: { url: 'rediss://redis:6380' },
    });
    expect(rateLimits.operations).toEqual({ max: 100, window: 60_000 });
    expect(rateLimits.cost).toEqual({ max: 5_000, window: 3_600_000 });
    expect(redis).toEqual({ url: 'rediss://redis:6380', keyPrefix: 'backstitch:', timeout: 50 });
  });

  it('takes the address of Redis from the environment, and the rest from the file', () => {
    const environment = { BACKSTITCH_REDIS_URL: 'redis://else:6379' };
    const redis = { url: 'redis://here:6379', keyPrefix: 'shop:' };
    expect(toConfig({ redis }, environment).redis).toMatchObject({
      url: 'redis://else:6379',
      keyPrefix: 'shop:',
    });
    expect(toConfig({}, environment).redis?.url).toBe('redis://else:6379');
  });

  it.each<[string, unknown, string]>([
    [
      'a window that is none',
      { rateLimits: { operations: { max: 1, window: '0s' } } },
      '"rateLimits.operations.window" is no length of time such as "50ms" or "1m"',
    ],
    [
      'a maximum of 0',
      { rateLimits: { cost: { max: 0, window: '1s' } } },
      '"rateLimits.cost.max" Too small: expected number to be >=1',
    ],
    [
      'a misspelt key',
      { rateLimits: { operation: {} } },
      'unknown key "rateLimits.operation". Did you mean "operations"?',
    ],
    ['a misspelt key of Redis', { redis: { url: 'redis://a', prefix: '' } }, 'unknown key "redis.prefix".'],
    [
      'another choice',
      { rateLimits: { redisDown: 'shut' } },
      '"rateLimits.redisDown" Invalid option: expected one of "local"|"open"|"closed"',
    ],
    [
      'an address that is none, unseen',
      { redis: { url: 'http://ann:hunter2@redis' } },
      '"redis.url" is no address such as "redis://redis:6379"',
    ],
  ])('refuses %s', (_, input, fault) => {
    const read = () => toConfig(input as ConfigInput);
    expect(read).toThrow(`CONFIG_INVALID  the configuration\n  ${fault}`);
    expect(read).not.toThrow('hunter2');
  });
});
