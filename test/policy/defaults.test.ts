import { rule } from 'graphql-shield';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGateway, GatewayError, type ConfigInput } from '../../src/index.js';
import type { Log } from '../../src/base/log.js';
import { startRest } from '../support/rest.js';

/** A gateway over one file, and what its backend has been asked. */
async function open(
  sdl: string,
  config: ConfigInput = {},
  more: ReadonlyMap<string, { readonly body: string }> = new Map(),
) {
  const users = { body: '[{"id":"1","name":"Ada","ssn":"s1"}]' };
  const rest = await startRest(new Map([['GET /users', users], ...more]));
  onTestFinished(() => rest.close());
  const log = { info: vi.fn<Log['info']>(), warn: vi.fn<Log['warn']>(), error: vi.fn<Log['error']>() };
  const gateway = await createGateway({
    files: {
      'users.graphql': `extend schema @source(name: "users", http: { baseURL: "${rest.url}" })\n${sdl}`,
    },
    config: { log: 'silent', ...config },
    log,
  });
  onTestFinished(() => gateway.close());
  const ask = async (query: string, sub?: string, scope = '') => {
    const identity = sub === undefined ? {} : { identity: { subject: sub, claims: { sub, scope } } };
    const { data, errors = [] } = await gateway.ask({ query, ...identity });
    const codes = errors.map(
      ({ path, extensions }) => `${path?.join('.') ?? ''} ${String(extensions['code'])}`,
    );
    return { data, codes, calls: rest.calls.splice(0) };
  };
  return { ask, log, gateway };
}

const connect = '@connect(source: "users", http: { GET: "/users" }, selection: "id name ssn")';

describe("with defaultAccess 'deny'", () => {
  const sdl = `
    type Query { users: [User!] @public ${connect}  hidden: [User!] ${connect}  staff: [User!] @authenticated ${connect} }
    type User { id: ID! @public name: String @authenticated ssn: String }`;

  test('what has no rule is refused, and nothing is asked for its sake', async () => {
    const { ask } = await open(sdl, { defaultAccess: 'deny' });
    expect(await ask('{ hidden { id } }')).toEqual({
      data: { hidden: null },
      codes: ['hidden UNAUTHENTICATED'],
      calls: [],
    });
    expect(await ask('{ hidden { id } }', 'ada')).toEqual({
      data: { hidden: null },
      codes: ['hidden FORBIDDEN'],
      calls: [],
    });
  });

  test('what is @public is for everybody, what has a rule for whom it allows', async () => {
    const { ask } = await open(sdl, { defaultAccess: 'deny' });
    expect(await ask('{ users { id name ssn } }')).toMatchObject({
      data: { users: [{ id: '1', name: null, ssn: null }] },
      codes: ['users.0.name UNAUTHENTICATED', 'users.0.ssn UNAUTHENTICATED'],
    });
    expect(await ask('{ staff { id name ssn } }', 'ada')).toMatchObject({
      data: { staff: [{ id: '1', name: 'Ada', ssn: null }] },
      codes: ['staff.0.ssn FORBIDDEN'],
    });
  });

  test('a rule or @public on an object, or on its interface, holds for all its fields', async () => {
    const { ask } = await open(
      `type Query @public { users: [User!] ${connect} }
       interface Named @public { name: String }
       type User implements Named { id: ID! name: String ssn: String @authenticated }`,
      { defaultAccess: 'deny' },
    );
    expect(await ask('{ users { id name ssn } }')).toMatchObject({
      data: { users: [{ id: '1', name: 'Ada', ssn: null }] },
    });
  });
});

describe('a rule on an argument', () => {
  const sdl = `
    extend schema @definePolicy(name: "own", allow: "$args.ssn->eq($claims.sub)")
    type Query {
      users(ssnStartsWith: String @requiresScopes(scopes: [["hr"]]), ssn: String @policy(policies: [["own"]]), first: Int = 3): [User!] ${connect}
    }
    type User { id: ID! name: String ssn: String @requiresScopes(scopes: [["hr"]]) }`;

  test('refuses the field to who gives it and may not, before a call', async () => {
    const { ask } = await open(sdl);
    expect(await ask('{ users(ssnStartsWith: "1") { id } }', 'ada')).toEqual({
      data: { users: null },
      codes: ['users FORBIDDEN'],
      calls: [],
    });
    expect(await ask('query ($x: String) { users(ssnStartsWith: $x) { id } }', 'ada')).toMatchObject({
      codes: ['users FORBIDDEN'],
    });
    expect(await ask('{ users(ssn: "s1") { id } }', 'ada')).toMatchObject({
      codes: ['users FORBIDDEN'],
      calls: [],
    });
  });

  test('lets others ask, and who may give it', async () => {
    const { ask } = await open(sdl);
    expect(await ask('{ users { id } }')).toMatchObject({ data: { users: [{ id: '1' }] } });
    expect(await ask('{ users(ssnStartsWith: "1") { id } }', 'ada', 'hr')).toMatchObject({ codes: [] });
    expect(await ask('{ users(ssn: "ada") { id } }', 'ada')).toMatchObject({ codes: [] });
  });

  test('is checked like any other', async () => {
    const faulty = sdl.replace('[["own"]]', '[["owm"]]');
    await expect(open(faulty)).rejects.toThrow('Did you mean "own"?');
  });
});

describe('a rule from the config file', () => {
  const sdl = `type Query { users: [User!] @policy(policies: [["mine"]]) ${connect} }  type User { id: ID! name: String ssn: String }`;

  test.each([
    [
      'throws',
      rule()(() => {
        throw new Error('password=hunter2');
      }),
    ],
    ['takes too long', rule()(() => new Promise<boolean>(() => undefined))],
    ['returns nothing', rule()((() => undefined) as never)],
    ['returns an error', rule()(() => new Error('password=hunter2'))],
    ['returns a text', rule()(() => 'password=hunter2')],
    ['returns what is only like true', rule()((() => 1) as never)],
  ])('that %s denies, and no call is made', async (says, mine) => {
    const { ask, log } = await open(sdl, { policies: { mine } });
    expect(await ask('{ users { id } }', 'ada')).toEqual({
      data: { users: null },
      codes: ['users FORBIDDEN'],
      calls: [],
    });
    expect(log.error).toHaveBeenCalledTimes(says.startsWith('returns') ? 0 : 1);
  });

  test.each([
    ['throws', () => Promise.reject(new GatewayError('FORBIDDEN', 'Only on weekdays.'))],
    ['returns', () => new GatewayError('FORBIDDEN', 'Only on weekdays.')],
  ])('that %s a GatewayError denies in its own words', async (_, decide) => {
    const { gateway } = await open(sdl, { policies: { mine: rule()(decide) } });
    expect(await gateway.ask({ query: '{ users { id } }' })).toMatchObject({
      data: { users: null },
      errors: [{ message: 'Only on weekdays.', extensions: { code: 'FORBIDDEN' } }],
    });
  });
});

describe('what a rule from the config file reads', () => {
  const notHidden = rule()((parent: { hidden?: unknown }) => parent.hidden !== true);

  test('is there although the client did not select it', async () => {
    const { ask } = await open(
      `type Query { users: [User!] ${connect.replace('name ssn', "name ssn hidden: name->eq('Ada')")} }
       type User { id: ID! name: String hidden: Boolean ssn: String @policy(policies: [["shown"]]) }`,
      { policies: { shown: notHidden } },
    );
    expect(await ask('{ users { hidden: id ssn } }')).toMatchObject({
      data: { users: [{ hidden: '1', ssn: null }] },
      codes: ['users.0.ssn UNAUTHENTICATED'],
    });
  });

  test('is fetched where nothing but the key has come', async () => {
    const { ask } = await open(
      `type Query { users: [User!] ${connect}  mine: User @connect(selection: "$({ id: '1' })") }
       type User @key(fields: "id") @connect(source: "users", http: { GET: "/users", queryParams: "ids: $batch.id" }, selection: "id name ssn hidden: name->eq('Ada')") {
         id: ID! name: String hidden: Boolean ssn: String @policy(policies: [["shown"]]) }`,
      { policies: { shown: notHidden } },
      new Map([['GET /users?ids=1', { body: '[{"id":"1","name":"Ada","ssn":"s1"}]' }]]),
    );
    expect(await ask('{ mine { id ssn } }')).toMatchObject({
      data: { mine: { id: '1', ssn: null } },
      codes: ['mine.ssn UNAUTHENTICATED'],
      calls: ['GET /users?ids=1'],
    });
  });
});
