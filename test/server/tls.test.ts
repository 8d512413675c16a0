import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { connect as connectBare, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ConfigError, type ConfigInput } from '../../src/base/config.js';
import { createGateway, type Served } from '../../src/index.js';
import { identityOfCertificate } from '../../src/policy/identity/certificates.js';
import { createAuthority, hasOpenssl, type Authority, type Certificate } from '../support/certificates.js';
import { startRest } from '../support/rest.js';

const schema = /* GraphQL */ `
  extend schema
    @source(name: "echo", http: { baseURL: "{$env.ECHO_URL}" })
    @definePolicy(name: "billing", allow: "$claims.uri->contains('spiffe://example/billing')")
  type Query {
    who: Who
      @connect(
        source: "echo"
        http: { GET: "/" }
        selection: "subject: $claims.sub cn: $claims.cn dns: $claims.dns fingerprint: $claims.fingerprint"
      )
    bill: String
      @policy(policies: [["billing"]])
      @connect(source: "echo", http: { GET: "/" }, selection: "$('paid')")
  }
  type Who {
    subject: String
    cn: String
    dns: [String!]
    fingerprint: String
  }
`;

describe.skipIf(!hasOpenssl)('HTTPS (skipped where openssl is not installed)', () => {
  let ours: Authority;
  let theirs: Authority;
  let server: Certificate;
  let billing: Certificate;
  let stranger: Certificate;

  beforeAll(() => {
    ours = createAuthority();
    theirs = createAuthority();
    server = ours.issue('/CN=localhost', 'DNS:localhost');
    billing = ours.issue('/O=Example/CN=billing', 'DNS:billing.test,URI:spiffe://example/billing');
    stranger = theirs.issue('/O=Example/CN=billing', 'URI:spiffe://example/billing');
  });
  afterAll(() => {
    ours.remove();
    theirs.remove();
  });

  async function start(
    clientCertificates?: 'optional' | 'required',
    more: ConfigInput = {},
  ): Promise<Served> {
    const rest = await startRest(new Map([['GET /', { body: '{}' }]]));
    const gateway = await createGateway({
      files: { 'echo.graphql': schema },
      environment: { ECHO_URL: rest.url },
      config: {
        log: 'silent',
        tls: { ...server.files, ...(clientCertificates && { ca: ours.files.cert, clientCertificates }) },
        ...more,
      },
    });
    const served = await gateway.serve({ port: 0, closeTimeoutMs: 30_000 });
    onTestFinished(async () => {
      await served.close();
      await gateway.close();
      await rest.close();
    });
    return served;
  }

  const trusting = (client?: Certificate) => ({
    ca: ours.cert,
    servername: 'localhost',
    ...client,
    agent: false,
  });

  interface Answer {
    readonly status: number | undefined;
    readonly body: { data?: Record<string, unknown>; errors?: { extensions: object }[] };
  }

  async function ask(served: Served, query: string, options: RequestOptions): Promise<Answer> {
    const asked = request({
      host: '127.0.0.1',
      port: served.port,
      path: '/graphql',
      method: 'POST',
      ...options,
      headers: {
        'content-type': 'application/json',
        connection: 'close',
        ...(options.headers as Record<string, string> | undefined),
      },
    });
    asked.end(JSON.stringify({ query }));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const chunks = await response.toArray();
    return { status: response.statusCode, body: JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) };
  }

  const who = '{ who { subject cn dns } bill }';
  const unauthenticated = { status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } };

  test('is what the address says, and the only thing that is spoken', async () => {
    const served = await start();
    expect(served.url).toBe(`https://localhost:${served.port}`);
    expect((await ask(served, '{ __typename }', trusting())).body).toEqual({ data: { __typename: 'Query' } });
    const bare = connectBare(served.port, '127.0.0.1').on('error', () => undefined);
    bare.write('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(bare.resume(), 'close');
    expect((await ask(served, '{ __typename }', trusting())).status).toBe(200);
  });

  test('a client certificate says who asks, to rules and mappings', async () => {
    const { status, body } = await ask(await start('optional'), who, trusting(billing));
    expect(status).toBe(200);
    expect(body).toEqual({
      data: {
        who: { subject: 'O=Example, CN=billing', cn: 'billing', dns: ['billing.test'] },
        bill: 'paid',
      },
    });
  });

  test('nobody need show one where they are optional', async () => {
    const { body } = await ask(await start('optional'), who, trusting());
    expect(body.data).toEqual({ who: { subject: null, cn: null, dns: null }, bill: null });
    expect(body.errors?.map(({ extensions }) => extensions)).toContainEqual({ code: 'UNAUTHENTICATED' });
  });

  test('one of another authority is refused, and not taken for none', async () => {
    const served = await start('optional');
    expect(await ask(served, who, trusting(stranger))).toMatchObject(unauthenticated);
    expect((await ask(served, who, trusting(billing))).status).toBe(200);
  });

  test('where they are required, nobody else is heard', async () => {
    const served = await start('required');
    await expect(ask(served, who, trusting())).rejects.toThrow();
    await expect(ask(served, who, trusting(stranger))).rejects.toThrow();
    expect((await ask(served, who, trusting(billing))).status).toBe(200);
  });

  test('none is asked for unless somebody wants it', async () => {
    const { body } = await ask(await start(), 'query { who { subject } }', trusting(billing));
    expect(body.data).toEqual({ who: { subject: null } });
  });

  test('a trusted proxy speaks for others, not for itself', async () => {
    const served = await start('optional', {
      trustedProxies: ['127.0.0.0/8'],
      proxyIdentity: { header: 'x-client' },
    });
    const told = await ask(served, '{ who { subject } }', {
      ...trusting(billing),
      headers: { 'x-client': 'ann' },
    });
    expect(told.body).toEqual({ data: { who: { subject: 'ann' } } });
    const { body } = await ask(served, '{ who { subject } bill }', trusting(billing));
    expect(body.data).toEqual({ who: { subject: null }, bill: null });
  });

  test('a connection that is resumed is the same client', async () => {
    const served = await start('optional');
    const options: ConnectionOptions = { host: '127.0.0.1', port: served.port, ...trusting(billing) };
    const first = connect(options);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const second = connect({ ...options, session });
    await once(second, 'secureConnect');
    const wasResumed = second.isSessionReused();
    const text = await textOf(second, JSON.stringify({ query: '{ who { subject } }' }));
    expect(wasResumed).toBe(true);
    expect(text).toContain('"subject":"O=Example, CN=billing"');
  });

  async function textOf(socket: TLSSocket, body: string): Promise<string> {
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const chunks = await socket.toArray();
    return Buffer.concat(chunks as Buffer[]).toString();
  }

  test('WebSockets are the same client, and refused like it', async () => {
    const served = await start('optional');
    const open = (client: Certificate) => {
      const socket = new WebSocket(`wss://localhost:${served.port}/graphql`, 'graphql-transport-ws', {
        ...trusting(client),
      });
      socket.once('open', () => socket.send('{"type":"connection_init"}'));
      return socket;
    };
    const socket = open(billing);
    await once(socket, 'message');
    socket.send('{"id":"1","type":"subscribe","payload":{"query":"{ who { subject } }"}}');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(data.toString())).toMatchObject({
      payload: { data: { who: { subject: 'O=Example, CN=billing' } } },
    });
    socket.close();
    expect((await once(open(stranger), 'close'))[0]).toBe(4403);
  });

  test('the end waits neither for a connection that says nothing nor for one that shakes no hands', async () => {
    const served = await start();
    const silent = connect({ host: '127.0.0.1', port: served.port, ...trusting() });
    await once(silent, 'secureConnect');
    const bare: Socket = connectBare(served.port, '127.0.0.1').on('error', () => undefined);
    await once(bare, 'connect');
    const ends = [silent, bare].map((socket) => once(socket.on('error', () => undefined).resume(), 'close'));
    await Promise.all([served.close(), ...ends]);
  });

  test.each<[string, string, string | undefined, object]>([
    [
      'names of every kind',
      '/O=Example/CN=billing',
      'DNS:a.test,DNS:b.test,IP:127.0.0.1,URI:spiffe://example/b,email:b@a.test',
      {
        sub: 'O=Example, CN=billing',
        cn: 'billing',
        dns: ['a.test', 'b.test'],
        uri: ['spiffe://example/b'],
        email: ['b@a.test'],
      },
    ],
    ['a comma in the name', '/CN=a, O=Evil', undefined, { sub: 'CN=a\\, O=Evil', cn: 'a, O=Evil', dns: [] }],
    ['two names', '/CN=a/CN=b', undefined, { sub: 'CN=a, CN=b', cn: undefined }],
  ])('claims are what the certificate has: %s', (_, subject, names, claims) => {
    const certificate = new X509Certificate(ours.issue(subject, names).cert);
    const identity = identityOfCertificate({ certificate, isAuthorized: true });
    const { serialNumber: serial, fingerprint256: fingerprint } = certificate;
    expect({ cn: undefined, ...identity.claims }).toMatchObject({
      ...claims,
      issuer: 'CN=authority',
      serial,
      fingerprint,
    });
    expect(identity.expiresAt).toBe(Date.parse(certificate.validTo));
    expect(identityOfCertificate({ certificate, isAuthorized: true })).toBe(identity);
  });

  test('a certificate that expires while the connection lasts is refused from then on', () => {
    const certificate = new X509Certificate(billing.cert);
    const ask = () => identityOfCertificate({ certificate, isAuthorized: true });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(certificate.validTo) - 1 });
    onTestFinished(() => void vi.useRealTimers());
    expect(ask().by).toBe('certificate');
    vi.advanceTimersByTime(1);
    expect(ask).toThrow('The client certificate was refused.');
  });

  describe('files that cannot be used', () => {
    test.each<[string, () => object, string]>([
      [
        'a file that is not there',
        () => ({ cert: '/nowhere/s3cret.pem' }),
        '"tls.cert" is a file that cannot be read: ENOENT',
      ],
      ['a folder', () => ({ key: '/' }), '"tls.key" is a file that cannot be read: EISDIR'],
      [
        'a key for a certificate',
        () => ({ cert: server.files.key }),
        '"tls.cert" is a file that holds no PEM text of its kind',
      ],
      [
        'a certificate for a key',
        () => ({ key: server.files.cert }),
        '"tls.key" is a file that holds no PEM text of its kind',
      ],
      [
        'the key of another',
        () => ({ key: billing.files.key }),
        '"tls.key" is not the key of the certificate in "tls.cert"',
      ],
      [
        'a key for an authority',
        () => ({ ca: server.files.key, clientCertificates: 'optional' }),
        '"tls.ca" is a file that holds no PEM text of its kind',
      ],
    ])('%s', async (_, changes, fault) => {
      const gateway = await createGateway({
        files: { 'echo.graphql': schema },
        environment: { ECHO_URL: 'http://127.0.0.1:1' },
        config: { log: 'silent', tls: { ...server.files, ...changes() } },
      });
      onTestFinished(() => gateway.close());
      const error: unknown = await gateway.serve({ port: 0 }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).toBe(`CONFIG_INVALID  the configuration\n  ${fault}`);
    });
  });
});
