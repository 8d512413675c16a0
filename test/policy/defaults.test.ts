import { rule } from 'graphql-shield';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGateway, type ConfigInput } from '../../src/index.js';
import type { Log } from '../../src/base/log.js';
import { startRest } from '../support/rest.js';

/** A gateway over one file, and what its backend has been asked. */
async function open(sdl: string, config: ConfigInput = {}) {
  const rest = await startRest(new Map([['GET /users', { body: '[{"id":"1","name":"Ada","ssn":"s1"}]' }]]));
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
  return { ask, log };
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
  ])('that %s denies, and no call is made', async (says, mine) => {
    const { ask, log } = await open(sdl, { policies: { mine } });
    expect(await ask('{ users { id } }', 'ada')).toEqual({
      data: { users: null },
      codes: ['users FORBIDDEN'],
      calls: [],
    });
    expect(log.error).toHaveBeenCalledTimes(says === 'returns nothing' ? 0 : 1);
  });
});
