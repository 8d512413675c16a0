import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { Client } from 'undici';
import type { Log } from '../../base/log.js';

/** The keys that an issuer publishes, kept fresh. */
export interface KeySet {
  /** The key for a token. @throws KeysUnavailable, and jose's errors where no key, or no single one, fits */
  readonly keyOf: JWTVerifyGetKey;
  /** From now on, fetches without being asked for a key. Does not keep the process alive. */
  readonly start: () => void;
  /** Whether keys have been fetched at all. */
  readonly isLoaded: () => boolean;
  /** Fetches no more. */
  readonly close: () => void;
}

/** Thrown where an issuer's keys were never, or too long ago, fetched. */
export class KeysUnavailable extends Error {
  constructor(cause: unknown) {
    super('the keys of the issuer cannot be fetched', { cause });
    this.name = 'KeysUnavailable';
  }
}

/** Keys of this age are fetched anew in the background, so that nobody waits for it. */
const refreshEarlyMs = 45_000;

/**
 * Keys of this age are fetched anew first, unless the issuer is known to be away. With the background at work, that is
 * only after the process has stood still.
 */
const refreshAfterMs = 60_000;

/** How long keys are good while their issuer cannot be reached. */
const staleMs = 24 * 3_600_000;

/** At most one fetch in this time, however many unknown key ids come. */
const refreshPauseMs = 10_000;

/** The same, while there are no keys at all. */
const firstLoadPauseMs = 1_000;

/**
 * Makes an issuer's published keys. jose selects among them; when they are fetched, and how, is decided here: on its
 * own it refuses everybody ten minutes into an outage, fetches once per token while fetching fails, and reads whatever
 * an issuer, or who stands in its place, sends.
 */
export function openKeySet(url: URL, log: Log): KeySet {
  let keys: JWTVerifyGetKey = () => Promise.reject(new KeysUnavailable(undefined));
  let loadedAt = -Infinity;
  let triedAt = -Infinity;
  let outage: unknown;
  let pending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const closing = new AbortController();

  const age = () => performance.now() - loadedAt;
  const pauseMs = () => (age() < staleMs ? refreshPauseMs : firstLoadPauseMs);

  const load = async (): Promise<void> => {
    triedAt = performance.now();
    try {
      keys = createLocalJWKSet(await fetchKeySet(url, closing.signal));
      loadedAt = performance.now();
      if (outage !== undefined) log.info({}, 'the keys of an issuer of tokens can be fetched again');
      outage = undefined;
    } catch (error) {
      if (outage === undefined && !closing.signal.aborted) {
        log.warn({ error }, 'the keys of an issuer of tokens cannot be fetched');
      }
      outage = error;
    }
    pending = undefined;
  };

  const refresh = (): Promise<void> | undefined => {
    const mayTry = !closing.signal.aborted && performance.now() - triedAt >= pauseMs();
    if (!pending && mayTry) pending = load();
    return pending;
  };

  const ready = async (): Promise<void> => {
    const ageMs = age();
    if (ageMs < refreshEarlyMs) return;
    const refreshed = refresh();
    if (ageMs >= staleMs || (ageMs >= refreshAfterMs && outage === undefined)) await refreshed;
    if (age() >= staleMs) throw new KeysUnavailable(outage);
  };

  const keepFresh = async (): Promise<void> => {
    await refresh();
    if (closing.signal.aborted) return;
    timer = setTimeout(() => void keepFresh(), outage === undefined ? refreshEarlyMs : pauseMs()).unref();
  };

  return {
    keyOf: async (header, token) => {
      await ready();
      try {
        return await keys(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        // The issuer may have a new key.
        await refresh();
        return keys(header, token);
      }
    },
    start: () => {
      if (timer === undefined) timer = setTimeout(() => void keepFresh(), 0).unref();
    },
    isLoaded: () => loadedAt !== -Infinity,
    close: () => {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

const fetchTimeoutMs = 5_000;

const maxKeySetBytes = 2 ** 20;

/** Each token looks through all of them. */
const maxKeys = 1_000;

/** Follows no redirect, and reads no more than a key set can have. */
async function fetchKeySet(url: URL, closing: AbortSignal): Promise<JSONWebKeySet> {
  // Once a minute, a connection of its own costs nothing.
  const client = new Client(url.origin, { connectTimeout: fetchTimeoutMs, maxResponseSize: maxKeySetBytes });
  const end = () => void client.destroy();
  closing.addEventListener('abort', end);
  try {
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: url.pathname + url.search,
      headers: { accept: 'application/jwk-set+json, application/json' },
      signal: AbortSignal.timeout(fetchTimeoutMs),
    });
    // It may be torn down before, or after, somebody reads it.
    body.on('error', () => undefined);
    if (statusCode !== 200) throw new Error(`the issuer answered with the status ${statusCode}`);
    return readKeySet(await body.text());
  } finally {
    closing.removeEventListener('abort', end);
    await client.destroy();
  }
}

function readKeySet(text: string): JSONWebKeySet {
  const set = JSON.parse(text) as { readonly keys?: unknown } | null;
  if (!Array.isArray(set?.keys))
    throw new Error('the issuer answered with something else than a set of keys');
  if (set.keys.length > maxKeys) throw new Error(`the issuer has more than ${maxKeys} keys`);
  return { keys: set.keys as JSONWebKeySet['keys'] };
}
