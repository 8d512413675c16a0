import { z } from 'zod';
import { parseDuration } from './duration.js';

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'is no length of time such as "50ms" or "1m"')
  .transform((text) => parseDuration(text) ?? Number.NaN);

const limit = z.strictObject({
  /** How many, or how much, in each window. */
  max: z.int().min(1),
  window: duration,
});

const rateLimits = z.strictObject({
  /** How many operations each caller may send. */
  operations: limit.optional(),
  /** What the operations of each caller may cost together. */
  cost: limit.optional(),
  /**
   * What becomes of all that is limited, by `@rateLimit` too, while Redis does not answer: each gateway counts on its
   * own (`local`), everything passes (`open`), nothing does (`closed`).
   */
  redisDown: z.enum(['local', 'open', 'closed']).default('local'),
});

const redis = z.strictObject({
  url: z.url({ protocol: /^rediss?$/, error: 'is no address such as "redis://redis:6379"' }),
  /** What the names of all keys begin with: gateways that have the same count together. */
  keyPrefix: z.string().default('backstitch:'),
  /** How long an operation waits for Redis before it counts as down. */
  timeout: duration.prefault('50ms'),
});

/** What the configuration says of rate limits, and of the Redis that gateways share. */
export const rateLimitShape = {
  rateLimits: rateLimits.prefault({}),
  redis: redis.optional(),
};

/** The keys at each place of {@link rateLimitShape}, for suggestions. */
export const rateLimitKeys: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^rateLimits$/, Object.keys(rateLimits.shape)],
  [/^rateLimits\.(operations|cost)$/, Object.keys(limit.shape)],
  [/^redis$/, Object.keys(redis.shape)],
];
