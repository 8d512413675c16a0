import { ApolloServer, HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import {
  GraphQLError,
  type ExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type ValidationRule,
} from 'graphql';
import type { Headers, Identity, RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import { createLog, type Log } from '../base/log.js';
import type { Executable, ExecutionRequest } from '../execution/executor.js';
import { stringifyJson } from '../mapping/json.js';
import { createAdmission, type Admit } from '../policy/admission.js';
import type { Evidence } from '../policy/authenticate.js';
import type { OperationLimits } from '../policy/operation-limits.js';
import { quotasOf } from '../policy/quotas.js';
import { noIntrospection } from '../policy/query-limits/introspection.js';
import { createQueryLimits, type QueryLimits } from '../policy/query-limits/query-limits.js';
import { toAnswers, type Answers, type Writing } from './answers.js';
import { readClaim, searchWithText, withText } from './document-claim.js';
import { errorsForApollo, formatError, longestWait, type ErrorRules } from './format-error.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import type { GraphQLParameters } from './read-request.js';
import { errorBody, type Reply } from './refusal.js';

/** `development` shows people more: introspection, suggestions, the Sandbox. `production` shows strangers less. */
export type Mode = 'development' | 'production';

/** What the transport knows of a caller. */
export interface CallerFacts extends Evidence {
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Makes the context of one request. A {@link GatewayError} it throws is the answer, with the status of its code. */
export type ContextFor = (facts: CallerFacts) => Promise<RequestContext>;

/** What {@link createServer} needs. */
export interface ServerOptions {
  readonly executable: Executable;
  readonly contextFor: ContextFor;
  readonly mode?: Mode;
  readonly log?: Log;
  /** Rules beside those of the GraphQL specification, such as limits on the shape of a query. */
  readonly validationRules?: readonly ValidationRule[];
  /** How large a query may be; as large as the configuration says by default, unless given. */
  readonly queryLimits?: QueryLimits;
  /** Which documents are taken; every text, unless given. */
  readonly admit?: Admit;
  /** Counts each operation before it is read. */
  readonly operationLimits?: Pick<OperationLimits, 'admit'>;
}

/** One GraphQL request as HTTP or a WebSocket brought it. */
export interface GraphQLRequest {
  readonly method: 'GET' | 'POST';
  /** As it came, with the headers Apollo decides by: protection against cross-site requests. */
  readonly headers: Headers;
  /** The media type of the answer. */
  readonly accept: string;
  /** Query string of a GET, with its `?`. */
  readonly search: string;
  readonly parameters: GraphQLParameters;
  /** Whether it may change nothing, whatever its method says here. */
  readonly isSafe?: boolean;
  readonly facts: CallerFacts;
}

/** Turned away before GraphQL: a bad token, a request that may be another site's. */
export interface Refused {
  readonly kind: 'refused';
  readonly reply: Reply;
}

/** Answered once: a query, a mutation, or what does not fit the schema. Of the latter, the status is not 200. */
export interface Answered {
  readonly kind: 'answered';
  readonly reply: Reply;
  /** For the head of an answer that is sent in events. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Answered for as long as there are events. Whoever gets this must read to its end, or end it. */
export interface Streaming {
  readonly kind: 'streaming';
  readonly answers: Answers;
  /** For the head of an answer that is sent in events. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who asked. */
  readonly identity: Identity | undefined;
}

/** What becomes of a request that may be answered by a stream. */
export type Outcome = Refused | Answered | Streaming;

/** Apollo Server with a schema that can be replaced while it serves. */
export interface GraphQLServer {
  /** Answers one request; never throws. */
  readonly answer: (request: GraphQLRequest) => Promise<Reply>;
  /** Answers one request, with a stream if it is a subscription; never throws. The request goes the same way. */
  readonly stream: (request: GraphQLRequest) => Promise<Outcome>;
  /**
   * Says who a caller is, before anything is asked.
   *
   * @throws GatewayError as {@link ContextFor} does
   */
  readonly identify: (facts: CallerFacts) => Promise<Identity | undefined>;
  /**
   * Serves another schema from now on; requests in flight, subscriptions too, finish on the one they began with. The
   * promise settles when the last of those is answered, so that what stands behind the old schema can be closed.
   *
   * @throws Error, at once, where the schema is not valid; the old one keeps serving
   */
  readonly swap: (executable: Executable) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The only headers Apollo is shown. The rest goes into the request's context. */
const headersForApollo = ['content-type', 'x-apollo-operation-name', 'apollo-require-preflight'] as const;

/**
 * What Apollo carries from the front to the executor. It copies this object, and a copied {@link RequestContext}
 * would have lost its private parts.
 */
interface Carrier {
  readonly context: RequestContext;
  /** With all digits of large integers, which Apollo's own reading of a GET would lose. */
  readonly variables: GraphQLParameters['variables'];
  readonly isSafe: boolean;
  /** Wants to know that the document has passed all checks, and the name of its operation. */
  readonly onAccepted?: ((operationName: string | undefined) => void) | undefined;
  /** Takes the stream of a subscription, where the transport can carry one. */
  readonly onStream?: ((stream: AsyncIterator<ExecutionResult>) => void) | undefined;
}

/**
 * Starts Apollo Server as parser, validator and HTTP conventions around our executor. Nothing of it runs per field.
 */
export async function createServer(options: ServerOptions): Promise<GraphQLServer> {
  const published = new WeakMap<object, GraphQLFormattedError>();
  const publish: Publish = (error, shown) => published.set(error, shown);
  const log = options.log ?? createLog('silent');
  const { mode = 'production', queryLimits = createQueryLimits({ mode }) } = options;
  const errorRules: ErrorRules = {
    publicForm: (error) => published.get(error as object),
    suggestions: mode === 'development',
    readParserError: queryLimits.readParserError,
    onMasked: (error) => log.error({ error }, 'an error was masked'),
  };
  const gateway = createGateway(options.executable, publish);
  const apollo = createApollo({ ...options, log, mode, queryLimits }, gateway, errorRules);
  const generations = createGenerations();
  const admit = options.admit ?? createAdmission({});
  await apollo.start();

  const ask = async (request: GraphQLRequest, takers: Takers): Promise<Reply> => {
    const httpGraphQLRequest = toApolloRequest(request);
    let caller: RequestContext | undefined;
    const context = async (): Promise<Carrier> => {
      try {
        const made = await options.contextFor(request.facts);
        caller = made;
        const refusal = await options.operationLimits?.admit(made);
        if (refusal !== undefined) throw refusal;
        takers.onContext?.(made);
        const claim = readClaim(request.parameters);
        const { text, onAccepted } = await admit(claim);
        queryLimits.checkText(text ?? '');
        // The moment between Apollo's protection against cross-site requests and its look at the document.
        if (claim.id !== undefined && text !== undefined) nameByText(httpGraphQLRequest, request, text);
        return {
          context: made,
          variables: request.parameters.variables,
          isSafe: request.isSafe ?? false,
          onAccepted,
          onStream: takers.onStream,
        };
      } catch (error) {
        throw refusedContext(error, publish);
      }
    };
    const answer = await apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context });
    // Only incremental delivery answers in chunks, and that needs Apollo's own executor.
    const body = answer.body.kind === 'complete' ? answer.body.string : '';
    const headers = { ...Object.fromEntries(answer.headers), ...limitHeaders(caller) };
    return { status: answer.status ?? 200, headers, body };
  };

  return {
    answer: (request) => {
      const leave = generations.enter();
      return ask(request, {}).finally(leave);
    },
    stream: async (request) => {
      const leave = generations.enter();
      const seen: { context?: RequestContext; answers?: Answers } = {};
      try {
        const reply = await ask(request, {
          onContext: (context) => (seen.context = context),
          onStream: (stream) => (seen.answers = toAnswers(stream, writingOf(errorRules), leave)),
        });
        const { context, answers } = seen;
        if (context === undefined) return { kind: 'refused', reply };
        const headers = limitHeaders(context);
        if (answers === undefined) return { kind: 'answered', reply, headers };
        return { kind: 'streaming', answers, headers, identity: context.identity };
      } finally {
        if (seen.answers === undefined) leave();
      }
    },
    identify: async (facts) => (await options.contextFor(facts)).identity,
    swap: (executable) => {
      gateway.swap(executable);
      return generations.next();
    },
    stop: () => apollo.stop(),
  };
}

/** How the caller stands with the limits that were looked at. */
function limitHeaders(context: RequestContext | undefined): Readonly<Record<string, string>> {
  return context === undefined ? {} : rateLimitHeaders(quotasOf(context));
}

/** Who wants to know what comes up while a request is answered. */
interface Takers {
  readonly onContext?: (context: RequestContext) => void;
  readonly onStream?: (stream: AsyncIterator<ExecutionResult>) => void;
}

type ApolloRequest = ReturnType<typeof toApolloRequest>;

function toApolloRequest(request: GraphQLRequest) {
  const headers = new HeaderMap([['accept', request.accept]]);
  for (const name of headersForApollo) {
    const values = request.headers[name];
    if (values !== undefined) headers.set(name, values.join(', '));
  }
  const isPost = request.method === 'POST';
  return {
    method: request.method,
    headers,
    search: request.search,
    body: isPost ? request.parameters : undefined,
  };
}

/** Puts the text of the document in the place of its names. */
function nameByText(
  apolloRequest: ApolloRequest,
  { search, parameters }: GraphQLRequest,
  text: string,
): void {
  if (apolloRequest.method === 'POST') apolloRequest.body = withText(parameters, text);
  else apolloRequest.search = searchWithText(search, parameters, text);
}

/** An error of authentication, or of a document not taken, with the status its code asks for. Others are masked later. */
function refusedContext(error: unknown, publish: Publish): unknown {
  if (!(error instanceof GatewayError)) return error;
  const refusal = new GraphQLError(error.message, { extensions: error.extensions });
  return errorsForApollo({ errors: [refusal] }, publish)[0];
}

/** Notes how an error that Apollo is given is shown in the end. */
type Publish = (error: GraphQLError, shown: GraphQLFormattedError) => void;

type Gateway = NonNullable<ConstructorParameters<typeof ApolloServer<Carrier>>[0]['gateway']>;
type SchemaListener = Parameters<Gateway['onSchemaLoadOrUpdate']>[0];
type GatewayRequest = Parameters<NonNullable<Awaited<ReturnType<Gateway['load']>>['executor']>>[0];

/**
 * Our executor in the shape in which Apollo takes one from a gateway: the public way to swap a schema live.
 * Apollo keeps, with each request, the schema it was validated against; that schema leads to its executor.
 */
function createGateway(
  first: Executable,
  publish: Publish,
): Gateway & { swap: (executable: Executable) => void } {
  const executables = new WeakMap<GraphQLSchema, Executable>();
  const listeners = new Set<SchemaListener>();

  const swap = (executable: Executable): void => {
    executables.set(executable.schema, executable);
    for (const listener of listeners) listener({ apiSchema: executable.schema, coreSupergraphSdl: '' });
  };
  const executor = async (request: GatewayRequest): Promise<ExecutionResult> => {
    const executable = executables.get(request.schema);
    if (executable === undefined) throw new Error('No executor belongs to the schema of the request.');
    const result = await answerOperation(executable, request);
    if (result.data !== undefined)
      (request.context as Carrier).onAccepted?.(request.operationName ?? undefined);
    if (result.errors === undefined) return result;
    const wait = longestWait(result.errors);
    if (wait !== undefined) request.response?.http?.headers.set('retry-after', String(wait));
    return { ...result, errors: errorsForApollo(result, publish) };
  };

  return {
    onSchemaLoadOrUpdate: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    load: async () => {
      swap(first);
      return { executor };
    },
    stop: async () => listeners.clear(),
    swap,
  };
}

async function answerOperation(executable: Executable, request: GatewayRequest): Promise<ExecutionResult> {
  const { context, variables, isSafe, onStream } = request.context as Carrier;
  const execution: ExecutionRequest = {
    document: request.document,
    operationName: request.request.operationName,
    variables,
    context,
  };
  const operation = request.operation as GatewayRequest['operation'] | undefined;
  if (isSafe && operation?.operation === 'mutation') return refused('A mutation cannot be sent by GET.');
  if (operation?.operation !== 'subscription') return executable.execute(execution);
  if (onStream === undefined) return refused(subscriptionsElsewhere);
  const opened = await executable.subscribe(execution);
  if (!('next' in opened)) return opened;
  onStream(opened);
  // What Apollo makes of it is not sent.
  return { data: null };
}

const subscriptionsElsewhere =
  'Subscriptions are not served by this kind of request. Ask for a stream of events, with the header ' +
  '"Accept: text/event-stream", or over a WebSocket, with the sub-protocol "graphql-transport-ws".';

function refused(message: string): ExecutionResult {
  return { errors: [new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' } })] };
}

/** How the answers of a subscription are written: by the rules of all others, though Apollo does not see them. */
function writingOf(rules: ErrorRules): Writing<ExecutionResult> {
  const publicForm = (error: unknown) =>
    error instanceof GraphQLError && error.extensions['code'] !== undefined ? error.toJSON() : undefined;
  const failed = (error: unknown): string => {
    rules.onMasked(error);
    return errorBody('The gateway failed.', 'INTERNAL_SERVER_ERROR').trimEnd();
  };
  const next = ({ errors, data, extensions }: ExecutionResult): string => {
    const shown = errors?.map((error) => formatError(error.toJSON(), error, { ...rules, publicForm }));
    try {
      return stringifyJson({ errors: shown, data, extensions });
    } catch (error) {
      return failed(error);
    }
  };
  return { next, failed };
}

function createApollo(
  options: ServerOptions & Required<Pick<ServerOptions, 'log' | 'mode' | 'queryLimits'>>,
  gateway: Gateway,
  errorRules: ErrorRules,
): ApolloServer<Carrier> {
  const { mode, log, validationRules = [], queryLimits } = options;
  const isDevelopment = mode === 'development';
  return new ApolloServer<Carrier>({
    gateway,
    nodeEnv: mode,
    // A rule of ours refuses it, in words that are the same without Apollo.
    introspection: true,
    hideSchemaDetailsFromClientErrors: !isDevelopment,
    includeStacktraceInErrorResponses: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    // Ours see the documents before Apollo does: over every transport, and with the trusted ones.
    persistedQueries: false,
    // No `documentStore`: Apollo then keeps one for each schema, of 30 MB at most. One of ours would outlive a swap
    // and hand over documents that passed the rules of another schema.
    parseOptions: { maxTokens: queryLimits.maxTokens },
    validationRules: [queryLimits.rule, ...(isDevelopment ? [] : [noIntrospection]), ...validationRules],
    formatError: (formatted, error) => formatError(formatted, error, errorRules),
    stringifyResult: (result) => `${stringifyJson(result)}\n`,
    logger: silentLogger,
    plugins: [...disabledPlugins(), unexpectedErrors(log)],
  });
}

/** Each of these would cost time per field, or send something somewhere if a variable of the environment says so. */
function disabledPlugins(): ApolloServerPlugin<Carrier>[] {
  return [
    ApolloServerPluginCacheControlDisabled(),
    ApolloServerPluginInlineTraceDisabled(),
    ApolloServerPluginLandingPageDisabled(),
    ApolloServerPluginSchemaReportingDisabled(),
    ApolloServerPluginUsageReportingDisabled(),
  ];
}

/** Apollo drops the cause of what fails outside execution before anybody can format it: this writes it down. */
function unexpectedErrors(log: Log): ApolloServerPlugin<Carrier> {
  return {
    unexpectedErrorProcessingRequest: async ({ error, requestContext }) => {
      log.error(
        { requestId: requestContext.contextValue.context.id, error },
        'the request could not be processed',
      );
    },
  };
}

const silent = (): void => undefined;

/** Apollo's messages are for another program; ours go to the log. */
const silentLogger = { debug: silent, info: silent, warn: silent, error: silent };

/** Counts requests by the schema that was served when they came, to tell when an old one is idle. */
function createGenerations(): { enter: () => () => void; next: () => Promise<void> } {
  let current = createGeneration(Promise.resolve());
  return {
    enter: () => current.enter(),
    next: () => {
      const old = current.retire();
      current = createGeneration(old);
      return old;
    },
  };
}

/** Requests between two swaps. A request may run on a later schema than it came under, never on an earlier one. */
function createGeneration(earlier: Promise<void>): { enter: () => () => void; retire: () => Promise<void> } {
  let running = 0;
  let onIdle: (() => void) | undefined;
  return {
    enter: () => {
      running++;
      return () => {
        if (--running === 0) onIdle?.();
      };
    },
    retire: async () => {
      const idle = running === 0 ? undefined : new Promise<void>((resolve) => (onIdle = resolve));
      await Promise.all([earlier, idle]);
    },
  };
}
