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

/** How one output property is made. */
export type Column =
  /** From the property of the row, mapped on by `next` if there is one; `question` turns null into missing. */
  | { readonly kind: 'property'; readonly key: string; readonly name: string; readonly question: boolean; readonly next: Next | undefined }
  /** From anything else; `$` and `@` are at the row. */
  | { readonly kind: 'computed'; readonly key: string; readonly run: (scope: Scope) => unknown };

type Next = (value: unknown, scope: Scope) => unknown;

/** Generated functions for one selection. */
export interface Rows {
  /** False if somebody has put one of the names on `Object.prototype`: then reading needs own-property checks. */
  clean(): boolean;
  /** The object for one row, which must be an object. */
  one(row: unknown, scope: Scope): JsonObject;
  /** The objects for many rows; `other` maps those that are no objects. */
  many(rows: readonly unknown[], scope: Scope, other: Next): unknown[];
}

/** How many columns are worth generating for: beyond it, engines make dictionaries of objects anyway. */
const MAX_COLUMNS = 100;

/**
 * Generates the functions for a list of columns with distinct keys; undefined where code generation is not allowed
 * or would gain nothing. `rebind` tells whether `$` and `@` move to the row.
 */
export function generateRows(columns: readonly Column[], rebind: boolean): Rows | undefined {
  if (columns.length === 0 || columns.length > MAX_COLUMNS) return undefined;
  const parts = columns.map((column) => (column.kind === 'property' ? column.next : column.run));
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, no-new-func -- see above
    const make = new Function('parts', rowsCode(columns, rebind)) as (parts: readonly unknown[]) => Rows;
    return make(parts);
  } catch {
    return undefined; // --disallow-code-generation-from-strings
  }
}

function rowsCode(columns: readonly Column[], rebind: boolean): string {
  const moves = rebind && columns.some((column) => column.kind === 'computed');
  return `"use strict";
${columns.map((_, i) => `const f${i} = parts[${i}];`).join('\n')}
function one(row, scope) {
  ${moves ? 'const body = scope.body, current = scope.current; scope.body = row; scope.current = row;' : ''}
  ${columns.map(readCode).join('\n  ')}
  ${moves ? 'scope.body = body; scope.current = current;' : ''}
  if (${columns.map((_, i) => `v${i} !== undefined`).join(' && ')}) return { ${columns.map(memberCode).join(', ')} };
  const out = {};
  ${columns.map(writeCode).join('\n  ')}
  return out;
}
function many(rows, scope, other) {
  const out = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    out.push(typeof row === 'object' && row !== null && !Array.isArray(row) ? one(row, scope) : other(row, scope));
  }
  return out;
}
const prototype = Object.prototype;
function clean() { return ${cleanCode(columns)}; }
return { clean, one, many };`;
}

function readCode(column: Column, i: number): string {
  if (column.kind === 'computed') return `const v${i} = f${i}(scope);`;
  const name = JSON.stringify(column.name);
  const read = column.name in Object.prototype ? `Object.hasOwn(row, ${name}) ? row[${name}] : undefined` : `row[${name}]`;
  const question = column.question ? ` if (v${i} === null) v${i} = undefined;` : '';
  const next = column.next === undefined ? '' : ` if (v${i} !== undefined) v${i} = f${i}(v${i}, scope);`;
  return `let v${i} = ${read};${question}${next}`;
}

/** In brackets, `__proto__` is a name like any other. */
function memberCode(column: Column, i: number): string {
  return column.key === '__proto__' ? `["__proto__"]: v${i}` : `${JSON.stringify(column.key)}: v${i}`;
}

function writeCode(column: Column, i: number): string {
  const key = JSON.stringify(column.key);
  const write =
    column.key === '__proto__'
      ? `Object.defineProperty(out, ${key}, { value: v${i}, writable: true, enumerable: true, configurable: true })`
      : `out[${key}] = v${i}`;
  return `if (v${i} !== undefined) ${write};`;
}

function cleanCode(columns: readonly Column[]): string {
  const names = columns.flatMap((column) => (column.kind === 'property' ? [column.name] : []));
  const risky = names.filter((name) => !(name in Object.prototype));
  return risky.map((name) => `!(${JSON.stringify(name)} in prototype)`).join(' && ') || 'true';
}
