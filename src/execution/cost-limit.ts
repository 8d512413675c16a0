import { GraphQLError } from 'graphql';
import { toPublicError } from '../base/errors.js';
import type { Costs } from '../policy/query-limits/cost.js';
import type { QueryLimits } from '../policy/query-limits/query-limits.js';
import type { Executable, ExecutionRequest } from './executor.js';

/** Refuses operations that would cost more than they may, before anything of them is executed. */
export function limitCosts(
  executable: Executable,
  costs: Costs,
  limits: Pick<QueryLimits, 'checkCost'>,
): Executable {
  const refuse = (request: ExecutionRequest) => {
    const refusal = limits.checkCost(request, costs.estimate(request));
    if (refusal === undefined) return undefined;
    return { errors: [toPublicError(new GraphQLError(refusal.message, { originalError: refusal }))] };
  };
  return {
    schema: executable.schema,
    execute: async (request) => refuse(request) ?? executable.execute(request),
    subscribe: async (request) => refuse(request) ?? executable.subscribe(request),
  };
}
