/**
 * B-60 to B-70 of the abuse suite: whatever a client gives for a value, a backend sees it in its place and byte for byte, or
 * not at all; what a backend says of itself stays with us; and nothing of one caller leaves with the call of another.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { recordGrpc, recordHttp, type Answering, type GrpcRecorder, type HttpRecorder } from './recorders.js';
import { run, type Answered, type Asking, type Running } from './running.js';

/** Longer than any answer here may take, and shorter than a test. */
const longestMs = 4_000;

let rest: HttpRecorder;
let service: HttpRecorder;
let rpc: GrpcRecorder;
let running: Running;
let folder: string;

const graphqlAnswer = (data: object) => JSON.stringify({ data });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backstitch-places-'));
  copyFileSync(new URL('places.proto', import.meta.url).pathname, join(folder, 'places.proto'));
  writeFileSync(join(folder, 'service.remote.graphql'), 'type Query { put(id: ID): Boolean } scalar JSON');
  writeFileSync(join(folder, 'places.graphql'), schema);
  rest = await recordHttp();
  service = await recordHttp((response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(graphqlAnswer({ put: true })),
  );
  rpc = await recordGrpc(join(folder, 'places.proto'), 'places.v1.Places');
  running = await run({
    config: { schemas: folder },
    environment: { REST: rest.url, RPC: rpc.address, SERVICE: `${service.url}/graphql` },
  });
});

afterAll(async () => {
  await running.close();
  rpc.close();
  await Promise.all([rest.close(), service.close()]);
  rmSync(folder, { recursive: true });
});

beforeEach(reset);

function reset(): void {
  rest.reset();
  service.reset();
  rpc.reset();
}

const calls = () => rest.seen.length + service.seen.length + rpc.seen.length;

/** After whatever was asked, an ordinary question is answered. */
afterEach(async () => {
  reset();
  expect(await running.ask('{ path(id: "fine") variable(id: "fine") message(id: "fine") }')).toMatchObject({
    data: { path: true, variable: true, message: true },
    errors: [],
  });
});

const ask = (query: string, asking: Asking = {}): Promise<Answered> =>
  running.ask(query, { signal: AbortSignal.timeout(longestMs), ...asking });

const onRest = (http: string) => `@connect(source: "rest", http: { ${http} }, selection: "$.ok")`;
const onRpc = (more: string) =>
  `@connect(source: "rpc", grpc: { method: "places.v1.Places/Put", ${more} }, selection: "$.ok")`;
const onService = (more: string) =>
  `@connect(source: "service", graphql: { query: "put", ${more} }, selection: "$")`;

const schema = `
  extend schema
    @source(name: "rest", http: { baseURL: "{$env.REST}" })
    @source(name: "rpc", grpc: { address: "{$env.RPC}", proto: ["places.proto"] })
    @source(name: "service", graphql: { url: "{$env.SERVICE}", schema: "service.remote.graphql" })
  scalar JSON
  type Query {
    path(id: ID): Boolean ${onRest('GET: "/users/{$args.id}/posts"')}
    lastSegment(id: ID): Boolean ${onRest('GET: "/users/{$args.id}"')}
    segments(id: ID): Boolean ${onRest('GET: "/users", path: "$([$args.id, \\"posts\\"])"')}
    partOfSegment(id: ID): Boolean ${onRest('GET: "/users/u-{$args.id}.json"')}
    query(id: ID): Boolean ${onRest('GET: "/q?id={$args.id}&x=1"')}
    parameter(id: ID): Boolean ${onRest('GET: "/q", queryParams: "id: $args.id, x: $(1)"')}
    header(id: ID): Boolean ${onRest('GET: "/h", headers: { name: "X-Id", value: "<{$args.id}>" }')}
    body(id: ID): Boolean ${onRest('POST: "/b", body: "id: $args.id"')}
    form(id: ID): Boolean ${onRest('POST: "/f", headers: { name: "Content-Type", value: "application/x-www-form-urlencoded" }, body: "id: $args.id"')}
    message(id: ID): Boolean ${onRpc('request: "id: $args.id"')}
    metadata(id: ID): Boolean ${onRpc('request: "$({})", metadata: { name: "x-id", value: "<{$args.id}>" }')}
    variable(id: ID): Boolean ${onService('args: "id: $args.id"')}
    serviceHeader(id: ID): Boolean ${onService('args: "id: $(1)", headers: { name: "X-Id", value: "<{$args.id}>" }')}
    pathOf(v: JSON): Boolean ${onRest('GET: "/users/{$args.v}/posts"')}
    segmentsOf(v: JSON): Boolean ${onRest('GET: "/users", path: "$([$args.v, \\"posts\\"])"')}
    queryOf(v: JSON): Boolean ${onRest('GET: "/q?v={$args.v}"')}
    headerOf(v: JSON): Boolean ${onRest('GET: "/h", headers: { name: "X-Id", value: "{$args.v}" }')}
    bodyOf(v: JSON): Boolean ${onRest('POST: "/b", body: "$args.v"')}
    messageOf(v: JSON): Boolean ${onRpc('request: "id: $args.v"')}
    metadataOf(v: JSON): Boolean ${onRpc('request: "$({})", metadata: { name: "x-id", value: "{$args.v}" }')}
    variableOf(v: JSON): Boolean ${onService('args: "id: $args.v"')}
  }
`;

// Values in their places

/** The inputs of B-60 to B-62, and more of their kind. */
const hostile: readonly string[] = [
  ...[
    '..',
    '.',
    '...',
    '%2e%2e',
    '%2E.',
    '../admin',
    '..%2fadmin',
    '..;/admin',
    'a/b',
    'a\\b',
    '/',
    '\\',
    '/..',
    'a/../b',
  ],
  ...[
    'a?x=1',
    '?',
    'a#f',
    '#',
    'a;b',
    '@evil',
    '//evil',
    'http://evil/',
    'file:///etc/passwd',
    '127.0.0.1:1',
    '[::1]',
  ],
  ...[
    'a&x=2',
    'a=b',
    'a+b',
    'a b',
    ' ',
    ' a ',
    'a%00b',
    '%',
    '%zz',
    '%ff',
    '100%',
    '{$env.REST}',
    '{id}',
    '${x}',
    '`id`',
  ],
  ...[
    'a\r\nX-Evil: 1',
    '\r\n\r\nGET /admin HTTP/1.1',
    'a\nb',
    'a\rb',
    'a\tb',
    '\u000b',
    '\u001b[31m',
    '\u007f',
    '\u0085',
  ],
  ...[
    '\u2028',
    '\u2029',
    '\ufeff',
    '\ufffd',
    '\u202e',
    'é',
    'ÿ',
    'Ā',
    '日本',
    '😀',
    'e\u0301',
    '\u00a0',
    '\u200b',
  ],
  ...[
    "' OR 1=1 --",
    '"; DROP',
    '<script>',
    '$(1)',
    "!'()*",
    '","x":"',
    '\\',
    '\\u0000',
    '\\"',
    '}',
    '$id',
    '"""',
  ],
  ...[
    '',
    '0',
    '-0',
    '007',
    '1e3',
    '1.0',
    '9007199254740993',
    '18446744073709551616',
    'null',
    'true',
    'undefined',
    'NaN',
  ],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'x'.repeat(2_000), '日'.repeat(700)],
];

/** What only a GraphQL literal can bring: in JSON it is refused before it is looked at. */
const onlyLiterals = ['\u0000', 'a\u0000b'];

const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** Each byte but the unreserved ones as `%XX`: RFC 3986, 2.1 and 2.3. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      const hex = byte.toString(16).toUpperCase().padStart(2, '0');
      return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${hex}`;
    })
    .join('');
}

/** RFC 1866, 8.2.1, as browsers do it. */
const formEncoded = (text: string) =>
  percentEncoded(text).replaceAll('%20', '+').replaceAll('~', '%7E').replaceAll('%2A', '*');

const segmentOf = (text: string): string | undefined =>
  controls.test(text) || ['', '.', '..'].includes(text) ? undefined : percentEncoded(text);

const latin1 = (text: string) => (/^[\t\x20-\x7e\x80-\xff]*$/.test(text) ? text : undefined);
const ascii = (text: string) => (/^[\x20-\x7e]*$/.test(text) ? text : undefined);

/** A field, and what its backend must have seen for a value: its own words, or nothing where the value is refused. */
interface Place {
  readonly field: string;
  readonly expected: (text: string) => string | undefined;
  readonly seen: () => string | undefined;
}

const line = () => rest.seen[0]?.line;
const within = (before: string, value: string | undefined, after: string) =>
  value === undefined ? undefined : `${before}${value}${after}`;

/** Protobuf: field 1, length-delimited; the default is not written. */
function messageOf(text: string): string {
  const bytes = Buffer.from(text);
  const { length } = bytes;
  const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  return length === 0 ? '' : Buffer.concat([Buffer.from([10, ...size]), bytes]).toString('hex');
}

const places: readonly Place[] = [
  { field: 'path', expected: (text) => within('GET /users/', segmentOf(text), '/posts'), seen: line },
  { field: 'lastSegment', expected: (text) => within('GET /users/', segmentOf(text), ''), seen: line },
  { field: 'segments', expected: (text) => within('GET /users/', segmentOf(text), '/posts'), seen: line },
  {
    field: 'partOfSegment',
    expected: (text) => (controls.test(text) ? undefined : `GET /users/u-${percentEncoded(text)}.json`),
    seen: line,
  },
  {
    field: 'query',
    expected: (text) => (text.includes('\0') ? undefined : `GET /q?id=${percentEncoded(text)}&x=1`),
    seen: line,
  },
  {
    field: 'parameter',
    expected: (text) => (text.includes('\0') ? undefined : `GET /q?id=${percentEncoded(text)}&x=1`),
    seen: line,
  },
  {
    field: 'header',
    expected: (text) => within('<', latin1(text), '>'),
    seen: () => rest.seen[0]?.header('x-id').join('|'),
  },
  {
    field: 'body',
    expected: (text) => JSON.stringify({ id: text }),
    seen: () => rest.seen[0]?.body.toString(),
  },
  { field: 'form', expected: (text) => `id=${formEncoded(text)}`, seen: () => rest.seen[0]?.body.toString() },
  { field: 'message', expected: messageOf, seen: () => rpc.seen[0]?.bytes.toString('hex') },
  {
    field: 'metadata',
    expected: (text) => within('<', ascii(text), '>'),
    seen: () => rpc.seen[0]?.metadata.get('x-id').join('|'),
  },
  {
    field: 'variable',
    expected: (text) => JSON.stringify({ id: text }),
    seen: () => {
      const [call] = service.seen;
      return call && JSON.stringify((JSON.parse(call.body.toString()) as { variables: unknown }).variables);
    },
  },
  {
    field: 'serviceHeader',
    expected: (text) => within('<', latin1(text), '>'),
    seen: () => service.seen[0]?.header('x-id').join('|'),
  },
];

/** With every unit but letters and digits escaped: https://spec.graphql.org/October2021/#EscapedUnicode */
const asLiteral = (text: string) =>
  `"${text.replace(/[^A-Za-z0-9 ]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;

describe('a value stays in its place, byte for byte, or is refused and makes no call', () => {
  async function check(text: string, { field, expected, seen }: Place, way: 'literal' | 'variable') {
    reset();
    const answered = await (way === 'literal'
      ? ask(`{ ${field}(id: ${asLiteral(text)}) }`)
      : ask(`query ($id: ID) { ${field}(id: $id) }`, { variables: { id: text } }));
    const wanted = expected(text);
    const says = `${field} by ${way}`;
    expect([says, seen()]).toEqual([says, wanted]);
    expect(calls()).toBe(wanted === undefined ? 0 : 1);
    if (wanted === undefined) {
      expect(answered, says).toMatchObject({
        status: 200,
        data: { [field]: null },
        errors: [`${field} BAD_USER_INPUT`],
      });
      expect(answered.text).not.toMatch(/127\.0\.0\.1|https?:|node_modules|undici/);
    } else expect(answered, says).toMatchObject({ status: 200, data: { [field]: true }, errors: [] });
  }

  test.each(hostile.map((text) => [JSON.stringify(text).slice(0, 40), text]))(
    '%s (B-60 to B-63)',
    async (_, text) => {
      for (const place of places) {
        await check(text, place, 'variable');
        await check(text, place, 'literal');
      }
    },
  );

  test.each(onlyLiterals.map((text) => [JSON.stringify(text), text]))(
    '%s in a query (B-62)',
    async (_, text) => {
      for (const place of places) await check(text, place, 'literal');
    },
  );

  test.each([
    ['NUL', '{"query":"query ($id: ID) { path(id: $id) }","variables":{"id":"a\\u0000b"}}'],
    ['half a surrogate pair', '{"query":"query ($id: ID) { path(id: $id) }","variables":{"id":"a\\ud800b"}}'],
    ['the other half', '{"query":"query ($id: ID) { path(id: $id) }","variables":{"id":"\\udc00"}}'],
    ['half a pair in a literal', '{"query":"{ path(id: \\"\\\\ud800\\") }"}'],
  ])('%s is refused with the request (B-62)', async (_, body) => {
    expect(await running.post(body)).toMatchObject({ status: 400, data: undefined });
    expect(calls()).toBe(0);
  });
});

describe('a value that is no text (B-62)', () => {
  const all = places.map(({ field }) => field);

  test.each([[['a']], [{ a: 1 }], [true], [1.5], [[[]]], [['a', 'b']]])('%j is no ID', async (id) => {
    for (const field of all) {
      reset();
      const answered = await ask(`query ($id: ID) { ${field}(id: $id) }`, { variables: { id } });
      expect(answered.errors, field).toEqual(['BAD_USER_INPUT']);
      expect(calls()).toBe(0);
    }
  });

  test.each([
    ['null', { id: null }],
    ['nothing', {}],
  ])('%s leaves no segment empty', async (_, variables) => {
    for (const field of ['path', 'lastSegment']) {
      const answered = await ask(`query ($id: ID) { ${field}(id: $id) }`, { variables });
      expect(answered).toMatchObject({ data: { [field]: null }, errors: [`${field} BAD_USER_INPUT`] });
    }
    expect(calls()).toBe(0);
  });

  test.each([
    ['segments', 'GET /users/posts'],
    ['partOfSegment', 'GET /users/u-.json'],
    ['query', 'GET /q?id=&x=1'],
    ['parameter', 'GET /q?x=1'],
  ])('null is nothing in %s', async (field, expected) => {
    await ask(`{ ${field}(id: null) }`);
    expect(line()).toBe(expected);
  });

  test.each([
    ['pathOf', [1]],
    ['pathOf', { a: 1 }],
    ['pathOf', null],
    ['segmentsOf', [1]],
    ['segmentsOf', { a: 1 }],
    ['queryOf', [1]],
    ['queryOf', { a: 1 }],
    ['headerOf', [1]],
    ['headerOf', { a: 1 }],
    ['messageOf', [1]],
    ['messageOf', { a: 1 }],
    ['messageOf', true],
    ['metadataOf', [1]],
    ['metadataOf', { a: 1 }],
  ])('%s takes no %j', async (field, v) => {
    const answered = await ask(`query ($v: JSON) { ${field}(v: $v) }`, { variables: { v } });
    expect(answered).toMatchObject({ data: { [field]: null }, errors: [`${field} BAD_USER_INPUT`] });
    expect(calls()).toBe(0);
  });

  test('an object with names of JavaScript is sent as it is', async () => {
    const text = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}},"toJSON":1,"then":2}';
    await running.post(`{"query":"query ($v: JSON) { bodyOf(v: $v) }","variables":{"v":${text}}}`);
    expect(rest.seen[0]?.body.toString()).toBe(text);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });
});

describe('a number for an ID is sent as it was written (B-64)', () => {
  const bySegment = (id: string) => `GET /users/${id}/posts`;

  test.each([
    '0',
    '7',
    '-7',
    '9007199254740993',
    '-9007199254740993',
    '18446744073709551616',
    '1' + '0'.repeat(40),
  ])('%s', async (id) => {
    await ask(`{ path(id: ${id}) }`);
    await running.post(`{"query":"query ($id: ID) { path(id: $id) }","variables":{"id":${id}}}`);
    expect(rest.seen.map((seen) => seen.line)).toEqual([bySegment(id), bySegment(id)]);
    await running.post(
      `{"query":"query ($id: ID) { variable(id: $id) message(id: $id) body(id: $id) }","variables":{"id":${id}}}`,
    );
    expect(rest.seen[2]?.body.toString()).toBe(`{"id":"${id}"}`);
    expect(service.seen[0]?.body.toString()).toContain(`"variables":{"id":"${id}"}`);
    expect(rpc.seen[0]?.bytes.toString()).toContain(id);
  });

  test.each(['1e3', '1.0', '1.5', '007', '0x10', 'NaN', 'Infinity', '1n', '+1'])('%s is none', async (id) => {
    expect(await ask(`{ path(id: ${id}) }`)).toMatchObject({ status: 400, data: undefined });
    expect(calls()).toBe(0);
  });

  test.each(['1e400', '-1e400', '1.5'])('%s is none in JSON', async (id) => {
    const answered = await running.post(
      `{"query":"query ($id: ID) { path(id: $id) }","variables":{"id":${id}}}`,
    );
    expect(answered.errors).toEqual(['BAD_USER_INPUT']);
    expect(calls()).toBe(0);
  });
});

// Answers that lead elsewhere

describe('a redirect is a failure, and is not followed (B-65)', () => {
  let elsewhere: HttpRecorder;
  beforeAll(async () => {
    elsewhere = await recordHttp();
  });
  beforeEach(() => elsewhere.reset());
  afterAll(() => elsewhere.close());

  const targets: Readonly<Record<string, () => string>> = {
    'another origin': () => `${elsewhere.url}/users/1/posts`,
    'an address of the cloud': () => 'http://169.254.169.254/latest/meta-data/',
    itself: () => '/users/1/posts',
    'a file': () => 'file:///etc/passwd',
    'no URL': () => 'http://[',
  };

  const cases = [300, 301, 302, 303, 307, 308].flatMap((status) =>
    Object.keys(targets).map((target) => [status, target] as const),
  );

  test.each(cases)('%i to %s', async (status, target) => {
    const redirect: Answering = (response) =>
      response
        .writeHead(status, { location: targets[target]?.() ?? '', 'content-type': 'application/json' })
        .end('{"ok":true,"data":{"put":true}}');
    rest.reset(redirect);
    service.reset(redirect);
    const answered = await ask('{ path(id: 1) body(id: 1) variable(id: 1) }');
    expect(answered).toMatchObject({
      data: { path: null, body: null, variable: null },
      errors: ['body CONNECTOR_FETCH', 'path CONNECTOR_FETCH', 'variable CONNECTOR_FETCH'],
    });
    expect(answered.text).toContain(`"status":${status}`);
    expect(answered.text).not.toMatch(/169\.254|passwd|127\.0\.0\.1/);
    expect([rest.seen.length, service.seen.length, elsewhere.seen.length]).toEqual([2, 1, 0]);
  });

  test('of a gRPC backend', async () => {
    let asked = 0;
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      asked++;
      stream.respond({ ':status': 302, location: `${elsewhere.url}/` }, { endStream: true });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const redirected = await run({
      config: { schemas: folder },
      environment: {
        REST: rest.url,
        SERVICE: service.url,
        RPC: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      },
    });
    onTestFinished(() => redirected.close());
    const answered = await redirected.ask('{ message(id: 1) }');
    expect(answered).toMatchObject({ data: { message: null } });
    expect(answered.errors).toHaveLength(1);
    expect([asked, elsewhere.seen.length]).toEqual([1, 0]);
  });
});

// Headers, both ways

/** A gateway that hands on `x-team` and `accept-language`, and the token, to each of the backends. */
async function openForwarding(config: object = {}): Promise<Running> {
  const forwarded =
    '[{ name: "x-team", from: "x-team" }, { name: "x-token", from: "authorization" }, { name: "accept-language", from: "accept-language" }]';
  const file = `
    extend schema
      @source(name: "rest", http: { baseURL: "{$env.REST}", headers: ${forwarded} })
      @source(name: "rpc", grpc: { address: "{$env.RPC}", proto: ["places.proto"], metadata: ${forwarded} })
      @source(name: "service", graphql: { url: "{$env.SERVICE}", schema: "owners.remote.graphql", headers: ${forwarded} })
    type Query {
      rows(ids: [ID!]!): [Row!] @connect(selection: "$args.ids->map({ id: @ })")
      direct: String @connect(source: "rest", http: { GET: "/direct" }, selection: "$.owner")
      message: String @connect(source: "rpc", grpc: { method: "places.v1.Places/Put", request: "id: 'x'" }, selection: "$.next")
      one: String @connect(source: "service", graphql: { query: "owner", args: "of: $(1)" }, selection: "$")
      two: String @connect(source: "service", graphql: { query: "owner", args: "of: $(2)" }, selection: "$")
    }
    type Mutation { change: String @connect(source: "rest", http: { POST: "/change", body: "a: $(1)" }, selection: "$.owner") }
    type Row @connect(source: "rest", http: { GET: "/rows", queryParams: "ids: $batch.id->joinNotNull(',')" }, selection: "id owner") {
      id: ID!
      owner: String
      shown: String @connect(source: "service", graphql: { query: "owner", args: "of: $this.id" }, selection: "$")
      told: String @connect(source: "rpc", grpc: { method: "places.v1.Places/Put", request: "id: $this.id" }, selection: "$.next")
    }`;
  const home = mkdtempSync(join(tmpdir(), 'backstitch-forwarding-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  copyFileSync(join(folder, 'places.proto'), join(home, 'places.proto'));
  writeFileSync(join(home, 'owners.remote.graphql'), 'type Query { owner(of: ID): String }');
  writeFileSync(join(home, 'forwarding.graphql'), file);
  const opened = await run({
    config: { schemas: home, ...config },
    environment: { REST: rest.url, RPC: rpc.address, SERVICE: `${service.url}/graphql` },
  });
  onTestFinished(() => opened.close());
  return opened;
}

const json = { 'content-type': 'application/json' };

/** Backends that answer everything with what this header says. */
function answerWith(header: 'x-token' | 'accept-language'): void {
  const owner = (seen: { header(name: string): string[] }) => seen.header(header).join('|');
  rest.reset((response, seen) => {
    const ids = new URL(seen.line.split(' ')[1] ?? '', 'http://rest').searchParams.get('ids');
    const rows = ids?.split(',').map((id) => ({ id, owner: owner(seen) }));
    // The answers of a moment mix on their way back.
    setTimeout(
      () => response.writeHead(200, json).end(JSON.stringify(rows ?? { owner: owner(seen) })),
      Math.random() * 20,
    );
  });
  service.reset((response, seen) => {
    const { query } = JSON.parse(seen.body.toString()) as { query: string };
    const names = [...query.matchAll(/(?:(\w+): )?owner\(/g)].map(([, alias]) => alias ?? 'owner');
    response
      .writeHead(200, json)
      .end(graphqlAnswer(Object.fromEntries(names.map((name) => [name, owner(seen)]))));
  });
  rpc.reset(async ({ metadata }) => {
    await wait(Math.random() * 20);
    const next = Buffer.from(metadata.get(header).join('|'));
    const { length } = next;
    return Buffer.concat([
      Buffer.from([18, ...(length < 128 ? [length] : [(length & 127) | 128, length >> 7])]),
      next,
    ]);
  });
}

const everywhere = '{ direct message one two rows(ids: [1, 2, 3]) { owner shown told } }';

/** The same words in all places of an answer to {@link everywhere}. */
const allOf = (owner: string) => ({
  direct: owner,
  message: owner,
  one: owner,
  two: owner,
  rows: [1, 2, 3].map(() => ({ owner, shown: owner, told: owner })),
});

test('of what a client sends, backends get what the schema names, and nothing more (B-66)', async () => {
  const forwarding = await openForwarding();
  answerWith('x-token');
  const body = JSON.stringify({ query: everywhere });
  const hostileHeaders: [string, string][] = [
    ['X-Team', 'blue'],
    ['Accept-Language', 'de'],
    ['Cookie', 'session=1'],
    ['X-Internal', 'yes'],
    ['X-Forwarded-Host', 'evil.example.com'],
    ['X-Forwarded-For', '10.0.0.1'],
    ['Forwarded', 'for=10.0.0.1'],
    ['X-Real-IP', '10.0.0.1'],
    ['Via', '1.1 evil'],
    ['TE', 'trailers'],
    ['Proxy-Authorization', 'Basic eDp5'],
    ['X_Team', 'red'],
    ['X-HTTP-Method-Override', 'DELETE'],
    ['grpc-timeout', '1n'],
    ['grpc-encoding', 'gzip'],
    ['x-team-bin', 'AAAA'],
    ['User-Agent', 'evil'],
    ['Origin', forwarding.url],
    ['Accept-Encoding', 'br'],
    ['If-None-Match', '"1"'],
    ['Range', 'bytes=0-1'],
    ['Expect', '100-continue'],
    ['baggage', 'user=1'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Content-Type', 'application/json'],
  ];
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(`${forwarding.url}/graphql`, { method: 'POST' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    for (const [name, value] of hostileHeaders) request.setHeader(name, value);
    request.on('error', reject).end(body);
  });
  expect(status).toBe(200);
  for (const seen of [...rest.seen, ...service.seen]) {
    const names = seen.names.map((name) => name.toLowerCase()).toSorted();
    const own = seen.line.startsWith('POST')
      ? ['accept', 'connection', 'content-length', 'content-type', 'host']
      : ['accept', 'connection', 'host'];
    expect(names.filter((name) => !own.includes(name))).toEqual(['accept-language', 'x-team']);
    expect(seen.header('x-team')).toEqual(['blue']);
    expect([rest.url, service.url]).toContain(`http://${seen.header('host')[0] ?? ''}`);
  }
  for (const { metadata } of rpc.seen) {
    const own = ['user-agent', 'grpc-accept-encoding', 'accept-encoding', 'content-type', 'te'];
    const names = Object.keys(metadata.getMap());
    expect(names.filter((name) => !own.includes(name)).toSorted()).toEqual(['accept-language', 'x-team']);
    expect(metadata.get('user-agent').join()).not.toContain('evil');
  }
  expect(rest.seen.length * service.seen.length * rpc.seen.length).toBeGreaterThan(0);
});

test.each([
  ['that Connection lists', { connection: 'close, x-team', 'x-team': 'blue' }],
  ['of the connection', { 'keep-alive': 'x', te: 'x', upgrade: 'x' }],
])('a header %s ends here (B-66)', async (_, headers) => {
  const forwarding = await openForwarding();
  answerWith('x-token');
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest(
      `${forwarding.url}/graphql`,
      { method: 'POST', headers: { ...json, ...headers } },
      (response) => response.resume().on('end', resolve),
    );
    request.on('error', reject).end('{"query":"{ direct message one }"}');
  });
  const names = [...rest.seen, ...service.seen].flatMap((seen) =>
    seen.names.map((name) => name.toLowerCase()),
  );
  expect(names).not.toContain('x-team');
  expect(rpc.seen.flatMap(({ metadata }) => metadata.get('x-team'))).toEqual([]);
});

test('of what backends say of themselves, clients get nothing (B-67)', async () => {
  const forwarding = await openForwarding();
  answerWith('x-token');
  const plain = await forwarding.ask(everywhere);
  const loud = {
    ...json,
    ...Object.fromEntries(
      [
        'Location',
        'Server',
        'X-Powered-By',
        'X-Internal',
        'WWW-Authenticate',
        'Via',
        'ETag',
        'X-Request-Id',
      ].map((name) => [name, 'hunter2']),
    ),
    'Set-Cookie': ['a=hunter2', 'b=hunter2'],
    'Access-Control-Allow-Origin': '*',
    'Cache-Control': 'public, max-age=99',
    'Strict-Transport-Security': 'max-age=99',
    'Retry-After': '99',
    Connection: 'close',
    'Transfer-Encoding': 'chunked',
  };
  rest.reset((response) => response.writeHead(200, loud).end('{"owner":""}'));
  service.reset((response) =>
    response.writeHead(200, loud).end('{"data":{"owner":"","_0":"","_1":"","_2":""}}'),
  );
  const metadata = new Metadata();
  for (const name of ['set-cookie', 'server', 'location', 'x-internal']) metadata.set(name, 'hunter2');
  rpc.send(metadata, metadata);
  const answered = await forwarding.ask('{ direct message one two }');
  expect(answered.errors).toEqual([]);
  expect(JSON.stringify([...answered.headers])).not.toMatch(/hunter2|99/);
  const names = (headers: Headers) => [...headers.keys()].filter((name) => name !== 'content-length');
  expect(names(answered.headers)).toEqual(names(plain.headers));
});

// Callers of the same moment

/** Fifty at a time: each pair leaves in one moment, and the pairs overlap. */
async function inPairs<T>(many: number, each: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let start = 0; start < many; start += 50) {
    const indexes = Array.from({ length: Math.min(50, many - start) }, (_, index) => start + index);
    const pairs = indexes.flatMap((index) => [each(2 * index), each(2 * index + 1)]);
    answers.push(...(await Promise.all(pairs)));
  }
  return answers;
}

describe('callers of the same moment (B-68)', () => {
  const hash = createHash('sha256').update(everywhere).digest('hex');
  const persisted = { persistedQuery: { version: 1, sha256Hash: hash } };

  test.each([
    [500, 'by the text of the query', { query: everywhere }],
    [50, 'by its hash', { extensions: persisted }],
    [
      50,
      'with variables',
      {
        query: everywhere.replace('[1, 2, 3]', '$ids').replace('{', 'query ($ids: [ID!]!) {'),
        variables: { ids: ['1', '2', '3'] },
      },
    ],
  ])(
    '%i pairs each have their own answers, joined and merged, and leave with their own tokens: %s',
    async (pairs, _, body) => {
      const forwarding = await openForwarding({ jwt: [] });
      answerWith('x-token');
      await forwarding.post(JSON.stringify({ query: everywhere, extensions: persisted }), {
        headers: { authorization: 'Bearer first' },
      });
      answerWith('x-token');
      const tokens = Array.from(
        { length: 2 * pairs },
        (_, index) => `Bearer ${index}-${'x'.repeat(index % 150)}`,
      );
      const text = JSON.stringify(body);
      const answers = await inPairs(pairs, (index) =>
        forwarding.post(text, { headers: { authorization: tokens[index] ?? '' } }),
      );
      answers.forEach(({ data, errors }, index) => {
        if (errors.length > 0 || JSON.stringify(data) !== JSON.stringify(allOf(tokens[index] ?? '')))
          expect({ index, data, errors }).toEqual({ index, data: allOf(tokens[index] ?? ''), errors: [] });
      });
      // One call for all rows and one for the rest over REST; of five fields of the service, some leave together.
      const seen = (all: readonly { header(name: string): string[] }[]) =>
        counts(all.flatMap((one) => one.header('x-token')));
      expect(seen(rest.seen)).toEqual(new Map(tokens.map((token) => [token, 2])));
      expect(new Set(seen(service.seen).keys())).toEqual(new Set(tokens));
      expect(Math.max(...seen(service.seen).values())).toBeLessThan(5);
      const told = rpc.seen.flatMap(({ metadata }) => metadata.get('x-token').map(String));
      expect(counts(told)).toEqual(new Map(tokens.map((token) => [token, 4])));
    },
    60_000,
  );

  test('one caller, in one moment, with two languages: each call has its own (B-69)', async () => {
    const forwarding = await openForwarding({ jwt: [] });
    answerWith('accept-language');
    const languages = ['de', 'en', 'fr;q=0.5, *;q=0.1', 'de-CH'];
    const answers = await inPairs(50, (index) =>
      forwarding.ask(everywhere, {
        headers: {
          authorization: 'Bearer same',
          'accept-language': languages[index % languages.length] ?? '',
        },
      }),
    );
    answers.forEach(({ data }, index) =>
      expect(data).toEqual(allOf(languages[index % languages.length] ?? '')),
    );
  });

  test('mutations that are alike in all they send are each made', async () => {
    const forwarding = await openForwarding();
    answerWith('x-token');
    await inPairs(10, () => forwarding.ask('mutation { change }'));
    expect(rest.seen.filter((seen) => seen.line === 'POST /change')).toHaveLength(20);
  });
});

function counts(values: readonly string[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return counted;
}

// Time

/** Three chains, each over one protocol: every step has the id of the next. */
async function openSteps(timeoutMs: number): Promise<Running> {
  const step = (field: string, connect: string) => `${field} @connect(${connect})`;
  const next = { rest: '', rpc: '', service: '' };
  const byRest = (id: string) => `source: "rest", http: { GET: "/step/{${id}}" }, selection: "id: next"`;
  const byRpc = (id: string) =>
    `source: "rpc", grpc: { method: "places.v1.Places/Put", request: "id: ${id}" }, selection: "id: next"`;
  const byService = (id: string) =>
    `source: "service", graphql: { query: "step", args: "id: ${id}" }, selection: "id: next"`;
  const chain = Object.keys(next).map((name) => {
    const by = { rest: byRest, rpc: byRpc, service: byService }[name as keyof typeof next];
    const type = `Step${name}`;
    return {
      root: step(`${name}: ${type}`, by("$('0')")),
      type: `type ${type} { id: ID ${step(`next: ${type}`, by('$this.id'))} }`,
    };
  });
  const home = mkdtempSync(join(tmpdir(), 'backstitch-steps-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  copyFileSync(join(folder, 'places.proto'), join(home, 'places.proto'));
  writeFileSync(
    join(home, 'steps.remote.graphql'),
    'type Query { step(id: ID): Step } type Step { next: ID }',
  );
  writeFileSync(
    join(home, 'steps.graphql'),
    `extend schema
       @source(name: "rest", http: { baseURL: "{$env.REST}" })
       @source(name: "rpc", grpc: { address: "{$env.RPC}", proto: ["places.proto"] })
       @source(name: "service", graphql: { url: "{$env.SERVICE}", schema: "steps.remote.graphql" })
     type Query { ${chain.map(({ root }) => root).join(' ')} }
     ${chain.map(({ type }) => type).join('\n')}`,
  );
  const opened = await run({
    config: { schemas: home, timeout: `${timeoutMs}ms` },
    environment: { REST: rest.url, RPC: rpc.address, SERVICE: `${service.url}/graphql` },
  });
  onTestFinished(() => opened.close());
  return opened;
}

describe('when the client goes (B-70)', () => {
  test('every call that is made for it is broken off', async () => {
    const client = new AbortController();
    const hang = () => undefined;
    rest.reset(hang);
    service.reset(hang);
    rpc.reset(() => new Promise(() => undefined));
    const asked = running
      .ask('{ a: path(id: 1) b: path(id: 2) message(id: 1) variable(id: 1) }', { signal: client.signal })
      .catch(() => 'gone');
    const everyCall = () => [...rest.seen, ...service.seen, ...rpc.seen];
    await vi.waitFor(() => expect(everyCall()).toHaveLength(4), longestMs);
    expect(everyCall().some(({ left }) => left.aborted)).toBe(false);
    client.abort();
    expect(await asked).toBe('gone');
    await vi.waitFor(() => expect(everyCall().every(({ left }) => left.aborted)).toBe(true), longestMs);
  });

  test('no further step is taken', async () => {
    const steps = await openSteps(10_000);
    const client = new AbortController();
    const answers: (() => void)[] = [];
    rest.reset((response) => answers.push(() => response.writeHead(200, json).end('{"next":"1"}')));
    const asked = steps.ask('{ rest { next { id } } }', { signal: client.signal }).catch(() => 'gone');
    await vi.waitFor(() => expect(rest.seen).toHaveLength(1), longestMs);
    client.abort();
    expect(await asked).toBe('gone');
    await vi.waitFor(() => expect(rest.seen[0]?.left.aborted).toBe(true), longestMs);
    answers.forEach((answer) => answer());
    rest.reset((response) => response.writeHead(200, json).end('{"next":null}'));
    expect(await steps.ask('{ rest { id } }')).toMatchObject({ data: { rest: { id: null } } });
    expect(rest.seen).toHaveLength(1);
  });
});

describe('the time of an operation over three steps (B-70)', () => {
  const timeoutMs = 3_000;
  const stepMs = 300;

  test('goes on running: each gRPC call is told what is left', async () => {
    const steps = await openSteps(timeoutMs);
    rpc.reset(async () => {
      await wait(stepMs);
      return Buffer.from([18, 1, 48 + rpc.seen.length]);
    });
    const before = Date.now();
    const answered = await steps.ask('{ rpc { next { next { id } } } }');
    expect(answered).toMatchObject({ data: { rpc: { next: { next: { id: '3' } } } }, errors: [] });
    const left = rpc.seen.map(({ at, deadline }) => deadline - at);
    expect(left).toHaveLength(3);
    // Rounded up on its way, and by two clocks.
    const slackMs = 50;
    left.forEach((ms, index) => {
      expect(ms).toBeLessThanOrEqual(timeoutMs - index * stepMs + slackMs);
      expect(ms).toBeGreaterThan(0);
    });
    const end = before + timeoutMs + 1_000;
    expect(rpc.seen.every(({ deadline }) => deadline < end)).toBe(true);
  });

  test('ends at the third step, over every protocol', async () => {
    const steps = await openSteps(timeoutMs);
    /** Answers the first two calls late, and no other. */
    const late = (seen: readonly unknown[], answer: (next: number) => unknown) => {
      const next = seen.length;
      if (next < 3) setTimeout(() => answer(next), stepMs);
    };
    rest.reset((response) =>
      late(rest.seen, (next) => response.writeHead(200, json).end(`{"next":"${next}"}`)),
    );
    service.reset((response) =>
      late(service.seen, (next) => response.writeHead(200, json).end(`{"data":{"step":{"next":"${next}"}}}`)),
    );
    rpc.reset(
      () => new Promise((resolve) => late(rpc.seen, (next) => resolve(Buffer.from([18, 1, 48 + next])))),
    );
    const chain = '{ id next { id next { id } } }';
    const start = performance.now();
    const answered = await steps.ask(`{ rest ${chain} rpc ${chain} service ${chain} }`);
    expect(performance.now() - start).toBeLessThan(timeoutMs + 2_000);
    const reached = { id: '1', next: { id: '2', next: null } };
    expect(answered).toMatchObject({
      data: { rest: reached, rpc: reached, service: reached },
      errors: ['rest', 'rpc', 'service'].map((field) => `${field}.next.next GATEWAY_TIMEOUT`),
    });
    for (const { seen } of [rest, rpc, service]) {
      expect(seen).toHaveLength(3);
      await vi.waitFor(() => expect(seen[2]?.left.aborted).toBe(true), longestMs);
    }
  });
});
