import type { Problem } from '../../base/problems.js';
import type { Subgraph } from '../subgraph.js';
import { arrivalsOf } from './arrivals.js';
import { catalogOf, type Declared, type MergedType } from './catalog.js';
import { atNode } from './fault.js';
import type { Rule, Scope } from './rule.js';

const roots = ['Query', 'Mutation', 'Subscription'];

/**
 * Every field of every object that can be reached comes from somewhere: with the object, from a connector of its own,
 * or by a connector that fetches the object by its key.
 */
export const unresolvedFields: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) => [
    ...roots.flatMap((root) => checkRoot(root, subgraph, scope)),
    ...[...catalogOf(scope.subgraphs).types.values()].flatMap((type) => checkType(type, subgraph, scope)),
  ],
};

function checkRoot(root: string, subgraph: Subgraph, { subgraphs }: Scope): Problem[] {
  const { types, byField } = catalogOf(subgraphs);
  const fields = types.get(root)?.fields ?? new Map<string, readonly Declared[]>();
  return [...fields].flatMap(([name, declarations]) => {
    const at = homeOf(declarations);
    if (at?.subgraph !== subgraph || byField.has(`${root}.${name}`)) return [];
    // A file that can have no subscriptions has been told so.
    if (root === 'Subscription' && subgraph.strict) return [];
    const help = rootHelp(root, subgraph);
    return [
      unresolved(`${root}.${name} has no @connect in any file, so nothing would answer it.${help}`, at),
    ];
  });
}

function rootHelp(root: string, { sources }: Subgraph): string {
  const [source] = root === 'Subscription' ? sources.filter(({ kind }) => kind !== 'http') : sources;
  if (source === undefined && root === 'Subscription') return ' It needs a gRPC or GraphQL source.';
  const name = source === undefined ? '' : `source: "${source.name}", `;
  const call =
    source === undefined || source.kind === 'http' ? 'http: { GET: "…" }' : `${source.kind}: { … }`;
  return ` Add @connect(${name}${call}, selection: "…").`;
}

function checkType(type: MergedType, subgraph: Subgraph, { subgraphs }: Scope): Problem[] {
  const { reached, given } = arrivalsOf(subgraphs);
  const { byField } = catalogOf(subgraphs);
  if (roots.includes(type.name) || !reached.has(type.name)) return [];
  return [...type.fields].flatMap(([name, declarations]) => {
    const at = homeOf(declarations);
    const coordinate = `${type.name}.${name}`;
    if (at?.subgraph !== subgraph || given.has(coordinate) || byField.has(coordinate)) return [];
    const message =
      `${coordinate} is never selected, so it would always be null. Select "${name}" where a connector gives` +
      ` a ${type.name}, or give the field a @connect of its own.`;
    return [unresolved(message, at)];
  });
}

/** Where the fault is told: the first file that does not leave the field to others. */
function homeOf(declarations: readonly Declared[]): Declared | undefined {
  return declarations.find(({ isExternal }) => !isExternal) ?? declarations[0];
}

function unresolved(message: string, { subgraph, field }: Declared): Problem {
  const node = field.astNode?.name;
  const code = 'CONNECTORS_UNRESOLVED_FIELD';
  return node
    ? atNode(subgraph.source, node, code, message)
    : { code, message, source: subgraph.source, offset: 0 };
}
