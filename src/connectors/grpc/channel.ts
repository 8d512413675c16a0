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
  const clients = addresses.map((address) => new Client(address, credentials, { ...channelOptions, ...named }));
  const pick = roundRobin(clients);
  return {
    next: pick,
    unary: (call, limits) => tryEach(clients.length, pick, call, limits),
    close: () => {
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
  limits: CallLimits,
): Promise<UnaryAnswer> {
  const deadline = Date.now() + limits.timeoutMs;
  for (let left = tries; ; left--) {
    const { answer, ending } = await attempt(pick(), call, deadline, limits.signal);
    const error = toGatewayError(ending);
    if (error === undefined) return answer;
    const neverLeft = ending.code === codes.UNAVAILABLE && /^(?:No connection|Name resolution)/.test(ending.details);
    if (left <= 1 || !neverLeft) throw error;
  }
}

interface Attempt {
  readonly answer: UnaryAnswer;
  readonly ending: Ending;
}

function attempt(
  client: Client,
  { path, message, metadata }: UnaryCall,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  if (signal?.aborted === true) throw abandoned(signal);
  return new Promise((resolve) => {
    let reply: Buffer | undefined;
    let headers: Metadata | undefined;
    let local: Ending | undefined;
    const call = client.makeUnaryRequest(path, same, same, message, metadata, { deadline }, (error, value) => {
      reply = value;
      // an OK without a message, or with two, is a failure that only the callback hears of
      if (error !== null) local = { code: error.code, details: error.details, sent: false };
    });
    const abandon = () => call.cancel();
    signal?.addEventListener('abort', abandon, { once: true });
    call.on('metadata', (received) => (headers = received));
    call.on('status', ({ code, details, metadata: trailers }) => {
      signal?.removeEventListener('abort', abandon);
      const came = headers !== undefined || Object.keys(trailers.toJSON()).length > 0;
      const sent = { code, details, sent: wasSent(details, came) };
      const ending = code === codes.OK ? (local ?? { ...sent, sent: true }) : sent;
      resolve({ answer: { code, details, message: reply, headers, trailers }, ending });
    });
  });
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function abandoned(signal: AbortSignal): GatewayError {
  return new GatewayError('HTTP_CLIENT_ERROR', 'The call was broken off.', { cause: signal.reason });
}
