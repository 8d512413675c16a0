import {
  status as codes,
  type Client,
  type ClientDuplexStream,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { isObject, own } from '../../mapping/values.js';
import { builtInFile } from './built-in.js';
import { compileDecoder } from './decode.js';
import { importsOf, readFileDescriptors, type FromDescriptors } from './descriptors.js';
import { compileEncoder } from './encode.js';
import { codeName } from './errors.js';
import { link } from './link.js';
import { readRoot } from './proto-root.js';

/** A server that does not tell what it offers. The message begins after "The backend". */
export class ReflectionFault extends Error {
  override readonly name = 'ReflectionFault';
}

/** The most files that a server may send. */
const mostFiles = 1_000;

/**
 * Asks a server for the definitions of all its services, by version 1 of the protocol or, where the server lacks it, by
 * v1alpha, which is the same under another name. One stream does it all, on the channel that the calls will use.
 *
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 *
 * @throws ReflectionFault
 */
export async function reflect(
  client: Client,
  metadata: () => Metadata,
  timeoutMs: number,
): Promise<FromDescriptors> {
  const deadline = Date.now() + timeoutMs;
  try {
    return await ask('v1', client, metadata(), deadline);
  } catch (error) {
    if (!isUnimplemented(error)) throw toFault(error);
  }
  try {
    return await ask('v1alpha', client, metadata(), deadline);
  } catch (error) {
    throw toFault(error);
  }
}

async function ask(
  version: string,
  client: Client,
  metadata: Metadata,
  deadline: number,
): Promise<FromDescriptors> {
  const conversation = new Conversation(version, client, metadata, deadline);
  try {
    return readFileDescriptors(await fetchFiles(conversation));
  } finally {
    conversation.end();
  }
}

async function fetchFiles(conversation: Conversation): Promise<Iterable<Buffer>> {
  const files = new Map<string, Buffer>();
  const wanted: string[] = [];
  const add = (received: readonly Buffer[]) => {
    for (const file of received) {
      const { name, imports } = importsOf(file);
      files.set(name, file);
      wanted.push(...imports);
    }
    if (files.size > mostFiles) throw new ReflectionFault(`sends more than ${mostFiles} files by reflection`);
  };
  for (const service of await conversation.services())
    add(await conversation.files({ fileContainingSymbol: service }));
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (files.has(path) || builtInFile(path) !== undefined) continue;
    add(await conversation.files({ fileByFilename: path }));
  }
  return files.values();
}

function isUnimplemented(error: unknown): boolean {
  return isServiceError(error) && error.code === codes.UNIMPLEMENTED;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

function toFault(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  const message = isUnimplemented(error)
    ? 'has no reflection service. Name its files in proto, or a descriptor set in descriptors'
    : `did not answer to reflection (${codeName(error.code)})`;
  return new ReflectionFault(message, { cause: error });
}

/** Names of our own; on the wire, only numbers count. */
const messages = `
  syntax = "proto3";
  message Request {
    oneof message_request {
      string file_by_filename = 3;
      string file_containing_symbol = 4;
      string list_services = 7;
    }
  }
  message Response {
    Files file_descriptor_response = 4;
    Services list_services_response = 6;
    Fault error_response = 7;
  }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message Services { repeated Service service = 1; }
  message Service { string name = 1; }
  message Fault { int32 error_code = 1; }
`;

let compiled: ReturnType<typeof compile> | undefined;

function compile() {
  const { root } = protobuf.parse(messages, new protobuf.Root(), { keepCase: true });
  const known = link(readRoot(root, () => 'proto3').raw).definitions.messages;
  return { encode: compileEncoder(known.get('Request')!), decode: compileDecoder(known.get('Response')!) };
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error | undefined): void;
}

/** Questions and answers on one stream, in turn. */
class Conversation {
  readonly #stream: ClientDuplexStream<unknown, unknown>;
  #waiting: Waiting | undefined;
  #failure: Error | undefined;

  constructor(version: string, client: Client, metadata: Metadata, deadline: number) {
    compiled ??= compile();
    const { encode, decode } = compiled;
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    this.#stream = client.makeBidiStreamRequest(path, encode, decode, metadata, { deadline });
    this.#stream.on('data', (answer) => this.#settle((waiting) => waiting.resolve(answer)));
    this.#stream.on('error', (error: Error) => this.#fail(error));
    this.#stream.on('end', () => this.#fail(new ReflectionFault('ended reflection too early')));
  }

  async services(): Promise<string[]> {
    const answer = part(await this.#ask({ listServices: '*' }), 'listServicesResponse');
    const services = own(answer, 'service');
    const names = (Array.isArray(services) ? services : []).map((service: unknown) =>
      own(service as object, 'name'),
    );
    return names
      .filter((name) => typeof name === 'string')
      .filter((name) => !name.startsWith('grpc.reflection.'));
  }

  async files(question: object): Promise<Buffer[]> {
    const answer = part(await this.#ask(question), 'fileDescriptorResponse');
    const files = own(answer, 'fileDescriptorProto');
    return (Array.isArray(files) ? files : []).map((file) => Buffer.from(String(file), 'base64'));
  }

  end(): void {
    this.#stream.end();
    this.#stream.cancel();
  }

  #ask(question: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#stream.write(question);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle((waiting) => waiting.reject(this.#failure));
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }
}

function part(answer: unknown, name: string): object {
  const value = isObject(answer) ? own(answer, name) : undefined;
  if (isObject(value)) return value;
  throw new ReflectionFault('does not tell all its services by reflection');
}
