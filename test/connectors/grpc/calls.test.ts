import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { GatewayError } from '../../../src/base/errors.js';
import {
  echo,
  folder,
  kitchenSdl,
  openSource,
  send,
  startKitchen,
  type Answer,
  type Call,
  type Handler,
} from './support.js';

const names = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

async function openKitchen(handlers: Record<string, Handler> = {}, more = '') {
  const { address } = await startKitchen(handlers);
  const { transports } = await openSource(kitchenSdl(undefined, more), { address });
  return transports;
}

/** The error a call ends with. */
async function failureOf(call: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'GatewayError' });
  return error as GatewayError;
}

/** A promise, and what settles it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** What a client may see of an error. */
function shown(error: GatewayError): string {
  return JSON.stringify([error.message, error.extensions]);
}

describe('a status that the backend sends', () => {
  test.each(names.map((name, code) => [name, code] as const).filter(([, code]) => code !== 0 && code !== 4))(
    '%s is a reply that tells it',
    async (name, code) => {
      const transports = await openKitchen();
      const input = { code, details: 'told by 10.0.0.5:443' };
      const reply = await send(transports.get('fail'), { $args: { input } });
      expect(reply).toMatchObject({
        status: code,
        succeeded: false,
        body: { code: name, message: 'told by 10.0.0.5:443' },
        facts: { grpc: { status: code, code: name } },
      });
      expect(reply.trailers).toMatchObject({ 'x-why': ['asked to'] });
      expect(JSON.stringify(reply.facts)).not.toContain('10.0.0.5');
    },
  );

  test('DEADLINE_EXCEEDED is GATEWAY_TIMEOUT, whoever noticed', async () => {
    const transports = await openKitchen();
    const input = { code: 4, details: 'told by 10.0.0.5:443' };
    const error = await failureOf(send(transports.get('fail'), { $args: { input } }));
    expect(error.code).toBe('GATEWAY_TIMEOUT');
    expect(shown(error)).not.toContain('10.0.0.5');
  });

  test('a code that gRPC does not know is a reply, too', async () => {
    const transports = await openKitchen();
    const reply = await send(transports.get('fail'), { $args: { input: { code: 99, details: '' } } });
    expect(reply).toMatchObject({
      status: 99,
      succeeded: false,
      facts: { grpc: { status: 99, code: 'UNKNOWN' } },
    });
  });

  test('an OK tells so', async () => {
    const transports = await openKitchen();
    const reply = await send(transports.get('echo'), { $args: { input: { int32Field: 4 } } });
    expect(reply).toMatchObject({ status: 0, succeeded: true, facts: { grpc: { status: 0, code: 'OK' } } });
  });
});

describe('a call that gets no status', () => {
  test('a deadline ends it, and the backend hears of it', async () => {
    const cancelled = deferred<unknown>();
    const transports = await openKitchen({ hang: (call) => void call.on('cancelled', cancelled.resolve) });
    const error = await failureOf(send(transports.get('hang'), {}, { timeoutMs: 100 }));
    expect(error.code).toBe('GATEWAY_TIMEOUT');
    expect(shown(error)).not.toMatch(/127\.0\.0\.1|remote_addr/);
    await cancelled.promise;
  });

  test('the backend is told the deadline', async () => {
    let deadline = 0;
    const transports = await openKitchen({
      echo: (call, answer) => {
        deadline = Number(call.getDeadline());
        echo(call, answer);
      },
    });
    const before = Date.now();
    await send(transports.get('echo'), {}, { timeoutMs: 3_000 });
    expect(deadline).toBeGreaterThan(before);
    expect(deadline).toBeLessThanOrEqual(Date.now() + 3_000);
  });

  test('an abort ends it, and the backend hears of it', async () => {
    const arrived = deferred<Call>();
    const transports = await openKitchen({ hang: (call) => arrived.resolve(call) });
    const abort = new AbortController();
    const failure = failureOf(send(transports.get('hang'), {}, { signal: abort.signal }));
    const call = await arrived.promise;
    const cancelled = once(call, 'cancelled');
    abort.abort();
    await cancelled;
    expect((await failure).code).toBe('HTTP_CLIENT_ERROR');
  });

  test('many calls of one request are no reason for a warning', async () => {
    const transports = await openKitchen();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 30 }, () => send(transports.get('echo'), {}, { signal })));
    expect(warnings).toEqual([]);
  });

  test('a signal that is aborted already makes no call', async () => {
    let calls = 0;
    const transports = await openKitchen({
      hang: () => {
        calls++;
      },
    });
    expect((await failureOf(send(transports.get('hang'), {}, { signal: AbortSignal.abort() }))).code).toBe(
      'HTTP_CLIENT_ERROR',
    );
    expect(calls).toBe(0);
  });

  test('a refused connection is HTTP_CLIENT_ERROR without an address', async () => {
    const { transports } = await openSource(kitchenSdl(), { address: await freePort() });
    const error = await failureOf(send(transports.get('echo'), {}));
    expect(error.code).toBe('HTTP_CLIENT_ERROR');
    expect(shown(error)).not.toMatch(/127\.0\.0\.1|ECONN/);
    expect(String(error.cause)).toContain('ECONNREFUSED');
  });

  test('a name that does not resolve is HTTP_CLIENT_ERROR', async () => {
    const { transports } = await openSource(kitchenSdl(), { address: 'nowhere.invalid:1' });
    const error = await failureOf(send(transports.get('echo'), {}));
    expect(error.code).toBe('HTTP_CLIENT_ERROR');
    expect(shown(error)).not.toContain('nowhere');
  });

  test('an answer beyond 4 MB is CONNECTOR_RESPONSE_INVALID', async () => {
    const huge: Handler = (_, answer) => answer(null, { stringField: 'x'.repeat(5 * 1024 * 1024) });
    const transports = await openKitchen({ huge });
    const error = await failureOf(send(transports.get('huge'), {}));
    expect(error).toMatchObject({
      code: 'CONNECTOR_RESPONSE_INVALID',
      message: "The backend's answer is too large.",
    });
  });

  test('a request beyond 4 MB is what the backend says of it', async () => {
    const transports = await openKitchen();
    const input = { stringField: 'x'.repeat(5 * 1024 * 1024) };
    expect(await send(transports.get('echo'), { $args: { input } })).toMatchObject({
      status: 8,
      succeeded: false,
    });
  });
});

describe('a peer that is no gRPC server', () => {
  const http1 = () => listen(createHttpServer((_, response) => response.end('<html>')));
  const silent = () => listen(createTcpServer((socket) => socket.destroy()));
  const http2 = (answer: (stream: ServerHttp2Stream) => void) =>
    listen(createHttp2Server().on('stream', (stream) => answer(stream.on('error', () => undefined))));
  const grpcHeaders = { ':status': 200, 'content-type': 'application/grpc' };
  const page = (code: number) => (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': code, 'content-type': 'text/html' });
    stream.end('<html>10.0.0.5</html>');
  };

  test.each<[string, () => Promise<string>, string]>([
    ['speaks HTTP/1', http1, 'HTTP_CLIENT_ERROR'],
    ['closes every connection', silent, 'HTTP_CLIENT_ERROR'],
    ['answers 502 with a page', () => http2(page(502)), 'HTTP_CLIENT_ERROR'],
    ['answers 404 with a page', () => http2(page(404)), 'CONNECTOR_RESPONSE_INVALID'],
    ['answers 200 with a page', () => http2(page(200)), 'CONNECTOR_RESPONSE_INVALID'],
    ['resets the stream', () => http2((stream) => stream.close(2)), 'CONNECTOR_RESPONSE_INVALID'],
    ['resets the stream after headers', () => http2(resetLate), 'CONNECTOR_RESPONSE_INVALID'],
    ['drops the connection after headers', () => http2(dropLate), 'HTTP_CLIENT_ERROR'],
    [
      'sends OK without a message',
      () => http2((stream) => stream.respond({ ...grpcHeaders, 'grpc-status': 0 }, { endStream: true })),
      'CONNECTOR_RESPONSE_INVALID',
    ],
    [
      'sends a status that is no number',
      () => http2((stream) => stream.respond({ ...grpcHeaders, 'grpc-status': 'x' }, { endStream: true })),
      'CONNECTOR_RESPONSE_INVALID',
    ],
    ['sends no status', () => http2(endEarly), 'CONNECTOR_RESPONSE_INVALID'],
    ['compresses with what nobody knows', () => http2(oddEncoding), 'CONNECTOR_RESPONSE_INVALID'],
    ['sends broken gzip', () => http2(brokenGzip), 'CONNECTOR_RESPONSE_INVALID'],
    ['sends two messages', () => http2(twoMessages), 'CONNECTOR_RESPONSE_INVALID'],
  ])('%s', async (_, start, code) => {
    const { transports } = await openSource(kitchenSdl(), { address: await start() });
    const error = await failureOf(send(transports.get('echo'), {}, { timeoutMs: 1_000 }));
    expect(error.code).toBe(code);
    expect(shown(error)).not.toMatch(/10\.0\.0\.5|127\.0\.0\.1|html|RST/);
  });

  test('a status without headers is a reply', async () => {
    const trailersOnly = (stream: ServerHttp2Stream) =>
      stream.respond(
        { ...grpcHeaders, 'grpc-status': 5, 'grpc-message': 'none%20such' },
        { endStream: true },
      );
    const { transports } = await openSource(kitchenSdl(), { address: await http2(trailersOnly) });
    expect(await send(transports.get('echo'), {})).toMatchObject({
      status: 5,
      body: { message: 'none such' },
    });
  });

  function resetLate(stream: ServerHttp2Stream): void {
    stream.respond(grpcHeaders);
    setImmediate(() => stream.close(2));
  }
  function dropLate(stream: ServerHttp2Stream): void {
    stream.respond(grpcHeaders);
    setTimeout(() => stream.session?.destroy(), 50);
  }
  function endEarly(stream: ServerHttp2Stream): void {
    stream.respond(grpcHeaders);
    stream.end(frame());
  }
  function oddEncoding(stream: ServerHttp2Stream): void {
    respondWith(stream, frame(1), { 'grpc-encoding': 'odd' });
  }
  function brokenGzip(stream: ServerHttp2Stream): void {
    respondWith(stream, frame(1, Buffer.from('no gzip')), { 'grpc-encoding': 'gzip' });
  }
  function twoMessages(stream: ServerHttp2Stream): void {
    respondWith(stream, Buffer.concat([frame(), frame()]), {});
  }
  function respondWith(stream: ServerHttp2Stream, body: Buffer, headers: Record<string, string>): void {
    stream.respond({ ...grpcHeaders, ...headers }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(body);
  }
});

function frame(flags = 0, content = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

describe('metadata', () => {
  const sdl = (source: string, connect: string) => `
    extend schema @source(name: "kitchen", grpc: {address: "127.0.0.1:1", proto: "kitchen-sink.proto", metadata: [${source}]})
    scalar JSON
    type Query {
      echo(input: JSON, token: String): JSON
        @connect(source: "kitchen", grpc: {method: "kitchen.v1.Kitchen/Echo", request: "{}", metadata: [${connect}]})
    }
  `;
  const seeing = async (source: string, connect: string, options: Parameters<typeof openSource>[1] = {}) => {
    let seen = new Metadata();
    const remember: Handler = (call, answer: Answer) => {
      seen = call.metadata;
      const headers = new Metadata();
      headers.set('x-answer', 'yes');
      headers.set('x-raw-bin', Buffer.from([1, 2, 255]));
      call.sendMetadata(headers);
      const trailers = new Metadata();
      trailers.set('x-end', 'now');
      answer(null, call.request, trailers);
    };
    const { address } = await startKitchen({ echo: remember });
    const { transports } = await openSource(sdl(source, connect), { address, ...options });
    return async (variables = {}) => ({ reply: await send(transports.get('echo'), variables), seen });
  };

  test('comes from the source and the connector, which replaces what the source has', async () => {
    const call = await seeing(
      '{name: "x-one", value: "source"}, {name: "X-Key", value: "{$env.KEY}-{$config.tail}"}',
      '{name: "X-One", value: "{$args.token}"}',
      { environment: { KEY: 'k' }, config: {} },
    );
    const { seen } = await call({ $args: { token: 't' }, $env: { KEY: 'k' }, $config: { tail: 'z' } });
    expect(seen.get('x-one')).toEqual(['t']);
    expect(seen.get('x-key')).toEqual(['k-z']);
  });

  test('is copied from the client, all values of it', async () => {
    const call = await seeing('', '{name: "x-trace", from: "traceparent"}, {name: "x-none", from: "absent"}');
    const { seen } = await call({ $request: { headers: { traceparent: ['a', 'b'] } } });
    expect(seen.get('x-trace').join(',').replaceAll(' ', '')).toBe('a,b');
    expect(seen.get('x-none')).toEqual([]);
  });

  test('of -bin keys is base64 here and bytes there', async () => {
    const call = await seeing('', '{name: "x-data-bin", value: "{$args.token}"}');
    const { seen } = await call({ $args: { token: Buffer.from([0, 255, 7]).toString('base64') } });
    expect(seen.get('x-data-bin')).toEqual([Buffer.from([0, 255, 7])]);
  });

  test('of the answer is headers and trailers', async () => {
    const call = await seeing('', '');
    const { reply } = await call();
    expect(reply.headers).toMatchObject({ 'x-answer': ['yes'], 'x-raw-bin': ['AQL/'] });
    expect(reply.trailers).toMatchObject({ 'x-end': ['now'] });
  });

  test.each([
    ['a line break', 'a\nb'],
    ['a zero', 'a\0'],
    ['an umlaut', 'Grüße'],
    ['a snowman', '☃'],
    ['9000 characters', 'x'.repeat(9_000)],
  ])('refuses %s in a value', async (_, token) => {
    const { transports } = await openSource(sdl('', '{name: "x-a", value: "{$args.token}"}'));
    const error = await failureOf(send(transports.get('echo'), { $args: { token } }));
    expect(error.code).toBe('BAD_USER_INPUT');
    expect(shown(error)).not.toContain(token);
  });

  test('refuses what is no base64 for a -bin key', async () => {
    const { transports } = await openSource(sdl('', '{name: "x-a-bin", value: "{$args.token}"}'));
    expect((await failureOf(send(transports.get('echo'), { $args: { token: '!' } }))).code).toBe(
      'BAD_USER_INPUT',
    );
  });
});

describe('connections', () => {
  test('a backend that was away is found again, time after time', async () => {
    let kitchen = await startKitchen();
    const { port, address } = kitchen;
    const { transports } = await openSource(kitchenSdl(), { address });
    const call = () => send(transports.get('echo'), {}, { timeoutMs: 1_000 });
    for (let round = 0; round < 3; round++) {
      expect((await call()).succeeded).toBe(true);
      kitchen.server.forceShutdown();
      expect((await failureOf(call())).code).toBe('HTTP_CLIENT_ERROR');
      kitchen = await startKitchen({}, { port });
      const start = performance.now();
      while (
        !(await call().then(
          () => true,
          () => false,
        ))
      ) {
        expect(performance.now() - start).toBeLessThan(6_000);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });

  test('a backend that says goodbye between calls loses none', async () => {
    const kitchen = await startKitchen();
    const { transports } = await openSource(kitchenSdl(), { address: kitchen.address });
    for (let round = 0; round < 3; round++) {
      expect((await send(transports.get('echo'), {})).succeeded).toBe(true);
      kitchen.server.drain(kitchen.address, 100);
    }
  });

  test('several addresses take turns', async () => {
    const counts = [0, 0, 0];
    const kitchens = await Promise.all(counts.map((_, i) => startKitchen({ echo: counting(counts, i) })));
    const { transports } = await openSource(kitchenSdl(), {
      address: kitchens.map(({ address }) => address).join(', '),
    });
    for (let i = 0; i < 9; i++) await send(transports.get('echo'), {});
    expect(counts).toEqual([3, 3, 3]);
  });

  test('an address that is down costs no call', async () => {
    const counts = [0, 0];
    const kitchens = await Promise.all(counts.map((_, i) => startKitchen({ echo: counting(counts, i) })));
    const addresses = [await freePort(), ...kitchens.map(({ address }) => address)];
    const { transports } = await openSource(kitchenSdl(), { address: addresses.join(',') });
    for (let i = 0; i < 12; i++) expect((await send(transports.get('echo'), {})).succeeded).toBe(true);
    expect(counts[0]! + counts[1]!).toBe(12);
    expect(Math.min(...counts)).toBeGreaterThan(2);
  });

  test('closing the source closes its sockets', async () => {
    const { address, server } = await startKitchen();
    const { open, transports } = await openSource(kitchenSdl(), { address });
    await send(transports.get('echo'), {});
    await open.close();
    await new Promise<void>((resolve, reject) =>
      server.tryShutdown((error) => (error ? reject(error) : resolve())),
    );
    expect((await failureOf(send(transports.get('echo'), {}))).code).toBe('HTTP_CLIENT_ERROR');
  });

  test('an address is filled in from the environment', async () => {
    const { address } = await startKitchen();
    const sdl = kitchenSdl().replace('127.0.0.1:1', '{$env.KITCHEN}');
    const { transports } = await openSource(sdl, { environment: { KITCHEN: address } });
    expect((await send(transports.get('echo'), {})).succeeded).toBe(true);
  });
});

function counting(counts: number[], at: number): Handler {
  return (call, answer) => {
    counts[at] = (counts[at] ?? 0) + 1;
    echo(call, answer);
  };
}

const openssl = hasOpenssl();

describe.skipIf(!openssl)('TLS (skipped where openssl is not installed)', () => {
  const make = () => {
    const files = mkdtempSync(join(folder, '.tls-'));
    onTestFinished(() => rmSync(files, { recursive: true }));
    const name = files.slice(folder.length + 1);
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=kitchen.test',
        '-addext',
        'subjectAltName=DNS:kitchen.test',
        '-keyout',
        join(files, 'key.pem'),
        '-out',
        join(files, 'cert.pem'),
      ],
      { stdio: 'ignore' },
    );
    const read = (file: string) => readFileSync(join(files, file));
    return { name, cert: read('cert.pem'), key: read('key.pem') };
  };
  const start = ({ cert, key }: ReturnType<typeof make>, checkClient = false) =>
    startKitchen(
      {},
      {
        credentials: ServerCredentials.createSsl(cert, [{ private_key: key, cert_chain: cert }], checkClient),
      },
    );
  const tls = (settings: string) => kitchenSdl(`proto: "kitchen-sink.proto", tls: {${settings}}`);

  test('trusts the authority that is named, for the name that is named', async () => {
    const made = make();
    const { address } = await start(made);
    const { transports } = await openSource(tls(`ca: "${made.name}/cert.pem", serverName: "kitchen.test"`), {
      address,
    });
    expect((await send(transports.get('echo'), {})).succeeded).toBe(true);
  });

  test('trusts no other name, and no unknown authority', async () => {
    const made = make();
    const { address } = await start(made);
    for (const settings of [`ca: "${made.name}/cert.pem"`, 'serverName: "kitchen.test"']) {
      const { transports } = await openSource(tls(settings), { address });
      expect((await failureOf(send(transports.get('echo'), {}))).code).toBe('HTTP_CLIENT_ERROR');
    }
  });

  test('shows its own certificate where it has one', async () => {
    const made = make();
    const { address } = await start(made, true);
    const ca = `ca: "${made.name}/cert.pem", serverName: "kitchen.test"`;
    const mutual = await openSource(
      tls(`${ca}, cert: "${made.name}/cert.pem", key: "${made.name}/key.pem"`),
      { address },
    );
    expect((await send(mutual.transports.get('echo'), {})).succeeded).toBe(true);
    const bare = await openSource(tls(ca), { address });
    expect((await failureOf(send(bare.transports.get('echo'), {}))).code).toBe('HTTP_CLIENT_ERROR');
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore', cwd: tmpdir() });
    return true;
  } catch {
    return false;
  }
}

async function listen(server: TcpServer | Http2Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address where nobody listens. */
async function freePort(): Promise<string> {
  const server = createTcpServer();
  const address = await listen(server);
  server.close();
  await once(server, 'close');
  return address;
}
