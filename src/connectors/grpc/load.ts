import type { Client } from '@grpc/grpc-js';
import type { Problem } from '../../base/problems.js';
import { startOf, type Text } from '../../subgraph/text.js';
import { defaultCallTimeoutMs, type Setting, type SourceOf } from '../transport.js';
import { readDescriptorSet, type FromDescriptors } from './descriptors.js';
import { FileFault, problemAt, readNearby } from './files.js';
import type { Definitions } from './messages.js';
import { compileMetadata } from './metadata.js';
import { readProtoFiles } from './proto-files.js';
import { MalformedMessage } from './reader.js';
import { ReflectionFault, reflect } from './reflection.js';

/** Definitions, and what is wrong with them. */
export interface Loaded {
  readonly definitions: Definitions;
  readonly problems: readonly Problem[];
}

const nothing: Definitions = { methods: new Map(), messages: new Map() };

/**
 * The definitions of a source that names files: `.proto` or a descriptor set. Undefined where the backend is asked. The
 * rules have seen to it that a source has one of the three.
 */
export async function loadFiles(source: SourceOf<'grpc'>, setting: Setting): Promise<Loaded | undefined> {
  const { proto, descriptors, reflection } = source.grpc;
  if (descriptors !== undefined) return loadDescriptors(descriptors, setting);
  return reflection ? undefined : readProtoFiles(setting.subgraph.folder, proto);
}

async function loadDescriptors(text: Text, setting: Setting): Promise<Loaded> {
  const problem = (message: string) => problemAt(text, 'INVALID_PROTO', message);
  try {
    const { content } = await readNearby(setting.subgraph.folder, text.value);
    const { definitions, faults } = readDescriptorSet(content);
    return {
      definitions,
      problems: faults.map((fault) => problem(`${text.value}: ${fault}.${hintOf(fault)}`)),
    };
  } catch (error) {
    if (error instanceof FileFault) {
      return { definitions: nothing, problems: [problem(`The file "${text.value}" ${error.message}.`)] };
    }
    if (!(error instanceof MalformedMessage)) throw error;
    const message = `The file "${text.value}" is no descriptor set. Write it with protoc --include_imports --descriptor_set_out, or buf build.`;
    return { definitions: nothing, problems: [problem(message)] };
  }
}

function hintOf(fault: string): string {
  return fault.endsWith('among the descriptors') ? ' protoc writes imports only with --include_imports.' : '';
}

/** The definitions that the backend itself tells. */
export async function loadReflection(
  source: SourceOf<'grpc'>,
  setting: Setting,
  client: Client,
): Promise<Loaded> {
  const { metadata, timeoutMs = defaultCallTimeoutMs } = source.grpc;
  const toMetadata = compileMetadata(metadata, []);
  const variables = { $env: setting.environment, $config: setting.config };
  try {
    const read = await reflect(client, () => toMetadata(variables), timeoutMs);
    return fromReflection(read, source, setting);
  } catch (error) {
    if (error instanceof MalformedMessage)
      return failed(source, setting, 'answers to reflection with broken files');
    if (!(error instanceof ReflectionFault)) throw error;
    return failed(source, setting, error.message);
  }
}

function fromReflection(
  { definitions, faults }: FromDescriptors,
  source: SourceOf<'grpc'>,
  setting: Setting,
): Loaded {
  const problems = faults.map((fault) => problemOf(source, setting, `tells this by reflection: ${fault}`));
  return { definitions, problems };
}

function failed(source: SourceOf<'grpc'>, setting: Setting, message: string): Loaded {
  return { definitions: nothing, problems: [problemOf(source, setting, message)] };
}

function problemOf(source: SourceOf<'grpc'>, setting: Setting, message: string): Problem {
  return {
    code: 'INVALID_PROTO',
    message: `The gRPC source "${source.name}" ${message}.`,
    source: setting.subgraph.source,
    offset: startOf(source.node),
  };
}
