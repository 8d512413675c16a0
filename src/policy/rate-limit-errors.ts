import { GatewayError } from '../base/errors.js';

/** What is said to a caller who asked too often. */
export function tooMany(message: string, waitMs: number): GatewayError {
  return new GatewayError('RATE_LIMITED', message, { extensions: { retryAfter: wholeSeconds(waitMs) } });
}

/** What is said to a caller of whom nothing is known, neither a subject nor an address. */
export function nobody(what: string, windowMs: number): GatewayError {
  return tooMany(`${what} is limited for each caller, and nothing is known of this one.`, windowMs);
}

/** What is said where calls cannot be counted, and are to be refused then. */
export function cannotCount(): GatewayError {
  const message = 'The gateway cannot count calls at the moment, and does not let through what is limited.';
  return new GatewayError('RATE_LIMIT_UNAVAILABLE', message, { extensions: { retryAfter: 1 } });
}

/** Whole seconds that are long enough, at least one. */
export function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
