import type { Identity } from '../../base/context.js';
import { GatewayError } from '../../base/errors.js';

/** What {@link toIdentity} is made from. */
export type Proof = Required<Pick<Identity, 'subject' | 'claims' | 'by'>> & Pick<Identity, 'expiresAt'>;

/**
 * An identity that can be handed to many requests: frozen all through, its claims with own properties only. `sub`
 * among them is the subject, so that a rule on it holds for every way to prove who one is.
 */
export function toIdentity({ subject, claims, by, expiresAt }: Proof): Identity {
  const own = Object.assign(Object.create(null) as Record<string, unknown>, claims, { sub: subject });
  return deepFreeze({ subject, claims: own, by, ...(expiresAt !== undefined && { expiresAt }) });
}

/** Of JSON values, which hold no cycles; the length of what they come from bounds the depth. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/**
 * The refusal of a caller who proves badly who they are. A bad proof is never taken for none.
 *
 * @param cause why; for the log only
 */
export function refuse(message: string, cause?: unknown): GatewayError {
  return new GatewayError('UNAUTHENTICATED', message, { cause });
}
