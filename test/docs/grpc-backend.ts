import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  Server,
  ServerCredentials,
  status,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import type { sendUnaryData, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import protobuf from 'protobufjs';
import { backendOnly, isShownHeader, traceOf, type PageBackend, type Traced } from './page-backend.js';
import type { SchemaExample } from './schema-examples.js';

type Message = Record<string, unknown>;
type Unary = (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => void;

type Streaming = (call: ServerWritableStream<Message, Message>) => void;
type Call = ServerUnaryCall<Message, Message> | ServerWritableStream<Message, Message>;
type Answer = Message | Failure | 'nothing';

/** What a method of a backend does: its answer, or of a stream all of them. */
export type Answerer = (method: string, call: Call) => Answer | readonly Answer[];

/** A status that is no OK. */
export interface Failure {
  readonly code: status;
  readonly details: string;
}

/** A gRPC server on a port of its own. */
export interface GrpcServer {
  readonly address: string;
  close(): void;
}

/** The `.proto` files of an example as proto-loader reads them: another implementation than the one under test. */
export function loadProtos({ files }: SchemaExample, folder: string): PackageDefinition {
  const paths = Object.keys(files)
    .filter((path) => path.endsWith('.proto'))
    .map((path) => join(folder, path.replace(backendOnly, 'backend/')));
  return loadSync(paths, {
    includeDirs: [...new Set(paths.flatMap((path) => foldersOf(path, folder)))],
    longs: String,
    enums: String,
    bytes: String,
  });
}

/** The folders from a file up to one that holds them all. */
function foldersOf(path: string, top: string): string[] {
  const folder = dirname(path);
  return folder === top ? [] : [folder, ...foldersOf(folder, top)];
}

/** Starts the backends of an example, one for each address, which answer as the page shows. */
export async function startGrpc(
  example: SchemaExample,
  folder: string,
  traced: readonly Traced[],
): Promise<PageBackend & { readonly callsOf: readonly string[][] }> {
  const packages = loadProtos(example, folder);
  const [name = '', schema = ''] =
    Object.values(example.files)
      .map((text) => [/@source\(\s*name: "([^"]+)"/.exec(text)?.[1], text] as const)
      .find(([source]) => source !== undefined) ?? [];
  writeDescriptors(schema, folder, packages);
  const credentials = makeCredentials(schema, join(folder, 'schemas'));
  const addresses = /address: \[([^\]]*)\]/.exec(schema)?.[1]?.match(/"[^"]*"/g)?.length ?? 1;
  const calls: string[] = [];
  const callsOf = Array.from({ length: addresses }, (): string[] => []);
  const servers = await Promise.all(
    callsOf.map((own) =>
      listen(packages, credentials, schema.includes('reflection: true'), (method, call) => {
        const request = traceOf(method, call.request, metadataOf(call.metadata));
        calls.push(request);
        own.push(request);
        const shown = traced.find((each) => each.request === request);
        return [shown?.answer, ...(shown?.more ?? [])].map(readAnswer);
      }),
    ),
  );
  return {
    addresses: { [name]: servers.map(({ address }) => address).join(',') },
    calls,
    callsOf,
    close: async () => {
      for (const server of servers) server.close();
    },
  };
}

/** `{ "name": "Felt" }`, `NOT_FOUND "No such thing"`, or `nothing`, which leaves the caller waiting. */
function readAnswer(text: string | undefined): Answer {
  if (text === undefined) return { code: status.UNIMPLEMENTED, details: 'not on the page' };
  if (text === 'nothing') return text;
  const [, code, details] = /^([A-Z_]+) "(.*)"$/.exec(text) ?? [];
  if (code === undefined) return JSON.parse(text) as Message;
  return { code: status[code as keyof typeof status], details: details ?? '' };
}

/** Starts a server that offers all services of some definitions. */
export async function listen(
  packages: PackageDefinition,
  credentials: ServerCredentials,
  reflects: boolean,
  answerer: Answerer,
): Promise<GrpcServer> {
  const server = new Server();
  for (const definition of Object.values(packages)) {
    if ('format' in definition) continue;
    server.addService(definition, handlersOf(definition, answerer));
  }
  if (reflects) new ReflectionService(packages).addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

function handlersOf(service: ServiceDefinition, answerer: Answerer): UntypedServiceImplementation {
  const once =
    (path: string): Unary =>
    (call, answer) => {
      const [result] = [answerer(path.slice(1), call)].flat();
      if (result === undefined || result === 'nothing') return;
      if (isFailure(result)) answer(result);
      else answer(null, result);
    };
  const streaming =
    (path: string): Streaming =>
    (call) => {
      for (const result of [answerer(path.slice(1), call)].flat()) {
        if (result === 'nothing') return;
        if (isFailure(result)) return void call.emit('error', result);
        call.write(result);
      }
      call.end();
    };
  return Object.fromEntries(
    Object.entries(service).map(([name, { path, responseStream }]) => [
      name,
      responseStream ? streaming(path) : once(path),
    ]),
  );
}

function isFailure(result: Message | Failure): result is Failure {
  return typeof result['code' as keyof typeof result] === 'number' && 'details' in result;
}

function metadataOf(metadata: Metadata): string[] {
  return Object.keys(metadata.getMap())
    .filter(isShownHeader)
    .flatMap((name) => metadata.get(name).map((value) => `${name}: ${toText(value)}`));
}

function toText(value: string | Buffer): string {
  return typeof value === 'string' ? value : value.toString('base64');
}

/** What `protoc --include_imports --descriptor_set_out` would write. */
function writeDescriptors(schema: string, folder: string, packages: PackageDefinition): void {
  const name = /descriptors: "([^"]+)"/.exec(schema)?.[1];
  if (name === undefined) return;
  const known = Object.values(packages).filter(
    (each) => 'fileDescriptorProtos' in each,
  ) as MessageTypeDefinition<object, object>[];
  const files = new Set(
    known.flatMap((each) => each.fileDescriptorProtos).map((file) => file.toString('latin1')),
  );
  const writer = protobuf.Writer.create();
  for (const file of files) writer.uint32((1 << 3) | 2).bytes(Buffer.from(file, 'latin1'));
  writeFileSync(join(folder, 'schemas', name), writer.finish());
}

/** Plain text; with `tls` a certificate that is made for the name the schema verifies, and written where it looks. */
function makeCredentials(schema: string, folder: string): ServerCredentials {
  const settings = /tls: (\{[^}]*\})/.exec(schema)?.[1];
  if (settings === undefined) return ServerCredentials.createInsecure();
  const of = (name: string) => new RegExp(`\\b${name}: "([^"]+)"`).exec(settings)?.[1];
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => join(folder, of(name) ?? `own-${name}.pem`));
  if (ca === undefined || cert === undefined || key === undefined) throw new Error('the compiler is right');
  for (const file of [ca, cert, key]) mkdirSync(dirname(file), { recursive: true });
  const subject = `/CN=${of('serverName') ?? 'localhost'}`;
  const names = `subjectAltName=DNS:${of('serverName') ?? 'localhost'}`;
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const out = ['-subj', subject, '-addext', names, '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...made, ...out], { stdio: 'ignore' });
  writeFileSync(ca, readFileSync(cert));
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(cert) };
  return ServerCredentials.createSsl(readFileSync(ca), [pair], of('cert') !== undefined);
}
