import { expect, it } from 'vitest';
import { createGateway } from '../src/index.js';
import { startRest } from './support/rest.js';

const schema = `extend schema @source(name: "shop", http: { baseURL: "{$env.BACKEND}" })

scalar Int64
scalar JSON

type Query {
  row: Row @connect(source: "shop", http: { GET: "/row" }, selection: "id: n, text: n, long: n, float: n, whole: $")
}

type Row {
  id: ID
  text: String
  long: Int64
  float: Float
  whole: JSON
}
`;

it('64-bit integers keep their digits from body to answer', async () => {
  const backend = await startRest(new Map([['GET /row', { body: '{"n":9007199254740993}' }]]));
  const gateway = await createGateway({
    files: { 'schemas/shop.graphql': schema },
    environment: { BACKEND: backend.url },
    config: { log: 'silent' },
  });
  const { url, close } = await gateway.serve({ port: 0 });
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ row { id text long float whole } }' }),
  });
  expect(await response.text()).toBe(
    '{"data":{"row":{"id":"9007199254740993","text":"9007199254740993","long":9007199254740993,' +
      '"float":9007199254740992,"whole":{"n":9007199254740993}}}}\n',
  );
  await close();
  await gateway.close();
  await backend.close();
});
