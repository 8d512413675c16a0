import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  ask,
  bytes,
  codeOf,
  fileOf,
  json,
  leaks,
  open,
  startBackend,
  type Answer,
  type Answering,
  type Parts,
} from './support.js';

/** Asks `{ go }` of a backend that answers so. */
async function answerTo(answering: Answering, parts: Partial<Parts> = {}): Promise<Answer> {
  const backend = await startBackend(answering);
  const gateway = await open(backend.url, fileOf({ http: 'GET: "/u"', ...parts }));
  return ask(gateway, '{ go }');
}

const invalid = 'CONNECTOR_RESPONSE_INVALID';

/** An answer, and what becomes of it: the value of `$`, or an error with this code. */
const read: readonly (readonly [claim: string, Answering, { value: unknown } | { code: string }])[] = [
  ['JSON', bytes('{"a":1}', 'application/json'), { value: { a: 1 } }],
  ['JSON with a charset', bytes('{"a":"ü"}', 'application/json; charset=UTF-8'), { value: { a: 'ü' } }],
  ['+json', bytes('[1]', 'application/problem+json'), { value: [1] }],
  ['the subtype json of another type', bytes('[1]', 'text/json'), { value: [1] }],
  ['a type in capitals', bytes('[1]', 'Application/JSON'), { value: [1] }],
  ['no type', bytes('{"a":1}'), { value: { a: 1 } }],
  ['an empty type', bytes('{"a":1}', ''), { value: { a: 1 } }],
  ['JSON null', bytes('null', 'application/json'), { value: null }],
  ['a JSON scalar', bytes('"text"', 'application/json'), { value: 'text' }],
  ['white space around JSON', bytes(' \r\n{"a":1}\n', 'application/json'), { value: { a: 1 } }],
  ['equal names: the last one wins', bytes('{"a":1,"a":2}', 'application/json'), { value: { a: 2 } }],
  ['an empty body', bytes('', 'application/json'), { value: null }],
  ['an empty text', bytes('', 'text/plain'), { value: null }],
  ['204', (response) => response.writeHead(204).end(), { value: null }],
  ['plain text', bytes('{"a":1}', 'text/plain'), { value: '{"a":1}' }],
  ['plain text in UTF-8', bytes('ü€', 'text/plain'), { value: 'ü€' }],
  [
    'plain text in Latin-1',
    bytes(Buffer.from('ü', 'latin1'), 'text/plain; format=flowed; Charset="ISO-8859-1"'),
    { value: 'ü' },
  ],
  ['plain text with broken bytes', bytes(Buffer.from([0xff, 0x41]), 'text/plain'), { code: invalid }],
  ['plain text in no encoding', bytes('a', 'text/plain; charset=klingon'), { code: invalid }],
  ['HTML is not looked at', bytes('<p>hunter2', 'text/html'), { value: null }],
  ['images are not looked at', bytes(Buffer.from([0xff]), 'image/png'), { value: null }],
  ['XML is not looked at', bytes('{"a":1}', 'application/xml'), { value: null }],
  ['no JSON', bytes('<p>hunter2', 'application/json'), { code: invalid }],
  ['half of JSON', bytes('{"a":', 'application/json'), { code: invalid }],
  ['two JSON values', bytes('{}{}', 'application/json'), { code: invalid }],
  ['white space for JSON', bytes('  ', 'application/json'), { code: invalid }],
  ['NaN', bytes('NaN', 'application/json'), { code: invalid }],
];

describe('the body of an answer', () => {
  test.each(read)('%s', async (_, answering, expected) => {
    const answer = await answerTo(answering);
    if ('value' in expected) expect(answer).toEqual({ data: { go: expected.value } });
    else expect(codeOf(answer)).toBe(expected.code);
    expect(JSON.stringify(answer)).not.toMatch(leaks);
  });

  test('that cannot be read says with which status it came', async () => {
    const { data, errors } = await answerTo(bytes('oops', 'application/json', 502));
    expect(data).toEqual({ go: null });
    expect(errors).toMatchObject([
      {
        path: ['go'],
        extensions: {
          code: invalid,
          http: { status: 502 },
          service: 'api',
          connector: { coordinate: 'api:Query.go[0]' },
        },
      },
    ]);
  });

  test('of another type still has its status and headers', async () => {
    const answer = await answerTo(
      (response) => response.writeHead(201, { 'content-type': 'text/html', 'X-Total': '7' }).end('<p>'),
      { selection: "status: $status total: $response.headers.'x-total'->first body: $" },
    );
    expect(answer).toEqual({ data: { go: { status: 201, total: '7', body: null } } });
  });

  test('with names like __proto__ gives plain values', async () => {
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}},"toString":"t"}';
    const whole = await answerTo(bytes(body, 'application/json'));
    expect(JSON.stringify(whole.data?.['go'])).toBe(body);
    const picked = await answerTo(bytes(body, 'application/json'), {
      selection: 'a: __proto__.polluted b: toString c: constructor.prototype.x d: $.hasOwnProperty',
    });
    expect(picked).toEqual({ data: { go: { a: 1, b: 't', c: 1 } } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('keeps the digits of big integers, as ID and as String', async () => {
    const body = '{"id":9007199254740993,"n":-9223372036854775808,"list":[18446744073709551616],"f":1.5e3}';
    const backend = await startBackend(bytes(body, 'application/json'));
    const types = 'type Item { id: ID text: String n: String list: [ID] f: ID }';
    const parts = { http: 'GET: "/u"', returns: 'Item', selection: 'id text: id n list f', types };
    const gateway = await open(backend.url, fileOf(parts));
    expect(await ask(gateway, '{ go { id text n list f } }')).toEqual({
      data: {
        go: {
          id: '9007199254740993',
          text: '9007199254740993',
          n: '-9223372036854775808',
          list: ['18446744073709551616'],
          f: '1500',
        },
      },
    });
  });

  test.each([5_000, 100_000])('nested %i deep is read, and mapped where it is wanted', async (depth) => {
    const body = `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},"id":"1"}`;
    const answer = await answerTo(bytes(body, 'application/json'), { selection: 'id' });
    expect(answer).toEqual({ data: { go: { id: '1' } } });
  });
});

describe('a packed answer', () => {
  const body = JSON.stringify({ a: 'x'.repeat(10_000) });
  const packed =
    (content: Buffer, coding: string | string[]): Answering =>
    (response) =>
      response
        .setHeader('content-type', 'application/json')
        .setHeader('content-encoding', coding)
        .end(content);

  test.each([
    ['gzip', gzipSync(body)],
    ['X-GZIP', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['br', brotliCompressSync(body)],
    ['identity', Buffer.from(body)],
  ])('in %s is unpacked, although nobody asked for it', async (coding, content) => {
    expect(await answerTo(packed(content, coding))).toEqual({ data: { go: JSON.parse(body) as unknown } });
  });

  test('that is empty is empty', async () => {
    expect(await answerTo(packed(Buffer.alloc(0), 'gzip'))).toEqual({ data: { go: null } });
  });

  test.each([
    ['one that is damaged', packed(Buffer.from('not gzip'), 'gzip')],
    ['one that is cut off', packed(gzipSync(body).subarray(0, 20), 'gzip')],
    ['one packed twice', packed(gzipSync(gzipSync(body)), 'gzip, gzip')],
    ['one packed a thousand times', packed(gzipSync(body), Array<string>(500).fill('gzip'))],
    ['one packed in an unknown way', packed(Buffer.from(body), 'constructor')],
    ['a bomb', packed(gzipSync(Buffer.alloc(200_000_000)), 'gzip')],
    ['a bomb in brotli', packed(brotliCompressSync(Buffer.alloc(20_000_000)), 'br')],
  ])('%s is an error', async (_, answering) => {
    const answer = await answerTo(answering);
    expect(codeOf(answer)).toBe(invalid);
    expect(JSON.stringify(answer)).not.toMatch(leaks);
  });
});

describe('success is', () => {
  test.each([200, 201, 204, 206, 299])('status %i', async (status) => {
    const answer = await answerTo((response) => response.writeHead(status).end(), { selection: '$status' });
    expect(answer).toEqual({ data: { go: status } });
  });

  test.each([300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 429, 500, 502, 503, 504, 600])(
    'not status %i',
    async (status) => {
      const answer = await answerTo((response) => response.writeHead(status, { location: '/v' }).end());
      expect(answer).toEqual({
        data: { go: null },
        errors: [
          {
            message: 'Request failed',
            locations: [{ line: 1, column: 3 }],
            path: ['go'],
            extensions: {
              code: 'CONNECTOR_FETCH',
              http: { status },
              service: 'api',
              connector: { coordinate: 'api:Query.go[0]' },
            },
          },
        ],
      });
    },
  );

  const rows: [claim: string, Partial<Parts>, unknown, number, boolean][] = [
    ['what the connector says', { connect: 'isSuccess: "$.ok"' }, { ok: false }, 200, false],
    ['what the connector says of the body', { connect: 'isSuccess: "$.ok"' }, { ok: true }, 500, true],
    ['only true', { connect: 'isSuccess: "$.ok"' }, { ok: 'true' }, 200, false],
    ['not missing', { connect: 'isSuccess: "$.ok"' }, {}, 200, false],
    ['what the source says', { source: 'isSuccess: "$status->eq(404)"' }, {}, 404, true],
    [
      'what the connector says before the source',
      { source: 'isSuccess: "$(false)"', connect: 'isSuccess: "$(true)"' },
      {},
      500,
      true,
    ],
    [
      'decided by the headers of the answer',
      { connect: `isSuccess: "$response.headers.'content-type'->first->eq('application/json')"` },
      {},
      418,
      true,
    ],
  ];
  test.each(rows)('%s', async (_, parts, body, status, succeeds) => {
    const answer = await answerTo(json(body, status), parts);
    expect(answer.errors === undefined).toBe(succeeds);
  });
});

describe('a failure says', () => {
  const body = { error: { text: 'Gone.', code: 'LOST', secret: 'hunter2' } };
  const failing = json(body, 410);
  const extensionsOf = async (parts: Partial<Parts>) =>
    (await answerTo(failing, parts)).errors?.[0]?.extensions;
  const standard = {
    code: 'CONNECTOR_FETCH',
    http: { status: 410 },
    service: 'api',
    connector: { coordinate: 'api:Query.go[0]' },
  };

  test.each([
    ['nothing of the body by itself', {}, 'Request failed'],
    ['what the source says', { source: 'errors: { message: "error.text" }' }, 'Gone.'],
    [
      'what the connector says before that',
      { source: 'errors: { message: "error.text" }', connect: `errors: { message: "$('no {$status}')" }` },
      'no {$status}',
    ],
    ['nothing, if that is no text', { connect: 'errors: { message: "$.error" }' }, ''],
    ['nothing, if that is missing', { connect: 'errors: { message: "error.nowhere" }' }, ''],
  ])('%s', async (_, parts, message) => {
    expect((await answerTo(failing, parts)).errors).toMatchObject([{ message }]);
  });

  test('its standard extensions', async () => {
    expect(await extensionsOf({})).toEqual(standard);
  });

  test('a code of its own', async () => {
    expect(await extensionsOf({ connect: 'errors: { extensions: "code: error.code" }' })).toEqual({
      ...standard,
      code: 'LOST',
    });
  });

  test('extensions of source and connector, laid over one another with what is nested merged', async () => {
    const extensions = await extensionsOf({
      source: `errors: { extensions: "code: $('SOURCE') a: { x: $(1) y: $(1) } http: { text: $('gone') }" }`,
      connect: `errors: { extensions: "code: $('CONNECT') a: { y: $(2) } b: $([1])" }`,
    });
    expect(extensions).toEqual({
      ...standard,
      code: 'CONNECT',
      http: { status: 410, text: 'gone' },
      a: { x: 1, y: 2 },
      b: [1],
    });
  });

  test.each(['$([1])', "$('x')", '$(null)', 'error.nowhere'])(
    'its standard extensions where %s is no object',
    async (text) => {
      expect(await extensionsOf({ connect: `errors: { extensions: "${text}" }` })).toEqual(standard);
    },
  );

  test('names like __proto__ without harm', async () => {
    const answer = await answerTo(bytes('{"__proto__":{"polluted":1},"a":1}', 'application/json', 500), {
      connect: 'errors: { extensions: "$" }',
    });
    const { extensions } = answer.errors?.[0] ?? {};
    expect(Object.keys(extensions ?? {}).sort()).toEqual([...Object.keys(standard), '__proto__', 'a'].sort());
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('no more than the operation may know: neighbours answer', async () => {
    const backend = await startBackend((response, seen) =>
      json({ id: 1 }, seen.line.endsWith('/2') ? 500 : 200)(response, seen),
    );
    const gateway = await open(
      backend.url,
      fileOf({ args: '(id: ID)', http: 'GET: "/{$args.id}"', selection: '$.id' }),
    );
    const answer = await ask(gateway, '{ a: go(id: 1) b: go(id: 2) c: go(id: 3) }');
    expect(answer.data).toEqual({ a: 1, b: null, c: 1 });
    expect(answer.errors).toMatchObject([{ path: ['b'] }]);
  });
});

describe('a redirect', () => {
  test.each([
    ['to another origin', (other: string) => `${other}/meta-data`],
    ['to itself', () => '/u'],
    ['to an address of the network', () => 'http://169.254.169.254/latest/meta-data'],
  ])('%s is not followed', async (_, to) => {
    const other = await startBackend();
    const location = to(other.url);
    const backend = await startBackend((response) => response.writeHead(302, { location }).end());
    const gateway = await open(backend.url, fileOf({ http: 'GET: "/u"' }));
    const answer = await ask(gateway, '{ go }');
    expect(codeOf(answer)).toBe('CONNECTOR_FETCH');
    expect(JSON.stringify(answer)).not.toContain(location);
    expect(backend.lines()).toEqual(['GET /u']);
    expect(other.lines()).toEqual([]);
  });
});

describe('a mapping', () => {
  test('of an empty answer is null, without an error', async () => {
    expect(await answerTo(bytes('', 'application/json'), { selection: 'a b' })).toEqual({
      data: { go: null },
    });
  });

  test('that gives no value is null, without an error', async () => {
    expect(await answerTo(json({}), { selection: '$.a' })).toEqual({ data: { go: null } });
  });

  test('that misses a required field takes its object away', async () => {
    const backend = await startBackend(json([{ id: 1 }, { id: 2, name: 'two' }]));
    const gateway = await open(
      backend.url,
      fileOf({
        http: 'GET: "/u"',
        returns: '[Item]',
        selection: 'id name',
        types: 'type Item { id: ID name: String! }',
      }),
    );
    const items = await ask(gateway, '{ go { id name } }');
    expect(items.data).toEqual({ go: [null, { id: '2', name: 'two' }] });
    expect(items.errors).toMatchObject([{ path: ['go', 0, 'name'] }]);
  });
});
