import { collectSubFields } from '@graphql-tools/utils';
import {
  BREAK,
  getArgumentValues,
  getNamedType,
  isCompositeType,
  isObjectType,
  visit,
  type ASTNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type ValueNode,
} from 'graphql';
import { fieldKey, memberKey } from '../connectors/field-keys.js';
import { unionOf, type Wanted } from '../connectors/wanted.js';
import type { RequestContext } from '../base/context.js';
import type { FieldTree } from '../mapping/shape.js';
import type { Provision } from './provision.js';
import { findRoute, stubKey, type EntityRoute, type RouteTable } from './routes.js';

/** What has to be fetched of an object so that a selection of its fields can be answered. */
export interface Want {
  /** From where the object itself comes. */
  readonly own: FieldTree;
  /** By its key, from where else. */
  readonly via: ReadonlyMap<EntityRoute, FieldTree>;
  /** What a rule has to allow first, by the field's own name and key: it is fetched by itself then. */
  readonly guarded: ReadonlyMap<string, FieldTree>;
  /** Present for a stub, of which nothing comes but this key: where all of it is null, there is no such object. */
  readonly stub?: FieldTree | undefined;
}

/** What rules mean for what is fetched. */
export interface Facts {
  /** The rule of a field (`ssn`), or of one of its arguments (`users(ssn:)`). */
  ofField(type: string, field: string): GuardFacts | undefined;
  /** The rule of all objects of a type. */
  ofType(type: string): GuardFacts | undefined;
  /**
   * Fields (`Type.field`) and types of an operation that its caller is refused whatever the objects are: they are not
   * fetched. The same set for the same refusals.
   */
  refused(place: Place, context: RequestContext): ReadonlySet<string>;
}

/** What a rule reads of the object that it guards, or that holds the field it guards. */
export interface GuardFacts {
  readonly facts: FieldTree | undefined;
}

/** For callers who are refused nothing. */
export const nothingRefused: ReadonlySet<string> = new Set();

/** A place in an operation: the nodes that select an object, and what is needed to read below them. */
export type Place = Pick<
  GraphQLResolveInfo,
  'schema' | 'operation' | 'fragments' | 'variableValues' | 'fieldNodes'
>;

/** Works out {@link Want}s, once for each operation that is asked again and again. */
export class Wants {
  readonly #table: RouteTable;
  readonly #facts: Facts;
  readonly #known = new WeakMap<object, Map<ReadonlySet<string>, Map<Provision, Map<string, Want>>>>();
  readonly #conditional = new WeakMap<object, boolean>();

  constructor(table: RouteTable, facts: Facts) {
    this.#table = table;
    this.#facts = facts;
  }

  /** What an object of this type needs so that the place's selection can be answered. */
  of(type: GraphQLObjectType, provision: Provision, place: Place, context: RequestContext): Want {
    const refused = context.local(this, () => this.#facts.refused(place, context));
    return this.#of(type, provision, place, refused);
  }

  /** What a field's own answer has to hold; for an interface or union, of each type it may be. */
  ofAnswer(
    type: GraphQLCompositeType,
    provision: Provision,
    place: Place,
    context: RequestContext,
  ): FieldTree {
    const refused = context.local(this, () => this.#facts.refused(place, context));
    return this.#ofAnswer(type, provision, place, refused);
  }

  #of(type: GraphQLObjectType, provision: Provision, place: Place, refused: ReadonlySet<string>): Want {
    const byRefusals = known(this.#known, this.#lifetime(place), () => new Map<ReadonlySet<string>, Known>());
    const byProvision = known(byRefusals, refused, () => new Map<Provision, Map<string, Want>>());
    const byType = known(byProvision, provision, () => new Map<string, Want>());
    return known(byType, type.name, () => this.#find(type, provision, place, refused));
  }

  #ofAnswer(
    type: GraphQLCompositeType,
    provision: Provision,
    place: Place,
    refused: ReadonlySet<string>,
  ): FieldTree {
    if (isObjectType(type)) return this.#of(type, provision.as(type.name), place, refused).own;
    const wants = place.schema
      .getPossibleTypes(type)
      .map(
        (member) => [member.name, this.#of(member, provision.as(member.name), place, refused).own] as const,
      );
    if (provision.forwarded) {
      const ofMembers = wants.map(([member, want]) => [memberKey(member), want] as const);
      return new Map([['__typename', null], ...ofMembers]);
    }
    return wants.map(([, want]) => want as Wanted).reduce(unionOf, new Map()) ?? new Map();
  }

  /**
   * How long a want holds. As long as the document, which is kept between requests, if the place is a single node
   * of it; only for this execution where a variable may switch fields off or is handed on below a root field, or where
   * nodes were merged.
   */
  #lifetime({ fieldNodes, operation, fragments }: Place): object {
    const [node] = fieldNodes;
    if (node === undefined || fieldNodes.length > 1) return fieldNodes;
    const isConditional = known(this.#conditional, operation, () =>
      [operation, ...Object.values(fragments)].some((each) => dependsOnVariables(each, this.#table)),
    );
    return isConditional ? fieldNodes : node;
  }

  #find(type: GraphQLObjectType, provision: Provision, place: Place, refused: ReadonlySet<string>): Want {
    const found = new Found(this.#table, type, provision);
    found.stub = stubKey(this.#table, type, provision);
    found.need(found.stub);
    if (refused.has(type.name)) return found;
    found.need(this.#facts.ofType(type.name)?.facts);
    for (const [name, nodes] of fieldsByName(type, place)) {
      const field = type.getFields()[name];
      const returned = field && getNamedType(field.type);
      if (field === undefined || returned === undefined) continue;
      if (refused.has(`${type.name}.${name}`) || refused.has(returned.name)) continue;
      const guard = this.#facts.ofField(type.name, name);
      found.need(guard?.facts);
      for (const [key, same] of byArguments(field, nodes, place)) {
        if (this.#refusesArgument(type.name, name, same, refused)) continue;
        for (const argument of field.args.length === 0 ? [] : givenArguments(same)) {
          found.need(this.#facts.ofField(type.name, `${name}(${argument}:)`)?.facts);
        }
        const below = isCompositeType(returned)
          ? (from: Provision) => this.#ofAnswer(returned, from, { ...place, fieldNodes: same }, refused)
          : () => null;
        if (guard?.facts === undefined) found.add(name, below, key);
        else found.addGuarded(name, below, key);
      }
    }
    found.settle();
    return found;
  }

  #refusesArgument(
    type: string,
    field: string,
    nodes: readonly FieldNode[],
    refused: ReadonlySet<string>,
  ): boolean {
    if (refused.size === 0) return false;
    return [...givenArguments(nodes)].some((name) => refused.has(`${type}.${field}(${name}:)`));
  }
}

/** The names of the arguments that a client gives. */
export function givenArguments(nodes: readonly FieldNode[]): Set<string> {
  return new Set(nodes.flatMap(({ arguments: args = [] }) => args.map(({ name }) => name.value)));
}

type Known = Map<Provision, Map<string, Want>>;

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

function dependsOnVariables(definition: ASTNode, { forwardedNames }: RouteTable): boolean {
  let found = false;
  visit(definition, {
    Directive: ({ name }) => {
      found ||= name.value === 'skip' || name.value === 'include';
      return found ? BREAK : undefined;
    },
    Field: ({ name, arguments: args = [] }) => {
      found ||= forwardedNames.has(name.value) && args.some(({ value }) => holdsVariable(value));
      return found ? BREAK : undefined;
    },
  });
  return found;
}

function holdsVariable(value: ValueNode): boolean {
  let found = false;
  visit(value, {
    Variable: () => {
      found = true;
      return BREAK;
    },
  });
  return found;
}

const wantsOfFields = new WeakMap<GraphQLObjectType, WeakMap<FieldTree, Map<Provision, Want>>>();

/** What an object needs so that these fields of it can be read for a key, a connector or a rule. */
export function wantOfFields(
  table: RouteTable,
  type: GraphQLObjectType,
  provision: Provision,
  fields: FieldTree,
): Want {
  const byFields = known(wantsOfFields, type, () => new WeakMap<FieldTree, Map<Provision, Want>>());
  const byProvision = known(byFields, fields, () => new Map<Provision, Want>());
  return known(byProvision, provision, () => {
    const found = new Found(table, type, provision);
    found.need(fields);
    return found;
  });
}

/** Collects where the fields of one object come from. */
class Found implements Want {
  own: FieldTree = new Map();
  stub: FieldTree | undefined;
  readonly via = new Map<EntityRoute, FieldTree>();
  readonly guarded = new Map<string, FieldTree>();
  readonly #waiting: Guarded[] = [];
  readonly #table: RouteTable;
  readonly #type: GraphQLObjectType;
  readonly #provision: Provision;
  readonly #connected = new Set<string>();

  constructor(table: RouteTable, type: GraphQLObjectType, provision: Provision) {
    this.#table = table;
    this.#type = type;
    this.#provision = provision;
  }

  /**
   * @param below what is wanted of the field's value, given what comes with the object that has it
   * @param key under which it stands with a backend that takes its arguments
   */
  add(name: string, below: (from: Provision) => Wanted, key = name): void {
    const route = findRoute(this.#table, this.#type.name, name, this.#provision);
    switch (route.kind) {
      case 'own':
        this.own = grown(this.own, nameWith(this.#provision, name, key), below(this.#provision.under(name)));
        return;
      case 'connector':
        if (this.#connected.has(name)) return;
        this.#connected.add(name);
        for (const connector of route.connectors) this.need(connector.needs);
        return;
      case 'entity': {
        const { provision } = route.entity;
        this.#fetch(route.entity, nameWith(provision, name, key), below(provision.under(name)));
        return;
      }
      case 'none':
        return;
    }
  }

  /** The same for a field whose rule reads the object: nothing is asked for its sake before the rule has allowed it. */
  addGuarded(name: string, below: (from: Provision) => Wanted, key: string): void {
    const route = findRoute(this.#table, this.#type.name, name, this.#provision);
    if (route.kind === 'entity') this.#waiting.push({ name, below, key, entity: route.entity });
    else this.add(name, below, key);
  }

  /**
   * Decides on guarded fields when all others are known. One that a fetch brings anyway comes with it; of a GraphQL
   * service each field is asked by itself, so it waits all the same.
   */
  settle(): void {
    for (const { name, below, key, entity } of this.#waiting) {
      if (this.via.has(entity) && entity.connector.definition.kind !== 'graphql') {
        this.add(name, below, key);
        continue;
      }
      const stands = nameWith(entity.provision, name, key);
      this.guarded.set(stands, grown(matchedBy(entity), stands, below(entity.provision.under(name))));
      this.need(entity.key);
    }
  }

  /** Fields that a connector or a rule reads. */
  need(fields: FieldTree | undefined): void {
    for (const [name, nested] of fields ?? [])
      this.add(name, (from) => this.#neededBelow(name, nested, from));
  }

  #neededBelow(name: string, nested: Wanted, from: Provision): Wanted {
    const field = this.#type.getFields()[name];
    const type = field && getNamedType(field.type);
    if (nested === null || !isObjectType(type)) return nested;
    return wantOfFields(this.#table, type, from.as(type.name), nested).own;
  }

  #fetch(entity: EntityRoute, name: string, wanted: Wanted): void {
    const known = this.via.get(entity);
    this.via.set(entity, grown(known ?? matchedBy(entity), name, wanted));
    if (known === undefined) this.need(entity.key);
  }
}

/** A field that waits for its rule. */
interface Guarded {
  readonly name: string;
  readonly below: (from: Provision) => Wanted;
  readonly key: string;
  readonly entity: EntityRoute;
}

/** Rows of one answer to many keys are told apart by their key, which therefore has to be in them. */
export function matchedBy({ connector, key }: EntityRoute): FieldTree {
  return connector.takesMany && !connector.inOrder ? key : new Map();
}

function nameWith(provision: Provision, name: string, key: string): string {
  return provision.forwards(name) ? key : name;
}

/** The nodes of one field by its arguments. Where these are at fault, the field will be an error, and nothing is wanted. */
function byArguments(
  field: GraphQLField<unknown, unknown>,
  nodes: readonly FieldNode[],
  { variableValues }: Place,
): ReadonlyMap<string, readonly FieldNode[]> {
  if (field.args.length === 0) return new Map([[field.name, nodes]]);
  const groups = new Map<string, FieldNode[]>();
  for (const node of nodes) {
    const key = keyOfNode(field, node, variableValues);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return groups;
}

/** The key of a field with the arguments of a node; undefined where these are at fault. */
export function keyOfNode(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Place['variableValues'],
): string | undefined {
  try {
    return fieldKey(field.name, getArgumentValues(field, node, variables));
  } catch {
    return undefined;
  }
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
  const byName = new Map<string, FieldNode[]>();
  // Node by node: the place may have been asked for under several names, and what two of these call alike may be two
  // different fields.
  for (const node of fieldNodes) {
    for (const nodes of collectSubFields(schema, fragments, variables, type, [node]).fields.values()) {
      for (const each of nodes) byName.set(each.name.value, [...(byName.get(each.name.value) ?? []), each]);
    }
  }
  return byName;
}
