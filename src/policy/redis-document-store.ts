import type { Log } from '../base/log.js';
import { longestKept, type DocumentStore } from './document-store.js';
import { hashOf } from './trusted-documents.js';

/** The commands of a Redis client that are needed here; each rejects where it fails. */
export interface RedisTexts {
  getrange(key: string, start: number, end: number): Promise<string>;
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>;
}

/** What {@link createRedisStore} needs. */
export interface RedisStoreOptions {
  /** Called when the store is first used, and again where that did not work. */
  readonly connect: () => Promise<RedisTexts>;
  /** Asked first, and given what Redis knew. */
  readonly memory: DocumentStore;
  /** What the names of all keys begin with. */
  readonly keyPrefix: string;
  /** How long a document is kept. */
  readonly ttlMs: number;
  /** How long a request waits for Redis. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** How long nobody asks a Redis that did not answer. */
const pauseMs = 1_000;

/** Of a character in UTF-8. */
const maxBytesPerUnit = 3;

/**
 * Keeps documents in Redis, for gateways that share it. While it does not answer, documents are those that this process
 * has seen; clients send the others again.
 */
export function createRedisStore(options: RedisStoreOptions): DocumentStore {
  const { connect, memory, keyPrefix, ttlMs, timeoutMs, log } = options;
  let connecting: Promise<RedisTexts> | undefined;
  let pausedUntil = 0;
  let isWell = true;

  const connectAgain = (): Promise<RedisTexts> =>
    connect().catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
  const attempt = async <T>(act: (redis: RedisTexts) => Promise<T>): Promise<T | undefined> => {
    if (performance.now() < pausedUntil) return undefined;
    try {
      connecting ??= connectAgain();
      const done = await inTime(connecting.then(act), timeoutMs);
      isWell = true;
      return done;
    } catch (error) {
      if (!isAnswer(error)) pausedUntil = performance.now() + pauseMs;
      if (isWell)
        log.error({ error }, 'Redis does not keep persisted queries; each gateway knows its own meanwhile.');
      isWell = false;
      return undefined;
    }
  };
  const keyOf = (sha256: string) => `${keyPrefix}document:${sha256}`;

  return {
    find: async (sha256) => {
      const known = await memory.find(sha256);
      if (known !== undefined) return known;
      const last = longestKept * maxBytesPerUnit;
      const text = await attempt((redis) => redis.getrange(keyOf(sha256), 0, last));
      if (text === undefined || hashOf(text) !== sha256) return undefined;
      await memory.keep(sha256, text);
      return text;
    },
    keep: async (sha256, text) => {
      await memory.keep(sha256, text);
      await attempt((redis) => redis.set(keyOf(sha256), text, 'PX', ttlMs));
    },
  };
}

/** Whether an error is what Redis answered, such as `READONLY` or `WRONGTYPE`: it costs no time to ask again. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`There was no answer in ${timeoutMs} ms.`)), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
