import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isObjectType,
  isUnionType,
  type GraphQLField,
  type GraphQLNamedType,
} from 'graphql';
import { publicName } from '../public-name.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { directivesNamed, hasDirective, optionText } from './directives.js';

/** A field as one file declares it. */
export interface Declared {
  readonly subgraph: Subgraph;
  readonly field: GraphQLField<unknown, unknown>;
  /** The named type it holds, as clients see it. */
  readonly returns: string;
  readonly isExternal: boolean;
}

/** A type as all files together declare it, under the name that clients see. */
export interface MergedType {
  readonly name: string;
  readonly isAbstract: boolean;
  /** Of an interface or a union. */
  readonly members: ReadonlySet<string>;
  readonly fields: ReadonlyMap<string, readonly Declared[]>;
}

/** A connector, and the file it stands in. */
export interface Connected {
  readonly connect: ConnectDefinition;
  readonly subgraph: Subgraph;
  /** The type that it gives, as clients see it. */
  readonly returns: string | undefined;
}

/** All files together. */
export interface Catalog {
  readonly types: ReadonlyMap<string, MergedType>;
  readonly connectors: readonly Connected[];
  /** Those on a field, by `Type.field`. */
  readonly byField: ReadonlyMap<string, readonly Connected[]>;
  /** Names of the files that another has taken a field from by `@override`, by `Type.field`. */
  readonly overridden: ReadonlyMap<string, readonly string[]>;
}

const known = new WeakMap<readonly Subgraph[], Catalog>();

/** The catalog of some files, made once. */
export function catalogOf(subgraphs: readonly Subgraph[]): Catalog {
  const catalog = known.get(subgraphs) ?? build(subgraphs);
  known.set(subgraphs, catalog);
  return catalog;
}

function build(subgraphs: readonly Subgraph[]): Catalog {
  const connectors = subgraphs.flatMap((subgraph) =>
    [...subgraph.connects, ...subgraph.implied].map((connect) => connected(connect, subgraph)),
  );
  const byField = new Map<string, Connected[]>();
  for (const each of connectors) {
    const { type, field } = each.connect;
    if (field !== undefined) put(byField, `${publicName(each.subgraph, type)}.${field}`, each);
  }
  return { types: mergeTypes(subgraphs), connectors, byField, overridden: overriddenIn(subgraphs) };
}

function overriddenIn(subgraphs: readonly Subgraph[]): Map<string, string[]> {
  const overridden = new Map<string, string[]>();
  for (const subgraph of subgraphs) {
    for (const { directive, type = '', field = '' } of directivesNamed(subgraph, 'override')) {
      const from = optionText(subgraph, directive, 'from');
      if (from !== undefined) put(overridden, `${publicName(subgraph, type)}.${field}`, from.value);
    }
  }
  return overridden;
}

function connected(connect: ConnectDefinition, subgraph: Subgraph): Connected {
  const owner = subgraph.schema.getType(connect.type);
  const field =
    isObjectType(owner) && connect.field !== undefined ? owner.getFields()[connect.field] : undefined;
  const type = connect.field === undefined ? owner : field && getNamedType(field.type);
  return { connect, subgraph, returns: isCompositeType(type) ? publicName(subgraph, type.name) : undefined };
}

function mergeTypes(subgraphs: readonly Subgraph[]): Map<string, MergedType> {
  const merged = new Map<string, MergedType & { members: Set<string>; fields: Map<string, Declared[]> }>();
  for (const subgraph of subgraphs) {
    for (const type of Object.values(subgraph.schema.getTypeMap())) {
      if (!isCompositeType(type) || type.name.startsWith('__')) continue;
      const name = publicName(subgraph, type.name);
      const into = merged.get(name) ?? {
        name,
        isAbstract: isAbstractType(type),
        members: new Set(),
        fields: new Map(),
      };
      merged.set(name, into);
      for (const member of membersOf(type, subgraph)) into.members.add(member);
      if (isUnionType(type)) continue;
      for (const field of Object.values(type.getFields()))
        put(into.fields, field.name, declared(field, type, subgraph));
    }
  }
  return merged;
}

function membersOf(type: GraphQLNamedType, { schema }: Subgraph): string[] {
  return isAbstractType(type) ? schema.getPossibleTypes(type).map(({ name }) => name) : [];
}

function declared(
  field: GraphQLField<unknown, unknown>,
  owner: GraphQLNamedType,
  subgraph: Subgraph,
): Declared {
  const isExternal = hasDirective(field, 'external') || hasDirective(owner, 'external');
  return { subgraph, field, returns: publicName(subgraph, getNamedType(field.type).name), isExternal };
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
