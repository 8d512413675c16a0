import { forEachElement, reject, report, withCurrent } from '../scope.js';
import type { Run, Scope } from '../scope.js';
import { byteLength, byteSlice, characterAtByte } from '../text.js';
import type { Range } from '../syntax.js';
import { isInteger, isObject, own } from '../values.js';
import { bare, withArgs, withOptionalArgs } from './method.js';
import type { Argument, Method } from './method.js';

/** The list of the argument's value for each element, `@` being the element. */
export const map: Method = withArgs(1, 1, ({ args }) => {
  const { run } = args[0] as Argument;
  return (value, scope) => {
    if (Array.isArray(value)) return mapElements(value, scope, run);
    const result = withCurrent(scope, run, value);
    return result === undefined ? undefined : [result];
  };
});

function mapElements(list: readonly unknown[], scope: Scope, run: Run): unknown[] {
  const results: unknown[] = [];
  forEachElement(scope, list, () => {
    const result = run(scope);
    results.push(result === undefined ? null : result);
    return true;
  });
  return results;
}

/** The element, or character, at the front. */
export const first: Method = bare(({ range }) => (value, scope) => {
  if (Array.isArray(value)) return value[0] as unknown;
  if (typeof value === 'string') return firstCharacter(value);
  reject(scope, range, '->first needs a list or a string', value);
  return value;
});

/** The element, or character, at the back. */
export const last: Method = bare(({ range }) => (value, scope) => {
  if (Array.isArray(value)) return value.at(-1) as unknown;
  if (typeof value === 'string') return lastCharacter(value);
  reject(scope, range, '->last needs a list or a string', value);
  return value;
});

function firstCharacter(text: string): string | undefined {
  const code = text.codePointAt(0);
  return code === undefined ? undefined : String.fromCodePoint(code);
}

function lastCharacter(text: string): string | undefined {
  if (text === '') return undefined;
  // two units back lies either a whole surrogate pair or the unit before the last one
  const pair = text.length > 1 ? text.codePointAt(text.length - 2) : undefined;
  return pair !== undefined && pair > 0xffff ? String.fromCodePoint(pair) : text.charAt(text.length - 1);
}

/** A part by positions: elements of a list, bytes of a string. */
export const slice: Method = withOptionalArgs(2, ({ range, args }) => (value, scope) => {
  if (!Array.isArray(value) && typeof value !== 'string')
    return reject(scope, range, '->slice needs a list or a string', value);
  if (args.length === 0) return value;
  const length = typeof value === 'string' ? byteLength(value) : value.length;
  const from = position(args[0], value, scope, 0, length);
  const to = position(args[1], value, scope, length, length);
  if (from >= to) return typeof value === 'string' ? '' : [];
  return typeof value === 'string' ? byteSlice(value, from, to) : value.slice(from, to);
});

/** What is no integer counts as not given. */
function position(
  arg: Argument | undefined,
  value: unknown,
  scope: Scope,
  absent: number,
  length: number,
): number {
  const given = arg === undefined ? undefined : withCurrent(scope, arg.run, value);
  return isInteger(given) ? Math.min(Math.max(Number(given), 0), length) : absent;
}

/** How many elements, bytes or keys. */
export const size: Method = bare(({ range }) => (value, scope) => {
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'string') return byteLength(value);
  if (isObject(value)) return Object.keys(value).length;
  return reject(scope, range, '->size needs a list, a string or an object', value);
});

/** The first element for which the condition is true. */
export const find: Method = withArgs(1, 1, ({ args }) => {
  const condition = args[0] as Argument;
  return (value, scope) => {
    if (!Array.isArray(value))
      return test(condition, withCurrent(scope, condition.run, value), scope, 'find') ? value : undefined;
    let found: unknown;
    forEachElement(scope, value, (element) => {
      const verdict = test(condition, condition.run(scope), scope, 'find');
      if (verdict) found = element;
      return verdict === false;
    });
    return found;
  };
});

/** The elements for which the condition is true. */
export const filter: Method = withArgs(1, 1, ({ args }) => {
  const condition = args[0] as Argument;
  return (value, scope) => {
    if (!Array.isArray(value)) {
      const verdict = test(condition, withCurrent(scope, condition.run, value), scope, 'filter');
      return verdict === undefined ? undefined : verdict ? [value] : [];
    }
    const verdicts: (boolean | undefined)[] = [];
    forEachElement(scope, value, () => {
      verdicts.push(test(condition, condition.run(scope), scope, 'filter'));
      return true;
    });
    return verdicts.includes(undefined) ? undefined : value.filter((_, i) => verdicts[i]);
  };
});

/** A condition's verdict; undefined, with a problem, if it is no boolean. */
function test(condition: Argument, verdict: unknown, scope: Scope, method: string): boolean | undefined {
  if (typeof verdict === 'boolean') return verdict;
  return reject(scope, condition.range, `->${method} needs a condition that is true or false`, verdict);
}

/** An element, a character or a property. */
export const get: Method = withArgs(1, 1, ({ args }) => {
  const which = args[0] as Argument;
  return (value, scope) => {
    const index = withCurrent(scope, which.run, value);
    if (index === undefined) return undefined;
    if (Array.isArray(value)) return element(value, index, scope, which.range);
    if (typeof value === 'string') return character(value, index, scope, which.range);
    if (isObject(value)) return property(value, index, scope, which.range);
    return reject(scope, which.range, '->get needs a list, a string or an object', value);
  };
});

function element(list: readonly unknown[], index: unknown, scope: Scope, range: Range): unknown {
  if (!isInteger(index)) return reject(scope, range, '->get on a list needs an integer', index);
  const found = list.at(Number(index));
  return found === undefined
    ? report(scope, range, `the list has no element at ${index}; it has ${list.length}`)
    : found;
}

function character(text: string, index: unknown, scope: Scope, range: Range): string | undefined {
  if (!isInteger(index)) return reject(scope, range, '->get on a string needs an integer', index);
  const found = characterAtByte(text, Number(index));
  return found ?? report(scope, range, `the string has no one-byte character at ${index}`);
}

function property(object: object, key: unknown, scope: Scope, range: Range): unknown {
  if (typeof key !== 'string') return reject(scope, range, '->get on an object needs a string', key);
  const found = own(object, key);
  return found === undefined ? report(scope, range, `${JSON.stringify(key)} was not found`) : found;
}
