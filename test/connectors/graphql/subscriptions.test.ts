import { getEventListeners } from 'node:events';
import { GraphQLError } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import type { GatewayError } from '../../../src/base/errors.js';
import { all, openClock, sdl, to } from './clock.js';
import { startEventsByHttp, startEventsBySocket } from './event-servers.js';

/** What happens when `ticks` is subscribed. */
type Ticks = (args: { to: number; step: number }) => AsyncGenerator;

const count: Ticks = async function* ({ to, step }) {
  for (let number = step; number <= to; number += step) yield { ticks: { number, text: `tick ${number}` } };
};

/** Sends the first tick, and then nothing until it is left. */
function endless() {
  let leave = () => {};
  const left = new Promise<void>((resolve) => (leave = resolve));
  const ticks = () => ({
    sent: false,
    async next() {
      if (this.sent) return new Promise<never>(() => undefined);
      this.sent = true;
      return { done: false, value: { ticks: { number: 1 } } };
    },
    async return() {
      leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  });
  return { ticks, left };
}

const hits = async function* () {
  yield {
    hits: [
      { __typename: 'Book', title: 'Ulysses' },
      { __typename: 'Film', title: null },
    ],
  };
};

const forAWhile = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const ways = [
  ['server-sent events', startEventsByHttp],
  ['graphql-transport-ws', startEventsBySocket],
] as const;

describe.each(ways)('a subscription by %s', (_, start) => {
  test('gives a reply for each event and ends with the last', async () => {
    const server = await start(sdl, { ticks: count });
    const opened = await openClock(server.url);
    const replies = await all(opened.subscribe(to(3)));
    expect(replies).toMatchObject(
      [1, 2, 3].map((number) => ({
        succeeded: true,
        status: 200,
        body: { number, text: `tick ${number}` },
        facts: { http: { status: 200 } },
      })),
    );
    expect(server.subscribed).toMatchObject([
      { query: 'subscription ($to: Int!) { ticks(to: $to) { number text } }', variables: { to: 3 } },
    ]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('begins when the first event is asked for', async () => {
    const server = await start(sdl, { ticks: count });
    const opened = await openClock(server.url);
    const stream = opened.subscribe(to(3));
    expect(await stream.return?.()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(server.subscribed).toEqual([]);
  });

  test('restores names and keeps all digits', async () => {
    const big = async function* () {
      yield { ticks: { number: 1, big: 9_007_199_254_740_993n } };
    };
    const server = await start(sdl.replace('big: Float', 'big: Long').concat('scalar Long'), {
      ticks: big,
      hits,
    });
    const opened = await openClock(server.url, 'big');
    const [found] = await all(opened.subscribe({}, {}, 1));
    expect(found?.body).toEqual([
      { __typename: 'Book', title: 'Ulysses' },
      { __typename: 'Film', title: null },
    ]);
    if (server.url.startsWith('http')) {
      expect((await all(opened.subscribe(to(1))))[0]?.body).toEqual({ big: 9_007_199_254_740_993n });
    }
  });

  test('goes on after an event that is nothing but errors', async () => {
    const ticks = async function* () {
      yield { ticks: { number: 1 } };
      yield {
        ticks: () => {
          throw new GraphQLError('too late', { extensions: { code: 'LATE' } });
        },
      };
      yield { ticks: null };
      yield { ticks: { number: 4 } };
    };
    const server = await start(sdl, { ticks });
    const replies = await all((await openClock(server.url)).subscribe(to(4)));
    expect(replies.map(({ succeeded }) => succeeded)).toEqual([true, false, true, true]);
    expect(replies[1]).toMatchObject({
      body: { message: 'too late', errors: [{ message: 'too late' }] },
      facts: { http: { status: 200 }, graphql: { code: 'LATE' } },
    });
    expect(replies[2]?.body).toBeNull();
  });

  test('tells the log of errors beside the data of an event', async () => {
    const note = () => {
      throw new Error('no notes today');
    };
    const ticks = async function* () {
      yield { ticks: { number: 1, note } };
    };
    const server = await start(sdl, { ticks });
    const opened = await openClock(server.url, 'number note');
    expect(await all(opened.subscribe(to(1)))).toMatchObject([
      { succeeded: true, body: { number: 1, note: null } },
    ]);
    expect(opened.log.warn).toHaveBeenCalledOnce();
  });

  test('that the service refuses is one failure', async () => {
    const ticks = () => {
      throw new GraphQLError('Not yours.', { extensions: { code: 'FORBIDDEN' } });
    };
    const server = await start(sdl, { ticks });
    expect(await all((await openClock(server.url)).subscribe(to(1)))).toMatchObject([
      { succeeded: false, body: { message: 'Not yours.' }, facts: { graphql: { code: 'FORBIDDEN' } } },
    ]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test("carries the caller's headers, and the connector's before the source's", async () => {
    const server = await start(sdl, { ticks: count });
    const headers = ', headers: [{ name: "x-stage", value: "{$args.to}" }]';
    const opened = await openClock(server.url, 'number', headers);
    const as = (token: string) => ({ ...to(1), $request: { headers: { authorization: [token] } } });
    await Promise.all(['one', 'two'].map((token) => all(opened.subscribe(as(token)))));
    expect(server.subscribed.map(({ headers }) => headers.authorization).toSorted()).toEqual(['one', 'two']);
    for (const { headers, payload } of server.subscribed) {
      expect(headers['x-stage']).toBe('1');
      if (server.url.startsWith('ws')) {
        expect(payload).toEqual({ Authorization: headers.authorization, 'x-stage': '1' });
      }
    }
  });

  test('is broken off at once, even while an event is awaited', async () => {
    const { ticks, left } = endless();
    const server = await start(sdl, { ticks });
    const stream = (await openClock(server.url)).subscribe(to(1));
    expect(await stream.next()).toMatchObject({ value: { body: { number: 1 } } });
    const pending = stream.next();
    await forAWhile(20);
    const begin = performance.now();
    expect(await stream.return?.()).toEqual({ done: true, value: undefined });
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(performance.now() - begin).toBeLessThan(500);
    await left;
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test.each([
    ['while an event is awaited', true],
    ['while nobody asks', false],
  ])('ends by the signal %s', async (_, waits) => {
    const { ticks, left } = endless();
    const server = await start(sdl, { ticks });
    const client = new AbortController();
    const stream = (await openClock(server.url)).subscribe(to(1), { signal: client.signal });
    await stream.next();
    const failure = { code: 'HTTP_CLIENT_ERROR', message: 'Nobody waits for the answer any more.' };
    const pending = waits ? expect(stream.next()).rejects.toMatchObject(failure) : undefined;
    client.abort();
    await pending;
    await left;
    if (!waits) await expect(stream.next()).rejects.toMatchObject(failure);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('is not begun for a client who has gone', async () => {
    const server = await start(sdl, { ticks: count });
    const stream = (await openClock(server.url)).subscribe(to(1), { signal: AbortSignal.abort() });
    await expect(stream.next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    expect(server.connections()).toBe(0);
  });

  test('ends with its source', async () => {
    const { ticks, left } = endless();
    const server = await start(sdl, { ticks });
    const opened = await openClock(server.url);
    const streams = Array.from({ length: 5 }, () => opened.subscribe(to(1)));
    await Promise.all(streams.map((stream) => stream.next()));
    const pending = streams.map((stream) =>
      expect(stream.next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' }),
    );
    await opened.close();
    await Promise.all([...pending, left]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
    await expect(opened.subscribe(to(1)).next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    expect(server.connections()).toBe(0);
  });

  test('fails when the service goes, and can be opened again when it is back', async () => {
    const { ticks } = endless();
    const server = await start(sdl, { ticks });
    const opened = await openClock(server.url);
    const stream = opened.subscribe(to(1));
    await stream.next();
    const lost = expect(stream.next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    await server.close();
    await lost;
    expect(await stream.next()).toEqual({ done: true, value: undefined });

    const error = await opened
      .subscribe(to(1))
      .next()
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'HTTP_CLIENT_ERROR', message: 'The backend could not be reached.' });
    expect((error as GatewayError).extensions).toEqual({ code: 'HTTP_CLIENT_ERROR' });

    await start(sdl, { ticks: count }, server.port);
    expect(await all(opened.subscribe(to(2)))).toHaveLength(2);
  });

  test('slows the service down when nobody asks, and loses nothing', { timeout: 60_000 }, async () => {
    let made = 0;
    const text = 'x'.repeat(10_000);
    const ticks: Ticks = async function* ({ to }) {
      for (let number = 1; number <= to; number++) {
        made = number;
        yield { ticks: { number, text } };
      }
    };
    const server = await start(sdl, { ticks });
    const stream = (await openClock(server.url)).subscribe(to(10_000));
    await stream.next();
    const settled = async () => {
      for (let before = -1; before !== made;) {
        before = made;
        await forAWhile(300);
      }
      return made;
    };
    // Of 100 MB no more has left than what the sockets of both sides hold.
    const ahead = await settled();
    expect(ahead).toBeLessThan(2_000);
    for (let number = 2; number <= 500; number++) {
      expect(await stream.next()).toMatchObject({ value: { body: { number } } });
    }
    expect(await settled()).toBeLessThan(ahead + 1_000);
    let last: unknown;
    for await (const { body } of stream) last = body;
    expect(last).toMatchObject({ number: 10_000 });
  });

  test('can be left while the service is held back', async () => {
    const text = 'x'.repeat(100_000);
    let isLeft = false;
    const ticks = async function* () {
      try {
        for (let number = 1; ; number++) {
          yield { ticks: { number, text } };
          await new Promise(setImmediate);
        }
      } finally {
        isLeft = true;
      }
    };
    const server = await start(sdl, { ticks });
    const stream = (await openClock(server.url)).subscribe(to(1));
    await stream.next();
    await forAWhile(200);
    await stream.return?.();
    await vi.waitFor(() => expect(server.connections()).toBe(0), 3_000);
    await vi.waitFor(() => expect(isLeft).toBe(true));
  });

  test('leaves nothing behind', async () => {
    const { ticks } = endless();
    const server = await start(sdl, { ticks });
    const opened = await openClock(server.url);
    const client = new AbortController();
    const open = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = open();
    for (let round = 0; round < 20; round++) {
      const stream = opened.subscribe(to(1), { signal: client.signal });
      await stream.next();
      await stream.return?.();
    }
    expect(getEventListeners(client.signal, 'abort')).toEqual([]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
    await vi.waitFor(() => expect(open()).toBe(before));
  });

  test('checks its arguments before anything is sent', async () => {
    const server = await start(sdl, { ticks: count });
    const opened = await openClock(server.url);
    expect(() => opened.subscribe({ $args: {} })).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }),
    );
    expect(server.connections()).toBe(0);
  });
});
