import { getNamedType, isCompositeType, isUnionType } from 'graphql';
import { unionOf } from '../connectors/wanted.js';
import type { FieldTree, OutputShape } from '../mapping/shape.js';
import { givenFields, providedBy } from '../subgraph/given-fields.js';
import type { Subgraph } from '../subgraph/subgraph.js';

/** Which fields come with an object, by where the object came from. */
export interface Provision {
  /** The subgraph whose connector brought the object. */
  readonly origin: string;
  /** Whether the object is as its backend made it, where fields have taken their arguments. */
  readonly forwarded: boolean;
  /** The same of one field: of an object that several answers make together, each has its own. */
  forwards(field: string): boolean;
  /** `maybe`: only the data can tell. */
  gives(field: string): 'yes' | 'no' | 'maybe';
  /** The same of the objects that this field holds. The same object each time, so that it can be a key. */
  under(field: string): Provision;
  /** The same of an object that has turned out to be of this type. */
  as(type: string): Provision;
}

/** Nothing comes along: the objects at the root of an operation. */
export const nothing: Provision = {
  origin: '',
  forwarded: false,
  forwards: () => false,
  gives: () => 'no',
  under: () => nothing,
  as: () => nothing,
};

/** Whatever the data holds: below a path whose answer nobody described. */
function anything(origin: string): Provision {
  const provision: Provision = {
    origin,
    forwarded: false,
    forwards: () => false,
    gives: () => 'maybe',
    under: () => provision,
    as: () => provision,
  };
  return provision;
}

/** What comes with an object that a selection made. */
export function provisionOfShape(shape: OutputShape, origin: string): Provision {
  switch (shape.kind) {
    case 'list':
      return provisionOfShape(shape.of, origin);
    case 'unknown':
      return anything(origin);
    case 'object': {
      const provision: Provision = {
        origin,
        forwarded: false,
        forwards: () => false,
        gives: (field) => (shape.fields.has(field) ? 'yes' : shape.open ? 'maybe' : 'no'),
        under: remembered((field) => {
          const inner = shape.fields.get(field)?.shape;
          return inner === undefined ? anything(origin) : provisionOfShape(inner, origin);
        }),
        as: () => provision,
      };
      return provision;
    }
    case 'oneOf':
      return provisionOfMembers(shape.shapes.filter(isNoScalar), origin);
    case 'literal':
    case 'scalar':
    case 'nothing':
      return nothing;
  }
}

function isNoScalar(shape: OutputShape): boolean {
  return shape.kind !== 'literal' && shape.kind !== 'scalar' && shape.kind !== 'nothing';
}

/** Of an object whose type is known, the branches that name another type say nothing. */
function provisionOfMembers(shapes: readonly OutputShape[], origin: string): Provision {
  const members = shapes.map((shape) => ({ type: typeNameOf(shape), from: provisionOfShape(shape, origin) }));
  const toEither = (some: typeof members) =>
    provisionOfEither(
      some.map(({ from }) => from),
      origin,
    );
  const narrowed = remembered((type) =>
    toEither(members.filter((member) => member.type === undefined || member.type === type)),
  );
  return { ...toEither(members), as: narrowed };
}

function typeNameOf(shape: OutputShape): string | undefined {
  if (shape.kind === 'list') return typeNameOf(shape.of);
  const name = shape.kind === 'object' ? shape.fields.get('__typename')?.shape : undefined;
  return name?.kind === 'literal' && typeof name.value === 'string' ? name.value : undefined;
}

/** Of alternatives, such as the branches of `->match`, the data has taken one. */
function provisionOfEither(alternatives: readonly Provision[], origin: string): Provision {
  const [only] = alternatives;
  if (only !== undefined && alternatives.length === 1) return only;
  return {
    origin,
    forwarded: false,
    forwards: () => false,
    as: remembered((type) =>
      provisionOfEither(
        alternatives.map((each) => each.as(type)),
        origin,
      ),
    ),
    gives: (field) => {
      const answers = new Set(alternatives.map((each) => each.gives(field)));
      return answers.size === 1 ? ([...answers][0] ?? 'no') : answers.size === 0 ? 'no' : 'maybe';
    },
    // One that does not give the field has nothing to say of what comes with its objects.
    under: remembered((field) =>
      provisionOfEither(
        alternatives.filter((each) => each.gives(field) !== 'no').map((each) => each.under(field)),
        origin,
      ),
    ),
  };
}

/**
 * What comes with an object where names are the same on both sides: every field that its file gives.
 *
 * @param forwarded whether fields with arguments take them there
 * @param provided fields that come along here although they are another file's, as `@provides` says
 */
export function provisionOfType(
  subgraph: Subgraph,
  typeName: string,
  forwarded: boolean,
  provided: FieldTree = nothingProvided,
): Provision {
  const type = subgraph.schema.getType(typeName);
  if (!isCompositeType(type)) return anything(subgraph.name);
  const fields = isUnionType(type) ? {} : type.getFields();
  const given = new Set([...givenFields(subgraph, type), ...provided.keys()]);
  const provision: Provision = {
    origin: subgraph.name,
    forwarded,
    forwards: () => forwarded,
    gives: (field) => (given.has(field) ? 'yes' : 'no'),
    under: remembered((name) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (field === undefined) return nothing;
      const below = unionOf(provided.get(name) ?? nothingProvided, providedBy(field)) ?? nothingProvided;
      return provisionOfType(subgraph, getNamedType(field.type).name, forwarded, below);
    }),
    as: remembered((member) =>
      member === typeName ? provision : provisionOfType(subgraph, member, forwarded, provided),
    ),
  };
  return provision;
}

const nothingProvided: FieldTree = new Map();

/** The same of an object that was fetched for the sake of some fields, and comes with these alone. */
export function onlyFields(provision: Provision, fields: readonly string[]): Provision {
  return { ...provision, gives: (field) => (fields.includes(field) ? 'yes' : 'no') };
}

const joined = new WeakMap<Provision, WeakMap<Provision, Provision>>();

/** What comes with an object that several answers make together. */
export function provisionOfAll(provisions: readonly Provision[]): Provision {
  return provisions.reduce((a, b) => {
    const withA = joined.get(a) ?? new WeakMap<Provision, Provision>();
    joined.set(a, withA);
    const both = withA.get(b) ?? provisionOfBoth(a, b);
    withA.set(b, both);
    return both;
  });
}

function provisionOfBoth(a: Provision, b: Provision): Provision {
  const giving = (field: string) => (a.gives(field) === 'no' ? b : a);
  return {
    origin: a.origin,
    forwarded: a.forwarded && b.forwarded,
    forwards: (field) => giving(field).forwards(field),
    gives: (field) => giving(field).gives(field),
    under: (field) => giving(field).under(field),
    as: (type) => provisionOfAll([a.as(type), b.as(type)]),
  };
}

function remembered(find: (name: string) => Provision): (name: string) => Provision {
  const known = new Map<string, Provision>();
  return (name) => {
    let provision = known.get(name);
    if (provision === undefined) known.set(name, (provision = find(name)));
    return provision;
  };
}
