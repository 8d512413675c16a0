import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from './refusal.js';

/** How long a client that is turned away midway may go on sending before it is cut off. */
const lingerMs = 500;

/** On every answer. What a browser gets here is data: not a page, not a script, not for a cache. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The headers of a reply, the safe ones below them. */
export function headersOf(reply: Reply): Record<string, string> {
  const headers = { ...safeHeaders, ...reply.headers };
  if (reply.status !== 204) headers['content-length'] = String(Buffer.byteLength(reply.body));
  else delete headers['content-type'];
  return headers;
}

/**
 * Cuts a client that takes nothing of its answer for so long, at the latest after twice that: the rest of the answer would
 * stay in memory for as long as it likes. Until then nothing more is read from it, or a byte now and then would count
 * as a sign of life.
 */
export function cutWhenStalled(response: ServerResponse, timeoutMs: number): void {
  const hold = (socket: Socket): void => {
    if (response.writableFinished || socket.destroyed || !response.req.complete) return;
    socket.pause();
    // Nobody listens to the timeout, so Node ends the connection.
    socket.setTimeout(timeoutMs);
    // Before Node's own listener, which sets the time for which the connection may then be idle.
    response.prependOnceListener('finish', () => {
      socket.setTimeout(0);
      socket.resume();
    });
  };
  // Most answers are gone by then.
  const look = (socket: Socket) => setImmediate(hold, socket);
  if (response.socket === null) response.once('socket', look);
  else look(response.socket);
}

/**
 * Answers a request once; a client that has gone, or has its answer, is left alone. Where the client is still
 * sending, the connection ends with the answer: nobody knows where the next request would begin.
 */
export function send(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const { req: request } = response;
  const headers = headersOf(reply);
  if (request.complete) {
    response.writeHead(reply.status, headers).end(reply.body);
    return;
  }
  response.writeHead(reply.status, { ...headers, connection: 'close' }).write(reply.body);
  // Closing with bytes unread resets the connection, and the client might lose the answer to that.
  const timer = setTimeout(() => response.end(), lingerMs).unref();
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  request.once('end', end).once('close', end).resume();
}
