import { IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import type { Headers } from '../base/context.js';
import type { Log } from '../base/log.js';
import type { GraphQLServer } from './apollo.js';
import { checkHead, methodNotAllowed, readTarget } from './check-request.js';
import { refuse, type ResponseOn } from './client-error.js';
import { mayConnect } from './cors.js';
import { firstValue, readHeaders } from './headers.js';
import { errorBody, overloaded, Refusal, toReply, type Reply } from './refusal.js';
import type { Subscribers, SubscriptionLimits } from './subscribers.js';
import { Connection } from './transport-ws.js';

/** What {@link acceptWebSockets} needs. */
export interface WebSocketOptions {
  readonly server: GraphQLServer;
  readonly subscribers: Subscribers;
  readonly limits: SubscriptionLimits;
  /** Bytes a message may have: as many as the body of a request. */
  readonly maxMessageBytes: number;
  readonly maxHeaders: number;
  /** Exact origins whose pages may connect, besides our own. */
  readonly origins: ReadonlySet<string>;
  /** Lower-case names of headers that `connectionParams` may bring, besides `authorization`. */
  readonly connectionHeaders: readonly string[];
  readonly responseOn: ResponseOn;
  readonly log: Log;
}

/** How long a client may take to answer a close frame. */
const closeTimeoutMs = 5_000;

const changing = new WeakSet<IncomingMessage>();

/**
 * A request that asks for another protocol only where that is a WebSocket.
 *
 * Once somebody listens for `upgrade`, Node takes everything that offers a change as one, and no longer as HTTP/1.1. But
 * many clients offer HTTP/2 with each request, and are content with an answer: they get it as if nobody listened.
 * `shouldUpgradeCallback` is made for this, from Node 24 on.
 */
export class Incoming extends IncomingMessage {
  get upgrade(): boolean {
    return changing.has(this) && (this.method === 'CONNECT' || offersWebSocket(this));
  }

  set upgrade(isChanging: boolean) {
    if (isChanging) changing.add(this);
    else changing.delete(this);
  }
}

function offersWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Opens WebSockets at the path of GraphQL over HTTP. A request for one is checked as every other, and refused before it
 * becomes one, in JSON.
 */
export function acceptWebSockets(http: Server, options: WebSocketOptions): void {
  const sockets = new WebSocketServer(socketOptions(options));
  const refuseOn = (socket: Duplex, reply: Reply) => refuse(socket, options.responseOn(socket), reply);
  sockets.on('wsClientError', (error, socket) => {
    const message = `The request is no WebSocket handshake. ${error.message}.`;
    refuseOn(socket, toReply(new Refusal(400, message)));
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // From here on Node leaves it to us to hear of a connection that breaks.
    socket.on('error', () => undefined);
    const headers = readHeaders(request.rawHeaders);
    const reply = open(sockets, { request, head, headers }, options);
    if (reply !== undefined) refuseOn(socket, reply);
  });
}

function socketOptions({ maxMessageBytes }: WebSocketOptions) {
  return {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    // Costs memory for each connection, and lets a small message become a large one.
    perMessageDeflate: false,
    // Answered where the bytes that wait for the client are counted.
    autoPong: false,
    closeTimeout: closeTimeoutMs,
    handleProtocols,
  };
}

interface Handshake {
  readonly request: IncomingMessage;
  readonly head: Buffer;
  readonly headers: Headers;
}

/** @returns why not, where it is not opened */
function open(
  sockets: WebSocketServer,
  { request, head, headers }: Handshake,
  options: WebSocketOptions,
): Reply | undefined {
  const { socket } = request;
  try {
    checkHandshake(request, headers, options);
    let connection: Connection | undefined;
    const leave = options.subscribers.join({
      end: () => connection?.end(),
      cut: () => socket.destroy(),
    });
    if (leave === undefined) return overloaded();
    socket.once('close', leave);
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      connection = new Connection(webSocket, { ...options, socket, headers });
    });
    return undefined;
  } catch (error) {
    return onFailure(error, options.log);
  }
}

/** @throws Refusal */
function checkHandshake(
  request: IncomingMessage,
  headers: Headers,
  { maxHeaders, origins, responseOn }: WebSocketOptions,
): void {
  checkHead(request, headers, maxHeaders);
  const { path } = readTarget(request, headers);
  if (path !== '/' && path !== '/graphql') {
    throw new Refusal(404, 'There is nothing here. GraphQL is at /graphql.');
  }
  if (request.method !== 'GET') throw methodNotAllowed('GET');
  if (!mayConnect(origins, headers)) throw new Refusal(403, 'Pages of this origin may not connect.');
  const protocols = firstValue(headers, 'sec-websocket-protocol') ?? '';
  if (handleProtocols(protocols) === false) {
    throw new Refusal(400, `The sub-protocol must be "${GRAPHQL_TRANSPORT_WS_PROTOCOL}".`);
  }
  if (responseOn(request.socket)?.writableFinished === false) {
    throw new Refusal(400, 'The connection still owes the answer to an earlier request.');
  }
}

function onFailure(error: unknown, log: Log): Reply {
  if (error instanceof Refusal) return toReply(error);
  log.error({ error }, 'a WebSocket could not be opened');
  return { status: 500, body: errorBody('The gateway failed.', 'INTERNAL_SERVER_ERROR') };
}
