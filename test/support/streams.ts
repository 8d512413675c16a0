import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Server,
  ServerCredentials,
  type Metadata,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ExecutionResult } from 'graphql';
import { onTestFinished } from 'vitest';

/** One stream that a backend has been asked for. */
export interface Watched {
  readonly request: Readonly<Record<string, unknown>>;
  readonly metadata: Metadata;
  /** Writes a message; false where the backend should wait for the caller to read. */
  write(message: object): boolean;
  /** Resolves when the backend may write again. */
  drained(): Promise<void>;
  end(): void;
  fail(code: number, details: string): void;
  /** Whether the caller has broken off. */
  isCancelled(): boolean;
  /** Aborted when it has. */
  readonly left: AbortSignal;
}

/** A gRPC backend whose streaming methods do what a test tells them. */
export interface StreamBackend {
  readonly address: string;
  /** The streams so far, in their order. */
  readonly streams: readonly Watched[];
  stop(): void;
}

/**
 * Starts a backend of one service whose methods all answer with a stream. The test's end stops it.
 *
 * @param service its full name
 * @param watch what is done with each stream; without it they wait for what a test tells them
 */
export async function startStreams(
  proto: string,
  service: string,
  watch: (stream: Watched) => unknown = () => undefined,
): Promise<StreamBackend> {
  const methods = loadSync(proto, { longs: String, enums: String })[service] as ServiceDefinition;
  const streams: Watched[] = [];
  const server = new Server();
  const handle = (call: Stream) => {
    const stream = watched(call);
    streams.push(stream);
    watch(stream);
  };
  server.addService(
    withBytes(methods),
    Object.fromEntries(Object.keys(methods).map((name) => [name, handle])),
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
  const stop = () => server.forceShutdown();
  onTestFinished(stop);
  return { address: `127.0.0.1:${bound}`, streams, stop };
}

type Stream = ServerWritableStream<Record<string, unknown>, object>;

function watched(call: Stream): Watched {
  const leaving = new AbortController();
  call.on('cancelled', () => leaving.abort());
  return {
    left: leaving.signal,
    request: call.request,
    metadata: call.metadata,
    write: (message) => call.write(message),
    drained: () => new Promise((resolve) => call.once('drain', resolve)),
    end: () => call.end(),
    fail: (code, details) => void call.emit('error', { code, details }),
    isCancelled: () => call.cancelled,
  };
}

/** Messages that are bytes already go out as they are. */
function withBytes(methods: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => {
      const responseSerialize = (value: unknown) =>
        Buffer.isBuffer(value) ? value : method.responseSerialize(value);
      return [name, { ...method, responseSerialize }];
    }),
  );
}

/** A folder with these files, until the test's end. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** The answers to a subscription, which a test takes one by one. */
export type Answers = AsyncIterableIterator<ExecutionResult>;

/** The stream, where there is one. */
export function streamOf(opened: Answers | ExecutionResult): Answers {
  if ('next' in opened) return opened;
  throw new Error(`The subscription was not opened: ${JSON.stringify(opened)}`);
}

/** The next answer as JSON, without the places of errors; undefined at the end. */
export async function nextOf(answers: Answers): Promise<unknown> {
  const { done, value } = await answers.next();
  return done === true ? undefined : plain(value);
}

/** An answer as clients get it, without the places of errors in the query. */
export function plain(result: ExecutionResult): unknown {
  return JSON.parse(JSON.stringify(result), (key, value: unknown) =>
    key === 'locations' ? undefined : value,
  );
}
