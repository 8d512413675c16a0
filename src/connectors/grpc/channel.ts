import { setMaxListeners } from 'node:events';
import {
  Client,
  connectivityState,
  logVerbosity,
  setLogVerbosity,
  status as codes,
  type ChannelCredentials,
  type ChannelOptions,
  type Metadata,
} from '@grpc/grpc-js';
import { GatewayError } from '../../base/errors.js';
import type { CallLimits } from '../transport.js';
import { toGatewayError, wasSent, type Ending } from './errors.js';

/** The channels to one backend: one for each of its addresses. */
export interface Channels {
  /**
   * Makes a unary call.
   *
   * @throws GatewayError where the backend sent no status of its own
   */
  unary(call: UnaryCall, limits: CallLimits): Promise<UnaryAnswer>;
  /** The client that is next in turn. */
  next(): Client;
  /** Ends every connection; calls in flight fail. */
  close(): void;
}

export interface UnaryCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Buffer;
  readonly metadata: Metadata;
}

/** What the backend sent. */
export interface UnaryAnswer {
  readonly code: number;
  readonly details: string;
  /** Present where the code is 0. */
  readonly message?: Buffer | undefined;
  readonly headers?: Metadata | undefined;
  readonly trailers: Metadata;
}

/** How channels are opened. */
export interface ChannelSetting {
  readonly credentials: ChannelCredentials;
  /** The name to verify in the backend's certificate, where it differs from the address. */
  readonly serverName?: string | undefined;
}

/**
 * With jitter of a fifth, the longest wait between two attempts is 4.8 s: a backend that is back is found again within
 * 6 s. Keepalive pings are sent only while calls are made; servers refuse them on idle connections.
 */
const channelOptions: ChannelOptions = {
  'grpc.primary_user_agent': 'backstitch',
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 250,
  'grpc.max_reconnect_backoff_ms': 4_000,
  'grpc.dns_min_time_between_resolutions_ms': 5_000,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  // the environment's proxies, and retries that a DNS record asks for, are none of the schema's doing
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  // sockets belong to one source, and end with it
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
};

/** Opens a channel to each address; none connects before its first call. */
export function openChannels(addresses: readonly string[], setting: ChannelSetting): Channels {
  quietGrpc();
  const { credentials, serverName } = setting;
  const named = serverName === undefined ? {} : { 'grpc.ssl_target_name_override': serverName };
  const clients = addresses.map(
    (address) => new Client(address, credentials, { ...channelOptions, ...named }),
  );
  const pick = roundRobin(clients);
  const closing = new AbortController();
  // every call in flight listens
  setMaxListeners(0, closing.signal);
  return {
    next: pick,
    unary: (call, limits) => tryEach(clients.length, pick, call, { ...limits, closing: closing.signal }),
    close: () => {
      // a channel that is closed lets its calls go on until their deadline
      closing.abort();
      for (const client of clients) client.close();
    },
  };
}

/** grpc-js writes to the console; what it has to say comes back as errors, too. */
function quietGrpc(): void {
  if (process.env['GRPC_VERBOSITY'] === undefined && process.env['GRPC_TRACE'] === undefined) {
    setLogVerbosity(logVerbosity.NONE);
  }
}

/** Takes the clients in turn, without those whose last attempt to connect has failed, unless all have. */
function roundRobin(clients: readonly Client[]): () => Client {
  let turn = 0;
  const isFailing = (client: Client) =>
    client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;
  return () => {
    const from = turn++ % clients.length;
    const inTurn = clients.length === 1 ? clients : [...clients.slice(from), ...clients.slice(0, from)];
    return inTurn.find((client) => !isFailing(client)) ?? inTurn[0]!;
  };
}

/** A call that found no connection has not left: it may go to the next address, whatever it does there. */
async function tryEach(
  tries: number,
  pick: () => Client,
  call: UnaryCall,
  limits: ChannelLimits,
): Promise<UnaryAnswer> {
  const deadline = Date.now() + limits.timeoutMs;
  for (let left = tries; ; left--) {
    const { answer, ending } = await attempt(pick(), call, deadline, limits);
    if (limits.signal?.aborted === true && !ending.sent) throw abandoned(limits.signal.reason);
    const error = toGatewayError(ending);
    if (error === undefined) return answer;
    const neverLeft =
      ending.code === codes.UNAVAILABLE && /^(?:No connection|Name resolution)/.test(ending.details);
    if (left <= 1 || !neverLeft) throw error;
  }
}

interface ChannelLimits extends CallLimits {
  /** Aborted when the channels are closed. */
  readonly closing: AbortSignal;
}

interface Attempt {
  readonly answer: UnaryAnswer;
  readonly ending: Ending;
}

/**
 * One unary call straight on the channel: what `makeUnaryRequest` lays over it (interceptors, events, a stack trace for
 * every call) costs more than it gives.
 */
function attempt(
  client: Client,
  { path, message, metadata }: UnaryCall,
  deadline: number,
  { signal, closing }: ChannelLimits,
): Promise<Attempt> {
  if (signal?.aborted === true) throw abandoned(signal.reason);
  return new Promise((resolve) => {
    const replies: Buffer[] = [];
    let headers: Metadata | undefined;
    const call = createCall(client, path, deadline);
    const abandon = () => call.cancelWithStatus(codes.CANCELLED, 'Cancelled on client');
    signal?.addEventListener('abort', abandon, { once: true });
    closing.addEventListener('abort', abandon, { once: true });
    call.start(metadata, {
      onReceiveMetadata: (received) => (headers = received),
      onReceiveMessage: (received: Buffer) => {
        replies.push(received);
        // a second message must be seen to be refused
        call.startRead();
      },
      onReceiveStatus: ({ code, details, metadata: trailers }) => {
        signal?.removeEventListener('abort', abandon);
        closing.removeEventListener('abort', abandon);
        const answer = { code, details, message: replies[0], headers, trailers };
        resolve({ answer, ending: endingOf(answer, replies.length) });
      },
    });
    call.sendMessageWithContext({}, message);
    call.halfClose();
    call.startRead();
  });
}

/** @throws GatewayError where the channel is closed */
function createCall(client: Client, path: string, deadline: number) {
  try {
    return client.getChannel().createCall(path, deadline, null, null, null);
  } catch (error) {
    throw abandoned(error);
  }
}

function endingOf({ code, details, headers, trailers }: UnaryAnswer, replies: number): Ending {
  // grpc-js has no status for a compression it does not know, and any text may stand in grpc-status
  if (!Number.isInteger(code)) return { code: codes.UNKNOWN, details: 'no valid status', sent: false };
  if (code !== codes.OK) {
    const hasTrailers = Object.keys(trailers.toJSON()).length > 0;
    return { code, details, sent: wasSent(details, headers !== undefined, hasTrailers) };
  }
  if (replies === 1) return { code, details, sent: true };
  return { code: codes.UNIMPLEMENTED, details: `${replies} messages instead of one`, sent: false };
}

function abandoned(cause: unknown): GatewayError {
  return new GatewayError('HTTP_CLIENT_ERROR', 'The call was broken off.', { cause });
}
