import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateway } from '../../src/index.js';
import { startRest } from '../support/rest.js';

const one = { id: '1', name: 'n', ssn: 'secret', kind: 'user', more: { ssn: 'secret', city: 'Oslo' } };

/** A gateway whose field `go` gives what this selection makes; asked as somebody without scopes. */
async function open(selection: string, types: string, returns = 'User') {
  const rest = await startRest(
    new Map([['GET /', { body: JSON.stringify({ ...one, items: [one], next: 'x' }) }]]),
  );
  onTestFinished(() => rest.close());
  const gateway = await createGateway({
    files: {
      'users.graphql': `
        extend schema @source(name: "users", http: { baseURL: "${rest.url}" })
        type Query { go: ${returns} @connect(source: "users", http: { GET: "/" }, selection: """${selection}""") }
        ${types.replace('SECRET', '@requiresScopes(scopes: [["hr"]])')}`,
    },
    config: { log: 'silent' },
  });
  onTestFinished(() => gateway.close());
  return async (query: string) => {
    const identity = { subject: 'ada', claims: { sub: 'ada' } };
    const { data, errors = [] } = await gateway.ask({ query, identity });
    const codes = errors.map(
      ({ path, extensions }) => `${path?.join('.') ?? ''} ${String(extensions['code'])}`,
    );
    return { text: JSON.stringify(data), codes };
  };
}

const user = 'type User { id: ID name: String ssn: String SECRET hint: String }';

describe('what a selection makes from a protected part is protected', () => {
  test.each([
    ['in an object', 'id name ssn hint: ssn->slice(0, 2)', user, 'User', '{ hint }', 'go.hint'],
    ['in a list', '$.items { id name ssn hint: ssn->slice(0, 2) }', user, '[User]', '{ hint }', 'go.0.hint'],
    [
      'in a list below an object',
      'items { id name ssn hint: ssn } next',
      `${user} type Page { items: [User] next: String }`,
      'Page',
      '{ next items { hint } }',
      'go.items.0.hint',
    ],
    [
      'in an object below an object',
      'id more { ssn hint: ssn city }',
      'type User { id: ID more: More } type More { ssn: String SECRET hint: String city: String }',
      'User',
      '{ id more { city hint } }',
      'go.more.hint',
    ],
    [
      'in what ->map makes',
      '$.items->map({ id: @.id, name: @.name, ssn: @.ssn, hint: @.ssn->slice(0, 2) })',
      user,
      '[User]',
      '{ hint }',
      'go.0.hint',
    ],
    [
      'in a member of a union',
      "... kind->match(['user', { __typename: 'User', id, name, ssn, hint: ssn }], [@, { __typename: 'Robot', id }])",
      `${user} type Robot { id: ID } union Thing = User | Robot`,
      'Thing',
      '{ ... on User { hint } }',
      'go.hint',
    ],
  ])('%s', async (_, selection, types, returns, asked, place) => {
    const ask = await open(selection, types, returns);
    const { text, codes } = await ask(`{ go ${asked} }`);
    expect(codes).toEqual([`${place} FORBIDDEN`]);
    expect(text).not.toMatch(/se/);
  });
});

describe('what a selection makes from other parts stays open', () => {
  test.each([
    ['in a list', '$.items { id name ssn hint: ssn }', user, '[User]', '{ id name }'],
    [
      'in what ->map makes',
      '$.items->map({ id: @.id, name: @.name, ssn: @.ssn, hint: @.ssn })',
      user,
      '[User]',
      '{ id name }',
    ],
    [
      'in a member of a union, where all are told apart by one field',
      "... kind->match(['user', { __typename: 'User', id, name, ssn, hint: ssn }], [@, { __typename: 'Robot', id }])",
      `${user} type Robot { id: ID } union Thing = User | Robot`,
      'Thing',
      '{ ... on User { id name } }',
    ],
    [
      'where another object has it for a key',
      'id name ssn hint: name boss: { id: ssn }',
      'type User { id: ID name: String ssn: String SECRET hint: String boss: Boss } type Boss { id: ID }',
      'User',
      '{ id name hint boss { id } }',
    ],
  ])('%s', async (_, selection, types, returns, asked) => {
    const ask = await open(selection, types, returns);
    expect((await ask(`{ go ${asked} }`)).codes).toEqual([]);
  });
});
