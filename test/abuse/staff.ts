/**
 * A company with secrets, over REST, gRPC or GraphQL: numbers that come along with each person, salaries that another
 * file joins, and what is computed from the numbers. Names are the ids of others.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, Call } from '../connectors/contract/backend.js';
import { startGraphql } from '../connectors/contract/graphql.js';
import { startGrpc } from '../connectors/contract/grpc.js';
import { startRest } from '../connectors/contract/http.js';

const home = new URL('staff/', import.meta.url).pathname;

interface Person {
  readonly kind: 'person';
  readonly id: string;
  readonly name: string;
  readonly ssn: string;
  readonly badge: string;
  readonly bossId: string | null;
}

const toPerson = (id: string, name: string, bossId: string | null): Person => ({
  kind: 'person',
  id,
  name,
  ssn: `ssn-of-${id}`,
  badge: `badge-of-${id}`,
  bossId,
});

const people = [toPerson('1', '2', '2'), toPerson('2', '1', '3'), toPerson('3', '1', null)];
const orders = [
  { kind: 'order', id: 'o1', ownerId: '2' },
  { kind: 'order', id: 'o2', ownerId: '3' },
];

const find = (id: unknown): Person | undefined => people.find((person) => person.id === id);
const known = (ids: unknown): Person[] => (ids as string[]).flatMap((id) => find(id) ?? []);

/** What the company's backends answer. */
export function answerOfStaff({ operation, input }: Call): unknown {
  switch (operation) {
    case 'findPerson':
    case 'findThing':
    case 'renamePerson':
      return find(input['id']) ?? orders.find(({ id }) => id === input['id']);
    case 'findPeople':
      return known(input['ids']);
    case 'listPeople':
      return people;
    case 'listFound':
      return [people[1], orders[0], people[2]];
    case 'listOrders':
      return orders;
    case 'findPays':
      return known(input['ids']).map(({ id }) => ({ id, salary: Number(id) * 1_000 }));
    case 'findTax':
      return { code: `tax-of-${String(input['ssn'])}` };
    default:
      throw new Error(`no ${operation}`);
  }
}

/** What a company's backends speak. */
export const kinds = ['http', 'grpc', 'graphql'] as const;
export type Kind = (typeof kinds)[number];

/** What no one may read who is not of the personnel office. */
export const secrets = /ssn-of|tax-of|[123]000/;

/** Starts one of the company's backends. */
export async function startStaff(kind: Kind): Promise<Backend> {
  const start = {
    http: startRest,
    grpc: () => startGrpc(join(home, 'staff.proto'), 'staff.v1.Staff'),
    graphql: () => startGraphql(join(home, 'staff.remote.graphql')),
  };
  const backend = await start[kind]();
  backend.reset(answerOfStaff);
  return backend;
}

/** A folder with the company's schema files. */
export function writeStaff(kind: Kind): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-staff-'));
  const descriptions = { http: [], grpc: ['staff.proto'], graphql: ['staff.remote.graphql'] };
  for (const name of descriptions[kind]) copyFileSync(join(home, name), join(folder, name));
  writeFileSync(join(folder, 'staff.graphql'), staffFile(kind));
  writeFileSync(join(folder, 'pay.graphql'), payFile(kind));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

const source = (name: string, kind: Kind) =>
  ({
    http: `@source(name: "${name}", http: { baseURL: "{$env.${name.toUpperCase()}}" })`,
    grpc: `@source(name: "${name}", grpc: { address: "{$env.${name.toUpperCase()}}", proto: ["staff.proto"] })`,
    graphql: `@source(name: "${name}", graphql: { url: "{$env.${name.toUpperCase()}}", schema: "staff.remote.graphql" })`,
  })[kind];

/** `findPerson` with `id: $args.id` in the words of a protocol. */
function call(kind: Kind, operation: string, input: string): string {
  const method = `staff.v1.Staff/${operation.charAt(0).toUpperCase()}${operation.slice(1)}`;
  const changes = operation === 'renamePerson';
  return {
    http: changes
      ? `http: { POST: "/${operation}", body: "${input}" }`
      : `http: { GET: "/${operation}"${input === '' ? '' : `, queryParams: "${input}"`} }`,
    grpc: `grpc: { method: "${method}", request: "${input === '' ? '$({})' : input}" }`,
    graphql: `graphql: { ${changes ? 'mutation' : 'query'}: "${operation}"${input === '' ? '' : `, args: "${input}"`} }`,
  }[kind];
}

/** A selection from each row of a list. */
const rows = (kind: Kind, selection: string) => (kind === 'grpc' ? `$.rows { ${selection} }` : selection);

function staffFile(kind: Kind): string {
  const person = 'id name ssn badge hint: ssn->slice(0, 6) boss: { id: bossId }';
  const thing = `... kind->match(
    ['order', { __typename: 'Order', id, owner: { id: ownerId } }],
    [@, { __typename: 'Person', id, name, ssn, badge, hint: ssn->slice(0, 6), boss: { id: bossId } }]
  )`;
  const from = (operation: string, input: string, selection: string) =>
    `@connect(source: "staff", ${call(kind, operation, input)}, selection: """${selection}""")`;
  return `
    extend schema ${source('staff', kind)}
      @definePolicy(name: "self", allow: "$this.id->eq($claims.sub)")
      @definePolicy(name: "own", allow: "$args.id->eq($claims.sub)")
      @definePolicy(name: "openOrder", allow: "$args.orderBy->eq('SSN')->not")
      @definePolicy(name: "personnel", allow: "$claims.scope->eq('hr')")
    type Query {
      me: Person ${from('findPerson', 'id: $claims.sub', person)}
      user(id: ID!): Person ${from('findPerson', 'id: $args.id', person)}
      file(id: ID!): Person @policy(policies: [["own"]]) ${from('findPerson', 'id: $args.id', person)}
      users(ids: [ID!]!): [Person] ${from('findPeople', 'ids: $args.ids', rows(kind, person))}
      node(id: ID!): Node ${from('findThing', 'id: $args.id', thing)}
      search: [Found] ${from('listFound', '', rows(kind, thing))}
      orders: [Order] ${from('listOrders', '', rows(kind, 'id owner: { id: ownerId }'))}
      people(
        ssnStartsWith: String @requiresScopes(scopes: [["hr"]])
        orderBy: SortKey @policy(policies: [["openOrder"], ["personnel"]])
      ): [Person] ${from('listPeople', 'ssnStartsWith: $args.ssnStartsWith, orderBy: $args.orderBy', rows(kind, person))}
    }
    type Mutation {
      rename(id: ID!): Person ${from('renamePerson', 'id: $args.id', person)}
      dismiss(id: ID!): Person @requiresScopes(scopes: [["hr"]]) ${from('renamePerson', 'id: $args.id', person)}
    }
    enum SortKey { NAME SSN }
    interface Node { id: ID! }
    union Found = Person | Order
    type Person implements Node @key(fields: "id")
      @connect(source: "staff", ${call(kind, 'findPeople', 'ids: $batch.id')}, selection: """${rows(kind, person)}""") {
      id: ID!
      name: String
      ssn: String @requiresScopes(scopes: [["hr"]])
      badge: String @policy(policies: [["self"]])
      hint: String
      boss: Person
    }
    type Order implements Node { id: ID! owner: Person }
  `;
}

function payFile(kind: Kind): string {
  return `
    extend schema ${source('pay', kind)}
    type Person @key(fields: "id")
      @connect(source: "pay", ${call(kind, 'findPays', 'ids: $batch.id')}, selection: "${rows(kind, 'id salary')}") {
      id: ID!
      salary: Int @requiresScopes(scopes: [["hr"]])
      ssn: String @external
      taxCode: String @connect(source: "pay", ${call(kind, 'findTax', 'ssn: $this.ssn')}, selection: "$.code")
    }
  `;
}
