import type { Problem } from '../../base/problems.js';
import { publicName } from '../public-name.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { arrivalsOf } from './arrivals.js';
import { catalogOf } from './catalog.js';
import { inText } from './fault.js';
import { nameOf } from './owner.js';
import type { Rule, Scope } from './rule.js';
import { parentUses } from './uses.js';

/** No field has to be known before it can be fetched. */
export const circles: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) => subgraph.connects.flatMap((connect) => checkConnect(connect, subgraph, scope)),
};

function checkConnect(connect: ConnectDefinition, subgraph: Subgraph, { subgraphs }: Scope): Problem[] {
  const { field } = connect;
  if (field === undefined) return [];
  const type = publicName(subgraph, connect.type);
  const use = parentUses(connect).find(
    ({ path: [name] }) => name !== undefined && needs(name, field, type, subgraphs),
  );
  const name = use?.path[0];
  if (use === undefined || name === undefined) return [];
  const message =
    name === field
      ? `${nameOf(connect)} needs ${use.name}.${field} to fetch ${type}.${field} itself.`
      : `${nameOf(connect)} needs ${use.name}.${name}, but ${type}.${name} can only be fetched when ${type}.${field} is known.`;
  return [inText(use.text, use.range.start, 'CIRCULAR_REFERENCE', `${message} Use another field.`)];
}

/** Whether one field of a type is had only by way of another. */
function needs(
  from: string,
  to: string,
  type: string,
  subgraphs: readonly Subgraph[],
  passed = new Set<string>(),
): boolean {
  if (from === to) return true;
  const { byField } = catalogOf(subgraphs);
  const connectors = byField.get(`${type}.${from}`) ?? [];
  if (passed.has(from) || connectors.length === 0 || arrivalsOf(subgraphs).given.has(`${type}.${from}`))
    return false;
  passed.add(from);
  return connectors.every(({ connect }) =>
    parentUses(connect).some(
      ({ path: [name] }) => name !== undefined && needs(name, to, type, subgraphs, passed),
    ),
  );
}
