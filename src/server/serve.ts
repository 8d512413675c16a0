import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Executable } from '../execution/executor.js';
import { createServer, type GraphQLServer, type ServerOptions } from './apollo.js';
import { createFront, type FrontOptions } from './front.js';
import { createSubscribers, defaultSubscriptionLimits, type Subscribers } from './subscribers.js';

/** What {@link serve} needs. */
export interface ServeOptions extends ServerOptions, Omit<FrontOptions, 'server' | 'subscribers'> {
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port?: number;
  /** Takes one of the next ports where this one is in use. */
  readonly portFallback?: boolean;
  /**
   * How long, at the end, `/ready` says no while requests are still taken: the time a balancer needs to notice.
   * None unless said otherwise.
   */
  readonly closeDelayMs?: number;
  /** How long requests in flight may take to finish after that, and subscribers to go. */
  readonly closeTimeoutMs?: number;
}

/** A gateway that listens. */
export interface Served {
  readonly url: string;
  readonly port: number;
  /** The port that was asked for and was in use, where another was taken. */
  readonly portTaken?: number;
  /**
   * Serves another schema from now on; settles when the last request on the old one is answered.
   *
   * @throws Error, at once, where the schema is not valid; the old one keeps serving
   */
  readonly swap: (executable: Executable) => Promise<void>;
  /**
   * Says so at `/ready`, accepts nothing more, lets requests in flight finish, tells subscribers to go elsewhere, ends.
   * A second call waits for the first.
   */
  readonly close: () => Promise<void>;
}

/** How many ports are tried after the one asked for. */
const portTries = 20;

/**
 * Serves GraphQL over HTTP.
 *
 * @example
 * const served = await serve({ executable, contextFor: async (facts) => new RequestContext(facts), port: 4000 });
 * console.log(served.url);
 *
 * @throws Error with `code` `EADDRINUSE`, or another of Node's, where it cannot listen
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { host = '127.0.0.1', port: wanted = 4000, portFallback = false, isReady = () => true } = options;
  const server = await createServer(options);
  try {
    let closed: Promise<void> | undefined;
    const { maxSubscribers } = { ...defaultSubscriptionLimits, ...options.subscriptions };
    const subscribers = createSubscribers(maxSubscribers);
    const http = createFront({
      ...options,
      server,
      subscribers,
      isReady: () => closed === undefined && isReady(),
    });
    const silent = trackSilentSockets(http);
    const port = await listen(http, host, wanted, portFallback ? portTries : 0);
    // What goes wrong with one connection must not end the process.
    http.on('error', (error) => options.log?.error({ error }, 'a connection could not be accepted'));
    return {
      url: toUrl(options.tls === undefined ? 'http' : 'https', host, port),
      port,
      ...(wanted !== 0 && port !== wanted && { portTaken: wanted }),
      swap: server.swap,
      close: () => (closed ??= close({ http, server, silent, subscribers }, options)),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function listen(http: Server, host: string, port: number, triesLeft: number): Promise<number> {
  try {
    http.listen({ host, port });
    await once(http, 'listening');
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!isTaken || triesLeft === 0 || port >= 65_535) throw error;
    return listen(http, host, port + 1, triesLeft - 1);
  }
  return (http.address() as AddressInfo).port;
}

/**
 * Connections on which nothing was ever asked, by their peers. Node counts them as busy, so an end would wait for them.
 * With TLS, the socket of a connection is another one after the handshake.
 */
function trackSilentSockets(http: Server): ReadonlyMap<string, Socket> {
  const silent = new Map<string, Socket>();
  const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  const add = (socket: Socket): void => {
    const peer = peerOf(socket);
    silent.set(peer, socket);
    socket.once('close', () => {
      if (silent.get(peer) === socket) silent.delete(peer);
    });
  };
  http.on('connection', add);
  http.on('secureConnection', add);
  http.on('request', (request) => silent.delete(peerOf(request.socket)));
  http.on('upgrade', (request) => silent.delete(peerOf(request.socket)));
  return silent;
}

interface Closing {
  readonly http: Server;
  readonly server: GraphQLServer;
  readonly silent: ReadonlyMap<string, Socket>;
  readonly subscribers: Subscribers;
}

async function close(
  { http, server, silent, subscribers }: Closing,
  { closeDelayMs = 0, closeTimeoutMs = 10_000 }: ServeOptions,
): Promise<void> {
  if (closeDelayMs > 0) await sleep(closeDelayMs);
  const timer = setTimeout(() => {
    http.closeAllConnections();
    // Those that are no longer HTTP are not among them.
    subscribers.cutAll();
  }, closeTimeoutMs);
  const closed = once(http, 'close');
  // Closes idle connections too; busy ones end with their answer, which says `Connection: close` from now on.
  http.close();
  for (const socket of silent.values()) socket.destroy();
  subscribers.endAll();
  await closed;
  clearTimeout(timer);
  await server.stop();
}

/** An address people can click, also where the server listens on all interfaces. */
function toUrl(scheme: string, host: string, port: number): string {
  const isLocal = ['127.0.0.1', '0.0.0.0', '::', '::1', ''].includes(host);
  if (isLocal) return `${scheme}://localhost:${port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
