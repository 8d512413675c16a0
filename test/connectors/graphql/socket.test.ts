import { describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { all, openClock, sdl, to } from './clock.js';
import { startEventsBySocket, startHttp, startSocket } from './event-servers.js';

/** What a service answers to each message of ours. */
interface Lines {
  readonly connection_init?: (socket: WebSocket) => unknown;
  readonly subscribe?: (socket: WebSocket) => unknown;
  readonly pong?: (socket: WebSocket) => unknown;
}

const acknowledge = (socket: WebSocket) => socket.send('{"type":"connection_ack"}');
const next = (number: number, id = '1') =>
  JSON.stringify({ type: 'next', id, payload: { data: { ticks: { number } } } });
const complete = '{"type":"complete","id":"1"}';

/** Opens a stream at a service that talks like this. */
async function openAt({ connection_init = acknowledge, ...lines }: Lines, timeoutMs = 5_000) {
  const heard: string[] = [];
  const server = await startSocket((text, socket) => {
    heard.push(text);
    const { type } = JSON.parse(text) as { type: keyof Lines };
    ({ connection_init, ...lines })[type]?.(socket);
  });
  const stream = (await openClock(server.url, 'number')).subscribe(to(1), { timeoutMs });
  return { server, stream, heard };
}

test('what is said is init, subscribe and goodbye', async () => {
  const { stream, heard, server } = await openAt({
    subscribe: (socket) => [next(1), complete].forEach((text) => socket.send(text)),
  });
  const closed = new Promise((resolve) => {
    server.sockets.on('connection', (socket) => socket.on('close', (code) => resolve(code)));
  });
  expect(await all(stream)).toMatchObject([{ body: { number: 1 } }]);
  expect(heard.map((text) => JSON.parse(text) as unknown)).toEqual([
    { type: 'connection_init', payload: { 'X-Stage': 'test' } },
    {
      type: 'subscribe',
      id: '1',
      payload: { query: 'subscription ($to: Int!) { ticks(to: $to) { number } }', variables: { to: 1 } },
    },
  ]);
  expect(await closed).toBe(1000);
});

test('pings of either kind are answered, although nobody waits for an event', async () => {
  const ponged = vi.fn();
  const { stream, heard } = await openAt({
    subscribe: (socket) => {
      socket.on('pong', ponged);
      socket.send(next(1));
      socket.send('{"type":"ping","payload":{}}');
      socket.send('{"type":"pong"}');
      socket.ping();
    },
  });
  await stream.next();
  await vi.waitFor(() => expect(heard.at(-1)).toBe('{"type":"pong"}'));
  await vi.waitFor(() => expect(ponged).toHaveBeenCalledOnce());
  await stream.return?.();
});

test('events that came before the connection was lost are given before it is told', async () => {
  const { stream } = await openAt({
    subscribe: (socket) => {
      socket.send(next(1));
      socket.send(next(2), () => socket.terminate());
    },
  });
  expect(await stream.next()).toMatchObject({ value: { body: { number: 1 } } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await stream.next()).toMatchObject({ value: { body: { number: 2 } } });
  await expect(stream.next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
});

describe('a stream fails with', () => {
  const says = (...texts: (string | Buffer)[]): Lines => ({
    subscribe: (socket) => texts.forEach((text) => socket.send(text)),
  });
  const invalid = 'CONNECTOR_RESPONSE_INVALID';

  test.each<[string, Lines, string, string]>([
    ['a message that is no JSON', says('{"type"'), invalid, 'cannot be read'],
    ['a message that is no object', says('[]'), invalid, 'cannot be read'],
    ['a message without a type', says('{"id":"1"}'), invalid, 'cannot be read'],
    [
      'a message of another protocol',
      says('{"type":"data","id":"1","payload":{}}'),
      invalid,
      'cannot be read',
    ],
    ['a message with an inherited type', says('{"type":"constructor","id":"1"}'), invalid, 'cannot be read'],
    ["somebody else's event", says(next(1, '2')), invalid, 'cannot be read'],
    ['a second acknowledgement', says('{"type":"connection_ack"}'), invalid, 'cannot be read'],
    ['an event that is no answer', says('{"type":"next","id":"1"}'), invalid, 'cannot be read'],
    ['an error without errors', says('{"type":"error","id":"1","payload":"no"}'), invalid, 'cannot be read'],
    ['bytes', says(Buffer.from(next(1))), invalid, 'cannot be read'],
    ['a huge event', says(next(1) + ' '.repeat(9_000_000)), invalid, 'too large'],
    [
      'an event before the acknowledgement',
      { connection_init: (socket) => socket.send(next(1)) },
      invalid,
      'cannot be read',
    ],
    [
      'frames that are none',
      { subscribe: (socket) => void Reflect.get(socket, '_socket').write(Buffer.alloc(100, 0xff)) },
      invalid,
      'not WebSocket',
    ],
    [
      'an end without complete',
      { subscribe: (socket) => socket.close(1000) },
      'HTTP_CLIENT_ERROR',
      'broke off',
    ],
    [
      'a fault of the service',
      { subscribe: (socket) => socket.close(4500) },
      'HTTP_CLIENT_ERROR',
      'broke off',
    ],
    ['a lost connection', { subscribe: (socket) => socket.terminate() }, 'HTTP_CLIENT_ERROR', 'broke off'],
    [
      'a lost connection before the acknowledgement',
      { connection_init: (socket) => socket.terminate() },
      'HTTP_CLIENT_ERROR',
      'broke off',
    ],
  ])('%s', async (_, lines, code, message) => {
    const { stream, server } = await openAt(lines);
    await expect(all(stream)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(server.connections()).toBe(0), 3_000);
  });

  test('GATEWAY_TIMEOUT where it is never acknowledged', async () => {
    const { stream, server } = await openAt({ connection_init: () => undefined }, 200);
    await expect(stream.next()).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('GATEWAY_TIMEOUT where no socket is ever opened', async () => {
    const server = await startHttp(() => undefined);
    server.server.on('upgrade', (_, socket) => socket.on('end', () => socket.end()).resume());
    const stream = (await openClock(server.url.replace('http', 'ws'))).subscribe(to(1), { timeoutMs: 200 });
    await expect(stream.next()).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('another protocol than ours', async () => {
    const server = await startSocket(() => undefined, '');
    const stream = (await openClock(server.url)).subscribe(to(1));
    await expect(stream.next()).rejects.toMatchObject({ code: invalid });
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('a service that speaks no HTTP', async () => {
    const server = await startHttp(() => undefined);
    server.server.on('upgrade', (_, socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    const stream = (await openClock(server.url.replace('http', 'ws'))).subscribe(to(1));
    await expect(stream.next()).rejects.toMatchObject({ code: invalid });
  });
});

describe('a service that refuses', () => {
  test.each([
    [4401, 401],
    [4403, 403],
  ])('by close code %i has answered with status %i', async (code, status) => {
    const { stream } = await openAt({ connection_init: (socket) => socket.close(code, 'who are you?') });
    expect(await all(stream)).toMatchObject([{ succeeded: false, status, facts: { http: { status } } }]);
  });

  test.each([401, 302, 503])('the socket has answered with status %i', async (status) => {
    const server = await startHttp((_, response) => response.writeHead(status).end('no'));
    const stream = (await openClock(server.url.replace('http', 'ws'))).subscribe(to(1));
    expect(await all(stream)).toMatchObject([{ succeeded: false, status, facts: { http: { status } } }]);
    await vi.waitFor(() => expect(server.connections()).toBe(0));
  });

  test('the socket with a page has not answered', async () => {
    const server = await startHttp((_, response) => response.end('<h1>hello</h1>'));
    const stream = (await openClock(server.url.replace('http', 'ws'))).subscribe(to(1));
    await expect(all(stream)).rejects.toMatchObject({ code: 'CONNECTOR_RESPONSE_INVALID' });
  });
});

describe('a peer that is silent', () => {
  const silence = (ms: number) => {
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(now + ms);
    vi.advanceTimersByTime(10_000);
  };

  /** A stream that waits for its second event. */
  async function wait() {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const pinged = vi.fn();
    const opened = await openAt({
      subscribe: (socket) => {
        socket.on('ping', pinged);
        socket.send(next(1));
      },
    });
    await opened.stream.next();
    return { ...opened, pinged };
  }

  test('is asked for a sign of life after 20 seconds, and given up after 30', async () => {
    const { stream, server, pinged } = await wait();
    for (const socket of server.sockets.clients) Reflect.get(socket, '_socket').pause();
    const lost = expect(stream.next()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    silence(19_000);
    silence(2_000);
    silence(10_000);
    await lost;
    expect(pinged).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
    vi.useRealTimers();
  });

  test('but alive is kept', async () => {
    const { stream, pinged, server } = await wait();
    const second = stream.next();
    for (let round = 1; round <= 5; round++) {
      silence(21_000);
      await vi.waitFor(() => expect(pinged).toHaveBeenCalledTimes(round));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const socket of server.sockets.clients) socket.send(next(2));
    expect(await second).toMatchObject({ value: { body: { number: 2 } } });
    await stream.return?.();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

test('a header that cannot be sent is told before anything is', async () => {
  const server = await startEventsBySocket(sdl, {});
  const opened = await openClock(
    server.url,
    'number',
    ', headers: [{ name: "X-Name", value: "{$args.to}" }]',
  );
  expect(() => opened.subscribe({ $args: { to: 'a\nb' } })).toThrow(
    expect.objectContaining({ code: 'BAD_USER_INPUT' }),
  );
});
