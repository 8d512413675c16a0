import { buildSchema } from 'graphql';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { rowCounter } from '../../src/connectors/row-budget.js';
import type { ConnectDefinition, Subgraph } from '../../src/subgraph/subgraph.js';
import { createGateway } from '../../src/index.js';
import { json, startBackend } from './http/support.js';

const schema = buildSchema(/* GraphQL */ `
  scalar JSON
  interface Named {
    name: String
  }
  union Thing = User | Tag
  type Tag {
    name: String
    users: [User]
  }
  type User implements Named {
    name: String
    tags: [Tag!]!
    marks: [[Int]]
    boss: User
    raw: JSON
  }
  type Leaf {
    name: String
    more: Leaf
  }
  type Query {
    user: User
    users: [User]
    leaves: [Leaf]
    things: [Thing]
    named: [Named]
    words: [String]
    raw: JSON
  }
`);

function count(field: string, answer: unknown, hasPlainNames = true): number {
  const definition = { type: 'Query', field } as unknown as ConnectDefinition;
  return rowCounter(definition, { schema } as unknown as Subgraph, hasPlainNames)(answer);
}

describe('the rows of an answer are', () => {
  test.each<[string, string, unknown, number]>([
    ['none of an object', 'user', { name: 'a' }, 0],
    ['none of nothing', 'users', null, 0],
    ['the entries of its list', 'users', [{}, {}, null], 3],
    ['those of lists in it', 'user', { tags: [{}, {}] }, 2],
    ['those of lists in lists', 'users', [{ tags: [{}, { users: [{}] }] }, { tags: [] }], 5],
    ['those of lists below an object', 'users', [{ boss: { boss: { tags: [{}] } } }], 2],
    ['those of a list of scalars', 'words', ['a', 'b'], 2],
    ['those of lists of lists of scalars', 'user', { marks: [[1, 2], [3]] }, 5],
    ['the entries alone where nothing in them is a list', 'leaves', [{ more: { more: {} } }, {}], 2],
    ['those of members of a union', 'things', [{ tags: [{}] }, { users: [{}, {}] }], 5],
    ['those of members of an interface', 'named', [{ tags: [{}] }], 2],
    ['none of the value of a scalar', 'user', { raw: [1, [2, 3]] }, 0],
    ['none that the schema has not', 'user', { other: [1, 2] }, 0],
  ])('%s', (_, field, answer, expected) => {
    expect(count(field, answer)).toBe(expected);
  });

  test('all lists of an answer that is handed on as it is', () => {
    expect(count('users', [{ 'tags(first: 1)': [{}], name: 'a' }], false)).toBe(2);
  });

  test('counted in any depth without end', () => {
    let user: object = {};
    for (let depth = 0; depth < 100_000; depth++) user = { boss: user, tags: [null] };
    expect(count('user', user)).toBeGreaterThan(100);
    expect(count('user', user, false)).toBeGreaterThan(100);
  });
});

const file = (url: string) => /* GraphQL */ `
  extend schema @source(name: "api", http: { baseURL: "${url}" })
  type Query {
    list(n: Int!): [Row!] @connect(source: "api", http: { GET: "/list/{$args.n}" }, selection: "id parts { id }")
    one: Row @connect(source: "api", http: { GET: "/one" }, selection: "id")
  }
  type Mutation {
    add: [Row!] @connect(source: "api", http: { POST: "/add" }, selection: "id")
  }
  type Row { id: ID! parts: [Part!] }
  type Part { id: ID! }
`;

const rows = (n: number) => Array.from({ length: n }, (_, id) => ({ id, parts: [{ id }, { id: 1 }] }));

async function openList(limits: object) {
  const backend = await startBackend((response, seen) => {
    const n = Number(/\d+$/.exec(seen.line)?.[0] ?? 1);
    json(seen.line.endsWith('/one') ? { id: 1 } : rows(n))(response, seen);
  });
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const files = { 'api.graphql': file(backend.url) };
  const gateway = await createGateway({ files, config: { limits }, log });
  onTestFinished(() => gateway.close());
  return { backend, gateway, log };
}

describe('an operation with more rows than it may have', () => {
  test('has the first ones, and an error at the path of what was over', async () => {
    const { gateway } = await openList({ maxRows: 10 });
    const query = 'mutation { a: add { id } b: add { id } }';
    expect(await gateway.ask({ query })).toMatchObject({ data: { a: [{}], b: [{}] } });
    const { data, errors } = await gateway.ask({
      query: '{ a: list(n: 3) { id } b: list(n: 9) { id } one { id } }',
    });
    expect(data).toMatchObject({ one: { id: '1' } });
    expect([data?.['a'], data?.['b']].filter((list) => list === null)).toHaveLength(1);
    expect(
      errors?.map(({ extensions, path, message }) => [extensions['code'], path?.length, message]),
    ).toEqual([['ROW_LIMIT_EXCEEDED', 1, 'The operation needs more rows than it may have (maxRows).']]);
    expect(errors?.[0]?.extensions).toMatchObject({
      connector: { coordinate: expect.any(String) as string },
    });
    expect(gateway.limitCounts().get('maxRows')).toBe(1);
  });

  test('counts rows in rows', async () => {
    const { gateway } = await openList({ maxRows: 9 });
    expect((await gateway.ask({ query: '{ list(n: 3) { parts { id } } }' })).errors).toBeUndefined();
    expect((await gateway.ask({ query: '{ list(n: 4) { parts { id } } }' })).errors).toHaveLength(1);
    expect((await gateway.ask({ query: '{ list(n: 9) { id } }' })).errors).toBeUndefined();
  });

  test('has them all where limits are only measured, and is counted once', async () => {
    const { gateway, log } = await openList({ maxRows: 2, mode: 'measure' });
    const { errors } = await gateway.ask({ query: '{ a: list(n: 3) { id } b: list(n: 4) { id } }' });
    expect(errors).toBeUndefined();
    expect(gateway.limitCounts().get('maxRows')).toBe(1);
    expect(log.warn).toHaveBeenCalledTimes(1);
  });
});
