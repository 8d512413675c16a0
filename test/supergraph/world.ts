/**
 * A service made up from its schema. What a field gives follows from the object that has it, the field's name and its
 * arguments, so that two services with the same schema know the same, and so do several that share it between them.
 * Objects, ids and texts are few: one taken for another is another's answer, and never an empty one.
 */
import {
  defaultFieldResolver,
  getNullableType,
  GraphQLError,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  valueFromASTUntyped,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { canonicalText } from '../../src/connectors/keys.js';

/** What is special in a world. */
export interface Laws {
  /** Fields that are of objects with a number of their own, and never fail: parts of keys. */
  readonly identities?: readonly string[];
  /** What some fields are made from, beside their object: `Product.shipping` from its `weight`. */
  readonly madeFrom?: Readonly<Record<string, FactTree>>;
  /** Fields that never fail, although they may be null. */
  readonly steady?: readonly string[];
  /** Set for one who knows a part: fields that it does not know by itself, … */
  readonly unknown?: readonly string[];
  /** … but does below some fields: `Review.author` gives `name`. */
  readonly provided?: Readonly<Record<string, readonly string[]>>;
}

/** Names of fields, with those of the objects that they hold. */
export interface FactTree {
  readonly [field: string]: FactTree | null;
}

/** One object of a world. */
export interface Thing {
  readonly __typename: string;
  readonly number: number;
  /** What somebody else has told of it. */
  readonly told?: Readonly<Record<string, unknown>>;
  /** Fields that are known here of this object, although they are not of others. */
  readonly provided?: readonly string[] | undefined;
}

/** Whether fields fail, and who is told what was asked. */
export interface Watch {
  failing: 'nothing' | 'anything' | 'what may be null';
  asked(coordinate: string, context: unknown): void;
}

/** How many objects there are of each type. */
export const population = 7;

/** Scalars that are not GraphQL's own, by how their names begin. */
const scalars: Readonly<Record<string, (number: number) => unknown>> = {
  Big: (number) => BigInt(Number.MAX_SAFE_INTEGER) * 9n + BigInt(number),
  JSON: (number) => ({ deep: [number, { id: `${number % 3}`, none: null }], __typename: 'Made', n: 2 ** 60 }),
  Date: (number) => `2025-01-0${(number % 9) + 1}`,
};

const leaves: Readonly<Record<string, (number: number) => unknown>> = {
  Int: (number) => number % 5,
  Float: (number) => (number % 50) / 4,
  Boolean: (number) => number % 2 === 0,
  ID: (number) => `${number % population}`,
  String: (number) => `${number % population}`,
};

/** Finds the object whose key this is. */
export type Find = (
  type: string,
  told: Readonly<Record<string, unknown>>,
  key: FactTree,
) => Thing | undefined;

/** Makes a schema executable: its objects are {@link Thing}s. */
export function inhabit(schema: GraphQLSchema, watch: Watch, laws: Laws = {}): Find {
  const world = new World(schema, watch, laws);
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (isAbstractType(type)) type.resolveType = (thing) => (thing as Thing).__typename;
    if (isScalarType(type) && type.name.startsWith('Big')) {
      type.parseLiteral = (node, variables) =>
        node.kind === 'IntValue' ? BigInt(node.value) : valueFromASTUntyped(node, variables);
    }
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (!field.name.startsWith('_')) field.resolve = world.resolve;
      else field.resolve = defaultFieldResolver;
    }
  }
  return (type, told, key) => world.find(type, told, key);
}

class World {
  readonly #schema: GraphQLSchema;
  readonly #watch: Watch;
  readonly #laws: Laws;

  constructor(schema: GraphQLSchema, watch: Watch, laws: Laws) {
    this.#schema = schema;
    this.#watch = watch;
    this.#laws = laws;
  }

  readonly resolve: GraphQLFieldResolver<Thing | undefined, unknown> = (thing, args, context, info) => {
    const { fieldName, parentType, returnType } = info;
    const coordinate = `${parentType.name}.${fieldName}`;
    this.#watch.asked(`${coordinate}(${canonicalText(args)})`, context);
    const given = canonicalText(args) + this.#madeFrom(coordinate, thing);
    const provided = this.#laws.provided?.[coordinate];
    return this.#value(coordinate, thing?.number ?? 0, returnType, given, provided);
  };

  /** What a field is made from beside its object; whoever does not know makes it from something else. */
  #madeFrom(coordinate: string, thing: Thing | undefined): string {
    const [, name = ''] = coordinate.split('.');
    const isUnknown = this.#laws.unknown?.includes(coordinate) === true;
    if (isUnknown && thing?.provided?.includes(name) !== true) return 'guessed';
    const facts = this.#laws.madeFrom?.[coordinate];
    if (facts === undefined || thing === undefined) return '';
    const isTold = this.#laws.unknown !== undefined;
    return canonicalText(isTold ? part(thing.told ?? {}, facts) : this.#facts(thing, facts));
  }

  #value(
    coordinate: string,
    number: number,
    type: GraphQLOutputType,
    more: string,
    provided?: readonly string[],
  ): unknown {
    if (this.#laws.identities?.includes(coordinate)) return this.#complete(type, number, true);
    if (String(type) === 'ID!' && more === '{}') return this.#complete(type, number, true);
    const isSteady = this.#laws.steady?.includes(coordinate) === true;
    return this.#complete(type, hash(`${coordinate} ${number} ${more}`), false, isSteady, provided);
  }

  /** What a field is made from, as it is in truth. */
  #facts({ __typename, number }: Thing, facts: FactTree): Record<string, unknown> {
    const type = this.#schema.getType(__typename);
    const fields = isObjectType(type) ? type.getFields() : {};
    const entries = Object.entries(facts).map(([name, below]) => {
      const field = fields[name];
      const value = field && this.#value(`${__typename}.${name}`, number, field.type, '{}');
      return [name, below === null ? value : this.#factsBelow(value, below)] as const;
    });
    return Object.fromEntries(entries);
  }

  #factsBelow(value: unknown, facts: FactTree): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#factsBelow(each, facts));
    return value === null ? null : this.#facts(value as Thing, facts);
  }

  /** The object whose key this is. */
  find(type: string, told: Readonly<Record<string, unknown>>, key: FactTree): Thing | undefined {
    const numbers = Array.from({ length: population }, (_, number) => number);
    const same = (number: number) =>
      canonicalText(this.#facts({ __typename: type, number }, key)) === canonicalText(part(told, key));
    const number = numbers.find(same);
    return number === undefined ? undefined : { __typename: type, number };
  }

  #complete(
    type: GraphQLOutputType,
    number: number,
    isSure: boolean,
    isSteady = isSure,
    provided?: readonly string[],
  ): unknown {
    const { failing } = this.#watch;
    const mayFail = failing === 'anything' || (failing === 'what may be null' && !isNonNullType(type));
    if (mayFail && !isSteady && hash(`failing ${number}`) % 11 === 0)
      return new GraphQLError('postgres://secret refused', { extensions: { code: 'TORN' } });
    if (!isSure && !isNonNullType(type) && number % 9 === 0) return null;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      const item: GraphQLOutputType = nullable.ofType;
      return Array.from({ length: number % 4 }, (_, index) =>
        this.#complete(item, hash(`${number} ${index}`), isSure, isSteady, provided),
      );
    }
    if (isEnumType(nullable)) return pick(nullable.getValues(), number).name;
    if (isScalarType(nullable)) {
      const name = Object.keys(scalars).find((start) => nullable.name.startsWith(start));
      return (leaves[nullable.name] ?? scalars[name ?? 'JSON'])?.(number);
    }
    const members = isAbstractType(nullable) ? this.#schema.getPossibleTypes(nullable) : [nullable];
    const names = members.map(({ name }) => name).sort();
    const which = isSure ? number : hash(`which ${number}`) % population;
    return { __typename: pick(names, number), number: which, provided };
  }
}

function part(told: unknown, key: FactTree): unknown {
  if (typeof told !== 'object' || told === null) return told;
  if (Array.isArray(told)) return told.map((each) => part(each, key));
  return Object.fromEntries(
    Object.entries(key).map(([name, below]) => {
      const value = (told as Record<string, unknown>)[name];
      return [name, below === null ? value : part(value, below)];
    }),
  );
}

function pick<T>(list: readonly T[], number: number): T {
  return list[number % list.length]!;
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return (value ^ (value >>> 15)) >>> 0;
}
