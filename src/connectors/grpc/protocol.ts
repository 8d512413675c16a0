import { SchemaFilesError } from '../../base/problems.js';
import { mapStream } from '../../base/streams.js';
import type { Variables } from '../../mapping/compile.js';
import type { Subgraph } from '../../subgraph/subgraph.js';
import type {
  ConnectOf,
  OpenSource,
  Protocol,
  Setting,
  SourceOf,
  StreamTransport,
  Transport,
  WantedAnswer,
} from '../transport.js';
import { readAddresses } from './address.js';
import { openChannels, type Channels } from './channel.js';
import { checkMappings, findMethod, type Answers } from './check.js';
import { compileDecoder, type Decode } from './decode.js';
import type { Request } from './exchange.js';
import { loadFiles, loadReflection, type Loaded } from './load.js';
import type { Definitions, Method } from './messages.js';
import { compileMetadata } from './metadata.js';
import { compileRequest } from './request.js';
import { toReply } from './response.js';
import { readCredentials } from './tls.js';
import { joinedInputs, readByJudges } from './wanted.js';

/** gRPC: unary and server-streaming methods of a backend that is described by `.proto` files, a descriptor set or its own reflection. */
export const grpc: Protocol<'grpc'> = { open };

async function open(source: SourceOf<'grpc'>, setting: Setting): Promise<OpenSource<'grpc'>> {
  const { addresses, problems: ofAddress } = readAddresses(source, setting);
  const { credentials, problems: ofTls } = await readCredentials(source.grpc.tls, setting.subgraph.folder);
  const files = await loadFiles(source, setting);
  const problems = [...ofAddress, ...ofTls, ...(files?.problems ?? [])];
  if (problems.length > 0) throw new SchemaFilesError(problems);
  const setUp = { credentials, serverName: source.grpc.tls?.serverName };
  const channels = openChannels(addresses, { ...setUp, carry: 'calls' });
  const { definitions } = files ?? (await askBackend(source, setting, channels));
  let streams: Channels | undefined;
  const parts = { source, definitions, subgraph: setting.subgraph };
  return {
    connect: (definition) => connect({ ...parts, definition, channels }),
    subscribe: (definition) => {
      streams ??= openChannels(addresses, { ...setUp, carry: 'streams' });
      return subscribe({ ...parts, definition, channels: streams });
    },
    close: async () => {
      channels.close();
      streams?.close();
    },
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

/** What the calls of one connector are made with. */
interface Parts {
  readonly definition: ConnectOf<'grpc'>;
  readonly source: SourceOf<'grpc'>;
  readonly definitions: Definitions;
  readonly channels: Channels;
  readonly subgraph: Subgraph;
}

function connect(parts: Parts): Transport {
  const callOf = compileCall(parts, 'once');
  return {
    prepare: (variables, wanted) => {
      const { request, decode } = callOf(variables, wanted);
      return { send: async (limits) => toReply(await parts.channels.unary(request, limits), decode) };
    },
  };
}

function subscribe(parts: Parts): StreamTransport {
  const callOf = compileCall(parts, 'with a stream');
  return {
    prepare: (variables, wanted) => {
      const { request, decode } = callOf(variables, wanted);
      return {
        open: (limits) =>
          mapStream(parts.channels.stream(request, limits), { next: (answer) => toReply(answer, decode) }),
      };
    },
  };
}

interface Call {
  readonly request: Request;
  readonly decode: Decode;
}

/** @throws SchemaFilesError */
function compileCall(parts: Parts, answers: Answers): (variables: Variables, wanted: WantedAnswer) => Call {
  const { definition, source } = parts;
  const { metadata, request } = definition.grpc;
  const method = checked(parts, answers);
  const path = `/${method.name}`;
  const toRequest = compileRequest(request, method.input);
  const toMetadata = compileMetadata(source.grpc.metadata, metadata);
  const decoderFor = decoders(definition, source, method);
  return (variables, wanted) => ({
    request: { path, message: toRequest(variables), metadata: toMetadata(variables) },
    decode: decoderFor(wanted),
  });
}

/** @throws SchemaFilesError */
function checked({ definition, definitions, subgraph }: Parts, answers: Answers): Method {
  const method = findMethod(definition.grpc.method, definitions, answers);
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
  const judges = readByJudges(definition, source);
  const known = new WeakMap<WantedAnswer, Decode>();
  return (wanted) => {
    const decode =
      known.get(wanted) ?? compileDecoder(method.output, joinedInputs([wanted.reads, ...judges]));
    known.set(wanted, decode);
    return decode;
  };
}
