import { Kind, type ASTNode, type DefinitionNode, type DocumentNode } from 'graphql';

/**
 * How large a document is. Fragments count where they are spread, as often as they are; what is said of operations is
 * the most that one of them, or a fragment on its own, has: only one is executed. No number is larger than
 * `Number.MAX_SAFE_INTEGER`, which then means "at least".
 */
export interface DocumentSizes {
  /** As the parser counted them. */
  readonly tokens: number;
  /** Operations and fragments of the document. */
  readonly definitions: number;
  /** Fields within fields. */
  readonly depth: number;
  /** Anything within anything: selections and fragments, lists and objects of values, lists of types. */
  readonly nesting: number;
  readonly aliases: number;
  readonly directives: number;
  /** Fields of an operation's root. */
  readonly rootFields: number;
  /** Fields at all depths. */
  readonly fields: number;
  /** Nodes that were looked at to find all this: each of the document once. */
  readonly visited: number;
}

/**
 * Measures a document before anybody has checked it: fragments may be circular, missing, or there twice. Takes time in
 * proportion to its text, whatever its fragments expand to: each definition is walked once, on a stack of our own,
 * and what a fragment comes to is then put together from those that it spreads.
 */
export function sizesOf(document: DocumentNode): DocumentSizes {
  const walks = document.definitions.map(walk);
  const totals = totalsOf(walks);
  const most = (size: (total: Total) => number): number => {
    let result = 0;
    for (const total of totals) result = Math.max(result, size(total));
    return result;
  };
  return {
    tokens: (document as Parsed).tokenCount ?? 0,
    definitions: walks.length,
    depth: most(({ depth }) => depth),
    nesting: most(({ nesting }) => nesting),
    aliases: most(({ aliases }) => aliases),
    directives: most(({ directives }) => directives),
    rootFields: most(({ definition, rootFields }) =>
      definition.kind === Kind.OPERATION_DEFINITION ? rootFields : 0,
    ),
    fields: most(({ fields }) => fields),
    visited: walks.reduce((sum, { visited }) => sum + visited, 0),
  };
}

/** The parser writes down, unseen by the types, how many tokens it has read. */
type Parsed = DocumentNode & { readonly tokenCount?: number };

/** What can be counted. */
interface Total {
  readonly definition: DefinitionNode;
  depth: number;
  nesting: number;
  aliases: number;
  directives: number;
  rootFields: number;
  fields: number;
}

/** One definition by itself, and where it spreads which fragments. */
interface Walk extends Total {
  readonly spreads: Spread[];
  visited: number;
}

interface Spread {
  readonly fragment: string;
  readonly depth: number;
  readonly nesting: number;
  readonly isRoot: boolean;
}

/** A node that is still to be looked at, and how deep it stands. */
interface Pending {
  readonly node: ASTNode;
  readonly depth: number;
  readonly nesting: number;
  readonly isRoot: boolean;
}

function walk(definition: DefinitionNode): Walk {
  const total: Total = {
    definition,
    depth: 0,
    nesting: 0,
    aliases: 0,
    directives: 0,
    rootFields: 0,
    fields: 0,
  };
  const result: Walk = { ...total, spreads: [], visited: 0 };
  const pending: Pending[] = [{ node: definition, depth: 0, nesting: 0, isRoot: true }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    result.visited++;
    result.depth = Math.max(result.depth, next.depth);
    result.nesting = Math.max(result.nesting, next.nesting);
    look(next, result, pending);
  }
  return result;
}

/** Counts a node, and puts what is in it on the stack. */
function look({ node, depth, nesting, isRoot }: Pending, result: Walk, pending: Pending[]): void {
  switch (node.kind) {
    case Kind.OPERATION_DEFINITION:
      push(pending, node.variableDefinitions, depth, nesting, isRoot);
      push(pending, node.directives, depth, nesting, isRoot);
      push(pending, node.selectionSet.selections, depth, nesting, isRoot);
      return;
    case Kind.FRAGMENT_DEFINITION:
      push(pending, node.directives, depth, nesting, isRoot);
      push(pending, node.selectionSet.selections, depth, nesting, isRoot);
      return;
    case Kind.FIELD:
      result.fields++;
      if (isRoot) result.rootFields++;
      if (node.alias !== undefined) result.aliases++;
      result.depth = Math.max(result.depth, depth + 1);
      result.nesting = Math.max(result.nesting, nesting + 1);
      push(pending, node.arguments, depth, nesting + 1, isRoot);
      push(pending, node.directives, depth, nesting, isRoot);
      push(pending, node.selectionSet?.selections, depth + 1, nesting + 1, false);
      return;
    case Kind.INLINE_FRAGMENT:
      push(pending, node.directives, depth, nesting, isRoot);
      push(pending, node.selectionSet.selections, depth, nesting + 1, isRoot);
      return;
    case Kind.FRAGMENT_SPREAD:
      result.spreads.push({ fragment: node.name.value, depth, nesting: nesting + 1, isRoot });
      push(pending, node.directives, depth, nesting, isRoot);
      return;
    case Kind.DIRECTIVE:
      result.directives++;
      push(pending, node.arguments, depth, nesting, isRoot);
      return;
    case Kind.VARIABLE_DEFINITION:
      pending.push({ node: node.type, depth, nesting, isRoot });
      if (node.defaultValue !== undefined) pending.push({ node: node.defaultValue, depth, nesting, isRoot });
      push(pending, node.directives, depth, nesting, isRoot);
      return;
    case Kind.ARGUMENT:
    case Kind.OBJECT_FIELD:
      pending.push({ node: node.value, depth, nesting, isRoot });
      return;
    case Kind.LIST:
      push(pending, node.values, depth, nesting + 1, isRoot);
      return;
    case Kind.OBJECT:
      push(pending, node.fields, depth, nesting + 1, isRoot);
      return;
    case Kind.LIST_TYPE:
    case Kind.NON_NULL_TYPE:
      pending.push({ node: node.type, depth, nesting: nesting + 1, isRoot });
      return;
    default:
      // Leaves; and definitions of types, which validation refuses without looking into them.
      return;
  }
}

function push(
  pending: Pending[],
  nodes: readonly ASTNode[] | undefined,
  depth: number,
  nesting: number,
  isRoot: boolean,
): void {
  if (nodes === undefined) return;
  for (const node of nodes) pending.push({ node, depth, nesting, isRoot });
}

/** What each definition comes to with the fragments that it spreads. */
function totalsOf(walks: readonly Walk[]): Total[] {
  const fragments = new Map<string, Walk>();
  for (const each of walks) {
    // Of two with one name, validation takes the last one.
    if (each.definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.definition.name.value, each);
  }
  const totals = new Map<Walk, Total>();
  for (const root of walks) addUp(root, fragments, totals);
  return walks.map((each) => totals.get(each) ?? each);
}

/** One definition after those that it spreads, again without recursion: a chain of fragments may be long. */
function addUp(root: Walk, fragments: ReadonlyMap<string, Walk>, totals: Map<Walk, Total>): void {
  const stack = [root];
  const entered = new Set<Walk>();
  for (let at = stack.at(-1); at !== undefined; at = stack.at(-1)) {
    if (totals.has(at) || entered.has(at)) {
      stack.pop();
      // A fragment in a circle is never finished for itself: there it counts nothing, and validation refuses it.
      if (!totals.has(at)) totals.set(at, withSpreads(at, fragments, totals));
      continue;
    }
    entered.add(at);
    for (const { fragment } of at.spreads) {
      const spread = fragments.get(fragment);
      if (spread !== undefined && !totals.has(spread) && !entered.has(spread)) stack.push(spread);
    }
  }
}

function withSpreads(
  own: Walk,
  fragments: ReadonlyMap<string, Walk>,
  totals: ReadonlyMap<Walk, Total>,
): Total {
  const { definition, depth, nesting, aliases, directives, rootFields, fields } = own;
  const sum: Total = { definition, depth, nesting, aliases, directives, rootFields, fields };
  for (const spread of own.spreads) {
    const fragment = fragments.get(spread.fragment);
    const total = fragment && totals.get(fragment);
    if (total === undefined) continue;
    sum.depth = Math.max(sum.depth, plus(spread.depth, total.depth));
    sum.nesting = Math.max(sum.nesting, plus(spread.nesting, total.nesting));
    sum.aliases = plus(sum.aliases, total.aliases);
    sum.directives = plus(sum.directives, total.directives);
    sum.fields = plus(sum.fields, total.fields);
    if (spread.isRoot) sum.rootFields = plus(sum.rootFields, total.rootFields);
  }
  return sum;
}

/** A sum that stays exact, or stays at the largest exact number. */
function plus(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}
