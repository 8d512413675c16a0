import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildSchema, type ExecutionResult } from 'graphql';
import { runBackend, type Door, type OpenCall, type Running, type StartOptions } from '../backend.js';
import { httpTransport } from '../http.js';
import { openBook } from './book.js';
import { RequestProblem, readRequest, wantsEvents } from './request.js';
import { createRoot } from './resolvers.js';
import { run, type Outcome, type Service } from './run.js';

/**
 * Starts the orders service: GraphQL as in `schema.graphql` beside this file, at `/graphql`. Subscriptions come over
 * server-sent events, the "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md.
 */
export function startOrders(options: StartOptions = {}): Promise<Running> {
  const schema = buildSchema(readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'));
  const service: Service = { schema, root: createRoot(openBook()), documents: new Map() };
  const url = (address: string): string => `http://${address}/graphql`;
  return runBackend('orders', options, url, (door) =>
    httpTransport((...exchange) => void serve(service, door, ...exchange)),
  );
}

async function serve(
  service: Service,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const call = await enter(door, request);
    await answer(service, call, request, response);
  } catch (error) {
    sendProblem(response, error);
  }
}

async function enter(door: Door, request: IncomingMessage): Promise<OpenCall> {
  const { method = '', url: path = '', headers } = request;
  const call = door.enter({ method, path, operation: method, headers: Object.entries(headers) });
  if (await door.admit()) return call;
  throw new RequestProblem(503, 'The demo service "orders" was told to fail.', 'UNAVAILABLE');
}

async function answer(
  service: Service,
  call: OpenCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = await readRequest(request);
  const events = wantsEvents(request);
  const outcome = await run(service, asked, call, {
    mutations: request.method === 'POST',
    subscriptions: events,
  });
  if (events) await sendEvents(response, outcome);
  else if (!(Symbol.asyncIterator in outcome)) sendResult(request, response, outcome);
}

const strictType = 'application/graphql-response+json';

/** The status follows https://graphql.github.io/graphql-over-http/draft/: plain JSON is 200 even for a bad document. */
function sendResult(request: IncomingMessage, response: ServerResponse, result: ExecutionResult): void {
  const strict = (request.headers.accept ?? '').includes(strictType);
  sendJson(
    response,
    strict && result.data === undefined ? 400 : 200,
    strict ? strictType : 'application/json',
    result,
  );
}

async function sendEvents(response: ServerResponse, outcome: Outcome): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.flushHeaders();
  if (Symbol.asyncIterator in outcome) await sendEach(response, outcome);
  else sendEvent(response, outcome);
  response.end('event: complete\ndata:\n\n');
}

async function sendEach(
  response: ServerResponse,
  results: AsyncGenerator<ExecutionResult, void, void>,
): Promise<void> {
  const leave = (): void => void results.return();
  response.once('close', leave);
  if (response.destroyed) leave();
  for await (const result of results) sendEvent(response, result);
}

function sendEvent(response: ServerResponse, result: ExecutionResult): void {
  response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`);
}

function sendProblem(response: ServerResponse, error: unknown): void {
  const problem =
    error instanceof RequestProblem
      ? error
      : new RequestProblem(500, 'The demo service has a fault.', 'INTERNAL');
  const { status, message, code } = problem;
  if (response.headersSent) response.destroy();
  else sendJson(response, status, 'application/json', { errors: [{ message, extensions: { code } }] });
}

function sendJson(response: ServerResponse, status: number, type: string, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
