import {
  getNamedType,
  GraphQLError,
  isObjectType,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
} from 'graphql';
import type { RequestContext } from '../base/context.js';
import { withoutFailure } from '../connectors/failed-values.js';
import { load } from '../connectors/loaders.js';
import { isNobody } from '../connectors/keys.js';
import type { ParentObject } from '../connectors/connector.js';
import type { FieldTree } from '../mapping/shape.js';
import { isObject, own, put } from '../mapping/values.js';
import type { Provision } from './provision.js';
import { findRoute, type EntityRoute, type RouteTable } from './routes.js';
import { matchedBy, wantOfFields, type Want } from './want.js';

/** A position in the answer, innermost first. */
export interface RowPath {
  readonly prev: RowPath | undefined;
  readonly key: string | number;
}

/** What a {@link Row} is made from. */
export interface RowFacts {
  readonly type: GraphQLObjectType;
  readonly data: Readonly<Record<string, unknown>>;
  readonly provision: Provision;
  readonly want: Want;
  readonly table: RouteTable;
  readonly context: RequestContext;
  readonly path?: RowPath | undefined;
  /** The fields that select the object, for errors. */
  readonly nodes?: readonly FieldNode[] | undefined;
}

/**
 * One object while a request is answered: what came with it, and the way to the rest. Fields are read by their
 * own names; what a client calls them never matters here.
 */
export class Row {
  readonly type: GraphQLObjectType;
  readonly provision: Provision;
  /** What came with the object, mapped, by field name. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly #want: Want;
  readonly #table: RouteTable;
  readonly #context: RequestContext;
  readonly #path: RowPath | undefined;
  readonly #nodes: readonly FieldNode[] | undefined;
  readonly #fetched = new Map<EntityRoute, Promise<unknown>>();

  constructor(facts: RowFacts) {
    this.type = facts.type;
    this.provision = facts.provision;
    this.data = facts.data;
    this.#want = facts.want;
    this.#table = facts.table;
    this.#context = facts.context;
    this.#path = facts.path;
    this.#nodes = facts.nodes;
  }

  /**
   * Fetches by key what the selection needs and did not come with the object.
   *
   * @returns false if it turns out that there is no such object. A fetch that fails says so at its fields.
   */
  async arrive(): Promise<boolean> {
    const fetches = [...this.#want.via.keys()].map((entity) =>
      this.#fetch(entity).then(isObject, () => true),
    );
    return fetches.length === 0 || (await Promise.all(fetches)).includes(true);
  }

  /**
   * The mapped value of a field that has no connector of its own, with what comes with it.
   *
   * @param key under which it stands with a backend that takes its arguments
   */
  async value(field: string, key = field): Promise<{ value: unknown; provision: Provision }> {
    const route = findRoute(this.#table, this.type.name, field, this.provision);
    switch (route.kind) {
      case 'own':
        return { value: own(this.data, field), provision: this.provision.under(field) };
      case 'entity': {
        const { provision } = route.entity;
        const stands = provision.forwards(field) ? key : field;
        const guarded = this.#want.guarded.get(stands);
        const object = await (guarded === undefined
          ? this.#fetch(route.entity)
          : this.#fetchByKey(route.entity, guarded, field));
        const value = isObject(object) ? own(object, stands) : null;
        return { value, provision: provision.under(field) };
      }
      case 'connector': {
        const [connector] = route.connectors;
        const parent = await this.read(connector.needs);
        const answer = isNobody(parent, connector.needs)
          ? null
          : await load(connector, this.#context, { args: {}, parent, wanted: null });
        return { value: answer, provision: this.provision.under(field) };
      }
      case 'none':
        return { value: null, provision: this.provision.under(field) };
    }
  }

  /** Reads some fields, for a key or `$this`: at once if they came with the object. What is missing stays missing. */
  read(fields: FieldTree): ParentObject | Promise<ParentObject> {
    return this.#atHand(fields) ?? this.#readOneByOne(fields);
  }

  #atHand(fields: FieldTree): ParentObject | undefined {
    const object: Record<string, unknown> = {};
    for (const [name, nested] of fields) {
      const route = findRoute(this.#table, this.type.name, name, this.provision);
      if (route.kind !== 'own') return undefined;
      const value = withoutFailure(own(this.data, name));
      const below =
        nested === null ? undefined : this.#below(name, value, this.provision.under(name), nested);
      const read = nested === null || below === undefined ? value : below.#atHand(nested);
      if (Array.isArray(value) && nested !== null) return undefined;
      if (below !== undefined && read === undefined) return undefined;
      if (read !== undefined) put(object, name, read);
    }
    return object;
  }

  async #readOneByOne(fields: FieldTree): Promise<ParentObject> {
    const object: Record<string, unknown> = {};
    for (const [name, nested] of fields) {
      const { value: found, provision } = await this.value(name);
      const value = withoutFailure(found);
      const read = nested === null ? value : await this.#readBelow(name, value, provision, nested);
      if (read !== undefined) put(object, name, read);
    }
    return object;
  }

  /** As {@link read}, for a rule: an ID is text, as clients see it, whatever its backend sends. */
  facts(fields: FieldTree): ParentObject | Promise<ParentObject> {
    const read = this.read(fields);
    const toFacts = (object: ParentObject) => asClientsSee(object, this.type) as ParentObject;
    return read instanceof Promise ? read.then(toFacts) : toFacts(read);
  }

  async #readBelow(field: string, value: unknown, provision: Provision, fields: FieldTree): Promise<unknown> {
    if (Array.isArray(value)) {
      return Promise.all(value.map((item) => this.#readBelow(field, item, provision, fields)));
    }
    return this.#below(field, value, provision, fields)?.read(fields) ?? value;
  }

  /** The object that a field holds, if it holds one, for some fields of it. */
  #below(field: string, value: unknown, from: Provision, fields: FieldTree): Row | undefined {
    const returned = this.type.getFields()[field]?.type;
    const type = returned && getNamedType(returned);
    if (!isObject(value) || !isObjectType(type)) return undefined;
    const [table, context, provision] = [this.#table, this.#context, from.as(type.name)];
    const want = wantOfFields(table, type, provision, fields);
    return new Row({ type, data: value, provision, want, table, context });
  }

  #fetch(entity: EntityRoute): Promise<unknown> {
    let fetched = this.#fetched.get(entity);
    if (fetched === undefined) {
      const wanted = this.#want.via.get(entity) ?? matchedBy(entity);
      fetched = this.#fetchByKey(entity, wanted).catch((error: unknown) => {
        throw this.#here(error);
      });
      this.#fetched.set(entity, fetched);
    }
    return fetched;
  }

  /** A failed fetch is one error at the object, however many of its fields are null because of it. */
  #here(error: unknown): unknown {
    if (!(error instanceof Error) || this.#path === undefined) return error;
    return new GraphQLError(error.message, {
      nodes: this.#nodes,
      originalError: error,
      path: toPath(this.#path),
    });
  }

  /** @param group a field that its rule has allowed: it is asked only of objects of which it is allowed */
  async #fetchByKey(entity: EntityRoute, wanted: FieldTree, group?: string): Promise<unknown> {
    const read = entity.keyAs === 'arguments' ? this.facts(entity.key) : this.read(entity.key);
    const key = read instanceof Promise ? await read : read;
    if (isNobody(key, entity.key)) return null;
    const inputs = entity.keyAs === 'arguments' ? { args: key } : { args: {}, parent: key };
    return load(entity.connector, this.#context, { ...inputs, wanted, group });
  }
}

function asClientsSee(value: unknown, type: GraphQLNamedType | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => asClientsSee(item, type));
  if (isObject(value) && isObjectType(type)) {
    const fields = type.getFields();
    const entries = Object.entries(value).map(([name, each]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return [name, asClientsSee(each, field && getNamedType(field.type))] as const;
    });
    return Object.fromEntries(entries);
  }
  return isIdentifier(value, type) ? String(value) : value;
}

function isIdentifier(value: unknown, type: GraphQLNamedType | undefined): boolean {
  return type?.name === 'ID' && (typeof value === 'number' || typeof value === 'bigint');
}

/** From the root of the answer on. */
export function toPath(path: RowPath): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: RowPath | undefined = path; at !== undefined; at = at.prev) keys.push(at.key);
  return keys.reverse();
}
