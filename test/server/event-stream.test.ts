import { once } from 'node:events';
import { connect } from 'node:net';
import { buildSchema, GraphQLError } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { request as send } from 'undici';
import { RequestContext } from '../../src/base/context.js';
import type { CallerFacts } from '../../src/server/apollo.js';
import { createQueryLimits } from '../../src/policy/query-limits/query-limits.js';
import type { Served } from '../../src/server/serve.js';
import { Feed, feedExecutable, until } from './feed.js';
import { contextFor, executableFor, post, postText, start } from './support.js';

const accept = 'text/event-stream';

/** A stream of events as it came, the connection cut at the end of the test. */
class Events {
  text = '';
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Settles when the server has ended the stream, with all of it. */
  readonly ended: Promise<string>;
  readonly #client: AbortController;

  constructor({ statusCode, headers, body }: Awaited<ReturnType<typeof send>>, client: AbortController) {
    this.status = statusCode;
    this.headers = headers;
    this.#client = client;
    this.ended = this.#read(body).catch(() => this.text);
  }

  leave(): void {
    this.#client.abort();
  }

  /** The answers so far, when there are as many as this. */
  async answers(count: number): Promise<unknown[]> {
    await until(() => this.text.split('event: next\n').length > count);
    return [...this.text.matchAll(/^event: next\ndata: (.*)\n\n/gm)].map(
      ([, json = '']) => JSON.parse(json) as unknown,
    );
  }

  async #read(body: AsyncIterable<Buffer>): Promise<string> {
    for await (const chunk of body) this.text += chunk.toString();
    return this.text;
  }
}

/** Asks for a stream of events. */
async function open(
  served: Served,
  body: unknown,
  headers: Record<string, string> = {},
  options: { readonly method?: 'GET'; readonly search?: string } = {},
): Promise<Events> {
  const client = new AbortController();
  onTestFinished(() => client.abort());
  const isGet = options.method === 'GET';
  const response = await send(`http://127.0.0.1:${served.port}/graphql${options.search ?? ''}`, {
    method: options.method ?? 'POST',
    headers: { accept, ...(!isGet && { 'content-type': 'application/json' }), ...headers },
    body: isGet ? null : JSON.stringify(body),
    signal: client.signal,
  });
  return new Events(response, client);
}

const ticks = { query: 'subscription { ticks }' };
const complete = 'event: complete\ndata:\n\n';

function next(answer: unknown): string {
  return `event: next\ndata: ${JSON.stringify(answer)}\n\n`;
}

describe('a stream of events', () => {
  test('has a `next` for each event, and `complete` when there are no more', async () => {
    const feed = new Feed();
    const events = await open(await start({ executable: feedExecutable(feed) }), ticks);
    expect([events.status, events.headers['content-type'], events.headers['cache-control']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-store',
    ]);
    await feed.awaited();
    await until(() => events.text === ':\n\n');
    for (const tick of [1, 'two\nlines\r\u2028', 2n ** 63n]) {
      feed.push(tick);
      await feed.awaited();
    }
    feed.finish();
    expect(await events.ended).toBe(
      ':\n\n' +
        next({ data: { ticks: 1 } }) +
        next({ data: { ticks: 'two\nlines\r\u2028' } }) +
        'event: next\ndata: {"data":{"ticks":9223372036854775808}}\n\n' +
        complete,
    );
  });

  test('of a query or a mutation has one answer', async () => {
    const served = await start({ executable: feedExecutable(new Feed()) });
    expect(await (await open(served, { query: '{ hello }' })).ended).toBe(
      next({ data: { hello: 'world' } }) + complete,
    );
    expect(await (await open(served, { query: 'mutation { touch }' })).ended).toBe(
      next({ data: { touch: 'touched' } }) + complete,
    );
  });

  test('is sent to whom it is for only: JSON for whoever likes it better', async () => {
    const served = await start({ executable: feedExecutable(new Feed()) });
    const types = ['*/*', 'application/json, text/event-stream', 'text/event-stream;q=0.5, application/json'];
    for (const liked of types) {
      const { headers, body } = await post(served, { query: '{ hello }' }, { accept: liked });
      expect([headers.get('content-type'), body]).toEqual([
        'application/json; charset=utf-8',
        { data: { hello: 'world' } },
      ]);
    }
    const { status, body } = await post(served, ticks);
    expect([status, body.errors[0]?.message]).toEqual([
      400,
      expect.stringMatching(/text\/event-stream.*graphql-transport-ws/),
    ]);
  });

  test('is kept awake by comments', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), subscriptions: { pingIntervalMs: 20 } });
    const events = await open(served, ticks);
    await until(() => events.text === ':\n\n'.repeat(4));
  });

  test('can be read by pages of allowed origins', async () => {
    const served = await start({
      executable: feedExecutable(new Feed()),
      corsOrigins: ['https://shop.example.com'],
    });
    const allowed = await open(served, ticks, { origin: 'https://shop.example.com' });
    expect(allowed.headers['access-control-allow-origin']).toBe('https://shop.example.com');
    const other = await open(served, ticks, { origin: 'https://evil-example.com' });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('by GET needs a header that a page of another site cannot send', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed) });
    const search = `?query=${encodeURIComponent('subscription A { ticks } subscription B { other }')}&operationName=A`;
    const bare = await open(served, undefined, {}, { method: 'GET', search });
    expect([bare.status, await bare.ended]).toEqual([400, expect.stringContaining('Cross-Site')]);
    const asked = await open(
      served,
      undefined,
      { 'apollo-require-preflight': '1' },
      { method: 'GET', search },
    );
    await feed.awaited();
    feed.push(1);
    expect(await asked.answers(1)).toEqual([{ data: { ticks: 1 } }]);
    expect(feed.opened).toBe(1);
  });

  test.each([
    ['a mutation', '?query=mutation{touch}', 'A mutation cannot be sent by GET.'],
    ['two queries', '?query={hello}&query={caller}', '"query" may come only once.'],
    ['variables that are no object', '?query={hello}&variables=[]', '"variables" must be an object.'],
  ])('by GET cannot be asked for with %s', async (_, search, message) => {
    let touched = false;
    const touch = () => (touched = true);
    const served = await start({ executable: feedExecutable(new Feed(), { fields: { touch } }) });
    const headers = { 'apollo-require-preflight': '1' };
    const events = await open(served, undefined, headers, { method: 'GET', search });
    const answer = /\{.*\}/.exec(await events.ended)?.[0] ?? '';
    expect(JSON.parse(answer)).toMatchObject({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] });
    expect(touched).toBe(false);
  });
});

describe('errors', () => {
  test.each([
    ['what does not fit the schema', '{ helo }'],
    ['introspection', '{ __schema { description } }'],
    ['a syntax error', 'subscription {'],
    ['too many tokens', `{ ${'hello '.repeat(200)} }`],
    ['a variable that does not fit', 'query ($n: String!) { header(name: $n) }'],
  ])('for %s are those of a POST, as one event', async (_, query) => {
    const served = await start({
      executable: feedExecutable(new Feed()),
      mode: 'production',
      queryLimits: createQueryLimits({ limits: { maxTokens: 150 } }),
    });
    const { body } = await post(served, { query });
    const events = await open(served, { query });
    expect([events.status, await events.ended]).toEqual([200, next(body) + complete]);
    expect(body.errors).toHaveLength(1);
    expect(JSON.stringify(body)).not.toContain('Did you mean');
  });

  test('of authentication, and of a body that is no request, are statuses', async () => {
    const served = await start({ executable: feedExecutable(new Feed()) });
    const bad = await open(served, ticks, { authorization: 'Bearer bad' });
    expect([bad.status, bad.headers['www-authenticate'], JSON.parse(await bad.ended)]).toEqual([
      401,
      'Bearer',
      { errors: [{ message: 'The token is not valid.', extensions: { code: 'UNAUTHENTICATED' } }] },
    ]);
    expect((await open(served, [])).status).toBe(400);
    expect((await open(served, ticks, { 'content-type': 'text/plain' })).status).toBe(415);
  });

  test('of events are shown in their public form alone', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed) });
    const events = await open(served, ticks);
    await feed.awaited();
    feed.send({ data: { ticks: null }, errors: [new GraphQLError('at 10.0.0.5')] });
    expect(await events.answers(1)).toEqual([
      {
        errors: [{ message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
        data: { ticks: null },
      },
    ]);
  });

  test('of an answer that cannot be written are masked, and the stream goes on', async () => {
    const feed = new Feed();
    const events = await open(await start({ executable: feedExecutable(feed) }), ticks);
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    await feed.awaited();
    feed.push(loop);
    await feed.awaited();
    feed.push(2);
    expect(await events.answers(2)).toEqual([
      { errors: [{ message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] },
      { data: { ticks: 2 } },
    ]);
  });

  test('of a stream that breaks are masked, and the last of it', async () => {
    const subscribe = async () =>
      (async function* () {
        yield { data: { ticks: 1 } };
        throw new Error('connect ECONNREFUSED 10.0.0.5:8080');
      })();
    const events = await open(await start({ executable: feedExecutable(new Feed(), { subscribe }) }), ticks);
    const failure = { message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
    expect(await events.ended).toBe(
      `:\n\n${next({ data: { ticks: 1 } })}${next({ errors: [failure] })}${complete}`,
    );
  });
});

describe('the stream ends', () => {
  test('when the client goes away, also while no event comes', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed) });
    const events = await open(served, ticks);
    await feed.awaited();
    events.leave();
    await until(() => feed.closed === 1);
    expect(feed.contexts[0]?.signal?.aborted).toBe(true);
  });

  test('when the client went away while it opened', async () => {
    const feed = new Feed();
    let openGate: () => void = () => undefined;
    const subscribe = async () => {
      await new Promise<void>((resolve) => (openGate = resolve));
      return feed.stream();
    };
    const served = await start({ executable: feedExecutable(feed, { subscribe }) });
    const socket = connect(served.port, '127.0.0.1');
    socket.write(postText(JSON.stringify(ticks), [`Accept: ${accept}`]));
    await until(() => feed.contexts.length === 1);
    socket.destroy();
    await until(() => feed.contexts[0]?.signal?.aborted === true);
    openGate();
    await until(() => feed.closed === 1);
  });

  test('within a second when the token expires, and says so', async () => {
    const feed = new Feed();
    const expiresAt = Date.now() + 300;
    const served = await start({
      executable: feedExecutable(feed),
      contextFor: async (facts) =>
        new RequestContext({ ...facts, identity: { subject: 'ann', claims: {}, expiresAt } }),
    });
    const events = await open(served, ticks);
    const text = await events.ended;
    const error = { message: 'The token has expired.', extensions: { code: 'UNAUTHENTICATED' } };
    expect(text).toBe(`:\n\n${next({ errors: [error] })}${complete}`);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 5);
    expect(Date.now()).toBeLessThan(expiresAt + 1_000);
    expect(feed.closed).toBe(1);
  });

  test('when the gateway closes, without `complete`: the client is to ask elsewhere', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), closeTimeoutMs: 10_000 });
    const events = await open(served, ticks);
    await feed.awaited();
    await served.close();
    expect(await events.ended).toBe(':\n\n');
    expect(feed.closed).toBe(1);
  });

  test('when the gateway closed while it opened', async () => {
    const feed = new Feed();
    let openGate: () => void = () => undefined;
    const subscribe = async () => {
      await new Promise<void>((resolve) => (openGate = resolve));
      return feed.stream();
    };
    const served = await start({
      executable: feedExecutable(feed, { subscribe }),
      closeTimeoutMs: 60_000,
    });
    const opening = open(served, ticks);
    await until(() => feed.contexts.length === 1);
    const closed = served.close();
    openGate();
    await closed;
    expect(feed.closed).toBe(1);
    expect((await opening).status).toBe(200);
  });

  test('and leaves no timer and no socket behind', async () => {
    const before = resources();
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed), contextFor: withExpiry });
    for (const how of ['leave', 'finish'] as const) {
      const events = await open(served, ticks);
      await feed.awaited();
      if (how === 'leave') events.leave();
      else feed.finish();
      await events.ended;
    }
    await served.close();
    await until(() => resources() <= before);
  });

  test('when the gateway closes and its client does not read', async () => {
    const feed = new Feed();
    const large = 'x'.repeat(256 * 1024);
    const executable = feedExecutable(feed, { made: () => large });
    const served = await start({ executable, closeTimeoutMs: 50 });
    const socket = await deafClient(served);
    await settled(() => feed.pulls);
    await served.close();
    expect(feed.closed).toBe(1);
    socket.destroy();
  });
});

/** Timers and servers; the sockets of undici's pool are its own. */
function resources(): number {
  const kinds = ['Timeout', 'TCPServerWrap'];
  return process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind)).length;
}

async function withExpiry(facts: CallerFacts): Promise<RequestContext> {
  const claims = { exp: Date.now() / 1_000 + 3_600 };
  return new RequestContext({ ...facts, identity: { subject: 'ann', claims } });
}

/** A client that asks for events and reads none of them. */
async function deafClient(served: Served) {
  const socket = connect(served.port, '127.0.0.1');
  socket.on('error', () => undefined).pause();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(postText(JSON.stringify(ticks), [`Accept: ${accept}`]));
  return socket;
}

/** Waits until a number has begun to grow, and no longer grows. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count() || before === 0;) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return count();
}

describe('a client that reads slowly', () => {
  const large = 'x'.repeat(256 * 1024);

  test('slows the backend down, and gets everything in order when it reads on', async () => {
    const feed = new Feed();
    const served = await start({ executable: feedExecutable(feed, { made: (pull) => `${pull} ${large}` }) });
    const socket = await deafClient(served);
    const pulls = await settled(() => feed.pulls);
    // What the sockets of both sides hold is the system's business: a few megabytes.
    expect(pulls).toBeLessThan(100);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString())).resume();
    await until(() => text.split('"ticks":"').length > pulls * 2);
    socket.destroy();
    await until(() => feed.closed === 1);
    const numbers = [...text.matchAll(/"ticks":"(\d+) /g)].map(([, digits]) => Number(digits));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  test('is cut when it takes nothing at all, even if it goes on sending', async () => {
    const feed = new Feed();
    const served = await start({
      executable: feedExecutable(feed, { made: () => large }),
      subscriptions: { stallTimeoutMs: 100, pingIntervalMs: 20 },
    });
    const socket = await deafClient(served);
    const drip = setInterval(() => socket.write('G'), 10);
    onTestFinished(() => clearInterval(drip));
    await until(() => feed.closed === 1);
    expect(feed.pulls).toBeLessThan(100);
  });

  test('that keeps up lets others through: a backend with no end of events blocks nobody', async () => {
    const feed = new Feed();
    let inOneTurn = 0;
    let most = 0;
    const made = () => {
      setImmediate(() => (inOneTurn = 0));
      most = Math.max(most, ++inOneTurn);
      return 'event';
    };
    const served = await start({ executable: feedExecutable(feed, { made }) });
    const events = await open(served, ticks);
    await events.answers(1_000);
    events.leave();
    await until(() => feed.closed === 1);
    expect(most).toBeLessThan(100);
  });
});

test('one client more than there may be is 503 until another has gone', async () => {
  const feed = new Feed();
  const served = await start({ executable: feedExecutable(feed), subscriptions: { maxSubscribers: 1 } });
  const events = await open(served, ticks);
  await feed.awaited();
  const refused = await open(served, ticks);
  expect([refused.status, refused.headers['retry-after'], JSON.parse(await refused.ended)]).toMatchObject([
    503,
    '5',
    { errors: [{ extensions: { code: 'OVERLOADED' } }] },
  ]);
  expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  events.leave();
  let { status } = refused;
  while (status === 503) ({ status } = await open(served, ticks));
  expect(status).toBe(200);
});

test.each(['leave', 'finish'] as const)('a swap settles when the last stream has ended: %s', async (how) => {
  const feed = new Feed();
  const served = await start({ executable: feedExecutable(feed) });
  const events = await open(served, ticks);
  await feed.awaited();
  let isDrained = false;
  const fresh = executableFor(buildSchema('type Query { fresh: Int }'), { fresh: () => 1 });
  const drained = served.swap(fresh).then(() => (isDrained = true));
  feed.push('old');
  expect(await events.answers(1)).toEqual([{ data: { ticks: 'old' } }]);
  expect((await post(served, { query: '{ fresh }' })).body).toEqual({ data: { fresh: 1 } });
  expect(isDrained).toBe(false);
  if (how === 'leave') events.leave();
  else feed.finish();
  await drained;
});

test('callers are not mixed up: each stream has its own context and identity', async () => {
  const feed = new Feed();
  const served = await start({ executable: feedExecutable(feed), contextFor });
  const callers = ['ann', 'bob', undefined];
  for (const caller of callers) {
    await open(served, ticks, caller === undefined ? {} : { authorization: `Bearer ${caller}` });
  }
  await feed.awaited(3);
  expect(feed.contexts.map(({ identity }) => identity?.subject)).toEqual(callers);
  expect(new Set(feed.contexts).size).toBe(3);
});
