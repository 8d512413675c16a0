import { buildSchema, execute, parse, printSchema, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { stringifyJson } from '../../src/mapping/json.js';
import { openService, type Service } from '../connectors/graphql/service.js';
import { coordinatesOf, type Asked } from './operations.js';
import { checkOperations, expectSameAnswer, seed, timeout, Witness, type Outcome } from './oracle.js';
import { inhabit, type FactTree, type Laws, type Thing, type Watch } from './world.js';

/**
 * Four Federation subgraphs answer together as one service would that had all of their types. In a test's name is the
 * seed it ran with: `FC_SEED=…` runs it again, `FC_RUNS=…` sets how often.
 */

const catalog = `
  type Query {
    products(first: Int = 2): [Product!]!
    product(upc: ID!): Product
    brands: [Brand]
    shared(id: ID): Product @shareable
  }
  type Product @key(fields: "upc") @key(fields: "sku brand { id }") {
    upc: ID!
    sku: ID!
    brand: Brand!
    title(case: Case = LOWER): String
    weight: Int @shareable
    size: Size
    sizes: [Size]
    related(first: Int): [Product!]
    twin(of: ID): Brand @shareable
    kind: Kind
  }
  type Brand @key(fields: "id") { id: ID! label: String best: Product }
  type Size @shareable { w: Int h(unit: String = "cm"): Int of: Brand }
  enum Case { LOWER UPPER }
  enum Kind { A B }
`;

const inventory = `
  type Query { stocked(first: Int! = 3): [Product!]! stores: [Store!] shared(id: ID): Product @shareable }
  type Product @key(fields: "upc") {
    upc: ID!
    weight: Int @shareable
    size: Size @external
    sizes: [Size] @external
    kind: Kind @external
    brand: Brand! @external
    inStock(at: ID): Boolean
    shipping: Int @requires(fields: "size { w }")
    parcels(max: Int): [Int!] @requires(fields: "sizes { w } kind")
    tax: String @requires(fields: "brand { country }")
    store: Store
    twin(of: ID): Brand @shareable
  }
  type Size @shareable { w: Int @external }
  type Brand @key(fields: "id") { id: ID! country: String @external }
  type Store @key(fields: "city { code } no") { city: City! no: ID! staff(first: Int): [Person!] sells: [Product!]! }
  type City @shareable { code: ID! }
  type Person @key(fields: "id") { id: ID! }
  enum Kind { A B }
`;

const people = `
  type Query { me: Person person(id: ID!): Person someone: Who }
  interface Named { name: String }
  union Who = Person | Brand | Store
  type Person implements Named @key(fields: "id") {
    id: ID!
    name: String @shareable
    nick: String
    boss: Person
    bio(lang: Lang!, max: Int): String
    named: Named
  }
  type Brand implements Named @key(fields: "id") { id: ID! name: String country: String founder: Person rivals: [Brand!] }
  type Store @key(fields: "city { code } no") { city: City! no: ID! manager: Person named: [Named] }
  type City @shareable { code: ID! }
  input Lang { code: String = "en", more: [Lang!] }
`;

const reviews = `
  type Query { reviews(of: ID): [Review!]! node(id: ID!): Node items: [Item] }
  interface Node { id: ID! }
  union Item = Product | Review | Brand | Person
  type Review implements Node @key(fields: "id") {
    id: ID!
    text: String
    stars: Int
    author: Person @provides(fields: "name")
    by: Person
    product: Product!
    about: Node
  }
  type Person implements Node @key(fields: "id") { id: ID! name: String @external reviews(first: Int): [Review!] }
  type Product @key(fields: "sku brand { id }") { sku: ID! brand: Brand! reviews: [Review!] rating(scale: Int = 5): Float }
  type Brand implements Node @key(fields: "id") { id: ID! }
`;

const sdls = { catalog, inventory, people, reviews };
type Name = keyof typeof sdls;

const machinery = (entities: string) => `
  scalar _Any
  scalar FieldSet
  union _Entity = ${entities}
  extend type Query { _entities(representations: [_Any!]!): [_Entity]! }
  directive @key(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
  directive @shareable repeatable on OBJECT | FIELD_DEFINITION
  directive @external on OBJECT | FIELD_DEFINITION
  directive @requires(fields: FieldSet!) on FIELD_DEFINITION
  directive @provides(fields: FieldSet!) on FIELD_DEFINITION
`;

const laws = {
  identities: ['Product.brand', 'Store.city'],
  madeFrom: {
    'Product.shipping': { size: { w: null } },
    'Product.parcels': { sizes: { w: null }, kind: null },
    'Product.tax': { brand: { country: null } },
  },
  steady: ['Product.size', 'Product.sizes', 'Product.kind', 'Size.w', 'Brand.country'],
} satisfies Laws;

/** What each subgraph names and does not know. */
const unknown: Readonly<Record<Name, readonly string[]>> = {
  catalog: [],
  inventory: ['Product.size', 'Product.sizes', 'Product.kind', 'Size.w', 'Brand.country'],
  people: [],
  reviews: ['Person.name'],
};

const keys: Readonly<Record<Name, Readonly<Record<string, readonly FactTree[]>>>> = {
  catalog: { Product: [{ upc: null }, { sku: null, brand: { id: null } }], Brand: [{ id: null }] },
  inventory: { Product: [{ upc: null }], Store: [{ city: { code: null }, no: null }] },
  people: { Person: [{ id: null }], Brand: [{ id: null }], Store: [{ city: { code: null }, no: null }] },
  reviews: { Review: [{ id: null }], Person: [{ id: null }], Product: [{ sku: null, brand: { id: null } }] },
};

type Representation = Readonly<Record<string, unknown>> & { readonly __typename: string };

let gateway: Gateway;
let monolith: GraphQLSchema;
const services: Service[] = [];
const [ofSubgraphs, ofMonolith] = [new Witness(), new Witness()];

beforeAll(async () => {
  const files: Record<string, string> = {};
  for (const name of Object.keys(sdls) as Name[]) {
    const service = await open(name);
    services.push(service);
    const source = `graphql: { url: "${service.url}", headers: [{ name: "run", from: "run" }] }`;
    files[`${name}.graphql`] = `extend schema @source(name: "${name}", ${source})\n${sdls[name]}`;
  }
  gateway = await createGateway({ files, config: { log: 'silent', limits: { mode: 'measure' } } });
  monolith = buildSchema(printSchema(gateway.schema));
  inhabit(monolith, ofMonolith, laws);
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(services.map((service) => service.close()));
});

async function open(name: Name): Promise<Service> {
  const entities = keys[name];
  const schema = buildSchema(`${sdls[name]} ${machinery(Object.keys(entities).join(' | '))}`);
  const known = { unknown: unknown[name], provided: { 'Review.author': ['name'] } };
  const find = inhabit(schema, ofSubgraphs, { ...laws, ...known });
  const toThing = (told: Representation): Thing | Error => {
    const key = entities[told.__typename]?.find((each) => Object.keys(each).every((field) => field in told));
    const thing = key && find(told.__typename, told, key);
    return thing === undefined ? new Error(`Who is ${stringifyJson(told)}?`) : { ...thing, told };
  };
  return openService(schema, {
    _entities: ({ representations }: { representations: readonly Representation[] }) =>
      representations.map(toThing),
  });
}

/**
 * Whether an operation asks for a field, or others are found or made by it. What is wanted of one of the objects that
 * are fetched together is asked of all, so that it counts for all.
 */
function isMentioned(asked: string, operation: Asked): boolean {
  const coordinate = asked.slice(0, asked.indexOf('('));
  const isKey = /\.(id|upc|sku|no|code|brand|city)$/.test(coordinate);
  return isKey || laws.steady.includes(coordinate) || coordinatesOf(monolith, operation).has(coordinate);
}

async function askMonolith({ query, variables }: Asked, failing: Watch['failing']): Promise<Outcome> {
  return ofMonolith.watch(failing, async () =>
    execute({ schema: monolith, document: parse(query), variableValues: variables }),
  );
}

async function askGateway({ query, variables }: Asked, failing: Watch['failing']): Promise<Outcome> {
  const outcome = await ofSubgraphs.watch(failing, (run) =>
    gateway.ask({ query, variables, headers: { run: [run] } }),
  );
  for (const service of services) service.calls.length = service.queries.length = 0;
  return outcome;
}

describe('the subgraphs of a federation', () => {
  const manner = { kind: 'query', repeats: true } as const;

  test(`give what one service would, and are asked nothing more (seed ${seed})`, { timeout }, () =>
    checkOperations(monolith, manner, async (operation) => {
      const [expected, actual] = [
        await askMonolith(operation, 'nothing'),
        await askGateway(operation, 'nothing'),
      ];
      expectSameAnswer(actual, expected);
      expect(actual.asked.filter((each) => !isMentioned(each, operation))).toEqual([]);
    }),
  );

  // What one object cannot do without takes it from all who asked for it, as it is fetched once.
  test(`fail as one service would (seed ${seed})`, { timeout }, () =>
    checkOperations(monolith, manner, async (operation) => {
      const failing = 'what may be null';
      expectSameAnswer(await askGateway(operation, failing), await askMonolith(operation, failing));
    }),
  );
});
