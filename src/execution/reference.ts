import { execute, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { toPublicError } from '../base/errors.js';
import type { Execute } from './executor.js';

/**
 * The plain way to answer: graphql-js on the guarded schema. Complete, and the oracle that every faster way is
 * compared with.
 */
export function createReferenceExecutor(schema: GraphQLSchema): Execute {
  return async ({ document, operationName, variables, context }) => {
    const result = await execute({
      schema,
      document,
      operationName: operationName ?? undefined,
      variableValues: variables ?? undefined,
      contextValue: context,
    });
    return withPublicErrors(result);
  };
}

/** A failed fetch is one error, however many fields are null because of it. */
function withPublicErrors(result: ExecutionResult): ExecutionResult {
  if (result.errors === undefined) return result;
  return { ...result, errors: [...new Set(result.errors)].map(toPublicError) };
}
