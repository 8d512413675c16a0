import { expect, it, onTestFinished } from 'vitest';
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

const asked = `extend schema @source(name: "shop", http: { baseURL: "{$env.BACKEND}" })

scalar Int64

input Filter {
  id: ID
  long: Int64
  float: Float
}

type Query {
  find(ids: [ID!], filter: Filter, long: Int64, int: Int, text: String): Boolean
    @connect(
      source: "shop"
      http: { POST: "/find", body: "ids: $args.ids filter: $args.filter long: $args.long" }
      selection: "$(true)"
    )
}
`;

async function serveAsked() {
  const backend = await startRest(new Map([['POST /find', { body: '{}' }]]));
  const gateway = await createGateway({
    files: { 'schemas/shop.graphql': asked },
    environment: { BACKEND: backend.url },
    config: { log: 'silent' },
  });
  const served = await gateway.serve({ port: 0 });
  onTestFinished(async () => {
    await served.close();
    await gateway.close();
    await backend.close();
  });
  return { url: `${served.url}/graphql`, gateway, calls: backend.calls };
}

const query =
  'query ($ids: [ID!], $filter: Filter, $long: Int64) { find(ids: $ids, filter: $filter, long: $long) }';
const big = '9007199254740993';
const variables = `{"ids":[${big},7],"filter":{"id":${big},"long":${big},"float":${big}},"long":-${big}}`;
const sent =
  `POST /find | {"ids":["${big}","7"],"filter":{"id":"${big}","long":${big},"float":9007199254740992},` +
  `"long":-${big}}`;

it.each([
  ['POST', (url: string) => post(url, `{"query":${JSON.stringify(query)},"variables":${variables}}`)],
  [
    'GET',
    (url: string) =>
      fetch(`${url}?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}`, {
        headers: { 'apollo-require-preflight': 'yes' },
      }),
  ],
  [
    'a literal of a variable',
    (url: string) => post(url, `{"query":"query ($id: [ID!] = ${big}) { find(ids: $id) }"}`),
  ],
])('64-bit integers keep their digits from the client to the call: %s', async (way, send) => {
  const { url, calls } = await serveAsked();
  const response = await send(url);
  expect(await response.text()).toBe('{"data":{"find":true}}\n');
  expect(calls).toEqual([way.startsWith('a literal') ? `POST /find | {"ids":["${big}"]}` : sent]);
});

it('64-bit integers keep their digits where a program asks', async () => {
  const { gateway, calls } = await serveAsked();
  expect(
    await gateway.ask({ query, variables: { ids: 9007199254740993n, long: 9007199254740993n } }),
  ).toMatchObject({ data: { find: true } });
  expect(calls).toEqual([`POST /find | {"ids":["${big}"],"long":${big}}`]);
});

it.each(['int', 'text'])('a 64-bit integer is no value for %s', async (argument) => {
  const { url, calls } = await serveAsked();
  const type = argument === 'int' ? 'Int' : 'String';
  const response = await post(
    url,
    `{"query":"query ($x: ${type}) { find(${argument}: $x) }","variables":{"x":${big}}}`,
  );
  expect(await response.text()).toContain('"code":"BAD_USER_INPUT"');
  expect(calls).toEqual([]);
});

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}
