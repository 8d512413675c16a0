import { GraphQLError, parse, validate, type ExecutionResult } from 'graphql';
import type { Config } from '../base/config.js';
import { RequestContext, type Headers, type Identity } from '../base/context.js';
import type { Executable } from './executor.js';

/** One operation, asked without HTTP. */
export interface Question {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What the caller sent along, for mappings. A token in it is not looked at. */
  readonly headers?: Headers;
  /** Who asks; nobody, unless given. */
  readonly identity?: Identity;
}

/** Answers one operation. A fault in it is an error in the answer; it never throws. */
export async function ask(
  { schema, execute }: Executable,
  question: Question,
  config: Pick<Config, 'timeout' | 'mode'>,
): Promise<ExecutionResult> {
  const { query, operationName, variables, headers, identity } = question;
  const document = parsed(query);
  if (document instanceof GraphQLError) return { errors: [document] };
  const errors = validate(schema, document);
  if (errors.length > 0) return { errors };
  const context = new RequestContext({
    identity,
    timeoutMs: config.timeout,
    explainsMappings: config.mode === 'development',
    ...(headers && { headers }),
  });
  return execute({ document, operationName, variables, context });
}

function parsed(query: string) {
  try {
    return parse(query);
  } catch (error) {
    return error instanceof GraphQLError ? error : new GraphQLError('The query is not GraphQL.');
  }
}
