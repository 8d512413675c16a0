import type { IncomingMessage } from 'node:http';
import type { Headers } from '../base/context.js';
import { firstValue } from './headers.js';
import { Refusal } from './refusal.js';

/** Headers that say who asks, for whom, and what the body is. Two of them would mean two answers. */
const onceOnly = ['host', 'authorization', 'content-type', 'cookie'] as const;

/** Where a request goes: the path, and the query string with its `?`, or nothing. */
export interface Target {
  readonly path: string;
  readonly search: string;
}

/**
 * What can be told from the head alone, cheapest first.
 *
 * @throws Refusal 431, 400 or 405
 */
export function checkHead(request: IncomingMessage, headers: Headers, maxHeaders: number): void {
  // Node drops the headers after its own limit without a word, and a client could choose which: so we count.
  if (request.rawHeaders.length > maxHeaders * 2) {
    throw new Refusal(431, `The request has more than ${maxHeaders} headers.`, { connection: 'close' });
  }
  for (const name of onceOnly) {
    if ((headers[name]?.length ?? 0) > 1) {
      throw new Refusal(400, `The header "${name}" may come only once.`, { connection: 'close' });
    }
  }
  if (request.httpVersion === '1.1' && !firstValue(headers, 'host')) {
    throw new Refusal(400, 'The header "host" is missing.', { connection: 'close' });
  }
  if (request.method === 'TRACE') throw methodNotAllowed('GET, POST, OPTIONS');
}

/**
 * The target of a request, also in absolute form as proxies send it.
 *
 * @throws Refusal 400 where the target is no path, or names another host than the `Host` header
 */
export function readTarget(request: IncomingMessage, headers: Headers): Target {
  const target = request.url ?? '';
  if (target.startsWith('/')) return splitTarget(target);
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) {
    throw new Refusal(400, 'The target of the request is not a path.', { connection: 'close' });
  }
  const url = new URL(target);
  if (url.host !== firstValue(headers, 'host')?.toLowerCase()) {
    throw new Refusal(400, 'The target of the request is on another host than the header "host" names.', {
      connection: 'close',
    });
  }
  return { path: url.pathname, search: url.search };
}

function splitTarget(target: string): Target {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, search: '' } : { path: target.slice(0, at), search: target.slice(at) };
}

/**
 * What a GraphQL request by GET must be like. Who may send one at all is left to Apollo's protection against
 * cross-site requests.
 *
 * @throws Refusal 400 or 415
 */
export function checkGet(headers: Headers): void {
  const length = firstValue(headers, 'content-length');
  if (headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0)) {
    throw new Refusal(400, 'A GET request has no body.', { connection: 'close' });
  }
  const type = firstValue(headers, 'content-type');
  if (type !== undefined) checkContentType(type);
}

/**
 * What the head of a GraphQL request by POST must be like.
 *
 * @throws Refusal 413 or 415
 */
export function checkPost(headers: Headers, maxBodyBytes: number): void {
  if (headers['content-encoding'] !== undefined) {
    throw new Refusal(415, 'Compressed requests are not taken.', { 'accept-encoding': 'identity' });
  }
  checkContentType(firstValue(headers, 'content-type') ?? '');
  if (Number(firstValue(headers, 'content-length') ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
}

function checkContentType(text: string): void {
  const [type, ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const isUtf8 = parameters.every((parameter) => !/^charset\s*=\s*(?!"?utf-?8"?$)/.test(parameter));
  if (type === 'application/json' && isUtf8) return;
  throw new Refusal(415, 'The content type must be application/json in UTF-8.', {
    accept: 'application/json',
  });
}

/** The refusal of a body with more bytes than allowed. */
export function tooLarge(maxBodyBytes: number): Refusal {
  return new Refusal(413, `The body has more than ${maxBodyBytes} bytes.`, { connection: 'close' });
}

/** The refusal of a method that a path does not know. */
export function methodNotAllowed(allow: string): Refusal {
  return new Refusal(405, `Only ${allow} can be used here.`, { allow });
}
