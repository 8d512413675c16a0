import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError, toConfig, type ConfigInput } from '../../src/base/config.js';
import type { Headers } from '../../src/base/context.js';
import { GatewayError } from '../../src/base/errors.js';
import { createLog } from '../../src/base/log.js';
import { createAuthenticator, type Caller, type Evidence } from '../../src/policy/authenticate.js';
import { canonicalAddress } from '../../src/policy/identity/proxies.js';

const stranger = '192.0.2.1';
const proxy = '10.0.0.1';
const key = 'bk_live_0123456789';

const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

const apiKeys = { keys: [{ subject: 'billing', hash: hashOf(key), claims: { scope: 'orders:read' } }] };
const proxyIdentity = { header: 'X-Client', claims: { email: 'x-client-email' } };
const trustedProxies = ['10.0.0.0/8', '2001:db8::/32'];

/** Headers as the server reads them; a value may come several times. */
function headersOf(given: Readonly<Record<string, string | readonly string[]>>): Headers {
  const headers = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, value] of Object.entries(given)) headers[name] = [value].flat();
  return headers;
}

function identify(
  config: ConfigInput,
  headers: Readonly<Record<string, string | readonly string[]>>,
  more: Partial<Evidence> = {},
): Promise<Caller> {
  const received = headersOf(headers);
  const authenticator = createAuthenticator(toConfig(config), createLog('silent'));
  return authenticator.identify({ headers: received, received, address: stranger, ...more });
}

async function refusalOf(answer: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await answer.then(
    () => expect.fail('the caller was accepted'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } });
  return error as GatewayError;
}

describe('an API key', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 1) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('says who asks, with claims and the subject among them', async () => {
    const { identity } = await identify({ apiKeys }, { 'x-api-key': key });
    expect({ ...identity, claims: { ...identity?.claims } }).toEqual({
      subject: 'billing',
      by: 'apiKey',
      claims: { sub: 'billing', scope: 'orders:read' },
    });
  });

  test('is frozen all through and has own properties only', async () => {
    const claims = JSON.parse(
      '{"__proto__":{"admin":true},"org":{"__proto__":{"admin":true},"roles":["a"]}}',
    ) as object;
    const keys = [{ ...apiKeys.keys[0]!, claims: { ...claims } }];
    const { identity } = await identify({ apiKeys: { keys } }, { 'x-api-key': key });
    const held = identity?.claims as { org: { roles: string[] } };
    expect(Object.getPrototypeOf(held)).toBeNull();
    expect('admin' in held).toBe(false);
    expect([identity, held, held.org, held.org.roles].every((value) => Object.isFrozen(value))).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  test.each<[string, string | string[]]>([
    ['the beginning of it', key.slice(0, -1)],
    ['more than it', `${key}0`],
    ['one letter off at the end', `${key.slice(0, -1)}8`],
    ['one letter off at the beginning', `x${key.slice(1)}`],
    ['in other letters', key.toUpperCase()],
    ['nothing', ''],
    ['a space', ' '],
    ['its digest', hashOf(key)],
    ['the digest alone', hashOf(key).slice('sha256:'.length)],
    ['two', [key, key]],
    ['two in one', `${key}, ${key}`],
    ['with a scheme', `Bearer ${key}`],
    ['as JSON', `"${key}"`],
    ['__proto__', '__proto__'],
  ])('%s is refused', async (_, value) => {
    const error = await refusalOf(identify({ apiKeys }, { 'x-api-key': value }));
    expect(error.message).toMatch(/^The API key was refused\.$|^The request has more than one API key\.$/);
  });

  test('of nothing is no key, also where its digest was configured', async () => {
    const keys = [{ subject: 'anybody', hash: hashOf('') }];
    await refusalOf(identify({ apiKeys: { keys } }, { 'x-api-key': '' }));
  });

  test('in another header is no key at all', async () => {
    for (const name of ['api-key', 'x-apikey', 'x_api_key', 'authorization']) {
      expect((await identify({ apiKeys }, { [name]: key })).identity).toBeUndefined();
    }
    const elsewhere = { ...apiKeys, header: 'X-Shop-Key' };
    expect((await identify({ apiKeys: elsewhere }, { 'x-api-key': key })).identity).toBeUndefined();
    expect((await identify({ apiKeys: elsewhere }, { 'x-shop-key': key })).identity?.subject).toBe('billing');
  });

  test('is none of our business where none are configured', async () => {
    expect((await identify({}, { 'x-api-key': 'for a backend' })).identity).toBeUndefined();
  });

  test('counts although Connection lists its header', async () => {
    const caller = await identify({ apiKeys }, { 'x-api-key': key }, { headers: headersOf({}) });
    expect(caller.identity?.subject).toBe('billing');
    expect(caller.headers).toEqual({});
  });

  test('of bytes beyond ASCII is the one whose bytes were digested', async () => {
    const keys = [{ subject: 'a', hash: hashOf('schlüssel') }];
    const asHeader = Buffer.from('schlüssel').toString('latin1');
    expect((await identify({ apiKeys: { keys } }, { 'x-api-key': asHeader })).identity?.subject).toBe('a');
  });

  test('is refused from the moment that it expires', async () => {
    const expires = '2030-01-01T00:00:10Z';
    const keys = [{ ...apiKeys.keys[0]!, expires }];
    const authenticator = createAuthenticator(toConfig({ apiKeys: { keys } }), createLog('silent'));
    const received = headersOf({ 'x-api-key': key });
    const ask = () => authenticator.identify({ headers: received, received, address: stranger });
    expect((await ask()).identity?.expiresAt).toBe(Date.parse(expires));
    vi.advanceTimersByTime(9_999);
    await ask();
    vi.advanceTimersByTime(1);
    await refusalOf(ask());
  });

  test('may come in connectionParams, or both ways; two different ones are refused', async () => {
    const params = headersOf({ 'x-api-key': key });
    expect((await identify({ apiKeys }, {}, { params })).identity?.subject).toBe('billing');
    expect((await identify({ apiKeys }, { 'x-api-key': key }, { params })).identity?.subject).toBe('billing');
    await refusalOf(identify({ apiKeys }, { 'x-api-key': 'another' }, { params }));
    await refusalOf(identify({ apiKeys }, { 'x-api-key': [key, key] }, { params }));
  });
});

describe('two proofs in one request', () => {
  const secret = 'a secret of more than sixteen letters';
  const jwt = [{ issuer: 'https://i.test', audience: 'a', algorithms: ['HS256'], key: { secret } }];

  test('a token and a key are refused, good or not', async () => {
    const error = await refusalOf(
      identify({ jwt, apiKeys }, { authorization: 'Bearer a.b.c', 'x-api-key': key }),
    );
    expect(error.message).toBe('The request has a token and an API key.');
  });

  test('a token counts for the backends where there are no issuers', async () => {
    const { identity } = await identify({ apiKeys }, { authorization: 'Bearer a.b.c', 'x-api-key': key });
    expect(identity?.subject).toBe('billing');
  });

  test('a key counts before the word of a proxy', async () => {
    const config = { apiKeys, proxyIdentity, trustedProxies };
    const { identity } = await identify(config, { 'x-api-key': key, 'x-client': 'ann' }, { address: proxy });
    expect(identity).toMatchObject({ subject: 'billing', by: 'apiKey' });
  });

  test('a bad one is refused beside a good one', async () => {
    const config = { apiKeys, proxyIdentity, trustedProxies };
    const at = { address: proxy };
    await refusalOf(identify(config, { 'x-api-key': 'bad', 'x-client': 'ann' }, at));
    await refusalOf(identify(config, { 'x-api-key': key, 'x-client': ['ann', 'bob'] }, at));
  });
});

describe('the word of a proxy', () => {
  const config = { proxyIdentity, trustedProxies };
  const told = { 'x-client': 'CN=ann,O=Example', 'x-client-email': 'ann@example.com', 'x-other': '1' };

  test('says who asks, and mappings may read it', async () => {
    const { identity, headers } = await identify(config, told, { address: `::ffff:${proxy}` });
    expect({ ...identity, claims: { ...identity?.claims } }).toEqual({
      subject: 'CN=ann,O=Example',
      by: 'proxy',
      claims: { sub: 'CN=ann,O=Example', email: 'ann@example.com' },
    });
    expect(headers).toEqual(headersOf(told));
  });

  test.each([stranger, '11.0.0.1', '::1', '2001:db9::1', '', 'unix', '::ffff:11.0.0.1'])(
    'from "%s" is nothing, and no mapping sees it',
    async (address) => {
      const { identity, headers } = await identify(config, told, { address });
      expect(identity).toBeUndefined();
      expect(headers).toEqual(headersOf({ 'x-other': '1' }));
    },
  );

  test('may be that it knows nobody', async () => {
    const silent: Record<string, string>[] = [
      {},
      { 'x-client': '' },
      { 'x-client-email': 'ann@example.com' },
    ];
    for (const headers of silent) {
      expect((await identify(config, headers, { address: proxy })).identity).toBeUndefined();
    }
  });

  test('is refused if it names two', async () => {
    await refusalOf(identify(config, { 'x-client': ['ann', 'bob'] }, { address: proxy }));
    await refusalOf(identify(config, { ...told, 'x-client-email': ['a', 'b'] }, { address: proxy }));
  });

  test('is not read from connectionParams', async () => {
    const params = headersOf({ 'x-client': 'eve' });
    const caller = await identify(config, {}, { params, headers: params, address: proxy });
    expect(caller).toEqual({ identity: undefined, address: proxy, headers: {} });
  });

  test('counts although Connection lists its header', async () => {
    const { identity } = await identify(config, told, { address: proxy, headers: headersOf({}) });
    expect(identity?.by).toBe('proxy');
  });

  test('has own properties only', async () => {
    const claims = JSON.parse('{"__proto__":"x-client-email","constructor":"x-client-email"}') as Record<
      string,
      string
    >;
    const { identity } = await identify(
      { trustedProxies, proxyIdentity: { header: 'x-client', claims } },
      told,
      { address: proxy },
    );
    expect(Object.getPrototypeOf(identity?.claims)).toBeNull();
    expect(Object.keys(identity?.claims ?? {})).toEqual(['constructor', 'sub']);
  });

  test('needs somebody who is trusted', () => {
    expect(() => createAuthenticator(toConfig({ proxyIdentity }), createLog('silent'))).toThrow(ConfigError);
  });
});

describe('the address of a caller', () => {
  type Sent = string | string[] | undefined;

  async function addressOf(address: string, sent: Sent, addressHeader?: 'forwarded'): Promise<string> {
    const headers = {
      'x-real-ip': '9.9.9.9',
      // The header of the other kind counts for nothing.
      'x-forwarded-for': '9.9.9.9',
      forwarded: 'for=9.9.9.9',
      [addressHeader ?? 'x-forwarded-for']: sent ?? [],
    };
    const config = { trustedProxies, ...(addressHeader && { addressHeader }) };
    return (await identify(config, headers, { address })).address;
  }

  test.each<[string, string, Sent, string]>([
    ['a stranger', stranger, '8.8.8.8', stranger],
    ['a stranger who names a proxy', stranger, `8.8.8.8, ${proxy}`, stranger],
    ['a proxy that says nothing', proxy, undefined, proxy],
    ['a proxy that says nothing at all', proxy, '', proxy],
    ['one proxy', proxy, '8.8.8.8', '8.8.8.8'],
    ['one proxy, written as IPv6', `::ffff:${proxy}`, '8.8.8.8', '8.8.8.8'],
    ['one proxy, written as IPv6 in hexadecimal', '::ffff:a00:1', '8.8.8.8', '8.8.8.8'],
    ['one proxy with IPv6', '2001:db8::7', '8.8.8.8', '8.8.8.8'],
    ['a forged beginning', proxy, '1.1.1.1, 8.8.8.8', '8.8.8.8'],
    ['a forged proxy behind the caller', proxy, '10.0.0.9, 8.8.8.8', '8.8.8.8'],
    ['two proxies', proxy, '1.1.1.1, 8.8.8.8, 10.9.9.9', '8.8.8.8'],
    ['proxies alone', proxy, '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['two headers', proxy, ['1.1.1.1', '8.8.8.8, 10.0.0.2'], '8.8.8.8'],
    ['no spaces', proxy, '1.1.1.1,8.8.8.8', '8.8.8.8'],
    ['a port', proxy, '8.8.8.8:443', '8.8.8.8'],
    ['IPv6', proxy, '2001:DB9:0::1', '2001:db9::1'],
    ['IPv6 in brackets', proxy, '[2001:db9::1]', '2001:db9::1'],
    ['IPv6 with a port', proxy, '[2001:db9::1]:443', '2001:db9::1'],
    ['IPv4 in IPv6', proxy, '::ffff:8.8.8.8', '8.8.8.8'],
    ['a proxy as IPv4 in IPv6', proxy, '8.8.8.8, ::ffff:10.0.0.2', '8.8.8.8'],
    ['words', proxy, 'unknown', proxy],
    ['words before a proxy', proxy, '1.1.1.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['a hole', proxy, '1.1.1.1,, 10.0.0.2', '10.0.0.2'],
    ['an octal address', proxy, '010.8.8.8', proxy],
    ['an address that is too long', proxy, '8.8.8.8.8', proxy],
    ['a number', proxy, '134744072', proxy],
    ['IPv4 in brackets', proxy, '[8.8.8.8]', proxy],
    ['a name', proxy, 'localhost', proxy],
    ['markup', proxy, '<script>', proxy],
    ['quotes', proxy, '"8.8.8.8"', proxy],
    ['very many hops', proxy, `${'1.1.1.1, '.repeat(1_000)}8.8.8.8`, '8.8.8.8'],
  ])('by X-Forwarded-For: %s', async (_, peer, sent, address) => {
    expect(await addressOf(peer, sent)).toBe(address);
  });

  test.each<[string, string, Sent, string]>([
    ['a stranger', stranger, 'for=8.8.8.8', stranger],
    ['a proxy that says nothing', proxy, undefined, proxy],
    ['one proxy', proxy, 'for=8.8.8.8', '8.8.8.8'],
    ['other letters, and more pairs', proxy, 'proto=https;For=8.8.8.8;by=10.0.0.1', '8.8.8.8'],
    ['a forged beginning', proxy, 'for=1.1.1.1, for=8.8.8.8', '8.8.8.8'],
    ['two proxies', proxy, 'for=1.1.1.1, for=8.8.8.8;proto=http, for=10.0.0.2', '8.8.8.8'],
    ['two headers', proxy, ['for=1.1.1.1', 'for=8.8.8.8'], '8.8.8.8'],
    ['quotes', proxy, 'for="8.8.8.8"', '8.8.8.8'],
    ['quotes with escapes', proxy, 'for="8.8.\\8.8"', '8.8.8.8'],
    ['a port', proxy, 'for="8.8.8.8:443"', '8.8.8.8'],
    ['IPv6', proxy, 'for="[2001:db9::1]"', '2001:db9::1'],
    ['IPv6 with a port', proxy, 'for="[2001:db9::1]:443"', '2001:db9::1'],
    ['IPv6 without quotes', proxy, 'for=[2001:db9::1]:443', '2001:db9::1'],
    ['a comma in quotes', proxy, 'for=8.8.8.8;x="a, for=1.1.1.1"', '8.8.8.8'],
    ['a hidden caller', proxy, 'for=1.1.1.1, for=_hidden', proxy],
    ['an unknown caller', proxy, 'for=unknown', proxy],
    ['a hop without a name', proxy, 'for=1.1.1.1, by=10.0.0.1', proxy],
    ['a hop with two names', proxy, 'for=1.1.1.1;for=8.8.8.8', proxy],
    ['a quote that a client opened', proxy, 'for=1.1.1.1;x=", for=8.8.8.8', proxy],
    ['a quote that a proxy closes', proxy, 'for=1.1.1.1;x=", for="[2001:db9::1]"', proxy],
    ['a quote of a client, and a header of a proxy', proxy, ['for=1.1.1.1;x="', 'for=8.8.8.8'], '8.8.8.8'],
    ['nothing', proxy, '', proxy],
    ['a comma behind', proxy, 'for=8.8.8.8,', proxy],
    ['an address alone', proxy, '8.8.8.8', proxy],
  ])('by Forwarded: %s', async (_, peer, sent, address) => {
    expect(await addressOf(peer, sent, 'forwarded')).toBe(address);
  });

  test('is the peer where nobody is trusted', async () => {
    const headers = { 'x-forwarded-for': '8.8.8.8', forwarded: 'for=8.8.8.8', 'x-real-ip': '8.8.8.8' };
    expect((await identify({}, headers, { address: '::1' })).address).toBe('::1');
    expect((await identify({}, headers, { address: '' })).address).toBe('');
  });

  test.each([
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:a00:1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0', undefined],
    ['', undefined],
  ])('%s is written as %s', (text, written) => {
    expect(canonicalAddress(text)).toBe(written);
  });
});
