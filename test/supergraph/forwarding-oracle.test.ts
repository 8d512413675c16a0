import { buildSchema, execute, parse, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { openService, type Service } from '../connectors/graphql/service.js';
import type { Asked } from './operations.js';
import { checkOperations, expectSameAnswer, seed, timeout, Witness, type Outcome } from './oracle.js';
import { inhabit, type Watch } from './world.js';

/**
 * A service that is forwarded answers through the gateway as it answers itself: graphql-js on the service's own schema
 * is asked the same operation. In a test's name is the seed it ran with: `FC_SEED=…` runs it again, `FC_RUNS=…` sets
 * how often.
 */
const sdl = `
  type Query {
    thing(id: ID!): Thing
    things(filter: Filter, first: Int! = 3, by: [Sort!] = [NEW]): [Thing!]
    node(id: ID!): Node
    sure(big: BigInt): Person!
    grid(size: [[Int!]!] = [[1, 2], [3]]): [[Cell!]]!
    any: [Any]
    named(kind: Kind = A): [Named!]!
    count(filter: Filter): Int
    json(value: JSON): JSON
    label: String!
    constructor: Person
  }
  type Mutation { rename(id: ID!, to: String!): Person touch(filter: Filter): Any bump: Int! }
  interface Node { id: ID! }
  interface Named implements Node { id: ID! name(case: Case = LOWER): String parent: Node }
  interface Owned { owner: Person owners(first: Int): [Person!] }
  union Any = Person | Robot | Cell | Thing
  type Person implements Node & Named {
    id: ID!
    name(case: Case = LOWER): String
    parent: Person
    age: Int!
    tags: [String!]!
    friends(first: Int, of: [ID!], filter: Filter): [Person!]!
    born: Date
    score: Float
    big(plus: BigInt = 1): BigInt
    value: Int
    same: Cell
  }
  type Robot implements Node & Named & Owned {
    id: ID!
    name(case: Case = LOWER): String
    parent: Named
    owner: Person
    owners(first: Int): [Person!]
    tags: [String]
    serial(format: Format!): String
    value: String
    age: Int
    same: Cell
    id__1: String
  }
  type Thing implements Node & Owned {
    id: ID!
    kind: Kind
    kinds: [[Kind]]
    owner: Person
    owners(first: Int): [Person!]
    owners__1: Int
    extra(deep: JSON): JSON
    parts: [Thing]!
    whole: Thing
    any: Any
    cells: [[Cell!]!]
    value: Int!
    note(language: String!, at: Date): String
    sure: Thing!
    same: [Cell]
    isNew(than: Int! = 2): Boolean!
  }
  type Cell { x: Int! y(scale: Float = 1.5): Float! at: Thing! neighbours: [[Cell]!]! value: [Int!] }
  enum Kind { A B C }
  enum Case { LOWER UPPER }
  enum Sort { NEW OLD }
  scalar Date
  scalar JSON
  scalar BigInt
  input Filter { kinds: [Kind!], not: Filter, range: Range = { from: 1 }, text: String = "t", bigs: [BigInt], json: JSON }
  input Range { from: Int!, to: Int = 9 }
  input Format { width: Int! = 8, fill: String, nested: [[Format]] }
`;

let service: Service;
let gateway: Gateway;
let direct: GraphQLSchema;
const [ofService, ofDirect] = [new Witness(), new Witness()];

beforeAll(async () => {
  const schema = buildSchema(sdl);
  inhabit(schema, ofService);
  service = await openService(schema);
  const source = `graphql: { url: "${service.url}", headers: [{ name: "run", from: "run" }] }`;
  gateway = await createGateway({
    files: { 'world.graphql': `extend schema @source(name: "world", ${source})\n${sdl}` },
    config: { log: 'silent', limits: { mode: 'measure' } },
  });
  direct = buildSchema(sdl);
  inhabit(direct, ofDirect);
});
afterAll(async () => {
  await gateway.close();
  await service.close();
});

const askDirectly = ({ query, variables }: Asked, failing: Watch['failing']): Promise<Outcome> =>
  ofDirect.watch(failing, async () =>
    execute({ schema: direct, document: parse(query), variableValues: variables }),
  );

async function askGateway(
  { query, variables }: Asked,
  failing: Watch['failing'],
): Promise<Outcome & { readonly requests: number }> {
  service.calls.length = 0;
  service.queries.length = 0;
  const outcome = await ofService.watch(failing, (run) =>
    gateway.ask({ query, variables, headers: { run: [run] } }),
  );
  return { ...outcome, requests: service.queries.length };
}

describe.each(['query', 'mutation'] as const)('a %s of a forwarded service', (kind) => {
  test(`gives what it gives, is asked nothing more, and all at once (seed ${seed})`, { timeout }, () =>
    checkOperations(direct, { kind, repeats: true }, async (operation) => {
      const [expected, actual] = [
        await askDirectly(operation, 'nothing'),
        await askGateway(operation, 'nothing'),
      ];
      expectSameAnswer(actual, expected);
      // Beside an argument that is at fault graphql-js may leave fields unasked.
      if (expected.errors !== undefined) return;
      expect(actual.asked).toEqual(expected.asked);
      const hasFields = expected.asked.some((each) => each.startsWith('Query.'));
      if (kind === 'query') expect(actual.requests).toBe(hasFields ? 1 : 0);
    }),
  );

  // What is asked under two names fails under both if it fails under one.
  test(`fails as it fails, and is asked nothing more (seed ${seed})`, { timeout }, () =>
    checkOperations(direct, { kind, repeats: false }, async (operation) => {
      const { asked, errors } = await askDirectly(operation, 'nothing');
      const [expected, actual] = [
        await askDirectly(operation, 'anything'),
        await askGateway(operation, 'anything'),
      ];
      expectSameAnswer(actual, expected);
      if (errors === undefined) expect(actual.asked.filter((each) => !asked.includes(each))).toEqual([]);
    }),
  );
});
