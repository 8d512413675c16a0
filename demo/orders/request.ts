import type { IncomingMessage } from 'node:http';
import { isObject } from '../backend.js';
import { readText, saysJson, targetOf } from '../http.js';

/** A GraphQL request, before anybody looked into its document. */
export interface GraphQLRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
}

/** A request that never got as far as GraphQL: answered with this HTTP status and `extensions.code`. */
export class RequestProblem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, message: string, code = 'BAD_REQUEST') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Reads a POSTed JSON body, or the parameters of a GET for an event stream; throws `RequestProblem`. */
export async function readRequest(request: IncomingMessage): Promise<GraphQLRequest> {
  const url = targetOf(request);
  if (url?.pathname !== '/graphql') throw new RequestProblem(404, 'GraphQL is at /graphql.', 'NOT_FOUND');
  if (request.method === 'POST') return toRequest(await readJson(request));
  if (request.method === 'GET' && wantsEvents(request)) return fromParameters(url.searchParams);
  throw new RequestProblem(405, 'Expected POST, or GET with Accept: text/event-stream.');
}

/** True if the caller wants an event stream. */
export function wantsEvents(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '').includes('text/event-stream');
}

function fromParameters(parameters: URLSearchParams): GraphQLRequest {
  const variables = parameters.get('variables');
  return toRequest({
    query: parameters.get('query'),
    operationName: parameters.get('operationName'),
    variables: variables === null ? null : parseJson(variables),
  });
}

function toRequest(value: unknown): GraphQLRequest {
  if (!isObject(value)) throw new RequestProblem(400, 'Expected a JSON object with a "query".');
  const { query, operationName = null, variables = null } = value;
  if (typeof query !== 'string') throw new RequestProblem(400, 'Expected "query" to be text.');
  if (operationName !== null && typeof operationName !== 'string')
    throw new RequestProblem(400, 'Expected "operationName" to be text.');
  if (variables !== null && !isObject(variables))
    throw new RequestProblem(400, 'Expected "variables" to be an object.');
  return { query, operationName: operationName ?? undefined, variables: variables ?? undefined };
}

const bodyLimit = 1_000_000;

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!saysJson(request)) throw new RequestProblem(415, 'Expected Content-Type: application/json.');
  const text = await readText(request, bodyLimit);
  if (text === undefined) throw new RequestProblem(413, `The body is longer than ${bodyLimit} bytes.`);
  return parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestProblem(400, 'Expected JSON.');
  }
}
