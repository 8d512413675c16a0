import { createServer } from 'node:http';
import fc from 'fast-check';
import { GraphQLList, GraphQLObjectType, GraphQLSchema, GraphQLString, graphql } from 'graphql';
import { describe, expect, test } from 'vitest';
import { RequestContext, type Identity } from '../../src/base/context.js';
import { GatewayError } from '../../src/base/errors.js';
import type { SlotRequest, Verdict } from '../../src/policy/rate-limit-store.js';
import { createRateLimiter, type RateLimitRule, type RateLimiter } from '../../src/policy/rate-limits.js';
import { SlidingWindows } from '../../src/policy/sliding-windows.js';

const identity = (subject: string, iss = 'https://issuer.test'): Identity => ({ subject, claims: { iss } });
const caller = (subject: string, iss?: string) =>
  new RequestContext({ identity: identity(subject, iss), address: '10.0.0.1' });
const ann = () => caller('ann');
const five: RateLimitRule = { max: 5, windowMs: 60_000 };

function fakeClock() {
  const state = { now: 1_000 };
  return { state, limiter: createRateLimiter(new SlidingWindows({ clock: () => state.now })) };
}

interface Call {
  coordinate?: string;
  rule?: RateLimitRule;
  args?: Record<string, unknown>;
  context?: RequestContext;
}

const ask = (limiter: RateLimiter, call: Call = {}) =>
  limiter.limit(call.coordinate ?? 'Query.login', call.rule ?? five, {
    parent: undefined,
    args: call.args ?? {},
    context: call.context ?? ann(),
    info: undefined,
  });

async function passes(limiter: RateLimiter, call: Call = {}): Promise<boolean> {
  return (await ask(limiter, call)) === undefined;
}

async function countPassing(many: number, limiter: RateLimiter, call: Call = {}): Promise<number> {
  const answers = await Promise.all(Array.from({ length: many }, () => passes(limiter, call)));
  return answers.filter(Boolean).length;
}

async function secondsToWait(limiter: RateLimiter, call: Call = {}): Promise<unknown> {
  return (await ask(limiter, call))?.extensions['retryAfter'];
}

/** A server whose field `login` is limited, on the query and the mutation type. */
function limitedSchema(limiter: RateLimiter): GraphQLSchema {
  const type = (name: string) =>
    new GraphQLObjectType<unknown, RequestContext>({
      name,
      fields: {
        login: {
          type: GraphQLString,
          args: { emails: { type: new GraphQLList(GraphQLString) } },
          resolve: async (parent, args, context, info) => {
            const refusal = await limiter.limit(`${name}.login`, five, { parent, args, context, info });
            if (refusal) throw refusal;
            return 'in';
          },
        },
      },
    });
  return new GraphQLSchema({ query: type('Query'), mutation: type('Mutation') });
}

describe('a limit of 5 is exact', () => {
  test('for 50 calls at once', async () => {
    expect(await countPassing(50, fakeClock().limiter)).toBe(5);
  });

  test.each(['query', 'mutation'])('for 50 aliases in one %s', async (kind) => {
    const schema = limitedSchema(fakeClock().limiter);
    const aliases = Array.from({ length: 50 }, (_, n) => `a${n}: login`).join(' ');
    const { data, errors } = await graphql({ schema, source: `${kind} { ${aliases} }`, contextValue: ann() });
    expect(Object.values(data ?? {}).filter((value) => value === 'in')).toHaveLength(5);
    expect(errors).toHaveLength(45);
    expect(errors?.every((error) => error.extensions['code'] === 'RATE_LIMITED')).toBe(true);
  });

  test('for 50 requests at once over HTTP', async () => {
    const schema = limitedSchema(fakeClock().limiter);
    const server = createServer((_, response) => {
      void graphql({ schema, source: '{ login }', contextValue: ann() }).then(({ data }) =>
        response.end(JSON.stringify(data)),
      );
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    try {
      const { port } = server.address() as { port: number };
      const texts = await Promise.all(
        Array.from({ length: 50 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
      );
      expect(texts.filter((text) => text.includes('"in"'))).toHaveLength(5);
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });

  test('for queries and mutations together each', async () => {
    const { limiter } = fakeClock();
    expect(await countPassing(50, limiter, { coordinate: 'Query.login' })).toBe(5);
    expect(await countPassing(50, limiter, { coordinate: 'Mutation.login' })).toBe(5);
  });

  test('in the order of the calls', async () => {
    const { limiter } = fakeClock();
    const answers = await Promise.all(Array.from({ length: 8 }, () => passes(limiter)));
    expect(answers).toEqual([true, true, true, true, true, false, false, false]);
  });
});

describe('the window', () => {
  test('slides: a slot is free again when its own call has left', async () => {
    const { limiter, state } = fakeClock();
    const rule = { max: 2, window: '10s' };
    expect(await passes(limiter, { rule })).toBe(true);
    state.now += 4_000;
    expect(await passes(limiter, { rule })).toBe(true);
    state.now += 5_999;
    expect(await passes(limiter, { rule })).toBe(false);
    state.now += 1;
    expect(await passes(limiter, { rule })).toBe(true);
    expect(await passes(limiter, { rule })).toBe(false);
  });

  test('refused calls use up no slot', async () => {
    const { limiter, state } = fakeClock();
    await countPassing(5, limiter);
    for (let many = 0; many < 100; many += 1) {
      state.now += 599;
      expect(await passes(limiter)).toBe(false);
    }
    state.now += 100;
    expect(await countPassing(50, limiter)).toBe(5);
  });

  test.each(['', 'soon', '5', '-1s', '0s'])('the text "%s" lets nobody through', async (window) => {
    await expect(ask(fakeClock().limiter, { rule: { max: 5, window } })).rejects.toThrow(RangeError);
  });

  test.each([0, -1, NaN, Infinity])('%d ms let nobody through', async (windowMs) => {
    await expect(ask(fakeClock().limiter, { rule: { max: 5, windowMs } })).rejects.toThrow(RangeError);
  });

  test.each([0, -1])('a maximum of %d lets nobody through', async (max) => {
    expect(await countPassing(10, fakeClock().limiter, { rule: { ...five, max } })).toBe(0);
  });

  test('without a clock is one of the process', async () => {
    expect(await countPassing(50, createRateLimiter(new SlidingWindows()))).toBe(5);
  });

  test('of a changed rule holds from then on', async () => {
    const { limiter } = fakeClock();
    await countPassing(5, limiter);
    expect(await countPassing(50, limiter, { rule: { ...five, max: 8 } })).toBe(3);
    expect(await countPassing(50, limiter, { rule: { ...five, max: 3 } })).toBe(0);
  });
});

describe('the refusal', () => {
  test('names the field, the limit and the seconds', async () => {
    const { limiter, state } = fakeClock();
    await countPassing(5, limiter);
    state.now += 47_500;
    const error = await ask(limiter);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error?.message).toBe('Query.login can be asked 5 times in 60 s. Try again in 13 s.');
    expect(error?.extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: 13 });
  });

  test("has the rule's own message", async () => {
    const { limiter } = fakeClock();
    const rule = { ...five, message: 'Slow down.' };
    await countPassing(5, limiter, { rule });
    expect((await ask(limiter, { rule }))?.message).toBe('Slow down.');
  });

  test('says at least one second', async () => {
    const { limiter, state } = fakeClock();
    await countPassing(5, limiter);
    state.now += 59_999.9;
    expect(await secondsToWait(limiter)).toBe(1);
  });

  test('promises what is kept', async () => {
    const { limiter, state } = fakeClock();
    for (const pause of [0, 7_000, 11_000, 1_500, 900]) {
      state.now += pause;
      await ask(limiter);
    }
    const seconds = Number(await secondsToWait(limiter));
    state.now += (seconds - 1) * 1_000;
    expect(await passes(limiter)).toBe(false);
    state.now += 1_000;
    expect(await passes(limiter)).toBe(true);
  });
});

describe('callers are counted apart', () => {
  const address = (text: string) => new RequestContext({ address: text });
  const proved = (by: 'apiKey') => new RequestContext({ identity: { ...identity('ann'), by } });

  test.each<[string, () => RequestContext, () => RequestContext]>([
    ['two subjects', ann, () => caller('bob')],
    ['one subject of two issuers', ann, () => caller('ann', 'https://else.test')],
    ['two addresses', () => address('10.0.0.1'), () => address('10.0.0.2')],
    ['a subject and an address that look alike', () => caller('10.0.0.1'), () => address('10.0.0.1')],
    ['one subject that was proved in two ways', ann, () => proved('apiKey')],
    ['two IPv6 networks', () => address('2001:db8::1'), () => address('2001:db8:0:1::1')],
    ['parts that join alike', () => caller('b', 'a","'), () => caller('","b', 'a')],
  ])('%s', async (_, one, other) => {
    const { limiter } = fakeClock();
    expect(await countPassing(50, limiter, { context: one() })).toBe(5);
    expect(await countPassing(50, limiter, { context: other() })).toBe(5);
    expect(await passes(limiter, { context: one() })).toBe(false);
  });

  test('but not those of one IPv6 network', async () => {
    const { limiter } = fakeClock();
    for (let n = 1; n < 50; n += 1) {
      expect(await passes(limiter, { context: address(`2001:db8::${n}`) })).toBe(n <= 5);
    }
  });

  test('and those of whom nothing is known are refused', async () => {
    const refusal = await ask(fakeClock().limiter, { context: address('') });
    expect(refusal?.message).toBe(
      'Query.login is limited for each caller, and nothing is known of this one.',
    );
    expect(refusal?.extensions).toEqual({ code: 'RATE_LIMITED', retryAfter: 60 });
  });

  test('one subject is one caller from every address', async () => {
    const { limiter } = fakeClock();
    for (let n = 0; n < 50; n += 1) {
      const context = new RequestContext({ identity: identity('ann'), address: `10.0.0.${n}` });
      expect(await passes(limiter, { context })).toBe(n < 5);
    }
  });
});

describe('a store that cannot count', () => {
  const limiterWith = (verdict: Verdict) => createRateLimiter({ reserve: async () => verdict });

  test('and lets through has no limit', async () => {
    const limiter = limiterWith({ kind: 'uncounted', isAdmitted: true });
    expect(await countPassing(50, limiter)).toBe(50);
  });

  test('and lets nothing through has no limit to tell of', async () => {
    const refusal = await ask(limiterWith({ kind: 'uncounted', isAdmitted: false }));
    expect(refusal?.extensions).toEqual({ code: 'RATE_LIMIT_UNAVAILABLE', retryAfter: 1 });
    expect(refusal?.message).toBe(
      'The gateway cannot count calls at the moment, and does not let through what is limited.',
    );
  });
});

describe('identityArgs', () => {
  const by = (...identityArgs: string[]): RateLimitRule => ({ max: 1, windowMs: 60_000, identityArgs });

  test.each<[string, RateLimitRule, Record<string, unknown>, Record<string, unknown>]>([
    ['two values', by('id'), { id: 1 }, { id: 2 }],
    ['values that join alike', by('a', 'b'), { a: 'x:y', b: 'z' }, { a: 'x', b: 'y:z' }],
    ['values with quotes', by('a', 'b'), { a: 'x","y', b: 'z' }, { a: 'x', b: 'y","z' }],
    ['a line feed', by('a'), { a: 'x\n["nobody"]' }, { a: 'x' }],
    ['a number and a text', by('id'), { id: 1 }, { id: '1' }],
    ['a list and its text', by('id'), { id: ['a', 'b'] }, { id: 'a,b' }],
    ['two objects', by('input'), { input: { a: 1 } }, { input: { a: 2 } }],
    ['values inside an input', by('input.email'), { input: { email: 'a' } }, { input: { email: 'b' } }],
    ['two long values', by('id'), { id: `${'x'.repeat(10_000)}1` }, { id: `${'x'.repeat(10_000)}2` }],
    ['two big integers', by('id'), { id: 1n }, { id: 2n }],
  ])('%s are counted apart', async (_, rule, one, other) => {
    const { limiter } = fakeClock();
    expect(await countPassing(5, limiter, { rule, args: one })).toBe(1);
    expect(await countPassing(5, limiter, { rule, args: other })).toBe(1);
  });

  test.each<[string, RateLimitRule, Record<string, unknown>, Record<string, unknown>]>([
    ['equal values', by('id'), { id: 'a', other: 1 }, { id: 'a', other: 2 }],
    ['a missing value and null', by('id'), {}, { id: null }],
    ['inherited values', by('constructor', '__proto__.x', 'id.length'), { id: 'a' }, { id: 'abc' }],
    [
      'the values of a prototype',
      by('id'),
      Object.create({ id: 1 }) as object as Record<string, unknown>,
      {},
    ],
    ['equal long values', by('id'), { id: 'x'.repeat(10_000) }, { id: 'x'.repeat(10_000) }],
  ])('%s are counted together', async (_, rule, one, other) => {
    const { limiter } = fakeClock();
    expect(await passes(limiter, { rule, args: one })).toBe(true);
    expect(await passes(limiter, { rule, args: other })).toBe(false);
  });

  test('one field name on two types is two fields', async () => {
    const { limiter } = fakeClock();
    expect(await countPassing(9, limiter, { coordinate: 'User.orders' })).toBe(5);
    expect(await countPassing(9, limiter, { coordinate: 'Shop.orders' })).toBe(5);
  });
});

describe('arrayLengthField', () => {
  const rule: RateLimitRule = { ...five, arrayLengthField: 'ids' };
  const list = (length: number) => ({ ids: Array.from({ length }, (_, n) => n) });

  test('counts each entry, all of them or none', async () => {
    const { limiter } = fakeClock();
    expect(await passes(limiter, { rule, args: list(3) })).toBe(true);
    expect(await passes(limiter, { rule, args: list(3) })).toBe(false);
    expect(await passes(limiter, { rule, args: list(2) })).toBe(true);
    expect(await passes(limiter, { rule, args: list(1) })).toBe(false);
  });

  test('refuses a list that is longer than the limit, for ever', async () => {
    const { limiter } = fakeClock();
    expect(await secondsToWait(limiter, { rule, args: list(6) })).toBe(60);
    expect(await passes(limiter, { rule, args: list(100_000) })).toBe(false);
    expect(await passes(limiter, { rule, args: list(5) })).toBe(true);
  });

  test('waits until enough entries have left', async () => {
    const { limiter, state } = fakeClock();
    await ask(limiter, { rule, args: list(2) });
    state.now += 10_000;
    await ask(limiter, { rule, args: list(3) });
    expect(await secondsToWait(limiter, { rule, args: list(2) })).toBe(50);
    expect(await secondsToWait(limiter, { rule, args: list(3) })).toBe(60);
  });

  test.each<[string, Record<string, unknown>]>([
    ['an empty list', { ids: [] }],
    ['no list', {}],
    ['null', { ids: null }],
    ['a text', { ids: 'abcdefgh' }],
    ['an object with a length', { ids: { length: 2 ** 40 } }],
    ['an object with a length below zero', { ids: { length: -1 } }],
  ])('%s counts as one call', async (_, args) => {
    expect(await countPassing(9, fakeClock().limiter, { rule, args })).toBe(5);
  });
});

/** Every call ever let through, looked at one by one. */
class NaiveWindows {
  readonly #passed = new Map<string, number[]>();

  allows(key: string, { max, windowMs, slots }: SlotRequest, now: number): boolean {
    const live = (this.#passed.get(key) ?? []).filter((time) => time > now - windowMs);
    return live.length + slots <= max;
  }

  add(key: string, { slots }: SlotRequest, now: number): void {
    this.#passed.set(key, [...(this.#passed.get(key) ?? []), ...Array<number>(slots).fill(now)]);
  }
}

test('agrees with a naive sliding window, and retryAfter is when it lets the call through', async () => {
  const call = fc.record({
    pause: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_500 }), fc.constant(1_000)),
    subject: fc.constantFrom('ann', 'bob'),
    email: fc.constantFrom('a', 'a:b'),
    entries: fc.integer({ min: 0, max: 4 }),
  });
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: 20_000 }),
    fc.array(call, { maxLength: 120, size: 'max' }),
    async (max, windowMs, calls) => {
      const { limiter, state } = fakeClock();
      const oracle = new NaiveWindows();
      const rule = { max, windowMs, identityArgs: ['email'], arrayLengthField: 'entries' };
      for (const { pause, subject, email, entries } of calls) {
        state.now += pause;
        const args = { email, entries: Array<number>(entries).fill(0) };
        const seconds = await secondsToWait(limiter, { rule, args, context: caller(subject) });
        const request = { max, windowMs, slots: Math.max(1, entries) };
        const key = JSON.stringify([subject, email]);
        const allowedIn = (s: number) => oracle.allows(key, request, state.now + s * 1_000);
        expect(seconds === undefined).toBe(allowedIn(0));
        if (seconds === undefined) oracle.add(key, request, state.now);
        else if (request.slots <= max) {
          expect(allowedIn(Number(seconds))).toBe(true);
          expect(allowedIn(Number(seconds) - 1)).toBe(false);
        }
      }
    },
  );
  await fc.assert(property, { numRuns: 80 });
});
