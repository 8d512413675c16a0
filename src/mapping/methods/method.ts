import type { Range } from '../syntax.js';
import type { Run, Scope } from '../scope.js';

/** What a step of a path does to a value that is not missing. */
export type StepRun = (value: unknown, scope: Scope) => unknown;

/** A compiled argument. */
export interface Argument {
  readonly run: Run;
  readonly range: Range;
  /** The elements of a list literal. */
  readonly items: readonly Argument[] | undefined;
}

/** One use of a method in a text. */
export interface Site {
  /** Of the method's name. */
  readonly range: Range;
  readonly args: readonly Argument[];
}

/** A method: how it may be called, and what it does. */
export interface Method {
  /** Whether `( )` stands behind the name. Without, there are no arguments. */
  readonly parentheses: 'never' | 'optional' | 'required';
  readonly minArgs: number;
  readonly maxArgs: number;
  /** Binds the arguments, once per use. */
  readonly compile: (site: Site) => StepRun;
}

/** A method without arguments, whose parentheses are an error. */
export function bare(compile: Method['compile']): Method {
  return { parentheses: 'never', minArgs: 0, maxArgs: 0, compile };
}

/** A method with a fixed or bounded number of arguments. */
export function withArgs(minArgs: number, maxArgs: number, compile: Method['compile']): Method {
  return { parentheses: 'required', minArgs, maxArgs, compile };
}

/** A method whose parentheses may be left out. */
export function withOptionalArgs(maxArgs: number, compile: Method['compile']): Method {
  return { parentheses: 'optional', minArgs: 0, maxArgs, compile };
}
