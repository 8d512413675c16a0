/**
 * JSON values as mappings see them. Numbers are doubles, or bigints where a 64-bit integer would lose digits in a
 * double; "integer" means a bigint or a safe integer. Objects are read by own properties only.
 */

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is a JSON object: no list, not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property, never one of the prototype; undefined when absent. */
export function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as JsonObject)[key] : undefined;
}

/** Sets an own property, whatever its name: plain assignment to `__proto__` would change the prototype. */
export function put(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

/** What a value is, with its article, for messages. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a string';
    case 'boolean':
      return 'a boolean';
    case 'number':
    case 'bigint':
      return 'a number';
    default:
      return 'an object';
  }
}

/** Whether two values are of the same JSON type. */
export function sameType(a: unknown, b: unknown): boolean {
  return kindOf(a) === kindOf(b);
}

/** Whether a value is a number of either representation. */
export function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Whether a number counts as integer. */
export function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** An integer in its proper representation; undefined outside the 64-bit range. */
export function toInteger(value: bigint): number | bigint | undefined {
  if (value < MIN_INT64 || value > MAX_INT64) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The text of a scalar: strings as they are, the rest as JSON, null as ""; undefined for lists and objects. */
export function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'bigint':
      return value.toString();
    case 'number':
    case 'boolean':
      return JSON.stringify(value);
    default:
      return value === null || value === undefined ? '' : undefined;
  }
}

/** Deep equality of JSON values; numbers are compared as numbers. It holds a stack of its own, so any depth is fine. */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isScalar(left) || isScalar(right)) return sameScalar(left, right);
  const pairs: unknown[] = [left, right];
  while (pairs.length > 0) {
    const b = pairs.pop();
    const a = pairs.pop();
    if (isScalar(a) || isScalar(b)) {
      if (!sameScalar(a, b)) return false;
    } else if (!pushMembers(a as object, b as object, pairs)) {
      return false;
    }
  }
  return true;
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function sameScalar(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  // eslint-disable-next-line eqeqeq -- between bigint and number it compares the exact mathematical values
  return isNumber(a) && isNumber(b) && a == b;
}

/** Puts the members to be compared on the stack; false if the two cannot be equal. */
function pushMembers(a: object, b: object, pairs: unknown[]): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) pairs.push(a[i], b[i]);
    return true;
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    pairs.push((a as JsonObject)[key], (b as JsonObject)[key]);
  }
  return true;
}

/** Orders two numbers or two strings; strings by code point, which UTF-16 order is not. Undefined for other pairs. */
export function compare(a: unknown, b: unknown): number | undefined {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length < b.length ? -1 : 1;
  return codePointRank(a.charCodeAt(i)) - codePointRank(b.charCodeAt(i));
}

/** Surrogates stand for code points above all other units. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
