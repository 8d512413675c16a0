import type { GatewayError } from '../base/errors.js';
import { isObject, own, put } from '../mapping/values.js';

/**
 * A backend may answer and still fail to give some values. In the body each of these is a symbol, which mappings hand on
 * like any other scalar to the place where the client asked for it; there it becomes the error of that place.
 */
const failed = new WeakMap<symbol, FailedValue>();

/** What a failed value stands for. */
export interface FailedValue {
  readonly error: GatewayError;
  /** Where below this value it failed, if a value within it took the whole. */
  readonly below: readonly (string | number)[];
}

/** What failed where this value is, if it is no value. */
export function failureOf(value: unknown): FailedValue | undefined {
  return typeof value === 'symbol' ? failed.get(value) : undefined;
}

/** A key or a fact can only be read from a value that could be had. */
export function withoutFailure(value: unknown): unknown {
  return typeof value === 'symbol' ? undefined : value;
}

/** Puts an error where a path ends, or before that in the place of the object that is null because of it. */
export function putFailure(body: unknown, path: readonly (string | number)[], error: GatewayError): void {
  let holder = body;
  for (const [index, key] of path.entries()) {
    const value = valueAt(holder, key);
    const isEnd = value === null || value === undefined;
    if (isEnd && isHeldBy(holder, key)) return replace(holder, key, { error, below: path.slice(index + 1) });
    if (isEnd || index === path.length - 1) return;
    holder = value;
  }
}

function valueAt(holder: unknown, key: string | number): unknown {
  if (Array.isArray(holder)) return typeof key === 'number' ? holder[key] : undefined;
  return isObject(holder) && typeof key === 'string' ? own(holder, key) : undefined;
}

function isHeldBy(holder: unknown, key: string | number): boolean {
  return (typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key)) || false;
}

function replace(holder: unknown, key: string | number, failure: FailedValue): void {
  const mark = Symbol('a failed value');
  failed.set(mark, failure);
  if (Array.isArray(holder) && typeof key === 'number') holder[key] = mark;
  else if (isObject(holder)) put(holder, String(key), mark);
}
