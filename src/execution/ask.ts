import {
  GraphQLError,
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { Config } from '../base/config.js';
import { RequestContext, type Headers, type Identity } from '../base/context.js';
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
export type Asking = Pick<Config, 'timeout' | 'mode'>;

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
  const document = checked(query, schema);
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
function checked(query: string, schema: GraphQLSchema): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(query);
    const errors = validate(schema, document);
    return errors.length > 0 ? errors : document;
  } catch (error) {
    return [error instanceof GraphQLError ? error : new GraphQLError('The query is not GraphQL.')];
  }
}
