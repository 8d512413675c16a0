import type { RequestContext } from '../base/context.js';

/** How a caller stands with one limit. */
export interface Quota {
  /** `operations`, `cost`, or the coordinate of a field. */
  readonly name: string;
  /** Slots in each window. */
  readonly max: number;
  readonly windowMs: number;
  /** Slots that are free now. */
  readonly remaining: number;
  /** Milliseconds until there are more; after a refusal, until it is worth trying again. */
  readonly resetMs: number;
}

const quotas = {};

/** Notes for the answer how its caller stands; of one limit, the longest wait counts. */
export function noteQuota(context: RequestContext, quota: Quota): void {
  const noted = context.local(quotas, () => new Map<string, Quota>());
  const known = noted.get(quota.name);
  if (known === undefined || known.resetMs < quota.resetMs) noted.set(quota.name, quota);
}

/** What there is to say of limits in the answer to a request. */
export function quotasOf(context: RequestContext): readonly Quota[] {
  return [...context.local(quotas, () => new Map<string, Quota>()).values()];
}
