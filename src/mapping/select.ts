import { merge } from './merge.js';
import type { StepRun } from './methods/method.js';
import { generateRows } from './rows.js';
import type { Rows, Source } from './rows.js';
import { MAX_LIST_DEPTH, eachOf, reject } from './scope.js';
import type { Run, Scope } from './scope.js';
import type { Entry, Range } from './syntax.js';
import { isObject, own, put } from './values.js';
import type { JsonObject } from './values.js';

/** Selection lists and object literals: objects made of compiled entries. */

/** A compiled entry. */
export interface CompiledEntry {
  readonly kind: Entry['kind'];
  /** The output key of fields and aliases. */
  readonly key: string;
  readonly range: Range;
  readonly run: Run;
  /** The same value, for generated code. */
  readonly source: Source;
}

/** A sub-selection: it moves `$` and `@` to the value, or to each element in turn. */
export function select(entries: readonly CompiledEntry[], unseen: readonly Run[], range: Range): StepRun {
  const rows = rowsOf(entries, true);
  const collect = collector(entries);
  const apply: StepRun = (value, scope) => {
    if (rows !== undefined && scope.problems === undefined && rows.clean()) {
      if (Array.isArray(value)) return selectMany(rows, value, scope, applyOrNull);
      if (isObject(value)) return rows.one(value, scope);
    }
    return Array.isArray(value)
      ? eachOf(value, scope, range, apply)
      : selectFrom(value, collect, unseen, scope);
  };
  const applyOrNull: StepRun = (value, scope) => apply(value, scope) ?? null;
  return apply;
}

function selectMany(rows: Rows, list: readonly unknown[], scope: Scope, other: StepRun): unknown {
  if (scope.depth >= MAX_LIST_DEPTH) return undefined;
  scope.depth++;
  const results = rows.many(list, scope, other);
  scope.depth--;
  return results;
}

/** A value that is no object and of which nothing could be selected stands for itself. */
function selectFrom(value: unknown, collect: Run, unseen: readonly Run[], scope: Scope): unknown {
  const { body, bodyTrail, current, currentTrail, trail } = scope;
  scope.body = scope.current = value;
  scope.bodyTrail = scope.currentTrail = trail;
  let result = collect(scope);
  if (result === NOTHING)
    result = isObject(value) || unseen.some((run) => run(scope) !== undefined) ? {} : value;
  scope.body = body;
  scope.bodyTrail = bodyTrail;
  scope.current = current;
  scope.currentTrail = currentTrail;
  scope.trail = trail;
  return result;
}

/** An object literal: it reads the `$` and `@` around it. */
export function build(entries: readonly CompiledEntry[]): Run {
  const rows = rowsOf(entries, false);
  const collect = collector(entries);
  return (scope) => {
    if (rows !== undefined && scope.problems === undefined && canRead(rows, scope))
      return rows.one(scope.body, scope);
    const result = collect(scope);
    return result === NOTHING ? {} : result;
  };
}

function canRead(rows: Rows, scope: Scope): boolean {
  return (
    (!rows.readsBody || isObject(scope.body)) &&
    (!rows.readsCurrent || isObject(scope.current)) &&
    rows.clean()
  );
}

function rowsOf(entries: readonly CompiledEntry[], rebind: boolean): Rows | undefined {
  return isPlain(entries) ? generateRows(entries, rebind) : undefined;
}

/** Only names of their own, each once: then nothing has to be merged. */
function isPlain(entries: readonly CompiledEntry[]): boolean {
  return entries.every(isNamed) && new Set(entries.map(({ key }) => key)).size === entries.length;
}

function isNamed({ kind }: CompiledEntry): boolean {
  return kind === 'field' || kind === 'alias';
}

const NOTHING = Symbol('nothing produced');

/** Evaluates entries one after the other and merges what they give. */
function collector(entries: readonly CompiledEntry[]): Run {
  const [only] = entries;
  if (only?.kind === 'value') return (scope) => valueOf(only, scope);
  return (scope) => {
    let out: JsonObject | undefined;
    let nulled = false;
    for (const entry of entries) {
      const value = entry.run(scope);
      if (isNamed(entry)) {
        if (value !== undefined) add((out ??= {}), entry.key, value, entry, scope);
      } else if (value === null) {
        nulled = true;
      } else if (isObject(value)) {
        out ??= {};
        for (const key of Object.keys(value)) add(out, key, value[key], entry, scope);
      } else {
        reject(scope, entry.range, 'only the properties of an object can be merged here', value);
      }
    }
    return nulled ? null : (out ?? NOTHING);
  };
}

/** A bare value that is missing leaves its place: an object cannot stand for itself here, anything else does. */
function valueOf(entry: CompiledEntry, scope: Scope): unknown {
  const value = entry.run(scope);
  return value === undefined && !isObject(scope.body) ? NOTHING : value;
}

function add(out: JsonObject, key: string, value: unknown, entry: CompiledEntry, scope: Scope): void {
  const before = own(out, key);
  put(out, key, before === undefined ? value : merge(before, value, scope, entry.range));
}
