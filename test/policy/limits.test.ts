import { createClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ConfigInput } from '../../src/base/config.js';
import { createGateway, type Gateway } from '../../src/index.js';
import { startRedis, whyNoRedis, withRedis } from '../support/redis.js';
import { startRest, type RestBackend } from '../support/rest.js';

const schema = /* GraphQL */ `
  extend schema @source(name: "users", http: { baseURL: "{$env.USERS_URL}" })

  type Query {
    login(n: Int): String
      @connect(source: "users", http: { GET: "/login?n={$args.n}" }, selection: "$.name")
      @rateLimit(max: 5, window: "1h")
    free(n: Int): String @connect(source: "users", http: { GET: "/free?n={$args.n}" }, selection: "$.name")
    user(n: Int): User @connect(source: "users", http: { GET: "/free?n={$args.n}" }, selection: "name")
  }

  type User {
    name: String
  }

  type Mutation {
    login(n: Int): String
      @connect(source: "users", http: { POST: "/login?n={$args.n}" }, selection: "$.name")
      @rateLimit(max: 5, window: "1h")
  }
`;

const numbers = Array.from({ length: 50 }, (_, n) => n);

async function startBackend(): Promise<RestBackend> {
  const lines = numbers.flatMap((n) => [`GET /login?n=${n}`, `POST /login?n=${n}`, `GET /free?n=${n}`]);
  const backend = await startRest(new Map(lines.map((line) => [line, { body: '{"name":"Ann"}' }])));
  onTestFinished(() => backend.close());
  return backend;
}

async function gatewayFor(backend: RestBackend, config: ConfigInput = {}): Promise<Gateway> {
  const gateway = await createGateway({
    files: { 'users.graphql': schema },
    // Of 50 aliases, so that it is the rate limit that refuses them.
    config: { log: 'silent', savedSchemas: false, limits: { maxAliases: 50, maxRootFields: 50 }, ...config },
    environment: { USERS_URL: backend.url },
  });
  onTestFinished(() => gateway.close());
  return gateway;
}

interface Front {
  readonly url: string;
  get(query: string): Promise<Response>;
  post(query: string, headers?: Record<string, string>): Promise<Response>;
}

async function serve(gateway: Gateway): Promise<Front> {
  const { url, close } = await gateway.serve({ port: 0, closeTimeoutMs: 500 });
  onTestFinished(close);
  return {
    url,
    get: (query) =>
      fetch(`${url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { 'apollo-require-preflight': 'yes', accept: 'application/json' },
      }),
    post: (query, headers) => send(url, { query }, headers),
  };
}

function send(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

interface Setting {
  readonly backend: RestBackend;
  /** One gateway, or two that share a Redis; in turn. */
  readonly front: (n: number) => Front;
}

/** What is sent, and how many calls of it may reach the backend. */
const floods: readonly (readonly [string, number, (setting: Setting) => Promise<unknown>])[] = [
  [
    '50 calls at once',
    5,
    ({ front }) => Promise.all(numbers.map((n) => front(n).post(`{ login(n: ${n}) }`))),
  ],
  [
    '50 aliases',
    5,
    ({ front }) =>
      Promise.all([0, 1].map((n) => front(n).post(`{ ${aliases('login', n * 25, n * 25 + 25)} }`))),
  ],
  [
    '50 aliases in mutations',
    5,
    ({ front }) =>
      Promise.all([0, 1].map((n) => front(n).post(`mutation { ${aliases('login', n * 25, n * 25 + 25)} }`))),
  ],
  [
    '50 aliases in fragments',
    5,
    ({ front }) =>
      front(0).post(`
        { ...A ... on Query { ${aliases('login', 25, 40)} } ... { ${aliases('login', 40, 50)} } }
        fragment A on Query { ${aliases('login', 0, 10)} ...B }
        fragment B on Query { ${aliases('login', 10, 25)} }
      `),
  ],
  [
    '10 operations of 5 aliases at once',
    5,
    ({ front }) =>
      Promise.all(
        numbers.slice(0, 10).map((n) => front(n).post(`{ ${aliases('login', n * 5, n * 5 + 5)} }`)),
      ),
  ],
  [
    '10 batches of 5, which are not taken at all',
    0,
    ({ front }) =>
      Promise.all(
        numbers.slice(0, 10).map((n) =>
          send(
            front(n).url,
            [0, 1, 2, 3, 4].map((k) => ({ query: `{ login(n: ${n * 5 + k}) }` })),
          ),
        ),
      ),
  ],
  [
    '25 GET and 25 POST',
    5,
    ({ front }) =>
      Promise.all(numbers.map((n) => (n < 25 ? front(n).get : front(n).post)(`{ login(n: ${n}) }`))),
  ],
  [
    'queries and mutations, which are two fields',
    10,
    ({ front }) =>
      Promise.all(
        numbers.map((n) => front(n).post(n < 25 ? `{ login(n: ${n}) }` : `mutation { login(n: ${n}) }`)),
      ),
  ],
  [
    '50 operations on a WebSocket',
    5,
    async ({ front }) => {
      const client = createClient({
        url: `${front(0).url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
      });
      for (const n of numbers) {
        for await (const _ of client.iterate({ query: `{ login(n: ${n}) }` }));
      }
      await client.dispose();
    },
  ],
];

function aliases(field: string, from: number, to: number): string {
  return numbers
    .slice(from, to)
    .map((n) => `a${n}: ${field}(n: ${n})`)
    .join(' ');
}

describe('a limit of 5, in memory', () => {
  test.each(floods)('of %s lets through %i', async (_, count, flood) => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend));
    await flood({ backend, front: () => front });
    expect(backend.calls).toHaveLength(count);
  });
});

describe.skipIf(whyNoRedis !== undefined)(withRedis('a limit of 5, of two gateways with one Redis'), () => {
  test.each(floods)('of %s lets through %i', async (_, count, flood) => {
    const backend = await startBackend();
    const { url } = await startRedis();
    const gateways = await Promise.all(
      [1, 2].map(() => gatewayFor(backend, { redis: { url, timeout: '5s' } })),
    );
    const fronts = await Promise.all(gateways.map(serve));
    await flood({ backend, front: (n) => fronts[n % 2]! });
    expect(backend.calls).toHaveLength(count);
  });

  test('leaves no connection behind where a gateway cannot be made', async () => {
    const { client, url } = await startRedis();
    const others = `
      extend schema @source(name: "others", grpc: { address: "127.0.0.1:1", reflection: true })
      type Query {
        a: Int @connect(source: "others", grpc: { method: "a.B/C" }, selection: "$.a")
      }
    `;
    const gateway = createGateway({
      files: { 'others.graphql': others },
      config: { log: 'silent', savedSchemas: false, redis: { url } },
    });
    await expect(gateway).rejects.toThrow('SCHEMA_FILE_INVALID');
    await expect
      .poll(
        async () =>
          String(await client.client('LIST'))
            .trim()
            .split('\n').length,
      )
      .toBe(1);
  });

  test('is each its own for gateways with another prefix', async () => {
    const backend = await startBackend();
    const { url } = await startRedis();
    for (const keyPrefix of ['shop:', 'test:']) {
      const gateway = await gatewayFor(backend, { redis: { url, keyPrefix, timeout: '5s' } });
      await gateway.ask({ query: `{ ${aliases('login', 0, 50)} }` });
    }
    expect(backend.calls).toHaveLength(10);
  });
});

describe('a limit on operations', () => {
  const three: ConfigInput = { rateLimits: { operations: { max: 3, window: '1m' } } };

  test('counts each operation, and says how the caller stands', async () => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend, three));
    for (const remaining of [2, 1, 0]) {
      const response = await front.post(`{ ${aliases('free', 0, 10)} }`);
      expect(response.status).toBe(200);
      expect(response.headers.get('ratelimit-policy')).toBe('"operations";q=3;w=60');
      expect(response.headers.get('ratelimit')).toMatch(
        new RegExp(`^"operations";r=${remaining};t=(60|5\\d)$`),
      );
      expect(response.headers.get('retry-after')).toBeNull();
    }
    expect(backend.calls).toHaveLength(30);
  });

  test('refuses what is over with 429, before it is read', async () => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend, three));
    const texts = [
      '{ free(n: 1) }',
      '{ nothing }',
      'this is not GraphQL',
      '{ free(n: 2) }',
      '{',
      '{ nothing }',
    ];
    const answers = [];
    for (const text of texts) answers.push(await front.post(text));
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 429, 429, 429]);
    const refused = answers[3]!;
    const body = (await refused.json()) as { errors: { message: string; extensions: object }[] };
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(50);
    expect(body).toEqual({
      errors: [
        {
          message: `You can send 3 operations in 60 s. Try again in ${retryAfter} s.`,
          extensions: { code: 'RATE_LIMITED', retryAfter },
        },
      ],
    });
    expect(refused.headers.get('ratelimit')).toBe(`"operations";r=0;t=${retryAfter}`);
    expect(refused.headers.get('ratelimit-policy')).toBe('"operations";q=3;w=60');
    expect(backend.calls).toEqual(['GET /free?n=1']);
  });

  test('holds over all ways together', async () => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend, three));
    await Promise.all(
      numbers.map((n) => {
        const query = `{ free(n: ${n}) }`;
        if (n % 3 === 0) return front.get(query);
        return front.post(query, n % 3 === 1 ? { accept: 'text/event-stream' } : {});
      }),
    );
    expect(backend.calls).toHaveLength(3);
  });

  test('holds on a WebSocket, each operation of which counts, and its opening does not', async () => {
    const backend = await startBackend();
    const { url } = await serve(await gatewayFor(backend, three));
    const client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
    onTestFinished(() => void client.dispose());
    const ask = (n: number) => client.iterate({ query: `{ free(n: ${n}) }` }).next();
    for (const n of [1, 2, 3]) await ask(n);
    await expect(ask(4)).rejects.toEqual([
      expect.objectContaining({
        extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) as number },
      }),
    ]);
    expect(backend.calls).toHaveLength(3);
  });

  test('answers a stream of events that is refused with 429', async () => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend, three));
    const ask = () => front.post('{ free(n: 1) }', { accept: 'text/event-stream' });
    const first = await ask();
    expect(first.headers.get('ratelimit')).toMatch(/^"operations";r=2;t=\d+$/);
    expect(await first.text()).toContain('Ann');
    await ask();
    await ask();
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] });
  });

  test('counts what a program asks by identity and address', async () => {
    const backend = await startBackend();
    const gateway = await gatewayFor(backend, three);
    const codes = async (question: object) => {
      const answers = await Promise.all(
        numbers.map((n) => gateway.ask({ query: `{ free(n: ${n}) }`, ...question })),
      );
      return answers.filter(({ errors }) => errors?.[0]?.extensions['code'] === 'RATE_LIMITED').length;
    };
    expect(await codes({})).toBe(47);
    expect(await codes({ address: '2001:db8::1' })).toBe(47);
    expect(await codes({ address: '2001:db8::2' })).toBe(50);
    expect(await codes({ identity: { subject: 'ann', claims: {} }, address: '2001:db8::2' })).toBe(47);
  });
});

describe('a limit on cost', () => {
  test('is taken before the operation is executed, and told with the others', async () => {
    const backend = await startBackend();
    const front = await serve(
      await gatewayFor(backend, {
        rateLimits: { operations: { max: 100, window: '1s' }, cost: { max: 1, window: '1h' } },
      }),
    );
    const allowed = await front.post('{ user(n: 1) { name } }');
    expect(allowed.headers.get('ratelimit-policy')).toBe('"operations";q=100;w=1, "cost";q=1;w=3600');
    expect(allowed.headers.get('ratelimit')).toMatch(/^"operations";r=99;t=1, "cost";r=0;t=(3600|359\d)$/);
    const refused = await front.post('{ user(n: 2) { name } }');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_500);
    expect(await refused.json()).toMatchObject({
      errors: [
        {
          message: expect.stringContaining('This operation costs 1, and yours may cost 1 together') as string,
        },
      ],
    });
    expect(backend.calls).toEqual(['GET /free?n=1']);
  });
});

describe('a limit on a field', () => {
  test('is told only where it refuses, in an answer that is 200', async () => {
    const backend = await startBackend();
    const front = await serve(await gatewayFor(backend));
    const allowed = await front.post('{ login(n: 1) }');
    expect(allowed.headers.get('ratelimit')).toBeNull();
    const refused = await front.post(`{ ${aliases('login', 2, 8)} free(n: 1) }`);
    expect(refused.status).toBe(200);
    const retryAfter = refused.headers.get('retry-after');
    expect(refused.headers.get('ratelimit')).toBe(`"Query.login";r=0;t=${retryAfter}`);
    expect(refused.headers.get('ratelimit-policy')).toBe('"Query.login";q=5;w=3600');
    expect(await refused.json()).toMatchObject({ data: { a2: 'Ann', a7: null, free: 'Ann' } });
  });
});

describe.skipIf(whyNoRedis !== undefined)(withRedis('while Redis is down'), () => {
  const limited = (redisDown: 'local' | 'open' | 'closed', url: string): ConfigInput => ({
    redis: { url },
    rateLimits: { redisDown, operations: { max: 20, window: '1h' } },
  });

  test.each([
    ['local', 5, 20, 429],
    ['open', 50, 50, 200],
    ['closed', 0, 0, 503],
  ] as const)(
    '"%s" lets through %i calls of a field and %i operations',
    async (policy, calls, operations, status) => {
      const backend = await startBackend();
      const redis = await startRedis();
      const front = await serve(await gatewayFor(backend, limited(policy, redis.url)));
      await redis.kill();
      await Promise.all(numbers.map((n) => front.post(`{ login(n: ${n}) }`)));
      expect(backend.calls).toHaveLength(calls);
      backend.calls.length = 0;
      const rest = await Promise.all(numbers.map((n) => front.post(`{ free(n: ${n}) }`)));
      expect(backend.calls).toHaveLength(policy === 'local' ? 0 : operations);
      expect(rest[49]?.status).toBe(status);
      if (policy !== 'closed') return;
      expect(rest[0]?.headers.get('retry-after')).toBe('1');
      expect(await rest[0]?.json()).toMatchObject({
        errors: [{ extensions: { code: 'RATE_LIMIT_UNAVAILABLE', retryAfter: 1 } }],
      });
    },
  );
});
