import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import {
  ask,
  bytes,
  codeOf,
  fileOf,
  json,
  leaks,
  open,
  startBackend,
  startSockets,
  type Answer,
  type Parts,
} from './support.js';

const get: Parts = { http: 'GET: "/u"' };
const slow = { sourceHttp: 'timeout: "200ms"' };

/** Asks `{ go }` of a backend that writes bytes of its own. */
async function answerOf(write: (socket: Socket) => void, parts: Partial<Parts> = {}): Promise<Answer> {
  const backend = await startSockets(write);
  const gateway = await open(backend.url, fileOf({ ...get, ...parts }));
  return ask(gateway, '{ go }');
}

/** Nothing of the backend is told, whatever happens. */
function expectFailure(answer: Answer, code: string): void {
  expect(codeOf(answer)).toBe(code);
  expect(answer.data).toEqual({ go: null });
  expect(answer.errors?.[0]).toMatchObject({
    path: ['go'],
    extensions: { service: 'api', connector: { coordinate: 'api:Query.go[0]' } },
  });
  expect(JSON.stringify(answer)).not.toMatch(leaks);
}

const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

describe('a backend that cannot be reached', () => {
  test('because nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    const gateway = await open(`http://127.0.0.1:${port}`, fileOf(get));
    expectFailure(await ask(gateway, '{ go }'), 'HTTP_CLIENT_ERROR');
  });

  test('because its name is unknown', async () => {
    const gateway = await open('http://nowhere.invalid', fileOf(get));
    const answer = await ask(gateway, '{ go }');
    expectFailure(answer, 'HTTP_CLIENT_ERROR');
    expect(JSON.stringify(answer)).not.toContain('nowhere');
  });

  test('because it speaks no TLS', async () => {
    const backend = await startSockets((socket) => socket.end('no TLS'));
    const gateway = await open(backend.url.replace('http:', 'https:'), fileOf(get));
    expectFailure(await ask(gateway, '{ go }'), 'HTTP_CLIENT_ERROR');
  });
});

type Fault = [claim: string, write: (socket: Socket) => void, code: string];

const faults: Fault[] = [
  ['resets before an answer', (socket) => socket.resetAndDestroy(), 'HTTP_CLIENT_ERROR'],
  ['closes before an answer', (socket) => socket.end(), 'HTTP_CLIENT_ERROR'],
  ['closes in the head', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-'), 'HTTP_CLIENT_ERROR'],
  [
    'resets in the body',
    (socket) => socket.write(`${head}content-length: 100\r\n\r\n{"a":`, () => socket.resetAndDestroy()),
    'HTTP_CLIENT_ERROR',
  ],
  [
    'closes in the body',
    (socket) => socket.end(`${head}content-length: 100\r\n\r\n{"a":1}`),
    'HTTP_CLIENT_ERROR',
  ],
  [
    'closes in a chunk',
    (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n64\r\n{"a":1}`),
    'HTTP_CLIENT_ERROR',
  ],
  [
    'closes before the last chunk',
    (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n`),
    'HTTP_CLIENT_ERROR',
  ],
  [
    'speaks another language',
    (socket) => socket.end('220 mail.example ESMTP\r\n'),
    'CONNECTOR_RESPONSE_INVALID',
  ],
  [
    'wants another protocol',
    (socket) => socket.end('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    'HTTP_CLIENT_ERROR',
  ],
  [
    'counts in two ways',
    (socket) => socket.end(`${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`),
    'CONNECTOR_RESPONSE_INVALID',
  ],
  [
    'sends a head of 1 MB',
    (socket) => socket.write(`${head}x: ${'x'.repeat(1_000_000)}\r\n\r\n{}`),
    'CONNECTOR_RESPONSE_INVALID',
  ],
  [
    'sends 2,000 headers',
    (socket) => socket.write(`${head}${'x-name: value\r\n'.repeat(2_000)}\r\n{}`),
    'CONNECTOR_RESPONSE_INVALID',
  ],
  [
    'promises 9 MB',
    (socket) => socket.end(`${head}content-length: 9000000\r\n\r\n${'['.repeat(9_000_000)}`),
    'CONNECTOR_RESPONSE_INVALID',
  ],
];

describe('a backend that', () => {
  test.each(faults)('%s', async (_, write, code) => {
    expectFailure(await answerOf(write), code);
  });

  test('sends without end is cut off at 8 MB', async () => {
    let sent = 0;
    const backend = await startSockets((socket) => {
      const chunk = `40000\r\n${' '.repeat(0x40000)}\r\n`;
      const more = () => {
        while (!socket.destroyed && (sent += 0x40000) < 400_000_000 && socket.write(chunk));
      };
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
      socket.on('drain', more);
      more();
    });
    const gateway = await open(backend.url, fileOf(get));
    expectFailure(await ask(gateway, '{ go }'), 'CONNECTOR_RESPONSE_INVALID');
    await vi.waitFor(() => expect(backend.counts.open).toBe(0));
    expect(sent).toBeLessThan(40_000_000);
  });

  test('sends a little less than 8 MB is read', async () => {
    const body = JSON.stringify('x'.repeat(7_900_000));
    const backend = await startBackend(bytes(body, 'application/json'));
    const gateway = await open(backend.url, fileOf({ ...get, selection: '$->size' }));
    expect(await ask(gateway, '{ go }')).toEqual({ data: { go: 7_900_000 } });
  });

  test('sends more than it promised gives its answer, and the rest is nobody’s', async () => {
    const backend = await startSockets((socket, request) => {
      if (request > 1 || backend.counts.connections > 1)
        return socket.write(`${head}content-length: 1\r\n\r\n2`);
      return socket.write(`${head}content-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n9`);
    });
    const gateway = await open(backend.url, fileOf(get));
    const answers = [
      await ask(gateway, '{ go }'),
      await ask(gateway, '{ go }'),
      await ask(gateway, '{ go }'),
    ];
    expect(JSON.stringify(answers)).not.toContain('9');
  });

  test('speaks out of turn on an idle connection is not listened to', async () => {
    const backend = await startSockets((socket, request) => {
      socket.write(`${head}content-length: 1\r\n\r\n${request}`);
      setTimeout(() => socket.write(`${head}content-length: 1\r\n\r\n9`), 20);
    });
    const gateway = await open(backend.url, fileOf(get));
    expect(await ask(gateway, '{ go }')).toEqual({ data: { go: 1 } });
    await wait(60);
    expect(await ask(gateway, '{ go }')).toEqual({ data: { go: 1 } });
  });

  test('says 103 first is heard out', async () => {
    const answer = await answerOf((socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n`.repeat(100) + `${head}content-length: 1\r\n\r\n1`,
      ),
    );
    expect(answer).toEqual({ data: { go: 1 } });
  });
});

describe('a call ends in time, and its connection with it, when the backend', () => {
  const hanging: [claim: string, write: (socket: Socket) => void][] = [
    ['says nothing', () => undefined],
    ['says nothing more after the head', (socket) => socket.write(`${head}content-length: 100\r\n\r\n`)],
    ['says 102 and 102 again', (socket) => drip(socket, 'HTTP/1.1 102 Processing\r\n\r\n')],
    [
      'sends a byte at a time',
      (socket) => {
        socket.write(`${head}content-length: 100000\r\n\r\n`);
        drip(socket, ' ');
      },
    ],
  ];

  test.each(hanging)('%s', async (_, write) => {
    const backend = await startSockets(write);
    const gateway = await open(backend.url, fileOf({ ...get, ...slow }));
    const started = performance.now();
    expectFailure(await ask(gateway, '{ go }'), 'GATEWAY_TIMEOUT');
    expect(performance.now() - started).toBeLessThan(2_000);
    await vi.waitFor(() => expect(backend.counts.open).toBe(0));
    expect(backend.counts.requests).toBe(1);
  });

  test('is too slow for the operation, whatever the source would allow', async () => {
    const backend = await startSockets(() => undefined);
    const gateway = await open(backend.url, fileOf({ ...get, sourceHttp: 'timeout: "1m"' }), {
      timeout: '200ms',
    });
    expectFailure(await ask(gateway, '{ go }'), 'GATEWAY_TIMEOUT');
  });

  test('is one of several: the later ones have what is left, and none once it is gone', async () => {
    const backend = await startBackend((response, seen) => {
      setTimeout(() => json({ id: backend.seen.length })(response, seen), 120);
    });
    const file = `
      extend schema @source(name: "api", http: { baseURL: "{$env.BACKEND}" })
      type Query { go: Item @connect(source: "api", http: { GET: "/1" }, selection: "id") }
      type Item {
        id: ID
        next: Item @connect(source: "api", http: { GET: "/next/{$this.id}" }, selection: "id")
      }`;
    const gateway = await open(backend.url, file, { timeout: '300ms' });
    const started = performance.now();
    const answer = await ask(gateway, '{ go { next { next { next { next { id } } } } } }');
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(codeOf(answer)).toBe('GATEWAY_TIMEOUT');
    expect(backend.seen.length).toBeLessThan(4);
  });
});

function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 10);
  socket.on('close', () => clearInterval(timer));
}

describe('a connection that is lost before an answer', () => {
  /** A connection takes one request; whoever uses it again finds it closed. */
  const fickle = () =>
    startSockets((socket, request) => {
      if (request > 1) socket.resetAndDestroy();
      else socket.write(`${head}content-length: 2\r\n\r\n{}`);
    });

  test('makes no error for what changes nothing', async () => {
    const backend = await fickle();
    const gateway = await open(backend.url, fileOf(get));
    for (let i = 0; i < 50; i++) expect(await ask(gateway, '{ go }')).toEqual({ data: { go: {} } });
    expect(backend.counts.connections).toBeGreaterThan(20);
  });

  test('is an error for what changes something: it may have been done', async () => {
    const backend = await fickle();
    const gateway = await open(backend.url, fileOf({ root: 'Mutation', http: 'POST: "/u"' }));
    const answers: Answer[] = [];
    for (let i = 0; i < 10; i++) answers.push(await ask(gateway, 'mutation { go }'));
    const codes = new Set(answers.map((answer) => answer.errors && codeOf(answer)));
    expect(codes).toEqual(new Set([undefined, 'HTTP_CLIENT_ERROR']));
    expect(backend.counts.requests).toBe(10);
  });

  test('is tried again once, not for ever', async () => {
    const backend = await startSockets((socket) => socket.resetAndDestroy());
    const gateway = await open(backend.url, fileOf(get));
    expect(codeOf(await ask(gateway, '{ go }'))).toBe('HTTP_CLIENT_ERROR');
    expect(backend.counts.requests).toBe(2);
  });

  test('counts as one call, and one that has begun to answer is not asked again', async () => {
    const backend = await startSockets((socket) => socket.end(`${head}content-length: 9\r\n\r\n{}`));
    const gateway = await open(backend.url, fileOf(get), { sources: { api: { maxCallsPerOperation: 1 } } });
    expect(codeOf(await ask(gateway, '{ go }'))).toBe('HTTP_CLIENT_ERROR');
    expect(backend.counts.requests).toBe(1);
  });

  test('is none when the backend closes an idle one in good time', async () => {
    const backend = await startSockets((socket) => {
      socket.write(`${head}content-length: 2\r\n\r\n{}`);
      setTimeout(() => socket.end(), 10);
    });
    const gateway = await open(backend.url, fileOf({ root: 'Mutation', http: 'POST: "/u"' }));
    for (let i = 0; i < 10; i++) {
      expect(await ask(gateway, 'mutation { go }')).toEqual({ data: { go: {} } });
      await wait(30);
    }
  });
});

test('others are answered while one backend hangs', async () => {
  const hanging = await startSockets(() => undefined);
  const backend = await startBackend(json('here'));
  const gateway = await open(
    backend.url,
    `extend schema @source(name: "a", http: { baseURL: "{$env.BACKEND}" })
       @source(name: "b", http: { baseURL: "{$env.OTHER}", timeout: "100ms" })
     type Query {
       here: String @connect(source: "a", http: { GET: "/" }, selection: "$")
       there: String @connect(source: "b", http: { GET: "/" }, selection: "$")
     }`,
    {},
    { OTHER: hanging.url },
  );
  const answer = await ask(gateway, '{ here there }');
  expect(answer.data).toEqual({ here: 'here', there: null });
  expect(codeOf(answer)).toBe('GATEWAY_TIMEOUT');
});

test('calls in flight fail when the gateway closes', async () => {
  const backend = await startSockets(() => undefined);
  const gateway = await open(backend.url, fileOf(get));
  const asked = ask(gateway, '{ go }');
  await vi.waitFor(() => expect(backend.counts.requests).toBe(1));
  await gateway.close();
  expectFailure(await asked, 'HTTP_CLIENT_ERROR');
  expectFailure(await ask(gateway, '{ go }'), 'HTTP_CLIENT_ERROR');
});
