import { z } from 'zod';
import { parseDuration } from './duration.js';

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'is no length of time such as "1h"')
  .transform((text) => parseDuration(text) ?? Number.NaN);

const trustedDocuments = z.strictObject({
  /** A folder of `.graphql` files, or a manifest. */
  path: z.string().min(1),
  /** What becomes of an operation that is not among them: it is answered, answered and logged, or refused. */
  mode: z.enum(['off', 'log', 'enforce']).default('enforce'),
});

const persistedQueries = z.strictObject({
  /** Where automatic persisted queries are kept: in each gateway, also in the Redis they share, or nowhere. */
  store: z.enum(['memory', 'redis', 'off']).default('memory'),
  /** In memory. */
  maxEntries: z.int().min(1).default(10_000),
  maxBytes: z.int().min(1_024).default(30_000_000),
  /** How long Redis keeps one. */
  ttl: duration.prefault('24h'),
});

/** What the configuration says of documents that are known by an id. */
export const documentShape = {
  trustedDocuments: trustedDocuments.optional(),
  persistedQueries: persistedQueries.prefault({}),
};

/** The keys at each place of {@link documentShape}, for suggestions. */
export const documentKeys: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^trustedDocuments$/, Object.keys(trustedDocuments.shape)],
  [/^persistedQueries$/, Object.keys(persistedQueries.shape)],
];
