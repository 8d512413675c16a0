import { parseJson, stringifyJson } from '../json.js';
import { reject, report, withCurrent } from '../scope.js';
import { trimText } from '../text.js';
import { isInteger, scalarText } from '../values.js';
import { bare, withArgs, withOptionalArgs } from './method.js';
import type { Argument, Method } from './method.js';

/** The text of a scalar; null is empty. */
export const toText: Method = withOptionalArgs(0, ({ range }) => (value, scope) => {
  return (
    scalarText(value) ?? reject(scope, range, '->toString needs a string, number, boolean or null', value)
  );
});

/** Compact JSON text. */
export const jsonStringify: Method = bare(() => (value) => stringifyJson(value));

/** What a JSON text says. */
export const jsonParse: Method = bare(({ range }) => (value, scope) => {
  if (typeof value !== 'string') return reject(scope, range, '->jsonParse needs a string', value);
  try {
    return parseJson(value);
  } catch (error) {
    return report(scope, range, `->jsonParse got a text that is no JSON: ${(error as Error).message}`);
  }
});

/** The texts of a list's scalars, joined; nulls are skipped. */
export const joinNotNull: Method = withArgs(1, 1, ({ range, args }) => {
  const separator = args[0] as Argument;
  return (value, scope) => {
    const between = withCurrent(scope, separator.run, value);
    if (between === undefined) return undefined;
    if (typeof between !== 'string')
      return reject(scope, separator.range, '->joinNotNull needs a string as separator', between);
    const texts: string[] = [];
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (item === null) continue;
      const text = scalarText(item);
      if (text === undefined)
        return reject(scope, range, '->joinNotNull joins strings, numbers and booleans', item);
      texts.push(text);
    }
    return texts.join(between);
  };
});

/** The parts of a string between separators; the characters if the separator is empty. */
export const split: Method = withArgs(1, 2, ({ range, args }) => {
  const [separator, limit] = args as readonly [Argument, Argument?];
  return (value, scope) => {
    if (typeof value !== 'string') return reject(scope, range, '->split needs a string', value);
    const between = withCurrent(scope, separator.run, value);
    if (between === undefined) return undefined;
    if (typeof between !== 'string')
      return reject(scope, separator.range, '->split needs a string as separator', between);
    const parts = between === '' ? Array.from(value) : value.split(between);
    if (limit === undefined) return parts;
    const most = withCurrent(scope, limit.run, value);
    if (most === undefined) return undefined;
    if (!isInteger(most) || most < 0)
      return reject(scope, limit.range, '->split needs an integer of at least 0 as limit', most);
    return parts.slice(0, Number(most));
  };
});

function trimming(name: string, start: boolean, end: boolean): Method {
  return bare(({ range }) => (value, scope) => {
    return typeof value === 'string'
      ? trimText(value, start, end)
      : reject(scope, range, `->${name} needs a string`, value);
  });
}

/** Without white space at both ends. */
export const trim = trimming('trim', true, true);
/** Without white space at the start. */
export const trimStart = trimming('trimStart', true, false);
/** Without white space at the end. */
export const trimEnd = trimming('trimEnd', false, true);
