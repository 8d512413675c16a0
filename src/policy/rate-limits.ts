import type { GraphQLResolveInfo } from 'graphql';
import { getGraphQLRateLimiter, Store, type Identity } from 'graphql-rate-limit';
import type { RequestContext } from '../base/context.js';
import { parseDuration } from '../base/duration.js';
import type { GatewayError } from '../base/errors.js';
import { identifyCaller } from './caller.js';
import { noteQuota } from './quotas.js';
import { cannotCount, nobody, tooMany, wholeSeconds } from './rate-limit-errors.js';
import { isAdmitted, type RateLimitStore, type SlotRequest, type Verdict } from './rate-limit-store.js';

/** What `@rateLimit` on a field says; the window as milliseconds or as a text such as `1m`. */
export type RateLimitRule = RateLimitArguments &
  (
    | { readonly windowMs: number; readonly window?: undefined }
    | { readonly window: string; readonly windowMs?: undefined }
  );

interface RateLimitArguments {
  /** Calls in each window. */
  readonly max: number;
  /** Replaces the text of the error. */
  readonly message?: string | undefined;
  /** Arguments whose values are counted apart, such as `email`, or `input.email` inside one. */
  readonly identityArgs?: readonly string[] | undefined;
  /** An argument that is a list, each of whose entries counts as a call. */
  readonly arrayLengthField?: string | undefined;
}

/** One call of a field: what its resolver gets. */
export interface RateLimitRequest {
  readonly parent?: unknown;
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly info?: GraphQLResolveInfo | undefined;
}

/** Counts calls of fields and says which are too many. */
export interface RateLimiter {
  /**
   * Counts one call of the field at `coordinate` (`Query.login`). Slots are taken in the order of the calls; a
   * refused call takes none.
   *
   * @returns what to throw instead of resolving, or `undefined` where the call may go on
   */
  limit(
    coordinate: string,
    rule: RateLimitRule,
    request: RateLimitRequest,
  ): Promise<GatewayError | undefined>;
}

/**
 * Makes the limiter of fields: exact for parallel calls and aliases and, with a store that gateways share, for all of
 * them together.
 *
 * The counting is the store's: see {@link Reservation} for why. What the arguments mean is graphql-rate-limit's,
 * but it is only handed values that are safe for it. On its own it names a field without its type; joins
 * identity values with ":", so that `"x:y", "z"` and `"x", "y:z"` are one; follows paths into prototypes;
 * believes a `length` field of an input object; takes `max: 0` for 5; and lets everything through when it
 * cannot read the window.
 *
 * @example
 * const limiter = createRateLimiter(new SlidingWindows());
 * const refusal = await limiter.limit('Query.login', { max: 5, window: '1m' }, { args, context });
 * if (refusal) throw refusal;
 */
export function createRateLimiter(store: RateLimitStore): RateLimiter {
  return {
    limit: async (coordinate, rule, { args, context }) => {
      const windowMs = readWindow(coordinate, rule);
      const caller = identifyCaller(context);
      if (caller === undefined) return nobody(coordinate, windowMs);
      const slots = countSlots(args, rule.arrayLengthField);
      const reservation = new Reservation(store, { max: rule.max, windowMs, slots });
      const message = await getGraphQLRateLimiter({
        store: reservation,
        identifyContext: () => caller,
        formatError: () => describeLimit(coordinate, rule.max, windowMs, reservation.verdict),
      })(
        {
          parent: undefined,
          args: { identity: identifyArguments(args, rule.identityArgs), calls: { length: slots } },
          context,
          // The name is all it reads.
          info: { fieldName: coordinate } as GraphQLResolveInfo,
        },
        {
          // Our store has compared with the true maximum; one more than this call's own slots is too many.
          max: slots,
          window: `${windowMs}ms`,
          identityArgs: ['identity'],
          arrayLengthField: 'calls',
          message: rule.message ?? '',
        },
      );
      if (message === undefined) return undefined;
      const { verdict } = reservation;
      if (verdict.kind === 'uncounted') return cannotCount();
      noteQuota(context, { name: coordinate, max: rule.max, windowMs, ...verdict });
      return tooMany(message, verdict.resetMs);
    },
  };
}

/** @throws RangeError where it is no window, for no limit must come of that */
function readWindow(coordinate: string, rule: RateLimitRule): number {
  const windowMs = rule.windowMs ?? parseDuration(rule.window);
  if (windowMs !== undefined && Number.isSafeInteger(windowMs) && windowMs > 0) return windowMs;
  throw new RangeError(
    `@rateLimit on ${coordinate} has the window ${JSON.stringify(rule.window ?? windowMs)}`,
  );
}

function countSlots(args: RateLimitRequest['args'], path: string | undefined): number {
  const list = path === undefined ? undefined : valueAt(args, path);
  return Array.isArray(list) ? Math.max(1, list.length) : 1;
}

/** JSON, since no two lists of values have the same. A missing value is `null`: leaving it out frees nobody. */
function identifyArguments(args: RateLimitRequest['args'], paths: readonly string[] = []): string {
  return JSON.stringify(
    paths.map((path) => valueAt(args, path)),
    (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
  );
}

function valueAt(args: RateLimitRequest['args'], path: string): unknown {
  return path.split('.').reduce<unknown>(ownValue, args);
}

function ownValue(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function describeLimit(coordinate: string, max: number, windowMs: number, verdict: Verdict): string {
  const limit = `${coordinate} can be asked ${max} times in ${windowMs / 1_000} s`;
  return verdict.kind === 'uncounted' ? limit : `${limit}. Try again in ${wholeSeconds(verdict.resetMs)} s.`;
}

/** Always inside its window, whatever clock the package looks at. */
const oneCallTooMany: readonly number[] = [Infinity];

/**
 * The store that graphql-rate-limit sees in one call. The package reads the timestamps, waits, and writes
 * them back, so calls in between would all be let in. Here the read itself takes the slots, in one step;
 * what it returns only says whether they were there, and nothing is left to write.
 */
class Reservation extends Store {
  readonly #store: RateLimitStore;
  readonly #request: SlotRequest;
  #verdict: Verdict = { kind: 'uncounted', isAdmitted: false };

  constructor(store: RateLimitStore, request: SlotRequest) {
    super();
    this.#store = store;
    this.#request = request;
  }

  /** Known as soon as the package has asked. */
  get verdict(): Verdict {
    return this.#verdict;
  }

  override getForIdentity({ contextIdentity, fieldIdentity }: Identity): MaybePromise<readonly number[]> {
    // Both are JSON behind a field's coordinate, which hold no line feed: no two pairs make the same key.
    const verdict = this.#store.reserve(`${fieldIdentity}\n${contextIdentity}`, this.#request);
    return verdict instanceof Promise ? verdict.then((late) => this.#read(late)) : this.#read(verdict);
  }

  override setForIdentity(): void {
    // The slots were taken when they were read.
  }

  #read(verdict: Verdict): readonly number[] {
    this.#verdict = verdict;
    return isAdmitted(verdict) ? [] : oneCallTooMany;
  }
}

type MaybePromise<T> = T | Promise<T>;
