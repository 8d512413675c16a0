import { createPublicKey } from 'node:crypto';
import { decodeJwt, importSPKI, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { ConfigError, type Config } from '../../base/config.js';
import type { Identity } from '../../base/context.js';
import type { Log } from '../../base/log.js';
import { refuse, toIdentity } from './identity.js';
import { KeysUnavailable, openKeySet, type KeySet } from './key-set.js';

/** Checks bearer tokens against the configured issuers. */
export interface Tokens {
  /**
   * Says whose token came in the values of the `Authorization` header. An identity may be the same object in many
   * requests.
   *
   * @throws GatewayError `UNAUTHENTICATED` for everything that is not exactly one good bearer token; why, is in its
   * `cause` alone
   */
  readonly check: (values: readonly string[]) => Promise<Identity>;
  /** The keys that issuers publish; one set where several entries name one address. */
  readonly keySets: readonly KeySet[];
}

type Issuer = Config['jwt'][number];

/** Clocks of issuers may be this far from ours (RFC 7519, 4.1.4: "usually no more than a few minutes"). */
const clockToleranceS = 30;

const maxTokenLength = 8_192;

/**
 * A verified token is known again for this long, and never beyond its `exp`. Short, so that a key an issuer
 * has withdrawn is refused 90 s later at most: what is published is never trusted for more than 60 s.
 */
const rememberMs = 30_000;

interface KnownToken {
  readonly identity: Identity;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * Makes the check of bearer tokens. Keys are imported once.
 *
 * @throws ConfigError where an issuer's key cannot be used with its algorithms
 */
export function createTokens(issuers: Config['jwt'], log: Log): Tokens {
  refuseBadKeys(issuers);
  const keySets = new Map<string, KeySet>();
  const publishedAt = (url: string): KeySet => {
    const opened = keySets.get(url) ?? openKeySet(new URL(url), log);
    keySets.set(url, opened);
    return opened;
  };
  const checks = issuers.map((issuer) => ({
    name: issuer.issuer,
    verify: verifierOf(issuer, publishedAt),
  }));
  const known = new LRUCache<string, KnownToken>({
    max: 10_000,
    maxSize: 16 * 2 ** 20,
    sizeCalculation: (_, token) => token.length,
  });

  const check = async (values: readonly string[]): Promise<Identity> => {
    const token = readToken(values);
    const remembered = known.get(token);
    if (remembered && Date.now() < remembered.until) return remembered.identity;
    const identity = await firstToAccept(checks, token);
    const until = Math.min(identity.expiresAt ?? 0, Date.now() + rememberMs);
    if (Date.now() < until) known.set(token, { identity, until });
    return identity;
  };
  return { check, keySets: [...keySets.values()] };
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

function verifierOf(issuer: Issuer, publishedAt: (url: string) => KeySet): Check['verify'] {
  const keyOf = keysOf(issuer, publishedAt);
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
    return identityOf(payload);
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

function identityOf(payload: JWTPayload): Identity {
  const { sub, iat, exp = 0 } = payload;
  if (typeof sub !== 'string' || sub === '') throw new Error('"sub" is no text');
  // jose only looks at it when it is given a maximum age.
  if (iat !== undefined && iat > Date.now() / 1_000 + clockToleranceS)
    throw new Error('"iat" is in the future');
  return toIdentity({ subject: sub, claims: payload, by: 'jwt', expiresAt: exp * 1_000 });
}

function keysOf({ key, algorithms }: Issuer, publishedAt: (url: string) => KeySet): JWTVerifyGetKey {
  if (key.secret !== undefined) {
    const secret = new TextEncoder().encode(key.secret);
    return () => secret;
  }
  return key.publicKey === undefined
    ? publishedAt(key.jwksUrl ?? '').keyOf
    : pemKeys(key.publicKey, algorithms);
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
