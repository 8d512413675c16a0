import type { RequestContext } from '../base/context.js';
import type { GatewayError } from '../base/errors.js';
import { identifyCaller } from './caller.js';
import { noteQuota } from './quotas.js';
import { cannotCount, nobody, tooMany, wholeSeconds } from './rate-limit-errors.js';
import { isAdmitted, type RateLimitStore } from './rate-limit-store.js';

/** How much there is of something in each window. */
export interface Limit {
  readonly max: number;
  readonly windowMs: number;
}

/** What each caller may ask of the gateway, all fields together. Without a limit nothing is counted. */
export interface OperationLimitOptions {
  /** How many operations. */
  readonly operations?: Limit | undefined;
  /** How much they may cost together. */
  readonly cost?: Limit | undefined;
}

/** Counts whole operations. Each promise gives what the operation is refused with, or nothing. */
export interface OperationLimits {
  /** Counts an operation; asked again for the same one, it says the same. */
  admit(context: RequestContext): Promise<GatewayError | undefined>;
  /** Takes what an operation costs, before it is executed. What costs nothing always passes. */
  charge(context: RequestContext, cost: number): Promise<GatewayError | undefined>;
}

/** Makes the limits that hold for whole operations, by caller. */
export function createOperationLimits(
  store: RateLimitStore,
  { operations, cost: budget }: OperationLimitOptions,
): OperationLimits {
  const admitted = {};
  return {
    admit: (context) => {
      if (operations === undefined) return passes;
      return context.local(admitted, () =>
        take(store, context, { name: 'operations', ...operations, slots: 1 }),
      );
    },
    charge: (context, cost) => {
      if (budget === undefined || cost === 0) return passes;
      return take(store, context, { name: 'cost', ...budget, slots: toSlots(cost) });
    },
  };
}

const passes = Promise.resolve(undefined);

interface Taking extends Limit {
  readonly name: 'operations' | 'cost';
  readonly slots: number;
}

async function take(
  store: RateLimitStore,
  context: RequestContext,
  { name, max, windowMs, slots }: Taking,
): Promise<GatewayError | undefined> {
  const caller = identifyCaller(context);
  if (caller === undefined) return nobody(`The number or cost of operations`, windowMs);
  const verdict = await store.reserve(`${name}\n${caller}`, { max, windowMs, slots });
  if (verdict.kind === 'uncounted') return isAdmitted(verdict) ? undefined : cannotCount();
  noteQuota(context, { name, max, windowMs, ...verdict });
  if (isAdmitted(verdict)) return undefined;
  const limit = `${describe(name, max, slots)} in ${windowMs / 1_000} s`;
  return tooMany(`${limit}. Try again in ${wholeSeconds(verdict.resetMs)} s.`, verdict.resetMs);
}

function describe(name: Taking['name'], max: number, slots: number): string {
  return name === 'operations'
    ? `You can send ${max} operations`
    : `This operation costs ${slots}, and yours may cost ${max} together`;
}

/** What cannot be counted costs more than anybody has. */
function toSlots(cost: number): number {
  return cost > 0 ? Math.min(Math.ceil(cost), Number.MAX_SAFE_INTEGER) : Number.MAX_SAFE_INTEGER;
}
