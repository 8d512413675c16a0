/**
 * Callers who want to be somebody else, against a gateway that listens: what they are answered, that no backend is asked
 * for it, that nothing they prove with is logged, and that the next good request is answered as ever.
 */
import { createHash, createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { EncryptJWT, exportJWK, SignJWT, type JWTHeaderParameters } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ConfigInput } from '../../src/base/config.js';
import { describeCauses, type Log, type LogFacts } from '../../src/base/log.js';
import { createGateway, type Served } from '../../src/index.js';
import { exchange, headText, postText, type RawAnswer } from '../server/support.js';

// A backend and issuers, which count

interface Counting {
  readonly url: string;
  /** `GET /me`, and the headers it came with. */
  readonly calls: { readonly line: string; readonly headers: Readonly<Record<string, string>> }[];
  close(): void;
}

async function count(listener: RequestListener): Promise<Counting> {
  const calls: Counting['calls'] = [];
  const server = createServer((request, response) => {
    const headers = Object.create(null) as Record<string, string>;
    for (const [i, name] of request.rawHeaders.entries()) {
      if (i % 2 === 0) headers[name.toLowerCase()] = request.rawHeaders[i + 1] ?? '';
    }
    calls.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, headers });
    listener(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const schema = /* GraphQL */ `
  extend schema
    @source(name: "b", http: { baseURL: "{$env.B}", headers: [{ name: "x-tenant", from: "x-tenant" }] })
    @definePolicy(name: "staff", allow: "$claims.role->eq('staff')")
  type Query {
    open: String @connect(source: "b", http: { GET: "/open" }, selection: "$('open')")
    slow: String @authenticated @connect(source: "b", http: { GET: "/slow" }, selection: "$('slow')")
    me: Me
      @authenticated
      @connect(source: "b", http: { GET: "/me?as={$claims.sub}" }, selection: "sub: $claims.sub")
    staff: String
      @policy(policies: [["staff"]])
      @connect(source: "b", http: { GET: "/staff" }, selection: "$('staff')")
    handed: String
      @connect(
        source: "b"
        http: {
          GET: "/handed"
          headers: [{ name: "x-handed", from: "x-api-key" }, { name: "x-client", from: "x-client" }]
        }
        selection: "$('handed')"
      )
    rare: String
      @rateLimit(max: 1, window: "1h")
      @connect(source: "b", http: { GET: "/rare" }, selection: "$('rare')")
  }
  type Me {
    sub: ID
  }
`;

let backend: Counting;
let issuer: Counting;
let elsewhere: Counting;
let answerKeys: RequestListener;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const secret = 'a secret of more than sixteen letters';
const key = 'bk_live_5f0c9b1d7e3a4c62';

const issuerName = 'https://issuer.test';
const audience = 'shop';

const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function publish(keys: Readonly<Record<string, KeyObject>>): Promise<void> {
  const all = Object.entries(keys).map(async ([kid, each]) => ({ ...(await exportJWK(each)), kid }));
  const text = JSON.stringify({ keys: await Promise.all(all) });
  answerKeys = (_, response) => response.end(text);
}

const lines: string[] = [];
const note = ({ error, ...facts }: LogFacts, message: string) => {
  lines.push(JSON.stringify([message, facts, error === undefined ? [] : describeCauses(error)]));
};
const log: Log = { info: note, warn: note, error: note };

const closers: (() => Promise<void>)[] = [];

async function start(config: ConfigInput = {}): Promise<Served> {
  const gateway = await createGateway({
    files: { 'b.graphql': schema },
    environment: { B: backend.url },
    config: {
      jwt: [
        { issuer: issuerName, audience, algorithms: ['RS256'], key: { jwksUrl: `${issuer.url}/keys` } },
        { issuer: 'https://secret.test', audience, algorithms: ['HS256'], key: { secret } },
        { issuer: 'https://pem.test', audience, algorithms: ['RS256'], key: { publicKey: pem } },
      ],
      apiKeys: { keys: [{ subject: 'billing', hash: hashOf(key), claims: { role: 'staff' } }] },
      ...config,
    },
    log,
  });
  const listening = await gateway.serve({ port: 0, closeTimeoutMs: 500 });
  closers.push(async () => {
    await listening.close();
    await gateway.close();
  });
  return listening;
}

let served: Served;
let behindProxy: Served;

beforeAll(async () => {
  backend = await count((request, response) => {
    const answer = () => response.setHeader('content-type', 'application/json').end('{}');
    if (request.url === '/slow') setTimeout(answer, 1_200);
    else answer();
  });
  issuer = await count((request, response) => answerKeys(request, response));
  elsewhere = await count((_, response) => response.end('{}'));
  await publish({ one: rsa.publicKey, two: other.publicKey });
  served = await start();
  behindProxy = await start({
    trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '2001:db8::/32'],
    proxyIdentity: { header: 'x-client', claims: { role: 'x-client-role' } },
  });
});

afterAll(async () => {
  await Promise.all(closers.map((close) => close()));
  for (const each of [backend, issuer, elsewhere]) each.close();
});

beforeEach(() => {
  backend.calls.length = 0;
});

// Tokens

const seconds = () => Math.floor(Date.now() / 1_000);
const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

type Claims = Readonly<Record<string, unknown>>;

/** A good payload, changed; `undefined` leaves a claim out. */
const payload = (changes: Claims = {}): Claims => ({
  iss: issuerName,
  aud: audience,
  sub: 'u1',
  exp: seconds() + 600,
  ...changes,
});

const secretPayload = (changes: Claims = {}) => payload({ iss: 'https://secret.test', ...changes });

/** Signed by hand, so that it may hold what jose refuses to write. */
function hmacToken(body: unknown, header: object = { alg: 'HS256' }, signedWith: string = secret): string {
  const signed = `${base64url(header)}.${base64url(body)}`;
  return `${signed}.${createHmac('sha256', signedWith).update(signed).digest('base64url')}`;
}

const rsaToken = (
  claims = payload(),
  header: Partial<JWTHeaderParameters> = { kid: 'one' },
  signedWith: KeyObject = rsa.privateKey,
) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(signedWith);

const bearing = async (token: string | Promise<string>) => [`Authorization: Bearer ${await token}`];

// What callers send, and get

type Head = readonly string[];
type Made<Value> = Value | Promise<Value>;

/** Refused before GraphQL with this status; nobody; or somebody, by their subject. */
type Expected = 400 | 401 | 431 | 'nobody' | { readonly sub: string };

type Row = readonly [name: string, head: () => Made<Head>, expected: Expected];

const query = JSON.stringify({ query: '{ open me { sub } staff }' });

async function ask(head: Head, at = served, body = query): Promise<RawAnswer> {
  const { answers } = await exchange(at, postText(body, head));
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

async function expectAnswer(answer: RawAnswer, expected: Expected): Promise<void> {
  const asked = backend.calls.map(({ line }) => line).sort();
  if (typeof expected === 'number') {
    expect(answer.status).toBe(expected);
    const code = expected === 401 ? 'UNAUTHENTICATED' : 'BAD_REQUEST';
    expect(answer.body?.errors.map(({ extensions }) => extensions)).toEqual([{ code }]);
    expect(JSON.stringify(answer.body)).not.toMatch(/\.[jt]s:|node_modules|jose|JW[ESKT]/);
    expect(asked).toEqual([]);
  } else if (expected === 'nobody') {
    expect(answer).toMatchObject({ status: 200, body: { data: { open: 'open', me: null, staff: null } } });
    expect(asked).toEqual(['GET /open']);
  } else {
    expect(answer).toMatchObject({ status: 200, body: { data: { open: 'open', me: expected } } });
    expect(asked).toContain(`GET /me?as=${encodeURIComponent(expected.sub)}`);
  }
  await expectGoodService();
}

/** As if nothing had happened, for those who prove well who they are. */
async function expectGoodService(): Promise<void> {
  expect((await ask(await bearing(rsaToken()))).body?.data['me']).toEqual({ sub: 'u1' });
  expect((await ask([`X-API-Key: ${key}`])).body?.data['me']).toEqual({ sub: 'billing' });
}

/** Fails if a line of the log repeats what a caller proves with. */
function expectDiscretion(): void {
  const text = lines.join('\n');
  expect(text).not.toContain(key);
  expect(text).not.toContain(secret);
  expect(text).not.toMatch(/eyJ[\w-]{20}/);
}

function hold(rows: readonly Row[], at: () => Served = () => served): void {
  test.each(rows)('%s', async (_, head, expected) => {
    await expectAnswer(await ask(await head(), at()), expected);
    expectDiscretion();
  });
}

describe('B-05 to B-10: headers', () => {
  const many = (number: number) => Array.from({ length: number }, (_, i) => `X-${i}: 1`);

  hold([
    ['101 headers, the token last', async () => [...many(96), ...(await bearing(rsaToken()))], 431],
    ['101 headers, the API key last', () => [...many(96), `X-API-Key: ${key}`], 431],
    ['2,000 headers, the token last', async () => [...many(2_000), ...(await bearing(rsaToken()))], 431],
    ['two tokens', async () => [...(await bearing(rsaToken())), ...(await bearing(rsaToken()))], 400],
    ['a token and an empty one', async () => [...(await bearing(rsaToken())), 'Authorization: '], 400],
    ['two content types', () => ['Content-Type: application/json'], 400],
    ['two API keys', () => [`X-API-Key: ${key}`, `X-API-Key: ${key}`], 401],
    ['an API key and an empty one', () => [`X-API-Key: ${key}`, 'X-API-Key: '], 401],
    ['two API keys in one header', () => [`X-API-Key: ${key}, ${key}`], 401],
    ['a token and an API key', async () => [...(await bearing(rsaToken())), `X-API-Key: ${key}`], 401],
    [
      'names from the inside of JavaScript',
      () => ['__proto__: u1', 'constructor: u1', 'toString: u1'],
      'nobody',
    ],
    ['names with _', () => ['x_user_id: u1', `x_api_key: ${key}`, 'x_client: u1'], 'nobody'],
    [
      'a token that Connection lists',
      async () => ['Connection: close, Authorization', ...(await bearing(rsaToken()))],
      { sub: 'u1' },
    ],
    [
      'a bad token that Connection lists',
      () => ['Connection: close, authorization', 'Authorization: Bearer a'],
      401,
    ],
    [
      'an API key that Connection lists',
      () => ['Connection: close, X-API-Key', `X-API-Key: ${key}`],
      { sub: 'billing' },
    ],
    ['a bad API key that Connection lists', () => ['Connection: close, x-api-key', 'X-API-Key: a'], 401],
  ]);

  test.each<[string, () => Made<string>]>([
    ['a token', async () => (await bearing(rsaToken()))[0]!],
    ['an API key', () => `X-API-Key: ${key}`],
  ])('%s in the trailers counts for nothing', async (_, trailer) => {
    const head = headText([
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      'Trailer: Authorization, X-API-Key',
      'Connection: close',
    ]);
    const chunks = `${query.length.toString(16)}\r\n${query}\r\n0\r\n${await trailer()}\r\n\r\n`;
    const { answers } = await exchange(served, head + chunks);
    await expectAnswer(answers[0]!, 'nobody');
  });

  test('what Connection lists is not handed on to a backend', async () => {
    const body = JSON.stringify({ query: '{ handed }' });
    await ask(
      ['Connection: close, X-API-Key, X-Tenant', `X-API-Key: ${key}`, 'X-Tenant: blue'],
      served,
      body,
    );
    expect(backend.calls[0]?.headers).not.toHaveProperty('x-handed');
    expect(backend.calls[0]?.headers).not.toHaveProperty('x-tenant');
  });
});

describe('B-42: algorithms', () => {
  const unsigned = ['none', 'None', 'NONE', 'nOnE', ''].map((alg): Row => [
    `alg "${alg}"`,
    () => bearing(`${base64url({ alg, kid: 'one' })}.${base64url(payload())}.`),
    401,
  ]);
  hold([
    ...unsigned,
    [
      'HS256 with the public key',
      () => bearing(hmacToken(payload({ iss: 'https://pem.test' }), { alg: 'HS256' }, pem)),
      401,
    ],
    [
      'HS256 with the published key',
      () => bearing(hmacToken(payload(), { alg: 'HS256', kid: 'one' }, pem)),
      401,
    ],
    ['HS256 with nothing', () => bearing(hmacToken(secretPayload(), { alg: 'HS256' }, '')), 401],
    ['RS256 where a secret is set', () => bearing(rsaToken(secretPayload())), 401],
    ['RS512 where RS256 is listed', () => bearing(rsaToken(payload(), { alg: 'RS512', kid: 'one' })), 401],
    ['the key of another issuer', () => bearing(hmacToken(payload())), 401],
    ['a payload that was changed', async () => bearing(changed(await rsaToken())), 401],
    ['a good one', () => bearing(hmacToken(secretPayload({ sub: 'u2' }))), { sub: 'u2' }],
  ]);

  function changed(token: string): string {
    const [header = '', , signature = ''] = token.split('.');
    return `${header}.${base64url(payload({ sub: 'admin' }))}.${signature}`;
  }
});

describe('B-43: claims', () => {
  const claims = (make: () => Claims) => () => bearing(hmacToken(secretPayload(make())));
  hold([
    ['no exp', claims(() => ({ exp: undefined })), 401],
    ['exp as text', claims(() => ({ exp: '9999999999' })), 401],
    ['exp 31 s ago', claims(() => ({ exp: seconds() - 31 })), 401],
    ['exp 25 s ago', claims(() => ({ exp: seconds() - 25 })), { sub: 'u1' }],
    ['nbf in 35 s', claims(() => ({ nbf: seconds() + 35 })), 401],
    ['iat in an hour', claims(() => ({ iat: seconds() + 3_600 })), 401],
    ['no aud', claims(() => ({ aud: undefined })), 401],
    ['another aud', claims(() => ({ aud: 'others' })), 401],
    ['no iss', claims(() => ({ iss: undefined })), 401],
    ['iss with a slash', claims(() => ({ iss: 'https://secret.test/' })), 401],
    ['iss as a list', claims(() => ({ iss: ['https://secret.test'] })), 401],
    ['no sub', claims(() => ({ sub: undefined })), 401],
    ['sub as a number', claims(() => ({ sub: 1 })), 401],
  ]);

  test.each(['__proto__', 'constructor', 'prototype'])('a claim named %s gives nobody more', async (name) => {
    const body = `{"${name}":{"role":"staff"},${JSON.stringify(secretPayload()).slice(1)}`;
    const answer = await ask(await bearing(hmacToken(body)));
    expect(answer.body?.data).toMatchObject({ me: { sub: 'u1' }, staff: null });
    expect((Object.prototype as { role?: unknown }).role).toBeUndefined();
    await expectGoodService();
  });
});

describe('B-44: key ids', () => {
  hold([
    ['none, where there are two keys', () => bearing(rsaToken(payload(), {})), 401],
    ['a path', () => bearing(rsaToken(payload(), { kid: '../../dev/null' })), 401],
    ['SQL', () => bearing(rsaToken(payload(), { kid: "' UNION SELECT 'a' --" })), 401],
    ['a name from the inside of JavaScript', () => bearing(rsaToken(payload(), { kid: '__proto__' })), 401],
    ['the id of another key', () => bearing(rsaToken(payload(), { kid: 'two' })), 401],
    ['5 KB', () => bearing(rsaToken(payload(), { kid: 'k'.repeat(5_000) })), 401],
    ['10 KB', () => bearing(rsaToken(payload(), { kid: 'k'.repeat(10_000) })), 401],
    ['the right one', () => bearing(rsaToken(payload(), { kid: 'two' }, other.privateKey)), { sub: 'u1' }],
  ]);

  test('a flood of unknown ones asks the issuer once in 10 s', async () => {
    const before = issuer.calls.length;
    const since = performance.now();
    const tokens = await Promise.all(
      Array.from({ length: 60 }, (_, i) => rsaToken(payload(), { kid: `unknown-${i}` })),
    );
    const answers = await Promise.all(tokens.map(async (token) => ask(await bearing(token))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    const turns = 1 + Math.ceil((performance.now() - since) / 10_000);
    // A turn of the background may fall into it, of this gateway and of the one behind a proxy.
    expect(issuer.calls.length - before).toBeLessThanOrEqual(turns + 2);
    await expectGoodService();
  });
});

describe('B-45: tokens that bring their own key, or are something else', () => {
  const own = async (name: string) =>
    name === 'jwk' ? exportJWK(other.publicKey) : `${elsewhere.url}/keys.json`;
  const bringing = ['jku', 'x5u', 'jwk'].flatMap((name): Row[] => [
    [
      `${name}, signed with that key`,
      async () => bearing(rsaToken(payload(), { kid: 'x', [name]: await own(name) }, other.privateKey)),
      401,
    ],
    [
      `${name}, signed with ours`,
      async () => bearing(rsaToken(payload(), { kid: 'one', [name]: await own(name) })),
      401,
    ],
  ]);
  const encrypted = () =>
    new EncryptJWT(secretPayload())
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(new Uint8Array(32).fill(7));
  hold([
    ...bringing,
    ['crit', () => bearing(hmacToken(secretPayload(), { alg: 'HS256', crit: ['exp'], exp: 1 })), 401],
    ['b64', () => bearing(hmacToken(secretPayload(), { alg: 'HS256', crit: ['b64'], b64: false })), 401],
    ['a list as payload', () => bearing(hmacToken([secretPayload()])), 401],
    ['text as payload', () => bearing(hmacToken('hello')), 401],
    ['nothing as payload', () => bearing(hmacToken('')), 401],
    ['an encrypted token', () => bearing(encrypted()), 401],
    ['9 KB', () => bearing(hmacToken(secretPayload({ fill: 'x'.repeat(6_800) }))), 401],
    ['1 MB', () => bearing(hmacToken(secretPayload({ fill: 'x'.repeat(2 ** 20) }))), 431],
  ]);

  test('nobody is called for a key', () => {
    expect(elsewhere.calls).toEqual([]);
  });
});

describe('B-46: the header of tokens', () => {
  const value = (write: (token: string) => string) => async () => [
    `Authorization: ${write(await rsaToken())}`,
  ];
  hold([
    ['bearer in lower case', value((token) => `bearer ${token}`), { sub: 'u1' }],
    ['two spaces', value((token) => `Bearer  ${token}`), 401],
    ['a tab', value((token) => `Bearer\t${token}`), 401],
    ['nothing', () => ['Authorization: '], 401],
    ['the scheme alone', () => ['Authorization: Bearer'], 401],
    ['no scheme', value((token) => token), 401],
    ['another scheme', () => ['Authorization: Basic dTE6dTE='], 401],
    ['two tokens in one', value((token) => `Bearer ${token}, Bearer ${token}`), 401],
    ['an API key as a token', () => [`Authorization: Bearer ${key}`], 401],
  ]);

  test.each<[string, () => Made<string>]>([
    ['access_token', async () => rsaToken()],
    ['authorization', async () => `Bearer ${await rsaToken()}`],
    ['x-api-key', () => key],
    ['api_key', () => key],
  ])('%s in the query string counts for nothing', async (name, made) => {
    const search = new URLSearchParams({ query: '{ open me { sub } staff }', [name]: await made() });
    const { answers } = await exchange(
      served,
      headText([
        `GET /graphql?${search.toString()} HTTP/1.1`,
        'Host: localhost',
        'Apollo-Require-Preflight: 1',
        'Connection: close',
      ]),
    );
    await expectAnswer(answers[0]!, 'nobody');
    expectDiscretion();
  });
});

describe('B-54: API keys', () => {
  hold([
    ['the right one', () => [`x-ApI-kEy: ${key}`], { sub: 'billing' }],
    ['the beginning of it', () => [`X-API-Key: ${key.slice(0, -1)}`], 401],
    ['more than it', () => [`X-API-Key: ${key}0`], 401],
    ['one letter off', () => [`X-API-Key: ${key.slice(0, -1)}3`], 401],
    ['in capitals', () => [`X-API-Key: ${key.toUpperCase()}`], 401],
    ['its digest', () => [`X-API-Key: ${hashOf(key)}`], 401],
    ['nothing', () => ['X-API-Key: '], 401],
    ['with a scheme', () => [`X-API-Key: Bearer ${key}`], 401],
    [
      'in other headers',
      () => [`API-Key: ${key}`, `X-APIKey: ${key}`, `Proxy-Authorization: ${key}`],
      'nobody',
    ],
    ['in a cookie', () => [`Cookie: x-api-key=${key}`], 'nobody'],
  ]);

  test('a rule reads its claims', async () => {
    const { body } = await ask([`X-API-Key: ${key}`]);
    expect(body?.data).toEqual({ open: 'open', me: { sub: 'billing' }, staff: 'staff' });
  });

  test('a backend gets it only where a mapping says so', async () => {
    const body = JSON.stringify({ query: '{ open me { sub } handed }' });
    await ask([`X-API-Key: ${key}`], served, body);
    const having = backend.calls.filter(({ headers }) => Object.values(headers).includes(key));
    expect(having.map(({ line, headers }) => [line, headers['x-handed']])).toEqual([['GET /handed', key]]);
    expect(backend.calls).toHaveLength(3);
  });

  test('one that expires while an operation runs lets it finish, and is then refused', async () => {
    const expires = new Date(Date.now() + 1_000).toISOString();
    const at = await start({ apiKeys: { keys: [{ subject: 'guest', hash: hashOf('guest key'), expires }] } });
    const slow = JSON.stringify({ query: '{ slow }' });
    const head = ['X-API-Key: guest key'];
    expect((await ask(head, at, slow)).body?.data).toEqual({ slow: 'slow' });
    expect((await ask(head, at, slow)).status).toBe(401);
  });
});

describe('over WebSockets and event streams', () => {
  type Params = Readonly<Record<string, unknown>>;
  type Sent = Readonly<Record<string, string>>;

  async function overWebSocket(connectionParams: Params, headers: Sent = {}): Promise<unknown> {
    class Upgrade extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers });
      }
    }
    const url = `${served.url.replace('http', 'ws')}/graphql`;
    const client = createClient({ url, webSocketImpl: Upgrade, retryAttempts: 0, connectionParams });
    onTestFinished(async () => client.dispose());
    return (await client.iterate({ query: '{ me { sub } }' }).next()).value;
  }

  test.each<[string, Params, Sent]>([
    ['connectionParams', { 'x-api-key': key }, {}],
    ['connectionParams, with capitals', { 'X-API-Key': key }, {}],
    ['the upgrade request', {}, { 'x-api-key': key }],
    ['both', { 'x-api-key': key }, { 'x-api-key': key }],
  ])('an API key counts in %s', async (_, params, headers) => {
    expect(await overWebSocket(params, headers)).toEqual({ data: { me: { sub: 'billing' } } });
  });

  test.each<[string, () => Made<Params>, Sent]>([
    ['a bad API key', () => ({ 'x-api-key': 'bad' }), {}],
    ['no text as API key', () => ({ 'x-api-key': 7 }), {}],
    ['another API key than in the upgrade request', () => ({ 'x-api-key': 'bad' }), { 'x-api-key': key }],
    ['a bad API key in the upgrade request', () => ({ 'x-api-key': key }), { 'x-api-key': 'bad' }],
    [
      'a token beside an API key',
      async () => ({ authorization: `Bearer ${await rsaToken()}` }),
      { 'x-api-key': key },
    ],
  ])('%s closes the connection', async (_, params, headers) => {
    await expect(overWebSocket(await params(), headers)).rejects.toMatchObject({ code: 4403 });
    expect(backend.calls).toEqual([]);
    await expectGoodService();
  });

  test('the word of a proxy is not taken from connectionParams', async () => {
    expect(await overWebSocket({ 'x-client': 'admin' })).toMatchObject({ data: { me: null } });
  });

  test('an event stream knows the same callers', async () => {
    const events = async (head: Head) =>
      (await exchange(served, postText(query, ['Accept: text/event-stream', ...head]))).text;
    expect(await events([`X-API-Key: ${key}`])).toContain('"sub":"billing"');
    expect(await events(['X-API-Key: bad'])).toMatch(/^HTTP\/1\.1 401 /);
    expect(await events([])).toContain('"me":null');
  });
});

describe('B-57: proxies', () => {
  const words = ['X-Client: admin', 'X-Client-Role: staff'];

  hold([
    ['what only a proxy may say is nothing where none is trusted', () => words, 'nobody'],
    ['nor beside a good key', () => [...words, `X-API-Key: ${key}`], { sub: 'billing' }],
  ]);

  hold(
    [
      ['a trusted proxy says who asks', () => words, { sub: 'admin' }],
      ['also where Connection lists it', () => [...words, 'Connection: close, X-Client'], { sub: 'admin' }],
      ['it may know nobody', () => ['X-Client: '], 'nobody'],
      ['it may not name two', () => [...words, 'X-Client: eve'], 401],
      ['a bad token is refused beside its word', () => [...words, 'Authorization: Bearer a'], 401],
      ['a bad key is refused beside its word', () => [...words, 'X-API-Key: a'], 401],
      ['a name with _ is not the header', () => ['X_Client: admin'], 'nobody'],
    ],
    () => behindProxy,
  );

  test('what anybody else says under its headers does not reach a backend', async () => {
    const body = JSON.stringify({ query: '{ handed }' });
    const apart = await start({ trustedProxies: ['10.0.0.0/8'], proxyIdentity: { header: 'x-client' } });
    await expectAnswer(await ask(words, apart), 'nobody');
    backend.calls.length = 0;
    await ask(words, apart, body);
    await ask(words, behindProxy, body);
    expect(backend.calls.map(({ headers }) => headers['x-client'])).toEqual([undefined, 'admin']);
  });

  const rare = JSON.stringify({ query: '{ rare }' });
  const rarely = async (head: Head, at: Served) => (await ask(head, at, rare)).body?.data['rare'] ?? null;

  test.each<[string, (i: number) => Head]>([
    ['X-Forwarded-For', (i) => [`X-Forwarded-For: 203.0.113.${i}`]],
    ['two of them', (i) => [`X-Forwarded-For: 203.0.113.${i}`, `X-Forwarded-For: 198.51.100.${i}`]],
    ['IPv6', (i) => [`X-Forwarded-For: 2001:db9:${i}::1`]],
    ['Forwarded', (i) => [`Forwarded: for=203.0.113.${i}`]],
    ['X-Real-IP', (i) => [`X-Real-IP: 203.0.113.${i}`, `X-Client-IP: 203.0.113.${i}`]],
    ['True-Client-IP', (i) => [`True-Client-IP: 203.0.113.${i}`, `CF-Connecting-IP: 203.0.113.${i}`]],
  ])('no %s makes a stranger another one', async (_, head) => {
    const at = await start();
    const answers: unknown[] = [];
    for (const i of [1, 2, 3]) answers.push(await rarely(head(i), at));
    expect(answers).toEqual(['rare', null, null]);
    expect(backend.calls).toHaveLength(1);
  });

  test('behind a proxy, strangers are told apart by the address it gives, and by no other', async () => {
    const at = await start({ trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] });
    const from = (...values: string[]) =>
      rarely(
        values.map((value) => `X-Forwarded-For: ${value}`),
        at,
      );
    expect([await from('203.0.113.1'), await from('203.0.113.2')]).toEqual(['rare', 'rare']);
    expect(await from('203.0.113.1')).toBeNull();
    // Forged beginnings, other ways to write the same, hops in between.
    expect(await from('198.51.100.7, 203.0.113.1')).toBeNull();
    expect(await from('198.51.100.7', '203.0.113.1')).toBeNull();
    expect(await from('203.0.113.1:4711')).toBeNull();
    expect(await from('::ffff:203.0.113.1')).toBeNull();
    expect(await from('203.0.113.1, 10.1.2.3')).toBeNull();
    expect(await from('2001:DB9:0:0::1')).toBe('rare');
    expect(await from('[2001:db9::1]:443')).toBeNull();
    // What cannot be read leaves the proxy itself, once for all.
    expect(await from('unknown')).toBe('rare');
    expect(await from('198.51.100.8, <script>')).toBeNull();
    expect(await from('')).toBeNull();
  });

  test('where proxies write Forwarded, that is read, and X-Forwarded-For is not', async () => {
    const at = await start({ trustedProxies: ['127.0.0.1'], addressHeader: 'forwarded' });
    let hops = 0;
    const from = (value: string) =>
      rarely([`Forwarded: ${value}`, `X-Forwarded-For: 192.0.2.${(hops += 1)}`], at);
    expect(await from('for=203.0.113.1;proto=https')).toBe('rare');
    expect(await from('for=198.51.100.7, for="203.0.113.1:80"')).toBeNull();
    expect(await from('for="[2001:db9::1]"')).toBe('rare');
    expect(await from('for=198.51.100.7;x=", for=203.0.113.9')).toBe('rare');
    expect(await from('for=198.51.100.8;x=", for=203.0.113.9')).toBeNull();
  });
});

describe('B-66: what a backend gets of a request', () => {
  test('is what mappings say, and nothing else', async () => {
    await ask([
      ...(await bearing(rsaToken())),
      'X-Tenant: blue',
      'X-Forwarded-Host: evil.test',
      'X-Forwarded-For: 203.0.113.1',
      'Forwarded: for=203.0.113.1',
      'TE: trailers',
      'Cookie: session=1',
      'X-Internal: 1',
      'X-User-Id: admin',
      '__proto__: 1',
    ]);
    expect(backend.calls.map(({ line }) => line).sort()).toEqual(['GET /me?as=u1', 'GET /open']);
    const allowed = ['accept', 'accept-encoding', 'connection', 'host', 'user-agent', 'x-tenant'];
    for (const { headers } of backend.calls) {
      expect(Object.keys(headers).filter((name) => !allowed.includes(name))).toEqual([]);
      expect(headers['host']).toBe(new URL(backend.url).host);
      expect(headers['x-tenant']).toBe('blue');
    }
  });
});

describe('B-88: an issuer that fails', () => {
  const ready = async ({ url }: Served) => (await fetch(`${url}/ready`)).status;

  test('keeps a gateway from being ready until its keys have come; later it costs nobody anything', async () => {
    onTestFinished(() => publish({ one: rsa.publicKey, two: other.publicKey }));
    answerKeys = (request) => request.socket.destroy();
    const at = await start();
    expect(await ready(at)).toBe(503);
    const answer = await ask(await bearing(rsaToken()), at);
    expect(answer.status).toBe(401);
    expect(answer.body?.errors[0]?.message).toBe('The token cannot be checked now. Try again later.');
    // Those who prove otherwise who they are do not need the issuer.
    expect((await ask([`X-API-Key: ${key}`], at)).body?.data['me']).toEqual({ sub: 'billing' });
    const known = await bearing(hmacToken(secretPayload()));
    expect((await ask(known, at)).body?.data['me']).toEqual({ sub: 'u1' });

    await publish({ one: rsa.publicKey });
    await expect.poll(() => ready(at), { timeout: 5_000, interval: 50 }).toBe(200);
    expect((await ask(await bearing(rsaToken()), at)).status).toBe(200);

    for (const junk of ['<html></html>', '{"keys":"none"}', `"${'x'.repeat(10 * 2 ** 20)}"`]) {
      answerKeys = (_, response) => response.end(junk);
      await ask(await bearing(rsaToken(payload(), { kid: 'unknown' })), at);
      const fresh = await bearing(rsaToken(payload({ sub: 'u7' })));
      expect((await ask(fresh, at)).body?.data['me']).toEqual({ sub: 'u7' });
    }
    expect(await ready(at)).toBe(200);
    expectDiscretion();
  });
});
