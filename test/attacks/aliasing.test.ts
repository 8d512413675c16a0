import fc from 'fast-check';
import { buildSchema, graphql, printSchema, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import type { Backend, Call } from '../connectors/contract/backend.js';
import {
  answerOfCompany,
  Forbidden,
  kinds,
  modelOf,
  startCompany,
  writeSchemas,
  type Fetching,
  type Kind,
} from '../connectors/contract/people.js';

/**
 * The attack: a client calls one field by the name of another that keys, connectors or rules read, so that
 * `{ me { id: name salary } }` would fetch the salary of whom `name` names. In this company every name is the id of
 * somebody else. Each answer must be what a plain model of the company gives. In a test's name is the seed it ran
 * with: `FC_SEED=…` runs it again, `FC_RUNS=…` sets how often.
 */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000_000);
const numRuns = Number(process.env['FC_RUNS'] ?? 25);

/** The class, by what it aims at. All are asked as person 1. */
const attacks: Readonly<Record<string, string>> = {
  'a key of another file': '{ me { id: name salary } }',
  'a key, with the true one beside it': '{ me { x: id id: name salary iban } }',
  'names exchanged': '{ me { id: name name: id salary bonus slips { amount } } }',
  'a key in a fragment': '{ me { salary ...F } } fragment F on Person { id: nick }',
  'a key in fragments of fragments': `{ me { ...A } } fragment A on Person { ...B salary bonus } fragment B on Person { id: name }`,
  'a key in an inline fragment': '{ me { ... on Person { id: name } ... { salary iban } } }',
  'a key in a fragment on an interface': '{ me { ... on Node { id: name } salary ssn } }',
  'a key under @include': '{ me { id: name @include(if: true) id: name @skip(if: false) salary } }',
  'keys of a list': '{ people { id: name salary slips { amount id: amount } } }',
  'keys of a stub': '{ people { boss { id: nick salary name } } }',
  'a chain of stubs':
    '{ me { boss: badge { org: no no: level level: no } badge: boss { id: name badge: salary } } }',
  'the stub itself': '{ people { boss: nick nick: boss { id: name salary } } }',
  'a join back into the first file':
    '{ me { slips { person: amount amount: person { id: nick name ssn } } } }',
  'a key of two parts': '{ people { badge { no: level org: no level } } }',
  'a part of a part of a key': '{ people { badge { org { id: __typename } no: __typename level } } }',
  'a key of two parts, in a fragment': `{ people { badge { ...F level } } } fragment F on Badge { org: no no: org { id } }`,
  'what a field connector reads': '{ people { id: name bonus b: bonus(factor: 3) } }',
  'what a grouping connector reads':
    '{ people { id: nick slips { id: amount amount: id person { id: name } } } }',
  'an interface':
    '{ nodes { id: name name: id ... on Person { salary ssn boss { id: nick iban } } ... on Robot { maker { id: name salary } } } }',
  'a union':
    '{ things { ... on Person { id: nick salary iban } ... on Robot { id: name maker { id: nick bonus } } } }',
  'what comes with one member and not with another':
    '{ things { ... on Person { boss { id: nick name: id n: name salary } } ... on Robot { boss { id: name nick: id n: nick iban } } } }',
  'the type of a member':
    '{ things { __typename: __typename ... on Person { t: __typename id: __typename salary } } }',
  'the type under another name': '{ nodes { __typename: name ... on Person { name: __typename salary } } }',
  'an owner rule': '{ person(id: 2) { id: nick ssn iban } }',
  'an owner rule on many': '{ people { id: nick ssn iban } }',
  'an owner rule behind a fragment': '{ person(id: 2) { ...F ssn } } fragment F on Person { id: nick iban }',
  'a rule that reads a stub':
    '{ person(id: 1) { boss: nick review } a: person(id: 2) { boss { id: nick } review } }',
  'a rule, by another path': '{ me { boss { boss: id id: name ssn slips { person { id: amount iban } } } } }',
  'allowed beside denied': '{ a: person(id: 1) { id: name ssn } b: person(id: 2) { id: nick ssn } }',
  'the denied under an open name': '{ person(id: 2) { name: ssn id: iban nick: review } }',
  'names of ours':
    '{ people { __parentKey: name _gwk_id: nick __batch: id salary slips { __parentKey: id amount } } }',
  'names of JavaScript': `{ __proto__: people { __proto__: name constructor: nick then: salary toJSON: id
    hasOwnProperty: boss { __proto__: id then: name toJSON: iban salary } prototype: badge { constructor: level } } }`,
  'names of JavaScript alone':
    '{ then: me { then: name } toJSON: me { toJSON: name } constructor: me { constructor: salary } }',
  '__proto__ of an object':
    '{ me { __proto__: boss { salary } badge { __proto__: org { id } level } salary } }',
};

/** The same without ill will. */
const benign: Readonly<Record<string, string>> = {
  'another name for each':
    '{ you: me { number: id called: name earns: salary gets: bonus(factor: 2) b: bonus } }',
  'one field by two names':
    '{ me { a: salary b: salary salary x: boss { a: id b: salary } y: boss { name } } }',
  'one name for two fields, in one object by two names':
    '{ me { x: boss { a: id } y: boss { a: salary } z: boss { a: name } v: badge { a: no } w: badge { a: level } } }',
  'one object by two names': '{ a: person(id: 1) { salary } b: person(id: 1) { salary name } me { salary } }',
  'one object by two arguments': '{ a: person(id: 1) { id salary } b: person(id: 2) { id salary } }',
  'fragments that meet':
    '{ me { ...A ...B } } fragment A on Person { n: name boss { s: salary } } fragment B on Person { n: name boss { s: salary b: bonus } }',
};

const combinations = kinds.flatMap((first) =>
  kinds.map((second, index) => {
    // Each kind meets each other; batches and single fetches take turns, and both meet with their own.
    const fetching: Fetching = (kinds.indexOf(first) + index) % 2 === 0 ? 'batch' : 'single';
    return { first, second, fetching };
  }),
);
const others = kinds.map((kind): (typeof combinations)[number] => ({
  first: kind,
  second: kind,
  fetching: 'single',
}));

describe.each([...combinations, ...others])('people over $first, pay over $second, $fetching', (setting) => {
  const { first, second, fetching } = setting;
  let company: Company;
  beforeAll(async () => {
    company = await openCompany(first, second, fetching);
  });
  beforeEach(() => company.reset());
  afterAll(() => company.close());

  test.each(Object.entries(attacks))('%s', (_, query) => company.check(query, '1'));

  test.each(Object.entries(benign))('%s is answered', async (_, query) => {
    await company.check(query, '1');
    expect((await company.ask(query, '1')).errors).toBeUndefined();
  });

  test('the model is right: these are the facts', async () => {
    expect(
      await company.ask('{ me { id: name salary iban } person(id: 2) { id: nick iban ssn } }', '1'),
    ).toEqual({
      data: '{"me":{"id":"2","salary":1000,"iban":"iban of 1"},"person":{"id":"1","iban":null,"ssn":null}}',
      errors: ['person.iban FORBIDDEN', 'person.ssn FORBIDDEN'],
    });
  });

  test('keys of the attacked are what the backend is asked for', async () => {
    await company.ask('{ me { id: name salary bonus slips { amount } } }', '1');
    const keys = company.pay.calls.map(({ input }) => keysIn(input));
    // One who answers as asked gives a person's fields in one call; others have a call for each connector.
    const calls = second === 'service' || second === 'subgraph' ? 1 : 3;
    expect(keys).toEqual(Array.from({ length: calls }, () => ['1']));
  });

  test.each([
    '{ _entities(representations: []) { __typename } }',
    '{ _service { sdl } }',
    '{ me { __parentKey } }',
    '{ findPerson(id: 2) { id } }',
    '{ me { bossId } }',
    '{ me { id: name id } }',
    '{ me { id: name ...F } } fragment F on Person { id: nick }',
  ])('%s is refused, and no call is made', async (query) => {
    const { data, errors } = await company.ask(query, '1');
    expect(data).toBeUndefined();
    expect(errors?.length).toBeGreaterThan(0);
    expect([...company.people.calls, ...company.pay.calls]).toEqual([]);
  });

  test(`any aliases at all give what the model gives (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(queries, fc.constantFrom('1', '2', '3'), (query, sub) => company.check(query, sub)),
      { seed, numRuns },
    );
  });
});

afterAll(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(untouched);
  expect('salary' in {}).toBe(false);
});

const untouched = Object.getOwnPropertyNames(Object.prototype).sort();

// Asking

/** The ids that a call asks for. */
function keysIn({ ids, id, representations }: Call['input']): unknown[] {
  const ofEntities = (representations as readonly { readonly id: unknown }[] | undefined)?.map(
    (each) => each.id,
  );
  return [ofEntities ?? ids ?? id].flat();
}

/** What came of a query: data as JSON text, in its order, and errors as `path CODE`. */
interface Outcome {
  readonly data?: string;
  readonly errors?: readonly string[];
}

/** Both backends, the gateway before them, and the model beside it. */
interface Company {
  readonly people: Backend;
  readonly pay: Backend;
  ask(query: string, sub: string): Promise<Outcome>;
  /** Asks the gateway and the model: both must say the same. */
  check(query: string, sub: string): Promise<void>;
  reset(): void;
  close(): Promise<void>;
}

async function openCompany(first: Kind, second: Kind, fetching: Fetching): Promise<Company> {
  const [people, pay] = await Promise.all([startCompany(first), startCompany(second)]);
  const { folder, remove } = writeSchemas(first, second, fetching);
  const gateway = await createGateway({
    // Nothing to be seen here would be refused for its size alone.
    config: { schemas: folder, log: 'silent', limits: { mode: 'measure' } },
    environment: { PEOPLE: people.address, PAY: pay.address },
  });
  const plainSchema = buildSchema(printSchema(gateway.schema));
  const ask = (query: string, sub: string) => askGateway(gateway, query, sub);
  return {
    people,
    pay,
    ask,
    check: async (query, sub) => {
      const expected = await askModel(plainSchema, query, sub);
      expect(await ask(query, sub), query).toEqual(expected);
    },
    reset: () => {
      people.reset(answerOfCompany);
      pay.reset(answerOfCompany);
    },
    close: async () => {
      await gateway.close();
      await Promise.all([people.stop(), pay.stop()]);
      remove();
    },
  };
}

async function askGateway(gateway: Gateway, query: string, sub: string): Promise<Outcome> {
  const { data, errors } = await gateway.ask({ query, identity: { subject: sub, claims: { sub } } });
  return toOutcome(
    data,
    errors?.map(({ path, extensions }) => `${path?.join('.') ?? 'query'} ${String(extensions['code'])}`),
  );
}

async function askModel(schema: GraphQLSchema, source: string, sub: string): Promise<Outcome> {
  const { data, errors } = await graphql({ schema, source, rootValue: modelOf(sub) });
  return toOutcome(
    data,
    errors?.map(({ path, originalError }) => {
      const code = originalError instanceof Forbidden ? 'FORBIDDEN' : 'undefined';
      return `${path?.join('.') ?? 'query'} ${code}`;
    }),
  );
}

function toOutcome(data: unknown, errors: readonly string[] | undefined): Outcome {
  return {
    ...(data !== undefined && { data: JSON.stringify(data) }),
    ...(errors !== undefined && { errors: errors.toSorted() }),
  };
}

// Queries

/** What can be selected: leaves, and objects by their types. */
const types: Readonly<Record<string, Readonly<Record<string, string | null>>>> = {
  Person: {
    ...{
      __typename: null,
      id: null,
      name: null,
      nick: null,
      ssn: null,
      review: null,
      salary: null,
      iban: null,
    },
    ...{ bonus: null, 'bonus(factor: 2)': null, boss: 'Person', badge: 'Badge', slips: 'Slip' },
  },
  Robot: { __typename: null, id: null, name: null, maker: 'Person', boss: 'Person' },
  Node: { __typename: null, id: null, name: null },
  Thing: { __typename: null },
  Badge: { no: null, level: null, org: 'Org' },
  Org: { id: null },
  Slip: { id: null, amount: null, person: 'Person' },
};

const members: Readonly<Record<string, readonly string[]>> = {
  Person: ['Person', 'Node'],
  Node: ['Person', 'Robot', 'Node'],
  Thing: ['Person', 'Robot'],
};

const roots: Readonly<Record<string, string>> = {
  me: 'Person',
  'person(id: 1)': 'Person',
  'person(id: 2)': 'Person',
  people: 'Person',
  things: 'Thing',
  nodes: 'Node',
};

const fieldNames = [...new Set(Object.values(types).flatMap((fields) => Object.keys(fields)))].filter(
  (name) => /^\w+$/.test(name),
);

/** Names for answers: those of the fields, several times over, and those that mean something to somebody. */
const names = fc.constantFrom(
  ...fieldNames,
  ...fieldNames,
  ...['__proto__', 'constructor', 'prototype', 'then', 'toJSON', 'toString', 'hasOwnProperty', 'valueOf'],
  ...['__parentKey', '_gwk_id', 'bossId', 'orgId', 'kind', 'a', 'b', 'c', 'd', 'e', 'f'],
);

/** Selections of a type, each under a name of its own within its braces. */
function selections(type: string, depth: number): fc.Arbitrary<string> {
  const fields = Object.entries(types[type] ?? {}).filter(([, below]) => below === null || depth > 0);
  const field = fc.constantFrom(...fields).chain(([name, below]) =>
    fc.record({
      name: fc.constant(name),
      as: names,
      below: below === null ? fc.constant('') : selections(below, depth - 1),
    }),
  );
  const plain = fc
    .uniqueArray(field, { minLength: 1, maxLength: 6, selector: ({ as }) => as })
    .map((chosen) => chosen.map(({ name, as, below }) => `${as === name ? name : `${as}: ${name}`}${below}`));
  const fragment = fc
    .constantFrom(...(members[type] ?? [type]))
    .chain((member) =>
      selectionsWithin(member, depth).map((text) => `... ${member === type ? '' : `on ${member} `}${text}`),
    );
  return fc
    .tuple(plain, depth > 0 ? fc.array(fragment, { maxLength: 2 }) : fc.constant([]), fc.boolean())
    .map(
      ([own, fragments, isFirst]) =>
        ` { ${(isFirst ? [...fragments, ...own] : [...own, ...fragments]).join(' ')} }`,
    );
}

/** Of a fragment: no deeper than this. */
const selectionsWithin = (type: string, depth: number) => selections(type, depth - 1);

/** Some of these have names that clash, and must be refused as a whole. */
const queries = fc
  .array(
    fc
      .constantFrom(...Object.entries(roots))
      .chain(([root, type]) => fc.tuple(names, fc.constant(root), selections(type, 2))),
    { minLength: 1, maxLength: 2 },
  )
  .map((asked) => `{ ${asked.map(([as, root, below]) => `${as}: ${root}${below}`).join(' ')} }`);
