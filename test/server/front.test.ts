import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { exchange, headText, post, postText, sampleExecutable, start } from './support.js';

const html = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('paths', () => {
  test('GraphQL is at /graphql, and at / for the Sandbox, which posts to its own page', async () => {
    const { url } = await start();
    for (const path of ['/graphql', '/']) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ hello }"}',
      });
      expect(await response.json()).toEqual({ data: { hello: 'world' } });
    }
  });

  test('anything else is a 404 in JSON, also for a browser', async () => {
    const { url } = await start();
    for (const path of ['/favicon.ico', '/graphql/', '/__proto__', '/live/x']) {
      const response = await fetch(url + path, { headers: { accept: html } });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        404,
        'application/json; charset=utf-8',
      ]);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
    }
  });

  test('/live says that the process answers, /ready whether it should be asked', async () => {
    let isReady = false;
    const { url } = await start({ isReady: () => isReady });
    const read = async (path: string) => {
      const response = await fetch(url + path);
      return [response.status, await response.json()];
    };
    expect(await read('/live')).toEqual([200, { status: 'ok' }]);
    expect(await read('/ready')).toEqual([503, { status: 'unavailable' }]);
    isReady = true;
    expect(await read('/ready')).toEqual([200, { status: 'ok' }]);
    expect((await fetch(`${url}/live`, { method: 'HEAD' })).status).toBe(200);
    const posted = await fetch(`${url}/ready`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('every answer tells browsers to take it for nothing but data', async () => {
    const { url } = await start();
    for (const path of ['/live', '/nowhere', '/graphql']) {
      const { headers } = await fetch(url + path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});

describe('the media type of an answer', () => {
  const typeFor = async (accept: string | undefined) => {
    const head = accept === undefined ? [] : [`Accept: ${accept}`];
    const body = '{"query":"{ hello }"}';
    const lines = [
      'POST / HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Connection: close',
    ];
    const { answers } = await exchange(
      await start(),
      headText([...lines, ...head, `Content-Length: ${body.length}`]) + body,
    );
    return answers[0]?.status === 200 ? answers[0].headers['content-type'] : answers[0]?.status;
  };
  const json = 'application/json; charset=utf-8';
  const response = 'application/graphql-response+json; charset=utf-8';

  test.each([
    [undefined, json],
    ['', json],
    ['*/*', json],
    ['application/*', json],
    ['application/json', json],
    ['APPLICATION/JSON;charset=UTF-8', json],
    ['application/graphql-response+json', response],
    ['application/graphql-response+json, application/json;q=0.9', response],
    ['application/json, application/graphql-response+json', json],
    ['application/json;q=0.5, */*;q=0.1, application/graphql-response+json;q=0.6', response],
    ['application/json;q=0, */*', response],
    ['text/html', 406],
    ['multipart/mixed', 406],
    ['application/json;charset=utf-16', 406],
    ['application/json;q=2', 406],
  ])('for "%s" is %s', async (accept, expected) => {
    expect(await typeFor(accept)).toBe(expected);
  });
});

describe('the page', () => {
  const getPage = async (options: Parameters<typeof start>[0] = {}, path = '/') => {
    const served = await start(options);
    const response = await fetch(served.url + path, { headers: { accept: html } });
    return { served, response, text: await response.text() };
  };

  test('is the Sandbox, with telemetry off and under a policy that lets in only what it needs', async () => {
    const { response, text } = await getPage();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).toContain('runTelemetry: false');
    const policy = response.headers.get('content-security-policy') ?? '';
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'strict-origin',
      'cross-origin-opener-policy': 'same-origin-allow-popups',
      'permissions-policy': expect.stringContaining('camera=()') as string,
    });
    expect(text.match(/<(?:script|style)\b[^>]*>/g)).toEqual([
      `<style nonce="${nonce}">`,
      `<script nonce="${nonce}">`,
    ]);
    expect((await getPage()).text).not.toContain(nonce);
  });

  test('has the first operation typed in, and nothing in it can leave its place', async () => {
    const document = '{ echo(text: "</script><script>alert(1)</script>\u2028") }';
    const { text } = await getPage({
      firstOperation: { document, headers: { authorization: 'Bearer demo' } },
    });
    expect(text).not.toContain('<script>alert');
    const state = /const state = (.*);$/m.exec(text)?.[1] ?? '';
    expect(JSON.parse(state)).toEqual({ document, headers: { authorization: 'Bearer demo' } });
  });

  test('says in plain text how to ask with curl, in quotes that hold', async () => {
    const firstOperation = { document: `{ echo(text: "it's") }`, headers: { authorization: 'Bearer demo' } };
    const { served, text } = await getPage({ firstOperation });
    expect(text).toContain(`curl http://localhost:${served.port}/graphql \\`);
    expect(text).toContain("-H 'authorization: Bearer demo'");
    expect(text).toContain(String.raw`it'\''s`);
    const head = headText(['GET / HTTP/1.1', 'Host: a`id`', 'Accept: text/html', 'Connection: close']);
    const { port } = served;
    const response = await new Promise<string>((resolve) => {
      let seen = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(head));
      socket.on('data', (chunk) => (seen += chunk.toString())).on('close', () => resolve(seen));
    });
    expect(response).toContain('curl http://localhost:4000/graphql');
    expect(response).not.toContain('`id`');
  });

  test('is at /graphql as well, where people look for it', async () => {
    const { text } = await getPage({}, '/graphql');
    expect(text).toContain('EmbeddedSandbox');
    expect(text).toContain('initialSubscriptionEndpoint');
  });

  test('is not there in production: a hint in JSON is', async () => {
    const { response, text } = await getPage({ mode: 'production' });
    expect(response.status).toBe(404);
    expect(JSON.parse(text).errors[0].message).toContain('by POST to /graphql');
  });

  test('is not sent to a program that asks for no page', async () => {
    const { url } = await start();
    const response = await fetch(url);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'application/json; charset=utf-8',
    ]);
  });
});

describe('another origin', () => {
  const good = 'https://shop.example.com';
  const ask = async (corsOrigins: readonly string[], origin: string, method = 'POST') => {
    const { url } = await start({ corsOrigins });
    return fetch(`${url}/graphql`, {
      method,
      headers: {
        origin,
        'content-type': 'application/json',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
      ...(method === 'POST' && { body: '{"query":"{ hello }"}' }),
    });
  };

  test('may read nothing unless it is listed', async () => {
    for (const method of ['POST', 'OPTIONS']) {
      const { headers } = await ask([], good, method);
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('is echoed exactly where it is listed, and caches are told', async () => {
    const { headers } = await ask([good], good);
    expect(headers.get('access-control-allow-origin')).toBe(good);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toBe('Origin');
  });

  test('is told before it asks what it may send', async () => {
    const response = await ask([good], good, 'OPTIONS');
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization,content-type');
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST');
  });

  test.each([
    'null',
    'https://evil-shop.example.com',
    'https://shop.example.com.evil.com',
    'http://shop.example.com',
  ])('%s is not a listed one', async (origin) => {
    for (const method of ['POST', 'OPTIONS']) {
      const { headers } = await ask([good], origin, method);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('vary')).toBe('Origin');
    }
  });

  test.each(['*', 'null', 'shop.example.com', 'https://shop.example.com/'])(
    'cannot be listed as %s',
    async (origin) => {
      await expect(start({ corsOrigins: [origin] })).rejects.toThrow(`"${origin}" is not an origin`);
    },
  );
});

test('the limits do not get in the way of an ordinary client', async () => {
  const served = await start();
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(served, { query: '{ hello }' })));
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
});

describe('a client that does not read its answer', () => {
  const big = 'x'.repeat(20 * 2 ** 20);
  const open = async (stallTimeoutMs: number) => {
    const served = await start({
      executable: sampleExecutable({ slow: () => big }),
      limits: { stallTimeoutMs },
    });
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => undefined).pause();
    socket.write(postText('{"query":"{ slow }"}', ['Connection: keep-alive']));
    return { served, socket };
  };

  test('is cut, also if it goes on sending', async () => {
    const { served, socket } = await open(100);
    const gone = new Promise((resolve) => socket.once('error', resolve));
    const drip = setInterval(() => socket.write('\r\n'), 20);
    expect(await gone).toMatchObject({ code: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) as string });
    clearInterval(drip);
    expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  });

  test('and then does gets all of it, and may ask again on the same connection', async () => {
    const { socket } = await open(400);
    await sleep(200);
    socket.resume();
    await vi.waitFor(() => expect(socket.bytesRead).toBeGreaterThan(big.length), { timeout: 5_000 });
    await sleep(600);
    expect(socket.destroyed).toBe(false);
    const before = socket.bytesRead;
    socket.write(postText('{"query":"{ hello }"}'));
    await once(socket, 'close');
    expect(socket.bytesRead).toBeGreaterThan(before);
  });
});
