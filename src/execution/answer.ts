import { GraphQLError, type ExecutionResult } from 'graphql';
import type { RequestContext } from '../base/context.js';
import { GatewayError, rootCause, toPublicError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { mappingRemarks } from '../connectors/mapping-report.js';

/** The answer as a stranger may see it: errors are masked and, in development, mappings say what they did not find. */
export function toPublicAnswer(result: ExecutionResult, context: RequestContext, log: Log): ExecutionResult {
  return withRemarks(
    withPublicErrors(result, (error) => logMasked(error, context.id, log)),
    context,
  );
}

/** A failed fetch is one error, however many fields are null because of it. */
function withPublicErrors(result: ExecutionResult, onError: (error: GraphQLError) => void): ExecutionResult {
  if (result.errors === undefined) return result;
  const errors = [...new Set(result.errors)];
  errors.forEach(onError);
  return { ...result, errors: errors.map(toPublicError) };
}

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
