import { createServer } from 'node:net';
import grpc from '@grpc/grpc-js';
import { loopback, type Door, type OpenCall, type Transport } from './backend.js';

/** A refusal: answered with this gRPC status and message. */
export class GrpcProblem extends Error {
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

/** A transport over grpc-js. A server that was shut down cannot start again, so each start makes a new one. */
export function grpcTransport(makeServer: () => grpc.Server): Transport {
  let server: grpc.Server | undefined;
  return {
    async listen(port) {
      const fresh = makeServer();
      const taken = await bind(fresh, port);
      server = fresh;
      return taken;
    },
    stop: () => (server ? shutDown(server) : Promise.resolve()),
  };
}

/** What a method makes of a request; `keys` are for the log. */
export interface Method<Request, Response> {
  readonly keys: (request: Request) => readonly string[];
  readonly answer: (request: Request) => Response;
}

/** A unary handler that passes the door and maps what is thrown. */
export function unary<Request, Response>(
  door: Door,
  { keys, answer }: Method<Request, Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    enter(door, call, keys(call.request))
      .then(() => answer(call.request))
      .then(
        (message) => callback(null, message),
        (error: unknown) => callback(toStatus(error)),
      );
  };
}

/** What a server-streaming method makes of a request: messages until it ends, or the signal says that the caller left. */
export interface StreamingMethod<Request, Response> {
  readonly keys: (request: Request) => readonly string[];
  readonly answer: (request: Request, signal: AbortSignal) => AsyncIterable<Response>;
}

/** A server-streaming handler that passes the door and maps what is thrown. */
export function streaming<Request, Response>(
  door: Door,
  { keys, answer }: StreamingMethod<Request, Response>,
): grpc.handleServerStreamingCall<Request, Response> {
  return (call) => {
    const left = new AbortController();
    call.on('cancelled', () => left.abort());
    enter(door, call, keys(call.request))
      .then(() => writeAll(call, answer(call.request, left.signal)))
      .catch((error: unknown) => left.signal.aborted || call.emit('error', toStatus(error)));
  };
}

async function writeAll<Request, Response>(
  call: grpc.ServerWritableStream<Request, Response>,
  messages: AsyncIterable<Response>,
): Promise<void> {
  for await (const message of messages) call.write(message);
  call.end();
}

type AnyCall = { readonly metadata: grpc.Metadata; getPath(): string };

async function enter(door: Door, call: AnyCall, keys: readonly string[]): Promise<void> {
  const path = call.getPath();
  const operation = path.slice(path.lastIndexOf('.') + 1);
  const headers = Object.entries(call.metadata.getMap());
  const open: OpenCall = door.enter({ method: 'gRPC', path, operation, headers });
  open.keys.push(...keys);
  if (!(await door.admit()))
    throw new GrpcProblem(grpc.status.UNAVAILABLE, 'The demo service was told to fail.');
}

function toStatus(error: unknown): Partial<grpc.StatusObject> {
  if (error instanceof GrpcProblem) return { code: error.code, details: error.message };
  return { code: grpc.status.INTERNAL, details: 'The demo service has a fault.' };
}

async function bind(server: grpc.Server, port: number): Promise<number> {
  // grpc-js writes to the console when a port is taken, and hides the code in a message: ask first.
  if (port !== 0) await probe(port);
  return new Promise((resolve, reject) => {
    server.bindAsync(`${loopback}:${port}`, grpc.ServerCredentials.createInsecure(), (error, taken) => {
      if (error) reject(error);
      else resolve(taken);
    });
  });
}

/** Fails with `EADDRINUSE` if somebody has the port. */
function probe(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, loopback, () => server.close(() => resolve()));
  });
}

function shutDown(server: grpc.Server): Promise<void> {
  return new Promise((resolve) => {
    server.forceShutdown();
    server.tryShutdown(() => resolve());
  });
}
