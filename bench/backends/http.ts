import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

/** An answer in full. */
export interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

/** JSON as a backend sends it. */
export function toReply(value: unknown, status = 200): Reply {
  return { status, body: Buffer.from(JSON.stringify(value)) };
}

/** Starts a plain HTTP server on any free port of loopback and gives its `host:port`. */
export async function listenHttp(answer: RequestListener): Promise<string> {
  return listen(createServer({ keepAliveTimeout: 600_000 }, answer));
}

/** Makes a server listen on any free port of loopback. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

/** Reads a whole body. Who calls here is known, so there is no limit. */
export function readText(request: IncomingMessage, onText: (text: string) => void): void {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (text += chunk));
  request.on('end', () => onText(text));
}
