import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError, readConfigFile, toConfig } from '../../src/base/config.js';

const digest = '0123456789abcdef'.repeat(4);
const hash = `sha256:${digest}`;

/** What a configuration is refused with, a line for each fault. */
function faultsOf(input: object): string[] {
  try {
    toConfig(input);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n').slice(1);
  }
  return expect.fail('the configuration was accepted');
}

test('nobody is trusted, and there are no keys, unless somebody says so', () => {
  expect(toConfig({})).toMatchObject({ jwt: [], trustedProxies: [], addressHeader: 'x-forwarded-for' });
  expect(toConfig({})).not.toHaveProperty('apiKeys');
  expect(toConfig({})).not.toHaveProperty('proxyIdentity');
});

describe('API keys', () => {
  test('come in x-api-key, and last for ever, unless said otherwise', () => {
    const keys = [
      { subject: 'a', hash },
      {
        subject: 'b',
        hash: `SHA256:${'F'.repeat(64)}`.replace('SHA', 'sha'),
        expires: '2030-01-01',
        claims: { x: 1 },
      },
    ];
    expect(toConfig({ apiKeys: { keys } }).apiKeys).toEqual({
      header: 'x-api-key',
      keys: [
        { subject: 'a', hash: digest, claims: {} },
        { subject: 'b', hash: 'f'.repeat(64), claims: { x: 1 }, expires: Date.UTC(2030, 0, 1) },
      ],
    });
  });

  test.each<[string, object, string]>([
    ['the key instead of its digest', { subject: 'a', hash: 's3cret-key' }, 'apiKeys.keys.0.hash'],
    ['a digest of another kind', { subject: 'a', hash: `md5:${'0'.repeat(32)}` }, 'apiKeys.keys.0.hash'],
    ['a short digest', { subject: 'a', hash: 'sha256:s3cret' }, 'apiKeys.keys.0.hash'],
    ['no subject', { subject: '', hash }, 'apiKeys.keys.0.subject'],
    ['a time that is none', { subject: 'a', hash, expires: 's3cret' }, 'apiKeys.keys.0.expires'],
    ['claims that are a text', { subject: 'a', hash, claims: 's3cret' }, 'apiKeys.keys.0.claims'],
  ])('%s is refused, and not repeated', (_, key, path) => {
    const faults = faultsOf({ apiKeys: { keys: [key] } });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`"${path}"`);
    expect(faults[0]).not.toContain('s3cret');
  });

  test('one hash for two subjects is refused', () => {
    const keys = [hash, hash.toUpperCase().replace('SHA256', 'sha256')].map((each, i) => ({
      subject: `${i}`,
      hash: each,
    }));
    expect(faultsOf({ apiKeys: { keys } })).toEqual(['  "apiKeys.keys" has one hash twice']);
  });

  test.each(['authorization', 'Cookie', 'x-forwarded-for', 'a b', 'x_key', ''])(
    '"%s" cannot be their header',
    (header) => {
      expect(faultsOf({ apiKeys: { header, keys: [{ subject: 'a', hash }] } })[0]).toContain(
        '"apiKeys.header"',
      );
    },
  );

  test('a misspelt option is refused with the one that is meant', () => {
    expect(faultsOf({ apiKeys: { keys: [{ subject: 'a', hash, expire: '2030-01-01' }] } })).toEqual([
      '  unknown key "apiKeys.keys.0.expire". Did you mean "expires"?',
    ]);
  });
});

describe('trusted proxies', () => {
  test.each(['10.0.0.0/8', '192.0.2.1', '::1', '2001:db8::/32', '0.0.0.0/0'])('%s is one', (network) => {
    expect(toConfig({ trustedProxies: [network] }).trustedProxies).toEqual([network]);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0',
    '10.0.0.0/',
    '/8',
    'localhost',
    'fe80::1%eth0',
    '*',
    '',
    '10.0.0.0/8/8',
  ])('"%s" is none', (network) => {
    expect(faultsOf({ trustedProxies: ['::1', network] })).toEqual([
      '  "trustedProxies.1" is no address or network such as "10.0.0.0/8" or "::1"',
    ]);
  });
});

test('HTTPS that asks for certificates needs to know whose', () => {
  const files = { cert: 'a.pem', key: 'b.pem' };
  expect(faultsOf({ tls: { ...files, clientCertificates: 'required' } })[0]).toContain('"tls" needs both');
  expect(faultsOf({ tls: { ...files, ca: 'c.pem' } })[0]).toContain('"tls" needs both');
});

test('the files of HTTPS are found beside the configuration', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'backstitch.config.json');
  const tls = { cert: 'tls/a.pem', key: '/etc/b.pem', ca: './c.pem', clientCertificates: 'optional' };
  writeFileSync(file, JSON.stringify({ tls }));
  expect(await readConfigFile(file)).toEqual({
    tls: { ...tls, cert: join(folder, 'tls/a.pem'), ca: join(folder, 'c.pem') },
  });
  for (const other of [null, 'a.pem', 7]) {
    writeFileSync(file, JSON.stringify({ tls: other }));
    expect(await readConfigFile(file)).toEqual({ tls: other });
  }
});
