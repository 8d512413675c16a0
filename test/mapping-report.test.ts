import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGateway, type Gateway } from '../src/index.js';
import { startRest, type RestBackend } from './support/rest.js';

const schema = `extend schema @source(name: "shop", http: { baseURL: "{$env.BACKEND}" })

type Query {
  users: [User] @connect(source: "shop", http: { GET: "/users" }, selection: "id name: fullName")
}

type User {
  id: ID!
  name: String
}
`;

let backend: RestBackend;
const gateways: Gateway[] = [];

beforeAll(async () => {
  const body = '[{"id":1,"fullName":"Ann"},{"id":2},{"id":3}]';
  backend = await startRest(new Map([['GET /users', { body }]]));
});

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  await backend.close();
});

async function start(mode: 'development' | 'production'): Promise<Gateway> {
  const gateway = await createGateway({
    files: { 'schemas/shop.graphql': schema },
    environment: { BACKEND: backend.url },
    config: { mode, log: 'silent' },
  });
  gateways.push(gateway);
  return gateway;
}

describe('what a mapping looks for and does not find', () => {
  it('is said in the answer in development, with its place in the file', async () => {
    const gateway = await start('development');
    const { data, extensions } = await gateway.ask({ query: '{ users { name } }' });
    expect(data).toEqual({ users: [{ name: 'Ann' }, { name: null }, { name: null }] });
    expect(extensions).toEqual({
      mapping: [
        {
          connector: 'shop:Query.users[0]',
          message: expect.stringContaining('fullName') as string,
          path: '@.fullName',
          at: 'schemas/shop.graphql:4:88',
          count: 2,
        },
      ],
    });
  });

  it('is counted by sample in production, and not said', async () => {
    const gateway = await start('production');
    const answers = await Promise.all(
      Array.from({ length: 150 }, () => gateway.ask({ query: '{ users { name } }' })),
    );
    expect(answers.every((answer) => answer.extensions === undefined)).toBe(true);
    expect(gateway.mappingCounts().get('shop:Query.users[0]')).toEqual({
      answers: 150,
      checked: 2,
      remarks: 4,
    });
  });
});
