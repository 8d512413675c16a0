import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { exchange, headText, post, postText, start, touches, type Exchange } from './support.js';

const hello = JSON.stringify({ query: '{ hello }' });

/** A refusal is one answer in JSON with the code, and no word of where it was thrown. */
function expectRefusal({ answers, text }: Exchange, status: number): void {
  expect(answers.map((answer) => answer.status)).toEqual([status]);
  expect(answers[0]?.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answers[0]?.body?.errors[0]?.extensions).toEqual({ code: 'BAD_REQUEST' });
  expect(text).not.toMatch(/\.[jt]s:|node_modules|<html/i);
}

describe('framing', () => {
  test.each([
    ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['a signed length', ['Content-Length: +5']],
    ['a hexadecimal length', ['Content-Length: 0x5']],
    ['an unknown transfer encoding', ['Transfer-Encoding: xchunked']],
    ['a transfer encoding that is not chunked at last', ['Transfer-Encoding: chunked, identity']],
    ['two transfer encodings', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']],
    ['a space before the colon', ['Transfer-Encoding : chunked']],
    ['a folded header', ['X-A: b', ' c']],
    ['a bare line feed', ['X-A: b\nX-B: c']],
    ['a bare carriage return', ['X-A: b\rX-B: c']],
    ['a NUL', ['X-A: b\0c']],
  ])('%s is 400 and the end of the connection', async (_, lines) => {
    const served = await start();
    const head = ['POST /graphql HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...lines];
    expectRefusal(await exchange(served, `${headText(head)}0\r\n\r\n`), 400);
    expect((await post(served, { query: '{ hello }' })).body).toEqual({ data: { hello: 'world' } });
  });

  test('bytes that are no HTTP at all are 400', async () => {
    expectRefusal(await exchange(await start(), 'hello?\r\n\r\n'), 400);
  });

  test('a fault behind a request on the same connection does not take its answer', async () => {
    const request = postText(hello, ['Connection: keep-alive']);
    const { answers } = await exchange(await start(), `${request}nonsense\r\n\r\n`);
    expect(answers.map((answer) => answer.body)).toEqual([{ data: { hello: 'world' } }]);
  });

  test('pipelined requests are answered in order, each as its own caller', async () => {
    const callers = Array.from({ length: 20 }, (_, i) => `user${i}`);
    const last = callers.length - 1;
    const requests = callers.map((caller, i) =>
      postText('{"query":"{ caller }"}', [
        `Authorization: Bearer ${caller}`,
        `Connection: ${i === last ? 'close' : 'keep-alive'}`,
      ]),
    );
    const { answers } = await exchange(await start(), requests.join(''));
    expect(answers.map((answer) => answer.body?.data['caller'])).toEqual(callers);
  });

  test('an upgrade to HTTP/2 is not followed', async () => {
    const head = [
      'Connection: close, Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ];
    const { answers } = await exchange(await start(), postText(hello, head));
    expect(answers).toMatchObject([{ status: 200, body: { data: { hello: 'world' } } }]);
  });
});

describe('the head', () => {
  test.each([
    ['two hosts', ['Host: localhost', 'Host: evil']],
    ['no host', []],
    ['two authorizations', ['Host: localhost', 'Authorization: Bearer a', 'Authorization: Bearer b']],
    ['two content types', ['Host: localhost', 'Content-Type: application/json', 'Content-Type: text/plain']],
    ['two cookies', ['Host: localhost', 'Cookie: a=1', 'Cookie: b=2']],
  ])('%s are 400', async (_, lines) => {
    const { port } = await start();
    const head = headText(['GET /live HTTP/1.1', ...lines, 'Connection: close']);
    expectRefusal(await exchange({ port } as never, head), 400);
  });

  test('an absolute target on another host is 400, on ours it is served', async () => {
    const served = await start();
    const request = (target: string) =>
      headText([`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close']);
    expectRefusal(await exchange(served, request('http://evil/live')), 400);
    expect((await exchange(served, request('http://localhost/live'))).answers[0]?.status).toBe(200);
  });

  test.each(['*', 'localhost:80', '//evil/live', '/live/../graphql'])(
    'the target %s leads nowhere',
    async (target) => {
      const head = headText([`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close']);
      const { answers } = await exchange(await start(), head);
      expect([400, 404]).toContain(answers[0]?.status);
      expect(answers[0]?.body?.errors[0]?.extensions['code']).toBe('BAD_REQUEST');
    },
  );

  test.each([
    'TRACE / HTTP/1.1',
    'CONNECT localhost:80 HTTP/1.1',
    'DELETE /graphql HTTP/1.1',
    'HEAD /graphql HTTP/1.1',
  ])('%s is 405 and says what is allowed', async (line) => {
    const { text } = await exchange(await start(), headText([line, 'Host: localhost', 'Connection: close']));
    expect(text).toMatch(/^HTTP\/1\.1 405 /);
    expect(text).toMatch(/^allow: GET, POST, OPTIONS\r$/im);
    expect(text).toMatch(/^content-type: application\/json/im);
  });

  test('the 101st header is 431, so that none is dropped unseen', async () => {
    const served = await start();
    const lines = (many: number) => Array.from({ length: many }, (_, i) => `X-${i}: 1`);
    const last = ['Authorization: Bearer me'];
    // Host, content type, length and connection are four.
    const full = await exchange(served, postText('{"query":"{ caller }"}', [...lines(95), ...last]));
    expect(full.answers[0]?.body).toEqual({ data: { caller: 'me' } });
    expectRefusal(await exchange(served, postText('{"query":"{ caller }"}', [...lines(96), ...last])), 431);
    expectRefusal(
      await exchange(served, postText('{"query":"{ caller }"}', [...lines(3_000), ...last])),
      431,
    );
  });

  test('a header of 17 KB is 431', async () => {
    expectRefusal(await exchange(await start(), postText(hello, [`X-Long: ${'a'.repeat(17 * 1024)}`])), 431);
  });

  test('a chunk extension of 20 KB is 413', async () => {
    const head = headText([
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    ]);
    expectRefusal(await exchange(await start(), `${head}2;${'a'.repeat(20 * 1024)}\r\n{}\r\n0\r\n\r\n`), 413);
  });

  test('headers with names from the inside of JavaScript are just headers; names with _ are left out', async () => {
    const head = ['__proto__: a', 'constructor: b', 'x_user_id: c', 'X-Kept: d', 'X-Kept: e'];
    const query = '{"query":"{ headerNames header(name: \\"x-kept\\") }"}';
    const { answers } = await exchange(await start(), postText(query, head));
    expect(answers[0]?.body?.data['header']).toEqual(['d', 'e']);
    expect(answers[0]?.body?.data['headerNames']).toEqual(
      expect.not.arrayContaining(['__proto__', 'x_user_id', 'connection']),
    );
  });

  test('what Connection lists is not passed on, and the caller is known all the same', async () => {
    const head = [
      'Connection: close, Authorization, X-Hop',
      'Authorization: Bearer me',
      'X-Hop: 1',
      'TE: trailers',
    ];
    const { answers } = await exchange(await start(), postText('{"query":"{ caller headerNames }"}', head));
    expect(answers[0]?.body?.data).toEqual({
      caller: 'me',
      headerNames: ['host', 'content-type', 'content-length'],
    });
  });

  test('an Authorization in the trailers counts for nothing', async () => {
    const head = headText([
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      'Trailer: Authorization',
      'Connection: close',
    ]);
    const body = '{"query":"{ caller }"}';
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\nAuthorization: Bearer me\r\n\r\n`;
    const { answers } = await exchange(await start(), head + chunks);
    expect(answers[0]?.body).toEqual({ data: { caller: null } });
  });

  test('an expectation other than 100-continue is 417', async () => {
    expectRefusal(await exchange(await start(), postText(hello, ['Expect: a-miracle'])), 417);
  });
});

describe('the body', () => {
  const maxBodyBytes = 1024 * 1024;

  /** A valid request of exactly so many bytes. */
  function bodyOf(bytes: number): string {
    const body = JSON.stringify({ query: '{ hello }', extensions: { filler: '' } });
    return body.replace('"filler":""', `"filler":"${'a'.repeat(bytes - body.length)}"`);
  }

  test('1 MB is taken, a byte more is 413', async () => {
    const served = await start();
    expect((await post(served, bodyOf(maxBodyBytes))).status).toBe(200);
    expect(await post(served, bodyOf(maxBodyBytes + 1))).toMatchObject({
      status: 413,
      body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
    });
  });

  test('a length that is too large is refused before a byte of the body has come', async () => {
    const head = ['POST /graphql HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'];
    expectRefusal(
      await exchange(await start(), headText([...head, `Content-Length: ${maxBodyBytes + 1}`])),
      413,
    );
  });

  test('chunks without end are refused while they come', async () => {
    const served = await start({ limits: { maxBodyBytes: 1_000 } });
    const head = headText([
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    ]);
    const chunk = `258\r\n${'a'.repeat(600)}\r\n`;
    expectRefusal(
      await exchange(
        served,
        head,
        Array.from({ length: 1_000 }, () => chunk),
      ),
      413,
    );
  });

  test('a head that drips is 408', async () => {
    const limits = { headersTimeoutMs: 150, requestTimeoutMs: 300, checkIntervalMs: 30 };
    const served = await start({ limits });
    const drops = Array.from({ length: 1_000 }, () => 'a');
    expectRefusal(await exchange(served, 'POST /graphql HTTP/1.1\r\nX-', drops), 408);
  });

  test('a body that drips is 408', async () => {
    const served = await start({
      limits: { headersTimeoutMs: 150, requestTimeoutMs: 150, checkIntervalMs: 30 },
    });
    const head = headText([
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      'Content-Length: 5000',
    ]);
    expectRefusal(
      await exchange(
        served,
        head,
        Array.from({ length: 1_000 }, () => ' '),
      ),
      408,
    );
  });

  test.each(['gzip', 'gzip, gzip', 'br', 'identity'])('the encoding %s is 415', async (encoding) => {
    const answer = await post(await start(), gzipSync(hello), { 'content-encoding': encoding });
    expect(answer.status).toBe(415);
    expect(answer.headers.get('accept-encoding')).toBe('identity');
  });

  test.each([
    'application/json; charset=utf-7',
    'application/json; charset=ibm866',
    'application/json; charset=x-unknown',
    'application/json; charset=',
    'application/json, text/plain',
    'application/graphql',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('the content type "%s" is 415', async (type) => {
    const head = [
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      `Content-Length: ${hello.length}`,
      'Connection: close',
    ];
    const typed = type === '' ? head : [...head, `Content-Type: ${type}`];
    expectRefusal(await exchange(await start(), headText(typed) + hello), 415);
  });

  test.each(['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
    'the content type %s is taken',
    async (type) => {
      expect((await post(await start(), hello, { 'content-type': type })).status).toBe(200);
    },
  );

  test.each([
    ['not JSON', '{ "query": '],
    ['empty', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a batch', `[${hello},${hello}]`],
    ['a string', '"x"'],
    ['an object without members', '{}'],
    ['a query twice', '{"query":"{ hello }","query":"{ caller }"}'],
    ['a query twice, once in escapes', '{"query":"{ hello }","qu\\u0065ry":"{ caller }"}'],
    ['behind a byte order mark', `\u00ef\u00bb\u00bf${hello}`],
    ['with a NUL', '{"query":"{ hello }\0"}'],
    ['with an escaped NUL', '{"query":"{ hello }","variables":{"a":["\\u0000"]}}'],
    ['with half of a surrogate pair', '{"query":"{ hello }","variables":{"a":"\\ud800"}}'],
    [
      'with the second half of a surrogate pair',
      '{"query":"{ hello }","variables":{"a":"\\\\ud83d\\ude00"}}',
    ],
    ['with half of a surrogate pair in a name', '{"query":"{ hello }","variables":{"\\uDC00":1}}'],
    ['not UTF-8', '{"query":"{ hello }","variables":{"a":"\u00ff"}}'],
    [
      'nested 100,000 deep',
      `{"query":"{ hello }","variables":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    ],
    ['with an object as query', '{"query":{}}'],
    ['with an empty query', '{"query":""}'],
    ['with variables that are an array', '{"query":"{ hello }","variables":[]}'],
    ['with variables that are a string', '{"query":"{ hello }","variables":"{}"}'],
    ['with extensions that are a string', '{"query":"{ hello }","extensions":"{}"}'],
    ['with an operation name that is an object', '{"query":"{ hello }","operationName":{}}'],
  ])('%s is 400', async (_, body) => {
    expectRefusal(await exchange(await start(), postText(body)), 400);
  });

  test('braces, colons and quotes inside texts, and equal names further in, are no reason to refuse', async () => {
    const variables = { text: '{"a":1,"a":"\\"}]:\\\\', other: [{ query: 1 }, { query: 2 }], emoji: '😀' };
    const query = 'query ($text: String) { echo(text: $text) }';
    expect((await post(await start(), { query, variables })).body).toEqual({
      data: { echo: variables.text },
    });
  });

  test('escapes that are whole are taken', async () => {
    const text = String.raw`\ud83d\uDE00 \\ud800 \\u0000 \u00e4 \n`;
    const body = `{"query":"query ($text: String) { echo(text: $text) }","variables":{"text":"${text}"}}`;
    expect((await post(await start(), body)).body.data['echo']).toBe('😀 \\ud800 \\u0000 ä \n');
  });

  test('a name that JavaScript knows is a variable like any other', async () => {
    const body =
      '{"query":"query ($__proto__: String) { echo(text: $__proto__) }","variables":{"__proto__":"kept"}}';
    const { status } = await post(await start(), body);
    expect(status).toBeLessThan(500);
    expect(Object.prototype).not.toHaveProperty('kept');
  });

  test('300,000 variables are more than a body may hold', async () => {
    const variables = Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`v${i}`, 1]));
    expect((await post(await start(), { query: '{ hello }', variables })).status).toBe(413);
  });

  test('a client that leaves in the middle of its body harms nobody', async () => {
    const served = await start();
    const socket = connect(served.port, '127.0.0.1');
    socket.write(postText(hello).slice(0, -5));
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect((await post(served, hello)).body).toEqual({ data: { hello: 'world' } });
  });
});

describe('GET', () => {
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const served = await start();
    return fetch(served.url + path, { headers });
  };
  const preflighted = { 'apollo-require-preflight': '1' };
  const query = encodeURIComponent('{ hello }');

  test('a query is answered where a browser would have had to ask first', async () => {
    const response = await get(`/graphql?query=${query}`, preflighted);
    expect(await response.json()).toEqual({ data: { hello: 'world' } });
  });

  test('without such a header it is 400, with a content type of a form 415', async () => {
    expect((await get(`/graphql?query=${query}`)).status).toBe(400);
    expect((await get(`/graphql?query=${query}`, { 'content-type': 'text/plain' })).status).toBe(415);
    expect(
      (await get(`/graphql?query=${query}`, { ...preflighted, 'content-type': 'text/plain' })).status,
    ).toBe(415);
  });

  test('a mutation is 405 and does not run', async () => {
    const before = touches();
    const response = await get(`/graphql?query=${encodeURIComponent('mutation { touch }')}`, preflighted);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(touches()).toBe(before);
  });

  test('a body is 400', async () => {
    const head = headText([
      'GET /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Length: 2',
      'Connection: close',
    ]);
    expectRefusal(await exchange(await start(), `${head}{}`), 400);
  });

  test.each([
    'variables=[]',
    'variables=1',
    'variables={',
    'variables={"a":"\\u0000"}',
    'extensions="x"',
    'query={ hello }',
  ])('beside a query, %s is 400', async (more) => {
    const [name = '', value = ''] = more.split('=');
    const response = await get(`/graphql?query=${query}&${name}=${encodeURIComponent(value)}`, preflighted);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
  });
});
