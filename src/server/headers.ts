import type { Headers } from '../base/context.js';

/** Headers that speak of one connection, not of the request (RFC 9110, 7.6.1). They end here. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Every header as it came: by lower-case name, all values kept, no prototype a name could reach. */
export function readHeaders(rawHeaders: readonly string[]): Headers {
  const headers = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    (headers[rawHeaders[i]!.toLowerCase()] ??= []).push(rawHeaders[i + 1]!);
  }
  return headers;
}

/**
 * The headers that belong to the request as a whole. Those of the connection are left out, those that
 * `Connection` lists, and names with `_`, which some backends cannot tell from names with `-`.
 */
export function endToEndHeaders(headers: Headers): Headers {
  const listed = connectionOptions(headers);
  const kept = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, values] of Object.entries(headers)) {
    if (!hopByHop.has(name) && !listed.has(name) && !name.includes('_')) kept[name] = values;
  }
  return kept;
}

function connectionOptions(headers: Headers): ReadonlySet<string> {
  const values = headers['connection'] ?? [];
  return new Set(
    values
      .join(',')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}

/** The value of a header that may come once; of several, the first. */
export function firstValue(headers: Headers, name: string): string | undefined {
  return headers[name]?.[0];
}
