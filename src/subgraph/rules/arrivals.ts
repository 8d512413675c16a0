import { outputShape, type ObjectShape, type OutputShape } from '../../mapping/shape.js';
import { givenFields } from '../given-fields.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { catalogOf, type Catalog, type Connected, type MergedType } from './catalog.js';

/** A field that does not come along with an object that some connector leads to. */
export interface Lack {
  readonly field: string;
  readonly connected: Connected;
}

/** What comes along with the objects that connectors give. */
export interface Arrivals {
  /** Types of which an object can be reached. */
  readonly reached: ReadonlySet<string>;
  /** `Type.field`s that come with an object somewhere. */
  readonly given: ReadonlySet<string>;
  /** Those that an entity connector brings when it is asked for the object. */
  readonly fetched: ReadonlySet<string>;
  /** What does not come along, by the type of the object. */
  readonly lacks: ReadonlyMap<string, readonly Lack[]>;
}

/**
 * The fields that come with an object: any, those of its type in a file (and more of this one object), or those of
 * these shapes.
 */
type Given =
  | { readonly kind: 'any' }
  | { readonly kind: 'names'; readonly subgraph: Subgraph; readonly more: readonly string[] }
  | { readonly kind: 'shapes'; readonly shapes: readonly ObjectShape[] };

const known = new WeakMap<readonly Subgraph[], Arrivals>();

/** Follows every connector to the objects that it gives, once for some files. */
export function arrivalsOf(subgraphs: readonly Subgraph[]): Arrivals {
  const arrivals = known.get(subgraphs) ?? follow(subgraphs);
  known.set(subgraphs, arrivals);
  return arrivals;
}

function follow(subgraphs: readonly Subgraph[]): Arrivals {
  const walk = new Walk(catalogOf(subgraphs));
  for (const connected of walk.catalog.connectors) walk.start(connected);
  return walk;
}

class Walk implements Arrivals {
  readonly catalog: Catalog;
  readonly reached = new Set<string>();
  readonly given = new Set<string>();
  readonly fetched = new Set<string>();
  readonly lacks = new Map<string, Lack[]>();
  readonly #visited = new Set<string>();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  start(connected: Connected): void {
    const { connect, subgraph, returns } = connected;
    if (returns === undefined) return;
    const { selection } = connect;
    const given =
      selection === undefined
        ? ({ kind: 'names', subgraph, more: fieldsOfEntity(connect) } as const)
        : givenBy(outputShape(selection.selection));
    if (connect.entity) this.#fetch(returns, given, connected);
    this.#arrive(returns, given, connected, connect.field === undefined);
  }

  #fetch(name: string, given: Given, connected: Connected): void {
    const type = this.catalog.types.get(name);
    for (const field of type?.fields.keys() ?? []) {
      if (type !== undefined && this.#gives(given, field, type, connected))
        this.fetched.add(`${name}.${field}`);
    }
    for (const member of type?.members ?? []) this.#fetch(member, narrow(given, member), connected);
  }

  /**
   * @param isMore whether it is more of an object that is there already: what a connector on a type brings. It lacks
   *   nothing, for the object was missing only this.
   */
  #arrive(name: string, given: Given, connected: Connected | undefined, isMore = false): void {
    const type = this.catalog.types.get(name);
    if (type === undefined || this.#isKnown(name, given, isMore)) return;
    if (given.kind === 'shapes' && given.shapes.length === 0) return;
    if (!type.isAbstract) return this.#visit(type, given, connected, isMore);
    for (const member of type.members) this.#arrive(member, narrow(given, member), connected, isMore);
  }

  /** Shapes end somewhere; types go in circles. */
  #isKnown(name: string, given: Given, isMore: boolean): boolean {
    if (given.kind === 'shapes') return false;
    const of = given.kind === 'names' ? `${given.subgraph.source.name} ${given.more.join(' ')}` : '';
    const id = `${name} ${of} ${isMore}`;
    if (this.#visited.has(id)) return true;
    this.#visited.add(id);
    return false;
  }

  #visit(type: MergedType, given: Given, connected: Connected | undefined, isMore: boolean): void {
    this.reached.add(type.name);
    const lacks = this.lacks.get(type.name) ?? [];
    this.lacks.set(type.name, lacks);
    for (const [field, declarations] of type.fields) {
      if (this.#gives(given, field, type, connected)) {
        this.given.add(`${type.name}.${field}`);
        const returns = declarations[0]?.returns;
        if (returns !== undefined) this.#arrive(returns, under(given, field), connected);
      } else if (connected !== undefined && !isMore) {
        lacks.push({ field, connected });
      }
    }
  }

  #gives(given: Given, field: string, type: MergedType, connected: Connected | undefined): boolean {
    const takenFrom = this.catalog.overridden.get(`${type.name}.${field}`) ?? [];
    const isTaken = connected !== undefined && takenFrom.includes(connected.subgraph.name);
    return !isTaken && gives(given, field, type);
  }
}

/** What `_entities` gives to who tells what it requires. */
function fieldsOfEntity(connect: ConnectDefinition): readonly string[] {
  return (connect.kind === 'graphql' && connect.graphql.entity?.fields) || [];
}

function givenBy(shape: OutputShape): Given {
  const shapes = objectsIn(shape);
  return shapes === undefined ? { kind: 'any' } : { kind: 'shapes', shapes };
}

/** The objects that a shape can be; undefined where only the data can tell. */
function objectsIn(shape: OutputShape): ObjectShape[] | undefined {
  switch (shape.kind) {
    case 'object':
      return [shape];
    case 'list':
      return objectsIn(shape.of);
    case 'unknown':
      return undefined;
    case 'oneOf': {
      const shapes = shape.shapes.map(objectsIn);
      return shapes.every((each) => each !== undefined) ? shapes.flat() : undefined;
    }
    default:
      return [];
  }
}

/** The shapes that can be of this member of an interface or union. */
function narrow(given: Given, member: string): Given {
  if (given.kind !== 'shapes') return given;
  const shapes = given.shapes.filter(({ fields }) => {
    const typename = fields.get('__typename')?.shape;
    return typename?.kind !== 'literal' || typename.value === member;
  });
  return { kind: 'shapes', shapes };
}

/** A name that the type lacks is misspelt, or brought by a field nobody declared: it could be any. */
function gives(given: Given, field: string, type: MergedType): boolean {
  switch (given.kind) {
    case 'any':
      return true;
    case 'names':
      return given.more.includes(field) || isOwnName(given.subgraph, type.name, field);
    case 'shapes':
      return given.shapes.some(
        ({ fields, open }) =>
          open ||
          fields.has(field) ||
          [...fields.keys()].some((name) => name !== '__typename' && !type.fields.has(name)),
      );
  }
}

function under(given: Given, field: string): Given {
  if (given.kind === 'any') return given;
  if (given.kind === 'names') return { ...given, more: [] };
  const shapes = given.shapes.map(({ fields }) => {
    const inner = fields.get(field);
    return inner === undefined ? undefined : objectsIn(inner.shape);
  });
  const certain = shapes.flatMap((each) => each ?? []);
  return shapes.includes(undefined) && certain.length === 0
    ? { kind: 'any' }
    : { kind: 'shapes', shapes: certain };
}

/** With the same names on both sides, a field comes along unless its file has a connector for it. */
function isOwnName(subgraph: Subgraph, typeName: string, field: string): boolean {
  const type = subgraph.schema.getType(typeName);
  return type !== undefined && givenFields(subgraph, type).has(field);
}
