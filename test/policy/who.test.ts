import { expect, test } from 'vitest';
import { toConfig } from '../../src/base/config.js';
import { readSubgraphs } from '../../src/gateway.js';
import { describeAccess, formatAccess } from '../../src/policy/who.js';
import { stitch } from '../../src/supergraph/stitch.js';

const files = {
  'users.graphql': `
    extend schema @source(name: "users", http: { baseURL: "http://127.0.0.1:1" })
      @definePolicy(name: "self", allow: "$this.id->eq($claims.sub)")
    type Query {
      me: User @connect(source: "users", http: { GET: "/me" }, selection: "id name ssn boss { id }")
      find(ssn: String @requiresScopes(scopes: [["hr"]])): [Found!] @connect(source: "users", http: { GET: "/find" }, selection: "__typename: 'User' id name ssn boss { id }")
    }
    union Found = User | Team
    interface Named { name: String @authenticated }
    type User implements Named @connect(source: "users", http: { GET: "/users/{$this.id}" }, selection: "id name ssn boss { id }") {
      id: ID!
      name: String
      ssn: String @requiresScopes(scopes: [["hr"]]) @policy(policies: [["self"]])
      boss: User
      card: String @connect(source: "users", http: { GET: "/cards/{$this.ssn}" }, selection: "$.no")
    }
    type Team implements Named @authenticated { name: String }`,
};

async function access(defaultAccess: 'allow' | 'deny' = 'allow') {
  const subgraphs = await readSubgraphs({ files }, toConfig({}));
  return describeAccess(stitch(subgraphs), subgraphs, defaultAccess);
}

test('every protected element is listed with its rules and every path to it', async () => {
  expect(formatAccess(await access())).toBe(`Query.find(ssn:)
  @requiresScopes(scopes: [["hr"]])
    find(ssn:)

User.name
  @authenticated  (from Named.name)
    me.name
    find...User.name
    me.boss.name

User.ssn
  @requiresScopes(scopes: [["hr"]])
  @policy(policies: [["self"]])
    me.ssn
    find...User.ssn
    me.boss.ssn

User.card
  @requiresScopes(scopes: [["hr"]])  (from User.ssn)
  @policy(policies: [["self"]])  (from User.ssn)
    me.card
    find...User.card
    me.boss.card

Team
  @authenticated
    find...Team

Team.name
  @authenticated  (from Named.name)
    find...Team.name
`);
});

test('what is denied by default is listed, too', async () => {
  const denied = (await access('deny')).flatMap(({ element, rules }) =>
    rules.some(({ rule }) => rule === 'denied by default') ? element : [],
  );
  expect(denied).toEqual(['Query.me', 'Query.find', 'User.id', 'User.boss']);
});

test('where there are no rules, it says so', () => {
  expect(formatAccess([])).toBe('Everybody may read everything: there are no rules.\n');
});
