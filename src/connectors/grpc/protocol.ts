import { SchemaFilesError } from '../../base/problems.js';
import type { Subgraph } from '../../subgraph/subgraph.js';
import type {
  ConnectOf,
  OpenSource,
  Protocol,
  Setting,
  SourceOf,
  Transport,
  WantedAnswer,
} from '../transport.js';
import { readAddresses } from './address.js';
import { openChannels, type Channels } from './channel.js';
import { checkMappings, findMethod } from './check.js';
import { compileDecoder, type Decode } from './decode.js';
import { loadFiles, loadReflection, type Loaded } from './load.js';
import type { Definitions, Method } from './messages.js';
import { compileMetadata } from './metadata.js';
import { compileRequest } from './request.js';
import { toReply } from './response.js';
import { readCredentials } from './tls.js';
import { inputsOf, judgesOf } from './wanted.js';

/** gRPC: unary methods of a backend that is described by `.proto` files, a descriptor set or its own reflection. */
export const grpc: Protocol<'grpc'> = { open };

async function open(source: SourceOf<'grpc'>, setting: Setting): Promise<OpenSource<'grpc'>> {
  const { addresses, problems: ofAddress } = readAddresses(source, setting);
  const { credentials, problems: ofTls } = await readCredentials(source.grpc.tls, setting.subgraph.folder);
  const files = await loadFiles(source, setting);
  const problems = [...ofAddress, ...ofTls, ...(files?.problems ?? [])];
  if (problems.length > 0) throw new SchemaFilesError(problems);
  const channels = openChannels(addresses, { credentials, serverName: source.grpc.tls?.serverName });
  const { definitions } = files ?? (await askBackend(source, setting, channels));
  return {
    connect: (definition) => connect(definition, source, definitions, channels, setting.subgraph),
    close: async () => channels.close(),
  };
}

async function askBackend(source: SourceOf<'grpc'>, setting: Setting, channels: Channels): Promise<Loaded> {
  const loaded = await loadReflection(source, setting, channels.next()).catch((error: unknown) => {
    channels.close();
    throw error;
  });
  if (loaded.problems.length === 0) return loaded;
  channels.close();
  throw new SchemaFilesError(loaded.problems);
}

function connect(
  definition: ConnectOf<'grpc'>,
  source: SourceOf<'grpc'>,
  definitions: Definitions,
  channels: Channels,
  subgraph: Subgraph,
): Transport {
  const { metadata, request } = definition.grpc;
  const method = checked(definition, definitions, subgraph);
  const path = `/${method.name}`;
  const toRequest = compileRequest(request, method.input);
  const toMetadata = compileMetadata(source.grpc.metadata, metadata);
  const decoderFor = decoders(definition, source, method);
  return {
    prepare: (variables, wanted) => {
      const call = { path, message: toRequest(variables), metadata: toMetadata(variables) };
      const decode = decoderFor(wanted);
      return { send: async (limits) => toReply(await channels.unary(call, limits), decode) };
    },
  };
}

/** @throws SchemaFilesError */
function checked(definition: ConnectOf<'grpc'>, definitions: Definitions, subgraph: Subgraph): Method {
  const method = findMethod(definition.grpc.method, definitions);
  if ('code' in method) throw new SchemaFilesError([method]);
  const problems = checkMappings(definition, method, subgraph);
  if (problems.length > 0) throw new SchemaFilesError(problems);
  return method;
}

/** Decoders that pass over what a selection does not read, each made once. */
function decoders(
  definition: ConnectOf<'grpc'>,
  source: SourceOf<'grpc'>,
  method: Method,
): (wanted: WantedAnswer) => Decode {
  const judges = judgesOf(definition, source);
  const known = new WeakMap<WantedAnswer, Decode>();
  return (wanted) => {
    const decode =
      known.get(wanted) ?? compileDecoder(method.output, inputsOf([wanted.selection, ...judges]));
    known.set(wanted, decode);
    return decode;
  };
}
