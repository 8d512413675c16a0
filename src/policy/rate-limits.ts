import type { GraphQLResolveInfo } from 'graphql';
import { getGraphQLRateLimiter } from 'graphql-rate-limit';
import type { RequestContext } from '../base/context.js';
import { parseDuration } from '../base/duration.js';
import { GatewayError } from '../base/errors.js';
import { Reservation, SlidingWindows } from './rate-limit-store.js';

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
   * Counts one call of the field at `coordinate` (`Query.login`). Slots are taken in the order of the calls,
   * before this returns; a refused call takes none.
   *
   * @returns what to throw instead of resolving, or `undefined` where the call may go on
   */
  limit(
    coordinate: string,
    rule: RateLimitRule,
    request: RateLimitRequest,
  ): Promise<GatewayError | undefined>;
}

/** What {@link createRateLimiter} can be given. */
export interface RateLimiterOptions {
  /** Milliseconds that never go back; `performance.now` unless given. */
  readonly clock?: () => number;
}

/**
 * Makes the limiter of a process: exact for parallel calls and aliases, in bounded memory.
 *
 * The counting is ours: see {@link Reservation} for why. What the arguments mean is graphql-rate-limit's,
 * but it is only handed values that are safe for it. On its own it names a field without its type; joins
 * identity values with ":", so that `"x:y", "z"` and `"x", "y:z"` are one; follows paths into prototypes;
 * believes a `length` field of an input object; takes `max: 0` for 5; and lets everything through when it
 * cannot read the window.
 *
 * @example
 * const refusal = await limiter.limit('Query.login', { max: 5, window: '1m' }, { args, context });
 * if (refusal) throw refusal;
 */
export function createRateLimiter(options: RateLimiterOptions = {}): RateLimiter {
  const { clock = () => performance.now() } = options;
  const windows = new SlidingWindows();
  return {
    limit: async (coordinate, rule, { args, context }) => {
      const windowMs = readWindow(coordinate, rule);
      const slots = countSlots(args, rule.arrayLengthField);
      const reservation = new Reservation(windows, { max: rule.max, windowMs, slots }, clock());
      const message = await getGraphQLRateLimiter({
        store: reservation,
        identifyContext: identifyCaller,
        formatError: () => describeLimit(coordinate, rule.max, windowMs, reservation.retryAfter),
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
      return message === undefined ? undefined : refuse(message, reservation.retryAfter);
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

/** A subject is unique with its issuer; the first word keeps the three kinds of callers apart. */
function identifyCaller({ identity, address }: RequestContext): string {
  if (identity) return JSON.stringify(['subject', identity.claims['iss'], identity.subject]);
  return JSON.stringify(address === '' ? ['nobody'] : ['address', address]);
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

function describeLimit(coordinate: string, max: number, windowMs: number, retryAfter: number): string {
  const limit = `${coordinate} can be asked ${max} times in ${windowMs / 1_000} s`;
  return `${limit}. Try again in ${retryAfter} s.`;
}

function refuse(message: string, retryAfter: number): GatewayError {
  return new GatewayError('RATE_LIMITED', message, { extensions: { retryAfter } });
}
