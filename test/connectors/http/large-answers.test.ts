import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openWire, type Intake } from '../../../src/connectors/wire.js';
import { bytes, json, open, startBackend } from './support.js';

const limits = { timeoutMs: 5_000 };
const get = (path: string) => ({ method: 'GET', path, headers: [] }) as const;

/** A backend that begins answers of 60 kB, and ends them when it is told to. */
async function startSlow() {
  const begun: ServerResponse[] = [];
  const backend = await startBackend((response) => {
    response.write('x'.repeat(60_000));
    begun.push(response);
  });
  const endAll = () => begun.forEach((response) => response.end());
  return { url: backend.url, begun, endAll };
}

test('answers for which there is no room fail, and those that had begun before do not', async () => {
  const { url, endAll } = await startSlow();
  const intake: Intake = { bytes: 0, max: 100_000 };
  const wire = openWire(url, intake);
  onTestFinished(() => wire.close());
  const first = wire.send(get('/a'), limits);
  await vi.waitFor(() => expect(intake.bytes).toBe(60_000));
  await expect(wire.send(get('/b'), limits)).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(intake.bytes).toBe(60_000);
  endAll();
  expect((await first).body.length).toBe(60_000);
  expect(intake.bytes).toBe(0);
});

test('what ends early, by whatever, gives its room back', async () => {
  const { url, begun } = await startSlow();
  const intake: Intake = { bytes: 0, max: 1_000_000 };
  const wire = openWire(url, intake);
  const caller = new AbortController();
  const ends = [
    expect(wire.send(get('/late'), { timeoutMs: 300 })).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' }),
    expect(wire.send(get('/gone'), { ...limits, signal: caller.signal })).rejects.toThrow('Nobody waits'),
    expect(wire.send(get('/broken'), limits)).rejects.toThrow('broke off'),
    expect(wire.send(get('/closed'), limits)).rejects.toThrow(),
  ];
  await vi.waitFor(() => expect(intake.bytes).toBe(240_000));
  caller.abort();
  begun.find(({ req }) => req.url === '/broken')?.destroy();
  await Promise.all(ends.slice(0, 3));
  expect(intake.bytes).toBe(60_000);
  await wire.close();
  await ends[3];
  expect(intake.bytes).toBe(0);
});

const file = (url: string) => /* GraphQL */ `
  extend schema @source(name: "api", http: { baseURL: "${url}" })
  scalar JSON
  type Query {
    rows: [Row] @connect(source: "api", http: { GET: "/rows" }, selection: "id more")
    row: Row @connect(source: "api", http: { GET: "/rows" }, selection: "id more")
    raw: JSON @connect(source: "api", http: { GET: "/rows" }, selection: "$")
    good: Row @connect(source: "api", http: { GET: "/good" }, selection: "id")
  }
  type Row {
    id: ID
    more: JSON
  }
`;

async function openWith(body: string, config = {}) {
  const backend = await startBackend((response, seen) =>
    seen.line.endsWith('/good')
      ? json({ id: 1 })(response, seen)
      : bytes(body, 'application/json')(response, seen),
  );
  return open(backend.url, file(backend.url), config);
}

test('an answer of more values than can be read in good time is refused before it is parsed', async () => {
  const parse = vi.spyOn(JSON, 'parse');
  const gateway = await openWith(`[${'{},'.repeat(600_000)}{}]`);
  const { data, errors } = await gateway.ask({ query: '{ rows { id } good { id } }' });
  expect(data).toEqual({ rows: null, good: { id: '1' } });
  expect(errors).toMatchObject([
    {
      path: ['rows'],
      message: "The backend's answer is too large.",
      extensions: { code: 'CONNECTOR_RESPONSE_INVALID', service: 'api' },
    },
  ]);
  expect(parse.mock.calls.filter(([text]) => text.startsWith('[{},'))).toEqual([]);
});

test('of many rows without what a mapping looks for, some are remarked', async () => {
  const gateway = await openWith(`[${'{"x":1},'.repeat(20_000)}{}]`, { mode: 'development' });
  await gateway.ask({ query: '{ rows { id } }' });
  const counts = gateway.mappingCounts().get('api:Query.rows[0]');
  expect(counts).toMatchObject({ answers: 1, checked: 1, remarks: 1_000 });
});

test.each([
  ['5,000', 5_000],
  ['200,000', 200_000],
])('JSON of %s levels is read, and written, like any other', async (_, levels) => {
  const deep = `${'{"more":'.repeat(levels)}1${'}'.repeat(levels)}`;
  const gateway = await openWith(deep);
  const { data, errors } = await gateway.ask({ query: '{ row { id more } raw good { id } }' });
  expect([errors, data?.['good']]).toEqual([undefined, { id: '1' }]);
  expect(depthOf(data?.['raw'])).toBe(levels);
  const lists = await openWith(`${'['.repeat(levels)}${']'.repeat(levels)}`);
  expect((await lists.ask({ query: '{ rows { id } good { id } }' })).data?.['good']).toEqual({ id: '1' });
});

function depthOf(value: unknown): number {
  let depth = 0;
  for (let at = value; typeof at === 'object' && at !== null; depth++) at = (at as { more: unknown }).more;
  return depth;
}
