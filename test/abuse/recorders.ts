/** Backends that note every request byte for byte: one that speaks HTTP, for REST and GraphQL, and one that speaks gRPC. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials, type Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** One request as an HTTP backend had it. */
export interface Seen {
  /** `GET /users/1?x=%20`: the bytes of the request line, each as one character. */
  readonly line: string;
  /** Values of a header, each byte as one character. */
  header(name: string): string[];
  /** Names as they were written, in their order. */
  readonly names: readonly string[];
  readonly body: Buffer;
  /** Aborted when the caller breaks off before it has the whole answer. */
  readonly left: AbortSignal;
}

/** What a backend does with a request. */
export type Answering = (response: ServerResponse, seen: Seen) => unknown;

/** A backend that speaks HTTP. */
export interface HttpRecorder {
  readonly url: string;
  /** Since the last reset. */
  readonly seen: readonly Seen[];
  /** Forgets the requests, and answers like this from now on; with `{"ok":true}` unless told otherwise. */
  reset(answer?: Answering): void;
  close(): Promise<void>;
}

const ok: Answering = (response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');

/** Starts one on a free port. */
export async function recordHttp(first: Answering = ok): Promise<HttpRecorder> {
  const seen: Seen[] = [];
  let answer = first;
  const server = createServer((request, response) => {
    void read(request, response).then((one) => {
      seen.push(one);
      return answer(response, one);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    reset: (next = first) => {
      seen.length = 0;
      answer = next;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage, response: ServerResponse): Promise<Seen> {
  const left = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) left.abort();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { rawHeaders, method = '', url = '' } = request;
  const pairs = Array.from(
    { length: rawHeaders.length / 2 },
    (_, index) => [rawHeaders[2 * index] ?? '', rawHeaders[2 * index + 1] ?? ''] as const,
  );
  return {
    line: `${method} ${url}`,
    names: pairs.map(([name]) => name),
    header: (name) => pairs.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value),
    body: Buffer.concat(chunks),
    left: left.signal,
  };
}

/** One call as a gRPC backend had it. */
export interface SeenCall {
  readonly method: string;
  /** The message, undecoded. */
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  /** `Date.now()` when it came. */
  readonly at: number;
  /** Until when the caller waits, by the clock of this process. */
  readonly deadline: number;
  readonly left: AbortSignal;
}

/** Answers a call with a message in bytes, or does not answer. */
export type AnsweringCall = (seen: SeenCall) => Promise<Buffer> | Buffer;

/** A backend that speaks gRPC. */
export interface GrpcRecorder {
  readonly address: string;
  readonly seen: readonly SeenCall[];
  reset(answer?: AnsweringCall): void;
  /** What is sent before and after each answer from now on. */
  send(headers: Metadata, trailers: Metadata): void;
  close(): void;
}

/**
 * Starts one on a free port. Messages are not decoded.
 *
 * @param first unless told otherwise, the answer is `field 1: true`
 */
export async function recordGrpc(
  proto: string,
  service: string,
  first: AnsweringCall = () => Buffer.from([8, 1]),
): Promise<GrpcRecorder> {
  const seen: SeenCall[] = [];
  let answer = first;
  let sent: { readonly headers: Metadata; readonly trailers: Metadata } | undefined;
  const methods = loadSync(proto)[service] as Parameters<Server['addService']>[0];
  const same = (bytes: Buffer) => bytes;
  const raw = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: same, responseSerialize: same },
    ]),
  );
  const handle = (
    call: ServerUnaryCall<Buffer, Buffer>,
    respond: (error: null, message: Buffer, trailers?: Metadata) => void,
  ) => {
    const left = new AbortController();
    call.on('cancelled', () => left.abort());
    const one: SeenCall = {
      method: call.getPath(),
      bytes: call.request,
      metadata: call.metadata,
      at: Date.now(),
      deadline: Number(call.getDeadline()),
      left: left.signal,
    };
    seen.push(one);
    if (sent !== undefined) call.sendMetadata(sent.headers);
    void Promise.resolve(answer(one)).then((bytes) => respond(null, bytes, sent?.trailers));
  };
  const server = new Server();
  server.addService(raw, Object.fromEntries(Object.keys(raw).map((name) => [name, handle])));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    seen,
    reset: (next = first) => {
      seen.length = 0;
      answer = next;
      sent = undefined;
    },
    send: (headers, trailers) => (sent = { headers, trailers }),
    close: () => server.forceShutdown(),
  };
}
