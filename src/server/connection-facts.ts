import type { Headers } from '../base/context.js';
import type { CallerFacts } from './apollo.js';
import { endToEndHeaders, firstValue } from './headers.js';

/** What a WebSocket knows of its caller from the moment it is open. */
export type ConnectionFacts = Required<Pick<CallerFacts, 'headers' | 'received' | 'params'>>;

/** Why `connection_init` cannot be taken; the message says so to the client. */
export class BadConnectionParams extends Error {
  override readonly name = 'BadConnectionParams';
}

/**
 * What a caller says of itself: in the headers of the upgrade request and, since browsers cannot send any there, in the
 * `connectionParams` of `connection_init`.
 *
 * Only names that are expected are taken from the parameters. Proxies before us remove headers that callers must not
 * choose, but do not look into messages. Of a header that both have, the one of the request counts; two different
 * tokens are refused, because either could be the one that is meant.
 *
 * @param expected lower-case names; `authorization` always is
 * @throws BadConnectionParams
 */
export function toConnectionFacts(
  upgrade: Headers,
  params: Readonly<Record<string, unknown>>,
  expected: readonly string[],
): ConnectionFacts {
  const given = readParams(params, new Set(['authorization', ...expected]));
  const sent = firstValue(upgrade, 'authorization');
  if (sent !== undefined && sent !== (firstValue(given, 'authorization') ?? sent)) {
    throw new BadConnectionParams('The request and connection_init have different tokens.');
  }
  const headers = Object.assign(Object.create(null) as Record<string, readonly string[]>, given);
  for (const [name, values] of Object.entries(endToEndHeaders(upgrade))) {
    if (!name.startsWith('sec-websocket-')) headers[name] = values;
  }
  return { headers, received: upgrade, params: given };
}

function readParams(params: Readonly<Record<string, unknown>>, expected: ReadonlySet<string>): Headers {
  const given = Object.create(null) as Record<string, readonly string[]>;
  for (const [key, value] of Object.entries(params)) {
    const name = key.toLowerCase();
    if (!expected.has(name)) continue;
    if (given[name] !== undefined) throw new BadConnectionParams(`"${name}" comes twice.`);
    if (!isHeaderValue(value)) throw new BadConnectionParams(`"${name}" is not the text of a header.`);
    given[name] = [value];
  }
  return given;
}

/** As Node would have it in a request: no line breaks, which would begin another header; no longer than a head. */
function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 16_384 && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}
