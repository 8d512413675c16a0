import type { Headers } from '../base/context.js';
import { firstValue } from './headers.js';
import type { Reply } from './refusal.js';

/**
 * Reads a list of origins that other sites' pages may ask from. None means: same origin only.
 *
 * @throws Error for what is not an exact origin, such as `*`, `null` or a URL with a path
 */
export function readOrigins(origins: readonly string[]): ReadonlySet<string> {
  for (const origin of origins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new Error(`"${origin}" is not an origin such as "https://shop.example.com".`);
  }
  return new Set(origins);
}

/** The headers that let a page of an allowed origin read the answer. Cookies are never part of it. */
export function corsHeaders(
  allowed: ReadonlySet<string>,
  headers: Headers,
): Readonly<Record<string, string>> {
  if (allowed.size === 0) return {};
  const origin = firstValue(headers, 'origin');
  if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'RateLimit, RateLimit-Policy, Retry-After',
  };
}

/**
 * Whether a page may open a WebSocket. Browsers do not ask first there, and show a page whatever comes: so this is
 * decided by the origin they name. Whoever names none is no browser, and has no cookies of somebody else.
 */
export function mayConnect(allowed: ReadonlySet<string>, headers: Headers): boolean {
  const origins = headers['origin'] ?? [];
  return origins.every((origin) => allowed.has(origin) || isOwnOrigin(origin, firstValue(headers, 'host')));
}

/** Whether a page comes from the host it asks; a proxy before us may have ended TLS. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const scheme = /^https?:\/\//.exec(origin)?.[0];
  if (scheme === undefined || host === undefined || !URL.canParse(scheme + host)) return false;
  return new URL(scheme + host).origin === origin;
}

/** The answer to `OPTIONS`: what can be done here, and to an allowed origin that it may. */
export function preflight(allowed: ReadonlySet<string>, headers: Headers): Reply {
  const cors = corsHeaders(allowed, headers);
  const allow = 'GET, POST, OPTIONS';
  if (cors['access-control-allow-origin'] === undefined) return { status: 204, headers: { allow }, body: '' };
  const wanted = headers['access-control-request-headers']?.join(', ');
  return {
    status: 204,
    headers: {
      allow,
      vary: 'Origin, Access-Control-Request-Headers',
      'access-control-allow-methods': 'GET, POST',
      'access-control-max-age': '600',
      ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
    },
    body: '',
  };
}
