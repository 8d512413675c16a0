import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { open } from './open.js';
import { startService, type Service } from './service.js';

const sdl = /* GraphQL */ `
  type Query {
    node: Node
    order: Order
    hit: [Hit!]!
    pet: Pet
    person: Person
    shape: Shape
    zoo: Zoo
  }
  interface Node {
    id: ID!
  }
  type Order implements Node {
    id: ID!
    lines: [Line!]!
    total: Money!
    meta: JSON
    note(language: String!): String
  }
  type Line {
    sku: String!
    price: Money!
  }
  type Money {
    amount: Int!
    currency: Currency!
    rounded(to: Int = 2): Int
  }
  enum Currency {
    EUR
  }
  scalar JSON
  union Hit = Book | Film
  type Book {
    title: String!
    pages: Int!
    cover: Image
  }
  type Film {
    title: String
    minutes: Int!
    cover: Poster!
  }
  type Image {
    url: String!
  }
  type Poster {
    url: String
    size: Int
  }
  interface Pet {
    name: String!
  }
  type Dog implements Pet {
    name: String!
    owner: Person
    barks: Boolean
  }
  type Cat implements Pet {
    name: String!
    owner: Person
    lives: Int
  }
  type Person {
    name: String!
    friends: [Person!]!
  }
  type Shape {
    a: A
  }
  type A {
    b: B
  }
  type B {
    c: Int
    d: Int
  }
  type Zoo {
    pets: [Pet!]!
    hits: [Hit!]!
  }
`;

const money = { amount: 5, currency: 'EUR', rounded: 5 };
const order = {
  __typename: 'Order',
  id: 'o1',
  lines: [{ sku: 's1', price: money }],
  total: money,
  meta: { a: [1] },
  note: 'n',
};
const hits = [
  { __typename: 'Book', title: 'Ulysses', pages: 700, cover: { url: 'u.png' } },
  { __typename: 'Film', title: 'Heat', minutes: 170, cover: { url: null, size: 3 } },
];
const pets = [
  { __typename: 'Dog', name: 'Rex', owner: { name: 'Ann', friends: [] }, barks: true },
  { __typename: 'Cat', name: 'Tom', owner: null, lives: 9 },
];

const root = {
  node: order,
  order,
  hit: hits,
  pet: pets[0],
  person: { name: 'Ann', friends: [] },
  shape: { a: { b: { c: 1, d: 2 } } },
  zoo: { pets, hits },
};

async function ask(
  field: string,
  selection: string,
  pruned?: string,
): Promise<{ document: string; answer: unknown; service: Service }> {
  const service = await startService(sdl, root);
  const opened = await open(/* GraphQL */ `
    extend schema @source(name: "zoo", graphql: { url: "${service.url}" })
    type Query { f: JSON @connect(source: "zoo", graphql: { query: "${field}" }, selection: """${selection}""") }
    scalar JSON
  `);
  const answer = await opened.fetch({}, pruned);
  const document = service.queries[0]?.document ?? '';
  expect(validate(buildSchema(sdl), parse(document))).toEqual([]);
  return { document: document.replace(/^query /, ''), answer, service };
}

describe('the selection set has', () => {
  test.each([
    [
      'each name once',
      'order',
      'id again: id total { amount } sum: total.amount',
      '{ order { id total { amount } } }',
    ],
    ['names of the backend, not of the mapping', 'order', 'number: id', '{ order { id } }'],
    [
      'what is below lists',
      'order',
      'lines { sku } prices: lines.price.amount',
      '{ order { lines { sku price { amount } } } }',
    ],
    [
      'what methods read',
      'order',
      'first: lines->first.sku skus: lines->map(@.sku)',
      '{ order { lines { sku } } }',
    ],
    [
      'what conditions read',
      'order',
      'cheap: lines->filter(@.price.amount->lt(9)) { sku }',
      '{ order { lines { price { amount } sku } } }',
    ],
    ['no sub-selection for enums', 'order', 'total { currency }', '{ order { total { currency } } }'],
    [
      'a scalar of the service whole, whatever is read of it',
      'order',
      'a: meta.a->first',
      '{ order { meta } }',
    ],
    ['__typename where nothing else is read', 'order', 'there: $(true)', '{ order { __typename } }'],
    ['__typename where it is read', 'order', 'kind: __typename', '{ order { __typename } }'],
    [
      'fields with optional arguments, without them',
      'order',
      'r: total.rounded',
      '{ order { total { rounded } } }',
    ],
  ])('%s', async (_, field, selection, document) => {
    expect((await ask(field, selection)).document).toBe(document);
  });

  test('nothing that the wanted part does not read', async () => {
    const { document, answer } = await ask(
      'order',
      'id lines { sku price { amount } } total { currency }',
      'lines { price { amount } }',
    );
    expect(document).toBe('{ order { lines { price { amount } } } }');
    expect(answer).toEqual({ lines: [{ price: { amount: 5 } }] });
  });
});

describe('a value that is taken whole', () => {
  test('is asked with all it holds', async () => {
    const { document, answer } = await ask('shape', '$');
    expect(document).toBe('{ shape { a { b { c d } } } }');
    expect(answer).toEqual({ a: { b: { c: 1, d: 2 } } });
  });

  test('may stand below others', async () => {
    const { document, answer } = await ask('order', 'id price: lines->first.price');
    expect(document).toBe('{ order { id lines { price { amount currency rounded } } } }');
    expect(answer).toEqual({ id: 'o1', price: money });
  });

  test('of an abstract type has the fields of each member', async () => {
    const { document, answer } = await ask('hit', '$');
    expect(document).toContain('... on Book { title pages cover { url } }');
    expect(answer).toEqual(hits);
  });
});

describe('an abstract type', () => {
  test('gives __typename, shared fields, and fields of single members in fragments', async () => {
    const { document, answer } = await ask('zoo', 'pets { kind: __typename name barks lives }');
    expect(document).toBe('{ zoo { pets { __typename name ... on Dog { barks } ... on Cat { lives } } } }');
    expect(answer).toEqual({
      pets: [
        { kind: 'Dog', name: 'Rex', barks: true },
        { kind: 'Cat', name: 'Tom', lives: 9 },
      ],
    });
  });

  test('gives a field that all members have but the interface has not', async () => {
    const { document, answer } = await ask('zoo', 'owners: pets.owner.name');
    expect(document).toBe(
      '{ zoo { pets { __typename ... on Dog { owner { name } } ... on Cat { owner { name } } } } }',
    );
    expect(answer).toEqual({ owners: ['Ann', null] });
  });

  test('gives __typename even where only shared fields are read', async () => {
    expect((await ask('pet', 'name')).document).toBe('{ pet { __typename name } }');
  });

  test('is told apart by match on __typename', async () => {
    const selection = `... __typename->match(
      ["Book", { __typename: "Book", title, pages }],
      ["Film", { __typename: "Film", title, minutes }],
      [@, null])`;
    const { answer } = await ask('hit', `$ { ${selection} }`);
    expect(answer).toEqual([
      { __typename: 'Book', title: 'Ulysses', pages: 700 },
      { __typename: 'Film', title: 'Heat', minutes: 170 },
    ]);
  });

  test('gives fields of one name and different types under that name', async () => {
    const { document, answer } = await ask('zoo', 'hits { title cover { url } }');
    expect(document).toBe(
      '{ zoo { hits { __typename ... on Book { title cover { url } } ... on Film { title_Film: title cover_Film: cover { url } } } } }',
    );
    expect(answer).toEqual({
      hits: [
        { title: 'Ulysses', cover: { url: 'u.png' } },
        { title: 'Heat', cover: { url: null } },
      ],
    });
  });
});
