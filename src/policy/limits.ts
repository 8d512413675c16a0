import type { Log } from '../base/log.js';
import { createOperationLimits, type Limit, type OperationLimits } from './operation-limits.js';
import { OutageGuard, type OutageOptions, type OutagePolicy } from './outages.js';
import { createRateLimiter, type RateLimiter } from './rate-limits.js';
import { openRedis } from './redis.js';
import { RedisWindows } from './redis-windows.js';
import { SlidingWindows } from './sliding-windows.js';

/** What {@link openLimits} is told by the configuration. */
export interface LimitSetting {
  readonly rateLimits: {
    readonly operations?: ConfiguredLimit | undefined;
    readonly cost?: ConfiguredLimit | undefined;
    readonly redisDown: OutagePolicy;
  };
  readonly redis?: ConfiguredRedis | undefined;
}

interface ConfiguredLimit {
  readonly max: number;
  readonly window: number;
}

interface ConfiguredRedis {
  readonly url: string;
  readonly keyPrefix: string;
  readonly timeout: number;
}

/** All that is counted, for the life of a process: schemas come and go, counts stay. */
export interface Limits {
  /** Of fields with `@rateLimit`. */
  readonly fields: RateLimiter;
  /** Of whole operations. */
  readonly operations: OperationLimits;
  /** Leaves Redis. */
  close(): void;
}

/**
 * Opens the store of all limits: memory, or Redis where it is configured.
 *
 * @throws ConfigError where Redis is configured and its client is not installed
 */
export async function openLimits({ rateLimits, redis }: LimitSetting, log: Log): Promise<Limits> {
  const { operations, cost, redisDown } = rateLimits;
  const local = new SlidingWindows();
  const { store, close } =
    redis === undefined
      ? { store: local, close: () => undefined }
      : await openShared(redis, { policy: redisDown, local, log, timeoutMs: redis.timeout });
  return {
    fields: createRateLimiter(store),
    operations: createOperationLimits(store, { operations: toLimit(operations), cost: toLimit(cost) }),
    close,
  };
}

async function openShared(redis: ConfiguredRedis, options: OutageOptions) {
  const connection = await openRedis(redis);
  const shared = new RedisWindows(connection, redis);
  // Where it fails, so will the first call, which is told in the log.
  shared.prepare().catch(() => undefined);
  return { store: new OutageGuard(shared, options), close: () => connection.disconnect() };
}

function toLimit(limit: ConfiguredLimit | undefined): Limit | undefined {
  return limit && { max: limit.max, windowMs: limit.window };
}
