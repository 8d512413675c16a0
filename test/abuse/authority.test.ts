/**
 * B-47 to B-53 and B-55 of the abuse suite: a secret stays one, by whatever way somebody asks for it, and no backend is
 * asked for it in vain.
 */
import { join } from 'node:path';
import { rule } from 'graphql-shield';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Log } from '../../src/base/log.js';
import { createGateway, type ConfigInput } from '../../src/index.js';
import type { Backend } from '../connectors/contract/backend.js';
import { startService } from '../connectors/graphql/service.js';
import { startRest } from '../support/rest.js';
import { folderWith, nextOf, startStreams, streamOf } from '../support/streams.js';
import { run, runUntilEnd, type Answered, type Running } from './running.js';
import { kinds, answerOfStaff, secrets, startStaff, writeStaff, type Kind } from './staff.js';

const ann = { sub: '1' };
const hr = { sub: '1', scope: 'hr' };

/** Ways to a secret field, `SECRET`, and where it stands in the answer. */
const ways: readonly (readonly [way: string, query: string, ...places: string[]])[] = [
  ['by its name', '{ user(id: 2) { name SECRET } }', 'user.SECRET'],
  ['under the name of another field', '{ user(id: 2) { name: SECRET } }', 'user.name'],
  ['under a name of JavaScript', '{ user(id: 2) { __proto__: SECRET } }', 'user.__proto__'],
  ['twice', '{ user(id: 2) { a: SECRET b: SECRET } }', 'user.a', 'user.b'],
  ['in a fragment', '{ user(id: 2) { ...F } } fragment F on Person { x: SECRET }', 'user.x'],
  [
    'in a fragment of a fragment',
    '{ user(id: 2) { ...A } } fragment A on Person { ...B } fragment B on Person { SECRET }',
    'user.SECRET',
  ],
  ['in an inline fragment', '{ user(id: 2) { ... on Person { ... { SECRET } } } }', 'user.SECRET'],
  ['by an interface', '{ node(id: 2) { id ... on Person { SECRET } } }', 'node.SECRET'],
  [
    'by a fragment on an interface',
    '{ user(id: 2) { ... on Node { ... on Person { SECRET } } } }',
    'user.SECRET',
  ],
  ['by a union', '{ search { __typename ... on Person { SECRET } } }', 'search.0.SECRET', 'search.2.SECRET'],
  ['by a chain of objects', '{ me { boss { boss { id SECRET } } } }', 'me.boss.boss.SECRET'],
  ['by an object that is nothing but its key', '{ me { boss { SECRET } } }', 'me.boss.SECRET'],
  [
    'by an object of another type',
    '{ orders { owner { SECRET } } }',
    'orders.0.owner.SECRET',
    'orders.1.owner.SECRET',
  ],
  ['by keys', '{ users(ids: [2, 3]) { id SECRET } }', 'users.0.SECRET', 'users.1.SECRET'],
  [
    'where it is switched on',
    '{ user(id: 2) { id SECRET @include(if: true) @skip(if: false) } }',
    'user.SECRET',
  ],
  ['in what a mutation gives', 'mutation { rename(id: 2) { id SECRET } }', 'rename.SECRET'],
  [
    'beside the same way to oneself',
    '{ a: user(id: 1) { id SECRET } b: user(id: 2) { id SECRET } }',
    'a.SECRET',
    'b.SECRET',
  ],
];

/** What is secret: one comes with its object, one is another file's, two are computed from the first. */
const fields = ['ssn', 'salary', 'taxCode', 'hint'] as const;

describe.each(kinds)('over %s', (kind) => {
  let company: Company;
  beforeAll(async () => {
    company = await openCompany(kind);
  });
  beforeEach(() => company.reset());
  afterAll(() => company.close());

  describe.each(fields)('%s (B-47, B-52)', (field) => {
    test.each(ways)('is refused %s, and not asked for', async (_, template, ...places) => {
      const query = template.replaceAll('SECRET', field);
      const answered = await company.ask(query, { as: ann });
      expect(answered.errors).toEqual(places.map((place) => `${place.replace('SECRET', field)} FORBIDDEN`));
      for (const place of places) expect(valueAt(answered, place.replace('SECRET', field))).toBeNull();
      expect(answered.text).not.toMatch(secrets);
      expect(company.documents()).not.toMatch(/ssn|salary/);
      const operations = company.operations();
      expect(operations).not.toContain('findPays');
      expect(operations).not.toContain('findTax');
      await company.ask(template.replaceAll('SECRET', '__typename'), { as: ann });
      expect(operations).toEqual(company.operations());
    });

    test.each(ways)('is for who may have it, %s', async (_, template, ...places) => {
      const answered = await company.ask(template.replaceAll('SECRET', field), { as: hr });
      expect(answered.errors).toEqual([]);
      for (const place of places) expect(valueAt(answered, place.replace('SECRET', field))).not.toBeNull();
    });

    test('tells an anonymous caller to sign in, and no more', async () => {
      const answered = await company.ask(`{ user(id: 2) { ${field} } }`);
      expect(answered).toMatchObject({
        data: { user: { [field]: null } },
        errors: [`user.${field} UNAUTHENTICATED`],
      });
      expect(answered.text).not.toMatch(/hr|scope|rule|policy/);
    });
  });

  test.each([
    '{ users(ids: [1, 2]) { id ssn } }',
    '{ people { id badge } }',
    '{ search { ... on Person { id salary } } }',
  ])('one refusal leaves the others of a list alone: %s', async (query) => {
    const { data, errors } = await company.ask(query, { as: ann });
    expect(errors.length).toBeGreaterThan(0);
    expect(JSON.stringify(data)).toContain('"id":"2"');
  });

  describe('a rule that compares the object with the caller (B-49, B-50)', () => {
    test.each([
      [
        'is not deceived by an alias',
        '{ me { id: name badge } }',
        { me: { id: '2', badge: 'badge-of-1' } },
        [],
      ],
      [
        'is not passed with an alias',
        '{ user(id: 2) { id: name badge } }',
        { user: { id: '1', badge: null } },
        ['user.badge FORBIDDEN'],
      ],
      [
        'allows one and refuses the other of two objects',
        '{ a: user(id: 1) { badge } b: user(id: 2) { badge } }',
        { a: { badge: 'badge-of-1' }, b: { badge: null } },
        ['b.badge FORBIDDEN'],
      ],
      [
        'allows one and refuses the other of two arguments',
        '{ a: file(id: 1) { id } b: file(id: 2) { id } }',
        { a: { id: '1' }, b: null },
        ['b FORBIDDEN'],
      ],
      [
        'is asked for each row of a list',
        '{ users(ids: [1, 2, 1]) { id: name badge } }',
        {
          users: [
            { id: '2', badge: 'badge-of-1' },
            { id: '1', badge: null },
            { id: '2', badge: 'badge-of-1' },
          ],
        },
        ['users.1.badge FORBIDDEN'],
      ],
      [
        'holds on the way through another object',
        '{ orders { owner { id: name badge } } }',
        { orders: [{ owner: { id: '1', badge: null } }, { owner: { id: '1', badge: null } }] },
        ['orders.0.owner.badge FORBIDDEN', 'orders.1.owner.badge FORBIDDEN'],
      ],
    ])('%s', async (_, query, data, errors) => {
      expect(await company.ask(query, { as: ann })).toMatchObject({ data, errors });
    });

    test('has the objects fetched by keys that no alias has chosen', async () => {
      await company.ask('{ me { id: name salary boss { id: name salary } } }', { as: hr });
      const asked = company.pay.calls.flatMap(({ input }) => input['ids'] as string[]);
      expect(asked.toSorted()).toEqual(['1', '2']);
    });

    test('two fields of one name are refused, and no call is made', async () => {
      const answered = await company.ask('{ me { id: name id badge } }', { as: ann });
      expect(answered).toMatchObject({ status: 400, errors: ['GRAPHQL_VALIDATION_FAILED'] });
      expect(company.operations()).toEqual([]);
    });
  });

  describe('a rule on an argument (B-52)', () => {
    test.each([
      ['a filter', '{ people(ssnStartsWith: "1") { id } }'],
      ['a filter that is a variable', 'query ($x: String = "1") { people(ssnStartsWith: $x) { id } }'],
      ['a filter that is null', '{ people(ssnStartsWith: null) { id } }'],
      ['a filter in a fragment', '{ ...F } fragment F on Query { id: people(ssnStartsWith: "1") { id } }'],
      ['an order', '{ people(orderBy: SSN) { id } }'],
      ['an order that is a variable', 'query ($x: SortKey = SSN) { people(orderBy: $x) { id } }'],
    ])('refuses %s, before a call', async (_, query) => {
      const answered = await company.ask(query, { as: ann });
      expect(answered.errors).toEqual([expect.stringMatching(/^(people|id) FORBIDDEN$/)]);
      expect(company.operations()).toEqual([]);
    });

    test.each([
      '{ people { id } }',
      '{ people(orderBy: NAME) { id } }',
      'query ($x: String) { people(ssnStartsWith: $x) { id } }',
    ])('lets others ask: %s', async (query) => {
      expect(await company.ask(query, { as: hr })).toMatchObject({ errors: [] });
    });
  });

  test('a mutation that is refused changes nothing', async () => {
    expect(
      await company.ask('mutation { a: dismiss(id: 2) { id } b: rename(id: 3) { id } }', { as: ann }),
    ).toMatchObject({
      data: { a: null, b: { id: '3' } },
      errors: ['a FORBIDDEN'],
    });
    expect(company.staff.calls.map(({ operation, input }) => [operation, input['id']])).toEqual([
      ['renamePerson', '3'],
    ]);
  });

  test.each([
    '{ _entities(representations: [{ __typename: "Person", id: "2" }]) { __typename } }',
    '{ _service { sdl } }',
    '{ _usersByIds(ids: [2]) { ssn } }',
    '{ findPeople(ids: [2]) { ssn } }',
    '{ findPays(ids: [2]) { salary } }',
    '{ user(id: 2) { bossId } }',
    '{ orders { ownerId } }',
    '{ user(id: 2) { __parentKey } }',
  ])('what only the gateway asks is not for clients: %s (B-48)', async (query) => {
    const answered = await company.ask(query, { as: hr });
    expect(answered).toMatchObject({ status: 400, data: undefined, errors: ['GRAPHQL_VALIDATION_FAILED'] });
    expect(company.operations()).toEqual([]);
  });
});

// What needs no protocol

/** A gateway over one file and a REST backend with one person. */
async function openOne(sdl: string, config: ConfigInput = {}) {
  const rest = await startRest(
    new Map([['GET /person', { body: '{"id":"2","name":"1","ssn":"ssn-of-2"}' }]]),
  );
  onTestFinished(() => rest.close());
  const log = { info: vi.fn<Log['info']>(), warn: vi.fn<Log['warn']>(), error: vi.fn<Log['error']>() };
  const running = await runUntilEnd({
    files: {
      'staff.graphql': `extend schema @source(name: "staff", http: { baseURL: "${rest.url}" })\n${sdl}`,
    },
    config,
    log,
  });
  return { ask: running.ask, calls: rest.calls, log };
}

const person = '@connect(source: "staff", http: { GET: "/person" }, selection: "id name ssn")';

describe('a rule from the config file', () => {
  const sdl = `
    type Query { user(id: ID!): Person ${person}  file(id: ID!): Person @policy(policies: [["mine"]]) ${person} }
    type Person { id: ID! name: String ssn: String @policy(policies: [["mine"]]) }`;

  test.each([
    [
      'throws',
      rule()(() => {
        throw new Error('password=hunter2');
      }),
    ],
    ['is refused by what it asks', rule()(() => Promise.reject(new Error('password=hunter2')))],
    ['does not come to an end', rule()(() => new Promise<boolean>(() => undefined))],
    ['gives undefined', rule()((() => undefined) as never)],
    ['gives null', rule()((() => null) as never)],
    ['gives an error', rule()(() => new Error('password=hunter2'))],
    ['gives a text', rule()(() => 'password=hunter2')],
    ['gives 1', rule()((() => 1) as never)],
  ])('that %s denies a field before its call, and a value beside others (B-51)', async (_, mine) => {
    const { ask, calls } = await openOne(sdl, { policies: { mine } });
    const answered = await ask('{ file(id: 1) { name } user(id: 1) { name ssn } }', { as: ann });
    expect(answered).toMatchObject({
      data: { file: null, user: { name: '1', ssn: null } },
      errors: ['file FORBIDDEN', 'user.ssn FORBIDDEN'],
    });
    expect(answered.text).not.toMatch(/hunter2|ssn-of/);
    expect(calls).toHaveLength(1);
  });

  test('that fails is logged, with its error', async () => {
    const mine = rule()(() => Promise.reject(new Error('no database')));
    const { ask, log } = await openOne(sdl, { policies: { mine } });
    await ask('{ file(id: 1) { name } }', { as: ann });
    expect(log.error).toHaveBeenCalledWith(
      expect.objectContaining({ policy: 'mine', error: new Error('no database') }),
      expect.anything(),
    );
  });

  test.each(['contextual', 'strict', 'no_cache'] as const)(
    'is asked anew for other arguments and other objects, whatever it says of caches: %s (B-50)',
    async (cache) => {
      const mine = rule({ cache })((parent: { id?: string }, args: { id?: string }, context) => {
        const { subject } = (context as { identity: { subject: string } }).identity;
        return (parent.id ?? args.id) === subject;
      });
      const { ask } = await openOne(sdl, { policies: { mine } });
      expect(
        await ask('{ a: file(id: 1) { id } b: file(id: 2) { id } c: file(id: 1) { id } }', { as: ann }),
      ).toMatchObject({
        data: { a: { id: '2' }, b: null, c: { id: '2' } },
        errors: ['b FORBIDDEN'],
      });
      expect(await ask('{ user(id: 1) { id: name ssn } }', { as: ann })).toMatchObject({
        data: { user: { id: '1', ssn: null } },
      });
      expect(await ask('{ user(id: 1) { id: name ssn } }', { as: { sub: '2' } })).toMatchObject({
        data: { user: { ssn: 'ssn-of-2' } },
      });
    },
  );
});

test('an empty scope is none', async () => {
  const { ask } = await openOne(
    `type Query { user: Person @requiresScopes(scopes: [[""]]) ${person} }  type Person { id: ID! name: String ssn: String }`,
  );
  expect(await ask('{ user { id } }', { as: { sub: '1', scope: '' } })).toMatchObject({
    errors: ['user FORBIDDEN'],
  });
  expect(await ask('{ user { id } }', { as: { sub: '1', scope: ' a  b ' } })).toMatchObject({
    errors: ['user FORBIDDEN'],
  });
});

describe('a file is refused, and says why (B-53)', () => {
  const file = (ofPerson: string, more = '') =>
    `type Query { user: Person ${person} }  type Person { id: ID! name: String ssn: String ${ofPerson} }  ${more}`;

  test.each([
    ['a directive that is misspelt', file('@authentificated'), 'Did you mean "@authenticated"?'],
    [
      'a directive of another name',
      file('@requireScopes(scopes: [["hr"]])'),
      'Did you mean "@requiresScopes"',
    ],
    ['a directive of another case', file('@Authenticated'), 'Did you mean "@authenticated"?'],
    ['a directive of somebody else', file('@auth(requires: ADMIN)'), 'Unknown directive "@auth"'],
    ['an argument that is misspelt', file('@requiresScopes(scope: [["hr"]])'), 'Did you mean "scopes"?'],
    ['no scopes', file('@requiresScopes'), 'is required'],
    ['an empty list of scopes', file('@requiresScopes(scopes: [[]])'), 'asks for nothing'],
    ['a policy that nothing defines', file('@policy(policies: [["own"]])'), 'which nothing defines'],
    [
      'a policy that reads what is not there',
      `extend schema @definePolicy(name: "own", allow: "$this.owner->eq($claims.sub)") ${file('@policy(policies: [["own"]])')}`,
      'has no field "owner"',
    ],
    [
      'a rule on a type that no longer exists',
      file('', 'extend type Persn @authenticated'),
      'Did you mean "Person"?',
    ],
    [
      'a rule on a field of a type that was renamed',
      file('', 'type User { id: ID! ssn: String @authenticated }'),
      'guards nothing',
    ],
    [
      'a rule on an input field, where none is asked',
      file('', 'input Filter { ssn: String @authenticated }'),
      'may not be used on INPUT_FIELD_DEFINITION',
    ],
    [
      'a rule on a value of an enum, where none is asked',
      file('', 'enum Key { SSN @authenticated }'),
      'may not be used on ENUM_VALUE',
    ],
    [
      'a rule on a union, where none is asked',
      file('', 'union Found @authenticated = Person'),
      'may not be used on UNION',
    ],
  ])('that has %s', async (_, sdl, message) => {
    const opened = openOne(sdl);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow(/staff\.graphql:\d+:\d+/);
  });
});

test('what a federation service offers to gateways is not for clients (B-48)', async () => {
  const service = await startService(
    `type Query { me: Person _entities(representations: [_Any!]!): [_Entity]! _service: _Service! }
     scalar _Any union _Entity = Person type _Service { sdl: String }
     type Person { id: ID! ssn: String }`,
    {
      _entities: () => [{ __typename: 'Person', id: '2', ssn: 'ssn-of-2' }],
      me: { id: '1', ssn: 'ssn-of-1' },
    },
  );
  const { ask } = await runUntilEnd({
    files: {
      'staff.graphql': `
        extend schema @source(name: "staff", graphql: { url: "${service.url}" })
        type Query { me: Person }  type Person @key(fields: "id") { id: ID! ssn: String @requiresScopes(scopes: [["hr"]]) }`,
    },
  });
  for (const query of [
    '{ _entities(representations: [{ __typename: "Person", id: "2" }]) { ... on Person { ssn } } }',
    '{ _service { sdl } }',
    '{ __type(name: "_Entity") { name } }',
    'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }',
  ]) {
    const answered = await ask(query, { as: hr });
    expect(answered).toMatchObject({ status: 400, data: undefined });
    expect(answered.text).not.toMatch(/ssn|_Entity/);
  }
  expect(service.queries).toEqual([]);
});

test('a token that expires while an operation runs does not end it (B-55)', async () => {
  let expiresAt = Infinity;
  const rest = await startRest(new Map([['GET /person', { body: '{"id":"1","ssn":"ssn-of-1"}' }]]));
  onTestFinished(() => rest.close());
  const gateway = await createGateway({
    files: {
      'staff.graphql': `
        extend schema @source(name: "staff", http: { baseURL: "${rest.url}" })
          @definePolicy(name: "self", allow: "$this.id->eq($claims.sub)")
        type Query { me: Person @policy(policies: [["wait"]]) ${person} }
        type Person { id: ID! name: String ssn: String @policy(policies: [["self"]])
          boss: Person @authenticated @connect(source: "staff", http: { GET: "/person", queryParams: "of: $this.id" }, selection: "id") }`,
    },
    config: { log: 'silent', policies: { wait: rule()(waitUntilExpired) } },
  });
  onTestFinished(() => gateway.close());
  async function waitUntilExpired(): Promise<boolean> {
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(expiresAt));
    return true;
  }
  expiresAt = Date.now() + 30;
  const identity = { subject: '1', claims: { sub: '1' }, expiresAt };
  expect(await gateway.ask({ query: '{ me { ssn boss { id } } }', identity })).toMatchObject({
    data: { me: { ssn: 'ssn-of-1' } },
  });
});

describe('events of a subscription', () => {
  const proto = `
    syntax = "proto3";
    package staff.v1;
    service Staff { rpc Watch(Nothing) returns (stream Person); }
    message Nothing {}
    message Person { string id = 1; string name = 2; string ssn = 3; string boss_id = 4; }`;
  const sdl = `
    extend schema @source(name: "staff", grpc: { address: "{$env.STAFF}", proto: ["staff.proto"] })
      @definePolicy(name: "self", allow: "$this.id->eq($claims.sub)")
    type Query { ok: Boolean @connect(selection: "$(true)") }
    type Subscription {
      hired: Person @connect(source: "staff", grpc: { method: "staff.v1.Staff/Watch", request: "{}" }, selection: "id name ssn hint: ssn boss: { id: bossId }")
      dismissed: Person @requiresScopes(scopes: [["hr"]]) @connect(source: "staff", grpc: { method: "staff.v1.Staff/Watch", request: "{}" }, selection: "id")
    }
    type Person { id: ID! name: String ssn: String @policy(policies: [["self"]]) hint: String boss: Boss }
    type Boss @policy(policies: [["self"]]) { id: ID! }`;

  async function openEvents() {
    const folder = folderWith({ 'staff.proto': proto, 'staff.graphql': sdl });
    const backend = await startStreams(join(folder, 'staff.proto'), 'staff.v1.Staff');
    const gateway = await createGateway({
      config: { schemas: folder, log: 'silent' },
      environment: { STAFF: backend.address },
    });
    onTestFinished(() => gateway.close());
    const identity = { subject: '1', claims: { sub: '1' } };
    return { backend, subscribe: (query: string) => gateway.subscribe({ query, identity }) };
  }

  test('are judged one by one, by what is in them and by no alias', async () => {
    const { backend, subscribe } = await openEvents();
    const answers = streamOf(await subscribe('subscription { hired { id: name ssn hint boss { id } } }'));
    await vi.waitFor(() => expect(backend.streams).toHaveLength(1));
    const hired = (id: string, name: string) => ({ id, name, ssn: `ssn-of-${id}`, bossId: name });
    for (const event of [hired('1', '2'), hired('2', '1'), hired('1', '1')]) backend.streams[0]?.write(event);
    const first = await nextOf(answers);
    expect(first).toMatchObject({
      data: { hired: { id: '2', ssn: 'ssn-of-1', hint: 'ssn-of-1', boss: null } },
    });
    const second = await nextOf(answers);
    expect(second).toMatchObject({
      data: { hired: { id: '1', ssn: null, hint: null, boss: { id: '1' } } },
      errors: [{ path: ['hired', 'ssn'] }, { path: ['hired', 'hint'] }],
    });
    expect(JSON.stringify(second)).not.toContain('ssn-of');
    expect(await nextOf(answers)).toMatchObject({ data: { hired: { ssn: 'ssn-of-1', boss: { id: '1' } } } });
    await answers.return?.();
  });

  test('are not asked for by who may not have them', async () => {
    const { backend, subscribe } = await openEvents();
    expect(await subscribe('subscription { x: dismissed { id } }')).toMatchObject({
      errors: [{ path: ['x'], extensions: { code: 'FORBIDDEN' } }],
    });
    expect(backend.streams).toEqual([]);
  });
});

/** Both backends with the gateway before them. */
interface Company {
  readonly staff: Backend;
  readonly pay: Backend;
  ask: Running['ask'];
  /** The calls since this was last looked at, in an order of their own. */
  operations(): string[];
  /** The GraphQL documents so far. */
  documents(): string;
  reset(): void;
  close(): Promise<void>;
}

async function openCompany(kind: Kind): Promise<Company> {
  const [staff, pay] = await Promise.all([startStaff(kind), startStaff(kind)]);
  const { folder, remove } = writeStaff(kind);
  const running = await run({
    config: { schemas: folder },
    environment: { STAFF: staff.address, PAY: pay.address },
  });
  const reset = () => [staff, pay].forEach((backend) => backend.reset(answerOfStaff));
  return {
    staff,
    pay,
    ask: running.ask,
    operations: () => {
      const operations = [...staff.operations(), ...pay.operations()].toSorted();
      reset();
      return operations;
    },
    documents: () => [...staff.calls, ...pay.calls].map(({ document = '' }) => document).join('\n'),
    reset,
    close: async () => {
      await running.close();
      await Promise.all([staff.stop(), pay.stop()]);
      remove();
    },
  };
}

/** `users.0.name` in the data. */
function valueAt({ data }: Answered, place: string): unknown {
  return place
    .split('.')
    .reduce<unknown>((value, key) => Object.getOwnPropertyDescriptor(Object(value), key)?.value, data);
}
