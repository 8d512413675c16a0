import { isInterfaceType, isObjectType } from 'graphql';
import { publicName } from '../public-name.js';
import type { Scope } from './rule.js';

/** The names of all fields that a type has in any file; undefined for what is no object or interface. */
export function mergedFields(type: string, { subgraphs }: Scope): ReadonlySet<string> | undefined {
  const names = subgraphs.flatMap((subgraph) =>
    Object.values(subgraph.schema.getTypeMap()).flatMap((each) =>
      (isObjectType(each) || isInterfaceType(each)) && publicName(subgraph, each.name) === type
        ? Object.keys(each.getFields())
        : [],
    ),
  );
  return names.length === 0 ? undefined : new Set(names);
}
