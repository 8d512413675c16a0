import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { publicName } from '../public-name.js';
import type { Subgraph } from '../subgraph.js';
import { catalogOf } from './catalog.js';
import { directivesNamed, type Placed } from './directives.js';
import { atNode } from './fault.js';
import type { Rule, Scope } from './rule.js';

const policyDirectives = ['authenticated', 'requiresScopes', 'policy'];

/**
 * Who may have what is said of a type that somebody can come to. One that was renamed in another file would have left
 * its rules behind, and be open.
 */
export const idlePolicies: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) => {
    const placed = policyDirectives.flatMap((name) => directivesNamed(subgraph, name));
    const met = placed.length === 0 ? new Set<string>() : typesMet(scope);
    return placed.flatMap((each) => checkPlace(each, subgraph, scope, met));
  },
};

function checkPlace(
  { directive, type, field }: Placed,
  subgraph: Subgraph,
  { subgraphs }: Scope,
  met: ReadonlySet<string>,
): Problem[] {
  const merged = type === undefined ? undefined : catalogOf(subgraphs).types.get(publicName(subgraph, type));
  if (type === undefined || merged === undefined) return [];
  if ([merged.name, ...merged.members].some((name) => met.has(name))) return [];
  const place = [type, field].filter(Boolean).join('.');
  const message =
    `@${directive.name.value} on ${place} guards nothing: no field leads to the type ${type}.` +
    didYouMean(type, met);
  return [atNode(subgraph.source, directive, 'POLICY_GUARDS_NOTHING', message)];
}

/** The object types that fields lead to, beginning with the roots, whatever connectors make of them. */
function typesMet({ subgraphs }: Scope): Set<string> {
  const { types } = catalogOf(subgraphs);
  const met = new Set(['Query', 'Mutation', 'Subscription']);
  for (const name of met) {
    const type = types.get(name);
    const returned = [...(type?.fields.values() ?? [])].flat().map(({ returns }) => returns);
    for (const next of [...(type?.members ?? []), ...returned]) if (types.has(next)) met.add(next);
  }
  return met;
}
