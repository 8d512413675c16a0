import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isListType,
  isObjectType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../base/context.js';
import type { GatewayError } from '../base/errors.js';
import type { ConnectDefinition, Subgraph } from '../subgraph/subgraph.js';

/** How many rows one operation may have, of all backends together. */
export interface RowBudget {
  readonly max: number;
  /** Asked once for an operation that has more: the error for what is over, unless it may go on. */
  readonly refuse: (context: RequestContext, rows: number) => GatewayError | undefined;
}

interface Spent {
  rows: number;
  verdict: { readonly refusal: GatewayError | undefined } | undefined;
}

/**
 * Counts the rows of an answer. What was counted before stays with the operation; this answer, and all after it that
 * have rows, are over.
 *
 * @throws GatewayError of the budget's
 */
export function spendRows(context: RequestContext, rows: number, budget: RowBudget): void {
  if (rows === 0) return;
  const spent = context.local<Spent>(spendRows, () => ({ rows: 0, verdict: undefined }));
  spent.rows += rows;
  if (spent.rows <= budget.max) return;
  spent.verdict ??= { refusal: budget.refuse(context, spent.rows) };
  if (spent.verdict.refusal !== undefined) throw spent.verdict.refusal;
}

/** No query is answered from so deep; what is there is the value of a scalar. */
const deepest = 500;

/** Counts the entries of all lists in a mapped answer. */
export type CountRows = (answer: unknown) => number;

/**
 * Makes the count for the answers of a connector. It looks only where the schema has lists: looking at every property
 * of every row was measured at a sixteenth of parsing them.
 *
 * @param hasPlainNames whether fields stand under their names; they do not in an answer that is handed on as it is
 */
export function rowCounter(
  definition: ConnectDefinition,
  { schema }: Subgraph,
  hasPlainNames: boolean,
): CountRows {
  if (!hasPlainNames) return countAll;
  const owner = schema.getType(definition.type);
  const field =
    definition.field === undefined || !isObjectType(owner) ? undefined : owner.getFields()[definition.field];
  const type = field === undefined ? owner : getNamedType(field.type);
  if (type === undefined) return countAll;
  const places = new ListPlaces(schema);
  return (answer) => count(answer, type, places);
}

function count(value: unknown, type: GraphQLNamedType, places: ListPlaces, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > deepest) return 0;
  if (Array.isArray(value)) return value.length + countEach(value, type, places, depth + 1);
  let rows = 0;
  for (const { name, type: inner } of places.in(type)) {
    const next = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof next === 'object' && next !== null) rows += count(next, inner, places, depth + 1);
  }
  return rows;
}

function countEach(
  list: readonly unknown[],
  type: GraphQLNamedType,
  places: ListPlaces,
  depth: number,
): number {
  if (places.in(type).length === 0 && !Array.isArray(list[0])) return 0;
  let rows = 0;
  for (const each of list) rows += count(each, type, places, depth);
  return rows;
}

function countAll(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > deepest) return 0;
  let rows = Array.isArray(value) ? value.length : 0;
  for (const inner of Object.values(value)) rows += countAll(inner, depth + 1);
  return rows;
}

interface ListPlace {
  readonly name: string;
  readonly type: GraphQLNamedType;
}

/** The fields of each type that are lists, or lead to some. */
class ListPlaces {
  readonly #schema: GraphQLSchema;
  readonly #known = new Map<GraphQLNamedType, readonly ListPlace[]>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  in(type: GraphQLNamedType): readonly ListPlace[] {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const places = this.#fieldsOf(type)
      .filter((field) => isList(field) || this.#leadsToList(getNamedType(field.type)))
      .map((field) => ({ name: field.name, type: getNamedType(field.type) }));
    this.#known.set(type, places);
    return places;
  }

  #leadsToList(type: GraphQLNamedType): boolean {
    const seen = new Set([type]);
    for (const each of seen) {
      for (const field of this.#fieldsOf(each)) {
        if (isList(field)) return true;
        seen.add(getNamedType(field.type));
      }
    }
    return false;
  }

  #fieldsOf(type: GraphQLNamedType): GraphQLField<unknown, unknown>[] {
    if (!isCompositeType(type)) return [];
    const members: readonly GraphQLObjectType[] = isAbstractType(type)
      ? this.#schema.getPossibleTypes(type)
      : [type];
    const byName = new Map(
      members.flatMap((each) => Object.values(each.getFields())).map((each) => [each.name, each]),
    );
    return [...byName.values()];
  }
}

function isList({ type }: GraphQLField<unknown, unknown>): boolean {
  return isListType(getNullableType(type));
}
