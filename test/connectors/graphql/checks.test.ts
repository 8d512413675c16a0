import { getLocation } from 'graphql';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SchemaFilesError } from '../../../src/base/problems.js';
import { open } from './open.js';

const sdl = /* GraphQL */ `
  type Query {
    order(id: ID!, lang: String = "en"): Order
    orders(filter: Filter, ids: [ID!]): [Order!]!
    hits: [Hit!]!
  }
  input Filter {
    text: String!
    min: Money
    all: [Money!]
  }
  input Money {
    amount: Int!
    currency: String
  }
  type Order {
    id: ID!
    status: Status
    total: Total
    note(language: String!): String
    user: User
    meta: JSON
  }
  type Total {
    amount: Int!
  }
  type User {
    id: ID!
    orders: [Order!]!
  }
  enum Status {
    PLACED
  }
  scalar JSON
  union Hit = Order | User
`;

/** The problems of one connector, each as its message and the text its place begins with. */
async function problemsOf(
  call: string,
  rest = 'selection: "id"',
  field = 'f(id: ID, other: ID): JSON',
  remote = sdl,
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'remote.graphqls'), remote);
  const text = /* GraphQL */ `
extend schema @source(name: "orders", graphql: { url: "http://127.0.0.1:1/", schema: "remote.graphqls" })
scalar JSON
type Query { a: Parent }
type Parent { id: ID
${field} @connect(source: "orders", graphql: { ${call} }, ${rest})
}`;
  const opened = await open(text, { folder });
  try {
    opened.connect();
    return [];
  } catch (error) {
    return (error as SchemaFilesError).problems.map(({ message, source, offset }) => {
      const { line, column } = getLocation(source, offset);
      return `${message} @ ${(text.split('\n')[line - 1] ?? '').slice(column - 1).split(/[\s",:)\]}]/)[0]}`;
    });
  }
}

const order = 'query: "order", args: "id: $args.id"';

describe('a connector that fits', () => {
  test.each([
    ['with its arguments', order, 'selection: "id total { amount } x: meta.a.b"'],
    [
      'with all arguments',
      'query: "orders", args: "ids: [$args.id] filter: { text: $args.id, min: { amount: 1 } }"',
      'selection: "id"',
    ],
    [
      'with arguments that only running shows',
      'query: "order", args: "$this.id { id: $ }"',
      'selection: "id"',
    ],
    ['without a selection', order, 'errors: {}'],
    ['on a union', 'query: "hits"', 'selection: "id status orders { id }"'],
  ])('%s has no problems', async (_, call, rest) => {
    expect(await problemsOf(call, rest)).toEqual([]);
  });
});

describe('the field', () => {
  test.each([
    [
      'that is misspelt',
      'query: "ordr"',
      ['The backend\'s type Query has no field "ordr". Did you mean "order" or "orders"? @ ordr'],
    ],
    ['of a mutation where there are none', 'mutation: "place"', ['The backend has no mutations. @ place']],
    [
      'of a subscription where there are none',
      'subscription: "placed"',
      ['The backend has no subscriptions. @ placed'],
    ],
    [
      'that is inherited from Object',
      'query: "constructor"',
      ['The backend\'s type Query has no field "constructor". @ constructor'],
    ],
  ])('%s is a problem', async (_, call, problems) => {
    expect(await problemsOf(call)).toEqual(problems);
  });
});

describe('an argument', () => {
  test.each([
    [
      'that is misspelt',
      'query: "order", args: "id: $args.id lagn: $args.other"',
      ['The backend\'s Query.order has no argument "lagn". Did you mean "lang"? @ lagn'],
    ],
    [
      'that is required',
      'query: "order"',
      ['The backend\'s Query.order needs the argument "id: ID!", which is not given. @ order'],
    ],
    [
      'that is required among others',
      'query: "order", args: "lang: $args.other"',
      ['The backend\'s Query.order needs the argument "id: ID!", which is not given. @ lang'],
    ],
    [
      'of ours that $args forwards',
      'query: "order", args: "$args"',
      ['The backend\'s Query.order has no argument "other". @ $args'],
    ],
    [
      'inside an input object',
      'query: "orders", args: "filter: { txt: $args.id, min: { amout: 1 } }"',
      [
        'The backend\'s Filter has no field "txt". Did you mean "text"? @ txt',
        'The backend\'s Money has no field "amout". Did you mean "amount"? @ amout',
        'The backend\'s Money needs the field "amount: Int!", which is not given. @ {',
        'The backend\'s Filter needs the field "text: String!", which is not given. @ {',
      ],
    ],
    [
      'inside a list of input objects',
      'query: "orders", args: "filter: { text: $args.id, all: [{ amount: 1 }, { amunt: 2, amount: 2 }] }"',
      ['The backend\'s Money has no field "amunt". Did you mean "amount"? @ amunt'],
    ],
  ])('%s is a problem', async (_, call, problems) => {
    expect(await problemsOf(call)).toEqual(problems);
  });
});

describe('a path of the selection', () => {
  test.each([
    [
      'that is misspelt',
      'id totall { amount }',
      ['The backend\'s type Order has no field "totall". Did you mean "total"? @ totall'],
    ],
    [
      'that is misspelt below',
      'id total { amunt }',
      ['The backend\'s type Total has no field "amunt". Did you mean "amount"? @ amunt'],
    ],
    [
      'that is misspelt in a path',
      'id sum: $.total.amunt',
      ['The backend\'s type Total has no field "amunt". Did you mean "amount"? @ amunt'],
    ],
    [
      'below a scalar',
      'x: id.value',
      ['"value" is read from a value of the backend\'s type ID, which has no fields. @ value'],
    ],
    [
      'below an enum',
      'x: status.name',
      ['"name" is read from a value of the backend\'s type Status, which has no fields. @ name'],
    ],
    [
      'that needs an argument',
      'note',
      ['Order.note needs the argument "language", which a mapping cannot give. @ note'],
    ],
    [
      'that takes something endless',
      'id user',
      ['This takes a whole User, which holds a User again. Name the fields: "{ … }". @ user'],
    ],
    [
      'each, not just the first',
      'idd totall',
      [
        'The backend\'s type Order has no field "idd". Did you mean "id"? @ idd',
        'The backend\'s type Order has no field "totall". Did you mean "total"? @ totall',
      ],
    ],
  ])('%s is a problem', async (_, selection, problems) => {
    expect(await problemsOf(order, `selection: "${selection}"`)).toEqual(problems);
  });

  test('that takes more than anyone can mean is a problem; naming as many is none', async () => {
    const names = Array.from({ length: 501 }, (_, index) => `field${index}`);
    const wide = `type Query { wide: Wide } type Wide { ${names.map((name) => `${name}: Int`).join(' ')} }`;
    expect(await problemsOf('query: "wide"', 'selection: "$"', undefined, wide)).toEqual([
      'This takes more than 500 fields. Name those that are needed: "{ … }". @ $',
    ]);
    expect(await problemsOf('query: "wide"', `selection: "${names.join(' ')}"`, undefined, wide)).toEqual([]);
  });

  test('that no member of a union has is a problem', async () => {
    expect(await problemsOf('query: "hits"', 'selection: "ordrs { id }"')).toEqual([
      'The backend\'s type Hit has no field "ordrs". Did you mean "orders"? @ ordrs',
    ]);
  });

  test('that names the parent of a row is a problem at its own place', async () => {
    const rest = 'selection: "id", batch: { by: "id: userID.x" }';
    expect(await problemsOf('query: "orders", args: "ids: $batch.id"', rest)).toEqual([
      'The backend\'s type Order has no field "userID". Did you mean "user"? @ userID.x',
    ]);
  });
});
