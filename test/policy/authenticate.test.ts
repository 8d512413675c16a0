import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EncryptJWT, SignJWT, exportJWK, type JWTHeaderParameters } from 'jose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigError, toConfig, type Config } from '../../src/base/config.js';
import type { Headers, Identity } from '../../src/base/context.js';
import { GatewayError } from '../../src/base/errors.js';
import { createLog } from '../../src/base/log.js';
import { createAuthenticator as create } from '../../src/policy/authenticate.js';

type Issuer = Config['jwt'][number];

const issuer = 'https://issuer.test';
const audience = 'backstitch';
const secret = 'a secret of more than sixteen letters';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;

const withSecret: Issuer = { issuer, audience, algorithms: ['HS256'], key: { secret } };
const withPublicKey: Issuer = { issuer, audience, algorithms: ['RS256'], key: { publicKey: pem } };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const seconds = () => Math.floor(Date.now() / 1_000);

/** A good payload, changed; `undefined` leaves a claim out. */
function payload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { iss: issuer, aud: audience, sub: 'u1', exp: seconds() + 600, ...changes };
}

const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Says who asks, by the headers alone. */
function createAuthenticator(jwt: Config['jwt']): (headers: Headers) => Promise<Identity | undefined> {
  const authenticator = create({ ...toConfig({}), jwt }, createLog('silent'));
  return async (headers) =>
    (await authenticator.identify({ headers, received: headers, address: '192.0.2.1' })).identity;
}

/** Signed by hand, so that it may hold what jose refuses to write. */
function hmacToken(body: unknown, header: object = { alg: 'HS256' }, key: string = secret): string {
  const signed = `${base64url(header)}.${base64url(body)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

function rsaToken(
  claims = payload(),
  header: Partial<JWTHeaderParameters> = {},
  key: KeyObject = rsa.privateKey,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(key);
}

const headersOf = (...values: string[]): Headers =>
  Object.assign(Object.create(null) as Record<string, string[]>, { authorization: values });

const bearing = (token: string) => headersOf(`Bearer ${token}`);

async function refusalOf(answer: Promise<unknown>): Promise<GatewayError> {
  const error = await answer.then(
    () => expect.fail('the token was accepted'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({ code: 'UNAUTHENTICATED', extensions: { code: 'UNAUTHENTICATED' } });
  return error as GatewayError;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  onTestFinished(
    () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
}

interface KeyServer {
  issuer: Issuer;
  /** What it answers; `undefined` is an outage. */
  keys: Record<string, KeyObject> | undefined;
  /** Takes requests and never answers. */
  silent: boolean;
  asked: number;
}

async function serveKeys(keys: KeyServer['keys']): Promise<KeyServer> {
  const state = { keys, asked: 0, silent: false } as KeyServer;
  const url = await serve((_, response) => {
    state.asked += 1;
    if (state.silent) return;
    if (!state.keys) return void response.writeHead(503).end();
    const all = Object.entries(state.keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid }));
    void Promise.all(all).then((jwks) => response.end(JSON.stringify({ keys: jwks })));
  });
  state.issuer = { issuer, audience, algorithms: ['RS256'], key: { jwksUrl: url } };
  return state;
}

describe('the header', () => {
  const authenticate = createAuthenticator([withSecret]);

  test('no Authorization header is an anonymous caller', async () => {
    expect(await authenticate(Object.create(null) as Headers)).toBeUndefined();
    expect(await createAuthenticator([])(Object.create(null) as Headers)).toBeUndefined();
  });

  test('a header of the prototype is no header', async () => {
    expect(await authenticate(Object.create(bearing('x')) as Headers)).toBeUndefined();
  });

  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('the scheme %s is accepted', async (scheme) => {
    expect(await authenticate(headersOf(`${scheme} ${hmacToken(payload())}`))).toMatchObject({
      subject: 'u1',
    });
  });

  test.each<[string, (token: string) => string[]]>([
    ['empty', () => ['']],
    ['the scheme alone', () => ['Bearer']],
    ['the scheme and a space', () => ['Bearer ']],
    ['two spaces', (token) => [`Bearer  ${token}`]],
    ['a tab', (token) => [`Bearer\t${token}`]],
    ['a space before', (token) => [` Bearer ${token}`]],
    ['a space behind', (token) => [`Bearer ${token} `]],
    ['a line feed behind', (token) => [`Bearer ${token}\n`]],
    ['no scheme', (token) => [token]],
    ['another scheme', () => ['Basic dTpw']],
    ['two tokens in one value', (token) => [`Bearer ${token}, Bearer ${token}`]],
    ['two values', (token) => [`Bearer ${token}`, `Bearer ${token}`]],
    ['two parts', (token) => [`Bearer ${token.split('.').slice(0, 2).join('.')}`]],
    ['base64 that is not base64url', (token) => [`Bearer ${token}=`]],
    ['a token of 1 MB', () => [`Bearer ${hmacToken(payload({ fill: 'x'.repeat(2 ** 20) }))}`]],
    ['a token just over 8 KB', () => [`Bearer ${tokenOfLength(8_193)}`]],
  ])('%s is refused', async (_, values) => {
    const error = await refusalOf(authenticate(headersOf(...values(hmacToken(payload())))));
    expect(error.message).toBe('The Authorization header is not one bearer token.');
  });

  test('a token of 8 KB is accepted', async () => {
    expect(await authenticate(bearing(tokenOfLength(8_192)))).toMatchObject({ subject: 'u1' });
  });

  test('is none of our business where no issuer is configured', async () => {
    expect(await createAuthenticator([])(bearing(hmacToken(payload())))).toBeUndefined();
    expect(await createAuthenticator([])(headersOf('Basic YTpi'))).toBeUndefined();
  });

  function tokenOfLength(length: number): string {
    const headers = Array.from({ length: 4 }, (_, many) => ({ alg: 'HS256', typ: 'x'.repeat(many) }));
    for (const header of headers) {
      for (let fill = 5_500; fill < 6_200; fill += 1) {
        const token = hmacToken(payload({ fill: 'x'.repeat(fill) }), header);
        if (token.length === length) return token;
      }
    }
    return expect.fail(`no token of length ${length}`);
  }
});

describe('the identity', () => {
  test('has the subject and all claims', async () => {
    const claims = payload({ scope: 'read', roles: ['admin'], aud: ['other', audience] });
    const identity = await createAuthenticator([withSecret])(bearing(hmacToken(claims)));
    expect(identity?.subject).toBe('u1');
    expect({ ...identity?.claims }).toEqual(claims);
  });

  test('is frozen all through and has own properties only', async () => {
    const body = `{"__proto__":{"admin":true},"org":{"roles":["a"]},${JSON.stringify(payload()).slice(1)}`;
    const identity = await createAuthenticator([withSecret])(bearing(hmacToken(body)));
    const claims = identity?.claims as Record<string, unknown>;
    expect(Object.getPrototypeOf(claims)).toBeNull();
    expect('admin' in claims || 'toString' in claims).toBe(false);
    const { org } = claims as { org: { roles: string[] } };
    expect([identity, claims, org, org.roles].every((value) => Object.isFrozen(value))).toBe(true);
  });
});

describe('claims', () => {
  const authenticate = createAuthenticator([withSecret]);

  test.each<[string, () => Record<string, unknown>]>([
    ['exp 29 s ago', () => ({ exp: seconds() - 29 })],
    ['nbf in 29 s', () => ({ nbf: seconds() + 29 })],
    ['iat in 29 s', () => ({ iat: seconds() + 29 })],
    ['iat long ago', () => ({ iat: 1 })],
    ['no iat', () => ({ iat: undefined })],
  ])('%s is accepted', async (_, changes) => {
    expect(await authenticate(bearing(hmacToken(payload(changes()))))).toMatchObject({ subject: 'u1' });
  });

  test.each<[string, () => unknown]>([
    ['exp 31 s ago', () => payload({ exp: seconds() - 31 })],
    ['no exp', () => payload({ exp: undefined })],
    ['exp as text', () => payload({ exp: String(seconds() + 600) })],
    ['exp null', () => payload({ exp: null })],
    ['nbf in 31 s', () => payload({ nbf: seconds() + 31 })],
    ['nbf as text', () => payload({ nbf: '1' })],
    ['iat in 31 s', () => payload({ iat: seconds() + 31 })],
    ['iat in an hour', () => payload({ iat: seconds() + 3_600 })],
    ['iat as text', () => payload({ iat: '1' })],
    ['no aud', () => payload({ aud: undefined })],
    ['another aud', () => payload({ aud: 'others' })],
    ['aud in other letters', () => payload({ aud: 'Backstitch' })],
    ['a list of other auds', () => payload({ aud: ['others', 'more'] })],
    ['no iss', () => payload({ iss: undefined })],
    ['another iss', () => payload({ iss: 'https://else.test' })],
    ['iss with a slash behind', () => payload({ iss: `${issuer}/` })],
    ['iss as a list', () => payload({ iss: [issuer] })],
    ['iss of the prototype', () => ({ ...payload({ iss: undefined }), ['__proto__']: { iss: issuer } })],
    ['no sub', () => payload({ sub: undefined })],
    ['an empty sub', () => payload({ sub: '' })],
    ['sub as a number', () => payload({ sub: 1 })],
    ['a list as payload', () => [payload()]],
    ['text as payload', () => 'hello'],
    ['null as payload', () => 'null'],
  ])('%s is refused', async (_, body) => {
    const error = await refusalOf(authenticate(bearing(hmacToken(body()))));
    expect(error.message).toBe('The token was refused.');
  });
});

describe('attacks', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', ''])('alg "%s" without a signature is refused', async (alg) => {
    const token = `${base64url({ alg })}.${base64url(payload())}.`;
    await refusalOf(createAuthenticator([withSecret])(bearing(token)));
    await refusalOf(createAuthenticator([withPublicKey])(bearing(token)));
  });

  test('HS256 signed with the public RSA key is refused', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    for (const text of [pem, pem.trim()]) {
      const token = hmacToken(payload(), { alg: 'HS256', kid: 'one' }, text);
      await refusalOf(createAuthenticator([withPublicKey])(bearing(token)));
      await refusalOf(createAuthenticator([keys.issuer])(bearing(token)));
    }
  });

  test('an RSA token where a secret is configured is refused', async () => {
    await refusalOf(createAuthenticator([withSecret])(bearing(await rsaToken())));
  });

  test('an algorithm that is not configured is refused, although the key is the right one', async () => {
    const token = await rsaToken(payload(), { alg: 'RS512' });
    const keys = await serveKeys({ one: rsa.publicKey });
    await refusalOf(createAuthenticator([withPublicKey])(bearing(token)));
    await refusalOf(createAuthenticator([keys.issuer])(bearing(token)));
    const shared = await new SignJWT(payload())
      .setProtectedHeader({ alg: 'HS512' })
      .sign(new TextEncoder().encode(secret.repeat(2)));
    const authenticate = createAuthenticator([{ ...withSecret, key: { secret: secret.repeat(2) } }]);
    await refusalOf(authenticate(bearing(shared)));
  });

  test('a changed payload is refused', async () => {
    const [header, , signature] = (await rsaToken()).split('.');
    const token = `${header}.${base64url(payload({ sub: 'admin' }))}.${signature}`;
    await refusalOf(createAuthenticator([withPublicKey])(bearing(token)));
  });

  test.each(['jku', 'x5u', 'jwk'])(
    '%s with the key that signed is refused, and nobody is called',
    async (name) => {
      let calls = 0;
      const url = await serve((_, response) => {
        calls += 1;
        response.end('{}');
      });
      const value = name === 'jwk' ? await exportJWK(stranger.publicKey) : url;
      const foreign = await rsaToken(payload(), { [name]: value }, stranger.privateKey);
      const ours = await rsaToken(payload(), { [name]: value });
      const authenticate = createAuthenticator([withPublicKey]);
      await refusalOf(authenticate(bearing(foreign)));
      await refusalOf(authenticate(bearing(ours)));
      expect(calls).toBe(0);
    },
  );

  test.each([
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { crit: [] },
    { crit: 'alg' },
  ])('crit is refused: %j', async (header) => {
    const token = hmacToken(payload(), { alg: 'HS256', ...header });
    await refusalOf(createAuthenticator([withSecret])(bearing(token)));
  });

  test('an encrypted token is refused', async () => {
    const key = new Uint8Array(32).fill(7);
    const encrypted = new EncryptJWT(payload()).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' });
    await refusalOf(createAuthenticator([withSecret])(bearing(await encrypted.encrypt(key))));
  });

  test("one issuer's key does not sign for another", async () => {
    const other: Issuer = {
      ...withSecret,
      issuer: 'https://else.test',
      key: { secret: 'another secret, long' },
    };
    const authenticate = createAuthenticator([withSecret, other]);
    await refusalOf(authenticate(bearing(hmacToken(payload({ iss: other.issuer })))));
    const good = hmacToken(payload({ iss: other.issuer }), { alg: 'HS256' }, 'another secret, long');
    expect(await authenticate(bearing(good))).toMatchObject({ subject: 'u1' });
  });

  test('nothing of the token or of jose is in the message', async () => {
    const token = hmacToken(payload({ sub: 'private', exp: seconds() - 100 }));
    const error = await refusalOf(createAuthenticator([withSecret])(bearing(token)));
    expect(JSON.stringify([error.message, error.extensions])).toBe(
      '["The token was refused.",{"code":"UNAUTHENTICATED"}]',
    );
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('several issuers', () => {
  test('one issuer with two audiences accepts both and no third', async () => {
    const authenticate = createAuthenticator([withSecret, { ...withSecret, audience: 'second' }]);
    for (const aud of [audience, 'second']) {
      expect(await authenticate(bearing(hmacToken(payload({ aud }))))).toMatchObject({ subject: 'u1' });
    }
    await refusalOf(authenticate(bearing(hmacToken(payload({ aud: 'third' })))));
  });
});

describe('bad keys in the configuration', () => {
  test.each<[string, Issuer]>([
    ['none', { ...withPublicKey, algorithms: ['RS256', 'none'] }],
    ['HS256 with a public key', { ...withPublicKey, algorithms: ['HS256'] }],
    ['RS256 with a secret', { ...withSecret, algorithms: ['RS256'] }],
    ['text that is no PEM', { ...withPublicKey, key: { publicKey: 'no key' } }],
    ['broken PEM', { ...withPublicKey, key: { publicKey: pem.replace(/[A-Z]{2}/g, '') } }],
    [
      'a private key',
      {
        ...withPublicKey,
        key: { publicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string },
      },
    ],
  ])('%s stops the start', (_, bad) => {
    expect(() => createAuthenticator([bad])).toThrow(ConfigError);
  });

  test('a key of the wrong kind for one algorithm refuses its tokens and accepts the others', async () => {
    const authenticate = createAuthenticator([{ ...withPublicKey, algorithms: ['RS256', 'ES256'] }]);
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await refusalOf(authenticate(bearing(await rsaToken(payload(), { alg: 'ES256' }, ec.privateKey))));
    expect(await authenticate(bearing(await rsaToken()))).toMatchObject({ subject: 'u1' });
  });
});

describe('a repeated token', () => {
  test('is the same identity without a second check', async () => {
    const authenticate = createAuthenticator([withPublicKey]);
    const token = await rsaToken();
    expect(await authenticate(bearing(token))).toBe(await authenticate(bearing(token)));
  });

  test('is checked anew after 30 s', async () => {
    const authenticate = createAuthenticator([withPublicKey]);
    const token = await rsaToken();
    const first = await authenticate(bearing(token));
    vi.advanceTimersByTime(30_000);
    const second = await authenticate(bearing(token));
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  test('is not known beyond exp, and refused after exp and 30 s', async () => {
    const authenticate = createAuthenticator([withSecret]);
    const token = hmacToken(payload({ exp: seconds() + 10 }));
    const first = await authenticate(bearing(token));
    vi.advanceTimersByTime(10_000);
    expect(await authenticate(bearing(token))).not.toBe(first);
    vi.advanceTimersByTime(29_000);
    expect(await authenticate(bearing(token))).toEqual(first);
    vi.advanceTimersByTime(1_000);
    await refusalOf(authenticate(bearing(token)));
  });

  test('with another signature is not the known one', async () => {
    const authenticate = createAuthenticator([withSecret]);
    const token = hmacToken(payload());
    await authenticate(bearing(token));
    await refusalOf(authenticate(bearing(`${token.slice(0, -4)}AAAA`)));
  });

  test('that was refused is refused again', async () => {
    const authenticate = createAuthenticator([withSecret]);
    const token = hmacToken(payload(), { alg: 'HS256' }, 'a secret nobody has told');
    await refusalOf(authenticate(bearing(token)));
    await refusalOf(authenticate(bearing(token)));
  });
});

describe('published keys', () => {
  test('are fetched once for many tokens at once', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, n) => rsaToken(payload({ sub: `u${n}` }), { kid: 'one' })),
    );
    const identities = await Promise.all(tokens.map((token) => authenticate(bearing(token))));
    expect(identities.map((identity) => identity?.subject)).toEqual(tokens.map((_, n) => `u${n}`));
    expect(keys.asked).toBe(1);
  });

  test('are not fetched for a token of somebody else', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer, { ...withSecret, issuer: 'https://else.test' }]);
    expect(await authenticate(bearing(hmacToken(payload({ iss: 'https://else.test' }))))).toBeDefined();
    await refusalOf(authenticate(bearing(await rsaToken(payload({ iss: 'https://third.test' })))));
    expect(keys.asked).toBe(0);
  });

  test('a new key is found within 10 s', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    await authenticate(bearing(await rsaToken(payload(), { kid: 'one' })));
    keys.keys = { two: stranger.publicKey };
    vi.advanceTimersByTime(10_000);
    const token = await rsaToken(payload(), { kid: 'two' }, stranger.privateKey);
    expect(await authenticate(bearing(token))).toMatchObject({ subject: 'u1' });
  });

  test('a flood of unknown key ids asks the issuer once in 10 s', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    const flood = async (from: number) => {
      const tokens = await Promise.all(
        Array.from({ length: 100 }, (_, n) => rsaToken(payload(), { kid: `k${from + n}` })),
      );
      await Promise.all(tokens.map((token) => refusalOf(authenticate(bearing(token)))));
    };
    await flood(0);
    await flood(100);
    expect(keys.asked).toBe(1);
    vi.advanceTimersByTime(10_000);
    await flood(200);
    expect(keys.asked).toBe(2);
    keys.keys = undefined;
    vi.advanceTimersByTime(10_000);
    await flood(300);
    await flood(400);
    expect(keys.asked).toBe(3);
  });

  test.each(['../../dev/null', 'x'.repeat(5_000), "' OR 1=1 --", '__proto__', 'two'])(
    'the key id %.20s is refused',
    async (kid) => {
      const keys = await serveKeys({ one: rsa.publicKey, other: stranger.publicKey });
      await refusalOf(createAuthenticator([keys.issuer])(bearing(await rsaToken(payload(), { kid }))));
      expect(keys.asked).toBe(1);
    },
  );

  test('no key id where there are two keys is refused', async () => {
    const keys = await serveKeys({ one: rsa.publicKey, other: stranger.publicKey });
    await refusalOf(createAuthenticator([keys.issuer])(bearing(await rsaToken())));
  });

  test('a token outlives an outage of a day at most', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    const token = await rsaToken(payload({ exp: seconds() + 10 * 86_400 }), { kid: 'one' });
    await authenticate(bearing(token));
    keys.keys = undefined;
    for (const minutes of [1, 15, 60, 22 * 60]) {
      vi.advanceTimersByTime(minutes * 60_000);
      expect(await authenticate(bearing(token))).toMatchObject({ subject: 'u1' });
    }
    vi.advanceTimersByTime(3_600_000);
    const error = await refusalOf(authenticate(bearing(token)));
    expect(error.message).toBe('The token cannot be checked now. Try again later.');
  });

  test('nobody waits for an issuer that is known to be away', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    const token = await rsaToken(payload(), { kid: 'one' });
    await authenticate(bearing(token));
    keys.keys = undefined;
    vi.advanceTimersByTime(60_000);
    await authenticate(bearing(token));
    keys.silent = true;
    vi.advanceTimersByTime(30_000);
    const started = process.hrtime.bigint();
    expect(await authenticate(bearing(token))).toMatchObject({ subject: 'u1' });
    await vi.waitFor(() => expect(keys.asked).toBe(3));
    expect(process.hrtime.bigint() - started).toBeLessThan(4_000_000_000n);
  });

  test('a withdrawn key is refused 90 s later, for tokens that were known too', async () => {
    const keys = await serveKeys({ one: rsa.publicKey });
    const authenticate = createAuthenticator([keys.issuer]);
    const token = await rsaToken(payload(), { kid: 'one' });
    await authenticate(bearing(token));
    keys.keys = { other: stranger.publicKey };
    vi.advanceTimersByTime(59_999);
    await authenticate(bearing(token));
    vi.advanceTimersByTime(30_001);
    await refusalOf(authenticate(bearing(token)));
  });

  test.each<[string, RequestListener]>([
    ['HTML', (_, response) => response.end('<html></html>')],
    ['an empty object', (_, response) => response.end('{}')],
    ['a failure', (_, response) => response.writeHead(500).end()],
    ['a redirect', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['no content', (_, response) => response.writeHead(204).end()],
    ['10 MB', (_, response) => response.end(`{"keys":[],"fill":"${'x'.repeat(10 * 2 ** 20)}"}`)],
    ['a torn connection', (request) => request.socket.destroy()],
  ])('%s instead of keys is refused, and asked for again a second later at most', async (_, listener) => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      listener(request, response);
    });
    const authenticate = createAuthenticator([{ ...withPublicKey, key: { jwksUrl: url } }]);
    const token = await rsaToken();
    const error = await refusalOf(authenticate(bearing(token)));
    await refusalOf(authenticate(bearing(token)));
    expect(error.message).toBe('The token cannot be checked now. Try again later.');
    expect(asked).toBe(1);
    vi.advanceTimersByTime(1_000);
    await refusalOf(authenticate(bearing(token)));
    expect(asked).toBe(2);
  });
});
