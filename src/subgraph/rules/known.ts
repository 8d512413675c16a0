import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLType,
} from 'graphql';
import type { VariableUse } from '../../mapping/shape.js';
import type { Subgraph } from '../subgraph.js';
import { fieldOf, ownerOf } from './owner.js';
import type { MappingPlace } from './places.js';

/** What is known of a value before there is any request. */
export type Known =
  | { readonly kind: 'scalar'; readonly type: 'string' | 'number' | 'boolean'; readonly called: string }
  | { readonly kind: 'list'; readonly of: Known }
  | KnownObject
  | { readonly kind: 'unknown' };

/** An object whose names are known. */
export interface KnownObject {
  readonly kind: 'object';
  /** `the type User`: how messages name it. */
  readonly called: string;
  /** What its names are: arguments, fields. */
  readonly noun: string;
  readonly names: readonly string[];
  get(name: string): Known | undefined;
}

const unknown: Known = { kind: 'unknown' };

/** What a variable holds at a place. */
export function knownOf(variable: string, place: MappingPlace, subgraph: Subgraph): Known {
  switch (variable) {
    case '$args':
      return argumentsAt(place, subgraph);
    case '$this':
      return parentAt(place, subgraph);
    case '$batch':
      return { kind: 'list', of: parentAt(place, subgraph) };
    case '$request':
      return withHeaders('$request');
    case '$response':
      return { ...withHeaders('$response'), get: (name) => (name === 'headers' ? headers : unknown) };
    case '$status':
      return { kind: 'scalar', type: 'number', called: '$status' };
    case '$env':
      return anyName({ kind: 'scalar', type: 'string', called: 'an environment variable' });
    default:
      return unknown;
  }
}

/** What a use of a variable gives, or the first of its keys that is not there. */
export function follow(use: VariableUse, root: Known): Known | Missing {
  let at = root;
  for (const [index, name] of use.path.entries()) {
    const within = withoutLists(at);
    if (within.kind === 'unknown') return unknown;
    const next = within.kind === 'object' ? within.get(name) : undefined;
    if (next === undefined) return { kind: 'missing', index, name, within };
    at = at.kind === 'list' ? { kind: 'list', of: next } : next;
  }
  return at;
}

/** A key that a variable does not have. */
export interface Missing {
  readonly kind: 'missing';
  readonly index: number;
  readonly name: string;
  readonly within: Exclude<Known, { kind: 'list' | 'unknown' }>;
}

/** Keys are read through lists. */
function withoutLists(known: Known): Exclude<Known, { kind: 'list' }> {
  return known.kind === 'list' ? withoutLists(known.of) : known;
}

function argumentsAt({ connect }: MappingPlace, subgraph: Subgraph): Known {
  const field = connect && fieldOf(subgraph, connect);
  if (field === undefined) return unknown;
  const args = new Map(field.args.map(({ name, type }) => [name, type] as const));
  return toObject('the field', 'argument', args);
}

function parentAt({ connect }: MappingPlace, subgraph: Subgraph): Known {
  const owner = connect && ownerOf(subgraph, connect);
  return owner === undefined ? unknown : ofType(owner);
}

/** What a value of a GraphQL type can be. */
export function ofType(type: GraphQLType): Known {
  if (isNonNullType(type)) return ofType(type.ofType);
  if (isListType(type)) return { kind: 'list', of: ofType(type.ofType) };
  if (isEnumType(type)) return { kind: 'scalar', type: 'string', called: `a ${type.name}` };
  if (isInputObjectType(type)) return toObject(`the input ${type.name}`, 'field', typesOf(type.getFields()));
  if (isObjectType(type) || isInterfaceType(type)) {
    return toObject(`the type ${type.name}`, 'field', typesOf(type.getFields()));
  }
  const scalar = scalars.get(type.name);
  return scalar === undefined
    ? unknown
    : { kind: 'scalar', type: scalar, called: `of the type ${type.name}` };
}

const scalars: ReadonlyMap<string, 'string' | 'number' | 'boolean'> = new Map([
  ['String', 'string'],
  ['ID', 'string'],
  ['Int', 'number'],
  ['Float', 'number'],
  ['Boolean', 'boolean'],
]);

type Types = ReadonlyMap<string, GraphQLType>;

function typesOf(fields: Readonly<Record<string, { readonly type: GraphQLType }>>): Types {
  return new Map(Object.entries(fields).map(([name, { type }]) => [name, type]));
}

function toObject(called: string, noun: string, types: Types): KnownObject {
  const get = (name: string) => {
    const type = types.get(name);
    return type === undefined ? (name === '__typename' ? unknown : undefined) : ofType(type);
  };
  return { kind: 'object', called, noun, names: [...types.keys()], get };
}

function anyName(value: Known): KnownObject {
  return { kind: 'object', called: 'it', noun: 'entry', names: [], get: () => value };
}

const headers = anyName({ kind: 'list', of: { kind: 'scalar', type: 'string', called: 'a header' } });

function withHeaders(called: string): KnownObject {
  return {
    kind: 'object',
    called,
    noun: 'entry',
    names: ['headers'],
    get: (name) => (name === 'headers' ? headers : undefined),
  };
}
