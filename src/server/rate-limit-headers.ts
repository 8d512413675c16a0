import type { Quota } from '../policy/quotas.js';

/**
 * The `RateLimit-Policy` and `RateLimit` fields of an answer (draft-ietf-httpapi-ratelimit-headers-10): each limit that
 * was looked at, how much it grants in how many seconds, how much is left, and in how many seconds there is more.
 *
 * @example
 * // RateLimit-Policy: "operations";q=100;w=60
 * // RateLimit: "operations";r=98;t=60
 */
export function rateLimitHeaders(quotas: readonly Quota[]): Readonly<Record<string, string>> {
  if (quotas.length === 0) return {};
  return {
    'ratelimit-policy': quotas
      .map(({ name, max, windowMs }) => `"${name}";q=${max};w=${seconds(windowMs)}`)
      .join(', '),
    ratelimit: quotas
      .map(({ name, remaining, resetMs }) => `"${name}";r=${remaining};t=${seconds(resetMs)}`)
      .join(', '),
  };
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
