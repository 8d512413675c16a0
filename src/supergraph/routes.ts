import type { GraphQLObjectType } from 'graphql';
import type { Connector } from '../connectors/connector.js';
import { unionOf, type Wanted } from '../connectors/wanted.js';
import type { FieldTree } from '../mapping/shape.js';
import type { Provision } from './provision.js';

/** How a field of an object is had, given what came with the object. */
export type Route =
  /** It came with the object. */
  | { readonly kind: 'own' }
  /** By a connector of its own; of several, those whose keys are at hand. */
  | { readonly kind: 'connector'; readonly connectors: readonly [Connector, ...Connector[]] }
  /** By fetching more of the object, by its key. */
  | { readonly kind: 'entity'; readonly entity: EntityRoute }
  /** Not at all: no connector leads here. */
  | { readonly kind: 'none' };

/** A connector that fetches objects of a type by a key. */
export interface EntityRoute {
  readonly connector: Connector;
  /** The fields of the object that are the key. */
  readonly key: FieldTree;
  /** Whether the key goes in as the arguments of a Query field, or as `$this` or `$batch`. */
  readonly keyAs: 'arguments' | 'parent';
  readonly provision: Provision;
}

/** What is known of all connectors together. */
export interface RouteTable {
  /** Connectors on a field, by `Type.field`. */
  readonly fields: ReadonlyMap<string, readonly Connector[]>;
  /** Connectors that fetch a type by a key, by the type's name. */
  readonly entities: ReadonlyMap<string, readonly EntityRoute[]>;
  /** Subgraphs that another has taken a field from by `@override`, by `Type.field`. */
  readonly overridden: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names of fields, other than root fields, whose arguments are handed on to their backend. */
  readonly forwardedNames: ReadonlySet<string>;
  /** Routes that were looked for before, by provision and `Type.field`. */
  readonly found: WeakMap<Provision, Map<string, Route>>;
}

const own: Route = { kind: 'own' };
const none: Route = { kind: 'none' };

/**
 * Finds the way to a field: what came with the object before a connector of the field's own, that before a fetch
 * of the whole object by a key at hand, and last by a key that is itself fetched first.
 */
export function findRoute(table: RouteTable, type: string, field: string, provision: Provision): Route {
  let found = table.found.get(provision);
  if (found === undefined) table.found.set(provision, (found = new Map<string, Route>()));
  const coordinate = `${type}.${field}`;
  let route = found.get(coordinate);
  if (route === undefined) found.set(coordinate, (route = lookForRoute(table, type, field, provision)));
  return route;
}

function lookForRoute(table: RouteTable, type: string, field: string, provision: Provision): Route {
  const given = gives(table, type, field, provision);
  if (given === 'yes') return own;
  const connectors = table.fields.get(`${type}.${field}`) ?? [];
  const [first, ...more] = connectors.filter((each) => atHand(provision, each.needs));
  const connector = first ?? connectors[0];
  if (connector !== undefined) return { kind: 'connector', connectors: [connector, ...more] };
  if (given === 'maybe') return own;
  const entity = findEntity(table, type, field, provision, new Set());
  return entity === undefined ? none : { kind: 'entity', entity };
}

/**
 * The key that is all that comes with an object of an entity; undefined where more comes, or the data must tell. A
 * GraphQL service says itself where there is no object.
 */
export function stubKey(
  table: RouteTable,
  type: GraphQLObjectType,
  provision: Provision,
): FieldTree | undefined {
  if (provision.forwarded) return undefined;
  const keys = (table.entities.get(type.name) ?? [])
    .map(({ key }) => key)
    .filter((key) => atHand(provision, key));
  const names = new Set(keys.flatMap((key) => [...key.keys()]));
  const comesAlone = Object.keys(type.getFields()).every(
    (name) => provision.gives(name) === (names.has(name) ? 'yes' : 'no'),
  );
  return keys.length > 0 && comesAlone ? (keys.reduce<Wanted>(unionOf, new Map()) ?? undefined) : undefined;
}

function findEntity(
  table: RouteTable,
  type: string,
  field: string,
  provision: Provision,
  tried: Set<EntityRoute>,
): EntityRoute | undefined {
  const routes = (table.entities.get(type) ?? []).filter(
    (route) => gives(table, type, field, route.provision) !== 'no' && !tried.has(route),
  );
  const direct = routes.find((route) => atHand(provision, route.key));
  if (direct !== undefined) return direct;
  return routes.find((route) => {
    tried.add(route);
    return [...route.key.keys()].every(
      (name) =>
        provision.gives(name) !== 'no' ||
        table.fields.has(`${type}.${name}`) ||
        findEntity(table, type, name, provision, tried) !== undefined,
    );
  });
}

function gives(table: RouteTable, type: string, field: string, provision: Provision): 'yes' | 'no' | 'maybe' {
  const isOverridden = table.overridden.get(`${type}.${field}`)?.has(provision.origin) ?? false;
  return isOverridden ? 'no' : provision.gives(field);
}

/** Whether all of these fields came with the object. */
function atHand(provision: Provision, fields: FieldTree): boolean {
  for (const [name, nested] of fields) {
    if (provision.gives(name) === 'no') return false;
    if (nested !== null && !atHand(provision.under(name), nested)) return false;
  }
  return true;
}
