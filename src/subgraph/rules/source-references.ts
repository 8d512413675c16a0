import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import type { Text } from '../text.js';
import { atNode, inText } from './fault.js';
import { nameOf, sourceOf } from './owner.js';
import type { Rule } from './rule.js';

/** A connector uses a source of its own file, and speaks its protocol. */
export const sourceReferences: Rule = {
  check: (subgraph, scope) =>
    subgraph.connects.flatMap((connect) =>
      connect.source === undefined
        ? checkWithout(connect, subgraph)
        : checkReference(connect, connect.source, subgraph, scope.subgraphs),
    ),
};

/** Without a source a URL can still say all; a method or a field of a service cannot. */
function checkWithout(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  if (connect.kind !== 'grpc' && connect.kind !== 'graphql') return [];
  const names = subgraph.sources.filter(({ kind }) => kind === connect.kind).map(({ name }) => `"${name}"`);
  const help =
    names.length > 0
      ? `Add source: ${names.join(' or ')}.`
      : `Declare one: @source(name: …, ${connect.kind}: …).`;
  const message = `${nameOf(connect)} makes a ${connect.kind} call, but names no source. ${help}`;
  return [atNode(subgraph.source, connect.node, 'MISSING_SOURCE', message)];
}

function checkReference(
  connect: ConnectDefinition,
  name: Text,
  subgraph: Subgraph,
  subgraphs: readonly Subgraph[],
): Problem[] {
  const source = sourceOf(subgraph, connect);
  if (source === undefined) return [unknownSource(connect, name, subgraph, subgraphs)];
  if (connect.kind === 'none' || connect.kind === source.kind) return [];
  const message =
    `${nameOf(connect)} makes a ${connect.kind} call, but its source "${source.name}" is a ${source.kind} backend.` +
    ` Write ${source.kind}: … here, or name another source.`;
  return [inText(name, 0, 'CONNECT_PROTOCOL_MISMATCH', message)];
}

function unknownSource(
  connect: ConnectDefinition,
  name: Text,
  subgraph: Subgraph,
  subgraphs: readonly Subgraph[],
): Problem {
  const says = `${nameOf(connect)} names the source "${name.value}"`;
  const elsewhere = subgraphs.find(({ sources }) => sources.some((source) => source.name === name.value));
  const hint =
    elsewhere === undefined
      ? ''
      : ` It is declared in ${elsewhere.source.name}; a connector stands in the file of its source.`;
  if (subgraph.sources.length === 0) {
    const help = hint || ' Declare it: extend schema @source(name: …, http: { baseURL: … }).';
    return inText(name, 0, 'NO_SOURCES_DEFINED', `${says}, but this file declares no source.${help}`);
  }
  const names = subgraph.sources.map((source) => source.name);
  const help = hint || didYouMean(name.value, names);
  return inText(name, 0, 'SOURCE_NAME_MISMATCH', `${says}, but this file declares none of that name.${help}`);
}
