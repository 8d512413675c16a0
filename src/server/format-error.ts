import { HeaderMap } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, type ExecutionResult, type GraphQLFormattedError } from 'graphql';
import { GatewayError, rootCause } from '../base/errors.js';
import { withoutSuggestion } from '../base/suggest.js';

/** Codes that Apollo gives to its own remarks on a request; their messages are about the request alone. */
const remarks: ReadonlySet<unknown> = new Set(
  Object.values<string>(ApolloServerErrorCode).filter((code) => code !== 'INTERNAL_SERVER_ERROR'),
);

/** How one error is shown; `onMasked` hears of those that are not. */
export interface ErrorRules {
  /** How an error of our executor is shown: those are already what a stranger may see. */
  readonly publicForm: (error: unknown) => GraphQLFormattedError | undefined;
  /** Whether a message may say `Did you mean`, which names what the schema holds. */
  readonly suggestions: boolean;
  /** What an error of the parser means, if it is that the query is too long. */
  readonly readParserError: (error: unknown) => GatewayError | undefined;
  readonly onMasked: (error: unknown) => void;
}

/**
 * Decides what of an error leaves the server: public errors and Apollo's remarks on the request do, everything
 * else is an `INTERNAL_SERVER_ERROR` without a word about its cause.
 */
export function formatError(
  formatted: GraphQLFormattedError,
  error: unknown,
  rules: ErrorRules,
): GraphQLFormattedError {
  const publicForm = rules.publicForm(error);
  if (publicForm !== undefined) return publicForm;
  const refusal = refusalIn(error) ?? rules.readParserError(error);
  if (refusal !== undefined) return { message: refusal.message, extensions: { ...refusal.extensions } };
  if (!remarks.has(formatted.extensions?.['code'])) {
    rules.onMasked(error);
    return { message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  }
  // The parser is recursive: a deep enough query ends its stack, and Apollo passes that on as a syntax error.
  if (error instanceof GraphQLError && rootCause(error) instanceof RangeError) {
    return { ...formatted, message: 'Syntax Error: The query is nested too deeply.' };
  }
  if (rules.suggestions) return formatted;
  return { ...formatted, message: withoutSuggestion(formatted.message) };
}

/** What a rule of ours found in a query: Apollo gives all of them the code of its own. */
function refusalIn(error: unknown): GatewayError | undefined {
  const cause = error instanceof GraphQLError ? rootCause(error) : undefined;
  return cause instanceof GatewayError ? cause : undefined;
}

/** What an error says about the HTTP answer as a whole. */
export interface Head {
  readonly status: number;
  readonly headers: HeaderMap;
}

const statusByCode: ReadonlyMap<unknown, number> = new Map([
  // Clients of automatic persisted queries ask again, and take anything but 200 for a failure of the network.
  ['PERSISTED_QUERY_NOT_FOUND', 200],
  ['PERSISTED_QUERY_NOT_SUPPORTED', 200],
  ['UNAUTHENTICATED', 401],
  ['FORBIDDEN', 403],
  ['RATE_LIMITED', 429],
  ['INTERNAL_SERVER_ERROR', 500],
  ['RATE_LIMIT_UNAVAILABLE', 503],
  ['GATEWAY_TIMEOUT', 504],
]);

/** The head of an answer that is nothing but this error. */
export function headFor(extensions: Readonly<Record<string, unknown>>): Head {
  const headers = new HeaderMap();
  const { code } = extensions;
  if (code === 'UNAUTHENTICATED') headers.set('www-authenticate', 'Bearer');
  const wait = retryAfter(extensions);
  if (wait !== undefined) headers.set('retry-after', String(wait));
  return { status: statusByCode.get(code) ?? 400, headers };
}

/** The longest wait, in whole seconds, that the errors of an answer ask for. */
export function longestWait(errors: readonly GraphQLError[]): number | undefined {
  const waits = errors.map((error) => retryAfter(error.extensions)).filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : Math.max(...waits);
}

function retryAfter(extensions: Readonly<Record<string, unknown>>): number | undefined {
  const { code, retryAfter: seconds } = extensions;
  if (code !== 'RATE_LIMITED' && code !== 'RATE_LIMIT_UNAVAILABLE') return undefined;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return undefined;
  return Math.max(0, Math.ceil(seconds));
}

/**
 * The errors of an answer in the form in which Apollo must see them. It takes an `http` extension for the status
 * of the whole answer: ours tells of a backend and is hidden from it, and an answer without data gets the status
 * that its first error asks for.
 *
 * @param publish hears how each of them is shown in the end
 */
export function errorsForApollo(
  result: ExecutionResult,
  publish: (error: GraphQLError, shown: GraphQLFormattedError) => void,
): GraphQLError[] {
  return (result.errors ?? []).map((error, index) => {
    // Without a code it is graphql-js that speaks, of the request: Apollo knows the code and status for that.
    if (error.extensions['code'] === undefined) return error;
    const head = index === 0 && result.data === undefined ? headFor(error.extensions) : undefined;
    const seen = withHttp(error, head);
    publish(seen, error.toJSON());
    return seen;
  });
}

function withHttp(error: GraphQLError, http: Head | undefined): GraphQLError {
  const { nodes, source, positions, path, originalError } = error;
  const extensions = { ...error.extensions, http };
  return new GraphQLError(error.message, { nodes, source, positions, path, originalError, extensions });
}
