import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Headers } from '../base/context.js';
import { createLog, type Log } from '../base/log.js';
import { jsonTypes, preferredType } from './accept.js';
import type { CallerFacts, GraphQLServer, Mode } from './apollo.js';
import {
  checkGet,
  checkHead,
  checkPost,
  methodNotAllowed,
  readTarget,
  type Target,
} from './check-request.js';
import { answerClientErrors, trackResponses } from './client-error.js';
import { corsHeaders, preflight, readOrigins } from './cors.js';
import { answerWithEvents, eventStreamType } from './event-stream.js';
import { endToEndHeaders, firstValue, readHeaders } from './headers.js';
import { readBody, readParameters, readSearch } from './read-request.js';
import { errorBody, Refusal, toReply, type Reply } from './refusal.js';
import { sandboxPage, type FirstOperation } from './sandbox.js';
import { cutWhenStalled, send } from './send.js';
import { defaultSubscriptionLimits, type Subscribers, type SubscriptionLimits } from './subscribers.js';
import { clientCertificate, type TlsSettings } from './tls.js';
import { acceptWebSockets, Incoming } from './websocket.js';

/** What a request may weigh and how long it may take to arrive. */
export interface FrontLimits {
  readonly maxBodyBytes: number;
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A client that takes nothing of its answer for this long is cut. */
  readonly stallTimeoutMs: number;
  /** How often the timeouts of requests are looked at. */
  readonly checkIntervalMs: number;
}

/** The limits unless said otherwise. Keep-alive outlasts the 60 s of the usual balancers, so that they close first. */
export const defaultLimits: FrontLimits = {
  maxBodyBytes: 1024 * 1024,
  maxHeaders: 100,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  stallTimeoutMs: 30_000,
  checkIntervalMs: 1_000,
};

/** What {@link createFront} needs. */
export interface FrontOptions {
  readonly server: GraphQLServer;
  /** In `development`, a browser gets the Sandbox page. */
  readonly mode?: Mode;
  readonly subscribers: Subscribers;
  /** Exact origins whose pages may read answers and open WebSockets, besides our own. */
  readonly corsOrigins?: readonly string[];
  /** What the Sandbox page has typed in. */
  readonly firstOperation?: FirstOperation | undefined;
  /** Whether `/ready` says yes: send requests here. `/live` says only that the process answers. */
  readonly isReady?: () => boolean;
  readonly limits?: Partial<FrontLimits>;
  readonly subscriptions?: Partial<SubscriptionLimits>;
  /**
   * Names of headers that the `connectionParams` of a WebSocket may bring, besides `authorization`. Not one that a
   * proxy before the gateway sets or removes: it does not look into messages.
   */
  readonly connectionHeaders?: readonly string[];
  /** Serves HTTPS, and nothing else. */
  readonly tls?: TlsSettings | undefined;
  readonly log?: Log;
}

interface Front {
  readonly server: GraphQLServer;
  readonly http: Server;
  readonly isDevelopment: boolean;
  readonly origins: ReadonlySet<string>;
  readonly firstOperation: FirstOperation | undefined;
  readonly isReady: () => boolean;
  readonly limits: FrontLimits;
  readonly subscribers: Subscribers;
  readonly subscriptions: SubscriptionLimits;
  readonly log: Log;
}

/**
 * The HTTP server before Apollo, not yet listening. Cheap refusals come first; whatever is wrong is said in JSON.
 *
 * @throws Error where an origin of `corsOrigins` is not exact
 */
export function createFront(options: FrontOptions): Server {
  const limits = { ...defaultLimits, ...options.limits };
  const settings = {
    IncomingMessage: Incoming,
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    // Node's own answer to a request without `Host` has no body; `checkHead` gives one.
    requireHostHeader: false,
  };
  const http =
    options.tls === undefined
      ? createHttpServer(settings)
      : createHttpsServer({ ...settings, ...options.tls, handshakeTimeout: limits.headersTimeoutMs });
  http.maxConnections = limits.maxConnections;
  const front: Front = {
    server: options.server,
    http,
    isDevelopment: options.mode === 'development',
    origins: readOrigins(options.corsOrigins ?? []),
    firstOperation: options.firstOperation,
    isReady: options.isReady ?? (() => true),
    limits,
    subscribers: options.subscribers,
    subscriptions: { ...defaultSubscriptionLimits, ...options.subscriptions },
    log: options.log ?? createLog('silent'),
  };
  const responseOn = trackResponses(http);
  http.on('request', (request, response) => void handle(front, request, response));
  acceptWebSockets(http, {
    ...front,
    limits: front.subscriptions,
    maxMessageBytes: limits.maxBodyBytes,
    maxHeaders: limits.maxHeaders,
    responseOn,
    connectionHeaders: (options.connectionHeaders ?? []).map((name) => name.toLowerCase()),
  });
  answerClientErrors(http, responseOn);
  return http;
}

async function handle(front: Front, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const headers = readHeaders(request.rawHeaders);
  const reply = await answer(front, request, response, headers).catch((error: unknown) =>
    onFailure(front, error),
  );
  if (reply === undefined) return;
  const closing = front.http.listening ? undefined : { connection: 'close' };
  send(response, {
    ...reply,
    headers: { ...corsHeaders(front.origins, headers), ...reply.headers, ...closing },
  });
  cutWhenStalled(response, front.limits.stallTimeoutMs);
}

function onFailure(front: Front, error: unknown): Reply {
  if (error instanceof Refusal) return toReply(error);
  front.log.error({ error }, 'a request could not be answered');
  return { status: 500, body: errorBody('The gateway failed.', 'INTERNAL_SERVER_ERROR') };
}

/** @returns nothing where the answer was sent as a stream */
async function answer(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Headers,
): Promise<Reply | undefined> {
  checkHead(request, headers, front.limits.maxHeaders);
  const target = readTarget(request, headers);
  switch (target.path) {
    case '/':
    case '/graphql':
      return answerGraphQLPath(front, request, response, headers, target);
    case '/live':
      return answerHealth(request, true);
    case '/ready':
      return answerHealth(request, front.isReady());
    default:
      throw new Refusal(404, 'There is nothing here. GraphQL is at /graphql.');
  }
}

function answerHealth(request: IncomingMessage, isWell: boolean): Reply {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed('GET, HEAD');
  return {
    status: isWell ? 200 : 503,
    body: `${JSON.stringify({ status: isWell ? 'ok' : 'unavailable' })}\n`,
  };
}

async function answerGraphQLPath(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Headers,
  target: Target,
): Promise<Reply | undefined> {
  switch (request.method) {
    case 'OPTIONS':
      return preflight(front.origins, headers);
    case 'GET':
      checkGet(headers);
      return (
        answerPage(front, headers, target) ?? answerGraphQL(front, request, response, headers, target.search)
      );
    case 'POST':
      checkPost(headers, front.limits.maxBodyBytes);
      return answerGraphQL(front, request, response, headers, '');
    default:
      throw methodNotAllowed('GET, POST, OPTIONS');
  }
}

/** The Sandbox for a browser that comes to look around; a hint where there is none. */
function answerPage(front: Front, headers: Headers, target: Target): Reply | undefined {
  const isForPeople = preferredType(headers['accept'], [...jsonTypes, 'text/html']) === 'text/html';
  if (front.isDevelopment && isForPeople)
    return sandboxPage(firstValue(headers, 'host'), front.firstOperation);
  const isBare = target.path === '/' && (isForPeople || target.search === '');
  if (!isBare) return undefined;
  const where = front.isDevelopment
    ? 'A browser finds the Sandbox here.'
    : 'The Sandbox is here in development mode only.';
  throw new Refusal(404, `There is nothing to get here. Send GraphQL by POST to /graphql. ${where}`);
}

async function answerGraphQL(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Headers,
  search: string,
): Promise<Reply | undefined> {
  const types = [...jsonTypes, eventStreamType] as const;
  const accept = preferredType(headers['accept'], types);
  // Apollo would find out after the operation has run, a mutation too.
  if (accept === undefined) throw new Refusal(406, `The answer can be ${types.join(' or ')}.`);
  const isPost = request.method === 'POST';
  const body = isPost ? await readBody(request, front.limits.maxBodyBytes) : undefined;
  const parameters = body === undefined ? readSearch(search) : readParameters(body);
  const facts = toFacts(request, response, headers);
  if (accept === eventStreamType) {
    // As a POST to Apollo, which takes queries only by GET.
    const asked = { method: 'POST', headers, accept: jsonTypes[0], search: '', parameters, facts } as const;
    return answerWithEvents(response, {
      headers: corsHeaders(front.origins, headers),
      subscribers: front.subscribers,
      limits: front.subscriptions,
      open: () => front.server.stream({ ...asked, isSafe: !isPost }),
    });
  }
  return front.server.answer({
    method: isPost ? 'POST' : 'GET',
    headers,
    accept,
    search,
    parameters,
    facts,
  });
}

function toFacts(request: IncomingMessage, response: ServerResponse, headers: Headers): CallerFacts {
  return {
    headers: endToEndHeaders(headers),
    received: headers,
    address: request.socket.remoteAddress ?? '',
    certificate: clientCertificate(request.socket),
    signal: abortedWhenGone(response),
  };
}

function abortedWhenGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
