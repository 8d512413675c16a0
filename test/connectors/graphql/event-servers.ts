import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buildSchema, parse, subscribe, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { stringifyJson } from '../../../src/mapping/json.js';

/** A subscription as a service has had it. */
export interface Subscribed {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly headers: IncomingHttpHeaders;
  /** What came with `connection_init`. */
  readonly payload?: unknown;
}

/** A service that subscriptions can be opened at. */
export interface EventServer {
  readonly url: string;
  readonly subscribed: Subscribed[];
  /** How many connections are open. */
  connections(): number;
  /** Cuts every connection and lets the port go. May be called twice. */
  close(): Promise<void>;
}

interface Door extends EventServer {
  readonly port: number;
}

/** Serves a schema, on a port of its own unless told otherwise, until the test ends. */
export type StartEvents = (
  sdl: string,
  root: Readonly<Record<string, object>>,
  port?: number,
) => Promise<Door>;

/** Server-sent events, as slow as their reader. */
export const startEventsByHttp: StartEvents = (sdl, root, port) => {
  const schema = buildSchema(sdl);
  return startHttp(async (_, response, subscribed) => {
    const result = await run(schema, root, subscribed);
    if (!(Symbol.asyncIterator in result)) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
      return;
    }
    const closed = once(response, 'close').then(() => result.return(undefined));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    for await (const event of result) {
      const fits = response.write(`event: next\ndata: ${stringifyJson(event)}\n\n`);
      if (!fits) await Promise.race([once(response, 'drain'), closed]);
    }
    response.end('event: complete\ndata:\n\n');
  }, port);
};

/** graphql-ws, which waits until an event is written before it makes the next. */
export const startEventsBySocket: StartEvents = async (sdl, root, port) => {
  const door = await startHttp(() => undefined, port);
  const sockets = new WebSocketServer({ server: door.server });
  useServer<Record<string, unknown>, { request: IncomingMessage }>(
    {
      schema: buildSchema(sdl),
      roots: { subscription: root },
      onSubscribe: ({ connectionParams, extra }, _, { query, variables }) => {
        const { headers } = extra.request;
        door.subscribed.push({ query, variables: variables ?? {}, headers, payload: connectionParams });
      },
    },
    sockets,
  );
  return { ...door, url: door.url.replace('http:', 'ws:') };
};

function run(schema: GraphQLSchema, rootValue: unknown, { query, variables }: Subscribed) {
  return subscribe({ schema, document: parse(query), rootValue, variableValues: variables }) as Promise<
    AsyncGenerator<ExecutionResult> | ExecutionResult
  >;
}

/** Serves HTTP however a test wants. */
export async function startHttp(
  answer: (request: IncomingMessage, response: ServerResponse, subscribed: Subscribed) => unknown,
  port = 0,
) {
  const subscribed: Subscribed[] = [];
  const connections = new Set<Socket>();
  const server = createServer((request, response) => {
    void read(request).then((call) => {
      subscribed.push(call);
      return answer(request, response, call);
    });
  });
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of connections) socket.destroy();
    await closed;
  };
  onTestFinished(close);
  return {
    server,
    url: `http://127.0.0.1:${address.port}/graphql`,
    port: address.port,
    subscribed,
    connections: () => connections.size,
    close,
  };
}

/** Serves graphql-transport-ws however a test wants: `talk` is given each text that comes. */
export async function startSocket(
  talk: (text: string, socket: WebSocket, request: IncomingMessage) => void,
  protocol = 'graphql-transport-ws',
) {
  const door = await startHttp((_, response) => response.writeHead(426).end());
  const sockets = new WebSocketServer({ server: door.server, handleProtocols: () => protocol || false });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => talk(data.toString('utf8'), socket, request));
  });
  return { ...door, sockets, url: door.url.replace('http:', 'ws:') };
}

async function read(request: IncomingMessage): Promise<Subscribed> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  const { query = '', variables = {} } = body === '' ? {} : JSON.parse(body);
  return { query, variables, headers: request.headers };
}
