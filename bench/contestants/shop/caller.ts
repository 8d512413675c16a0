import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { demoAudience, demoIssuer, demoSecret } from '../../../demo/identities.js';

/** Who asks. */
export interface Caller {
  /** The header as it came, to be forwarded. */
  readonly authorization: string;
  readonly id: string;
  readonly scopes: readonly string[];
}

/** Thrown for a token that is not good. */
export class TokenRefused extends Error {}

const secret = new TextEncoder().encode(demoSecret);
const expected = { algorithms: ['HS256'], issuer: demoIssuer, audience: demoAudience };

/** A verified token is known again for half a minute: whoever measures his service finds that first. */
const known = new LRUCache<string, Caller>({ max: 10_000, ttl: 30_000 });

/** Checks the bearer token; undefined without one. */
export async function callerOf(authorization: string | undefined): Promise<Caller | undefined> {
  if (authorization === undefined) return undefined;
  const remembered = known.get(authorization);
  if (remembered) return remembered;
  const [, token = ''] = /^bearer (\S+)$/i.exec(authorization) ?? [];
  try {
    const { payload } = await jwtVerify<{ scope?: string }>(token, secret, expected);
    const caller = { authorization, id: payload.sub ?? '', scopes: (payload.scope ?? '').split(' ') };
    const ttl = Math.min(30_000, (payload.exp ?? 0) * 1000 - Date.now());
    if (ttl > 0) known.set(authorization, caller, { ttl });
    return caller;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new TokenRefused('The token was refused.');
    throw error;
  }
}
