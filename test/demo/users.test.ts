import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { users } from '../../demo/data.js';
import { demoAudience, demoIssuer, demoSecret, demoToken } from '../../demo/identities.js';
import type { RunningRest } from '../../demo/rest.js';
import { startUsers } from '../../demo/users/server.js';
import { ask } from './clients.js';

let service: RunningRest;
beforeAll(async () => {
  service = await startUsers();
});
beforeEach(() => service.reset());
afterAll(() => service.close());

const problem = (code: string) => ({ error: { code, message: expect.any(String) as string } });

describe('GET /users', () => {
  it('lists all users by id, and how many there are', async () => {
    expect((await ask(`${service.url}/users`)).body).toEqual({ users, total: 12 });
  });

  it('answers one page', async () => {
    expect((await ask(`${service.url}/users?limit=2&offset=4`)).body).toEqual({
      users: users.slice(4, 6),
      total: 12,
    });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'offset=-1', 'limit=1&limit=2'])(
    'refuses %s',
    async (query) => {
      expect(await ask(`${service.url}/users?${query}`)).toMatchObject({
        status: 400,
        body: problem('BAD_REQUEST'),
      });
    },
  );
});

describe('GET /users?ids', () => {
  it.each(['ids=3&ids=1', 'ids=3,1', 'ids=3&ids=1,3', 'ids=3,99,1,none,__proto__'])(
    'answers %s sorted, known and once',
    async (query) => {
      expect((await ask(`${service.url}/users?${query}`)).body).toEqual({ users: [users[0], users[2]] });
    },
  );

  it('answers no ids with no users', async () => {
    expect((await ask(`${service.url}/users?ids=`)).body).toEqual({ users: [] });
  });

  it('takes 100 ids and refuses 101', async () => {
    const query = (count: number): string =>
      Array.from({ length: count }, (_, index) => `ids=${index + 1}`).join('&');
    expect((await ask(`${service.url}/users?${query(100)}`)).status).toBe(200);
    expect(await ask(`${service.url}/users?${query(101)}`)).toMatchObject({
      status: 400,
      body: problem('TOO_MANY_KEYS'),
    });
  });

  it('is one call, logged with its keys and headers', async () => {
    await ask(`${service.url}/users?ids=3&ids=1`, { headers: { 'x-tenant': 'north', cookie: 'a=b' } });
    expect(service.count()).toBe(1);
    expect(service.calls()).toMatchObject([
      {
        number: 1,
        method: 'GET',
        path: '/users?ids=3&ids=1',
        operation: 'GET /users',
        keys: ['3', '1'],
        headers: { 'x-tenant': 'north' },
      },
    ]);
    expect(service.calls()[0]?.headers).not.toHaveProperty('cookie');
  });
});

describe('GET /users/:id', () => {
  it('answers one user', async () => {
    expect(await ask(`${service.url}/users/3`)).toMatchObject({ status: 200, body: users[2] });
    expect(service.calls()).toMatchObject([{ operation: 'GET /users/:id', keys: ['3'] }]);
  });

  it.each(['13', 'abc', '__proto__', '1.0', '%20'])('knows no user %s', async (id) => {
    expect(await ask(`${service.url}/users/${id}`)).toMatchObject({
      status: 404,
      body: problem('NOT_FOUND'),
    });
  });
});

describe('GET /users/me', () => {
  const me = async (token: string) =>
    ask(`${service.url}/users/me`, { headers: { authorization: `Bearer ${token}` } });
  const signed = (change: (jwt: SignJWT) => SignJWT, secret = demoSecret): Promise<string> =>
    change(
      new SignJWT({})
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('1')
        .setIssuer(demoIssuer)
        .setAudience(demoAudience)
        .setExpirationTime('1h'),
    ).sign(new TextEncoder().encode(secret));

  it('answers the user whom the token names', async () => {
    expect(await me(await demoToken('customer'))).toMatchObject({ status: 200, body: users[0] });
  });

  it('answers 404 to staff, who are no customers', async () => {
    expect(await me(await demoToken('agent'))).toMatchObject({ status: 404, body: problem('NOT_FOUND') });
  });

  it.each([
    ['none', async () => ''],
    ['a malformed one', async () => 'a.b.c'],
    ['one signed by somebody else', () => signed((jwt) => jwt, 'another secret of at least 32 bytes')],
    ['one for another audience', () => signed((jwt) => jwt.setAudience('elsewhere'))],
    ['one of another issuer', () => signed((jwt) => jwt.setIssuer('https://elsewhere.example'))],
    ['one that ran out', () => signed((jwt) => jwt.setExpirationTime(1))],
    ['an unsigned one', async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"1"}')}.`.replaceAll('=', '')],
  ])('refuses a caller with %s', async (_what, token) => {
    expect(await me(await token())).toMatchObject({ status: 401, body: problem('UNAUTHENTICATED') });
  });
});

describe('PATCH /users/:id', () => {
  it('changes the name and the city, for this server only', async () => {
    const other = await startUsers();
    const own = await startUsers();
    const change = { name: 'Ada Neu', city: 'Ōsaka' };
    expect((await ask(`${own.url}/users/1`, { method: 'PATCH', body: change })).body).toEqual({
      ...users[0],
      ...change,
    });
    expect((await ask(`${own.url}/users/1`)).body).toEqual({ ...users[0], ...change });
    expect((await ask(`${other.url}/users/1`)).body).toEqual(users[0]);
    await Promise.all([own.close(), other.close()]);
  });

  it.each([
    ['an unknown field', '{"email": "x@y.example"}', 400],
    ['a field from the prototype', '{"__proto__": {"name": "x"}}', 400],
    ['a name that is no text', '{"name": 5}', 400],
    ['an empty name', '{"name": " "}', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['no JSON', '{"name":', 400],
    ['too much', JSON.stringify({ name: 'x'.repeat(200_000) }), 413],
  ])('refuses %s with JSON', async (_what, body, status) => {
    expect(await ask(`${service.url}/users/1`, { method: 'PATCH', body })).toMatchObject({
      status,
      body: problem('BAD_REQUEST'),
    });
  });
});

describe('the users service', () => {
  it.each(['/', '/users/1/x', '/users/%E0%A4%A'])('answers %s with a JSON error', async (path) => {
    const { status, body } = await ask(service.url + path);
    expect([400, 404]).toContain(status);
    expect(body).toHaveProperty('error.code');
  });

  it('answers what is no HTTP with JSON, and lives', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.write('NONSENSE\r\n\r\n');
    expect(await text(socket)).toContain('{"error":{"code":"BAD_REQUEST"');
    expect((await ask(`${service.url}/users/1`)).status).toBe(200);
  });

  it('answers byte for byte the same each time', async () => {
    const bytes = async (): Promise<string> => (await fetch(`${service.url}/users?ids=3`)).text();
    expect(await bytes()).toBe(await bytes());
    expect(await bytes()).toContain('Zoë Ōkami 🧵');
  });
});

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, unknown>>;
  readonly components: { readonly schemas: { readonly User: { readonly required: string[] } } };
}

describe('users/openapi.json', () => {
  const file = new URL('../../demo/users/openapi.json', import.meta.url);
  const document = JSON.parse(readFileSync(file, 'utf8')) as OpenApi;

  it('describes exactly the routes there are', () => {
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((key) => key !== 'parameters')
        .map((verb) => `${verb.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(described.toSorted()).toEqual(service.routes.toSorted());
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('describes the fields of a user', () => {
    expect(document.components.schemas.User.required).toEqual(Object.keys(users[0] ?? {}));
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    const resolve = (reference: string): unknown =>
      reference
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([]);
  });
});
