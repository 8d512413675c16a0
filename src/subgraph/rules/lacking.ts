import type { Entry, Expression, Path, Selection, SelectionList } from '../../mapping/syntax.js';

/** `$env.TOKEN`: the first name behind a variable. */
export interface Read {
  readonly variable: string;
  readonly name: string;
  /** Of the variable in the text. */
  readonly start: number;
}

/**
 * The reads that lack a value and need one: not those with another operand to fall back on (`$env.A ?? 'b'`), nor
 * those that say with `?` that nothing is fine.
 */
export function lackingReads(root: Selection['root'], lacks: (read: Read) => boolean): Read[] {
  const ofNode = (node: Expression | SelectionList): Read[] => {
    switch (node.kind) {
      case 'operators':
        return ofOperands(node.operands.map(ofNode));
      case 'array':
        return node.items.flatMap(ofNode);
      case 'object':
      case 'list':
        return node.entries.flatMap((entry: Entry) => ofNode(entry.value));
      case 'path':
        return ofPath(node);
      default:
        return [];
    }
  };
  const ofPath = (path: Path): Read[] => {
    const read = readOf(path);
    return [
      ...(read !== undefined && lacks(read) ? [read] : []),
      ...(path.root.kind === 'expression' ? ofNode(path.root.expression) : []),
      ...path.steps.flatMap((step) => (step.kind === 'method' ? (step.args ?? []).flatMap(ofNode) : [])),
      ...(path.selection === undefined ? [] : ofNode(path.selection)),
    ];
  };
  return ofNode(root);
}

/** One operand that has all it needs is enough. */
function ofOperands(operands: readonly Read[][]): Read[] {
  return operands.some((reads) => reads.length === 0) ? [] : (operands.at(-1) ?? []);
}

function readOf({ root, steps }: Path): Read | undefined {
  const [key, next] = steps;
  if (root.kind !== 'variable' || key?.kind !== 'key' || next?.kind === 'question') return undefined;
  return { variable: root.name, name: key.key.name, start: root.range.start };
}
