import { getNamedType, isInterfaceType, isObjectType, type FieldDefinitionNode } from 'graphql';
import type { OutputShape } from '../mapping/shape.js';
import type { Subgraph } from '../subgraph/subgraph.js';

/** Which fields come with an object, by where the object came from. */
export interface Provision {
  /** The subgraph whose connector brought the object. */
  readonly origin: string;
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
  gives: () => 'no',
  under: () => nothing,
  as: () => nothing,
};

/** Whatever the data holds: below a path whose answer nobody described. */
function anything(origin: string): Provision {
  const provision: Provision = { origin, gives: () => 'maybe', under: () => provision, as: () => provision };
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
 * What comes with an object where names are the same on both sides: every field that its file says of the type
 * and gives no connector of its own. An `@external` field is only named there.
 */
export function provisionOfType(subgraph: Subgraph, typeName: string): Provision {
  const type = subgraph.schema.getType(typeName);
  if (!isObjectType(type) && !isInterfaceType(type)) return anything(subgraph.name);
  const fields = type.getFields();
  const elsewhere = new Set([
    ...subgraph.connects.flatMap(({ type: owner, field }) => (owner === typeName ? (field ?? []) : [])),
    ...Object.keys(fields).filter((name) => isExternal(fields[name]?.astNode)),
  ]);
  const provision: Provision = {
    origin: subgraph.name,
    gives: (field) => (Object.hasOwn(fields, field) && !elsewhere.has(field) ? 'yes' : 'no'),
    under: remembered((field) => {
      const returned = Object.hasOwn(fields, field) ? fields[field]?.type : undefined;
      return returned === undefined ? nothing : provisionOfType(subgraph, getNamedType(returned).name);
    }),
    as: remembered((member) => (member === typeName ? provision : provisionOfType(subgraph, member))),
  };
  return provision;
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
  return {
    origin: a.origin,
    gives: (field) => (a.gives(field) === 'no' ? b.gives(field) : a.gives(field)),
    under: (field) => (a.gives(field) === 'no' ? b.under(field) : a.under(field)),
    as: (type) => provisionOfAll([a.as(type), b.as(type)]),
  };
}

function isExternal(node: FieldDefinitionNode | null | undefined): boolean {
  return node?.directives?.some((directive) => directive.name.value === 'external') ?? false;
}

function remembered(find: (name: string) => Provision): (name: string) => Provision {
  const known = new Map<string, Provision>();
  return (name) => {
    let provision = known.get(name);
    if (provision === undefined) known.set(name, (provision = find(name)));
    return provision;
  };
}
