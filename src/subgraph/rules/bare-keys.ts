import type { Entry, Expression, Path, Selection, SelectionList } from '../../mapping/syntax.js';

/** Whether a value is read from the answer by names alone, and no fields of it are selected: `$.user.address`. */
export function isBarePath(node: Expression | SelectionList): node is Path {
  if (node.kind !== 'path' || node.selection !== undefined) return false;
  const ofAnswer = node.root.kind !== 'variable' && node.root.kind !== 'expression';
  return ofAnswer && node.steps.every(({ kind }) => kind !== 'method');
}

/** Where the keys of those entries stand whose values are read by names alone. */
export function bareKeys(selection: Selection): ReadonlySet<number> {
  const starts = new Set<number>();
  visit(selection.root, starts);
  return starts;
}

function visit(node: Expression | SelectionList, starts: Set<number>): void {
  switch (node.kind) {
    case 'list':
    case 'object':
      for (const entry of node.entries) visitEntry(entry, starts);
      break;
    case 'array':
      for (const item of node.items) visit(item, starts);
      break;
    case 'operators':
      for (const operand of node.operands) visit(operand, starts);
      break;
    case 'path':
      visitPath(node, starts);
      break;
    default:
  }
}

function visitEntry(entry: Entry, starts: Set<number>): void {
  const named = entry.kind === 'field' || entry.kind === 'alias';
  if (named && isBarePath(entry.value)) starts.add(entry.key.range.start);
  visit(entry.value, starts);
}

function visitPath({ root, steps, selection }: Path, starts: Set<number>): void {
  if (root.kind === 'expression') visit(root.expression, starts);
  for (const step of steps) {
    if (step.kind === 'method') for (const arg of step.args ?? []) visit(arg, starts);
  }
  if (selection !== undefined) visit(selection, starts);
}
