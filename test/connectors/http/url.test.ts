import { describe, expect, test } from 'vitest';
import { ask, codeOf, fileOf, leaks, open, startBackend, type Parts } from './support.js';

/** What the backend reads in the request line, byte for byte. */
type Row = readonly [claim: string, parts: Parts, line: string, variables?: Record<string, unknown>];

async function lineOf(parts: Parts, variables: Record<string, unknown>): Promise<string[]> {
  const backend = await startBackend();
  const gateway = await open(backend.url, fileOf(parts), {
    sources: { api: { config: { key: 'k/1', nothing: null } } },
  });
  const names = [...(parts.args ?? '').matchAll(/(\w+): ([\w![\]]+)/g)];
  const declared = names.map(([, name, type]) => `$${name ?? ''}: ${type ?? ''}`).join(', ');
  const given = names.map(([, name]) => `${name ?? ''}: $${name ?? ''}`).join(', ');
  const query = names.length === 0 ? '{ go }' : `query (${declared}) { go(${given}) }`;
  const answer = await ask(gateway, { query, variables });
  expect(answer).toEqual({ data: { go: {} } });
  return backend.lines();
}

const joining: Row[] = [
  ['one slash where neither side has one', { base: '/v1', http: 'GET: "users"' }, 'GET /v1/users'],
  ['one slash where both have one', { base: '/v1/', http: 'GET: "/users"' }, 'GET /v1/users'],
  ['one slash for several', { base: '/v1/', http: 'GET: "///users"' }, 'GET /v1/users'],
  ['a slash alone adds nothing', { base: '/v1', http: 'GET: "/"' }, 'GET /v1'],
  ['the slash at the end of a base stays', { base: '/v1/', http: 'GET: "/"' }, 'GET /v1/'],
  ['the slash at the end of a path stays', { base: '/v1', http: 'GET: "/users/"' }, 'GET /v1/users/'],
  ['nothing at all is a slash', { http: 'GET: "/"' }, 'GET /'],
  ['a query alone', { base: '/v1', http: 'GET: "?a=1"' }, 'GET /v1?a=1'],
  ['fragments are dropped', { base: '/v1', http: 'GET: "/users?a=1#top"' }, 'GET /v1/users?a=1'],
  ['line breaks in a template fold', { http: 'GET: "/users\\n  ?a=1\\n&b=2"' }, 'GET /users%20%20?a=1&b=2'],
  [
    'constants keep legal characters',
    { http: `GET: "/a:b@c!$&'()*+,;=%2F?x=[y]"` },
    `GET /a:b@c!$&'()*+,;=%2F?x=[y]`,
  ],
  ['constants lose illegal ones', { http: 'GET: "/ä b|c?x=<y>"' }, 'GET /%C3%A4%20b%7Cc?x=%3Cy%3E'],
  [
    'paths in order: base, source, connect, connect path',
    {
      base: '/v1',
      sourceHttp: `path: "$(['s', 1])"`,
      http: `GET: "/users", path: "$(['p', null, true])"`,
    },
    'GET /v1/s/1/users/p/true',
  ],
  [
    'queries in order: base, source, connect, connect queryParams; equal names are all kept',
    {
      base: '?a=1',
      sourceHttp: `queryParams: "a: $(2)"`,
      http: `GET: "/users?a=3", queryParams: "a: $(4) b: $(null)"`,
    },
    'GET /users?a=1&a=2&a=3&a=4',
  ],
  [
    'a list repeats its parameter, a null in it is empty',
    { http: `GET: "/u", queryParams: "ids: $([1, null, 'x y'])"` },
    'GET /u?ids=1&ids=&ids=x%20y',
  ],
  [
    'no list of segments and no object of parameters add nothing',
    { args: '(p: [ID], q: String)', http: `GET: "/u", path: "$args.p", queryParams: "q: $args.q"` },
    'GET /u',
  ],
];

const values: Row[] = [
  ['text', { args: '(v: String)', http: 'GET: "/u/{$args.v}/x"' }, 'GET /u/abc/x', { v: 'abc' }],
  ['a number', { args: '(v: Float)', http: 'GET: "/u/{$args.v}"' }, 'GET /u/1.5', { v: 1.5 }],
  ['a boolean', { args: '(v: Boolean)', http: 'GET: "/u/{$args.v}"' }, 'GET /u/false', { v: false }],
  [
    'null is empty',
    { args: '(v: String)', http: 'GET: "/u/v{$args.v}/x?a={$args.v}"' },
    'GET /u/v/x?a=',
    { v: null },
  ],
  ['missing is empty', { args: '(v: String)', http: 'GET: "/u/v{$args.v}/x?a={$args.v}"' }, 'GET /u/v/x?a='],
  ['configuration', { http: 'GET: "/u/{$config.key}?n={$config.nothing}"' }, 'GET /u/k%2F1?n='],
  [
    'what a value is in a path, it is in a query',
    {
      args: '(v: String)',
      http: 'GET: "/u/{$args.v}?v={$args.v}", path: "$([$args.v])", queryParams: "v: $args.v"',
    },
    'GET /u/a%2C%20%C3%A4%2B%26/a%2C%20%C3%A4%2B%26?v=a%2C%20%C3%A4%2B%26&v=a%2C%20%C3%A4%2B%26',
    { v: 'a, ä+&' },
  ],
  [
    'percent signs of values',
    { args: '(v: String)', http: 'GET: "/u/{$args.v}"' },
    'GET /u/100%25',
    { v: '100%' },
  ],
  ['a default', { args: '(v: Int = 7)', http: 'GET: "/u/{$args.v}"' }, 'GET /u/7'],
];

describe('the request line of', () => {
  for (const [claim, parts, line, variables = {}] of [...joining, ...values]) {
    test(claim, async () => {
      expect(await lineOf(parts, variables)).toEqual([line]);
    });
  }
});

/** B-60 to B-64: `id` in `/users/{$args.id}/posts`. What cannot be sent makes no call. */
const hostile: readonly (readonly [id: string, segment: string | undefined])[] = [
  ['..', undefined],
  ['.', undefined],
  ['%2e%2e', '%252e%252e'],
  ['../admin', '..%2Fadmin'],
  ['..%2fadmin', '..%252fadmin'],
  ['a/b', 'a%2Fb'],
  ['a\\b', 'a%5Cb'],
  ['a?x=1', 'a%3Fx%3D1'],
  ['a#f', 'a%23f'],
  ['a;b', 'a%3Bb'],
  ['@evil', '%40evil'],
  ['//evil', '%2F%2Fevil'],
  ['http://evil/', 'http%3A%2F%2Fevil%2F'],
  ['a\r\nX-Evil: 1', undefined],
  ['', undefined],
  ['a\0b', undefined],
  ['a\ud800b', undefined],
  ['\u2028', undefined],
  ['x'.repeat(2_000), 'x'.repeat(2_000)],
  ["!'()*", '%21%27%28%29%2A'],
  ['😀', '%F0%9F%98%80'],
  ['1e3', '1e3'],
  ['-0', '-0'],
  ['007', '007'],
  ['9007199254740993', '9007199254740993'],
  ['__proto__', '__proto__'],
];

describe('a value in a path', () => {
  test.each(hostile)('%j is one segment, or makes no call', async (id, segment) => {
    const backend = await startBackend();
    const file = fileOf({ args: '(id: ID)', http: 'GET: "/users/{$args.id}/posts"' });
    const gateway = await open(backend.url, file);
    const answer = await ask(gateway, { query: 'query ($id: ID) { go(id: $id) }', variables: { id } });
    expect(backend.lines()).toEqual(segment === undefined ? [] : [`GET /users/${segment}/posts`]);
    if (segment === undefined) expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(JSON.stringify(answer)).not.toMatch(leaks);
  });

  test.each(hostile)(
    '%j in `path:` and `queryParams:` adds one segment and one parameter',
    async (id, segment) => {
      const backend = await startBackend();
      const file = fileOf({
        args: '(id: ID)',
        http: 'GET: "/u", path: "$([$args.id])", queryParams: "id: $args.id"',
      });
      const gateway = await open(backend.url, file);
      await ask(gateway, { query: 'query ($id: ID) { go(id: $id) }', variables: { id } });
      expect(backend.lines()).toEqual(segment === undefined ? [] : [`GET /u/${segment}?id=${segment}`]);
    },
  );

  test.each([
    ['GET: "/u/{$args.v}"', [1]],
    ['GET: "/u?v={$args.v}"', { a: 1 }],
  ])('that is no scalar makes no call: %s with %j', async (http, v) => {
    const backend = await startBackend();
    const gateway = await open(backend.url, fileOf({ args: '(v: JSON)', http }));
    const answer = await ask(gateway, { query: 'query ($v: JSON) { go(v: $v) }', variables: { v } });
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(backend.lines()).toEqual([]);
  });

  test.each([
    ['path: "$args.v"', 'one'],
    ['queryParams: "$args.v"', [1]],
    ['queryParams: "q: $args.v"', { a: 1 }],
    ['queryParams: "q: $args.v"', [[1]]],
    ['path: "$args.v"', [['x']]],
    ['path: "$args.v"', ['..']],
  ])('%s of %j makes no call', async (http, v) => {
    const backend = await startBackend();
    const gateway = await open(backend.url, fileOf({ args: '(v: JSON)', http: `GET: "/u", ${http}` }));
    const answer = await ask(gateway, { query: 'query ($v: JSON) { go(v: $v) }', variables: { v } });
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(backend.lines()).toEqual([]);
  });

  test('digits that a double cannot hold go from one answer into the next call', async () => {
    const backend = await startBackend((response, { line }) => {
      response.setHeader('content-type', 'application/json');
      response.end(line === 'GET /first' ? '{"id": 9007199254740993}' : '{"name": "found"}');
    });
    const gateway = await open(
      backend.url,
      `extend schema @source(name: "api", http: { baseURL: "{$env.BACKEND}" })
       type Query { first: Item @connect(source: "api", http: { GET: "/first" }, selection: "id") }
       type Item { id: ID! more: More @connect(source: "api", http: {
         POST: "/items/{$this.id}", queryParams: "id: $this.id", body: "id: $this.id" }, selection: "name") }
       type More { name: String }`,
    );
    const answer = await ask(gateway, '{ first { id more { name } } }');
    expect(answer).toEqual({ data: { first: { id: '9007199254740993', more: { name: 'found' } } } });
    expect(backend.lines()[1]).toBe('POST /items/9007199254740993?id=9007199254740993');
    expect(backend.seen[1]?.body).toBe('{"id":9007199254740993}');
  });
});
