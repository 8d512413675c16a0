import { execute, GraphQLError, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { GatewayError, rootCause, toPublicError } from '../base/errors.js';
import type { RequestContext } from '../base/context.js';
import type { Log } from '../base/log.js';
import { mappingRemarks } from '../connectors/mapping-report.js';
import type { Execute } from './executor.js';

/**
 * The plain way to answer: graphql-js on the guarded schema. Complete, and the oracle that every faster way is
 * compared with.
 */
export function createReferenceExecutor(schema: GraphQLSchema, log: Log): Execute {
  return async ({ document, operationName, variables, context }) => {
    const result = await execute({
      schema,
      document,
      operationName: operationName ?? undefined,
      variableValues: variables ?? undefined,
      contextValue: context,
    });
    return withRemarks(
      withPublicErrors(result, (error) => logMasked(error, context.id, log)),
      context,
    );
  };
}

/** A failed fetch is one error, however many fields are null because of it. */
function withPublicErrors(result: ExecutionResult, onError: (error: GraphQLError) => void): ExecutionResult {
  if (result.errors === undefined) return result;
  const errors = [...new Set(result.errors)];
  errors.forEach(onError);
  return { ...result, errors: errors.map(toPublicError) };
}

/** In development the answer says what mappings looked for and did not find. */
function withRemarks(result: ExecutionResult, context: RequestContext): ExecutionResult {
  if (!context.explainsMappings) return result;
  const mapping = [...mappingRemarks(context).values()];
  return mapping.length === 0 ? result : { ...result, extensions: { ...result.extensions, mapping } };
}

/** What nobody foresaw is masked for the client, so the log is the only place to find it. */
function logMasked(error: GraphQLError, requestId: string, log: Log): void {
  const cause = rootCause(error);
  if (cause instanceof GatewayError || cause instanceof GraphQLError) return;
  log.error({ requestId, path: error.path?.join('.') ?? '', error: cause }, 'A field failed.');
}
