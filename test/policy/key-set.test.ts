import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { toConfig, type Config } from '../../src/base/config.js';
import type { Log } from '../../src/base/log.js';
import { createAuthenticator } from '../../src/policy/authenticate.js';
import { openKeySet, type KeySet } from '../../src/policy/identity/key-set.js';

const first = generateKeyPairSync('ed25519');
const second = generateKeyPairSync('ed25519');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'], now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Waits for the network, whose time is not that of the test. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((done) => setImmediate(done));
}

/** Lets what is under way on the network come to its end. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((done) => setImmediate(done));
}

/** An issuer's page of keys, whose answer can be changed. */
class Page {
  answer: RequestListener = (_, response) => response.writeHead(503).end();
  asked = 0;
  url = '';

  async opened(): Promise<this> {
    const server = createServer((request, response) => {
      this.asked += 1;
      this.answer(request, response);
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?of=shop`;
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return this;
  }

  async publish(keys: Readonly<Record<string, KeyObject>>): Promise<void> {
    const all = Object.entries(keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid }));
    const text = JSON.stringify({ keys: await Promise.all(all) });
    this.answer = (_, response) => response.end(text);
  }
}

/** A log that counts its lines. */
function countingLog(): Log & { readonly warnings: string[]; readonly notes: string[] } {
  const warnings: string[] = [];
  const notes: string[] = [];
  return {
    warnings,
    notes,
    info: (_, message) => notes.push(message),
    warn: (_, message) => warnings.push(message),
    error: (_, message) => expect.fail(message),
  };
}

function startKeySet(page: Page, log = countingLog()): KeySet {
  const set = openKeySet(new URL(page.url), log);
  onTestFinished(() => set.close());
  set.start();
  vi.advanceTimersByTime(0);
  return set;
}

const has = (set: KeySet, kid: string): Promise<boolean> =>
  Promise.resolve(set.keyOf({ alg: 'EdDSA', kid }, { payload: '', signature: '' })).then(
    () => true,
    () => false,
  );

describe('in the background', () => {
  test('keys are there before the first token, and fetched again before they are a minute old', async () => {
    const page = await new Page().opened();
    await page.publish({ one: first.publicKey });
    const set = startKeySet(page);
    expect(set.isLoaded()).toBe(false);
    await until(() => set.isLoaded());
    for (const asked of [1, 2, 3, 4]) {
      await until(() => page.asked === asked);
      await settled();
      vi.advanceTimersByTime(44_999);
      await settled();
      expect(page.asked).toBe(asked);
      vi.advanceTimersByTime(1);
    }
  });

  test('an outage is sat out with the keys there are, at one attempt in 10 s, and told once', async () => {
    const page = await new Page().opened();
    await page.publish({ one: first.publicKey });
    const log = countingLog();
    const set = startKeySet(page, log);
    await until(() => set.isLoaded());
    page.answer = (request) => request.socket.destroy();
    for (let second = 0; second < 15 * 60; second += 5) {
      vi.advanceTimersByTime(5_000);
      await settled();
      expect(await has(set, 'one')).toBe(true);
    }
    expect(page.asked).toBeGreaterThan(60);
    expect(page.asked).toBeLessThanOrEqual(6 * 15 + 1);
    expect(log.warnings).toEqual(['the keys of an issuer of tokens cannot be fetched']);

    await page.publish({ two: second.publicKey });
    vi.advanceTimersByTime(10_000);
    await until(() => log.notes.length === 1);
    expect([await has(set, 'one'), await has(set, 'two')]).toEqual([false, true]);
  });

  test('an issuer that is away at the start is asked until it is there', async () => {
    const page = await new Page().opened();
    const set = startKeySet(page);
    for (const asked of [1, 2, 3]) {
      await until(() => page.asked === asked);
      await settled();
      expect(set.isLoaded()).toBe(false);
      vi.advanceTimersByTime(1_000);
    }
    await page.publish({ one: first.publicKey });
    await settled();
    vi.advanceTimersByTime(1_000);
    await until(() => set.isLoaded());
  });

  test('nothing keeps the process alive', async () => {
    vi.useRealTimers();
    const page = await new Page().opened();
    await page.publish({ one: first.publicKey });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const set = openKeySet(new URL(page.url), countingLog());
    onTestFinished(() => set.close());
    set.start();
    expect(timers()).toBe(before);
    await until(() => set.isLoaded());
    await settled();
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('nothing is fetched after the end, and what is under way ends with it', async () => {
    const page = await new Page().opened();
    let ended = false;
    page.answer = (request) => request.socket.once('close', () => (ended = true));
    const set = startKeySet(page);
    await until(() => page.asked === 1);
    set.close();
    await until(() => ended);
    await settled();
    vi.advanceTimersByTime(3_600_000);
    await settled();
    expect(page.asked).toBe(1);
    expect(await has(set, 'one')).toBe(false);
  });
});

describe('an answer that is no key set', () => {
  const many = (count: number, jwk: object) =>
    JSON.stringify({ keys: Array.from({ length: count }, (_, i) => ({ ...jwk, kid: `k${i}` })) });

  test.each<[string, (jwk: object, elsewhere: string) => RequestListener]>([
    ['HTML', () => (_, response) => response.end('<html></html>')],
    ['an object without keys', () => (_, response) => response.end('{}')],
    ['keys that are no list', () => (_, response) => response.end('{"keys":{"length":1}}')],
    ['a list of texts', () => (_, response) => response.end('{"keys":["one"]}')],
    ['null', () => (_, response) => response.end('null')],
    ['nothing', () => (_, response) => response.writeHead(204).end()],
    ['a failure', () => (_, response) => response.writeHead(500).end('{"keys":[]}')],
    ['10 MB', () => (_, response) => response.end(`{"keys":[],"fill":"${'x'.repeat(10 * 2 ** 20)}"}`)],
    ['chunks without end', () => (_, response) => drip(response)],
    ['10,000 keys', (jwk) => (_, response) => response.end(many(10_000, jwk))],
    ['1,001 keys', (jwk) => (_, response) => response.end(many(1_001, jwk))],
    [
      'a redirect',
      (_, elsewhere) => (_request, response) => response.writeHead(302, { location: elsewhere }).end(),
    ],
    ['a torn connection', () => (request) => request.socket.destroy()],
    [
      'half of it',
      () => (_, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"keys":', () => response.destroy());
      },
    ],
  ])('leaves the keys there were: %s', async (_, answer) => {
    const page = await new Page().opened();
    const elsewhere = await new Page().opened();
    await elsewhere.publish({ evil: second.publicKey });
    await page.publish({ one: first.publicKey });
    const log = countingLog();
    const set = startKeySet(page, log);
    await until(() => set.isLoaded());
    page.answer = answer(await exportJWK(second.publicKey), elsewhere.url);
    vi.advanceTimersByTime(45_000);
    await until(() => log.warnings.length === 1);
    expect([await has(set, 'one'), await has(set, 'evil'), await has(set, 'k0')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(elsewhere.asked).toBe(0);
  });

  function drip(response: Parameters<RequestListener>[1]): void {
    const chunk = 'x'.repeat(64 * 1024);
    const more = (): void => {
      if (response.writable) response.write(chunk, () => setImmediate(more));
    };
    more();
  }

  test('a thousand keys are read, and one of them is found', async () => {
    const page = await new Page().opened();
    const jwk = await exportJWK(first.publicKey);
    page.answer = (_, response) => response.end(many(1_000, jwk));
    const set = startKeySet(page);
    await until(() => set.isLoaded());
    expect([await has(set, 'k999'), await has(set, 'k1000')]).toEqual([true, false]);
  });

  test('private and symmetric keys verify nothing', async () => {
    const page = await new Page().opened();
    const secret = { kty: 'oct', k: Buffer.alloc(32).toString('base64url'), kid: 'secret' };
    const own = { ...(await exportJWK(first.privateKey)), kid: 'private' };
    page.answer = (_, response) => response.end(JSON.stringify({ keys: [secret, own] }));
    const set = startKeySet(page);
    await until(() => set.isLoaded());
    expect([await has(set, 'secret'), await has(set, 'private')]).toEqual([false, false]);
  });
});

describe('of several issuers', () => {
  const entry = (issuer: string, audience: string, jwksUrl: string): Config['jwt'][number] => ({
    issuer,
    audience,
    algorithms: ['EdDSA'],
    key: { jwksUrl },
  });

  const tokenOf = (iss: string, aud: string, key: KeyObject, kid: string) =>
    new SignJWT({ iss, aud, sub: 'u1', exp: Math.floor(Date.now() / 1_000) + 600 })
      .setProtectedHeader({ alg: 'EdDSA', kid })
      .sign(key);

  test('those that share an address share its keys; readiness waits for all', async () => {
    const [page, other] = await Promise.all([new Page().opened(), new Page().opened()]);
    await page.publish({ one: first.publicKey });
    const jwt = [entry('a', 'x', page.url), entry('a', 'y', page.url), entry('b', 'x', other.url)];
    const authenticator = createAuthenticator({ ...toConfig({}), jwt }, countingLog());
    onTestFinished(() => authenticator.close());
    const subjectOf = async (token: string) => {
      const received = { authorization: [`Bearer ${token}`] };
      return (await authenticator.identify({ headers: {}, received, address: '' })).identity?.subject;
    };
    expect(authenticator.isReady()).toBe(false);
    authenticator.start();
    vi.advanceTimersByTime(0);
    await until(() => page.asked === 1 && other.asked === 1);
    await settled();
    expect(authenticator.isReady()).toBe(false);
    expect(await subjectOf(await tokenOf('a', 'y', first.privateKey, 'one'))).toBe('u1');

    await other.publish({ one: second.publicKey });
    vi.advanceTimersByTime(1_000);
    await until(() => authenticator.isReady());
    expect(await subjectOf(await tokenOf('b', 'x', second.privateKey, 'one'))).toBe('u1');
    await expect(subjectOf(await tokenOf('a', 'x', second.privateKey, 'one'))).rejects.toThrow('refused');
    expect(page.asked).toBe(1);
  });
});
