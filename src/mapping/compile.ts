import { didYouMean } from '../base/suggest.js';
import { METHODS, misuse } from './methods/index.js';
import type { Argument, StepRun } from './methods/method.js';
import {
  VARIABLE_NAMES,
  advance,
  createScope,
  eachOf,
  reject,
  report,
  uniqueProblems,
  withCurrent,
} from './scope.js';
import type { MappingProblem, Run, Scope, Variables } from './scope.js';
import { build, select } from './select.js';
import type { CompiledEntry } from './select.js';
import type { KeyOrQuestion, Source } from './rows.js';
import { declaredName } from './syntax.js';
import type {
  Entry,
  Expression,
  MethodStep,
  Operators,
  Path,
  Range,
  Root,
  Selection,
  SelectionList,
  Step,
} from './syntax.js';
import { own } from './values.js';

export { VARIABLE_NAMES } from './scope.js';
export type { MappingProblem, Variables } from './scope.js';

/** A compiled mapping. It has no state: one serves all requests. */
export interface Mapping {
  readonly selection: Selection;
  /**
   * Maps a body. Missing is undefined. Never throws and never changes what it is given; the result may share parts
   * with it. Problems are collected only if an array for them is given, at a price.
   *
   * @param body plain JSON data, as `parseJson` gives it; undefined where there is no `$`
   */
  evaluate(body: unknown, variables: Variables, problems?: MappingProblem[]): unknown;
}

/**
 * Turns a mapping's syntax tree into functions, once.
 *
 * @example compileSelection(parseSelection('id name: full_name', '0.4')).evaluate({ id: 1, full_name: 'A' }, {})
 */
export function compileSelection(selection: Selection): Mapping {
  const run = compileRoot(selection.root);
  return {
    selection,
    evaluate(body, variables, problems) {
      const found: MappingProblem[] | undefined = problems === undefined ? undefined : [];
      const result = runSafely(run, createScope(body, variables, found), selection.range);
      if (found !== undefined && problems !== undefined) {
        for (const problem of uniqueProblems(found)) problems.push(problem);
      }
      return result;
    },
  };
}

/** Recursion is bounded, but a caller may already stand deep in the stack. */
function runSafely(run: Run, scope: Scope, range: Range): unknown {
  try {
    return run(scope);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    scope.trail = undefined;
    return report(scope, range, 'the mapping was given up: not enough stack is left');
  }
}

function compileRoot(root: Selection['root']): Run {
  const names = new Names();
  if (root.kind !== 'list') return compileExpression(root, names);
  if (root.entries.length === 0 && root.unseen === undefined) return () => ({});
  const apply = compileList(root, names);
  return (scope) => apply(scope.body, scope);
}

/** The names bound by `->as` that an expression sees, and their slots. */
class Names {
  private readonly slots: ReadonlyMap<string, number>;
  private readonly counter: { next: number };

  constructor(slots: ReadonlyMap<string, number> = new Map<string, number>(), counter = { next: 0 }) {
    this.slots = slots;
    this.counter = counter;
  }

  slotOf(name: string): number | undefined {
    return this.slots.get(name);
  }

  /** The names for what follows a declaration. */
  with(name: string): { readonly slot: number; readonly names: Names } {
    const slot = this.counter.next++;
    return { slot, names: new Names(new Map(this.slots).set(name, slot), this.counter) };
  }
}

/** A compiled expression, and what generated code may do instead of calling it. */
interface Compiled {
  readonly run: Run;
  readonly source: Source;
}

/** Literals touch neither `$` nor `@`. */
function compile(node: Expression, names: Names): Compiled {
  switch (node.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return compileConstant(node.value);
    case 'null':
      return compileConstant(null);
    case 'array':
      return computed(compileArray(node.items.map((item) => compileExpression(item, names))));
    case 'object':
      return computed(build(node.entries.map((entry) => compileEntry(entry, names))));
    case 'operators':
      return compileOperators(node, names);
    case 'path':
      return compilePath(node, names);
  }
}

function compileExpression(node: Expression, names: Names): Run {
  return compile(node, names).run;
}

function computed(run: Run): Compiled {
  return { run, source: { kind: 'computed', run } };
}

function compileConstant(value: string | number | bigint | boolean | null): Compiled {
  const run = (): unknown => value;
  return typeof value === 'bigint' ? computed(run) : { run, source: { kind: 'constant', value } };
}

function compileArray(items: readonly Run[]): Run {
  return (scope) => items.map((item) => item(scope) ?? null);
}

function compileOperators(node: Operators, names: Names): Compiled {
  const operands = node.operands.map((operand) => compile(operand, names));
  const nullPasses = node.operator === '?!';
  const run = firstOf(
    operands.map((operand) => operand.run),
    nullPasses,
  );
  return { run, source: { kind: 'firstOf', sources: operands.map(({ source }) => source), nullPasses } };
}

/** The problems of operands that are passed over are forgotten once another one answers. */
function firstOf(operands: readonly Run[], nullPasses: boolean): Run {
  return (scope) => {
    const { problems } = scope;
    const start = problems?.length ?? 0;
    let value: unknown;
    for (const operand of operands) {
      const mark = problems?.length ?? 0;
      value = operand(scope);
      if (value !== undefined && (value !== null || nullPasses)) {
        problems?.splice(start, mark - start);
        return value;
      }
    }
    if (value === null) problems?.splice(start);
    return value;
  };
}

// Selections

function compileList(node: SelectionList, names: Names): StepRun {
  const entries = node.entries.map((entry) => compileEntry(entry, names));
  const unseen = (node.unseen ?? []).map((expression) => compileExpression(expression, names));
  return select(entries, unseen, node.range);
}

function compileEntry(entry: Entry, names: Names): CompiledEntry {
  const { kind, range, value } = entry;
  const key = kind === 'field' || kind === 'alias' ? entry.key.name : '';
  return { kind, key, range, ...compile(value, names) };
}

// Paths

/** Compiles a path: its root, then step by step until a value is missing. */
function compilePath(node: Path, names: Names): Compiled {
  const root = compilePathRoot(node.root, node.steps[0], names);
  const steps = compileSteps(node, names);
  const run: Run = (scope) => {
    const outer = scope.trail;
    let value = root(scope);
    for (let i = 0; i < steps.length && value !== undefined; i++) value = (steps[i] as StepRun)(value, scope);
    scope.trail = outer;
    return value;
  };
  const source = keysOf(node, steps) ?? { kind: 'computed', run };
  const brief =
    node.steps.length <= 1 && node.selection === undefined ? compileBrief(node, names) : undefined;
  return brief === undefined
    ? { run, source }
    : { run: (scope) => (scope.problems === undefined ? brief(scope) : run(scope)), source };
}

function compileSteps(node: Path, names: Names): StepRun[] {
  let visible = names;
  const runs = node.steps.map((step, i) => {
    const name = declaredName(step);
    if (step.kind !== 'method' || name === undefined || misuse(step) !== undefined)
      return compileStep(step, node.steps[i + 1], visible);
    const declared = visible.with(name);
    const run = compileDeclaration(step, declared.slot, visible);
    visible = declared.names;
    return run;
  });
  if (node.selection !== undefined) runs.push(compileList(node.selection, visible));
  return runs;
}

/** `a`, `$.a.b? { c }`, `@.a`: for generated code. The compiled steps are shared, so that nothing is compiled twice. */
function keysOf({ root, steps, selection }: Path, runs: readonly StepRun[]): Source | undefined {
  const from = root.kind === 'current' ? 'current' : 'body';
  const keys: KeyOrQuestion[] = [];
  if (root.kind === 'key')
    keys.push({ kind: 'key', name: root.key.name, read: readKey(root.key.name, root.range, false) });
  else if (root.kind === 'variable' || root.kind === 'expression') return undefined;
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'method') return undefined;
    keys.push(
      step.kind === 'question'
        ? { kind: 'question' }
        : { kind: 'key', name: step.key.name, read: runs[i] as StepRun },
    );
  }
  return keys[0]?.kind === 'key'
    ? { kind: 'keys', from, steps: keys, next: selection && runs.at(-1) }
    : undefined;
}

/** `a`, `$.a`, `@.a`, `$args.a` without loop and trail, for as long as nobody wants the problems. */
function compileBrief({ root, steps, range }: Path, names: Names): Run | undefined {
  const [step] = steps;
  const key =
    root.kind === 'key' && step === undefined
      ? root.key
      : root.kind !== 'key' && step?.kind === 'key'
        ? step.key
        : undefined;
  if (key === undefined || root.kind === 'expression') return undefined;
  if (root.kind === 'variable' && names.slotOf(root.name) !== undefined) return undefined;
  const read = readKey(key.name, range, false);
  const base = briefBase(root);
  return (scope) => read(base(scope), scope);
}

function briefBase(root: Root): Run {
  if (root.kind === 'current') return (scope) => scope.current;
  if (root.kind !== 'variable') return (scope) => scope.body;
  const { name } = root;
  return (scope) => own(scope.variables, name);
}

function compilePathRoot(root: Root, next: Step | undefined, names: Names): Run {
  switch (root.kind) {
    case 'body':
      return (scope) => atBody(scope, root.range);
    case 'current':
      return atCurrent;
    case 'variable':
      return compileVariable(root.name, root.range, names);
    case 'expression': {
      const run = compileExpression(root.expression, names);
      return (scope) => {
        scope.trail = undefined;
        return run(scope);
      };
    }
    case 'key': {
      const read = readKey(root.key.name, root.range, next?.kind === 'question');
      return (scope) => {
        const body = atBody(scope, root.range);
        return body === undefined ? undefined : read(body, scope);
      };
    }
  }
}

function atBody(scope: Scope, range: Range): unknown {
  scope.trail = scope.bodyTrail;
  return scope.body === undefined ? report(scope, range, 'there is no body here') : scope.body;
}

function atCurrent(scope: Scope): unknown {
  scope.trail = scope.currentTrail;
  return scope.current;
}

function compileVariable(name: string, range: Range, names: Names): Run {
  const slot = names.slotOf(name);
  if (slot !== undefined) {
    return (scope) => {
      scope.trail = scope.slotTrails[slot];
      return scope.slots[slot];
    };
  }
  const external = (VARIABLE_NAMES as readonly string[]).includes(name);
  const unknown = `there is no ${name} here.${external ? '' : didYouMean(name, VARIABLE_NAMES)}`;
  return (scope) => {
    if (scope.problems !== undefined) scope.trail = { parent: undefined, key: name };
    const value = own(scope.variables, name);
    return value === undefined ? report(scope, range, unknown) : value;
  };
}

// Steps

function compileStep(step: Step, next: Step | undefined, names: Names): StepRun {
  switch (step.kind) {
    case 'key':
      return readKey(step.key.name, step.range, next?.kind === 'question');
    case 'question':
      return (value) => (value === null ? undefined : value);
    case 'method':
      return compileMethod(step, names);
  }
}

/** Reads a property, of each element if the value is a list. `excused`: its absence is no problem. */
function readKey(name: string, range: Range, excused: boolean): StepRun {
  const cannot = `${JSON.stringify(name)} can only be read from an object`;
  const absent = `${JSON.stringify(name)} was not found`;
  const read: StepRun = (value, scope) => {
    if (Array.isArray(value)) return readFromAll(value, read, scope, name, range);
    if (scope.problems !== undefined) advance(scope, name);
    if (typeof value !== 'object' || value === null) return reject(scope, range, cannot, value);
    const found = own(value, name);
    return found === undefined && !excused ? report(scope, range, absent) : found;
  };
  return read;
}

function readFromAll(
  list: readonly unknown[],
  read: StepRun,
  scope: Scope,
  name: string,
  range: Range,
): unknown {
  const outer = scope.trail;
  const results = eachOf(list, scope, range, read);
  scope.trail = outer;
  if (scope.problems !== undefined) advance(scope, name);
  return results;
}

function compileMethod(step: MethodStep, names: Names): StepRun {
  const { name, nameRange } = step;
  const method = METHODS.get(name);
  const wrong = misuse(step);
  const trace = `->${name}`;
  if (method === undefined || wrong !== undefined) {
    return (_, scope) => {
      advance(scope, trace);
      return report(scope, nameRange, wrong ?? '');
    };
  }
  const run = method.compile({
    range: nameRange,
    args: (step.args ?? []).map((arg) => compileArgument(arg, names)),
  });
  return (value, scope) => {
    if (scope.problems !== undefined) advance(scope, trace);
    return run(value, scope);
  };
}

function compileArgument(node: Expression, names: Names): Argument {
  return {
    run: compileExpression(node, names),
    range: node.range,
    items: node.kind === 'array' ? node.items.map((item) => compileArgument(item, names)) : undefined,
  };
}

/** `->as($name)` and `->as($name, e)`: the input goes on, the slot keeps the value. */
function compileDeclaration(step: MethodStep, slot: number, names: Names): StepRun {
  const value = step.args?.[1];
  const run = value === undefined ? undefined : compileExpression(value, names);
  return (input, scope) => {
    const outer = scope.trail;
    advance(scope, '->as');
    scope.slots[slot] = run === undefined ? input : withCurrent(scope, run, input);
    scope.slotTrails[slot] = scope.trail;
    scope.trail = outer;
    return input;
  };
}
