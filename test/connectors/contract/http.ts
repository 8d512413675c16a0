import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stringifyJson } from '../../../src/mapping/json.js';
import {
  Failure,
  Garbage,
  runBackend,
  type Backend,
  type Call,
  type FailureKind,
  type Ledger,
} from './backend.js';

const statuses: Readonly<Record<FailureKind, number>> = { unavailable: 503, forbidden: 403 };

/** A REST backend: `GET /findItem/1?at=x` is `findItem` with `{ id: "1", at: "x" }`; `ids` is a list. */
export function startRest(): Promise<Backend> {
  return runBackend(
    (port) => `http://127.0.0.1:${port}`,
    (ledger) => serving((request, response) => answer(request, response, ledger)),
  );
}

/** A server that can be stopped and started again on its port. */
export function serving(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
  let server: Server;
  return {
    listen: (port: number) => {
      server = createServer((request, response) => {
        handle(request, response).catch(() => response.destroy());
      });
      return new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      });
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, ledger: Ledger): Promise<void> {
  const body = await readBody(request);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://backend');
  const [, operation = '', ...ids] = pathname.split('/');
  const input: Record<string, unknown> = ids.length === 0 ? {} : { id: decodeURIComponent(ids.join('/')) };
  for (const name of searchParams.keys()) {
    const values = searchParams.getAll(name);
    input[name] = name.endsWith('s') ? values : values[0];
  }
  if (body !== '') Object.assign(input, JSON.parse(body));
  const call: Call = { operation, input, headers: headersOf(request), left: leaving(response) };
  try {
    reply(response, 200, stringifyJson((await ledger.answer(call)) ?? null));
  } catch (error) {
    if (error instanceof Garbage) reply(response, 200, error.bytes);
    else if (error instanceof Failure)
      reply(response, statuses[error.kind], JSON.stringify({ error: { message: error.message } }));
    else throw error;
  }
}

function reply(response: ServerResponse, status: number, body: string | Buffer): void {
  if (!response.destroyed) response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

/** The body as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Names in lower case, values of one name joined. */
export function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** Aborted when a connection ends before its answer. */
export function leaving(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
