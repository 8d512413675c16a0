import { describe, expect, test } from 'vitest';
import type { Question } from '../../../src/index.js';
import { ask, codeOf, fileOf, open, startBackend, type Backend, type Parts } from './support.js';

/** Makes one call of `go` and gives the backend that had it. */
async function call(parts: Parts, question: Partial<Question> = {}, config = {}): Promise<Backend> {
  const backend = await startBackend();
  const gateway = await open(backend.url, fileOf(parts), { sources: { api: { config } } });
  const query = parts.root === 'Mutation' ? 'mutation { go }' : '{ go }';
  const answer = await ask(gateway, { query, ...question });
  expect(answer).toEqual({ data: { go: {} } });
  expect(backend.seen).toHaveLength(1);
  return backend;
}

describe('headers', () => {
  const http = 'GET: "/u"';

  test('a header of the connector replaces that of the source, whatever its case', async () => {
    const { seen } = await call({
      sourceHttp: 'headers: [{ name: "X-A", value: "source" }, { name: "X-B", value: "kept" }]',
      http: `${http}, headers: [{ name: "x-a", value: "connect" }]`,
    });
    expect(seen[0]?.header('x-a')).toEqual(['connect']);
    expect(seen[0]?.header('x-b')).toEqual(['kept']);
  });

  test('one header needs no list', async () => {
    const { seen } = await call({ http: `${http}, headers: { name: "X-A", value: "1" }` });
    expect(seen[0]?.header('x-a')).toEqual(['1']);
  });

  test('`from` copies every value under the new name, whatever the case of the old one', async () => {
    const { seen } = await call(
      { http: `${http}, headers: [{ name: "X-New", from: "X-Old" }]` },
      { headers: { 'x-old': ['first', 'second, third'] } },
    );
    expect(seen[0]?.header('x-new')).toEqual(['first', 'second, third']);
    expect(seen[0]?.header('x-old')).toEqual([]);
  });

  test('`from` a header that the client did not send sends nothing, not what the source would', async () => {
    const { seen } = await call({
      sourceHttp: 'headers: { name: "X-A", value: "source" }',
      http: `${http}, headers: [{ name: "X-A", from: "x-a" }, { name: "X-B", from: "constructor" }]`,
    });
    expect(seen[0]?.header('x-a')).toEqual([]);
    expect(seen[0]?.header('x-b')).toEqual([]);
  });

  test('nothing that the client sent arrives unasked', async () => {
    const sent = [
      'host',
      'x-forwarded-host',
      'content-length',
      'te',
      'cookie',
      'x-internal',
      'authorization',
    ];
    const { seen } = await call(
      { http },
      { headers: Object.fromEntries(sent.map((name) => [name, ['evil']])) },
    );
    expect(seen[0]?.names.map((name) => name.toLowerCase()).sort()).toEqual(['accept', 'connection', 'host']);
  });

  test('a null hole leaves the constant part, and a comma makes no second line', async () => {
    const headers =
      '[{ name: "Authorization", value: "Bearer {$config.token}" }, { name: "X-A", value: "first,second" }]';
    const { seen } = await call({ http: `${http}, headers: ${headers}` }, {}, { token: null });
    expect(seen[0]?.header('authorization')).toEqual(['Bearer']);
    expect(seen[0]?.header('x-a')).toEqual(['first,second']);
  });

  test('values are not encoded; Latin-1 arrives as its bytes', async () => {
    const { seen } = await call(
      { args: '(v: String)', http: `${http}, headers: { name: "X-A", value: "<{$args.v}>" }` },
      { query: '{ go(v: "a b/%ü") }' },
    );
    expect(seen[0]?.header('x-a')).toEqual(['<a b/%ü>']);
  });

  test('holes see the client, the configuration and the environment', async () => {
    const { seen } = await call(
      {
        sourceHttp:
          'headers: { name: "X-A", value: "{$config.key} {$env.BACKEND->size->gt(1)} {$request.headers.\'x-b\'->first}" }',
        http,
      },
      { headers: { 'x-b': ['b'] } },
      { key: 'k' },
    );
    expect(seen[0]?.header('x-a')).toEqual(['k true b']);
  });

  test.each(['a\r\nX-Evil: 1', 'a\nb', 'a\0b', 'a\ud800', '\u2028', 'Ω', '\x7f'])(
    'a value with %j makes no call',
    async (v) => {
      const backend = await startBackend();
      const file = fileOf({
        args: '(v: String)',
        http: `${http}, headers: { name: "X-A", value: "{$args.v}" }`,
      });
      const gateway = await open(backend.url, file);
      const answer = await ask(gateway, { query: 'query ($v: String) { go(v: $v) }', variables: { v } });
      expect(codeOf(answer)).toBe('BAD_USER_INPUT');
      expect(backend.seen).toEqual([]);
    },
  );

  test('a hole that gives a list or an object makes no call', async () => {
    const backend = await startBackend();
    const file = fileOf({ args: '(v: JSON)', http: `${http}, headers: { name: "X-A", value: "{$args.v}" }` });
    const gateway = await open(backend.url, file);
    const answer = await ask(gateway, '{ a: go(v: [1]) b: go(v: { a: 1 }) }');
    expect(answer.errors?.map(({ extensions }) => extensions?.['code'])).toEqual([
      'BAD_USER_INPUT',
      'BAD_USER_INPUT',
    ]);
    expect(backend.seen).toEqual([]);
  });

  test('accept and host may be set', async () => {
    const { seen } = await call({
      http: `${http}, headers: [{ name: "Accept", value: "text/plain" }, { name: "Host", value: "api.example" }]`,
    });
    expect(seen[0]?.header('accept')).toEqual(['text/plain']);
    expect(seen[0]?.header('host')).toEqual(['api.example']);
  });

  test.each([
    ...['Connection', 'Proxy-Authenticate', 'Proxy-Authorization', 'TE', 'Trailer', 'Transfer-Encoding'],
    ...['Upgrade', 'Content-Length', 'Content-Encoding', 'Accept-Encoding', 'Keep-Alive'],
  ])('%s is not for files to set', async (name) => {
    const file = (header: string) => fileOf({ http: `${http}, headers: ${header}` });
    await expect(open('', file(`{ name: "${name}", value: "1" }`))).rejects.toThrow('INVALID_HEADER');
    await expect(open('', file(`{ name: "${name}", from: "x" }`))).rejects.toThrow('INVALID_HEADER');
  });

  test.each(['Content-Type', 'Accept', 'Host'])('%s is not for files to copy', async (name) => {
    const file = fileOf({ http: `${http}, headers: { name: "${name}", from: "x" }` });
    await expect(open('', file)).rejects.toThrow('INVALID_HEADER');
  });

  test('what cannot be sent is refused, and takes no connection from others', async () => {
    const backend = await startBackend();
    const header = '{ name: "X-A", from: "x-a" }';
    const gateway = await open(backend.url, fileOf({ http: `${http}, headers: ${header}` }));
    for (let i = 0; i < 200; i++) {
      const answer = await ask(gateway, { query: '{ go }', headers: { 'x-a': ['a\r\nx-evil: 1'] } });
      expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    }
    expect(await ask(gateway, '{ go }')).toEqual({ data: { go: {} } });
    expect(backend.seen).toHaveLength(1);
  });
});

/** A claim, the parts, the arguments, the body that arrives and its content type. */
type BodyRow = readonly [
  string,
  Omit<Parts, 'http'> & { body: string; headers?: string },
  string,
  string,
  string?,
];

const form = 'headers: { name: "Content-Type", value: "application/x-www-form-urlencoded" }';

const bodies: BodyRow[] = [
  ['an object', { body: 'a: $(1) b: { c: $([true]) }' }, '', '{"a":1,"b":{"c":[true]}}'],
  ['a scalar', { body: "$('text')" }, '', '"text"'],
  ['null', { body: '$(null)' }, '', 'null'],
  [
    'an argument that was not given is left out',
    { args: '(v: String)', body: 'a: $args.v b: $(1)' },
    '',
    '{"b":1}',
  ],
  [
    'an argument given as null is null',
    { args: '(v: String)', body: 'a: $args.v' },
    '(v: null)',
    '{"a":null}',
  ],
  ['`?` leaves out both', { args: '(v: String)', body: 'a: $args.v?' }, '(v: null)', '{}'],
  ['a default is given', { args: '(v: String = "d")', body: 'a: $args.v' }, '', '{"a":"d"}'],
  [
    'defaults of input objects, and what is missing in them',
    {
      args: '(v: In)',
      types: 'input In { a: Int = 5 b: Int c: In }',
      body: '$args.v',
    },
    '(v: { c: { b: null } })',
    '{"a":5,"c":{"a":5,"b":null}}',
  ],
  [
    'text is UTF-8',
    { args: '(v: String)', body: 'a: $args.v' },
    '(v: "ä😀\\u2028\\u0000\\r\\n")',
    '{"a":"ä😀\u2028\\u0000\\r\\n"}',
  ],
  ['a body mapping without a value sends no body', { args: '(v: JSON)', body: '$args.v' }, '', '', ''],
  [
    'another content type is JSON all the same',
    { body: 'a: $(1)', headers: 'headers: { name: "content-type", value: "application/vnd.api+json" }' },
    '',
    '{"a":1}',
    'application/vnd.api+json',
  ],
  [
    'a form',
    { body: "a: $('x y&=') b: $(null) c: $(true) d: $(1.5)", headers: form },
    '',
    'a=x+y%26%3D&b=&c=true&d=1.5',
    'application/x-www-form-urlencoded',
  ],
  [
    'a nested form',
    { body: "a: { b: $([1, { c: 'ä' }]) } e: $([]) f: $({})", headers: form },
    '',
    'a%5Bb%5D%5B0%5D=1&a%5Bb%5D%5B1%5D%5Bc%5D=%C3%A4',
    'application/x-www-form-urlencoded',
  ],
  [
    'a form with a parameter in its type is none',
    {
      body: 'a: $(1)',
      headers: 'headers: { name: "content-type", value: "application/x-www-form-urlencoded; charset=utf-8" }',
    },
    '',
    '{"a":1}',
    'application/x-www-form-urlencoded; charset=utf-8',
  ],
];

describe('a body', () => {
  for (const [claim, { body, headers = '', ...parts }, args, text, type = 'application/json'] of bodies) {
    test(claim, async () => {
      const http = `POST: "/u", body: ${JSON.stringify(body)} ${headers}`;
      const { seen } = await call({ ...parts, http }, { query: `{ go${args} }` });
      expect(seen[0]?.body).toBe(text);
      expect(seen[0]?.header('content-type')).toEqual(type === '' ? [] : [type]);
      expect(seen[0]?.header('content-length')).toEqual([String(Buffer.byteLength(text))]);
    });
  }

  test.each(['POST', 'PUT', 'PATCH'])('that is not there has the length 0 on %s', async (verb) => {
    const { seen } = await call({ root: 'Mutation', http: `${verb}: "/u"` });
    expect(seen[0]?.line).toBe(`${verb} /u`);
    expect(seen[0]?.header('content-length')).toEqual(['0']);
    expect(seen[0]?.header('content-type')).toEqual([]);
  });

  test.each(['GET', 'DELETE'])('that is not there has no length on %s', async (verb) => {
    const { seen } = await call({ root: 'Mutation', http: `${verb}: "/u"` });
    expect(seen[0]?.header('content-length')).toEqual([]);
  });

  test.each([
    ['no object', [1]],
    ['half a character', { a: '\ud800' }],
    ['half a character in a name', { a: { '\udc00': 1 } }],
  ])('that is a form with %s makes no call', async (_, v) => {
    const backend = await startBackend();
    const file = fileOf({ args: '(v: JSON)', http: `POST: "/u", body: "$args.v", ${form}` });
    const gateway = await open(backend.url, file);
    const answer = await ask(gateway, { query: 'query ($v: JSON) { go(v: $v) }', variables: { v } });
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(backend.seen).toEqual([]);
  });

  test('half a character is escaped in JSON', async () => {
    const question = { query: 'query ($v: JSON) { go(v: $v) }', variables: { v: '\ud800' } };
    const { seen } = await call({ args: '(v: JSON)', http: 'POST: "/u", body: "$args.v"' }, question);
    expect(seen[0]?.body).toBe(String.raw`"\ud800"`);
  });

  test('names like __proto__ arrive as names, in JSON and in forms', async () => {
    const variables = { v: JSON.parse('{"__proto__":{"x":1},"constructor":2}') as unknown };
    const query = 'query ($v: JSON) { go(v: $v) }';
    const http = 'POST: "/u", body: "$args.v"';
    const sent = await call({ args: '(v: JSON)', http }, { query, variables });
    expect(sent.seen[0]?.body).toBe('{"__proto__":{"x":1},"constructor":2}');
    const asForm = await call({ args: '(v: JSON)', http: `${http}, ${form}` }, { query, variables });
    expect(asForm.seen[0]?.body).toBe('__proto__%5Bx%5D=1&constructor=2');
  });
});

describe('calls', () => {
  test('two aliases with equal arguments share one, two with different ones do not', async () => {
    const backend = await startBackend();
    const gateway = await open(backend.url, fileOf({ args: '(id: ID)', http: 'GET: "/u/{$args.id}"' }));
    await ask(gateway, '{ a: go(id: 1) b: go(id: 1) c: go(id: "2") }');
    expect(backend.lines().sort()).toEqual(['GET /u/1', 'GET /u/2']);
  });

  test('above the limit of an operation are not sent', async () => {
    const backend = await startBackend();
    const gateway = await open(backend.url, fileOf({ args: '(id: ID)', http: 'GET: "/u/{$args.id}"' }), {
      sources: { api: { maxCallsPerOperation: 2 } },
    });
    const answer = await ask(gateway, '{ a: go(id: 1) b: go(id: 2) c: go(id: 3) }');
    expect(codeOf(answer)).toBe('REQUEST_LIMIT_EXCEEDED');
    expect(backend.lines().sort()).toEqual(['GET /u/1', 'GET /u/2']);
  });

  test('that cannot be made do not count as calls', async () => {
    const backend = await startBackend();
    const gateway = await open(backend.url, fileOf({ args: '(id: ID)', http: 'GET: "/u/{$args.id}"' }), {
      sources: { api: { maxCallsPerOperation: 1 } },
    });
    const answer = await ask(gateway, '{ a: go(id: "..") b: go(id: 2) }');
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
    expect(backend.lines()).toEqual(['GET /u/2']);
  });
});
