import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Source } from 'graphql';
import { onTestFinished } from 'vitest';
import { createLog } from '../../../src/base/log.js';
import { SchemaFilesError, type Problem } from '../../../src/base/problems.js';
import { grpc } from '../../../src/connectors/grpc/protocol.js';
import type { ConnectOf, Reply, Setting, SourceOf, Transport } from '../../../src/connectors/transport.js';
import type { Variables } from '../../../src/mapping/compile.js';
import { parseSelection } from '../../../src/mapping/parse.js';
import { inputPaths } from '../../../src/mapping/shape.js';
import { parseSubgraph } from '../../../src/subgraph/parse.js';
import { toSchemaFile } from '../../../src/subgraph/read.js';
import type { Subgraph } from '../../../src/subgraph/subgraph.js';
import type { Text } from '../../../src/subgraph/text.js';

/** Where these tests and their `.proto` files are. */
export const folder = dirname(fileURLToPath(import.meta.url));

/** What a call of the test server gets. */
export type Call = ServerUnaryCall<Record<string, unknown>, Record<string, unknown>>;
export type Answer = sendUnaryData<Record<string, unknown>>;
export type Handler = (call: Call, answer: Answer) => void;

/** The kitchen as proto-loader reads it: another implementation of protobuf than the one under test. */
export function kitchen(): ServiceDefinition {
  const definitions = loadSync('kitchen-sink.proto', { includeDirs: [folder], longs: String, enums: String });
  return definitions['kitchen.v1.Kitchen'] as ServiceDefinition;
}

/** The same without decoding: handlers get the bytes of a message and give bytes. */
function rawKitchen(): ServiceDefinition {
  const same = (bytes: Buffer) => bytes;
  const raw = {
    requestDeserialize: same,
    requestSerialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  return Object.fromEntries(Object.entries(kitchen()).map(([name, method]) => [name, { ...method, ...raw }]));
}

export const echo: Handler = (call, answer) => answer(null, call.request);

const fail: Handler = (call, answer) => {
  const { code, details } = call.request as { code: status; details: string };
  const metadata = new Metadata();
  metadata.set('x-why', 'asked to');
  answer({ code, details, metadata });
};

/** Starts a kitchen on a free port, or on the one given. The test's end stops it. */
export async function startKitchen(
  handlers: Record<string, unknown> = {},
  { port = 0, credentials = ServerCredentials.createInsecure(), raw = false } = {},
): Promise<{ readonly port: number; readonly address: string; readonly server: Server }> {
  const server = new Server();
  const unimplemented: Handler = (_, answer) =>
    answer({ code: status.UNIMPLEMENTED, details: 'not made here' });
  server.addService(raw ? rawKitchen() : kitchen(), {
    echo,
    echoHostile: echo,
    echoLegacy: echo,
    fail,
    hang: () => undefined,
    watch: unimplemented,
    upload: unimplemented,
    huge: unimplemented,
    broken: unimplemented,
    ...handlers,
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return { port: bound, address: `127.0.0.1:${bound}`, server };
}

/** What a test may set. */
export interface Options {
  readonly environment?: Setting['environment'];
  readonly config?: Setting['config'];
  readonly address?: string;
  /** Where the schema file lies; the folder of the tests if not given. */
  readonly folder?: string;
}

/** Reads a schema text; its faults are the test's. */
export function readSubgraph(sdl: string, options: Options = {}): Subgraph {
  const home = options.folder ?? folder;
  const { subgraph, problems } = parseSubgraph(toSchemaFile(join('schemas', 'kitchen.graphql'), sdl, home));
  if (subgraph === undefined) throw new SchemaFilesError(problems);
  return subgraph;
}

/** A schema file's first source, open, with the transports of its connectors by field. */
export async function openSource(sdl: string, options: Options = {}) {
  const subgraph = readSubgraph(sdl, options);
  const source = subgraph.sources[0] as SourceOf<'grpc'>;
  const { environment = {}, config = {}, address } = options;
  const open = await grpc.open(source, { subgraph, environment, config, address, log: createLog('silent') });
  onTestFinished(() => open.close());
  const problems: Problem[] = [];
  const transports = new Map<string, Transport>();
  for (const connect of subgraph.connects as ConnectOf<'grpc'>[]) {
    try {
      if (connect.type === 'Subscription') open.subscribe?.(connect);
      else transports.set(connect.field ?? connect.type, open.connect(connect));
    } catch (error) {
      if (!(error instanceof SchemaFilesError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new SchemaFilesError(problems);
  return { open, transports };
}

/** The problems a schema text has, each as `CODE line:column message`. */
export async function problemsOf(sdl: string, options: Options = {}): Promise<string[]> {
  try {
    const { open } = await openSource(sdl, { address: '127.0.0.1:1', ...options });
    await open.close();
    return [];
  } catch (error) {
    if (!(error instanceof SchemaFilesError)) throw error;
    return error.problems.map(({ code, message, source, offset }) => {
      const before = source.body.slice(0, offset).split('\n');
      return `${code} ${before.length}:${(before.at(-1) ?? '').length + 1} ${message}`;
    });
  }
}

/** A string that stands in no file. */
export function textOf(value: string): Text {
  return { value, source: new Source(value), offsetOf: (index) => index };
}

/** Calls a transport and waits for the answer. */
export async function send(
  transport: Transport | undefined,
  variables: Variables,
  {
    selection = '$',
    timeoutMs = 5_000,
    signal,
  }: { selection?: string; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Reply> {
  if (transport === undefined) throw new Error('there is no such connector');
  const wanted = { reads: inputPaths(parseSelection(selection, '0.4')) };
  return transport.prepare(variables, wanted).send({ timeoutMs, signal });
}

/** A schema whose fields call the kitchen, each by the method of its name. */
export function kitchenSdl(source = 'proto: "kitchen-sink.proto"', more = ''): string {
  const field = (name: string, method: string) =>
    `${name}(input: JSON): JSON @connect(source: "kitchen", grpc: {method: "kitchen.v1.Kitchen/${method}", request: "$args.input"})`;
  return `
    extend schema @source(name: "kitchen", grpc: {address: "127.0.0.1:1", ${source}})
    scalar JSON
    type Query {
      ${field('echo', 'Echo')}
      ${field('echoLegacy', 'EchoLegacy')}
      ${field('echoHostile', 'EchoHostile')}
      ${field('fail', 'Fail')}
      ${field('hang', 'Hang')}
      ${field('huge', 'Huge')}
      ${field('broken', 'Broken')}
      ${more}
    }
  `;
}
