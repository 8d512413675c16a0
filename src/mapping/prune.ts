import type { FieldTree } from './shape.js';
import { declaredName, isSingleKey } from './syntax.js';
import type {
  Entry,
  Expression,
  MethodStep,
  ObjectLiteral,
  Path,
  Root,
  Selection,
  SelectionList,
  Step,
} from './syntax.js';

/**
 * Cutting a selection down to the part that makes the wanted fields. Only entries with a name are ever dropped: what is
 * merged or passed on is cut inside, so that a result stays null, missing or an object as it was.
 */

type Wanted = FieldTree | null;

/**
 * The part of a selection that produces the wanted output fields, and every `__typename`. Where it cannot be seen what
 * a value is made of, it is kept whole. Evaluated and reduced to the wanted fields it gives what the whole one gives.
 */
export function pruneSelection(selection: Selection, wanted: FieldTree): Selection {
  const { root } = selection;
  return {
    ...selection,
    root: root.kind === 'list' ? pruneList(root, wanted) : pruneExpression(root, wanted),
  };
}

function pruneList(list: SelectionList, wanted: Wanted): SelectionList {
  if (wanted === null || list.entries.length === 0) return list;
  const entries = pruneEntries(list.entries, wanted);
  const unseen = [...(list.unseen ?? []), ...droppedFrom(list.entries, wanted)];
  const pruned: SelectionList = { kind: 'list', entries, range: list.range };
  // with nothing left in it, even an empty `unseen` tells it from an empty text, which is always `{}`
  return unseen.length === 0 && entries.length > 0 ? pruned : { ...pruned, unseen };
}

function pruneEntries(entries: readonly Entry[], wanted: FieldTree): Entry[] {
  return entries.flatMap((entry): Entry[] => {
    switch (entry.kind) {
      case 'field':
        return isWanted(entry.key.name, wanted)
          ? [{ ...entry, value: prunePath(entry.value, below(entry.key.name, wanted)) }]
          : [];
      case 'alias':
        return isWanted(entry.key.name, wanted)
          ? [{ ...entry, value: pruneExpression(entry.value, below(entry.key.name, wanted)) }]
          : [];
      case 'spread':
        return [{ ...entry, value: pruneExpression(entry.value, wanted) }];
      case 'inline':
      case 'value':
        return [{ ...entry, value: prunePath(entry.value, wanted) }];
    }
  });
}

function isWanted(name: string, wanted: FieldTree): boolean {
  return name === '__typename' || wanted.has(name);
}

function below(name: string, wanted: FieldTree): Wanted {
  return wanted.get(name) ?? null;
}

/**
 * Dropped values that may be there although the input is no object. They decide whether such an input stands for
 * itself, so the pruned list has to remember them.
 */
function droppedFrom(entries: readonly Entry[], wanted: FieldTree): Expression[] {
  return entries
    .filter(
      (entry) => (entry.kind === 'field' || entry.kind === 'alias') && !isWanted(entry.key.name, wanted),
    )
    .map(({ value }) => value)
    .filter((value) => !needsObject(value));
}

/** Whether a value begins with a property of `$`: of anything but an object there is none. */
function needsObject(value: Expression): boolean {
  if (value.kind === 'operators') return value.operands.every(needsObject);
  if (value.kind !== 'path') return false;
  const { root, steps } = value;
  return (
    root.kind === 'key' || ((root.kind === 'body' || root.kind === 'current') && steps[0]?.kind === 'key')
  );
}

function pruneExpression(node: Expression, wanted: Wanted): Expression {
  if (wanted === null) return node;
  switch (node.kind) {
    case 'array':
      return { ...node, items: node.items.map((item) => pruneExpression(item, wanted)) };
    case 'object':
      return pruneObject(node, wanted);
    case 'operators':
      return { ...node, operands: node.operands.map((operand) => pruneExpression(operand, wanted)) };
    case 'path':
      return prunePath(node, wanted);
    default:
      return node;
  }
}

function pruneObject(node: ObjectLiteral, wanted: FieldTree): ObjectLiteral {
  return { ...node, entries: pruneEntries(node.entries, wanted) };
}

/** The last place of a path that makes objects is cut: its braces, or else an argument, or else the root. */
function prunePath<P extends Path>(path: P, wanted: Wanted): P {
  if (wanted === null) return path;
  if (path.selection !== undefined) return { ...path, selection: pruneList(path.selection, wanted) };
  if (isSingleKey(path)) return path;
  const making = path.steps.findLastIndex((step) => !passesOn(step));
  const step = path.steps[making];
  if (step === undefined) return { ...path, root: pruneRoot(path.root, wanted) };
  return { ...path, steps: path.steps.with(making, pruneStep(step, wanted)) };
}

/** Steps that hand objects on without looking into them. */
function passesOn(step: Step): boolean {
  if (step.kind === 'question') return true;
  return step.kind === 'method' && (step.name === 'first' || step.name === 'last') && step.args === undefined;
}

function pruneRoot(root: Root, wanted: FieldTree): Root {
  return root.kind === 'expression'
    ? { ...root, expression: pruneExpression(root.expression, wanted) }
    : root;
}

function pruneStep(step: Step, wanted: FieldTree): Step {
  if (step.kind !== 'method' || step.args === undefined || declaredName(step) !== undefined) return step;
  if (step.name === 'echo' || step.name === 'map')
    return { ...step, args: step.args.map((arg) => pruneExpression(arg, wanted)) };
  return step.name === 'match' ? pruneMatch(step, step.args, wanted) : step;
}

function pruneMatch(step: MethodStep, branches: readonly Expression[], wanted: FieldTree): MethodStep {
  const args = branches.map((branch): Expression => {
    const [candidate, result, ...more] = branch.kind === 'array' ? branch.items : [];
    if (branch.kind !== 'array' || candidate === undefined || result === undefined || more.length > 0)
      return branch;
    return { ...branch, items: [candidate, pruneExpression(result, wanted)] };
  });
  return { ...step, args };
}
