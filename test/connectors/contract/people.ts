/**
 * A company whose people are easily mixed up: each name and nickname is the id of somebody else. Its schema is two
 * files that join by key, each of which can be REST, gRPC, GraphQL with mappings, the schema of a GraphQL service that is
 * handed on, or a Federation subgraph; and a plain model of the same that knows nothing of gateways.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, Call } from './backend.js';
import { startGraphql } from './graphql.js';
import { startGrpc } from './grpc.js';
import { startRest } from './http.js';

export const kinds = ['http', 'grpc', 'graphql', 'service', 'subgraph'] as const;

export type Kind = (typeof kinds)[number];

/** Kinds whose answers are mapped, and those whose names are the company's own. */
type Mapped = 'http' | 'grpc' | 'graphql';
type Forwarded = 'service' | 'subgraph';

const isForwarded = (kind: Kind): kind is Forwarded => kind === 'service' || kind === 'subgraph';

/** How the second file fetches what belongs to a person: many at once, or one by one. */
export type Fetching = 'batch' | 'single';

// Data

interface Person {
  readonly id: string;
  readonly name: string;
  readonly nick: string;
  readonly boss: string | null;
  readonly org: string;
  readonly no: string;
}

const people: readonly Person[] = [
  { id: '1', name: '2', nick: '3', boss: '3', org: '1', no: '2' },
  { id: '2', name: '3', nick: '1', boss: '1', org: '2', no: '1' },
  { id: '3', name: '1', nick: '2', boss: null, org: '1', no: '3' },
];

const robots = [{ id: '7', name: '1', maker: '2' }];

const find = (id: unknown): Person | undefined => people.find((person) => person.id === id);

const salaryOf = (id: string) => Number(id) * 1_000;
const bonusOf = (id: string, factor: number) => Number(id) * 10 * factor;
const levelOf = (org: string, no: string) => Number(org) * 100 + Number(no);
const slipsOf = (id: string) => [1, 2].map((count) => ({ id: `${count}`, amount: Number(id) * 100 + count }));

// Backends

function toRow({ id, name, nick, boss, org, no }: Person): Record<string, unknown> {
  const secrets = { ssn: `ssn of ${id}`, review: `review of ${id}` };
  return { kind: 'person', id, name, nick, ...secrets, bossId: boss, orgId: org, badgeNo: no };
}

const robotRows = robots.map(({ id, name, maker }) => ({
  kind: 'robot',
  id,
  name,
  makerId: maker,
  makerName: find(maker)?.name,
}));

const payOf = ({ id }: Person) => ({ id, salary: salaryOf(id), iban: `iban of ${id}` });

const known = (ids: unknown): Person[] => (ids as string[]).flatMap((id) => find(id) ?? []).reverse();

/** What the company's backends answer. */
export function answerOfCompany({ operation, input }: Call): unknown {
  const person = find(input['id']);
  switch (operation) {
    case 'findPerson':
      return person && toRow(person);
    case 'findPeople':
      return known(input['ids']).map(toRow);
    case 'listPeople':
      return people.map(toRow);
    case 'listThings':
      return [...people.map(toRow), ...robotRows];
    case 'findPay':
      return person && payOf(person);
    case 'findPays':
      return known(input['ids']).map(payOf);
    case 'findBonus':
      return { amount: bonusOf(String(input['id']), Number(input['factor'])) };
    case 'findSlips':
      return known(input['ids']).flatMap(({ id }) => slipsOf(id).map((slip) => ({ ...slip, personId: id })));
    case 'findLevel':
      return badge(String(input['org']), String(input['no']));
    case 'findLevels':
      return (input['orgs'] as string[])
        .map((org, index) => badge(org, String((input['nos'] as string[])[index])))
        .reverse();
    default:
      return answerOfService(operation, input);
  }
}

/** The key of a person or of a badge. */
interface Representation {
  readonly __typename: string;
  readonly id?: string;
  readonly org?: { readonly id: string };
  readonly no?: string;
}

/** What they answer where they have the company's own names: everything, whoever asks. */
function answerOfService(operation: string, input: Call['input']): unknown {
  const all = modelOf(undefined);
  const person = (id: unknown) => all.person({ id });
  const badgeOf = (org: unknown, no: unknown) => ({
    __typename: 'Badge',
    org: { id: org },
    no,
    level: levelOf(String(org), String(no)),
  });
  switch (operation) {
    case 'person':
      return all.person(input);
    case 'people':
    case 'things':
    case 'nodes':
      return all[operation]();
    case 'persons':
      return known(input['ids']).map(({ id }) => person(id));
    case 'badge':
      return badgeOf(input['org'], input['no']);
    case 'badges':
      return (input['orgs'] as string[])
        .map((org, index) => badgeOf(org, (input['nos'] as string[])[index]))
        .reverse();
    case '_entities':
      return (input['representations'] as readonly Representation[]).map(({ __typename, id, org, no }) =>
        __typename === 'Person' ? person(id) : badgeOf(org?.id, no),
      );
    default:
      throw new Error(`no ${operation}`);
  }
}

const badge = (org: string, no: string) => ({ orgId: org, no, level: levelOf(org, no) });

const home = new URL('people/', import.meta.url).pathname;

/** Starts one of the company's backends. */
export async function startCompany(kind: Kind): Promise<Backend> {
  const start = {
    http: startRest,
    grpc: () => startGrpc(join(home, 'people.proto'), 'people.v1.People'),
    graphql: () => startGraphql(join(home, 'people.remote.graphql')),
    service: () => startGraphql(join(home, 'people.service.graphql')),
    subgraph: () => startGraphql(join(home, 'people.service.graphql')),
  };
  const backend = await start[kind]();
  backend.reset(answerOfCompany);
  return backend;
}

// Schema files

/** A folder with the company's schema files. */
export function writeSchemas(
  first: Kind,
  second: Kind,
  fetching: Fetching,
): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-company-'));
  const descriptions = {
    ...{ http: [], grpc: ['people.proto'], graphql: ['people.remote.graphql'] },
    ...{ service: [], subgraph: [] },
  };
  for (const name of [...descriptions[first], ...descriptions[second]])
    copyFileSync(join(home, name), join(folder, name));
  writeFileSync(
    join(folder, 'people.graphql'),
    isForwarded(first) ? forwardedPeopleFile(first) : peopleFile(first),
  );
  writeFileSync(
    join(folder, 'pay.graphql'),
    isForwarded(second) ? forwardedPayFile(second, fetching) : payFile(second, fetching),
  );
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

const source = (name: string, kind: Kind) =>
  ({
    http: `@source(name: "${name}", http: { baseURL: "{$env.${name.toUpperCase()}}" })`,
    grpc: `@source(name: "${name}", grpc: { address: "{$env.${name.toUpperCase()}}", proto: ["people.proto"] })`,
    graphql: `@source(name: "${name}", graphql: { url: "{$env.${name.toUpperCase()}}", schema: "people.remote.graphql" })`,
    service: `@source(name: "${name}", graphql: { url: "{$env.${name.toUpperCase()}}" })`,
    subgraph: `@source(name: "${name}", graphql: { url: "{$env.${name.toUpperCase()}}" })`,
  })[kind];

/** `findPerson` with `id: $args.id` in the words of a protocol. */
function call(kind: Mapped, operation: string, input: string): string {
  const method = `people.v1.People/${operation.charAt(0).toUpperCase()}${operation.slice(1)}`;
  const [queryParams, request, args] = ['queryParams', 'request', 'args'].map((name) =>
    input === '' ? (name === 'request' ? ', request: "$({})"' : '') : `, ${name}: "${input}"`,
  );
  return {
    http: `http: { GET: "/${operation}"${queryParams} }`,
    grpc: `grpc: { method: "${method}"${request} }`,
    graphql: `graphql: { query: "${operation}"${args} }`,
  }[kind];
}

/** A selection from each row of a list. */
const rows = (kind: Mapped, selection: string) => (kind === 'grpc' ? `$.rows { ${selection} }` : selection);

function peopleFile(kind: Mapped): string {
  const person = 'id name nick ssn review boss: { id: bossId } badge: { org: { id: orgId }, no: badgeNo }';
  const object = person
    .replaceAll(/ (?=\w+:|name|nick|ssn|review)/g, ', ')
    .replaceAll('{, ', '{ ')
    .replaceAll(',,', ',');
  const thing = `... kind->match(
    ['robot', { __typename: 'Robot', id, name, maker: { id: makerId }, boss: { id: makerId, name: makerName } }],
    [@, { __typename: 'Person', ${object} }]
  )`;
  const from = (operation: string, input: string, selection: string) =>
    `@connect(source: "people", ${call(kind, operation, input)}, selection: """${selection}""")`;
  return `
    extend schema ${source('people', kind)}
      @definePolicy(name: "owner", allow: "$this.id->eq($claims.sub)")
      @definePolicy(name: "boss", allow: "$this.boss.id->eq($claims.sub)")
    type Query {
      me: Person ${from('findPerson', 'id: $claims.sub', person)}
      person(id: ID!): Person ${from('findPerson', 'id: $args.id', person)}
      people: [Person] ${from('listPeople', '', rows(kind, person))}
      things: [Thing] ${from('listThings', '', rows(kind, thing))}
      nodes: [Node] ${from('listThings', '', rows(kind, thing))}
    }
    interface Node { id: ID! name: String }
    union Thing = Person | Robot
    type Person implements Node @key(fields: "id")
      @connect(source: "people", ${call(kind, 'findPeople', 'ids: $batch.id')}, batch: { maxSize: 2 }, selection: """${rows(kind, person)}""") {
      id: ID!
      name: String
      nick: String
      ssn: String @policy(policies: [["owner"]])
      review: String @policy(policies: [["boss"]])
      boss: Person
      badge: Badge
    }
    type Robot implements Node { id: ID! name: String maker: Person boss: Person }
    type Badge @key(fields: "org { id } no") { org: Org no: ID }
    type Org { id: ID! }
  `;
}

function payFile(kind: Mapped, fetching: Fetching): string {
  const pay = 'id salary iban';
  const level = 'org: { id: orgId } no level';
  const [person, badge] =
    fetching === 'batch'
      ? [
          `${call(kind, 'findPays', 'ids: $batch.id')}, batch: { maxSize: 2 }, selection: """${rows(kind, pay)}"""`,
          `${call(kind, 'findLevels', 'orgs: $batch.org.id, nos: $batch.no')}, selection: """${rows(kind, level)}"""`,
        ]
      : [
          `${call(kind, 'findPay', 'id: $this.id')}, selection: "${pay}"`,
          `${call(kind, 'findLevel', 'org: $this.org.id, no: $this.no')}, selection: "${level}"`,
        ];
  return `
    extend schema ${source('pay', kind)}
    type Person @key(fields: "id") @connect(source: "pay", ${person}) {
      id: ID!
      salary: Int
      iban: String @policy(policies: [["owner"]])
      bonus(factor: Int = 1): Int
        @connect(source: "pay", ${call(kind, 'findBonus', 'id: $this.id, factor: $args.factor')}, selection: "$.amount")
      slips: [Slip]
        @connect(source: "pay", ${call(kind, 'findSlips', 'ids: $batch.id')}, batch: { by: "id: personId" },
          selection: """${rows(kind, 'id amount person: { id: personId }')}""")
    }
    type Badge @key(fields: "org { id } no") @connect(source: "pay", ${badge}) { org: Org no: ID level: Int }
    type Org { id: ID! }
    type Slip { id: ID! amount: Int person: Person }
  `;
}

const rules = `
  @definePolicy(name: "owner", allow: "$this.id->eq($claims.sub)")
  @definePolicy(name: "boss", allow: "$this.boss.id->eq($claims.sub)")`;

const peopleTypes = `
  interface Node { id: ID! name: String }
  union Thing = Person | Robot
  type Robot implements Node { id: ID! name: String maker: Person boss: Person }
  type Badge @key(fields: "org { id } no") { org: Org no: ID }
  type Org { id: ID! }
`;

const personFields = `
  id: ID!
  name: String
  nick: String
  ssn: String @policy(policies: [["owner"]])
  review: String @policy(policies: [["boss"]])
  boss: Person
  badge: Badge
`;

/** The fields of the service's own, but for the one that needs to know who asks. */
function forwardedPeopleFile(kind: Forwarded): string {
  const [connect, fetch] =
    kind === 'subgraph'
      ? ['', '']
      : [
          '@connect(source: "people", graphql: { query: "persons", args: "ids: $batch.id" }, batch: { maxSize: 2 })',
          'persons(ids: [ID!]!): [Person] @inaccessible',
        ];
  return `
    extend schema ${source('people', kind)} ${rules}
    type Query {
      me: Person @connect(source: "people", graphql: { query: "person", args: "id: $claims.sub" })
      person(id: ID!): Person
      people: [Person]
      things: [Thing]
      nodes: [Node]
      ${fetch}
    }
    type Person implements Node @key(fields: "id") ${connect} { ${personFields} }
    ${peopleTypes}
  `;
}

function forwardedPayFile(kind: Forwarded, fetching: Fetching): string {
  const connect = (query: string, args: string) =>
    kind === 'subgraph' ? '' : `@connect(source: "pay", graphql: { query: "${query}", args: "${args}" })`;
  const [person, badge] =
    fetching === 'batch'
      ? [connect('persons', 'ids: $batch.id'), connect('badges', 'orgs: $batch.org.id, nos: $batch.no')]
      : [connect('person', 'id: $this.id'), connect('badge', 'org: $this.org.id, no: $this.no')];
  const fetches = `type Query {
    persons(ids: [ID!]!): [Person] @inaccessible
    badges(orgs: [ID!]!, nos: [ID!]!): [Badge] @inaccessible
    badge(org: ID!, no: ID!): Badge @inaccessible
    ${fetching === 'single' ? 'person(id: ID!): Person @inaccessible' : ''}
  }`;
  return `
    extend schema ${source('pay', kind)}
    ${kind === 'subgraph' ? '' : fetches}
    type Person @key(fields: "id") ${person} {
      id: ID!
      salary: Int
      iban: String @policy(policies: [["owner"]])
      bonus(factor: Int = 1): Int
      slips: [Slip]
    }
    type Badge @key(fields: "org { id } no") ${badge} { org: Org no: ID level: Int }
    type Org { id: ID! }
    type Slip { id: ID! amount: Int person: Person }
  `;
}

// The plain model

/** Thrown by the model where the caller may not have a field. */
export class Forbidden extends Error {}

/** The fields of the model's Query. */
export interface Model {
  me(): object | null;
  person(args: { readonly id?: unknown }): object | null;
  people(): object[];
  things(): object[];
  nodes(): object[];
}

/** The company as objects for graphql-js, as one caller may see it, or as it is. */
export function modelOf(sub: string | undefined): Model {
  const only = (allowed: boolean, value: string) => () => {
    if (!allowed && sub !== undefined) throw new Forbidden(value);
    return value;
  };
  const toPerson = ({ id, name, nick, boss, org, no }: Person): object => ({
    __typename: 'Person',
    id,
    name,
    nick,
    ssn: only(id === sub, `ssn of ${id}`),
    review: only(boss === sub, `review of ${id}`),
    boss: () => toPersonOf(boss),
    badge: { org: { id: org }, no, level: levelOf(org, no) },
    salary: salaryOf(id),
    iban: only(id === sub, `iban of ${id}`),
    bonus: ({ factor }: { factor: number }) => bonusOf(id, factor),
    slips: () => slipsOf(id).map((slip) => ({ ...slip, person: () => toPersonOf(id) })),
  });
  const toPersonOf = (id: unknown) => {
    const person = find(id);
    return person ? toPerson(person) : null;
  };
  const toRobot = ({ id, name, maker }: (typeof robots)[number]) => ({
    __typename: 'Robot',
    id,
    name,
    maker: () => toPersonOf(maker),
    // Comes with its name, unlike a person's.
    boss: () => toPersonOf(maker),
  });
  const things = () => [...people.map(toPerson), ...robots.map(toRobot)];
  return {
    me: () => toPersonOf(sub),
    person: ({ id }) => toPersonOf(id),
    people: () => people.map(toPerson),
    things,
    nodes: things,
  };
}
