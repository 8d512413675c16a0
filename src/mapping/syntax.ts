import type { SpecVersion } from './version.js';

/**
 * The syntax tree of the mapping language. One tree for all versions: what two versions write differently but mean
 * alike is the same tree. Every node knows where it stands in the text.
 */

/** Character offsets in the text that was parsed; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A whole mapping: a list of selections that builds an object, or one expression that is the result. */
export interface Selection {
  readonly version: SpecVersion;
  readonly root: SelectionList | Expression;
  readonly range: Range;
}

/** `id name: fullName ...rest`: at the top of a mapping, or in the braces at the end of a path, where `$` is rebound. */
export interface SelectionList {
  readonly kind: 'list';
  readonly entries: readonly Entry[];
  /**
   * What pruning took away although it could still give a value where the input is no object. It is asked only
   * whether there is one: without any, such an input would stand for itself. Never written by the parser.
   */
  readonly unseen?: readonly Expression[];
  readonly range: Range;
}

/** One member of a selection list or of an object literal. */
export type Entry = FieldEntry | AliasEntry | SpreadEntry | InlineEntry | ValueEntry;

/** `name`, `name?`, `name { ... }`: the property under its own name. `value` is the path of that single key. */
export interface FieldEntry {
  readonly kind: 'field';
  readonly key: Key;
  readonly value: Path;
  readonly range: Range;
}

/** `alias: value` */
export interface AliasEntry {
  readonly kind: 'alias';
  readonly key: Key;
  readonly value: Expression;
  readonly range: Range;
}

/** `...value`: the properties of an object are merged into the surrounding one; null makes the surrounding one null. */
export interface SpreadEntry {
  readonly kind: 'spread';
  readonly value: Expression;
  readonly range: Range;
}

/** `path { ... }` without alias: merged as by a spread. */
export interface InlineEntry {
  readonly kind: 'inline';
  readonly value: Path;
  readonly range: Range;
}

/** A path without alias and braces: the value itself is the result. Always the only entry of its list. */
export interface ValueEntry {
  readonly kind: 'value';
  readonly value: Path;
  readonly range: Range;
}

/** A value: what may stand in arguments and `$( )`, and from v0.4 also behind an alias and at the top. */
export type Expression =
  | StringLiteral
  | NumberLiteral
  | BooleanLiteral
  | NullLiteral
  | ArrayLiteral
  | ObjectLiteral
  | Operators
  | Path;

/** `"text"` */
export interface StringLiteral {
  readonly kind: 'string';
  readonly value: string;
  readonly range: Range;
}

/** `1`, `-2.5`; a bigint where a double would lose digits. */
export interface NumberLiteral {
  readonly kind: 'number';
  readonly value: number | bigint;
  readonly range: Range;
}

/** `true`, `false` */
export interface BooleanLiteral {
  readonly kind: 'boolean';
  readonly value: boolean;
  readonly range: Range;
}

/** `null` */
export interface NullLiteral {
  readonly kind: 'null';
  readonly range: Range;
}

/** `[a, b]` */
export interface ArrayLiteral {
  readonly kind: 'array';
  readonly items: readonly Expression[];
  readonly range: Range;
}

/** `{a: 1, b}`: an object written in place. Unlike the braces at the end of a path it never rebinds `$`. */
export interface ObjectLiteral {
  readonly kind: 'object';
  readonly entries: readonly Entry[];
  readonly range: Range;
}

/** `a ?? b ?? c` or `a ?! b`: two operands at least, one operator in a chain. */
export interface Operators {
  readonly kind: 'operators';
  readonly operator: '??' | '?!';
  readonly operands: readonly Expression[];
  readonly range: Range;
}

/** `root.key->method(args)? { ... }` */
export interface Path {
  readonly kind: 'path';
  readonly root: Root;
  readonly steps: readonly Step[];
  readonly selection: SelectionList | undefined;
  readonly range: Range;
}

/** Where a path starts. */
export type Root =
  /** A property of `$`. */
  | { readonly kind: 'key'; readonly key: Key; readonly range: Range }
  /** `$`. Its range is empty in `alias: { ... }` up to v0.3, which is the same as `alias: $ { ... }`. */
  | { readonly kind: 'body'; readonly range: Range }
  /** `@` */
  | { readonly kind: 'current'; readonly range: Range }
  /** `$name`; the name includes the dollar sign. */
  | { readonly kind: 'variable'; readonly name: string; readonly range: Range }
  /** `$(expression)`, and a literal that goes on as a path: `"abc"->size`. */
  | { readonly kind: 'expression'; readonly expression: Expression; readonly range: Range };

/** One step of a path. */
export type Step = KeyStep | MethodStep | QuestionStep;

/** `.key` */
export interface KeyStep {
  readonly kind: 'key';
  readonly key: Key;
  /** Of the key, without the dot. */
  readonly range: Range;
}

/** `->name(args)`; `args` is undefined without parentheses. */
export interface MethodStep {
  readonly kind: 'method';
  readonly name: string;
  readonly nameRange: Range;
  readonly args: readonly Expression[] | undefined;
  readonly range: Range;
}

/** `?`: null becomes missing. */
export interface QuestionStep {
  readonly kind: 'question';
  readonly range: Range;
}

/** A property name, bare or quoted. */
export interface Key {
  readonly name: string;
  readonly range: Range;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether a name can be written without quotes. */
export function isIdentifier(name: string): boolean {
  return identifier.test(name);
}

/** Whether a path is a single key of `$`, perhaps with `?` and a sub-selection: `a`, `a? { b }`. */
export function isSingleKey(
  path: Path,
): path is Path & { readonly root: { readonly kind: 'key'; readonly key: Key } } {
  return path.root.kind === 'key' && path.steps.every((step) => step.kind === 'question');
}

/**
 * The name that `->as($name)` declares for the rest of its chain, if this step is such a declaration in good form.
 */
export function declaredName(step: Step): string | undefined {
  if (step.kind !== 'method' || step.name !== 'as') return undefined;
  const first = step.args?.[0];
  if (first?.kind !== 'path' || first.root.kind !== 'variable') return undefined;
  if (first.steps.length > 0 || first.selection !== undefined) return undefined;
  return first.root.name;
}
