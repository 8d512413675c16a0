import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import { onTestFinished } from 'vitest';
import { createGateway, type Gateway, type GatewayOptions, type Question } from '../../../src/index.js';

/** One request as a backend got it. */
export interface Seen {
  /** `GET /users/1?x=%20`: the bytes of the request line. */
  readonly line: string;
  /** All values of a header, by lower-case name. */
  readonly header: (name: string) => string[];
  /** Names as they were written. */
  readonly names: readonly string[];
  readonly body: string;
}

/** What a test's backend does with a request. */
export type Answering = (response: ServerResponse, seen: Seen) => void;

/** A backend that notes every request. */
export interface Backend {
  readonly url: string;
  readonly seen: Seen[];
  /** The request lines. */
  readonly lines: () => string[];
}

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200): Answering =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Answers with these bytes. */
export const bytes =
  (body: string | Buffer, type?: string, status = 200): Answering =>
  (response) =>
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body);

/** Starts a backend on a free port; it ends with the test. */
export async function startBackend(answer: Answering = json({})): Promise<Backend> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void read(request).then((one) => {
      seen.push(one);
      answer(response, one);
    });
  });
  server.keepAliveTimeout = 60_000;
  const url = await listen(server);
  onTestFinished(() => server.closeAllConnections());
  return { url, seen, lines: () => seen.map(({ line }) => line) };
}

async function read(request: IncomingMessage): Promise<Seen> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { rawHeaders } = request;
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  return {
    line: `${request.method ?? ''} ${request.url ?? ''}`,
    names,
    header: (name) =>
      names.flatMap((each, index) => (each.toLowerCase() === name ? [rawHeaders[index * 2 + 1] ?? ''] : [])),
    body: Buffer.concat(chunks).toString(),
  };
}

/** A backend that speaks in bytes: for answers that no HTTP library would send. */
export interface SocketBackend {
  readonly url: string;
  /** Requests that have come, connections that were made, and those with a request that are still open. */
  readonly counts: { requests: number; connections: number; open: number };
}

/** Starts one on a free port; `answer` is called when a whole request without body has come. */
export async function startSockets(
  answer: (socket: Socket, requestOfSocket: number, text: string) => void,
): Promise<SocketBackend> {
  const counts = { requests: 0, connections: 0, open: 0 };
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    counts.connections++;
    let requests = 0;
    socket.on('error', () => undefined);
    socket.once('data', () => {
      counts.open++;
      socket.on('close', () => counts.open--);
    });
    socket.on('data', (data) => {
      counts.requests++;
      answer(socket, ++requests, data.toString('latin1'));
    });
  });
  const url = await listen(server);
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  return { url, counts };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Makes a gateway of one file, `api.graphql`, that ends with the test. */
export async function open(
  url: string,
  file: string,
  config: GatewayOptions['config'] = {},
  environment: Record<string, string> = {},
): Promise<Gateway> {
  const gateway = await createGateway({
    files: { 'api.graphql': file },
    environment: { BACKEND: url, ...environment },
    config: { log: 'silent', ...config },
  });
  onTestFinished(() => gateway.close());
  return gateway;
}

/** Parts of a file with one source and one field, `go`. */
export interface Parts {
  /** Behind the address in `baseURL`. */
  readonly base?: string;
  /** More of `http` of the source. */
  readonly sourceHttp?: string;
  /** More of the source. */
  readonly source?: string;
  /** `(id: ID)` */
  readonly args?: string;
  readonly returns?: string;
  /** `http` of the connector. */
  readonly http: string;
  readonly selection?: string;
  /** More of the connector. */
  readonly connect?: string;
  /** More of the file. */
  readonly types?: string;
  readonly root?: 'Query' | 'Mutation';
}

/** A file with one field, `go`, whose answer is the body as it is. */
export function fileOf(parts: Parts): string {
  const { base = '', sourceHttp = '', source = '', args = '', returns = 'JSON', root = 'Query' } = parts;
  const { http, selection = '$', connect = '', types = '' } = parts;
  return `
    extend schema @source(name: "api", http: { baseURL: "{$env.BACKEND}${base}" ${sourceHttp} } ${source})
    scalar JSON
    ${root === 'Mutation' ? 'type Query { ok: Boolean @connect(selection: "$(true)") }' : ''}
    type ${root} {
      go${args}: ${returns} @connect(source: "api", http: { ${http} }, selection: ${JSON.stringify(selection)} ${connect})
    }
    ${types}`;
}

/** An answer as JSON, as clients get it. */
export interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: Readonly<Record<string, unknown>>;
  }[];
}

/** Asks one question. */
export async function ask(gateway: Gateway, question: Question | string): Promise<Answer> {
  const result = await gateway.ask(typeof question === 'string' ? { query: question } : question);
  return plain(result);
}

/** As a client reads it. */
export function plain(result: ExecutionResult): Answer {
  return JSON.parse(JSON.stringify(result)) as Answer;
}

/** The code of the only error. */
export function codeOf(answer: Answer): unknown {
  return answer.errors?.length === 1 ? answer.errors[0]?.extensions?.['code'] : answer.errors;
}

/** What no stranger may read: addresses, paths of files, stacks, and the secret that backends answer with. */
export const leaks = /127\.0\.0\.1|localhost|https?:|\/work\/|node_modules|\bat .*:\d+|ECONN|UND_ERR|hunter2/;
