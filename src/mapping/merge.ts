import { MAX_LIST_DEPTH, report } from './scope.js';
import type { Scope } from './scope.js';
import type { Range } from './syntax.js';
import { isObject, kindOf, put, sameType } from './values.js';
import type { JsonObject } from './values.js';

/**
 * Two results for one key: objects are merged by key, lists by position, null wins over everything, otherwise the
 * later one wins. Neither argument is changed.
 */
export function merge(earlier: unknown, later: unknown, scope: Scope, range: Range, depth = 0): unknown {
  if (earlier === undefined) return later;
  if (later === undefined) return earlier;
  if (earlier === null || later === null) return null;
  if (depth > MAX_LIST_DEPTH) {
    report(scope, range, `values are merged ${MAX_LIST_DEPTH} levels deep; below that the later one is kept`);
    return later;
  }
  if (Array.isArray(earlier) && Array.isArray(later)) return mergeLists(earlier, later, scope, range, depth);
  if (isObject(earlier) && isObject(later)) return mergeObjects(earlier, later, scope, range, depth);
  if (!sameType(earlier, later)) {
    report(
      scope,
      range,
      `two selections of one name give ${kindOf(earlier)} and ${kindOf(later)}; the later one is kept`,
    );
  }
  return later;
}

function mergeLists(
  earlier: readonly unknown[],
  later: readonly unknown[],
  scope: Scope,
  range: Range,
  depth: number,
): unknown[] {
  const length = Math.max(earlier.length, later.length);
  return Array.from({ length }, (_, i) => merge(earlier[i], later[i], scope, range, depth + 1));
}

function mergeObjects(
  earlier: JsonObject,
  later: JsonObject,
  scope: Scope,
  range: Range,
  depth: number,
): JsonObject {
  const merged: JsonObject = {};
  for (const key of Object.keys(earlier)) put(merged, key, earlier[key]);
  for (const key of Object.keys(later)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    put(merged, key, merge(before, later[key], scope, range, depth + 1));
  }
  return merged;
}
