import type { Problem } from '../../base/problems.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { optionText } from './directives.js';
import { inText, lineOf } from './fault.js';
import { nameOf } from './owner.js';
import type { Rule } from './rule.js';

/** The ids of a file's connectors are GraphQL names, each used once. */
export const connectorIds: Rule = {
  check: (subgraph) => subgraph.connects.flatMap((connect) => checkId(connect, subgraph)),
};

function checkId(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const text = optionText(subgraph, connect.node, 'id');
  if (text === undefined) return [];
  const id = text.value;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(id)) {
    const message = `${nameOf(connect)} has the id "${id}". An id has letters, digits and "_", and begins with no digit.`;
    return [inText(text, 0, 'INVALID_CONNECTOR_ID_NAME', message)];
  }
  const first = subgraph.connects.find((each) => each.id === id);
  if (first === undefined || first === connect) return [];
  const message =
    `${nameOf(connect)} has the id "${id}", but that is the id of ${nameOf(first)}` +
    ` in ${lineOf(subgraph.source, first.node)}. Give it another one.`;
  return [inText(text, 0, 'DUPLICATE_ID_NAME', message)];
}
