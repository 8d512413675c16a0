import type { Range } from './syntax.js';
import { kindOf } from './values.js';

/**
 * The values that expressions see besides the body. All are read as own properties; an absent one is missing.
 * `$claims` is ours: the verified identity of the caller.
 */
export interface Variables {
  readonly $args?: unknown;
  readonly $this?: unknown;
  readonly $batch?: unknown;
  readonly $config?: unknown;
  readonly $context?: unknown;
  readonly $request?: unknown;
  readonly $env?: unknown;
  readonly $status?: unknown;
  readonly $response?: unknown;
  readonly $claims?: unknown;
}

/** The names of all variables that come from outside. */
export const VARIABLE_NAMES: readonly (keyof Variables)[] = [
  '$args',
  '$this',
  '$batch',
  '$config',
  '$context',
  '$request',
  '$env',
  '$status',
  '$response',
  '$claims',
];

/** Something that a mapping asked for and did not find, or could not do. */
export interface MappingProblem {
  readonly message: string;
  /** Where in the input: property names, list positions, `->method`; it begins with the variable's name if it is one. */
  readonly path: readonly (string | number)[];
  /** The key, method or argument in the text of the selection. */
  readonly range: Range;
}

/** A path that shares its beginning with others. */
export interface Trail {
  readonly parent: Trail | undefined;
  readonly key: string | number;
}

/**
 * The state of one evaluation. It is changed in place and put back, so that rows cost no allocation. Trails are kept
 * only while `problems` is there.
 */
export interface Scope {
  readonly variables: Variables;
  readonly problems: MappingProblem[] | undefined;
  /** `$` */
  body: unknown;
  bodyTrail: Trail | undefined;
  /** `@` */
  current: unknown;
  currentTrail: Trail | undefined;
  /** Where the path that is being evaluated has come to. */
  trail: Trail | undefined;
  /** The values of `->as` names; the compiler gives each declaration its own slot. */
  readonly slots: unknown[];
  readonly slotTrails: (Trail | undefined)[];
  /** How many nested lists are being walked. */
  depth: number;
}

/** A compiled expression. */
export type Run = (scope: Scope) => unknown;

/** How many lists inside lists are followed. The rest of the recursion is bounded by the nesting of the text. */
export const MAX_LIST_DEPTH = 500;

/** A fresh state with `$` and `@` at the body. */
export function createScope(
  body: unknown,
  variables: Variables,
  problems: MappingProblem[] | undefined,
): Scope {
  return {
    variables,
    problems,
    body,
    bodyTrail: undefined,
    current: body,
    currentTrail: undefined,
    trail: undefined,
    slots: [],
    slotTrails: [],
    depth: 0,
  };
}

/** How many problems one evaluation notes; a list of a million rows without a name is no reason for a million. */
const MAX_PROBLEMS = 1_000;

/** Notes a problem, if anyone wants to know. Gives undefined, so that "missing, with a problem" is one expression. */
export function report(scope: Scope, range: Range, message: string): undefined {
  if (scope.problems === undefined || scope.problems.length >= MAX_PROBLEMS) return;
  scope.problems.push({ message, path: toPath(scope.trail), range });
}

/** As `report`, for a value of the wrong kind; the message is put together only when it is wanted. */
export function reject(scope: Scope, range: Range, message: string, value: unknown): undefined {
  if (scope.problems !== undefined) report(scope, range, `${message}, not ${kindOf(value)}`);
}

function toPath(trail: Trail | undefined): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at = trail; at !== undefined; at = at.parent) path.push(at.key);
  return path.reverse();
}

/** Moves the running path on by a key, a position or a method. */
export function advance(scope: Scope, key: string | number): void {
  if (scope.problems !== undefined) scope.trail = { parent: scope.trail, key };
}

/** Evaluates a method's argument with `@` as given. */
export function withCurrent(scope: Scope, run: Run, current: unknown): unknown {
  const { current: outer, currentTrail: outerTrail } = scope;
  scope.current = current;
  scope.currentTrail = scope.trail;
  const result = run(scope);
  scope.current = outer;
  scope.currentTrail = outerTrail;
  return result;
}

/** Calls `each` for every element; while it runs, the running path and `@` are at that element. Stops when it gives false. */
export function forEachElement(
  scope: Scope,
  list: readonly unknown[],
  each: (element: unknown, index: number) => boolean,
): void {
  const { current, currentTrail, trail } = scope;
  for (let i = 0; i < list.length; i++) {
    if (scope.problems !== undefined) scope.trail = { parent: trail, key: i };
    scope.currentTrail = scope.trail;
    scope.current = list[i];
    if (!each(list[i], i)) break;
  }
  scope.current = current;
  scope.currentTrail = currentTrail;
  scope.trail = trail;
}

/** Applies a function to every element; missing becomes null. The running path is at the element meanwhile. */
export function eachOf(
  list: readonly unknown[],
  scope: Scope,
  range: Range,
  each: (value: unknown, scope: Scope) => unknown,
): unknown[] | undefined {
  if (scope.depth >= MAX_LIST_DEPTH)
    return report(scope, range, `lists are nested deeper than ${MAX_LIST_DEPTH} levels`);
  const outer = scope.trail;
  const results: unknown[] = [];
  scope.depth++;
  for (let i = 0; i < list.length; i++) {
    if (scope.problems !== undefined) scope.trail = { parent: outer, key: i };
    const result = each(list[i], scope);
    results.push(result === undefined ? null : result);
  }
  scope.depth--;
  scope.trail = outer;
  return results;
}

/** The problems without repetition, in order. */
export function uniqueProblems(problems: readonly MappingProblem[]): MappingProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ message, path, range }) => {
    const id = JSON.stringify([message, path, range.start, range.end]);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}
