import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, graphql as execute, type GraphQLSchema } from 'graphql';
import { onTestFinished } from 'vitest';
import { parseJson, stringifyJson } from '../../../src/mapping/json.js';

/** One request a service has had. */
export interface Received {
  readonly document: string;
  readonly variables: Record<string, unknown>;
  /** As it came over the wire. */
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  readonly path: string;
}

/** An answer that is given instead of the true one. */
export interface Canned {
  readonly status?: number;
  readonly type?: string;
  readonly text: string;
}

/** A GraphQL service on a port of its own. */
export interface Service {
  readonly url: string;
  readonly calls: Received[];
  /** Calls that were no introspection. */
  readonly queries: Received[];
  /** While it is, connections break off. */
  down: boolean;
  canned: ((call: Received) => Canned | Promise<Canned> | undefined) | undefined;
  close(): Promise<void>;
}

/** Starts a service that executes queries with graphql-js, until the test ends. */
export async function startService(sdl: string, rootValue: object = {}): Promise<Service> {
  const service = await openService(buildSchema(sdl), rootValue);
  onTestFinished(service.close);
  return service;
}

/** The same, until it is closed. */
export async function openService(schema: GraphQLSchema, rootValue: object = {}): Promise<Service> {
  const calls: Received[] = [];
  const queries: Received[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (service.down) {
      request.destroy();
      return;
    }
    const call = await receive(request);
    calls.push(call);
    if (!call.document.includes('__schema')) queries.push(call);
    const {
      status = 200,
      type = 'application/json',
      text,
    } = (await service.canned?.(call)) ?? (await run(schema, rootValue, call));
    response.writeHead(status, { 'content-type': type }).end(text);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const service: Service = {
    url: `http://127.0.0.1:${port}/graphql`,
    calls,
    queries,
    down: false,
    canned: undefined,
    close: () => close(server),
  };
  return service;
}

async function receive(request: IncomingMessage): Promise<Received> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  const { query, variables } = parseJson(body) as { query: string; variables?: Received['variables'] };
  return {
    document: query,
    variables: variables ?? {},
    body,
    headers: request.headers,
    path: request.url ?? '',
  };
}

async function run(schema: GraphQLSchema, rootValue: object, call: Received): Promise<Canned> {
  const { document, variables } = call;
  const setting = { schema, rootValue, variableValues: variables, contextValue: call };
  const result = await execute({ ...setting, source: document });
  return { status: 'data' in result ? 200 : 400, text: stringifyJson(result) };
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
