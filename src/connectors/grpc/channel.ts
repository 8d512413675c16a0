import { setMaxListeners } from 'node:events';
import {
  Client,
  connectivityState,
  logVerbosity,
  setLogVerbosity,
  type ChannelCredentials,
  type ChannelOptions,
} from '@grpc/grpc-js';
import type { CallLimits } from '../transport.js';
import type { Answer, Request } from './exchange.js';
import { openStream } from './stream.js';
import { callOnce } from './unary.js';

/** The channels to one backend: one for each of its addresses. */
export interface Channels {
  /**
   * Makes a unary call.
   *
   * @throws GatewayError where the backend sent no status of its own
   */
  unary(request: Request, limits: CallLimits): Promise<Answer>;
  /**
   * Makes a call that is answered with a stream. `next()` throws a GatewayError where the stream ends without a status
   * that the backend sent.
   */
  stream(request: Request, limits: CallLimits): AsyncIterableIterator<Answer>;
  /** The client that is next in turn. */
  next(): Client;
  /** Ends every connection; calls in flight fail. */
  close(): void;
}

/** How channels are opened. */
export interface ChannelSetting {
  readonly credentials: ChannelCredentials;
  /** The name to verify in the backend's certificate, where it differs from the address. */
  readonly serverName?: string | undefined;
  /** What the calls are: streams have channels of their own, where they take no call's turn. */
  readonly carry: 'calls' | 'streams';
}

/**
 * With jitter of a fifth, the longest wait between two attempts is 4.8 s: a backend that is back is found again within
 * 6 s. Keepalive pings are sent only while calls are made; servers refuse them on idle connections.
 */
const channelOptions: ChannelOptions = {
  'grpc.primary_user_agent': 'backstitch',
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

/**
 * Servers break off connections that are pinged more often than every five minutes while they send nothing, which a
 * stream may well do: https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md#server-enforcement
 */
const keepaliveTimeMs = { calls: 20_000, streams: 310_000 } as const;

/** Opens a channel to each address; none connects before its first call. */
export function openChannels(addresses: readonly string[], setting: ChannelSetting): Channels {
  quietGrpc();
  const { credentials, serverName, carry } = setting;
  const options: ChannelOptions = {
    ...channelOptions,
    'grpc.keepalive_time_ms': keepaliveTimeMs[carry],
    ...(serverName !== undefined && { 'grpc.ssl_target_name_override': serverName }),
  };
  const clients = addresses.map((address) => new Client(address, credentials, options));
  const pick = roundRobin(clients);
  const closing = new AbortController();
  // every call in flight listens
  setMaxListeners(0, closing.signal);
  const route = { next: pick, tries: clients.length, closing: closing.signal };
  return {
    next: pick,
    unary: (request, limits) => callOnce(request, { ...route, ...limits }),
    stream: (request, limits) => openStream(request, { ...route, ...limits }),
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
