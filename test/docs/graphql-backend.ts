import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { own } from '../../src/mapping/values.js';
import { buildSchema, graphql, type GraphQLSchema } from 'graphql';
import { isShownHeader, traceOf, type PageBackend, type Traced } from './page-backend.js';
import type { SchemaExample } from './schema-examples.js';

/** A GraphQL service on a port of its own. */
export interface GraphqlService {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the one service of an example. It answers introspection from the schema on the page, and documents as the
 * page shows; an answer without errors must be what graphql-js makes of the document and that data.
 */
export async function startGraphql(
  example: SchemaExample,
  _folder: string,
  traced: readonly Traced[],
): Promise<PageBackend> {
  const calls: string[] = [];
  const service = await serve(remoteSchemaOf(example), (request) => {
    calls.push(request);
    const shown = traced.find((call) => call.request === request);
    return shown && [shown.answer, ...shown.more];
  });
  return {
    addresses: Object.fromEntries(sourcesOf(example).map((name) => [name, service.url])),
    calls,
    close: service.close,
  };
}

function sourcesOf({ files }: SchemaExample): string[] {
  return Object.values(files).flatMap((text) =>
    [...text.matchAll(/@source\(\s*name: "([^"]+)"/g)].map(([, name = '']) => name),
  );
}

/** The backend's schema: `orders.remote.graphql`, or a file that only the backend has. */
export function remoteSchemaOf({ files }: SchemaExample): GraphQLSchema {
  const [, text] = Object.entries(files).find(([path]) => /\.remote\.graphql$|\(backend\)/.test(path)) ?? [];
  if (text === undefined) throw new Error('The page does not show the schema of the backend.');
  return buildSchema(text);
}

/** What a service answers to what is called, both as the page shows them: of a stream all events. */
type AnswerTo = (request: string) => readonly string[] | undefined;

/** Starts a service on a free port. */
export async function serve(schema: GraphQLSchema, answerTo: AnswerTo, port = 0): Promise<GraphqlService> {
  const server = createServer((request, response) => void reply(request, response, schema, answerTo));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  schema: GraphQLSchema,
  answerTo: AnswerTo,
): Promise<void> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  const { query, variables = {} } = JSON.parse(text) as { query: string; variables?: object };
  const send = (body: string, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  if (query.includes('__schema')) {
    send(JSON.stringify(await graphql({ schema, source: query })));
    return;
  }
  const headers = Object.entries(request.headers).filter(([name]) => isShownHeader(name));
  const lines = headers.map(([name, value]) => `${name}: ${String(value)}`);
  const shown = traceOf(query, variables, lines).replace(' | {}', '');
  const answers = answerTo(shown) ?? ['404 {}'];
  if (request.headers.accept === 'text/event-stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of answers) {
      response.write(`event: next\ndata: ${await checked(event, schema, query, variables)}\n\n`);
    }
    response.end('event: complete\ndata:\n\n');
    return;
  }
  const [, status = '200', body = ''] = /^(?:(\d{3}) )?(.*)$/.exec(answers[0] ?? '') ?? [];
  send(await checked(body, schema, query, variables), Number(status));
}

/** The answer on the page, or where a service would never give it, the one it would give. */
async function checked(
  body: string,
  schema: GraphQLSchema,
  source: string,
  variableValues: object,
): Promise<string> {
  const shown = JSON.parse(body) as { data?: object; errors?: unknown };
  if (shown.errors !== undefined || shown.data === undefined) return body;
  const args = { schema, source, rootValue: shown.data, variableValues: { ...variableValues } };
  return JSON.stringify(
    await graphql({
      ...args,
      fieldResolver: (parent, _args, _context, { path, fieldName }) =>
        own(parent as object, String(path.key)) ?? own(parent as object, fieldName),
    }),
  );
}
