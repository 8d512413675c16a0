import { buildSchema, getIntrospectionQuery, GraphQLSchema } from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import { RequestContext } from '../../src/base/context.js';
import { GatewayError } from '../../src/base/errors.js';
import type { Log } from '../../src/base/log.js';
import { createQueryLimits } from '../../src/policy/query-limits/query-limits.js';
import { contextFor, executableFor, post, sampleExecutable, start } from './support.js';

/** A promise and the function that settles it. */
function gate(): { readonly opened: Promise<string>; readonly open: (value: string) => void } {
  let open!: (value: string) => void;
  const opened = new Promise<string>((resolve) => (open = resolve));
  return { opened, open };
}

function spyLog(): Log {
  return { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
}

const asResponse = { accept: 'application/graphql-response+json' };

describe('a swap', () => {
  test('lets a request in flight finish on the old schema, and serves the new one to the next', async () => {
    const { opened, open } = gate();
    const started = gate();
    const slow = sampleExecutable({
      slow: () => {
        started.open('');
        return opened;
      },
    });
    const served = await start({ executable: slow });
    const inFlight = post(served, { query: '{ slow hello }' });
    await started.opened;

    const drained = served.swap(executableFor(buildSchema('type Query { fresh: Int }'), { fresh: () => 1 }));
    const isDrained = vi.fn();
    void drained.then(isDrained);
    expect((await post(served, { query: '{ fresh }' })).body).toEqual({ data: { fresh: 1 } });
    expect((await post(served, { query: '{ hello }' })).status).toBe(400);
    expect(isDrained).not.toHaveBeenCalled();

    open('old');
    expect((await inFlight).body).toEqual({ data: { slow: 'old', hello: 'world' } });
    await drained;
  });

  test('keeps a request on the schema it was validated against', async () => {
    const context = gate();
    const entered = gate();
    const served = await start({
      contextFor: async (facts) => {
        entered.open('');
        await context.opened;
        return contextFor(facts);
      },
    });
    const waiting = post(served, { query: '{ fresh }' });
    await entered.opened;
    void served.swap(executableFor(buildSchema('type Query { fresh: Int }'), { fresh: () => 1 }));
    context.open('');
    expect((await waiting).body).toEqual({ data: { fresh: 1 } });
  });

  test('validates a document anew that the old schema allowed', async () => {
    const served = await start();
    expect((await post(served, { query: '{ hello }' })).status).toBe(200);
    await served.swap(executableFor(buildSchema('type Query { hello: Int! }'), { hello: () => 7 }));
    expect((await post(served, { query: '{ hello }' })).body).toEqual({ data: { hello: 7 } });
  });

  test('to an invalid schema is refused, and the old one keeps serving', async () => {
    const served = await start();
    expect(() => served.swap(executableFor(new GraphQLSchema({})))).toThrow(
      'Query root type must be provided',
    );
    expect((await post(served, { query: '{ hello }' })).body).toEqual({ data: { hello: 'world' } });
  });

  test('waits for the requests of all earlier schemas', async () => {
    const { opened, open } = gate();
    const started = gate();
    const slow = () => {
      started.open('');
      return opened;
    };
    const served = await start({ executable: sampleExecutable({ slow }) });
    const inFlight = post(served, { query: '{ slow }' });
    await started.opened;
    const order: string[] = [];
    const first = served.swap(sampleExecutable()).then(() => order.push('first'));
    const second = served.swap(sampleExecutable()).then(() => order.push('second'));
    await post(served, { query: '{ hello }' });
    expect(order).toEqual([]);
    open('');
    await Promise.all([inFlight, first, second]);
    expect(order).toEqual(['first', 'second']);
  });
});

describe('the context', () => {
  test('is made anew for each request and reaches the executor as it was made', async () => {
    const seen = new Set<RequestContext>();
    const echo = (_: unknown, context: RequestContext) => {
      seen.add(context);
      return context.local(seen, () => 'kept here');
    };
    const served = await start({ executable: sampleExecutable({ echo }) });
    const answers = [await post(served, { query: '{ echo }' }), await post(served, { query: '{ echo }' })];
    expect(answers.map((answer) => answer.body.data['echo'])).toEqual(['kept here', 'kept here']);
    expect(seen.size).toBe(2);
    expect([...seen].every((context) => context instanceof RequestContext)).toBe(true);
  });

  test('knows the address and the headers of the caller', async () => {
    let facts: unknown;
    const served = await start({
      contextFor: async (given) => {
        facts = given;
        return contextFor(given);
      },
    });
    await post(served, { query: '{ hello }' }, { 'X-Tenant': 'a', authorization: 'Bearer me' });
    expect(facts).toMatchObject({
      received: { authorization: ['Bearer me'] },
      headers: { 'x-tenant': ['a'] },
    });
    expect((facts as { address: string }).address).toMatch(/127\.0\.0\.1$/);
    expect(Object.getPrototypeOf((facts as { headers: object }).headers)).toBeNull();
  });

  test('has a signal that is aborted when the client goes away, and only then', async () => {
    const started = gate();
    const aborted = gate();
    const signals: (AbortSignal | undefined)[] = [];
    const slow = (_: unknown, context: RequestContext) => {
      signals.push(context.signal);
      context.signal?.addEventListener('abort', () => aborted.open('aborted'));
      started.open('');
      return aborted.opened;
    };
    const hello = (_: unknown, context: RequestContext) => {
      signals.push(context.signal);
      return 'world';
    };
    const served = await start({ executable: sampleExecutable({ slow, hello }) });
    await post(served, { query: '{ hello }' });
    const client = new AbortController();
    const request = fetch(`${served.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ slow }"}',
      signal: client.signal,
    });
    const failure = expect(request).rejects.toThrow();
    await started.opened;
    client.abort();
    await failure;
    expect(await aborted.opened).toBe('aborted');
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, true]);
  });

  test('that authentication refuses is 401 in JSON with a challenge', async () => {
    const answer = await post(await start(), { query: '{ hello }' }, { authorization: 'Bearer bad' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.body).toEqual({
      errors: [{ message: 'The token is not valid.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  test('that is refused for asking too often is 429 with the time to wait', async () => {
    const served = await start({
      contextFor: async () => {
        throw new GatewayError('RATE_LIMITED', 'Too often.', { extensions: { retryAfter: 7 } });
      },
    });
    const answer = await post(served, { query: '{ hello }' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '7']);
  });

  test('that fails for a reason of ours is a masked 500, and the log has the cause', async () => {
    const log = spyLog();
    const failure = new Error('redis://user:secret@10.0.0.9 is gone');
    const served = await start({
      log,
      contextFor: async () => {
        throw failure;
      },
    });
    const answer = await post(served, { query: '{ hello }' });
    expect([answer.status, answer.body]).toEqual([
      500,
      { errors: [{ message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] },
    ]);
    expect(JSON.stringify(vi.mocked(log.error).mock.calls, causes)).toContain('redis://');
  });
});

/** Makes errors visible to `JSON.stringify`. */
function causes(_: string, value: unknown): unknown {
  return value instanceof Error ? { message: value.message } : value;
}

describe('errors', () => {
  test('of the executor pass unchanged beside the data, as 200', async () => {
    const query = '{ hello refused }';
    for (const headers of [{}, asResponse]) {
      const answer = await post(await start(), { query }, headers);
      expect([answer.status, answer.body]).toEqual([
        200,
        {
          data: { hello: 'world', refused: null },
          errors: [
            {
              message: 'Not for you.',
              path: ['refused'],
              locations: [{ line: 1, column: 9 }],
              extensions: { code: 'FORBIDDEN' },
            },
          ],
        },
      ]);
    }
  });

  test('keep a code that is not in our table', async () => {
    const broken = () => {
      throw new GatewayError('CONNECTOR_FETCH', 'Sold out.', {
        extensions: { code: 'SOLD_OUT', items: [1] },
      });
    };
    const served = await start({ executable: sampleExecutable({ broken }), mode: 'production' });
    const { body } = await post(served, { query: '{ broken }' });
    expect(body.errors[0]).toMatchObject({
      message: 'Sold out.',
      extensions: { code: 'SOLD_OUT', items: [1] },
    });
  });

  test('of rate limits say in a header how long to wait', async () => {
    const answer = await post(await start(), { query: '{ hello limited }' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([200, '3']);
    expect(answer.body.errors[0]?.extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: 2.3 });
  });

  test.each([
    ['RATE_LIMITED', 429],
    ['UNAUTHENTICATED', 401],
    ['FORBIDDEN', 403],
    ['GATEWAY_TIMEOUT', 504],
    ['BAD_USER_INPUT', 400],
  ] as const)('before execution, %s is %i', async (code, status) => {
    const executable = sampleExecutable();
    const error = new GatewayError(code, 'No.', { extensions: { retryAfter: 1 } });
    const { GraphQLError } = await import('graphql');
    const served = await start({
      executable: {
        ...executable,
        execute: async () => ({
          errors: [new GraphQLError(error.message, { extensions: { ...error.extensions } })],
        }),
      },
    });
    const answer = await post(served, { query: '{ hello }' });
    expect([answer.status, answer.body]).toEqual([
      status,
      { errors: [{ message: 'No.', extensions: { code, retryAfter: 1 } }] },
    ]);
    expect(answer.headers.get('retry-after')).toBe(code === 'RATE_LIMITED' ? '1' : null);
  });

  test('of an executor that throws against its promise are masked, and the log has the cause', async () => {
    const log = spyLog();
    const executable = sampleExecutable();
    const served = await start({
      log,
      executable: {
        ...executable,
        execute: async () => {
          throw new Error('connect ECONNREFUSED 10.0.0.5:8080');
        },
      },
    });
    const answer = await post(served, { query: '{ hello }' });
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([
      500,
      expect.not.stringContaining('10.0.0.5'),
    ]);
    expect(JSON.stringify(vi.mocked(log.error).mock.calls, causes)).toContain('ECONNREFUSED');
  });

  test('of an answer that cannot be written are masked', async () => {
    const executable = sampleExecutable();
    const data: Record<string, unknown> = {};
    data['self'] = data;
    const served = await start({ executable: { ...executable, execute: async () => ({ data }) } });
    const answer = await post(served, { query: '{ hello }' });
    expect([answer.status, answer.body]).toEqual([
      500,
      { errors: [{ message: 'The gateway failed.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] },
    ]);
  });

  test.each([
    ['a syntax error', '{ hello', undefined, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nothing }', undefined, 'GRAPHQL_VALIDATION_FAILED'],
    ['a missing variable', 'query ($c: Color!) { pick(color: $c) }', undefined, 'BAD_USER_INPUT'],
    ['an unknown operation', 'query A { hello }', 'B', 'OPERATION_RESOLUTION_FAILURE'],
    [
      'a choice of operations',
      'query A { hello } query B { hello }',
      undefined,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a subscription', 'subscription { ticks }', undefined, 'BAD_REQUEST'],
  ])('for %s are 400 with a code and without data', async (_, query, operationName, code) => {
    for (const headers of [{}, asResponse]) {
      const { status, body } = await post(await start(), { query, operationName }, headers);
      expect([status, body.errors[0]?.extensions['code'], 'data' in body]).toEqual([400, code, false]);
    }
  });

  test('for a query nested too deeply name no part of the machine', async () => {
    const served = await start({ queryLimits: createQueryLimits({ limits: { maxTokens: 1_000_000 } }) });
    const { status, body } = await post(served, { query: '{hello'.repeat(50_000) });
    expect([status, body.errors[0]?.extensions['code']]).toEqual([400, 'GRAPHQL_PARSE_FAILED']);
    expect(body.errors[0]?.message).toBe('Syntax Error: The query is nested too deeply.');
  });

  test('for a query with too many tokens come from the parser', async () => {
    const { status, body } = await post(await start(), { query: `{ ${'hello '.repeat(16_000)} }` });
    expect([status, body.errors[0]?.extensions['code']]).toEqual([400, 'QUERY_TOO_LONG']);
  });
});

describe('what strangers see', () => {
  test('in development is the schema; in production not even a suggestion', async () => {
    const texts = [
      { query: getIntrospectionQuery() },
      { query: '{ helo }' },
      { query: 'query ($c: Color) { pick(color: $c) }', variables: { c: 'REDD' } },
      { query: 'query ($d: Door) { open(door: $d) }', variables: { d: { numbr: 1 } } },
    ];
    const ask = async (mode: 'development' | 'production') => {
      const served = await start({ mode });
      return Promise.all(texts.map(async (body) => JSON.stringify((await post(served, body)).body)));
    };
    const [schema, ...suggestions] = await ask('development');
    expect(schema).toContain('"__schema"');
    for (const text of suggestions) expect(text).toContain('Did you mean');
    const [refused, ...bare] = await ask('production');
    expect(refused).toContain('introspection');
    for (const text of bare) expect(text).not.toContain('Did you mean');
  });

  test('is the production view where nothing is said', async () => {
    const served = await start({ mode: undefined });
    const { body } = await post(served, { query: '{ __schema { queryType { name } } }' });
    expect(body.errors[0]?.extensions['code']).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('never is a stack', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    const served = await start();
    for (const query of ['{ broken }', '{ nothing }', '{']) {
      const { body } = await post(served, { query });
      expect(JSON.stringify(body)).not.toMatch(/stacktrace|ECONNREFUSED|\.js:/);
    }
  });
});

test('Apollo reads nothing from its environment that would make it speak to others', async () => {
  vi.stubEnv('APOLLO_KEY', 'service:x:y');
  vi.stubEnv('APOLLO_GRAPH_REF', 'x@y');
  vi.stubEnv('APOLLO_SCHEMA_REPORTING', 'true');
  const fetched = vi.spyOn(globalThis, 'fetch');
  const served = await start();
  expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  expect(fetched.mock.calls.map(([url]) => url)).toEqual([`${served.url}/graphql`]);
});

test('persisted queries are answered in the way that makes clients send the query', async () => {
  const extensions = { persistedQuery: { version: 1, sha256Hash: 'abc' } };
  const { status, body } = await post(await start(), { extensions });
  expect([status, body.errors[0]?.extensions['code']]).toEqual([200, 'PERSISTED_QUERY_NOT_SUPPORTED']);
});
