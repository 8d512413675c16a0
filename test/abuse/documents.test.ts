/**
 * What a running gateway does with documents that are hostile, or too much: each row is one document, with what it
 * gets. Every answer is a 400 in JSON that comes soon, without a word of the inside; no backend is asked; and after
 * each the gateway answers an ordinary request. That the work is in proportion to the text is shown by counting, in
 * `test/policy/query-limits/`.
 */
import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createGateway, type ConfigInput, type Gateway } from '../../src/index.js';
import type { Served } from '../../src/server/serve.js';
import { post, type Body } from '../server/support.js';
import { startRest, type CannedAnswer, type RestBackend } from '../support/rest.js';

const files = {
  'users.graphql': /* GraphQL */ `
    extend schema @source(name: "users", http: { baseURL: "{$env.BACKEND}/users" })
    type Query {
      me: User @connect(source: "users", http: { GET: "/1" }, selection: "id name")
      users: [User] @connect(source: "users", http: { GET: "/all" }, selection: "id name")
      user(id: ID!): User @connect(source: "users", http: { GET: "/{$args.id}" }, selection: "id name")
      search(color: Color, filter: Filter): [User]
        @connect(source: "users", http: { GET: "/all" }, selection: "id name")
    }
    enum Color {
      RED
      GREEN
    }
    input Filter {
      name: String
      and: [Filter!]
    }
    type User @key(fields: "id") {
      id: ID!
      name: String
      boss: User @connect(source: "users", http: { GET: "/{$this.id}/boss" }, selection: "id name")
      friends(first: Int): [User!]
        @connect(source: "users", http: { GET: "/{$this.id}/friends" }, selection: "id name")
    }
  `,
  'products.graphql': /* GraphQL */ `
    extend schema @source(name: "products", http: { baseURL: "{$env.BACKEND}/products" })
    type Query {
      products(first: Int): [Product]
        @connect(source: "products", http: { GET: "/all" }, selection: "id name")
        @listSize(slicingArguments: ["first"], requireOneSlicingArgument: false)
    }
    type Product {
      id: ID!
      name: String
      related(first: Int!): [Product]
        @connect(source: "products", http: { GET: "/{$this.id}/related" }, selection: "id name")
        @listSize(slicingArguments: ["first"])
    }
  `,
};

const people = 120;
const json = (body: unknown): CannedAnswer => ({ body: JSON.stringify(body) });
const person = (id: number) => ({ id: String(id), name: `u${id}` });

const answers = new Map<string, CannedAnswer>([
  ['GET /users/all', json(Array.from({ length: people }, (_, id) => person(id)))],
  ...Array.from({ length: people }, (_, id) => [`GET /users/${id}`, json(person(id))] as const),
  ...Array.from({ length: people }, (_, id) => [`GET /users/${id}/boss`, json(person(id + 1))] as const),
  ['GET /products/all', json([{ id: 'p', name: 'Thread' }])],
]);

let backend: RestBackend;
let gateway: Gateway;
let served: Served;

async function open(config: ConfigInput = {}): Promise<Gateway> {
  return createGateway({
    files,
    environment: { BACKEND: backend.url },
    config: { log: 'silent', ...config },
  });
}

beforeAll(async () => {
  backend = await startRest(answers);
  gateway = await open();
  served = await gateway.serve({ port: 0, closeTimeoutMs: 500 });
});

afterAll(async () => {
  await served.close();
  await gateway.close();
  await backend.close();
});

afterEach(async () => {
  expect((await post(served, { query: '{ me { id name } }' })).body).toEqual({
    data: { me: { id: '1', name: 'u1' } },
  });
});

interface Asked {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Far more than any of them takes, on a machine that does much else; what it is held against took seconds. */
const soonMs = 1_000;

/** Posts it and gives its codes: it is refused with 400, soon, without a call, and says nothing that it should not. */
async function refused(asked: Asked, by = served): Promise<unknown[]> {
  const calls = backend.calls.length;
  const start = performance.now();
  const { status, body } = await post(by, asked);
  expect(performance.now() - start).toBeLessThan(soonMs);
  expect([status, 'data' in body]).toEqual([400, false]);
  expect(backend.calls.length).toBe(calls);
  expectDiscreet(body);
  return body.errors.map(({ extensions }) => extensions['code']);
}

function expectDiscreet(body: Body): void {
  expect(JSON.stringify(body)).not.toMatch(
    /Did you mean|RangeError|call stack|stacktrace|node_modules|127\.0\.0/,
  );
}

const nested = (levels: number, open = 'boss {', close = '}'): string =>
  `{ me { ${`${open} `.repeat(levels - 2)} id ${`${close} `.repeat(levels - 2)} } }`;

/** Each fragment spreads the next one twice. */
function bomb(levels: number, twice: (spread: string) => string): string {
  const fragments = Array.from({ length: levels }, (_, at) => {
    const body = at === levels - 1 ? 'id' : twice(`...F${at + 1}`);
    return `fragment F${at} on User { ${body} }`;
  });
  return `{ me { ...F0 } } ${fragments.join(' ')}`;
}

const times = (count: number, text: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => text(at)).join(' ');

const rows: readonly (readonly [id: string, what: string, code: string, asked: Asked | string])[] = [
  ['B-25', '2,001 tokens', 'QUERY_TOO_LONG', `{ ${times(1_999, () => 'x')} }`],
  ['B-25', 'half a million tokens', 'QUERY_TOO_LONG', `{ ${times(500_000, () => 'x')} }`],
  ['B-26', '600 kB of comments', 'QUERY_TOO_LONG', `${'#\n'.repeat(300_000)}{ me { id } }`],
  ['B-26', '900 kB of commas', 'QUERY_TOO_LONG', `${','.repeat(900_000)}{ me { id } }`],
  ['B-26', 'a string of 900 kB', 'QUERY_TOO_LONG', `{ user(id: "${'x'.repeat(900_000)}") { id } }`],
  ['B-27', 'depth 16', 'QUERY_TOO_DEEP', nested(16)],
  ['B-27', 'depth 16 by inline fragments', 'QUERY_TOO_DEEP', nested(16, '... on User { boss {', '} }')],
  [
    'B-27',
    'depth 16 by named fragments',
    'QUERY_TOO_DEEP',
    `{ me { ...F0 } } ${times(14, (at) => `fragment F${at} on User { boss { ${at === 13 ? 'id' : `...F${at + 1}`} } }`)}`,
  ],
  ['B-27', 'inline fragments alone, 61 deep', 'QUERY_TOO_DEEP', nested(63, '... {')],
  ['B-28', '5,000 nested selections', 'QUERY_TOO_LONG', '{me'.repeat(5_000)],
  ['B-28', '600 nested selections', 'QUERY_TOO_DEEP', nested(600)],
  ['B-28', '900 nested lists', 'QUERY_TOO_DEEP', `{ me(x: ${'['.repeat(900)}${']'.repeat(900)}) { id } }`],
  [
    'B-28',
    '300 nested objects',
    'QUERY_TOO_DEEP',
    `{ me(x: ${'{a:'.repeat(300)}1${'}'.repeat(300)}) { id } }`,
  ],
  [
    'B-28',
    '900 nested types',
    'QUERY_TOO_DEEP',
    `query ($v: ${'['.repeat(900)}Int${']'.repeat(900)}) { me { id } }`,
  ],
  [
    'B-29',
    'a bomb of 2^18 nested',
    'QUERY_TOO_MANY_FIELDS',
    bomb(19, (next) => `a: boss { ${next} } b: boss { ${next} }`),
  ],
  ['B-29', 'a bomb of 2^99 on one level', 'QUERY_TOO_MANY_FIELDS', bomb(99, (next) => `${next} ${next}`)],
  ['B-29', 'a bomb of 10^12 and more', 'QUERY_TOO_MANY_FIELDS', bomb(14, (next) => times(10, () => next))],
  [
    'B-30',
    'a fragment that spreads itself',
    'GRAPHQL_VALIDATION_FAILED',
    '{ me { ...A } } fragment A on User { id ...A }',
  ],
  [
    'B-30',
    'a circle of three fragments',
    'GRAPHQL_VALIDATION_FAILED',
    `{ me { ...A } } fragment A on User { boss { ...B } } fragment B on User { boss { ...C } } fragment C on User { boss { ...A } }`,
  ],
  ['B-31', '31 aliases', 'QUERY_TOO_MANY_ALIASES', `{ me { ${times(31, (at) => `a${at}: id`)} } }`],
  [
    'B-31',
    '32 aliases by a fragment',
    'QUERY_TOO_MANY_ALIASES',
    `{ me { ...A boss { ...A } } } fragment A on User { ${times(16, (at) => `a${at}: id`)} }`,
  ],
  ['B-31', '1,000 times the same field', 'QUERY_TOO_MANY_FIELDS', `{ me { ${times(1_000, () => 'id')} } }`],
  ['B-31', '51 directives', 'QUERY_TOO_MANY_DIRECTIVES', `{ me { id ${'@include(if: true) '.repeat(51)} } }`],
  ['B-31', '21 root fields', 'QUERY_TOO_MANY_ROOT_FIELDS', `{ ${times(21, () => 'me { id }')} }`],
  ['B-31', '101 operations', 'QUERY_TOO_MANY_DEFINITIONS', times(101, (at) => `query Q${at} { me { id } }`)],
  ['B-31', '10,000 operations', 'QUERY_TOO_LONG', times(10_000, (at) => `query Q${at} { me { id } }`)],
  [
    'B-32',
    '1,000 flat inline fragments of 5 levels',
    'QUERY_TOO_LONG',
    `{ ${times(1_000, () => '... { me { boss { boss { boss { id } } } } }')} }`,
  ],
  [
    'B-32',
    '100 of them',
    'QUERY_TOO_MANY_ROOT_FIELDS',
    `{ ${times(100, () => '... { me { boss { boss { id } } } }')} }`,
  ],
  ['B-33', 'an operation named __schema', 'QUERY_TOO_DEEP', `query __schema ${nested(16)}`],
  ['B-33', 'an alias __schema', 'QUERY_TOO_DEEP', nested(16).replace('me', '__schema: me')],
  ['B-33', 'an alias __typename on each level', 'QUERY_TOO_DEEP', nested(16, '__typename: boss {')],
  [
    'B-33',
    'a fragment named __schema',
    'QUERY_TOO_DEEP',
    `{ ...__schema } fragment __schema on Query ${nested(16)}`,
  ],
  ['B-33', 'a variable named __schema', 'QUERY_TOO_DEEP', `query ($__schema: Int) ${nested(16)}`],
  [
    'B-33',
    'a cost under the alias __schema',
    'QUERY_TOO_COSTLY',
    '{ __schema: products(first: 1000000) { id } }',
  ],
  ['B-36', 'a list of a million', 'QUERY_TOO_COSTLY', '{ products(first: 1000000) { id } }'],
  [
    'B-36',
    'a list of a million, by a variable',
    'QUERY_TOO_COSTLY',
    { query: 'query ($n: Int) { products(first: $n) { id } }', variables: { n: 1_000_000 } },
  ],
  [
    'B-36',
    'a million by the default of a variable',
    'QUERY_TOO_COSTLY',
    'query ($n: Int = 1000000) { products(first: $n) { id } }',
  ],
  [
    'B-36',
    'a hundred of a hundred of a hundred',
    'QUERY_TOO_COSTLY',
    '{ products(first: 100) { related(first: 100) { related(first: 100) { id } } } }',
  ],
  [
    'B-36',
    'a list that has "first" and no @listSize',
    'QUERY_TOO_COSTLY',
    '{ me { friends(first: 60000) { id } } }',
  ],
  [
    'B-36',
    'a number beyond all numbers',
    'QUERY_TOO_COSTLY',
    { query: 'query ($n: Int) { products(first: $n) { id } }', variables: { n: 1e300 } },
  ],
  ['B-38', 'an unused variable', 'GRAPHQL_VALIDATION_FAILED', 'query ($n: Int) { me { id } }'],
  ['B-38', 'an undefined variable', 'GRAPHQL_VALIDATION_FAILED', '{ user(id: $id) { id } }'],
  [
    'B-38',
    'a variable twice',
    'GRAPHQL_VALIDATION_FAILED',
    'query ($id: ID!, $id: ID!) { user(id: $id) { id } }',
  ],
  [
    'B-38',
    '10,000 variables',
    'QUERY_TOO_LONG',
    `query (${times(10_000, (at) => `$v${at}: Int`)}) { me { id } }`,
  ],
  [
    'B-38',
    '300 unused variables',
    'GRAPHQL_VALIDATION_FAILED',
    `query (${times(300, (at) => `$v${at}: Int`)}) { me { id } }`,
  ],
  ['B-38', 'a variable that is missing', 'BAD_USER_INPUT', 'query ($id: ID!) { user(id: $id) { id } }'],
];

describe('refused in good time, without a call', () => {
  test.each(rows)('%s: %s with %s', async (_, _what, code, asked) => {
    const codes = await refused(typeof asked === 'string' ? { query: asked } : asked);
    expect(codes).toContain(code);
  });
});

test('B-28: 3,000 nested lists end at the tokens, or at the stack of the parser', async () => {
  const [code] = await refused({ query: `{ me(x: ${'['.repeat(3_000)}${']'.repeat(3_000)}) }` });
  expect(code).toMatch(/^(QUERY_TOO_LONG|GRAPHQL_PARSE_FAILED)$/);
});

describe('B-35: no hint of what the schema has, for', () => {
  const wrong: Readonly<Record<string, Asked>> = {
    'a field': { query: '{ mee { id } }' },
    'a field below': { query: '{ me { nam } }' },
    'an argument': { query: '{ user(idd: 1) { id } }' },
    'an enum value': { query: '{ search(color: REDD) { id } }' },
    'an enum value in a variable': {
      query: 'query ($c: Color) { search(color: $c) { id } }',
      variables: { c: 'REDD' },
    },
    'a type': { query: '{ me { ... on Usr { id } } }' },
    'a type of a variable': { query: 'query ($v: Fliter) { search(filter: $v) { id } }' },
    'a field of input': { query: '{ search(filter: { nam: "a" }) { id } }' },
    'a field of input in a variable': {
      query: 'query ($f: Filter) { search(filter: $f) { id } }',
      variables: { f: { nam: 'a' } },
    },
    'a missing selection': { query: '{ me }' },
    'a directive': { query: '{ me @inclde(if: true) { id } }' },
  };

  test.each(Object.entries(wrong))('%s', async (_, asked) => {
    const [code] = await refused(asked);
    expect(code).toMatch(/^(GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT)$/);
    const answer = await gateway.ask(asked);
    expectDiscreet(answer as Body);
    expect(answer.data).toBeUndefined();
  });
});

/** The errors of one document, by each way on which it can be sent; as JSON. */
async function byEachWay(query: string): Promise<Readonly<Record<string, unknown>>> {
  const url = `${served.url}/graphql`;
  const search = `?${new URLSearchParams({ query }).toString()}`;
  const preflight = { 'apollo-require-preflight': '1' };
  const events = { accept: 'text/event-stream', 'content-type': 'application/json' };
  const body = JSON.stringify({ query });
  const errorsOf = async (response: Response): Promise<unknown> =>
    ((await response.json()) as { readonly errors?: unknown }).errors;
  const eventsOf = async (response: Response): Promise<unknown> =>
    (JSON.parse(/data: (\{.*\})/.exec(await response.text())?.[1] ?? 'null') as Body).errors;
  return {
    post: (await post(served, { query })).body.errors,
    get: await errorsOf(await fetch(url + search, { headers: preflight })),
    events: await eventsOf(await fetch(url, { method: 'POST', headers: events, body })),
    'events by get': await eventsOf(
      await fetch(url + search, { headers: { ...preflight, accept: events.accept } }),
    ),
    socket: await overWebSocket(query),
  };
}

async function overWebSocket(query: string): Promise<unknown> {
  const client = createClient({
    url: `ws://127.0.0.1:${served.port}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  onTestFinished(() => void client.dispose());
  return new Promise((resolve) => {
    client.subscribe(
      { query },
      { next: ({ errors }) => resolve(errors), error: resolve, complete: () => resolve(undefined) },
    );
  });
}

describe('the same by POST, GET, event stream and WebSocket', () => {
  const documents: Readonly<Record<string, readonly [query: string, code: string]>> = {
    'B-27: depth': [nested(16), 'QUERY_TOO_DEEP'],
    'B-29: a bomb': [bomb(14, (next) => times(10, () => next)), 'QUERY_TOO_MANY_FIELDS'],
    'B-25: tokens': [`{ ${times(2_000, () => 'a')} }`, 'QUERY_TOO_LONG'],
    'B-31: aliases': [`{ me { ${times(31, (at) => `a${at}: id`)} } }`, 'QUERY_TOO_MANY_ALIASES'],
    'B-36: cost': ['{ products(first: 1000000) { id } }', 'QUERY_TOO_COSTLY'],
    'B-34: __schema': ['{ __schema { queryType { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
    'B-34: __type': ['{ __type(name: "User") { name } }', 'GRAPHQL_VALIDATION_FAILED'],
    'B-34: by an alias': ['{ me: __schema { queryType { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
    'B-34: by a fragment': [
      '{ ...F } fragment F on Query { __schema { queryType { name } } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    'B-34: by an inline fragment': [
      '{ ... on Query { __schema { queryType { name } } } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    'B-34: by a second operation': [
      'query A { me { id } } query B { __schema { queryType { name } } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
  };

  test.each(Object.entries(documents))('%s', async (_, [query, code]) => {
    const calls = backend.calls.length;
    const { post: first, ...others } = await byEachWay(query);
    expect(first).toMatchObject([{ extensions: { code } }]);
    for (const [way, errors] of Object.entries(others)) expect([way, errors]).toEqual([way, first]);
    const inProcess = await gateway.ask({ query });
    expect(inProcess.errors?.map(({ message }) => message)).toEqual([(first as Body['errors'])[0]?.message]);
    expect(backend.calls.length).toBe(calls);
  });
});

test('B-34: everything that tools ask for is refused in production, and answered in development', async () => {
  const query = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, oneOf: true });
  const [code] = await refused({ query });
  expect(code).toBe('GRAPHQL_VALIDATION_FAILED');
  const open_ = await open({ mode: 'development' });
  onTestFinished(() => open_.close());
  const development = await open_.serve({ port: 0, closeTimeoutMs: 500 });
  onTestFinished(() => development.close());
  const { status, body } = await post(development, { query });
  expect([status, body.errors]).toEqual([200, undefined]);
  const { body: told } = await post(development, { query: nested(16) });
  expect(told.errors[0]?.message).toBe('The query has 16 levels and may have 15 (maxDepth).');
  expect((await post(development, { query: '{ mee { id } }' })).body.errors[0]?.message).toContain(
    'Did you mean',
  );
});

test('B-37: of the calls that data asks for the first ones are made, and the others are errors at their paths', async () => {
  const limited = await open({ maxCallsPerOperation: 40 });
  onTestFinished(() => limited.close());
  const calls = backend.calls.length;
  const { data, errors } = await limited.ask({ query: '{ users { boss { id } } }' });
  const users = (data?.['users'] ?? []) as readonly { readonly boss: unknown }[];
  expect(users).toHaveLength(people);
  expect(users.filter(({ boss }) => boss !== null)).toHaveLength(39);
  expect(errors).toHaveLength(people - 39);
  expect(new Set(errors?.map(({ extensions }) => extensions['code']))).toEqual(
    new Set(['REQUEST_LIMIT_EXCEEDED']),
  );
  expect(errors?.map(({ path }) => path?.join('.'))).toContain(`users.${people - 1}.boss`);
  expect(backend.calls.length - calls).toBe(40);
});

test('B-37: of the rows that data brings the first ones are served', async () => {
  const limited = await open({ limits: { maxRows: people + 10 } });
  onTestFinished(() => limited.close());
  const { data, errors } = await limited.ask({ query: '{ users { id } search { id } me { id } }' });
  const lists = [data?.['users'], data?.['search']];
  expect(lists.filter(Array.isArray)).toHaveLength(1);
  expect(data?.['me']).toEqual({ id: '1' });
  expect(errors).toMatchObject([{ extensions: { code: 'ROW_LIMIT_EXCEEDED' } }]);
});

test('B-38: variables that nobody declared do no harm', async () => {
  const variables = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`v${at}`, at]));
  expect((await post(served, { query: '{ me { id } }', variables })).body).toEqual({
    data: { me: { id: '1' } },
  });
});

test('B-40: a flood of different documents is answered, each by itself', async () => {
  for (let batch = 0; batch < 6; batch++) {
    const answered = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        const name = `n${batch * 50 + at}`;
        const { body } = await post(served, { query: `query ${name} { ${name}: me { id } }` });
        return body.data[name];
      }),
    );
    expect(new Set(answered.map((each) => JSON.stringify(each)))).toEqual(new Set(['{"id":"1"}']));
  }
});

describe('B-41: names of JavaScript as aliases', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'then', 'toJSON', 'hasOwnProperty'];

  test.each(names)('%s on one backend and on two', async (name) => {
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort());
    const one = await post(served, { query: `{ ${name}: me { ${name}: name } }` });
    expect(JSON.stringify(one.body)).toBe(`{"data":{"${name}":{"${name}":"u1"}}}`);
    const two = await post(served, {
      query: `{ a: me { ${name}: name } b: products(first: 1) { ${name}: name } ${name}: products(first: 1) { id } }`,
    });
    expect(JSON.stringify(two.body)).toBe(
      `{"data":{"a":{"${name}":"u1"},"b":[{"${name}":"Thread"}],"${name}":[{"id":"p"}]}}`,
    );
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())).toBe(before);
  });

  test('all at once', async () => {
    const query = `{ ${names
      .map(
        (name) =>
          `${name}: me { ${names
            .map((inner) => `${inner}: id`)
            .slice(0, 3)
            .join(' ')} }`,
      )
      .join(' ')} }`;
    const { status, body } = await post(served, { query });
    expect([status, body.errors, Object.keys(body.data).sort()]).toEqual([200, undefined, [...names].sort()]);
  });
});

test('what is measured only is answered, and counted', async () => {
  const measuring = await open({ limits: { mode: 'measure', maxDepth: 2, maxCost: 1 } });
  onTestFinished(() => measuring.close());
  const measured = await measuring.serve({ port: 0, closeTimeoutMs: 500 });
  onTestFinished(() => measured.close());
  for (let round = 0; round < 2; round++) {
    const { body } = await post(measured, { query: '{ me { boss { id } } }' });
    expect(body).toEqual({ data: { me: { boss: { id: '2' } } } });
  }
  expect(Object.fromEntries(measuring.limitCounts())).toEqual({ maxDepth: 2, maxCost: 2 });
  expect(await refused({ query: bomb(99, (next) => `${next} ${next}`) }, measured)).toEqual([
    'QUERY_TOO_MANY_FIELDS',
  ]);
});
