import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateway } from '../../src/index.js';
import { startService } from '../connectors/graphql/service.js';
import { startRest } from '../support/rest.js';

/** People come from a GraphQL service, their salaries and notes from REST. */
async function company(files: Record<string, string> = {}) {
  const person = (id: string) => ({
    __typename: 'Person',
    id,
    name: `n${id}`,
    ssn: `ssn-${id}`,
    city: 'Oslo',
  });
  const service = await startService(
    `type Query { me: Person person(id: ID!): Person things: [Thing!]! vault: Vault _entities(representations: [_Any!]!): [_Entity]! }
     scalar _Any union _Entity = Person
     type Person { id: ID! name: String ssn: String city: String }
     type Vault { code: String } union Thing = Person | Vault`,
    {
      me: () => person('1'),
      person: ({ id }: { id: string }) => person(id),
      things: () => [person('2'), { __typename: 'Vault', code: '0000' }],
      vault: () => ({ code: '0000' }),
      _entities: ({ representations }: { representations: { id: string }[] }) =>
        representations.map(({ id }) => person(id)),
    },
  );
  const answers = ['1', '2'].flatMap((id) => [
    [
      `GET /salaries/${id}`,
      { body: JSON.stringify({ id, amount: Number(id), bonus: 5, grade: 'A' }) },
    ] as const,
    [`GET /codes/ssn-${id}`, { body: JSON.stringify({ code: `c-ssn-${id}` }) }] as const,
  ]);
  const rest = await startRest(new Map(answers));
  onTestFinished(() => rest.close());
  const gateway = await createGateway({
    files: {
      'people.graphql': `
        extend schema @source(name: "people", graphql: { url: "${service.url}" })
          @definePolicy(name: "self", allow: "$this.id->eq($claims.sub)")
        type Query { me: Person person(id: ID!): Person things: [Thing!]! vault: Vault }
        union Thing = Person | Vault
        type Person @key(fields: "id") { id: ID! name: String ssn: String @requiresScopes(scopes: [["hr"]]) city: String @policy(policies: [["self"]]) }
        type Vault @authenticated { code: String }`,
      'pay.graphql': `
        extend schema @source(name: "pay", http: { baseURL: "${rest.url}" })
        type Query { payroll(ids: [ID!]!): [Person!]! @connect(selection: "$args.ids->map({ id: @ })") }
        type Person @connect(source: "pay", http: { GET: "/salaries/{$this.id}" }, selection: "id amount bonus hint: amount->mul(2) grade") {
          id: ID!
          amount: Int @policy(policies: [["self"]])
          bonus: Int @requiresScopes(scopes: [["hr"]])
          hint: Int
          grade: String
          ssn: String @external
          taxCode: String @connect(source: "pay", http: { GET: "/codes/{$this.ssn}" }, selection: "$.code")
        }`,
      ...files,
    },
    config: { log: 'silent' },
  });
  onTestFinished(() => gateway.close());
  const ask = async (query: string, sub?: string, scope = '') => {
    const identity = sub === undefined ? undefined : { subject: sub, claims: { sub, scope } };
    const { data, errors = [] } = await gateway.ask({ query, ...(identity && { identity }) });
    const codes = errors.map(
      ({ path, extensions }) => `${path?.join('.') ?? ''} ${String(extensions['code'])}`,
    );
    const documents = service.queries.splice(0).map(({ document }) => document);
    return { data, codes, documents, calls: rest.calls.splice(0) };
  };
  return ask;
}

describe('what a caller is refused', () => {
  test.each([
    ['by its name', '{ me { name ssn } }', 'query { me { name } }', 'me.ssn FORBIDDEN'],
    ['under an alias', '{ me { name name2: ssn } }', 'query { me { name } }', 'me.name2 FORBIDDEN'],
    [
      'in a fragment',
      '{ me { ...F } } fragment F on Person { ssn name }',
      'query { me { name } }',
      'me.ssn FORBIDDEN',
    ],
    [
      'as a member of a union',
      '{ things { ... on Person { name ssn } } }',
      'query { things { __typename ... on Person { name } } }',
      'things.0.ssn FORBIDDEN',
    ],
  ])('is not asked of the backend %s', async (_, query, document, code) => {
    const ask = await company();
    expect(await ask(query, '1')).toMatchObject({ codes: [code], documents: [document] });
  });

  test('is asked for who is not refused', async () => {
    const ask = await company();
    expect(await ask('{ me { ssn } }', '1', 'hr')).toMatchObject({
      data: { me: { ssn: 'ssn-1' } },
      codes: [],
    });
    expect(await ask('{ me { ssn } }', '1')).toMatchObject({
      codes: ['me.ssn FORBIDDEN'],
      documents: ['query { me { __typename } }'],
    });
  });

  test('makes no call where it is all that a call would bring', async () => {
    const ask = await company();
    expect(await ask('{ payroll(ids: [1, 2]) { id bonus } }', '1')).toMatchObject({
      data: {
        payroll: [
          { id: '1', bonus: null },
          { id: '2', bonus: null },
        ],
      },
      calls: [],
    });
  });

  test('is no object either: its field makes no call', async () => {
    const ask = await company();
    expect(await ask('{ vault { code } me { name } }')).toMatchObject({
      data: { vault: null, me: { name: 'n1' } },
      codes: ['vault UNAUTHENTICATED'],
      documents: ['query { me { name } }'],
    });
    expect(await ask('{ things { __typename ... on Vault { code } } }')).toMatchObject({
      codes: ['things.1 UNAUTHENTICATED'],
      documents: ['query { things { __typename } }'],
    });
  });
});

describe('a rule that reads the object', () => {
  test('is asked before the call that the field would need', async () => {
    const ask = await company();
    expect(await ask('{ payroll(ids: [1, 2]) { id: id a: amount } }', '1')).toEqual({
      data: {
        payroll: [
          { id: '1', a: 1 },
          { id: '2', a: null },
        ],
      },
      codes: ['payroll.1.a FORBIDDEN'],
      documents: [],
      calls: ['GET /salaries/1'],
    });
  });

  test('does not double the calls for what comes along anyway', async () => {
    const ask = await company();
    expect(await ask('{ payroll(ids: [1]) { grade amount } }', '1')).toMatchObject({
      data: { payroll: [{ grade: 'A', amount: 1 }] },
      calls: ['GET /salaries/1'],
    });
  });

  test('keeps a service from being asked for the field', async () => {
    const ask = await company();
    expect(await ask('{ payroll(ids: [1, 2]) { name city } }', '2')).toEqual({
      data: {
        payroll: [
          { name: 'n1', city: null },
          { name: 'n2', city: 'Oslo' },
        ],
      },
      codes: ['payroll.0.city FORBIDDEN'],
      documents: [
        'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Person { name } } }',
        'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Person { city } } }',
      ],
      calls: [],
    });
  });
});

describe('what is computed from a protected field', () => {
  test('by a connector that reads it is protected, too', async () => {
    const ask = await company();
    expect(await ask('{ me { id: name taxCode } }', '1')).toMatchObject({
      codes: ['me.taxCode FORBIDDEN'],
      calls: [],
    });
    expect(await ask('{ me { id: name taxCode } }', '1', 'hr')).toMatchObject({
      data: { me: { taxCode: 'c-ssn-1' } },
      codes: [],
    });
  });

  test('by a subgraph that requires it is protected, too', async () => {
    const ask = await company({
      'tax.graphql': `extend schema @source(name: "tax", graphql: { url: "http://127.0.0.1:1" })
        type Person @key(fields: "id") { id: ID! ssn: String @external rate: Int @requires(fields: "ssn") }`,
    });
    expect(await ask('{ me { rate } }', '1')).toMatchObject({
      codes: ['me.rate FORBIDDEN'],
      documents: ['query { me { __typename } }'],
    });
  });

  test('by a selection from the same part of the answer is protected, too', async () => {
    const ask = await company();
    expect(await ask('{ payroll(ids: [1, 2]) { hint } }', '2')).toMatchObject({
      data: { payroll: [{ hint: null }, { hint: 4 }] },
      codes: ['payroll.0.hint FORBIDDEN'],
    });
  });
});
