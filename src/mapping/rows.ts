import type { Scope } from './scope.js';
import type { JsonObject } from './values.js';

/**
 * The hot path: building the object of a plain selection (`id name: fullName address { city }`) for one row or for a
 * list of them. The code for it is generated, because only an object literal with the names written out gives rows one
 * hidden class, and only reads with the names written out are inlined by the engine: closures over the names were
 * measured ten times slower. What comes from the mapping's text enters the code as JSON strings and in no other way.
 *
 * Generated functions keep no trails. They run only while nobody asks for problems, and only on non-list objects.
 */

/** One output property. */
export interface Column {
  readonly key: string;
  readonly source: Source;
}

/** Where a value comes from, as far as it is worth generating code for. */
export type Source =
  | { readonly kind: 'constant'; readonly value: string | number | boolean | null }
  /** Properties of `$` or `@`, the first of which is a key; `next` maps what they give. */
  | {
      readonly kind: 'keys';
      readonly from: 'body' | 'current';
      readonly steps: readonly KeyOrQuestion[];
      readonly next: Next | undefined;
    }
  /** The first that is there; null counts as there if it `nullPasses`. */
  | { readonly kind: 'firstOf'; readonly sources: readonly Source[]; readonly nullPasses: boolean }
  /** Anything else. */
  | { readonly kind: 'computed'; readonly run: (scope: Scope) => unknown };

/** `.name`, where `read` does the same for any value; or `?`, which makes null missing. */
export type KeyOrQuestion =
  { readonly kind: 'key'; readonly name: string; readonly read: Next } | { readonly kind: 'question' };

type Next = (value: unknown, scope: Scope) => unknown;

/** Generated functions for one selection. */
export interface Rows {
  /** Which of the two must be objects. */
  readonly readsBody: boolean;
  readonly readsCurrent: boolean;
  /** False if somebody has put one of the names on `Object.prototype`: then reading needs own-property checks. */
  clean(): boolean;
  /** The object for one row. */
  one(row: unknown, scope: Scope): JsonObject;
  /** The objects for many rows; `other` maps those that are no objects. */
  many(rows: readonly unknown[], scope: Scope, other: Next): unknown[];
}

/** How many columns are worth generating for: beyond it, engines make dictionaries of objects anyway. */
const MAX_COLUMNS = 100;

/**
 * Generates the functions for a list of columns with distinct keys; undefined where code generation is not allowed.
 * `rebind` tells whether `$` and `@` move to the row; otherwise the row is `$`.
 */
export function generateRows(columns: readonly Column[], rebind: boolean): Rows | undefined {
  if (columns.length === 0 || columns.length > MAX_COLUMNS) return undefined;
  const writer = new Writer(rebind);
  const code = writer.module(columns);
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the point of this file; see its head
    const make = new Function('parts', code) as (
      parts: readonly unknown[],
    ) => Omit<Rows, 'readsBody' | 'readsCurrent'>;
    return { ...make(writer.parts), readsBody: writer.readsBody, readsCurrent: writer.readsCurrent };
  } catch {
    return undefined; // --disallow-code-generation-from-strings
  }
}

/** Writes the code, and collects the functions that it calls and the names that it reads. */
class Writer {
  readonly parts: unknown[] = [];
  readsBody = false;
  readsCurrent = false;
  private readonly rebind: boolean;
  private readonly names = new Set<string>();
  private calls = false;

  constructor(rebind: boolean) {
    this.rebind = rebind;
  }

  module(columns: readonly Column[]): string {
    const reads = columns.map(({ source }, i) => `let v${i}; ${this.assign(`v${i}`, source)}`);
    const moves = this.rebind && this.calls;
    return `"use strict";
${this.parts.map((_, i) => `const f${i} = parts[${i}];`).join('\n')}
function one(row, scope) {
  ${moves ? 'const body = scope.body, current = scope.current; scope.body = row; scope.current = row;' : ''}
  ${reads.join('\n  ')}
  ${moves ? 'scope.body = body; scope.current = current;' : ''}
  if (${columns.map((_, i) => `v${i} !== undefined`).join(' && ')}) return { ${columns.map(memberCode).join(', ')} };
  const out = {};
  ${columns.map(writeCode).join('\n  ')}
  return out;
}
function many(rows, scope, other) {
  const out = new Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    out[i] = ${isObjectCode('row')} ? one(row, scope) : other(row, scope);
  }
  return out;
}
const prototype = Object.prototype;
function clean() { return ${[...this.names].map((name) => `!(${JSON.stringify(name)} in prototype)`).join(' && ') || 'true'}; }
return { clean, one, many };`;
  }

  /** Statements that leave the value in a variable. */
  private assign(variable: string, source: Source): string {
    switch (source.kind) {
      case 'constant':
        return `${variable} = ${JSON.stringify(source.value)};`;
      case 'keys':
        return this.assignKeys(variable, source);
      case 'firstOf':
        return this.assignFirst(variable, source);
      case 'computed':
        this.calls = true;
        return `${variable} = ${this.part(source.run)}(scope);`;
    }
  }

  private assignKeys(variable: string, source: Source & { readonly kind: 'keys' }): string {
    const [first, ...steps] = source.steps;
    if (first?.kind !== 'key') return this.assign(variable, { kind: 'constant', value: null });
    const statements = [`${variable} = ${this.read(this.origin(source.from), first.name)};`];
    for (const step of steps) statements.push(this.advance(variable, step));
    if (source.next !== undefined)
      statements.push(
        `if (${variable} !== undefined) ${variable} = ${this.part(source.next)}(${variable}, scope);`,
      );
    return statements.join(' ');
  }

  private advance(variable: string, step: KeyOrQuestion): string {
    if (step.kind === 'question') return `if (${variable} === null) ${variable} = undefined;`;
    const read = this.read(variable, step.name);
    return `if (${variable} !== undefined) ${variable} = ${isObjectCode(variable)} ? ${read} : ${this.part(step.read)}(${variable}, scope);`;
  }

  private assignFirst(
    variable: string,
    { sources, nullPasses }: Source & { readonly kind: 'firstOf' },
  ): string {
    const absent = nullPasses
      ? `${variable} === undefined`
      : `${variable} === undefined || ${variable} === null`;
    return sources
      .map((source, i) =>
        i === 0 ? this.assign(variable, source) : `if (${absent}) { ${this.assign(variable, source)} }`,
      )
      .join(' ');
  }

  private origin(from: 'body' | 'current'): string {
    if (this.rebind || from === 'body') {
      this.readsBody = true;
      return 'row';
    }
    this.readsCurrent = true;
    return 'scope.current';
  }

  private read(object: string, name: string): string {
    const key = JSON.stringify(name);
    if (name in Object.prototype) return `(Object.hasOwn(${object}, ${key}) ? ${object}[${key}] : undefined)`;
    this.names.add(name);
    return `${object}[${key}]`;
  }

  private part(value: unknown): string {
    return `f${this.parts.push(value) - 1}`;
  }
}

function isObjectCode(variable: string): string {
  return `(typeof ${variable} === 'object' && ${variable} !== null && !Array.isArray(${variable}))`;
}

/** In brackets, `__proto__` is a name like any other. */
function memberCode({ key }: Column, i: number): string {
  return key === '__proto__' ? `["__proto__"]: v${i}` : `${JSON.stringify(key)}: v${i}`;
}

function writeCode({ key }: Column, i: number): string {
  const name = JSON.stringify(key);
  const descriptor = `{ value: v${i}, writable: true, enumerable: true, configurable: true }`;
  return `if (v${i} !== undefined) ${key === '__proto__' ? `Object.defineProperty(out, ${name}, ${descriptor})` : `out[${name}] = v${i}`};`;
}
