import {
  GraphQLError,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { Config } from '../base/config.js';
import { GatewayError, toPublicError } from '../base/errors.js';
import { RequestContext, type Headers, type Identity } from '../base/context.js';
import { withoutSuggestion } from '../base/suggest.js';
import { noIntrospection } from '../policy/query-limits/introspection.js';
import type { QueryLimits } from '../policy/query-limits/query-limits.js';
import type { Executable, ExecutionRequest } from './executor.js';

/** One operation, asked without HTTP. */
export interface Question {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What the caller sent along, for mappings. A token in it is not looked at. */
  readonly headers?: Headers;
  /** Who asks; nobody, unless given. */
  readonly identity?: Identity;
  /** Where a question without identity comes from, for limits; this process, which is then one caller, unless given. */
  readonly address?: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** What questions are answered with. */
export interface Asking extends Pick<Config, 'timeout' | 'mode'> {
  readonly queryLimits: QueryLimits;
}

/** Answers one operation. A fault in it is an error in the answer; it never throws. */
export async function ask(
  { schema, execute }: Executable,
  question: Question,
  config: Asking,
): Promise<ExecutionResult> {
  const request = toRequest(schema, question, config);
  return 'errors' in request ? request : execute(request);
}

/**
 * Opens a subscription. `return()` of what it gives ends it.
 *
 * @returns one answer, with errors, where it cannot be opened; it never throws, and neither does `next()`
 */
export async function subscribe(
  executable: Executable,
  question: Question,
  config: Asking,
): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult>> {
  const request = toRequest(executable.schema, question, config);
  return 'errors' in request ? request : executable.subscribe(request);
}

function toRequest(
  schema: GraphQLSchema,
  { query, operationName, variables, headers, identity, address = 'this process', signal }: Question,
  config: Asking,
): ExecutionRequest | { readonly errors: readonly GraphQLError[] } {
  const document = checked(query, schema, config);
  if (!('kind' in document)) return { errors: document };
  const context = new RequestContext({
    identity,
    address,
    timeoutMs: config.timeout,
    explainsMappings: config.mode === 'development',
    ...(headers && { headers }),
    ...(signal && { signal }),
  });
  return { document, operationName, variables, context };
}

/** The document, or what is wrong with it. Validation throws where variables decide on the root of a subscription. */
function checked(
  query: string,
  schema: GraphQLSchema,
  { mode, queryLimits }: Asking,
): DocumentNode | readonly GraphQLError[] {
  const isOpen = mode === 'development';
  const rules = [...specifiedRules, queryLimits.rule, ...(isOpen ? [] : [noIntrospection])];
  try {
    queryLimits.checkText(query);
    const document = parse(query, { maxTokens: queryLimits.maxTokens });
    const errors = validate(schema, document, rules, { hideSuggestions: !isOpen });
    if (errors.length === 0) return document;
    return isOpen ? errors : errors.map(discreet);
  } catch (error) {
    return [toGraphQLError(queryLimits.readParserError(error) ?? error)];
  }
}

/** Not every rule hides its suggestions when it is told to. */
function discreet(error: GraphQLError): GraphQLError {
  const { nodes, source, positions, path, originalError, extensions } = error;
  const message = withoutSuggestion(error.message);
  return new GraphQLError(message, { nodes, source, positions, path, originalError, extensions });
}

function toGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GatewayError) {
    return toPublicError(new GraphQLError(error.message, { originalError: error }));
  }
  return error instanceof GraphQLError ? error : new GraphQLError('The query is not GraphQL.');
}
