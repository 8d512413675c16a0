import {
  isInterfaceType,
  isObjectType,
  type DirectiveNode,
  type GraphQLField,
  type GraphQLNamedType,
} from 'graphql';
import type { FieldTree } from '../mapping/shape.js';
import { fieldTreeIn } from './field-set.js';
import { hasDirective } from './rules/directives.js';
import type { Subgraph } from './subgraph.js';

/**
 * The fields that come with an object of a type where its file's names are the backend's own: all but those with a
 * connector, those that it gives only to who tells it more (`@requires`), and those that are only named there
 * (`@external`), unless as part of a `@key`.
 */
export function givenFields({ connects }: Subgraph, type: GraphQLNamedType): Set<string> {
  if (!isObjectType(type) && !isInterfaceType(type)) return new Set();
  const connected = new Set(connects.flatMap((each) => (each.type === type.name ? (each.field ?? []) : [])));
  const keys = new Set(keysOf(type).flatMap(({ fields }) => [...fields.keys()]));
  const isGiven = (field: Field) =>
    !connected.has(field.name) &&
    !hasDirective(field, 'requires') &&
    (keys.has(field.name) || !isExternal(type, field));
  return new Set(Object.values(type.getFields()).flatMap((field) => (isGiven(field) ? field.name : [])));
}

/** One `@key` of a type. */
export interface Key {
  readonly fields: FieldTree;
  /** Whether others may fetch objects by it. */
  readonly isResolvable: boolean;
}

/** The keys of a type, those on its extensions among them. */
export function keysOf({ astNode, extensionASTNodes }: GraphQLNamedType): Key[] {
  const directives = [astNode, ...extensionASTNodes].flatMap((node) => node?.directives ?? []);
  return directives.flatMap((directive) => {
    const fields = directive.name.value === 'key' ? fieldTreeIn(directive) : undefined;
    return fields === undefined ? [] : [{ fields, isResolvable: !isSwitchedOff(directive) }];
  });
}

function isSwitchedOff({ arguments: args }: DirectiveNode): boolean {
  const resolvable = args?.find(({ name }) => name.value === 'resolvable')?.value;
  return resolvable?.kind === 'BooleanValue' && !resolvable.value;
}

/** What `@requires` says that the backend has to be told before it can give a field. */
export function requiredBy(field: Field): FieldTree {
  return namedBy(field, 'requires');
}

/** What `@provides` says that comes along below a field although it is another file's. */
export function providedBy(field: Field): FieldTree {
  return namedBy(field, 'provides');
}

function namedBy({ astNode }: Field, name: string): FieldTree {
  const directive = astNode?.directives?.find((each) => each.name.value === name);
  return (directive && fieldTreeIn(directive)) ?? new Map<string, null>();
}

function isExternal(type: GraphQLNamedType, field: Field): boolean {
  return hasDirective(field, 'external') || hasDirective(type, 'external');
}

type Field = GraphQLField<unknown, unknown>;
