import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';

/** How many calls one operation may make. */
export interface CallBudget {
  /** To all backends together. */
  readonly total: number;
  /** To this connector's own source. */
  readonly ofSource: number;
}

interface Spent {
  count: number;
}

/**
 * Counts a call before it leaves.
 *
 * @param source anything that stands for the source, the same for all its connectors
 * @throws GatewayError `REQUEST_LIMIT_EXCEEDED` where the operation has made all the calls it may
 */
export function spendCall(context: RequestContext, source: object, budget: CallBudget): void {
  const total = context.local<Spent>(spendCall, () => ({ count: 0 }));
  const ofSource = context.local<Spent>(source, () => ({ count: 0 }));
  if (total.count >= budget.total || ofSource.count >= budget.ofSource) {
    throw new GatewayError('REQUEST_LIMIT_EXCEEDED', 'The operation needs more calls than it may make.');
  }
  total.count++;
  ofSource.count++;
}

/** Stands for the source of those that bring whole URLs. */
export const sourceless = Object.freeze({});
