import { MAX_LIST_DEPTH, reject, report } from '../scope.js';
import type { Scope } from '../scope.js';
import type { Range } from '../syntax.js';
import { camelCase } from '../text.js';
import { isObject, put } from '../values.js';
import type { JsonObject } from '../values.js';
import { bare } from './method.js';
import type { Method } from './method.js';

/** The properties as a list of `{key, value}`. */
export const entries: Method = bare(({ range }) => (value, scope) => {
  if (!isObject(value)) return reject(scope, range, '->entries needs an object', value);
  return Object.keys(value).map((key) => ({ key, value: value[key] }));
});

/** The object with its own keys in lowerCamelCase. */
export const keysToCamelCase: Method = bare(({ range }) => (value, scope) => {
  if (!isObject(value)) return reject(scope, range, '->keysToCamelCase needs an object', value);
  return renameKeys(value, scope, range, (member) => member);
});

/** The same for all objects inside, too. */
export const keysToCamelCaseDeep: Method = bare(({ range }) => (value, scope) => {
  if (!isObject(value)) return reject(scope, range, '->keysToCamelCaseDeep needs an object', value);
  return renameDeep(value, scope, range, 0);
});

function renameDeep(value: unknown, scope: Scope, range: Range, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_LIST_DEPTH) {
    report(
      scope,
      range,
      `->keysToCamelCaseDeep goes ${MAX_LIST_DEPTH} levels deep; deeper keys are kept as they are`,
    );
    return value;
  }
  if (Array.isArray(value)) return value.map((item) => renameDeep(item, scope, range, depth + 1));
  return renameKeys(value as JsonObject, scope, range, (member) =>
    renameDeep(member, scope, range, depth + 1),
  );
}

function renameKeys(
  object: JsonObject,
  scope: Scope,
  range: Range,
  member: (value: unknown) => unknown,
): JsonObject {
  const renamed: JsonObject = {};
  for (const key of Object.keys(object)) {
    const name = camelCase(key);
    if (Object.hasOwn(renamed, name))
      report(scope, range, `two keys become ${JSON.stringify(name)}; the last one is kept`);
    put(renamed, name, member(object[key]));
  }
  return renamed;
}
