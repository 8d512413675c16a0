import type { Problem } from '../../base/problems.js';
import type { SourceDefinition, Subgraph } from '../subgraph.js';
import { option } from './directives.js';
import { atNode } from './fault.js';
import type { Rule } from './rule.js';

/** The methods of a gRPC backend are described in one way. */
export const grpcSources: Rule = {
  check: (subgraph) => subgraph.sources.flatMap((source) => checkSource(source, subgraph)),
};

function checkSource(source: SourceDefinition, subgraph: Subgraph): Problem[] {
  if (source.kind !== 'grpc') return [];
  const { proto, descriptors, reflection } = source.grpc;
  const given = [
    ...(proto.length > 0 ? ['proto'] : []),
    ...(descriptors === undefined ? [] : ['descriptors']),
    ...(reflection ? ['reflection'] : []),
  ];
  if (given.length === 1) return [];
  const has = given.length === 0 ? 'none of them' : given.join(' and ');
  const message =
    `@source "${source.name}" needs exactly one of proto, descriptors and reflection: true,` +
    ` to know the methods of its backend; it has ${has}.`;
  return [
    atNode(subgraph.source, option(source.node, 'grpc') ?? source.node, 'INVALID_GRPC_SOURCE', message),
  ];
}
