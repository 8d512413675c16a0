import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buildSchema, GraphQLError, type ExecutionResult } from 'graphql';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { RequestContext } from '../../src/base/context.js';
import { GatewayError } from '../../src/base/errors.js';
import type { CallerFacts } from '../../src/server/apollo.js';
import { createQueryLimits } from '../../src/policy/query-limits/query-limits.js';
import type { Served } from '../../src/server/serve.js';
import { Feed, feedExecutable, until } from './feed.js';
import { contextFor, exchange, executableFor, headText, post, postText, start, tokenOf } from './support.js';

const protocol = 'graphql-transport-ws';

/** The client that most people have, closed at the end of the test. */
function clientOf(served: Served, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: `ws://127.0.0.1:${served.port}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...options,
  });
  onTestFinished(() => void client.dispose());
  return client;
}

/** All answers to an operation. */
async function ask(client: Client, query: string, variables: Record<string, unknown> = {}) {
  const answers: unknown[] = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  return answers;
}

/** A WebSocket without a library that knows the protocol. */
class Bare {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  constructor(served: Served, headers: Record<string, string> = {}, options: object = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${served.port}/graphql`, protocol, { headers, ...options });
    this.socket.on('message', (data: Buffer) => this.texts.push(data.toString()));
    // Said by `close`, too.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    onTestFinished(() => this.socket.terminate());
  }

  async opened(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  send(...messages: readonly (object | string)[]): this {
    for (const message of messages) {
      this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    }
    return this;
  }

  /** The messages so far, when there are as many as this. */
  async messages(count: number): Promise<Record<string, unknown>[]> {
    await until(() => this.texts.length >= count);
    return this.texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  }
}

const init = { type: 'connection_init' };

function subscribeTo(id: string, query = 'subscription { ticks }') {
  return { id, type: 'subscribe', payload: { query } };
}

async function connected(served: Served, headers?: Record<string, string>, params?: object): Promise<Bare> {
  const bare = await new Bare(served, headers).opened();
  bare.send({ ...init, payload: params });
  await bare.messages(1);
  return bare;
}

/** What a request to open a WebSocket gets that is refused. */
async function refusal(served: Served, headers: Record<string, string> = {}, path = '/graphql') {
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}${path}`, protocol, { headers });
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
  ];
  let body = '';
  for await (const chunk of response) body += chunk.toString();
  return {
    status: response.statusCode,
    headers: response.headers,
    body: JSON.parse(body) as { errors: unknown },
  };
}

/** Tokens are `Bearer <subject>`, or `Bearer <subject>@<seconds>` with the time they are good for. */
async function expiringContextFor(facts: CallerFacts): Promise<RequestContext> {
  const [, subject, seconds] = /^Bearer (\w+)@(-?[\d.]+)$/.exec(tokenOf(facts) ?? '') ?? [];
  if (subject === undefined) return contextFor(facts);
  const expiresAt = started + Number(seconds) * 1_000;
  return new RequestContext({ ...facts, identity: { subject, claims: {}, expiresAt } });
}

const started = Date.now();

describe('a client of graphql-transport-ws', () => {
  test('gets the events of a subscription in order, and hears that there are no more', async () => {
    const feed = new Feed();
    const client = clientOf(await start({ executable: feedExecutable(feed) }));
    const answers = ask(client, 'subscription { ticks }');
    for (const tick of [1, 2, 3]) {
      await feed.awaited();
      feed.push(tick);
    }
    await feed.awaited();
    feed.finish();
    expect(await answers).toEqual([1, 2, 3].map((ticks) => ({ data: { ticks } })));
  });

  test('can ask queries and mutations too', async () => {
    const client = clientOf(await start({ executable: feedExecutable(new Feed()) }));
    expect(await ask(client, '{ hello }')).toEqual([{ data: { hello: 'world' } }]);
    expect(await ask(client, 'mutation { touch }')).toEqual([{ data: { touch: 'touched' } }]);
  });

  test('runs many operations on one connection, each with its own answers', async () => {
    const client = clientOf(await start());
    const names = Array.from({ length: 50 }, (_, i) => `name ${i}`);
    const asked = names.map((text) => ask(client, 'query ($text: String) { echo(text: $text) }', { text }));
    expect(await Promise.all(asked)).toEqual(names.map((text) => [{ data: { echo: text } }]));
  });

  test('is served at / as well', async () => {
    const served = await start();
    const client = clientOf(served, { url: `ws://127.0.0.1:${served.port}/` });
    expect(await ask(client, '{ hello }')).toEqual([{ data: { hello: 'world' } }]);
  });

  test('reads big integers with all their digits', async () => {
    const feed = new Feed();
    const bare = await connected(await start({ executable: feedExecutable(feed) }));
    bare.send(subscribeTo('q', '{ big }'), subscribeTo('s'));
    await feed.awaited();
    feed.push(2n ** 63n);
    await bare.messages(4);
    expect(bare.texts.slice(1)).toEqual([
      '{"id":"q","type":"next","payload":{"data":{"big":9007199254740993}}}',
      '{"id":"q","type":"complete"}',
      '{"id":"s","type":"next","payload":{"data":{"ticks":9223372036854775808}}}',
    ]);
  });

  test('gets a pong for its ping, with the payload', async () => {
    const bare = await connected(await start());
    bare.send({ type: 'ping' }, { type: 'ping', payload: { at: 7 } }, { type: 'pong' });
    const [, ...pongs] = await bare.messages(3);
    expect(pongs).toEqual([{ type: 'pong' }, { type: 'pong', payload: { at: 7 } }]);
  });
});

describe('an operation over a WebSocket is guarded as one by POST', () => {
  const texts = {
    'introspection by __schema': '{ __schema { queryType { name } } }',
    'introspection by __type behind an alias':
      'subscription { x: ticks } query B { y: __type(name: "Q") { name } }',
    'introspection in a fragment': '{ ...f } fragment f on Query { __schema { description } }',
    'a field that is not there': '{ helo }',
    'an operation among several': 'query A { hello } query B { hello }',
    'a syntax error': '{ hello',
    'too many tokens': `{ ${'hello '.repeat(200)} }`,
    'no document': '',
    'a variable that does not fit': 'query ($n: String!) { header(name: $n) }',
  };

  test.each(Object.entries(texts))('%s', async (_, query) => {
    const served = await start({
      executable: feedExecutable(new Feed()),
      mode: 'production',
      queryLimits: createQueryLimits({ limits: { maxTokens: 150 } }),
    });
    const { body } = await post(served, { query, extensions: {} });
    const bare = await connected(served);
    bare.send(subscribeTo('1', query));
    const [, answer] = await bare.messages(2);
    expect(body.errors).not.toEqual([]);
    expect(answer).toEqual({ id: '1', type: 'error', payload: body.errors });
    expect(JSON.stringify(answer)).not.toContain('Did you mean');
  });

  test('a rule of validation of our own', async () => {
    const served = await start({
      validationRules: [
        (context) => ({
          Field: (node) => context.reportError(new GraphQLError('Not today.', { nodes: node })),
        }),
      ],
    });
    const client = clientOf(served);
    await expect(ask(client, 'subscription { ticks }')).rejects.toMatchObject([{ message: 'Not today.' }]);
  });

  test('a suggestion in development', async () => {
    const client = clientOf(await start());
    await expect(ask(client, '{ helo }')).rejects.toMatchObject([
      { message: expect.stringContaining('Did you mean "hello"') as string },
    ]);
  });
});

describe('who asks', () => {
  const whoAmI = '{ caller }';

  test.each([
    ['the upgrade request says', { headers: { authorization: 'Bearer ann' } }],
    ['connectionParams say', { params: { authorization: 'Bearer ann' } }],
    ['connectionParams say with a capital', { params: { Authorization: 'Bearer ann' } }],
    ['both say', { headers: { authorization: 'Bearer ann' }, params: { authorization: 'Bearer ann' } }],
    [
      'the upgrade request says in a header that Connection lists',
      { headers: { authorization: 'Bearer ann', connection: 'Upgrade, Authorization' } },
    ],
  ])('is whom %s', async (_, given: { headers?: Record<string, string>; params?: object }) => {
    const bare = await connected(await start(), given.headers, given.params);
    bare.send(subscribeTo('1', whoAmI));
    expect((await bare.messages(2))[1]).toMatchObject({ payload: { data: { caller: 'ann' } } });
  });

  test.each([
    ['a bad token in the upgrade request', { authorization: 'Bearer bad' }, {}, 'The token is not valid.'],
    ['a bad token in connectionParams', {}, { authorization: 'Bearer bad' }, 'The token is not valid.'],
    [
      'a good token here and a bad one there',
      { authorization: 'Bearer ann' },
      { authorization: 'Bearer bad' },
      'The request and connection_init have different tokens.',
    ],
    [
      'two tokens in connectionParams',
      {},
      { authorization: 'Bearer ann', Authorization: 'Bearer ann' },
      '"authorization" comes twice.',
    ],
    ['a token that is no text', {}, { authorization: null }, '"authorization" is not the text of a header.'],
    [
      'a token with a line break',
      {},
      { authorization: 'Bearer ann\r\nx-role: admin' },
      '"authorization" is not the text of a header.',
    ],
  ])('is nobody, not even anonymous, with %s', async (_, headers, params, reason) => {
    const bare = await new Bare(await start(), headers).opened();
    bare.send({ ...init, payload: params }, subscribeTo('1', whoAmI));
    expect((await bare.closed).code).toBeGreaterThan(4400);
    expect(bare.texts).toEqual([]);
    const second = await new Bare(await start(), headers).opened();
    second.send({ ...init, payload: params });
    expect(await second.closed).toEqual({ code: 4403, reason });
  });

  test('is fixed with the connection, and nobody else on another one', async () => {
    const served = await start();
    const [ann, bob, nobody] = await Promise.all([
      connected(served, {}, { authorization: 'Bearer ann' }),
      connected(served, {}, { authorization: 'Bearer bob' }),
      connected(served),
    ]);
    for (let i = 0; i < 10; i++) {
      for (const bare of [ann, bob, nobody]) {
        bare.send({
          id: `${i}`,
          type: 'subscribe',
          payload: {
            query: whoAmI,
            authorization: 'Bearer eve',
            extensions: { authorization: 'Bearer eve' },
          },
        });
      }
    }
    const callersOf = async (bare: Bare) => {
      const messages = (await bare.messages(21)) as { payload?: { data?: { caller: unknown } } }[];
      return new Set(messages.flatMap(({ payload }) => (payload?.data ? [payload.data.caller] : [])));
    };
    expect(await Promise.all([ann, bob, nobody].map(callersOf))).toEqual([
      new Set(['ann']),
      new Set(['bob']),
      new Set([null]),
    ]);
  });

  test('is not said by a mistake of ours: the connection ends, and the log has the cause', async () => {
    const errors: unknown[] = [];
    const served = await start({
      log: { info: () => undefined, warn: () => undefined, error: ({ error }) => errors.push(error) },
      contextFor: async () => {
        throw new Error('redis://user:secret@10.0.0.9 is gone');
      },
    });
    const bare = (await new Bare(served).opened()).send(init);
    expect(await bare.closed).toEqual({ code: 4500, reason: 'The gateway failed.' });
    expect(errors).toHaveLength(1);
  });

  test('and each operation has a context of its own', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed) });
    const bare = await connected(served);
    bare.send(subscribeTo('1'), subscribeTo('2'));
    await feed.awaited(2);
    const [first, second] = feed.contexts;
    expect(first).toBeInstanceOf(RequestContext);
    expect(first).not.toBe(second);
    expect(first?.address).toMatch(/127\.0\.0\.1$/);
  });
});

describe('headers of a connection', () => {
  const headerOf = async (bare: Bare, name: string) => {
    bare.send(subscribeTo(name, `{ header(name: "${name}") }`));
    await until(() => bare.texts.some((text) => text.includes(`"${name}","type":"complete"`)));
    const text = bare.texts.find((each) => each.includes(`"${name}","type":"next"`)) ?? '';
    return (JSON.parse(text) as { payload: { data: { header: unknown } } }).payload.data.header;
  };

  test('are those of the upgrade request, without what belongs to the WebSocket', async () => {
    const bare = await connected(await start(), { 'x-tenant': 'blue' });
    expect(await headerOf(bare, 'x-tenant')).toEqual(['blue']);
    for (const name of ['upgrade', 'connection', 'sec-websocket-key', 'sec-websocket-protocol']) {
      expect(await headerOf(bare, name)).toBeNull();
    }
  });

  test('come from connectionParams where that is expected, and where the request has none', async () => {
    const served = await start({ connectionHeaders: ['X-Tenant', 'x-team'] });
    const bare = await connected(
      served,
      { 'x-team': 'real' },
      { 'x-tenant': 'blue', 'x-team': 'forged', 'x-role': 'admin', authorization: 'Bearer ann' },
    );
    expect(await headerOf(bare, 'x-tenant')).toEqual(['blue']);
    expect(await headerOf(bare, 'x-team')).toEqual(['real']);
    expect(await headerOf(bare, 'x-role')).toBeNull();
    expect(await headerOf(bare, 'authorization')).toEqual(['Bearer ann']);
  });

  test('cannot be reached by the names of a prototype', async () => {
    const bare = await new Bare(await start()).opened();
    bare.send(
      '{"type":"connection_init","payload":{"__proto__":{"authorization":"Bearer eve"},"constructor":1}}',
    );
    await bare.messages(1);
    bare.send(subscribeTo('__proto__', '{ caller }'), subscribeTo('constructor', '{ caller }'));
    expect((await bare.messages(5)).slice(1)).toMatchObject([
      { id: '__proto__', payload: { data: { caller: null } } },
      { id: '__proto__', type: 'complete' },
      { id: 'constructor', payload: { data: { caller: null } } },
      { id: 'constructor', type: 'complete' },
    ]);
  });
});

describe('a token that expires', () => {
  test('ends the connection within a second, and its subscriptions', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), contextFor: expiringContextFor });
    const token = `Bearer ann@${(Date.now() - started) / 1_000 + 0.3}`;
    const expiresAt = Date.now() + 300;
    const bare = await connected(served, { authorization: token });
    bare.send(subscribeTo('1'));
    await feed.awaited();
    expect(await bare.closed).toEqual({ code: 4403, reason: 'The token has expired.' });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 5);
    expect(Date.now()).toBeLessThan(expiresAt + 1_000);
    await until(() => feed.closed === 1);
  });

  test('is not good for a connection once it has', async () => {
    const served = await start({ contextFor: expiringContextFor });
    const bare = await new Bare(served, { authorization: 'Bearer ann@-1' }).opened();
    bare.send(init);
    expect(await bare.closed).toEqual({ code: 4403, reason: 'The token has expired.' });
    expect(bare.texts).toEqual([]);
  });

  test('is renewed by a client that comes back, and its subscription goes on', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), contextFor: expiringContextFor });
    const seconds = [0.2, 3_600].map((more) => (Date.now() - started) / 1_000 + more);
    const client = clientOf(served, {
      retryAttempts: 5,
      retryWait: async () => undefined,
      connectionParams: () => ({ authorization: `Bearer ann@${seconds.shift()}` }),
    });
    const events = client.iterate({ query: 'subscription { ticks }' });
    const first = events.next();
    await until(() => feed.opened === 2);
    await feed.awaited();
    feed.push('after');
    expect((await first).value).toEqual({ data: { ticks: 'after' } });
  });
});

describe('the handshake is refused, in JSON', () => {
  test.each([
    ['of another origin', { origin: 'https://evil-example.com' }],
    ['of no origin', { origin: 'null' }],
    ['of an origin that begins like ours', { origin: 'https://shop.example.com.evil.com' }],
    ['of our host on another port', { origin: 'http://127.0.0.1:1' }],
  ])('to a page %s', async (_, headers) => {
    const served = await start({ corsOrigins: ['https://shop.example.com'] });
    const { status, body } = await refusal(served, headers);
    expect([status, body]).toEqual([
      403,
      {
        errors: [{ message: 'Pages of this origin may not connect.', extensions: { code: 'BAD_REQUEST' } }],
      },
    ]);
  });

  test('except to pages of allowed origins, to our own, and to what is no browser', async () => {
    const served = await start({ corsOrigins: ['https://shop.example.com'] });
    const own = `127.0.0.1:${served.port}`;
    for (const origin of ['https://shop.example.com', `http://${own}`, `https://${own}`, undefined]) {
      await connected(served, origin === undefined ? {} : { origin });
    }
  });

  test('at another path', async () => {
    expect((await refusal(await start(), {}, '/live')).status).toBe(404);
  });

  const handshake = [
    'GET /graphql HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
  ];
  const without = (name: string, ...more: string[]) => [
    ...handshake.filter((line) => !line.startsWith(name)),
    ...more,
  ];

  test.each([
    ['without a sub-protocol', without('Sec-WebSocket-Protocol'), 400],
    [
      'with the sub-protocol of subscriptions-transport-ws',
      without('Sec-WebSocket-Protocol', 'Sec-WebSocket-Protocol: graphql-ws'),
      400,
    ],
    [
      'with a list of protocols that is none',
      without('Sec-WebSocket-Protocol', `Sec-WebSocket-Protocol: graphql-transport-ws,,`),
      400,
    ],
    ['without a key', without('Sec-WebSocket-Key'), 400],
    ['of another version', without('Sec-WebSocket-Version', 'Sec-WebSocket-Version: 99'), 400],
    ['by POST', [...handshake.with(0, 'POST /graphql HTTP/1.1'), 'Content-Length: 0'], 405],
    ['without a host', without('Host'), 400],
    ['with two hosts', [...handshake, 'Host: evil'], 400],
    ['with two tokens', [...handshake, 'Authorization: Bearer a', 'Authorization: Bearer b'], 400],
    ['with too many headers', [...handshake, ...Array.from({ length: 101 }, (_, i) => `x-${i}: 1`)], 431],
  ])('%s', async (_, lines, status) => {
    const { answers } = await exchange(await start(), headText(lines));
    expect(answers).toMatchObject([
      { status, headers: { connection: 'close' }, body: { errors: [{ extensions: {} }] } },
    ]);
  });

  test('behind a request that is not answered yet, whose answer comes whole', async () => {
    let open: (value: string) => void = () => undefined;
    const slow = () => new Promise<string>((resolve) => (open = resolve));
    const served = await start({ executable: feedExecutable(new Feed(), { fields: { slow } }) });
    const first = postText('{"query":"{ slow }"}', ['Connection: keep-alive']);
    const both = exchange(served, first + headText(handshake));
    setTimeout(() => open('done'), 50);
    expect((await both).answers).toMatchObject([{ status: 200, body: { data: { slow: 'done' } } }]);
  });

  test('behind such a request, also if the connection breaks before the answer', async () => {
    let open: (value: string) => void = () => undefined;
    const slow = () => new Promise<string>((resolve) => (open = resolve));
    const signals: AbortSignal[] = [];
    const served = await start({
      executable: feedExecutable(new Feed(), { fields: { slow } }),
      contextFor: async (facts) => {
        signals.push(facts.signal);
        return contextFor(facts);
      },
    });
    const socket = connect(served.port, '127.0.0.1');
    socket.write(postText('{"query":"{ slow }"}', ['Connection: keep-alive']) + headText(handshake));
    await until(() => signals.length === 1);
    socket.resetAndDestroy();
    await until(() => signals[0]?.aborted === true);
    open('done');
    expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  });

  test('to one client more than there may be, until another has gone', async () => {
    const served = await start({ subscriptions: { maxSubscribers: 1 } });
    const first = await connected(served);
    const { status, headers, body } = await refusal(served);
    expect([status, headers['retry-after'], body.errors]).toMatchObject([
      503,
      '5',
      [{ extensions: { code: 'OVERLOADED' } }],
    ]);
    first.socket.close();
    await first.closed;
    await connected(served);
  });

  test('never to other requests: what offers another protocol is answered as HTTP', async () => {
    const lines = ['GET /live HTTP/1.1', 'Host: localhost', 'Connection: close, Upgrade', 'Upgrade: foo'];
    const { answers } = await exchange(await start(), headText(lines));
    expect(answers).toMatchObject([{ status: 200 }]);
  });

  test('and compression is not agreed to', async () => {
    const bare = new Bare(await start(), {}, { perMessageDeflate: true });
    await bare.opened();
    expect(bare.socket.extensions).toBe('');
  });
});

describe('the connection ends', () => {
  const executed: string[] = [];
  const hello = () => {
    executed.push('hello');
    return 'world';
  };

  test.each([
    ['4401 for an operation before connection_init', [subscribeTo('1', '{ hello }')], 4401],
    ['4401 for an operation before the acknowledgement', [init, subscribeTo('1', '{ hello }')], 4401],
    ['4429 for a second connection_init', [init, init], 4429],
    ['4400 for what is not JSON', ['{'], 4400],
    ['4400 for nothing', [''], 4400],
    ['4400 for a list', ['[]'], 4400],
    ['4400 for null', ['null'], 4400],
    ['4400 for an unknown type', ['{"type":"start"}'], 4400],
    ['4400 for a type of the prototype', ['{"type":"__proto__"}'], 4400],
    ['4400 for a message that only servers send', ['{"type":"connection_ack"}'], 4400],
    ['4400 for an operation without an id', ['{"type":"subscribe","payload":{"query":"{hello}"}}'], 4400],
    ['4400 for an operation without a query', ['{"id":"1","type":"subscribe","payload":{}}'], 4400],
    [
      '4400 for variables that are a list',
      ['{"id":"1","type":"subscribe","payload":{"query":"{hello}","variables":[]}}'],
      4400,
    ],
    ['4400 for a member that comes twice', ['{"type":"ping","type":"connection_init"}'], 4400],
    ['4400 for JSON without end', [`{"type":"ping","payload":{"a":${'['.repeat(50_000)}`], 4400],
    ['4400 for depth', [`{"type":"ping","payload":{"a":${'['.repeat(500)}${']'.repeat(500)}}}`], 4400],
    ['4400 for half of a surrogate pair', ['{"type":"ping","payload":{"a":"\\ud800"}}'], 4400],
    [
      '1009 for a message larger than a body may be',
      [`{"type":"ping","payload":{"a":"${'a'.repeat(2 ** 20)}"}}`],
      1009,
    ],
  ])('with %s', async (_, messages, code) => {
    executed.length = 0;
    const served = await start({ executable: feedExecutable(new Feed(), { fields: { hello } }) });
    const bare = (await new Bare(served).opened()).send(...messages);
    expect((await bare.closed).code).toBe(code);
    expect(executed).toEqual([]);
    expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  });

  test('with 4400 for binary, and for an id that is too long', async () => {
    const served = await start();
    const binary = await new Bare(served).opened();
    binary.socket.send(Buffer.from(JSON.stringify(init)));
    expect((await binary.closed).code).toBe(4400);
    const bare = (await connected(served)).send(subscribeTo('i'.repeat(257), '{ hello }'));
    expect((await bare.closed).code).toBe(4400);
  });

  test('with 4409 for an id that is in use', async () => {
    const feed = new Feed();
    const bare = await connected(await start({ executable: feedExecutable(feed) }));
    bare.send(subscribeTo('1'), subscribeTo('1'));
    expect(await bare.closed).toEqual({ code: 4409, reason: 'Subscriber for 1 already exists' });
    await until(() => feed.closed === feed.opened);
  });

  test('with 4408 for silence', async () => {
    const bare = new Bare(await start({ subscriptions: { initTimeoutMs: 50 } }));
    expect((await bare.closed).code).toBe(4408);
  });

  test('for what is not a frame of a WebSocket, and the process lives', async () => {
    const served = await start();
    const bytes = headText([
      'GET /graphql HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: graphql-transport-ws',
    ]);
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write(`${bytes}GET / HTTP/1.1\r\n\r\n`);
    await once(socket, 'close');
    expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  });

  test('when the other side gives no sign of life', async () => {
    const served = await start({ subscriptions: { pingIntervalMs: 30 } });
    const alive = await connected(served);
    const dead = new Bare(served, {}, { autoPong: false });
    expect((await dead.closed).code).toBe(1006);
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe('an operation', () => {
  test('more than a connection may have is refused by itself; those before it go on', async () => {
    const feed = new Feed();
    const served = await start({
      executable: feedExecutable(feed),
      subscriptions: { maxOperationsPerSocket: 2 },
    });
    const bare = await connected(served);
    bare.send(subscribeTo('1'), subscribeTo('2'), subscribeTo('3'));
    const message = 'More than 2 operations at a time are not run on a connection.';
    expect((await bare.messages(2))[1]).toEqual({
      id: '3',
      type: 'error',
      payload: [{ message, extensions: { code: 'BAD_REQUEST' } }],
    });
    bare.send({ id: '1', type: 'complete' });
    await until(() => feed.closed === 1);
    bare.send(subscribeTo('3'));
    await until(() => feed.opened === 3);
  });

  test('that the client completes ends its stream at once, also while no event comes', async () => {
    const feed = new Feed();
    const bare = await connected(await start({ executable: feedExecutable(feed) }));
    bare.send(subscribeTo('1'));
    await feed.awaited();
    bare.send({ id: '1', type: 'complete' });
    await until(() => feed.closed === 1);
    expect(feed.contexts[0]?.signal?.aborted).toBe(true);
    feed.push('late');
    bare.send({ type: 'ping' });
    expect((await bare.messages(2)).slice(1)).toEqual([{ type: 'pong' }]);
  });

  test('that is completed while it opens is ended as soon as it has', async () => {
    const feed = new Feed();
    const gates: (() => void)[] = [];
    const subscribe = async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return feed.stream();
    };
    const bare = await connected(await start({ executable: feedExecutable(feed, { subscribe }) }));
    bare.send(subscribeTo('1'), { id: '1', type: 'complete' }, subscribeTo('1'));
    await until(() => gates.length === 2);
    gates.forEach((open) => open());
    await until(() => feed.closed === 1);
    await feed.awaited();
    feed.push('for the second');
    expect((await bare.messages(2)).slice(1)).toEqual([
      { id: '1', type: 'next', payload: { data: { ticks: 'for the second' } } },
    ]);
    bare.socket.close();
    await until(() => feed.closed === 2);
  });

  test('of a client that goes away is ended: streams are closed, queries are told', async () => {
    const feed = new Feed();
    const signals: (AbortSignal | undefined)[] = [];
    const slow = (_: unknown, context: RequestContext) => {
      signals.push(context.signal);
      return new Promise((resolve) => context.signal?.addEventListener('abort', () => resolve(null)));
    };
    const served = await start({ executable: feedExecutable(feed, { fields: { slow } }) });
    const bare = await connected(served);
    bare.send(subscribeTo('1'), subscribeTo('2'), subscribeTo('3', '{ slow }'));
    await feed.awaited(2);
    await until(() => signals.length === 1);
    bare.socket.terminate();
    await until(() => feed.closed === 2 && signals[0]?.aborted === true);
  });

  test('whose stream cannot be opened is an error with its code', async () => {
    const subscribe = async () => ({
      errors: [new GraphQLError('Not for you.', { extensions: { code: 'FORBIDDEN' } })],
    });
    const served = await start({ executable: feedExecutable(new Feed(), { subscribe }) });
    await expect(ask(clientOf(served), 'subscription { ticks }')).rejects.toEqual([
      { message: 'Not for you.', extensions: { code: 'FORBIDDEN' } },
    ]);
  });

  test('whose executable throws against its promise is masked', async () => {
    const failing = async (): Promise<ExecutionResult> => {
      throw new Error('connect ECONNREFUSED 10.0.0.5:8080');
    };
    const thrower = {
      next: failing as () => Promise<IteratorResult<ExecutionResult>>,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    for (const subscribe of [failing, async () => thrower]) {
      const served = await start({ executable: feedExecutable(new Feed(), { subscribe }) });
      const outcome = await ask(clientOf(served), 'subscription { ticks }').catch((error: unknown) => error);
      expect(JSON.stringify(outcome)).toContain('The gateway failed.');
      expect(JSON.stringify(outcome)).not.toContain('10.0.0.5');
    }
  });

  test('shows errors of events in their public form alone', async () => {
    const feed = new Feed();
    const bare = await connected(await start({ executable: feedExecutable(feed), mode: 'production' }));
    bare.send(subscribeTo('1'));
    const coded = new GraphQLError('Too often.', { path: ['ticks'], extensions: { code: 'RATE_LIMITED' } });
    await feed.awaited();
    feed.send({ data: { ticks: null }, errors: [coded, new GraphQLError('at 10.0.0.5. Did you mean "x"?')] });
    expect((await bare.messages(2))[1]).toEqual({
      id: '1',
      type: 'next',
      payload: {
        errors: [
          { message: 'Too often.', path: ['ticks'], extensions: { code: 'RATE_LIMITED' } },
          { message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        ],
        data: { ticks: null },
      },
    });
  });

  test('of a token that is refused later is an error of that operation', async () => {
    let isGood = true;
    const served = await start({
      contextFor: async (facts) => {
        if (!isGood) throw new GatewayError('UNAUTHENTICATED', 'The token was refused.');
        return contextFor(facts);
      },
    });
    const bare = await connected(served);
    isGood = false;
    bare.send(subscribeTo('1', '{ hello }'));
    expect((await bare.messages(2))[1]).toEqual({
      id: '1',
      type: 'error',
      payload: [{ message: 'The token was refused.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });
});

describe('a client that reads slowly', () => {
  const kilobytes = 'x'.repeat(256 * 1024);
  const endless = (pull: number) => `${pull} ${kilobytes}`;

  test('slows the backend down, and gets everything in order when it reads on', async () => {
    const feed = new Feed();
    const served = await start({
      executable: feedExecutable(feed, { made: endless }),
      subscriptions: { pingIntervalMs: 50 },
    });
    const bare = await connected(served);
    bare.socket.pause();
    bare.send(subscribeTo('1'));
    const pulls = await settledPulls(feed);
    // What the sockets of both sides hold is the system's business: a few megabytes.
    expect(pulls).toBeLessThan(100);
    bare.socket.resume();
    await bare.messages(2 * pulls);
    bare.socket.terminate();
    const numbers = bare.texts.slice(1).map((text) => Number(/"ticks":"(\d+) /.exec(text)?.[1]));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  test('is cut when it takes nothing at all, and its stream is closed', async () => {
    const feed = new Feed();
    const served = await start({
      executable: feedExecutable(feed, { made: endless }),
      subscriptions: { stallTimeoutMs: 100, pingIntervalMs: 20 },
    });
    const bare = await connected(served);
    bare.socket.pause();
    bare.send(subscribeTo('1'));
    await until(() => feed.closed === 1);
    expect(feed.pulls).toBeLessThan(100);
  });

  test('cannot make us pile up answers to its pings', async () => {
    const served = await start({ subscriptions: { stallTimeoutMs: 200 } });
    const bare = await connected(served);
    bare.socket.pause();
    const text = JSON.stringify({ type: 'ping', payload: { a: kilobytes } });
    const flood = setInterval(() => bare.send(...Array<string>(20).fill(text)), 5);
    onTestFinished(() => clearInterval(flood));
    // We are not read, so we stop reading, and cut in the end.
    const { _socket: socket } = bare.socket as unknown as { readonly _socket: Socket };
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

/** How often an event was asked for, when that no longer grows. */
async function settledPulls(feed: Feed): Promise<number> {
  for (let before = -1; before !== feed.pulls || before === 0;) {
    before = feed.pulls;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return feed.pulls;
}

describe('a swap', () => {
  test('lets subscriptions go on with the executable they began on, and settles when they end', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed) });
    const bare = await connected(served);
    bare.send(subscribeTo('old'));
    await feed.awaited();
    let isDrained = false;
    const drained = served
      .swap(executableFor(buildSchema('type Query { fresh: Int }'), { fresh: () => 1 }))
      .then(() => (isDrained = true));
    bare.send(subscribeTo('new', '{ fresh }'), subscribeTo('gone', '{ hello }'));
    expect(await bare.messages(4)).toEqual(
      expect.arrayContaining([
        { id: 'new', type: 'next', payload: { data: { fresh: 1 } } },
        expect.objectContaining({ id: 'gone', type: 'error' }),
      ]),
    );
    feed.push('still here');
    expect((await bare.messages(5))[4]).toMatchObject({
      id: 'old',
      payload: { data: { ticks: 'still here' } },
    });
    expect(isDrained).toBe(false);
    bare.send({ id: 'old', type: 'complete' });
    await drained;
    expect(feed.closed).toBe(1);
  });
});

describe('closing', () => {
  test('answers what was asked once, ends subscriptions, says that it goes, and takes no more', async () => {
    const feed = new Feed();
    let open: (value: string) => void = () => undefined;
    const slow = () => new Promise<string>((resolve) => (open = resolve));
    const served = await start({
      executable: feedExecutable(feed, { fields: { slow } }),
      closeTimeoutMs: 10_000,
    });
    const [bare, idle] = await Promise.all([connected(served), connected(served)]);
    bare.send(subscribeTo('events'), subscribeTo('slow', '{ slow }'));
    await feed.awaited();
    const closed = served.close();
    await until(() => feed.closed === 1);
    expect(await idle.closed).toEqual({ code: 1001, reason: 'Going away' });
    bare.send(subscribeTo('late', '{ hello }'), { type: 'ping' });
    await bare.messages(2);
    open('done');
    expect(await bare.closed).toEqual({ code: 1001, reason: 'Going away' });
    expect(bare.texts.slice(1).map((text) => JSON.parse(text) as unknown)).toEqual([
      { type: 'pong' },
      { id: 'slow', type: 'next', payload: { data: { slow: 'done' } } },
      { id: 'slow', type: 'complete' },
    ]);
    await closed;
  });

  test('makes a client ask again elsewhere: the subscription is not over', async () => {
    const feeds = [new Feed(), new Feed()];
    const [first, second] = await Promise.all(
      feeds.map((feed) => start({ executable: feedExecutable(feed) })),
    );
    const urls = [first, second].map((served) => `ws://127.0.0.1:${served?.port}/graphql`);
    const client = clientOf(first!, {
      url: () => urls.shift() ?? '',
      retryAttempts: 3,
      retryWait: async () => undefined,
    });
    const event = client.iterate({ query: 'subscription { ticks }' }).next();
    await feeds[0]?.awaited();
    await first?.close();
    await feeds[1]?.awaited();
    feeds[1]?.push('elsewhere');
    expect((await event).value).toEqual({ data: { ticks: 'elsewhere' } });
  });

  test('does not wait for longer than it may', async () => {
    const slow = () => new Promise(() => undefined);
    const served = await start({
      executable: feedExecutable(new Feed(), { fields: { slow } }),
      closeTimeoutMs: 50,
    });
    const bare = await connected(served);
    bare.send(subscribeTo('1', '{ slow }'));
    const mute = await connected(served);
    mute.socket.pause();
    await served.close();
    await bare.closed;
  });

  test('leaves no timer and no socket behind', async () => {
    const before = resources();
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), contextFor: expiringContextFor });
    for (let i = 0; i < 20; i++) {
      const bare = await connected(served, { authorization: 'Bearer ann@3600' });
      bare.send(subscribeTo('1'), subscribeTo('2', '{ hello }'), subscribeTo('3', '{ nothing }'));
      await bare.messages(4);
      if (i % 2 === 0) bare.socket.terminate();
      else bare.socket.close();
      await bare.closed;
    }
    await until(() => feed.closed === 20);
    await served.close();
    await until(() => resources() <= before);
  });
});

/** Sockets, servers and timers that keep the process alive. */
function resources(): number {
  const kinds = ['Timeout', 'TCPSocketWrap', 'TCPServerWrap'];
  return process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind)).length;
}
