import {
  getNamedType,
  GraphQLError,
  isObjectType,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
} from 'graphql';
import type { FailedValue } from '../connectors/failed-values.js';
import { toPath, type RowPath } from './row.js';
import { fieldsByName, keyOfNode, type Place } from './want.js';

/**
 * The error of a value that failed. It stands where the value is; if something within the value took the whole, its path
 * goes on to there, in the names that the client has chosen.
 */
export function placedError({ error, below }: FailedValue, path: RowPath, info: GraphQLResolveInfo): Error {
  if (below.length === 0) return error;
  const names = namesOfClient(below, getNamedType(info.returnType), info);
  return new GraphQLError(error.message, {
    nodes: info.fieldNodes,
    path: [...toPath(path), ...names],
    originalError: error,
  });
}

/** As far as the selection tells: which member of an interface has failed, nobody knows. */
function namesOfClient(
  [key, ...below]: readonly (string | number)[],
  type: GraphQLNamedType,
  place: Place,
): (string | number)[] {
  if (key === undefined) return [];
  if (typeof key === 'number') return [key, ...namesOfClient(below, type, place)];
  if (!isObjectType(type)) return [];
  for (const [name, nodes] of fieldsByName(type, place)) {
    const field = type.getFields()[name];
    const node = field && nodes.find((each) => keyOfNode(field, each, place.variableValues) === key);
    if (field === undefined || node === undefined) continue;
    const next = { ...place, fieldNodes: nodes };
    return [node.alias?.value ?? name, ...namesOfClient(below, getNamedType(field.type), next)];
  }
  return [];
}
