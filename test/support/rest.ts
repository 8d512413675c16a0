import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a backend answers to one request. */
export interface CannedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A REST backend that answers from a table. */
export interface RestBackend {
  readonly url: string;
  /** Every request so far: `GET /users/1`, with headers `x-…` and the body behind it where there are any. */
  readonly calls: string[];
  close(): Promise<void>;
}

/** Starts a backend on a free port; a request that the table does not name gets 404. */
export async function startRest(answers: ReadonlyMap<string, CannedAnswer>): Promise<RestBackend> {
  const calls: string[] = [];
  const server = createServer((request, response) => void answer(request, response, answers, calls));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answers: ReadonlyMap<string, CannedAnswer>,
  calls: string[],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const line = `${request.method ?? ''} ${request.url ?? ''}`;
  const extras = Object.entries(request.headers)
    .filter(([name]) => name.startsWith('x-') || name === 'authorization')
    .map(([name, value]) => `${name}: ${String(value)}`);
  calls.push([line, ...extras, Buffer.concat(chunks).toString()].filter((part) => part !== '').join(' | '));
  const {
    status = 200,
    headers = {},
    body = '{"error":"not in the table"}',
  } = answers.get(line) ?? { status: 404 };
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}
