/**
 * What the front of a running gateway does with requests that are wrong, hostile or too much: each row is one input, with
 * what it gets. Every answer is JSON with a code and without a word of the inside; unless the row says so, no backend
 * is asked; and after each the gateway answers an ordinary request.
 */
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createGateway, type Gateway } from '../../src/gateway.js';
import { hashOf } from '../../src/policy/trusted-documents.js';
import type { Served } from '../../src/server/serve.js';
import { exchange, headText, postText, type Body, type RawAnswer } from '../server/support.js';
import { startRest, type RestBackend } from '../support/rest.js';

const secret = 'a secret of at least 32 characters';
const issuer = 'https://login.example.com';
const allowedOrigin = 'https://shop.example.com';
const callers = Array.from({ length: 20 }, (_, i) => `u${i}`);

const schema = (url: string) => `
  extend schema @source(
    name: "users"
    http: {
      baseURL: "${url}"
      headers: [{ name: "authorization", from: "authorization" }, { name: "x-tenant", from: "x-tenant" }]
    }
  )
  type Query {
    hello: String @connect(source: "users", http: { GET: "/hello" }, selection: "$.text")
    me: User @authenticated
      @connect(source: "users", http: { GET: "/users/{$claims.sub}" }, selection: "id")
  }
  type Mutation {
    touch: String @connect(source: "users", http: { POST: "/touch" }, selection: "$.text")
  }
  type User { id: ID! }
`;

let backend: RestBackend;
let gateway: Gateway;
let served: Served;
let tokens: Map<string, string>;

beforeAll(async () => {
  const users = callers.map((id) => [`GET /users/${id}`, { body: JSON.stringify({ id }) }] as const);
  const text = { body: '{"text":"world"}' };
  backend = await startRest(new Map([['GET /hello', text], ['POST /touch', text], ...users]));
  gateway = await createGateway({
    files: { 'users.graphql': schema(backend.url) },
    config: {
      log: 'silent',
      corsOrigins: [allowedOrigin],
      jwt: [{ issuer, audience: 'shop', algorithms: ['HS256'], key: { secret } }],
      persistedQueries: { maxEntries: 50 },
    },
  });
  served = await gateway.serve({
    port: 0,
    closeTimeoutMs: 500,
    limits: { headersTimeoutMs: 250, requestTimeoutMs: 500, checkIntervalMs: 50, stallTimeoutMs: 2_000 },
    subscriptions: { initTimeoutMs: 300 },
  });
  tokens = new Map(await Promise.all(callers.map(async (id) => [id, await tokenOf(id)] as const)));
});

afterAll(async () => {
  await served.close();
  await gateway.close();
  await backend.close();
});

function tokenOf(subject: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setIssuer(issuer)
    .setAudience('shop')
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(secret));
}

/** What an input gets. */
interface Outcome {
  readonly status: number;
  readonly code: string;
}

const refused = (status: number, code = 'BAD_REQUEST'): Outcome => ({ status, code });
const unauthenticated: Outcome = { status: 200, code: 'UNAUTHENTICATED' };

/** An input that is refused: the bytes of it, and those that follow one by one. */
type Row = readonly [
  id: string,
  what: string,
  outcome: Outcome,
  bytes: () => string,
  then?: readonly string[],
];

const hello = '{"query":"{ hello }"}';
const me = '{"query":"{ me { id } }"}';
const post = ['POST /graphql HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'];
const bearer = (id: string) => `Authorization: Bearer ${tokens.get(id) ?? ''}`;

/** A POST whose head has these lines beside the usual ones, and whose body is one empty chunk. */
const framed =
  (...lines: readonly string[]) =>
  () =>
    `${headText([...post, ...lines])}0\r\n\r\n`;
/** A request of nothing but this head. */
const head =
  (...lines: readonly string[]) =>
  () =>
    headText([...lines, 'Connection: close']);
const body = (text: string) => () => postText(text);
const typed = (type: string) => () => {
  const lines = [...post.slice(0, 2), `Content-Length: ${hello.length}`, 'Connection: close'];
  return headText(type === '' ? lines : [...lines, `Content-Type: ${type}`]) + hello;
};
const get = (search: string, ...lines: readonly string[]) =>
  head(`GET /graphql?${search} HTTP/1.1`, 'Host: localhost', ...lines);
const fillers = (many: number) => Array.from({ length: many }, (_, i) => `X-${i}: 1`);
const query = `query=${encodeURIComponent('{ hello }')}`;
const preflighted = 'Apollo-Require-Preflight: 1';
const hashed = (text: string, hash = hashOf(text)) =>
  JSON.stringify({ query: text, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } });
const hashOnly = (text: string) =>
  JSON.stringify({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });
const tooLong = `{ ${'hello '.repeat(20_000)} }`;

const rows: readonly Row[] = [
  ['B-01', 'a length and chunks', refused(400), framed('Content-Length: 5', 'Transfer-Encoding: chunked')],
  ['B-01', 'chunks and a length', refused(400), framed('Transfer-Encoding: chunked', 'Content-Length: 5')],
  ['B-01', 'two lengths', refused(400), framed('Content-Length: 5', 'Content-Length: 6')],
  ['B-01', 'a list of lengths', refused(400), framed('Content-Length: 5, 5')],
  ['B-01', 'a signed length', refused(400), framed('Content-Length: +5')],
  ['B-01', 'a hexadecimal length', refused(400), framed('Content-Length: 0x5')],
  ['B-02', 'an unknown transfer encoding', refused(400), framed('Transfer-Encoding: xchunked')],
  ['B-02', 'chunks that are not the last', refused(400), framed('Transfer-Encoding: chunked, identity')],
  [
    'B-02',
    'two transfer encodings',
    refused(400),
    framed('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  ],
  ['B-02', 'a space before the colon', refused(400), framed('Transfer-Encoding : chunked')],
  ['B-03', 'a folded header', refused(400), framed('X-A: b', ' c')],
  ['B-03', 'a bare line feed', refused(400), framed('X-A: b\nX-B: c')],
  ['B-03', 'a bare carriage return', refused(400), framed('X-A: b\rX-B: c')],
  ['B-03', 'a NUL', refused(400), framed('X-A: b\0c')],
  ['B-04', 'two hosts', refused(400), head('GET /live HTTP/1.1', 'Host: a', 'Host: b')],
  ['B-04', 'no host', refused(400), head('GET /live HTTP/1.1')],
  [
    'B-04',
    'a target on another host',
    refused(400),
    head('GET http://evil/live HTTP/1.1', 'Host: localhost'),
  ],
  ['B-04', 'CONNECT', refused(405), head('CONNECT localhost:80 HTTP/1.1', 'Host: localhost')],
  ['B-04', 'TRACE', refused(405), head('TRACE / HTTP/1.1', 'Host: localhost')],
  ['B-05', 'a token behind 100 headers', refused(431), () => postText(me, [...fillers(100), bearer('u1')])],
  [
    'B-05',
    'a token behind 2,000 headers',
    refused(431),
    () => postText(me, [...fillers(2_000), bearer('u1')]),
  ],
  ['B-06', 'a header of 17 KB', refused(431), framed(`X-Long: ${'a'.repeat(17 * 1024)}`)],
  [
    'B-06',
    'a chunk extension of 20 KB',
    refused(413),
    () => `${headText([...post, 'Transfer-Encoding: chunked'])}2;${'a'.repeat(20 * 1024)}\r\n{}\r\n0\r\n\r\n`,
  ],
  ['B-07', 'two tokens', refused(400), () => postText(me, [bearer('u1'), bearer('u2')])],
  ['B-07', 'two content types', refused(400), () => postText(hello, ['Content-Type: text/plain'])],
  [
    'B-10',
    'a token in the trailers',
    unauthenticated,
    () =>
      headText([...post, 'Transfer-Encoding: chunked', 'Trailer: Authorization', 'Connection: close']) +
      `${me.length.toString(16)}\r\n${me}\r\n0\r\n${bearer('u1')}\r\n\r\n`,
  ],
  ['B-11', 'a body of 1 MB and a byte', refused(413), () => postText('a'.repeat(2 ** 20 + 1))],
  [
    'B-11',
    'a length of 1 MB and a byte, alone',
    refused(413),
    () => headText([...post, `Content-Length: ${2 ** 20 + 1}`]),
  ],
  [
    'B-11',
    'chunks without end',
    refused(413),
    () => headText([...post, 'Transfer-Encoding: chunked']),
    Array.from({ length: 20 }, () => `20000\r\n${'a'.repeat(0x20000)}\r\n`),
  ],
  [
    'B-12',
    'a body of 50 KB that unpacks to 50 MB',
    refused(415),
    () => postText(gzipSync(Buffer.alloc(50 * 2 ** 20)).toString('latin1'), ['Content-Encoding: gzip']),
  ],
  ['B-12', 'a body packed twice', refused(415), () => postText(hello, ['Content-Encoding: gzip, gzip'])],
  ['B-12', 'a body packed with brotli', refused(415), () => postText(hello, ['Content-Encoding: br'])],
  [
    'B-13',
    'a head that drips',
    refused(408),
    () => 'POST /graphql HTTP/1.1\r\nX-',
    Array.from('a'.repeat(400)),
  ],
  [
    'B-13',
    'a body that drips',
    refused(408),
    () => headText([...post, 'Content-Length: 500']),
    Array.from(' '.repeat(400)),
  ],
  ...['utf-7', 'ibm866', 'x-unknown', ''].map((charset): Row => [
    'B-14',
    `the charset "${charset}"`,
    refused(415),
    typed(`application/json; charset=${charset}`),
  ]),
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''].map(
    (type): Row => ['B-15', `the content type "${type}"`, refused(415), typed(type)],
  ),
  ['B-16', 'a query by GET that any page could send', refused(400), get(query)],
  [
    'B-16',
    'a query by GET with the content type of a form',
    refused(415),
    get(query, preflighted, 'Content-Type: text/plain'),
  ],
  ['B-16', 'a mutation by GET', refused(405), get('query=mutation%7Btouch%7D', preflighted)],
  ['B-17', 'no JSON', refused(400), body('{ "query": ')],
  ['B-17', 'an empty body', refused(400), body('')],
  ['B-17', 'null', refused(400), body('null')],
  ['B-17', 'an empty list', refused(400), body('[]')],
  ['B-17', 'a text', refused(400), body('"x"')],
  ['B-17', 'two queries', refused(400), body('{"query":"{ hello }","query":"{ me { id } }"}')],
  ['B-17', 'a byte order mark', refused(400), body(`\u00ef\u00bb\u00bf${hello}`)],
  ['B-17', 'a NUL', refused(400), body('{"query":"{ hello }\\u0000"}')],
  [
    'B-17',
    'half of a surrogate pair',
    refused(400),
    body('{"query":"{ hello }","variables":{"a":"\\ud800"}}'),
  ],
  ['B-18', 'variables that are a list', refused(400), body('{"query":"{ hello }","variables":[]}')],
  ['B-18', 'variables that are a text', refused(400), body('{"query":"{ hello }","variables":"{}"}')],
  ['B-18', 'extensions that are a text', refused(400), body('{"query":"{ hello }","extensions":"{}"}')],
  [
    'B-18',
    'an object as name of the operation',
    refused(400),
    body('{"query":"{ hello }","operationName":{}}'),
  ],
  [
    'B-19',
    '300,000 variables',
    refused(413),
    () =>
      postText(
        JSON.stringify({
          query: '{ hello }',
          variables: Object.fromEntries(fillers(300_000).map((name) => [name, 1])),
        }),
      ),
  ],
  [
    'B-19',
    'variables 100,000 deep',
    refused(400),
    body(`{"query":"{ hello }","variables":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`),
  ],
  ['B-20', 'a batch of 2', refused(400), body(`[${hello},${hello}]`)],
  ['B-20', 'a batch of 11', refused(400), body(`[${Array.from({ length: 11 }, () => hello).join(',')}]`)],
  ['B-24', 'the beginning of HTTP/2', refused(400), () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['B-24', 'the beginning of TLS', refused(400), () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['B-39', 'the hash of another document', refused(400), body(hashed('{ hello }', hashOf('{ me { id } }')))],
  [
    'B-39',
    'a hash that nobody knows',
    refused(200, 'PERSISTED_QUERY_NOT_FOUND'),
    body(hashOnly('{ hello hi: hello }')),
  ],
];

/** Whether an answer is JSON with a code, and says nothing of the inside. */
function checkRefusal(answer: RawAnswer | undefined, { status, code }: Outcome): void {
  expect(answer?.status).toBe(status);
  expect(answer?.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  expect(answer?.body?.errors.map(({ extensions }) => extensions['code'])).toEqual([code]);
  expect(JSON.stringify(answer?.body)).not.toMatch(/\.[jt]s:|node_modules|<html|127\.0\.0\.1/i);
}

/** Asks for `hello`, as an ordinary client does. */
async function checkAlive(): Promise<void> {
  const before = backend.calls.length;
  const response = await fetch(`${served.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: hello,
  });
  expect(await response.json()).toEqual({ data: { hello: 'world' } });
  expect(backend.calls.length).toBe(before + 1);
}

/** What one request gets whose connection ends with it. */
async function answerTo(bytes: string): Promise<RawAnswer | undefined> {
  const { answers } = await exchange(served, bytes);
  expect(answers).toHaveLength(1);
  return answers[0];
}

describe('is refused in JSON, before a backend is asked:', () => {
  test.each(rows.map((row) => [row[0], row[1], row] as const))('%s %s', async (_id, _what, row) => {
    const [, , outcome, bytes, then] = row;
    const before = backend.calls.length;
    // Settles when the gateway has closed the connection.
    const { answers } = await exchange(served, bytes(), then);
    expect(answers).toHaveLength(1);
    checkRefusal(answers[0], outcome);
    expect(backend.calls.length).toBe(before);
    await checkAlive();
  });

  test('B-39 a document that is too long, also under its hash', async () => {
    const before = backend.calls.length;
    const answer = await answerTo(postText(hashed(tooLong)));
    expect(answer?.status).toBe(400);
    checkRefusal(await answerTo(postText(hashOnly(tooLong))), refused(200, 'PERSISTED_QUERY_NOT_FOUND'));
    expect(backend.calls.length).toBe(before);
  });

  test('B-39 another document under a hash that is known', async () => {
    const known = '{ known: hello }';
    expect((await answerTo(postText(hashed(known))))?.body?.data).toEqual({ known: 'world' });
    checkRefusal(await answerTo(postText(hashed('{ other: hello }', hashOf(known)))), refused(400));
    expect((await answerTo(postText(hashOnly(known))))?.body?.data).toEqual({ known: 'world' });
  });
});

describe('reaches the backend with nothing that is not on its list:', () => {
  const control = 'x-tenant: blue';

  /** What the backend is asked for a request with these lines in its head. */
  async function callFor(lines: readonly string[], request = hello): Promise<readonly string[]> {
    const before = backend.calls.length;
    const answer = await answerTo(postText(request, lines));
    expect(answer?.status).toBe(200);
    return backend.calls.slice(before);
  }

  test('B-08 headers with names from the inside of JavaScript, or with _', async () => {
    const lines = [
      '__proto__: a',
      'constructor: b',
      'x_tenant: c',
      'x_user_id: d',
      'X-Internal: e',
      'X-Tenant: blue',
    ];
    expect(await callFor(lines)).toEqual([`GET /hello | ${control}`]);
    await checkAlive();
  });

  test('B-09 a token that Connection lists: it counts, and ends here', async () => {
    expect(await callFor([bearer('u1')], me)).toEqual([`GET /users/u1 | ${bearer('u1').replace('A', 'a')}`]);
    expect(
      await callFor(['Connection: close, Authorization, X-Tenant', bearer('u1'), 'X-Tenant: blue'], me),
    ).toEqual(['GET /users/u1']);
  });

  test('B-24 an offer to go on in HTTP/2', async () => {
    const offer = [
      'Connection: close, Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ];
    expect(await callFor([...offer, 'TE: trailers'])).toEqual(['GET /hello']);
  });
});

test('B-21 twenty requests in a row are answered in order, each as its own caller', async () => {
  const requests = callers.map((id, i) =>
    postText(me, [bearer(id), `Connection: ${i === callers.length - 1 ? 'close' : 'keep-alive'}`]),
  );
  const { answers } = await exchange(served, requests.join(''));
  expect(answers.map((answer) => answer.body?.data)).toEqual(callers.map((id) => ({ me: { id } })));
});

describe('pages of other sites', () => {
  test.each([
    ['null', undefined],
    ['https://evil-shop.example.com', undefined],
    ['https://shop.example.com.evil.com', undefined],
    [allowedOrigin, allowedOrigin],
  ])('B-22 of the origin %s', async (origin, expected) => {
    const answer = await answerTo(postText(hello, [`Origin: ${origin}`, 'Cookie: session=1']));
    expect(answer?.headers['access-control-allow-origin']).toBe(expected);
    expect(answer?.headers['access-control-allow-credentials']).toBeUndefined();
    expect(answer?.headers['vary']).toBe('Origin');
  });
});

describe('B-23 a WebSocket', () => {
  /** Opens one, sends messages, and gives the code with which it is closed, or refused. */
  async function closeCode(
    messages: readonly object[],
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const before = backend.calls.length;
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}/graphql`, 'graphql-transport-ws', {
      headers,
    });
    socket.on('error', () => undefined);
    socket.on('open', () => messages.forEach((message) => socket.send(JSON.stringify(message))));
    const refusal = once(socket, 'unexpected-response').then(
      ([, response]) => (response as { readonly statusCode: number }).statusCode,
    );
    const code = await Promise.race([refusal, once(socket, 'close').then(([closed]) => closed as number)]);
    socket.terminate();
    expect(backend.calls.length).toBe(before);
    await checkAlive();
    return code;
  }
  const init = { type: 'connection_init' };
  const subscribe = { id: '1', type: 'subscribe', payload: { query: '{ hello }' } };

  test.each<[string, readonly object[], number, Record<string, string>?]>([
    ['of a page of another site', [init, subscribe], 403, { origin: 'https://evil.example.com' }],
    ['that asks before it says who it is', [subscribe], 4401],
    ['that says nothing', [], 4408],
    ['that begins twice', [init, init], 4429],
  ])('%s is closed', async (_, messages, code, headers) => {
    expect(await closeCode(messages, headers)).toBe(code);
  });
});

test('B-40 documents without end push out the oldest, and nothing else', async () => {
  const document = (i: number) => `{ d${i}: hello }`;
  const ask = async (text: string): Promise<Body> => {
    const response = await fetch(`${served.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    return (await response.json()) as Body;
  };
  for (let i = 0; i < 300; i++) await ask(hashed(document(i)));
  expect(await ask(hashOnly(document(299)))).toEqual({ data: { d299: 'world' } });
  expect((await ask(hashOnly(document(0)))).errors[0]?.extensions['code']).toBe('PERSISTED_QUERY_NOT_FOUND');
});
