import { getNamedType, isInputObjectType, type GraphQLField, type SelectionSetNode } from 'graphql';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { fieldOf } from './owner.js';
import { parentUses } from './uses.js';

/** A key as the paths of its fields: `id`, `organisation.id`. */
export type KeyPaths = ReadonlySet<string>;

/** The paths of a selection set. */
export function pathsOf({ selections }: SelectionSetNode, before = ''): Set<string> {
  return new Set(
    selections.flatMap((node) => {
      if (node.kind !== 'Field') return [];
      const path = `${before}${node.name.value}`;
      return node.selectionSet === undefined ? [path] : [...pathsOf(node.selectionSet, `${path}.`)];
    }),
  );
}

/** The key by which a connector fetches objects: the arguments of an entity field, or what it reads of its parents. */
export function keyOf(connect: ConnectDefinition, subgraph: Subgraph): KeyPaths {
  const field = fieldOf(subgraph, connect);
  if (connect.entity && field !== undefined)
    return new Set(field.args.flatMap((argument) => argumentPaths(argument)));
  return new Set(parentUses(connect).flatMap(({ path }) => (path.length === 0 ? [] : [path.join('.')])));
}

function argumentPaths({
  name,
  type,
}: Pick<GraphQLField<unknown, unknown>['args'][number], 'name' | 'type'>): string[] {
  const input = getNamedType(type);
  if (!isInputObjectType(input)) return [name];
  return Object.values(input.getFields()).flatMap((field) =>
    argumentPaths(field).map((path) => `${name}.${path}`),
  );
}

/** Whether two keys are of the same fields. */
export function isSameKey(a: KeyPaths, b: KeyPaths): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path));
}
