import { GraphQLError } from 'graphql';
import { toPublicError } from '../base/errors.js';
import type { OperationLimits } from '../policy/operation-limits.js';
import type { Executable, ExecutionRequest } from './executor.js';

/** What executing an operation costs; an introspection alone may be free. */
export type CostOf = (request: ExecutionRequest) => number;

/** Counts each operation, and what it costs, before anything of it is executed. Events of a subscription are not counted. */
export function limitOperations(
  executable: Executable,
  limits: OperationLimits,
  costOf: CostOf = () => 1,
): Executable {
  const refuse = async (request: ExecutionRequest) => {
    const refusal =
      (await limits.admit(request.context)) ?? (await limits.charge(request.context, costOf(request)));
    if (refusal === undefined) return undefined;
    return { errors: [toPublicError(new GraphQLError(refusal.message, { originalError: refusal }))] };
  };
  return {
    schema: executable.schema,
    execute: async (request) => (await refuse(request)) ?? executable.execute(request),
    subscribe: async (request) => (await refuse(request)) ?? executable.subscribe(request),
  };
}
