import fc from 'fast-check';
import { buildSchema, Kind, parse, specifiedRules, validate, type SelectionSetNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createCosts } from '../../../src/policy/query-limits/cost.js';
import { readWeights } from '../../../src/policy/query-limits/weights.js';
import type { Subgraph } from '../../../src/subgraph/subgraph.js';

/** In a test's name is the seed it ran with: `FC_SEED=…` runs it again, `FC_RUNS=…` sets how often. */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000_000);
const numRuns = Number(process.env['FC_RUNS'] ?? 100);

const directives = /* GraphQL */ `
  directive @cost(
    weight: Int!
  ) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR | ENUM
  directive @listSize(
    assumedSize: Int
    slicingArguments: [String!]
    sizedFields: [String!]
    requireOneSlicingArgument: Boolean = true
  ) on FIELD_DEFINITION
`;

const shop = /* GraphQL */ `
  type Query {
    me: User
    users: [User!]!
    user(id: ID!): User
    products(first: Int, last: Int, offset: Int): [Product]
    standard(limit: Int = 4): [User]
    strict(first: Int = 6, last: Int): [User!] @listSize(slicingArguments: ["first", "last"])
    bare(first: Int, last: Int): [User!] @listSize(slicingArguments: ["first", "last"])
    paged(page: Page): [User!] @listSize(slicingArguments: "page.size")
    some(n: Int, m: Int): [User!]
      @listSize(slicingArguments: ["n", "m"], assumedSize: 7, requireOneSlicingArgument: false)
    few: [User!] @listSize(assumedSize: 3)
    connection(first: Int!): Connection @listSize(slicingArguments: ["first"], sizedFields: ["edges"])
    search(filter: Filter, filters: [Filter!], text: String @cost(weight: 4)): Thing
    node: Node
    dear: String @cost(weight: 50)
    geo: Geo
    tags: [String!]
    geos: [Geo]
    color: Color
  }
  type Mutation {
    pay(amount: Int): User
  }
  type Subscription {
    paid: User
  }
  scalar Geo @cost(weight: 6)
  enum Color @cost(weight: 2) {
    RED
  }
  input Page {
    size: Int
  }
  input Filter {
    name: String
    price: Int @cost(weight: 3)
    and: [Filter!]
  }
  interface Node {
    id: ID!
    label: String
  }
  union Thing = User | Product
  type User implements Node {
    id: ID!
    label: String
    boss: User
    friends(first: Int): [User!]!
    photo: String @cost(weight: 2)
  }
  type Product implements Node @cost(weight: 5) {
    id: ID!
    label: String @cost(weight: 9)
    owner: User
  }
  type Connection @cost(weight: 0) {
    total: Int
    edges: [Edge!]
    others: [Edge!]
  }
  type Edge {
    node: User
  }
`;

function schemaOf(text: string) {
  return buildSchema(directives + text);
}

/** Files of which only the words matter. */
function filesOf(...texts: readonly string[]): Subgraph[] {
  return texts.map((text) => ({ document: parse(text), schema: schemaOf(text) }) as unknown as Subgraph);
}

const schema = schemaOf(shop);
const costs = createCosts(schema, readWeights(filesOf(shop)), 10);

function estimate(text: string, variables: Readonly<Record<string, unknown>> = {}, operationName?: string) {
  const document = parse(text);
  expect(validate(schema, document, specifiedRules).map(({ message }) => message)).toEqual([]);
  return costs.estimate({ document, operationName, variables });
}

function cost(text: string, variables?: Readonly<Record<string, unknown>>): number {
  const { cost: value, fault } = estimate(text, variables);
  expect(fault).toBeUndefined();
  return value;
}

describe('an operation costs', () => {
  test.each<[string, string, number]>([
    ['nothing for leaves', '{ tags __typename }', 0],
    ['1 for an object', '{ me { id label } }', 1],
    ['what is in it', '{ me { boss { boss { id } } } }', 3],
    ['10 for a mutation', 'mutation { pay { id } }', 11],
    ['nothing for a subscription itself', 'subscription { paid { id } }', 1],
    ['what each of its fields costs', '{ a: me { id } b: me { id boss { id } } }', 3],
    ['as many objects as a list is taken to have', '{ users { id } }', 10],
    ['lists in lists', '{ users { friends { friends { id } } } }', 10 * (1 + 10 * (1 + 10))],
    ['what @cost says of a field', '{ dear }', 50],
    ['what @cost says of a field, in a list', '{ users { photo } }', 10 * 3],
    ['what @cost says of a type', '{ products { id } }', 50],
    ['what @cost says of a scalar', '{ geo geos }', 6 + 60],
    ['what @cost says of an enum', '{ color }', 2],
    ['nothing for a type of weight 0', '{ connection(first: 3) { total } }', 0],
    ['the dearest member of an interface', '{ node { id } }', 5],
    ['the dearest member of a union', '{ search { __typename } }', 5],
    ["the dearest member's field", '{ node { label } }', 5 + 9],
    ['the field of one member alone', '{ node { ... on User { label } } }', 5],
    [
      'all members that are asked of',
      '{ search { ... on User { photo } ... on Product { owner { id } } } }',
      5 + 2 + 1,
    ],
    [
      'nothing for introspection',
      '{ __schema { types { name fields { name } } } __type(name: "User") { name } }',
      0,
    ],
    ['nothing for introspection by another name', '{ me: __schema { users: types { name } } }', 0],
    ['an object by the name of introspection', '{ __schema: me { __type: boss { id } } }', 2],
    ['fragments at each use', '{ a: me { ...F } b: me { ...F } } fragment F on User { boss { id } }', 4],
    [
      'fragments in fragments',
      '{ ...Q } fragment Q on Query { me { ...F } } fragment F on User { boss { photo } }',
      4,
    ],
  ])('%s', (_, text, expected) => {
    expect(cost(text)).toBe(expected);
  });

  test.each<[string, string, Record<string, unknown>, number]>([
    ['what first says', '{ products(first: 3) { id } }', {}, 15],
    ['what last says', '{ products(last: 2) { id } }', {}, 10],
    ['the larger of two', '{ products(last: 2, first: 3) { id } }', {}, 15],
    ['nothing that another argument says', '{ products(offset: 900) { id } }', {}, 50],
    ['what a variable says', 'query ($n: Int) { products(first: $n) { id } }', { n: 4 }, 20],
    ['the default of a variable', 'query ($n: Int = 6) { products(first: $n) { id } }', {}, 30],
    ['the variable before its default', 'query ($n: Int = 6) { products(first: $n) { id } }', { n: 0 }, 0],
    ['the default of the argument', '{ standard { id } }', {}, 4],
    [
      'the default of the argument for a variable not given',
      'query ($n: Int) { standard(limit: $n) { id } }',
      {},
      4,
    ],
    ['nothing of null', '{ products(first: null) { id } }', {}, 50],
    ['nothing of a null variable', 'query ($n: Int) { products(first: $n) { id } }', { n: null }, 50],
    ['nothing below zero', '{ products(first: -5) { id } }', {}, 0],
    ['nothing that is no number', 'query ($n: Int) { products(first: $n) { id } }', { n: '9' }, 50],
    ['nothing of a prototype', 'query ($constructor: Int) { products(first: $constructor) { id } }', {}, 50],
    ['the arguments that @listSize names', '{ some(n: 2, m: 5) { id } }', {}, 5],
    ['the assumed size without them', '{ some { id } }', {}, 7],
    ['the assumed size', '{ few { id } }', {}, 3],
    ['a part of an argument', '{ paged(page: { size: 8 }) { id } }', {}, 8 + 1],
    [
      'a part of an argument, as a variable',
      'query ($n: Int) { paged(page: { size: $n }) { id } }',
      { n: 8 },
      8 + 1,
    ],
    ['a part of a variable', 'query ($p: Page) { paged(page: $p) { id } }', { p: { size: 9 } }, 9 + 1],
    ['the one of two that is given beside a default', '{ strict(last: 2) { id } }', {}, 2],
    ['the default where none of two is given', '{ strict { id } }', {}, 6],
    [
      'what the parent says, for sized fields alone',
      '{ connection(first: 30) { edges { node { id } } others { node { id } } } }',
      {},
      30 * 2 + 10 * 2,
    ],
    [
      'what the parent says, through fragments',
      `query ($n: Int!) { connection(first: $n) { ...C } two: connection(first: 2) { ... { ...C } } }
      fragment C on Connection { edges { ...E } } fragment E on Edge { node { id } }`,
      { n: 40 },
      40 * 2 + 2 * 2,
    ],
  ])('as much as a list is long by %s', (_, text, variables, expected) => {
    expect(cost(text, variables)).toBe(expected);
  });

  test.each<[string, string, Record<string, unknown>, number]>([
    ['an argument', '{ search(text: "a") { __typename } }', {}, 4],
    ['an argument, by a variable', 'query ($t: String) { search(text: $t) { __typename } }', { t: 'a' }, 4],
    ['no argument that is null', 'query ($t: String) { search(text: $t) { __typename } }', {}, 0],
    ['an input object', '{ search(filter: {}) { __typename } }', {}, 1],
    ['its fields', '{ search(filter: { name: "a", price: 1 }) { __typename } }', {}, 1 + 3],
    [
      'input in input',
      '{ search(filter: { and: [{ price: 1 }, { and: {} }] }) { __typename } }',
      {},
      1 + 4 + 2,
    ],
    ['a list of input', '{ search(filters: [{ price: 1 }, {}]) { __typename } }', {}, 5],
    [
      'the value of a variable',
      'query ($f: [Filter!]) { search(filters: $f) { __typename } }',
      { f: [{ price: 1, and: [{ price: 2 }] }, { __proto__: { price: 3 } }] },
      4 + 4 + 1,
    ],
    [
      'a variable in a literal',
      'query ($f: Filter!, $p: Int) { search(filter: { and: [$f], price: $p }) { __typename } }',
      { f: { price: 1 }, p: 3 },
      1 + 4 + 3,
    ],
  ])('%s, once and beside what is returned', (_, text, variables, expected) => {
    expect(cost(text, variables)).toBe(5 + expected);
  });

  test.each<[string, string, Record<string, unknown>, number]>([
    ['skipped', '{ me @skip(if: true) { id } }', {}, 0],
    ['not skipped', '{ me @skip(if: false) { id } }', {}, 1],
    ['included by a variable', 'query ($y: Boolean!) { me @include(if: $y) { id } }', { y: true }, 1],
    ['not included by a variable', 'query ($y: Boolean!) { me @include(if: $y) { id } }', { y: false }, 0],
    ['by the default', 'query ($y: Boolean! = false) { me @include(if: $y) { id } }', {}, 0],
    ['both', 'query ($y: Boolean!) { me @include(if: $y) @skip(if: $y) { id } }', { y: true }, 0],
    [
      'a spread',
      'query ($y: Boolean!) { ...F @skip(if: $y) } fragment F on Query { me { id } }',
      { y: true },
      0,
    ],
    ['an inline fragment', 'query ($y: Boolean!) { ... @skip(if: $y) { me { id } } }', { y: false }, 1],
  ])('nothing for what is left out: %s', (_, text, variables, expected) => {
    expect(cost(text, variables)).toBe(expected);
  });

  test('what the operation with this name costs', () => {
    const text = 'query A { me { id } } query B { users { id } }';
    expect(['A', 'B', undefined].map((name) => estimate(text, {}, name).cost)).toEqual([1, 10, 0]);
  });
});

describe('a list whose length the client must say', () => {
  test.each<[string, string, Record<string, unknown>]>([
    ['is not said', '{ bare { id } }', {}],
    ['is said twice', '{ bare(first: 1, last: 1) { id } }', {}],
    ['is not said by a variable', 'query ($n: Int) { bare(first: $n) { id } }', {}],
    ['is said twice by variables', 'query ($n: Int) { bare(first: $n, last: $n) { id } }', { n: 1 }],
  ])('is a fault where it %s', (_, text, variables) => {
    expect(estimate(text, variables).fault).toBe(
      'Query.bare takes exactly one of the arguments "first", "last".',
    );
  });

  test('is none where the field is left out', () => {
    const text = 'query ($y: Boolean!) { bare @include(if: $y) { id } }';
    expect([estimate(text, { y: false }).fault, estimate(text, { y: true }).fault]).toEqual([
      undefined,
      expect.stringContaining('exactly one'),
    ]);
  });
});

describe('numbers', () => {
  test('stay the largest exact one', () => {
    const nested = (levels: number): string =>
      levels === 0 ? 'id' : `friends(first: 1000000) { ${nested(levels - 1)} }`;
    expect(cost(`{ me { ${nested(10)} } }`)).toBe(Number.MAX_SAFE_INTEGER);
    expect(cost('query ($n: Int) { users { friends(first: $n) { id } } }', { n: Infinity })).toBe(
      Number.MAX_SAFE_INTEGER,
    );
    expect(
      cost(`{ users { friends(first: ${'9'.repeat(400)}) { __typename } } }`.replace(/9{400}/, '0')),
    ).toBe(10);
  });

  test('of a fragment bomb are found by compiling each fragment once', () => {
    const fragments = Array.from({ length: 60 }, (_, at) => {
      const next =
        at === 59
          ? 'id'
          : `a: boss { ...F${at + 1} } b: boss { ...F${at + 1} } c: friends(first: $n) { ...F${at + 1} }`;
      return `fragment F${at} on User { ${next} }`;
    });
    const document = parse(`query ($n: Int) { me { ...F0 } } ${fragments.join(' ')}`);
    expect(costs.costOf({ document, variables: { n: 2 } })).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('of a circle, should one come so far, are finite', () => {
    const document = parse('{ me { ...F } } fragment F on User { boss { ...F } }');
    expect(costs.costOf({ document })).toBe(2);
  });
});

describe('several files', () => {
  const a =
    'type Query { a: [T] @cost(weight: 2) @listSize(assumedSize: 4, requireOneSlicingArgument: false) } type T @cost(weight: 3) { x: Int }';
  const b = `schema { query: Root } type Root { a(n: Int @cost(weight: 1)): [T] @cost(weight: 7) @listSize(assumedSize: 2, slicingArguments: ["n"], requireOneSlicingArgument: false) } type T @cost(weight: 1) { x: Int }`;

  test('say the larger of what they say, of the names that clients see', () => {
    const { costs: weights, listSizes } = readWeights(filesOf(a, b));
    expect(Object.fromEntries(weights)).toEqual({ 'Query.a': 7, 'Query.a(n:)': 1, T: 3 });
    expect(listSizes.get('Query.a')).toEqual({
      assumedSize: 4,
      slicingArguments: ['n'],
      sizedFields: [],
      requireOneSlicingArgument: false,
    });
  });
});

describe(`on random operations, seed ${seed}`, () => {
  test('the cost is that of the operation with its fragments written out', () => {
    fc.assert(
      fc.property(operations, fc.nat(20), fc.boolean(), (text, n, y) => {
        const document = parse(text);
        expect(costs.costOf({ document, variables: { n, y } })).toBe(naiveCost(text, { n, y }));
      }),
      { seed, numRuns },
    );
  });
});

// Random operations on users, who have bosses and friends. Fragment F2 may spread F3 and F4.

function selections(from: number): fc.Arbitrary<string> {
  const spreads = Array.from({ length: 4 - from }, (_, at) => `...F${from + at}`);
  const guarded = spreads.map((spread) => `${spread} @include(if: $y)`);
  const { set } = fc.letrec<{ set: string; one: string }>((tie) => ({
    set: fc.array(tie('one'), { minLength: 1, maxLength: 4 }).map((each) => `{ ${each.join(' ')} }`),
    one: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('id', 'photo', 'x: photo @skip(if: $y)', ...spreads, ...guarded),
      tie('set').map((inner) => `boss ${inner}`),
      tie('set').map((inner) => `... @skip(if: $y) ${inner}`),
      fc
        .tuple(fc.constantFrom('3', '$n', 'null'), tie('set'))
        .map(([n, inner]) => `friends(first: ${n}) ${inner}`),
    ),
  }));
  return set;
}

const operations = fc
  .tuple(...Array.from({ length: 5 }, (_, at) => selections(at)))
  .map(([root = '', ...fragments]) =>
    [
      `query ($n: Int, $y: Boolean!) { me ${root} }`,
      ...fragments.map((set, at) => `fragment F${at} on User ${set}`),
    ].join(' '),
  );

function naiveCost(text: string, { n, y }: { readonly n: number; readonly y: boolean }): number {
  const { definitions } = parse(text);
  const of = ({ selections: nodes }: SelectionSetNode): number =>
    nodes.reduce((sum, node) => {
      const [directive] = node.directives ?? [];
      if (directive !== undefined && (directive.name.value === 'skip') === y) return sum;
      if (node.kind === Kind.INLINE_FRAGMENT) return sum + of(node.selectionSet);
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = definitions.find(
          (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === node.name.value,
        );
        return fragment?.kind === Kind.FRAGMENT_DEFINITION ? sum + of(fragment.selectionSet) : sum;
      }
      if (node.name.value === 'photo') return sum + 2;
      if (node.selectionSet === undefined) return sum;
      const [first] = node.arguments ?? [];
      const lengths: Record<string, number> = { [Kind.INT]: 3, [Kind.VARIABLE]: n, [Kind.NULL]: 10 };
      return sum + (first === undefined ? 1 : (lengths[first.value.kind] ?? 1)) * (1 + of(node.selectionSet));
    }, 0);
  const [operation] = definitions;
  return operation?.kind === Kind.OPERATION_DEFINITION ? of(operation.selectionSet) : 0;
}
