import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { methodNotAllowed } from './check-request.js';
import { Refusal, toReply, type Reply } from './refusal.js';
import { headersOf, send } from './send.js';

/** How long a client may take to fetch the reason before its socket is gone. */
const lingerMs = 500;

/** The latest answer that is owed, or was given, on a connection. */
export type ResponseOn = (socket: Duplex) => ServerResponse | undefined;

/** Remembers which answer belongs to which connection: Node hands over some connections without it. */
export function trackResponses(server: Server): ResponseOn {
  const latest = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    latest.set(request.socket, response);
  });
  return (socket) => latest.get(socket);
}

/**
 * Gives a JSON answer to what is not HTTP, too large in its head, or too slow, and then closes the connection.
 * Answers that are under way before it on the same connection keep their order.
 */
export function answerClientErrors(server: Server, responseOn: ResponseOn): void {
  const failed = new WeakSet<Duplex>();

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (failed.has(socket)) return;
    failed.add(socket);
    if (isUnspeakable(error, socket)) socket.destroy();
    else refuse(socket, responseOn(socket), toReply(toRefusal(error.code)));
  });
  // Node hands these over as bare sockets: CONNECT is no request to it.
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    endWith(socket, toReply(methodNotAllowed('GET, POST, OPTIONS')));
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    send(
      response,
      toReply(new Refusal(417, 'Only "100-continue" can be expected.', { connection: 'close' })),
    );
  });
}

/** Whether there is nobody to answer, or, where the TLS handshake has failed, no way to. */
function isUnspeakable({ code = '' }: NodeJS.ErrnoException, socket: Duplex): boolean {
  return code === 'ECONNRESET' || /^ERR_(?:SSL|TLS)_/.test(code) || !socket.writable;
}

/** Refuses what came on a bare socket, after the answer that is under way there, and closes the connection. */
export function refuse(socket: Duplex, response: ServerResponse | undefined, reply: Reply): void {
  if (response === undefined || response.writableFinished) {
    endWith(socket, reply);
    return;
  }
  // The fault lies behind a whole request: that one gets its answer, then the connection ends.
  if (response.req.complete) response.once('close', () => endSoon(socket));
  else send(response, reply);
}

function toRefusal(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Refusal(431, 'The head of the request is too large.');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Refusal(413, 'The chunk extensions of the request are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Refusal(408, 'The request took too long to arrive.');
    default:
      return new Refusal(400, 'The request is not HTTP.');
  }
}

/** Writes an answer where there is no response object, only a socket. */
function endWith(socket: Duplex, reply: Reply): void {
  const headers = Object.entries({ ...headersOf(reply), connection: 'close' });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n${lines}\r\n${reply.body}`);
  endSoon(socket);
}

function endSoon(socket: Duplex): void {
  socket.on('error', () => undefined);
  socket.end();
  // Unread bytes at the time of closing would reset the connection and take the answer with them.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once('close', () => clearTimeout(timer));
}
