import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { loopback, type Transport } from './backend.js';

/** A transport over `node:http`: `answer` is called for each request; malformed ones get JSON, never a bare close. */
export function httpTransport(answer: RequestListener): Transport {
  // Longer than any client here pauses: one that reuses a connection in the moment it is closed gets a reset.
  const server = createServer({ keepAliveTimeout: 65_000 }, answer);
  server.on('clientError', refuseMalformed);
  return { listen: (port) => listen(server, port), stop: () => stop(server) };
}

/** The path and query of a request; undefined if its target is no URL. */
export function targetOf(request: IncomingMessage): URL | undefined {
  const target = `http://localhost${request.url ?? '/'}`;
  return URL.canParse(target) ? new URL(target) : undefined;
}

/** True if the body is said to be JSON. */
export function saysJson(request: IncomingMessage): boolean {
  return /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '');
}

/** The body as text; undefined if it has more than `most` bytes. The rest is left unread, the caller can still be answered. */
export async function readText(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, loopback, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
}

function refuseMalformed(_error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({
    error: { code: 'BAD_REQUEST', message: 'This is not HTTP as the demo understands it.' },
  });
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}
