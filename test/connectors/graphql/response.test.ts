import { describe, expect, test } from 'vitest';
import { open, type Opened } from './open.js';
import { startService, type Canned } from './service.js';

const sdl = /* GraphQL */ `
  type Query {
    user(id: ID!): User
    users: [User!]!
    count: Int
  }
  type User {
    id: ID!
    name: String
    friend: User
  }
`;

async function opened(
  field = 'user',
  selection = 'id name',
): Promise<{ call: Opened['call']; log: Opened['log']; answers: (canned: Canned) => void }> {
  const service = await startService(sdl);
  const args = field === 'user' ? ', args: "id: $args.id"' : '';
  const { call, log } = await open(/* GraphQL */ `
    extend schema @source(name: "users", graphql: { url: "${service.url}" })
    type Query { f(id: ID): JSON @connect(source: "users", graphql: { query: "${field}"${args} }, selection: "${selection}") }
    scalar JSON
  `);
  const answers = (canned: Canned) => {
    service.canned = () => canned;
  };
  return { call, log, answers };
}

const variables = { $args: { id: '1' } };
const denied = { message: 'no access to 10.0.0.5', path: ['user'], extensions: { code: 'DENIED' } };

describe('a success', () => {
  test.each([
    ['data alone', { data: { user: { id: '1' } } }, { id: '1' }],
    ['an object that is not there', { data: { user: null } }, null],
    ['an empty list of errors', { data: { user: null }, errors: [] }, null],
    ['errors that are null', { data: { user: { id: '1' } }, errors: null }, { id: '1' }],
    [
      'an error below the field',
      { data: { user: { id: '1', name: null } }, errors: [{ message: 'x', path: ['user', 'name'] }] },
      { id: '1', name: null },
    ],
    [
      'an error without a path beside data',
      { data: { user: { id: '1' } }, errors: [{ message: 'x' }] },
      { id: '1' },
    ],
    [
      'a path of the wrong type',
      { data: { user: { id: '1' } }, errors: [{ message: 'x', path: 'user' }] },
      { id: '1' },
    ],
    ['extensions of its own', { data: { user: { id: '1' } }, extensions: { cost: 3 } }, { id: '1' }],
  ])('%s', async (_, answer, body) => {
    const { call, answers } = await opened();
    answers({ text: JSON.stringify(answer) });
    expect(await call(variables)).toMatchObject({
      succeeded: true,
      status: 200,
      body,
      facts: { http: { status: 200 } },
    });
  });

  test('in the media type of GraphQL over HTTP', async () => {
    const { call, answers } = await opened();
    answers({ type: 'application/graphql-response+json', text: '{"data":{"user":{"id":"1"}}}' });
    expect(await call(variables)).toMatchObject({ succeeded: true, body: { id: '1' } });
  });

  test('with errors beside its data leaves a line in the log, and nothing for the client', async () => {
    const { call, log, answers } = await opened();
    answers({
      text: JSON.stringify({ data: { user: { id: '1', name: null } }, errors: [{ message: 'db: timeout' }] }),
    });
    const reply = await call(variables);
    expect(JSON.stringify(reply)).not.toContain('db: timeout');
    expect(log.warn.mock.calls).toEqual([
      [
        expect.objectContaining({ source: 'users', connector: 'orders:Query.f[0]' }),
        expect.stringContaining('1'),
      ],
    ]);
  });
});

describe('a failure', () => {
  test.each([
    ['an error that took the field', 200, { data: { user: null }, errors: [denied] }],
    ['an error that took all data', 200, { data: null, errors: [denied] }],
    ['errors without data', 200, { errors: [denied] }],
    ['a request error with its status', 400, { errors: [denied] }],
    ['a failing status with data', 500, { data: { user: { id: '1' } }, errors: [denied] }],
  ])('%s', async (_, status, answer) => {
    const { call, answers } = await opened();
    answers({ status, text: JSON.stringify(answer) });
    expect(await call(variables)).toMatchObject({
      succeeded: false,
      status,
      body: { errors: [denied], message: denied.message },
      facts: { http: { status }, graphql: { code: 'DENIED' } },
    });
  });

  test.each([
    ['an HTML page', '<html>502 Bad Gateway</html>', 'text/html'],
    ['nothing', '', 'text/plain'],
    ['JSON that is no answer', '[]', 'application/json'],
  ])('with a failing status and %s tells the status', async (_, text, type) => {
    const { call, answers } = await opened();
    answers({ status: 502, type, text });
    expect(await call(variables)).toMatchObject({
      succeeded: false,
      status: 502,
      body: { errors: [], message: null },
      facts: { http: { status: 502 } },
    });
  });

  test.each([
    ['in small letters', 'denied'],
    ['with an address', 'AT 10.0.0.5'],
    ['that is no text', 42],
    ['that is too long', 'A'.repeat(65)],
  ])('keeps no code %s', async (_, code) => {
    const { call, answers } = await opened();
    answers({ text: JSON.stringify({ data: null, errors: [{ message: 'x', extensions: { code } }] }) });
    expect((await call(variables)).facts).toEqual({ http: { status: 200 } });
  });

  test.each([
    ['a text', ['no'], [{ message: 'no' }], 'no'],
    ['without a message', [{}], [{}], null],
    ['null', [null], [{ message: '' }], ''],
  ])('reads an error that is %s', async (_, errors, read, message) => {
    const { call, answers } = await opened();
    answers({ text: JSON.stringify({ data: null, errors }) });
    expect((await call(variables)).body).toEqual({ errors: read, message });
  });
});

describe('an answer that cannot be read', () => {
  test.each([
    ['an HTML page', 'user', '<html>hello</html>'],
    ['nothing', 'user', ''],
    ['half of it', 'user', '{"data":{"user":'],
    ['null', 'user', 'null'],
    ['a list', 'user', '[{"data":{}}]'],
    ['neither data nor errors', 'user', '{}'],
    ['data that is null without an error', 'user', '{"data":null}'],
    ['data that is a list', 'user', '{"data":[]}'],
    ['data without the field', 'user', '{"data":{"other":1}}'],
    ['data whose field is inherited', 'user', '{"data":{"__proto__":{"user":{"id":"1"}}}}'],
    ['errors that are no list', 'user', '{"data":{"user":{"id":"1"}},"errors":"x"}'],
    ['a list for an object', 'user', '{"data":{"user":[]}}'],
    ['a text for an object', 'user', '{"data":{"user":"x"}}'],
    ['an object for a list', 'users', '{"data":{"users":{}}}'],
  ])('%s', async (_, field, text) => {
    const { call, answers } = await opened(field);
    answers({ text });
    await expect(call(variables)).rejects.toMatchObject({
      code: 'CONNECTOR_RESPONSE_INVALID',
      message: "The backend's answer cannot be read.",
      extensions: { http: { status: 200 } },
    });
  });
});

test('a service that is not there cannot be reached', async () => {
  const service = await startService(sdl);
  const { call } = await open(/* GraphQL */ `
    extend schema @source(name: "users", graphql: { url: "${service.url}" })
    type Query { count: Int @connect(source: "users", graphql: { query: "count" }, selection: "$") }
  `);
  await service.close();
  await expect(call()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
});
