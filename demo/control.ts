import type { IncomingMessage, ServerResponse } from 'node:http';
import { isObject, loopback, readBehaviour, type Call, type Running, type StartOptions } from './backend.js';
import { httpTransport, readText, saysJson, targetOf } from './http.js';

/** The running control: `GET /_demo`, `GET /_demo/calls`, `POST /_demo/behave`, `POST /_demo/reset`. */
export interface Control {
  /** `http://127.0.0.1:4005` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the server by which people make backends slow, failing or down. It listens apart from them, so that it
 * answers while they do not, and on loopback only.
 */
export async function startControl(
  backends: readonly Running[],
  { port = 0 }: StartOptions = {},
): Promise<Control> {
  const transport = httpTransport((request, response) => void serve(backends, request, response));
  const taken = await transport.listen(port);
  let closed: Promise<void> | undefined;
  return { url: `http://${loopback}:${taken}`, close: () => (closed ??= transport.stop()) };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function serve(
  backends: readonly Running[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, body } = await answer(backends, request).catch((error: unknown) =>
    refuse(500, describe(error)),
  );
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}

async function answer(backends: readonly Running[], request: IncomingMessage): Promise<Answer> {
  switch (`${request.method} ${targetOf(request)?.pathname}`) {
    case 'GET /_demo':
      return { status: 200, body: backends.map(statusOf) };
    case 'GET /_demo/calls':
      return {
        status: 200,
        body: Object.fromEntries(backends.map(({ name, calls }) => [name, calls().map(redact)])),
      };
    case 'POST /_demo/behave':
      return behave(backends, await readJson(request));
    case 'POST /_demo/reset':
      backends.forEach((backend) => backend.reset());
      return { status: 200, body: backends.map(statusOf) };
    default:
      return refuse(404, 'Known: GET /_demo, GET /_demo/calls, POST /_demo/behave, POST /_demo/reset.');
  }
}

async function behave(backends: readonly Running[], wish: unknown): Promise<Answer> {
  // A page in a browser cannot send this type to another origin without asking first, and is never told yes.
  if (wish === undefined) return refuse(400, 'Expected JSON with Content-Type: application/json.');
  const backend = isObject(wish) ? backends.find(({ name }) => name === wish['service']) : undefined;
  if (!backend)
    return refuse(400, `Expected "service" to be one of ${backends.map(({ name }) => name).join(', ')}.`);
  const behaviour = readBehaviour(wish);
  if (typeof behaviour === 'string') return refuse(400, behaviour);
  await backend.behave(behaviour);
  return { status: 200, body: statusOf(backend) };
}

function statusOf({ name, url, count, behaviour }: Running): unknown {
  return { service: name, url, calls: count(), behaviour: behaviour() };
}

/** Somebody may have tried a token of his own. */
function redact(call: Call): Call {
  const { authorization, ...headers } = call.headers;
  return authorization === undefined
    ? call
    : { ...call, headers: { ...headers, authorization: '[redacted]' } };
}

const bodyLimit = 10_000;

async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = saysJson(request) ? await readText(request, bodyLimit) : undefined;
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuse(status: number, message: string): Answer {
  return { status, body: { error: { code: status === 500 ? 'INTERNAL' : 'BAD_REQUEST', message } } };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'The demo has a fault.';
}
