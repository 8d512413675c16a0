import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Config } from '../../base/config.js';
import type { Identity } from '../../base/context.js';
import { refuse, toIdentity } from './identity.js';

/** Says whose key came in the values of its header. @throws GatewayError `UNAUTHENTICATED` */
export type CheckApiKey = (values: readonly string[]) => Identity;

/**
 * Makes the check of API keys against their digests.
 *
 * How long it takes tells nothing of a key: what is compared is a digest, and digests are looked up under a secret of
 * this process, so that nobody can choose, or know, where a guess comes near.
 */
export function createApiKeyCheck({ keys }: NonNullable<Config['apiKeys']>): CheckApiKey {
  const secret = randomBytes(32);
  const placeOf = (digest: string) => createHmac('sha256', secret).update(digest).digest('base64');
  const known = new Map(
    keys.map(({ hash, subject, claims, expires: expiresAt }) => [
      placeOf(hash),
      toIdentity({ subject, claims: structuredClone(claims), by: 'apiKey', expiresAt }),
    ]),
  );
  return ([key = '', ...more]) => {
    if (more.length > 0) throw refuse('The request has more than one API key.');
    const identity = known.get(placeOf(createHash('sha256').update(key, 'latin1').digest('hex')));
    // An empty one is no key, also if it is the digest of nothing that was configured.
    if (identity === undefined || key === '') throw refuse('The API key was refused.');
    const { expiresAt = Infinity } = identity;
    if (Date.now() >= expiresAt) throw refuse('The API key was refused.', new Error('it has expired'));
    return identity;
  };
}
