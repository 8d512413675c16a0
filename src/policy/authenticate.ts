import { createPublicKey } from 'node:crypto';
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  importSPKI,
  jwtVerify,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { LRUCache } from 'lru-cache';
import { ConfigError, type Config } from '../base/config.js';
import type { Headers, Identity } from '../base/context.js';
import { GatewayError } from '../base/errors.js';

/** Says who asks, by the request's headers. */
export type Authenticate = (headers: Headers) => Promise<Identity | undefined>;

type Issuer = Config['jwt'][number];

/** Clocks of issuers may be this far from ours (RFC 7519, 4.1.4: "usually no more than a few minutes"). */
const clockToleranceS = 30;

const maxTokenLength = 8_192;

/**
 * A verified token is known again for this long, and never beyond its `exp`. Short, so that a key an issuer
 * has withdrawn is refused within {@link refreshAfterMs} and this together: 90 s.
 */
const rememberMs = 30_000;

interface KnownToken {
  readonly identity: Identity;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * Makes the check of bearer tokens against the configured issuers. Keys are imported once.
 *
 * The returned function gives `undefined` where there is no `Authorization` header, and throws a
 * {@link GatewayError} `UNAUTHENTICATED` for every header that is not exactly one good bearer token; why,
 * is in its `cause` alone. An identity may be the same object in many requests; it is frozen all through.
 *
 * @throws ConfigError where an issuer's key cannot be used with its algorithms
 *
 * @example
 * const authenticate = createAuthenticator(config.jwt);
 * const identity = await authenticate(headers);
 */
export function createAuthenticator(issuers: Config['jwt']): Authenticate {
  refuseBadKeys(issuers);
  const checks = issuers.map((issuer) => ({ name: issuer.issuer, verify: verifierOf(issuer) }));
  const known = new LRUCache<string, KnownToken>({
    max: 10_000,
    maxSize: 16 * 2 ** 20,
    sizeCalculation: (_, token) => token.length,
  });

  return async (headers) => {
    const values = Object.hasOwn(headers, 'authorization') ? (headers['authorization'] ?? []) : [];
    if (values.length === 0) return undefined;
    if (checks.length === 0) {
      throw refuse('A token was sent, but no token issuer is configured in this gateway.');
    }
    const token = readToken(values);
    const remembered = known.get(token);
    if (remembered && Date.now() < remembered.until) return remembered.identity;
    const identity = await firstToAccept(checks, token);
    const until = Math.min(Number(identity.claims['exp']) * 1_000, Date.now() + rememberMs);
    if (Date.now() < until) known.set(token, { identity, until });
    return identity;
  };
}

function refuse(message: string, cause?: unknown): GatewayError {
  return new GatewayError('UNAUTHENTICATED', message, { cause });
}

/** Three parts of base64url: an encrypted token (JWE) has five. */
const bearer = /^bearer ([\w-]+\.[\w-]+\.[\w-]*)$/i;

function readToken(values: readonly string[]): string {
  const [value = ''] = values;
  const fits = values.length === 1 && value.length <= 'bearer '.length + maxTokenLength;
  const token = fits ? bearer.exec(value)?.[1] : undefined;
  if (token === undefined) throw refuse('The Authorization header is not one bearer token.');
  return token;
}

interface Check {
  /** The `iss` whose tokens it verifies. */
  readonly name: string;
  readonly verify: (token: string) => Promise<Identity>;
}

/** An issuer may be configured more than once, with one audience each. */
async function firstToAccept(checks: readonly Check[], token: string): Promise<Identity> {
  let cause: unknown;
  const issuer = claimedIssuer(token);
  for (const check of checks) {
    if (check.name !== issuer) continue;
    try {
      return await check.verify(token);
    } catch (error) {
      cause = error;
    }
  }
  if (cause instanceof KeysUnavailable)
    throw refuse('The token cannot be checked now. Try again later.', cause);
  throw refuse('The token was refused.', cause);
}

/** Only chooses whose keys the token is verified with; nothing else is believed before that. */
function claimedIssuer(token: string): unknown {
  try {
    const payload = decodeJwt(token);
    return Object.hasOwn(payload, 'iss') ? payload.iss : undefined;
  } catch {
    return undefined;
  }
}

function verifierOf(issuer: Issuer): Check['verify'] {
  const keyOf = keysOf(issuer);
  const options = {
    issuer: issuer.issuer,
    audience: issuer.audience,
    algorithms: issuer.algorithms,
    clockTolerance: clockToleranceS,
    requiredClaims: ['exp', 'iss', 'aud', 'sub'],
  };
  return async (token) => {
    const { payload, protectedHeader } = await jwtVerify(token, keyOf, options);
    refuseForeignKeys(protectedHeader);
    return toIdentity(payload);
  };
}

/**
 * Headers that say where a key is, or change how a token is read. jose follows none of the first three and
 * knows one `crit`; a token that has them was not meant for us.
 */
const foreignHeaders = ['jwk', 'jku', 'x5u', 'crit'];

function refuseForeignKeys(header: object): void {
  const found = foreignHeaders.find((name) => Object.hasOwn(header, name));
  if (found !== undefined) throw new Error(`the header "${found}" is not accepted`);
}

function toIdentity(payload: JWTPayload): Identity {
  const { sub, iat } = payload;
  if (typeof sub !== 'string' || sub === '') throw new Error('"sub" is no text');
  // jose only looks at it when it is given a maximum age.
  if (iat !== undefined && iat > Date.now() / 1_000 + clockToleranceS)
    throw new Error('"iat" is in the future');
  const claims = Object.assign(Object.create(null) as Record<string, unknown>, payload);
  return deepFreeze({ subject: sub, claims });
}

/** Of JSON values, which hold no cycles; a token's length bounds the depth. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

function keysOf({ key, algorithms }: Issuer): JWTVerifyGetKey {
  if (key.secret !== undefined) {
    const secret = new TextEncoder().encode(key.secret);
    return () => secret;
  }
  return key.publicKey === undefined ? remoteKeys(key.jwksUrl ?? '') : pemKeys(key.publicKey, algorithms);
}

function pemKeys(pem: string, algorithms: readonly string[]): JWTVerifyGetKey {
  const keys = new Map(algorithms.map((algorithm) => [algorithm, importSPKI(pem, algorithm)]));
  // Of the wrong kind for one of the algorithms: the tokens that come with it are refused, the process lives on.
  for (const key of keys.values()) key.catch(() => undefined);
  return async ({ alg }) => {
    const key = keys.get(alg);
    if (!key) throw new Error('there is no key for this algorithm');
    return key;
  };
}

/** Keys of this age are looked up anew in the background, so that nobody waits for it. */
const refreshEarlyMs = 45_000;

/** Keys of this age are looked up anew first, unless the issuer is known to be away. */
const refreshAfterMs = 60_000;

/** How long keys are good while their issuer cannot be reached. */
const staleMs = 24 * 3_600_000;

/** At most one look-up in this time, however many unknown key ids come. */
const refreshPauseMs = 10_000;

/** The same, while there are no keys at all. */
const firstLoadPauseMs = 1_000;

/** Thrown where an issuer's keys were never, or too long ago, fetched. */
class KeysUnavailable extends Error {
  constructor(cause: unknown) {
    super('the keys of the issuer cannot be fetched', { cause });
    this.name = 'KeysUnavailable';
  }
}

/**
 * An issuer's published keys. jose fetches and selects them; when, is decided here: on its own it refuses
 * everybody ten minutes into an outage, and fetches once per token while fetching fails.
 */
function remoteKeys(url: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: 5_000,
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    [customFetch]: fetchKeys,
  });
  let loadedAt = -Infinity;
  let triedAt = -Infinity;
  let outage: unknown;
  let pending: Promise<void> | undefined;

  const age = () => performance.now() - loadedAt;

  const load = async (): Promise<void> => {
    triedAt = performance.now();
    try {
      await keys.reload();
      loadedAt = performance.now();
      outage = undefined;
    } catch (error) {
      outage = error;
    }
    pending = undefined;
  };

  const refresh = (): Promise<void> | undefined => {
    const pauseMs = age() < staleMs ? refreshPauseMs : firstLoadPauseMs;
    if (!pending && performance.now() - triedAt >= pauseMs) pending = load();
    return pending;
  };

  const ready = async (): Promise<void> => {
    const ageMs = age();
    if (ageMs < refreshEarlyMs) return;
    const refreshed = refresh();
    if (ageMs >= staleMs || (ageMs >= refreshAfterMs && outage === undefined)) await refreshed;
    if (age() >= staleMs) throw new KeysUnavailable(outage);
  };

  return async (header, token) => {
    await ready();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The issuer may have a new key.
      await refresh();
      return keys(header, token);
    }
  };
}

const maxKeySetBytes = 2 ** 20;

/** Reads no more than a key set can have. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxKeySetBytes) throw new Error(`the key set is larger than ${maxKeySetBytes} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status });
};

const sharedAlgorithms = /^HS(?:256|384|512)$/;
const publicAlgorithms = /^(?:[RPE]S(?:256|384|512)|EdDSA|Ed25519)$/;

/** A public key used as a shared secret would let everybody sign; the two kinds are never mixed. */
function refuseBadKeys(issuers: Config['jwt']): void {
  const faults = issuers.flatMap(({ key, algorithms }, index) => {
    const fitting = key.secret === undefined ? publicAlgorithms : sharedAlgorithms;
    const wrong = algorithms.filter((algorithm) => !fitting.test(algorithm));
    return [
      ...wrong.map((name) => `"jwt.${index}.algorithms" has "${name}", which its key cannot be used with`),
      ...(key.publicKey === undefined || isPublicKey(key.publicKey)
        ? []
        : [`"jwt.${index}.key.publicKey" is not a public key as PEM text`]),
    ];
  });
  if (faults.length > 0) throw new ConfigError('the configuration', faults);
}

function isPublicKey(pem: string): boolean {
  try {
    return pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----') && createPublicKey(pem).type === 'public';
  } catch {
    return false;
  }
}
