import { GraphQLError } from 'graphql';

/**
 * Every code a client, or a person starting the gateway, can meet, with what it means.
 * Codes are promises, texts may improve. The README lists the same table; a test keeps both in step.
 */
export const errorCodes = {
  SCHEMA_FILE_INVALID:
    'A schema file has faults; each is listed with its place. The start stops with exit code 1.',
  CONFIG_INVALID: 'The configuration has faults; each is listed. The start stops with exit code 2.',
  TRUSTED_DOCUMENTS_INVALID:
    'The trusted documents have faults; each is listed with its place. The start stops with exit code 1.',
  BAD_REQUEST: 'The HTTP request is not a GraphQL request.',
  GRAPHQL_PARSE_FAILED: 'The query is not GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The query does not fit the schema.',
  BAD_USER_INPUT: 'A variable or argument cannot be used, for example as a part of a URL.',
  QUERY_TOO_LONG: 'The query has more tokens, or more text, than it may have.',
  QUERY_TOO_DEEP: 'The query is nested deeper than it may be.',
  QUERY_TOO_MANY_DEFINITIONS: 'The query has more operations and fragments than it may have.',
  QUERY_TOO_MANY_ALIASES: 'The query has more aliases than it may have.',
  QUERY_TOO_MANY_DIRECTIVES: 'The query has more directives than it may have.',
  QUERY_TOO_MANY_ROOT_FIELDS: 'The query has more fields at its root than it may have.',
  QUERY_TOO_MANY_FIELDS: 'The query has more fields than it may have; those of a fragment count at each use.',
  QUERY_TOO_COSTLY: 'The query would cost more than it may; `@cost` and `@listSize` say what costs how much.',
  OPERATION_RESOLUTION_FAILURE: 'The request names no operation of its document, or one that is not there.',
  PERSISTED_QUERY_NOT_FOUND:
    'The request has only the hash, or id, of a query that is not known here. Clients then send the whole query.',
  PERSISTED_QUERY_NOT_SUPPORTED:
    'The request has only the hash of a query. Persisted queries are off; clients then send the whole query.',
  DOCUMENT_NOT_TRUSTED: 'The query is not one of the trusted documents, and no other is run.',
  UNAUTHENTICATED: 'The field is only for callers who have proved who they are, or the token was refused.',
  FORBIDDEN: 'The caller may not have this field.',
  RATE_LIMITED: 'The caller asked too often. `retryAfter` says in how many seconds to try again.',
  RATE_LIMIT_UNAVAILABLE:
    'Redis, which counts calls, does not answer, and the configuration says to refuse then what is limited.',
  OVERLOADED:
    'The gateway has as much to do as it can bear. `Retry-After` says in how many seconds to try again.',
  CONNECTOR_FETCH: 'A backend answered with a failure. `http.status` or `grpc.status` says which.',
  CONNECTOR_RESPONSE_INVALID: "A backend's answer cannot be read, or does not fit the schema.",
  HTTP_CLIENT_ERROR: 'A backend could not be reached.',
  REQUEST_LIMIT_EXCEEDED:
    'The operation needs more calls to backends than it may make; what was over is null.',
  ROW_LIMIT_EXCEEDED: 'The operation needs more rows of backends than it may have; what was over is null.',
  GATEWAY_TIMEOUT: 'A backend, or the whole operation, took too long.',
  INTERNAL_SERVER_ERROR: 'The gateway failed. The log has the cause under the request id.',
} as const;

/** One of the codes of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** What a {@link GatewayError} carries beside its message. */
export interface GatewayErrorOptions {
  /** Laid over `{ code }`; shown to the client. A `code` in here is a schema author's own. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/**
 * An error whose message and extensions a stranger may see. Everything else that is thrown is masked by
 * {@link toPublicError}.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.extensions = { code, ...options.extensions };
  }
}

/**
 * The one place that turns any error of an execution into what a stranger may see: our own errors and
 * graphql-js's remarks on the request pass, a value that does not fit the schema is named by its field
 * alone, everything else becomes `INTERNAL_SERVER_ERROR`.
 */
export function toPublicError(error: GraphQLError): GraphQLError {
  const cause = rootCause(error);
  if (cause instanceof GatewayError) return publicError(error, cause.message, cause.extensions);
  if (cause instanceof GraphQLError) return publicGraphQLError(error, cause);
  if (cause.message.startsWith('Cannot return null for non-nullable field')) {
    return publicError(error, cause.message, { code: 'CONNECTOR_RESPONSE_INVALID' });
  }
  return publicError(error, 'The gateway failed to answer this field.', { code: 'INTERNAL_SERVER_ERROR' });
}

function publicGraphQLError(error: GraphQLError, cause: GraphQLError): GraphQLError {
  const isLeafCoercion = error.path !== undefined && cause.nodes === undefined;
  if (isLeafCoercion) {
    return publicError(error, 'A value in the answer of a backend does not fit the type of this field.', {
      code: 'CONNECTOR_RESPONSE_INVALID',
    });
  }
  const code = error.extensions['code'] ?? (error.path === undefined ? undefined : 'BAD_USER_INPUT');
  return code === undefined ? error : publicError(error, error.message, { code });
}

function publicError(
  error: GraphQLError,
  message: string,
  extensions: Readonly<Record<string, unknown>>,
): GraphQLError {
  const { nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

/** The error as it was thrown, without the `GraphQLError`s that only say where. */
export function rootCause(error: GraphQLError): Error {
  let cause: Error = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}
