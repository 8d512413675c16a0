import { collectSubFields } from '@graphql-tools/utils';
import {
  BREAK,
  getNamedType,
  isCompositeType,
  isObjectType,
  visit,
  type ASTNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
} from 'graphql';
import { unionOf, type Wanted } from '../connectors/wanted.js';
import type { FieldTree } from '../mapping/shape.js';
import type { Provision } from './provision.js';
import { findRoute, stubKey, type EntityRoute, type RouteTable } from './routes.js';

/** What has to be fetched of an object so that a selection of its fields can be answered. */
export interface Want {
  /** From where the object itself comes. */
  readonly own: FieldTree;
  /** By its key, from where else. */
  readonly via: ReadonlyMap<EntityRoute, FieldTree>;
  /** Present for a stub, of which nothing comes but this key: where all of it is null, there is no such object. */
  readonly stub?: FieldTree | undefined;
}

/** Fields that rules read: of the object that holds a guarded field, or of a guarded object. */
export interface Facts {
  ofField(type: string, field: string): FieldTree | undefined;
  ofType(type: string): FieldTree | undefined;
}

/** A place in an operation: the nodes that select an object, and what is needed to read below them. */
export type Place = Pick<
  GraphQLResolveInfo,
  'schema' | 'operation' | 'fragments' | 'variableValues' | 'fieldNodes'
>;

/** Works out {@link Want}s, once for each operation that is asked again and again. */
export class Wants {
  readonly #table: RouteTable;
  readonly #facts: Facts;
  readonly #known = new WeakMap<object, Map<Provision, Map<string, Want>>>();
  readonly #conditional = new WeakMap<object, boolean>();

  constructor(table: RouteTable, facts: Facts) {
    this.#table = table;
    this.#facts = facts;
  }

  /** What an object of this type needs so that the place's selection can be answered. */
  of(type: GraphQLObjectType, provision: Provision, place: Place): Want {
    const byProvision = known(
      this.#known,
      this.#lifetime(place),
      () => new Map<Provision, Map<string, Want>>(),
    );
    const byType = known(byProvision, provision, () => new Map<string, Want>());
    return known(byType, type.name, () => this.#find(type, provision, place));
  }

  /** What a field's own answer has to hold; for an interface or union, of each type it may be. */
  ofAnswer(type: GraphQLCompositeType, provision: Provision, place: Place): FieldTree {
    const types = isObjectType(type) ? [type] : place.schema.getPossibleTypes(type);
    const wants = types.map((each) => this.of(each, provision.as(each.name), place).own as Wanted);
    return wants.reduce(unionOf, new Map()) ?? new Map();
  }

  /**
   * How long a want holds. As long as the document, which is kept between requests, if the place is a single node
   * of it; only for this execution where a variable may switch fields off, or where nodes were merged.
   */
  #lifetime({ fieldNodes, operation, fragments }: Place): object {
    const [node] = fieldNodes;
    if (node === undefined || fieldNodes.length > 1) return fieldNodes;
    const isConditional = known(this.#conditional, operation, () =>
      [operation, ...Object.values(fragments)].some(hasCondition),
    );
    return isConditional ? fieldNodes : node;
  }

  #find(type: GraphQLObjectType, provision: Provision, place: Place): Want {
    const found = new Found(this.#table, type.name, provision);
    found.need(this.#facts.ofType(type.name));
    found.stub = stubKey(this.#table, type, provision);
    found.need(found.stub);
    for (const [name, nodes] of fieldsByName(type, place)) {
      const field = type.getFields()[name];
      if (field === undefined) continue;
      found.need(this.#facts.ofField(type.name, name));
      const returned = getNamedType(field.type);
      const below = isCompositeType(returned)
        ? (from: Provision) => this.ofAnswer(returned, from, { ...place, fieldNodes: nodes })
        : () => null;
      found.add(name, below);
    }
    return found;
  }
}

function known<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const value = map.get(key);
  if (value !== undefined) return value;
  const made = make();
  map.set(key, made);
  return made;
}

function hasCondition(definition: ASTNode): boolean {
  let found = false;
  visit(definition, {
    Directive: ({ name }) => {
      found ||= name.value === 'skip' || name.value === 'include';
      return found ? BREAK : undefined;
    },
  });
  return found;
}

/** Collects where the fields of one object come from. */
class Found implements Want {
  own: FieldTree = new Map();
  stub: FieldTree | undefined;
  readonly via = new Map<EntityRoute, FieldTree>();
  readonly #table: RouteTable;
  readonly #type: string;
  readonly #provision: Provision;
  readonly #connected = new Set<string>();

  constructor(table: RouteTable, type: string, provision: Provision) {
    this.#table = table;
    this.#type = type;
    this.#provision = provision;
  }

  /** @param below what is wanted of the field's value, given what comes with the object that has it */
  add(name: string, below: (from: Provision) => Wanted): void {
    const route = findRoute(this.#table, this.#type, name, this.#provision);
    switch (route.kind) {
      case 'own':
        this.own = grown(this.own, name, below(this.#provision.under(name)));
        return;
      case 'connector':
        if (this.#connected.has(name)) return;
        this.#connected.add(name);
        for (const connector of route.connectors) this.need(connector.needs);
        return;
      case 'entity':
        this.#fetch(route.entity, name, below(route.entity.provision.under(name)));
        return;
      case 'none':
        return;
    }
  }

  /** Fields that a connector or a rule reads. */
  need(fields: FieldTree | undefined): void {
    for (const [name, nested] of fields ?? []) this.add(name, () => nested);
  }

  #fetch(entity: EntityRoute, name: string, wanted: Wanted): void {
    const known = this.via.get(entity);
    this.via.set(entity, grown(known ?? matchedBy(entity), name, wanted));
    if (known === undefined) this.need(entity.key);
  }
}

/** Rows of one answer to many keys are told apart by their key, which therefore has to be in them. */
export function matchedBy({ connector, key }: EntityRoute): FieldTree {
  return connector.takesMany ? key : new Map();
}

function grown(tree: FieldTree, name: string, wanted: Wanted): FieldTree {
  return unionOf(tree, new Map([[name, wanted]])) ?? tree;
}

/** The type says values of one kind; graphql-js gives values of any. */
type Variables = Parameters<typeof collectSubFields>[2];

/** The fields that a place selects of a type, by their own names. */
export function fieldsByName(type: GraphQLObjectType, place: Place): Map<string, FieldNode[]> {
  const { schema, fragments, variableValues, fieldNodes } = place;
  // It looks for the values where graphql 17 has them.
  const variables = { coerced: variableValues } as unknown as Variables;
  const collected = collectSubFields(schema, fragments, variables, type, [...fieldNodes]);
  const byName = new Map<string, FieldNode[]>();
  for (const nodes of collected.fields.values()) {
    const name = nodes[0]?.name.value ?? '';
    byName.set(name, [...(byName.get(name) ?? []), ...nodes]);
  }
  return byName;
}
