import express, { type NextFunction, type Request, type Response } from 'express';
import { runBackend, type Door, type OpenCall, type Running, type StartOptions } from './backend.js';
import { httpTransport } from './http.js';

/** One route of a REST backend. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** An Express path: `/users/:id`. */
  readonly path: string;
  /** The keys a request asks for, for the log. */
  readonly keys?: (request: Request) => readonly string[];
  /** The JSON to answer with; throws `RestProblem` for anything but success. */
  readonly answer: (request: Request) => unknown;
  /** 200 unless said otherwise. */
  readonly status?: number;
}

/** A running REST backend; `routes` names what it answers: `GET /users/:id`. */
export interface RunningRest extends Running {
  readonly routes: readonly string[];
}

/** A refusal: answered as `{"error": {"code", "message"}}` with this HTTP status. */
export class RestProblem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The most keys one batch may ask for. */
export const batchLimit = 100;

/** Starts an Express server with these routes. */
export async function runRest(
  name: string,
  options: StartOptions,
  routes: readonly Route[],
): Promise<RunningRest> {
  const url = (address: string): string => `http://${address}`;
  const running = await runBackend(name, options, url, (door) =>
    httpTransport(createApp(name, door, routes)),
  );
  return { ...running, routes: routes.map(nameOf) };
}

/**
 * The values of a repeated parameter or a comma list: `ids=1&ids=2`, `ids=1,2`; undefined if it is not there.
 * Throws a 400 for more than `batchLimit`.
 */
export function readKeys(request: Request, name: string): string[] | undefined {
  const value = request.query[name];
  if (value === undefined) return undefined;
  const keys = [value]
    .flat()
    .flatMap((text) => (typeof text === 'string' ? text.split(',') : []))
    .filter((key) => key !== '');
  if (keys.length <= batchLimit) return keys;
  throw new RestProblem(
    400,
    'TOO_MANY_KEYS',
    `${name}: at most ${batchLimit} at once, received ${keys.length}.`,
  );
}

/** One page of a list by `limit` (1 to 100, else 20) and `offset` (else 0). */
export function page<T>(request: Request, rows: readonly T[]): readonly T[] {
  const offset = readNumber(request, 'offset', 0, 0, Number.MAX_SAFE_INTEGER);
  const limit = readNumber(request, 'limit', 20, 1, 100);
  return rows.slice(offset, offset + limit);
}

/** The body as a JSON object that has no fields but these; throws a 400 otherwise. */
export function readBody(request: Request, fields: readonly string[]): Record<string, unknown> {
  const body: unknown = request.body;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RestProblem(400, 'BAD_REQUEST', 'Expected a JSON object with Content-Type: application/json.');
  }
  const unknown = Object.keys(body).find((field) => !fields.includes(field));
  if (unknown === undefined) return body as Record<string, unknown>;
  throw new RestProblem(
    400,
    'BAD_REQUEST',
    `Unknown field ${JSON.stringify(unknown)}; known: ${fields.join(', ')}.`,
  );
}

/** Text of 1 to `most` characters out of a body; throws a 400 otherwise. */
export function readText(body: Record<string, unknown>, field: string, most: number): string {
  const value = body[field];
  if (typeof value === 'string' && value.trim() !== '' && value.length <= most) return value;
  throw new RestProblem(400, 'BAD_REQUEST', `${field} must be text of 1 to ${most} characters.`);
}

function readNumber(request: Request, name: string, normal: number, from: number, to: number): number {
  const value = request.query[name];
  if (value === undefined) return normal;
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (number >= from && number <= to) return number;
  throw new RestProblem(400, 'BAD_REQUEST', `${name} must be a whole number from ${from} to ${to}.`);
}

function createApp(name: string, door: Door, routes: readonly Route[]): express.Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(admitting(name, door));
  app.use(express.json({ limit: '100kb' }));
  for (const route of routes) register(app, route);
  app.use((request: Request) => {
    throw new RestProblem(404, 'NOT_FOUND', `No route ${request.method} ${request.path}.`);
  });
  app.use(answerProblem);
  return app;
}

function admitting(name: string, door: Door) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const { method, originalUrl: path } = request;
    response.locals['call'] = door.enter({
      method,
      path,
      operation: method,
      headers: Object.entries(request.headers),
    });
    if (!(await door.admit()))
      throw new RestProblem(503, 'UNAVAILABLE', `The demo service "${name}" was told to fail.`);
    next();
  };
}

function register(app: express.Express, route: Route): void {
  app.route(route.path)[verbs[route.method]](async (request: Request, response: Response) => {
    const call = response.locals['call'] as OpenCall;
    call.operation = nameOf(route);
    call.keys.push(...(route.keys?.(request) ?? []));
    response.status(route.status ?? 200).json(await route.answer(request));
  });
}

const verbs = { GET: 'get', POST: 'post', PATCH: 'patch' } as const;

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

/** Express knows an error handler by its four parameters. */
function answerProblem(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const { status, code, message } = toProblem(error);
  if (response.headersSent) response.destroy();
  else response.status(status).json({ error: { code, message } });
}

function toProblem(error: unknown): RestProblem {
  if (error instanceof RestProblem) return error;
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  if (status >= 400 && status < 500) return new RestProblem(status, 'BAD_REQUEST', (error as Error).message);
  return new RestProblem(500, 'INTERNAL', 'The demo service has a fault.');
}
