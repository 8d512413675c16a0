import type { GraphQLSchema } from 'graphql';
import { ConfigError, type Config } from '../base/config.js';
import type { Log } from '../base/log.js';
import { createAdmission, type Admit } from './admission.js';
import { createMemoryStore, type DocumentStore } from './document-store.js';
import { createRedisStore } from './redis-document-store.js';
import { openRedis, type RedisConnection } from './redis.js';
import { readTrustedDocuments, type TrustedDocuments } from './trusted-documents.js';

/** The documents of a gateway: which are taken, and how they are known again. */
export interface Documents {
  readonly admit: Admit;
  /** Warns of trusted documents that do not fit a schema; the others are answered all the same. */
  readonly check: (schema: GraphQLSchema) => void;
  /** Leaves Redis. */
  readonly close: () => void;
}

/** What {@link openDocuments} reads of the configuration. */
export type DocumentsConfig = Pick<Config, 'trustedDocuments' | 'persistedQueries' | 'redis'>;

/**
 * Reads the trusted documents, and opens the store for those that clients bring.
 *
 * @throws TrustedDocumentsError; ConfigError where documents are to be kept in a Redis that nobody names
 */
export async function openDocuments(config: DocumentsConfig, log: Log): Promise<Documents> {
  const { trustedDocuments } = config;
  const trusted = trustedDocuments && (await readTrustedDocuments(trustedDocuments.path));
  const { store, close } = openStore(config, log);
  return {
    admit: createAdmission({ trusted, mode: trustedDocuments?.mode, store, log }),
    check: (schema) => warnOfMisfits(trusted, schema, log),
    close,
  };
}

interface OpenedStore {
  readonly store: DocumentStore | undefined;
  readonly close: () => void;
}

function openStore({ persistedQueries, redis }: DocumentsConfig, log: Log): OpenedStore {
  const close = (): void => undefined;
  const memory = createMemoryStore(persistedQueries);
  switch (persistedQueries.store) {
    case 'off':
      return { store: undefined, close };
    case 'memory':
      return { store: memory, close };
    case 'redis':
      if (redis === undefined) {
        throw new ConfigError('the configuration', [
          '"persistedQueries.store" is "redis", but "redis" is not there',
        ]);
      }
      return openShared(persistedQueries.ttl, redis, { memory, log });
  }
}

interface Local {
  readonly memory: DocumentStore;
  readonly log: Log;
}

/** Not connected before it is used: a start that fails for another reason has nothing to leave. */
function openShared(ttlMs: number, redis: NonNullable<Config['redis']>, local: Local): OpenedStore {
  let connection: Promise<RedisConnection> | undefined;
  const { keyPrefix, timeout: timeoutMs } = redis;
  const connect = () => (connection = openRedis(redis));
  return {
    store: createRedisStore({ ...local, connect, keyPrefix, ttlMs, timeoutMs }),
    close: () => {
      connection?.then(
        (opened) => opened.disconnect(),
        () => undefined,
      );
    },
  };
}

/** Documents that the log names at one start. */
const maxWarnings = 20;

function warnOfMisfits(trusted: TrustedDocuments | undefined, schema: GraphQLSchema, log: Log): void {
  const misfits = trusted?.misfits(schema) ?? [];
  for (const { document, reason } of misfits.slice(0, maxWarnings)) {
    const facts = { code: 'GRAPHQL_VALIDATION_FAILED', file: document.source.name, operation: document.name };
    log.warn(facts, `a trusted document does not fit the schema, and is refused: ${reason}`);
  }
  const more = misfits.length - maxWarnings;
  if (more > 0) log.warn({ code: 'GRAPHQL_VALIDATION_FAILED' }, `so are ${more} more trusted documents`);
}
