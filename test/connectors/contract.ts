import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseJson, stringifyJson } from '../../src/mapping/json.js';
import { createGateway, type Gateway, type GatewayOptions, type Question } from '../../src/index.js';
import { Failure, Garbage, type Answering, type Backend, type Call } from './contract/backend.js';

/** What the contract has to know of a protocol. */
export interface Contract {
  readonly protocol: 'http' | 'grpc' | 'graphql';
  /** Holds `shop.graphql`, and what it refers to. */
  readonly folder: string;
  start(): Promise<Backend>;
  /** What an error's extensions say of a backend that called itself unavailable. */
  readonly unavailable: Readonly<Record<string, unknown>>;
  /** `$status` of it. */
  readonly unavailableStatus: number;
  /** What an error's extensions say of an answer that cannot be read. */
  readonly unreadable: Readonly<Record<string, unknown>>;
  /** Shows that the backend is asked, or its answer decoded, for no more than is wanted; or says why not. */
  readonly asksForNoMore: ((shop: Shop) => Promise<void>) | Skip;
  /** The body of an answer that is this value, whatever the operation promises; or why there is none. */
  readonly wrongShape: ((value: unknown, operation: string) => string) | Skip;
  /** Why a list of the answer cannot hold null, if it cannot. */
  readonly nullRows?: Skip;
  /** Those of {@link keys} that cannot be sent. */
  readonly refusedKeys: readonly string[];
}

/** Why a case does not run. */
export interface Skip {
  readonly because: string;
}

/** A backend, and a gateway before it. */
export interface Shop {
  readonly backend: Backend;
  readonly gateway: Gateway;
  /** Asks, and looks for addresses and backend text in the answer. */
  ask(question: Question | string): Promise<Answer>;
}

/** A test knows what it asked for. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

/** An answer as JSON, as clients get it. */
export interface Answer {
  readonly data?: Record<string, Json> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: Record<string, unknown>;
  }[];
}

/** What no client may read. `hunter2` is in what the contract's backends say of their failures. */
const leaks =
  /hunter2|127\.0\.0\.1|localhost|https?:|node_modules|\/work\/|\bat .*:\d+|ECONN|EPIPE|UND_ERR|grpc-js|RST_STREAM/;

/** Starts a gateway before a backend. */
export async function openShop(
  contract: Contract,
  backend: Backend,
  options: GatewayOptions = {},
): Promise<Shop> {
  const gateway = await createGateway({
    ...options,
    environment: { BACKEND: backend.address, SHOP_KEY: 'k-1', ...options.environment },
    config: { schemas: contract.folder, log: 'silent', ...options.config },
  });
  const ask = async (question: Question | string): Promise<Answer> => {
    const result = await gateway.ask(typeof question === 'string' ? { query: question } : question);
    // As the server writes it: JSON.stringify knows no bigint.
    const text = stringifyJson(result);
    expect(text).not.toMatch(leaks);
    return parseJson(text) as Answer;
  };
  return { backend, gateway, ask };
}

const skipOf = (part: Skip | ((...args: never[]) => unknown)): Skip | undefined =>
  typeof part === 'function' ? undefined : part;

/** The rows of the contract's backends. */
const item = (id: string): Record<string, unknown> => ({
  id,
  name: `item ${id}`,
  big: 9_007_199_254_740_993n,
  box: { width: Number(id), height: 2 },
  ownerId: id === '4' ? null : `p${Number(id) % 2}`,
});

/** A backend that has items 1 to 9. */
export const stocked: Answering = ({ operation, input }) => {
  const ids = (input['ids'] ?? []) as string[];
  const known = (id: string) => /^[1-9]$/.test(id);
  switch (operation) {
    case 'findItem':
    case 'touchItem':
      return item(String(input['id']));
    case 'listItems':
      return ['1', '2', '3', '4'].slice(0, Number(input['first'] ?? 4)).map(item);
    case 'findItems':
      return ids.filter(known).map(item);
    case 'findNotes':
      return ids
        .filter((id) => known(id) && id !== '2')
        .flatMap((id) => [
          { itemId: id, text: `first of ${id}` },
          { itemId: id, text: `second of ${id}` },
        ]);
    case 'findPerson':
      return { id: input['id'], name: `person ${String(input['id'])}` };
    case 'countStock':
      return { count: Number(input['id']) * 10 + (typeof input['at'] === 'string' ? input['at'].length : 0) };
    case 'findMe':
      return { id: 'me', name: 'Me' };
    case 'echoNumber':
      return { value: BigInt(String(input['value'])) };
    default:
      throw new Error(`no ${operation}`);
  }
};

/** An answer that never comes. */
const never = ({ left }: Call): Promise<null> =>
  new Promise((resolve) => left.addEventListener('abort', () => resolve(null)));

const slots = (ids: readonly (string | null)[], fields: string): Question => ({
  query: `query ($ids: [ID]!) { slots(ids: $ids) { item { ${fields} } } }`,
  variables: { ids },
});

const keysOf = (backend: Backend, operation = 'findItems') =>
  backend.calls.filter((call) => call.operation === operation).map(({ input }) => input['ids']);

const codes = ({ errors = [] }: Answer) => errors.map(({ extensions }) => extensions?.['code']);

/** Sockets of this process that keep it alive: both ends, since the backends live here too. */
export const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** The contract that every protocol keeps. */
export function describeContract(contract: Contract): void {
  describe(`the connector contract over ${contract.protocol}`, () => {
    let backend: Backend;
    let shop: Shop;
    beforeAll(async () => {
      backend = await contract.start();
      shop = await openShop(contract, backend);
    });
    beforeEach(() => backend.reset(stocked));
    afterAll(async () => {
      await shop.gateway.close();
      await backend.stop();
    });
    const ask = (question: Question | string) => shop.ask(question);
    /** A case that some protocols cannot have. */
    const unless = (skip: Skip | undefined, name: string, run: () => Promise<void>) =>
      skip === undefined ? test(name, run) : test.skip(`${name} (skipped: ${skip.because})`, run);

    describe('what is asked and answered', () => {
      test('one object by an argument', async () => {
        expect(await ask('{ item(id: 1) { id name owner { id } } }')).toEqual({
          data: { item: { id: '1', name: 'item 1', owner: { id: 'p1' } } },
        });
        expect(backend.calls).toMatchObject([{ operation: 'findItem', input: { id: '1' } }]);
      });

      test('a list, and a nullable argument that is left out', async () => {
        expect((await ask('{ items { id } }')).data?.['items']).toHaveLength(4);
        expect((await ask('{ items(first: 2) { id } }')).data).toEqual({ items: [{ id: '1' }, { id: '2' }] });
        expect(backend.calls.map(({ input }) => Number(input['first'] ?? -1))).toEqual([-1, 2]);
      });

      test('an empty list is an empty list', async () => {
        backend.reset(() => []);
        expect(await ask('{ items { id } }')).toEqual({ data: { items: [] } });
      });

      test('a join to one object: one call for each key', async () => {
        const { data, errors } = await ask('{ items { id owner { name } } }');
        expect(errors).toBeUndefined();
        expect(data?.['items'].map((each: Json) => each.owner?.name ?? null)).toEqual([
          'person p1',
          'person p0',
          'person p1',
          null,
        ]);
        expect(backend.operations().sort()).toEqual(['findPerson', 'findPerson', 'listItems']);
      });

      test('a field connector reads its parent and its arguments', async () => {
        const { data } = await ask('{ item(id: 2) { a: stock b: stock(at: "xyz") c: stock(at: "xyz") } }');
        expect(data).toEqual({ item: { a: 20, b: 23, c: 23 } });
        expect(backend.operations().sort()).toEqual(['countStock', 'countStock', 'findItem']);
      });

      test('the same names, whatever the client calls them, in the order it asks', async () => {
        const { data } = await ask(
          '{ b: item(id: 1) { name: id id: name __typename } a: item(id: 2) { id } }',
        );
        expect(JSON.stringify(data)).toBe(
          '{"b":{"name":"1","id":"item 1","__typename":"Item"},"a":{"id":"2"}}',
        );
      });
    });

    describe('batches', () => {
      test('many keys are one call, and rows may come in any order', async () => {
        backend.reset(({ input }) => (input['ids'] as string[]).map(item).reverse());
        const { data, errors } = await ask(slots(['3', '1', '2'], 'id name'));
        expect(errors).toBeUndefined();
        expect(data).toEqual({
          slots: ['3', '1', '2'].map((id) => ({ item: { id, name: `item ${id}` } })),
        });
        expect(keysOf(backend)).toEqual([['3', '1', '2']]);
      });

      test('a key without a row is null, and no error', async () => {
        const { data, errors } = await ask(slots(['1', 'none', '2'], 'name'));
        expect(errors).toBeUndefined();
        expect(data).toEqual({
          slots: [{ item: { name: 'item 1' } }, { item: null }, { item: { name: 'item 2' } }],
        });
      });

      unless(contract.nullRows, 'a null row is a hole', async () => {
        backend.reset(({ input }) =>
          (input['ids'] as string[]).map((id) => (id === 'none' ? null : item(id))),
        );
        const { data, errors } = await ask(slots(['none', '1'], 'name'));
        expect(errors).toBeUndefined();
        expect(data).toEqual({ slots: [{ item: null }, { item: { name: 'item 1' } }] });
      });

      test('rows nobody asked for are passed over', async () => {
        backend.reset(() => ['9', '1', '8'].map(item));
        expect((await ask(slots(['1'], 'name'))).data).toEqual({ slots: [{ item: { name: 'item 1' } }] });
      });

      test('a key that comes several times is asked once', async () => {
        const { data } = await ask(slots(['1', '2', '1', '1'], 'name'));
        expect(data?.['slots']).toHaveLength(4);
        expect(data?.['slots'][3]).toEqual({ item: { name: 'item 1' } });
        expect(keysOf(backend)).toEqual([['1', '2']]);
      });

      test('maxSize makes chunks', async () => {
        const { data, errors } = await ask(slots(['1', '2', '3', '4', '5', '6', '7'], 'name'));
        expect(errors).toBeUndefined();
        expect(data?.['slots']).toHaveLength(7);
        expect(keysOf(backend)).toEqual([['1', '2', '3'], ['4', '5', '6'], ['7']]);
      });

      test('a failing chunk fails its own keys alone', async () => {
        backend.reset((call) => {
          if ((call.input['ids'] as string[]).includes('5')) throw new Failure('unavailable', 'hunter2');
          return stocked(call);
        });
        const { data, errors } = await ask(slots(['1', '2', '3', '4', '5', '6', '7'], 'id name'));
        expect(data?.['slots'].map((slot: Json) => slot.item.name)).toEqual([
          'item 1',
          'item 2',
          'item 3',
          null,
          null,
          null,
          'item 7',
        ]);
        expect(errors?.map(({ path }) => path?.join('.'))).toEqual([3, 4, 5].map((at) => `slots.${at}.item`));
        expect(new Set(codes({ errors: errors ?? [] }))).toEqual(new Set(['CONNECTOR_FETCH']));
      });

      test('batch.by groups flat rows by their parent; who has none has an empty list', async () => {
        const { data, errors } = await ask('{ items { id notes { text } } }');
        expect(errors).toBeUndefined();
        expect(data?.['items'].map((each: Json) => each.notes)).toEqual([
          [{ text: 'first of 1' }, { text: 'second of 1' }],
          [],
          [{ text: 'first of 3' }, { text: 'second of 3' }],
          [{ text: 'first of 4' }, { text: 'second of 4' }],
        ]);
        expect(keysOf(backend, 'findNotes')).toEqual([['1', '2', '3', '4']]);
      });

      test('rows of batch.by may be mixed; each parent keeps the order of its own', async () => {
        backend.reset((call) =>
          call.operation === 'findNotes'
            ? [
                { itemId: '3', text: 'a' },
                { itemId: '1', text: 'b' },
                { itemId: '77', text: 'c' },
                { itemId: '3', text: 'd' },
              ]
            : stocked(call),
        );
        const { data } = await ask('{ items(first: 3) { notes { text } } }');
        expect(data?.['items']).toEqual([
          { notes: [{ text: 'b' }] },
          { notes: [] },
          { notes: [{ text: 'a' }, { text: 'd' }] },
        ]);
      });

      test('null keys make no call', async () => {
        expect(await ask(slots([null, null], 'id name notes { text } stock'))).toEqual({
          data: { slots: [{ item: null }, { item: null }] },
        });
        expect(backend.calls).toEqual([]);
        for (const fields of ['id', '__typename', 'stock']) {
          expect(await ask(slots([null], fields))).toEqual({ data: { slots: [{ item: null }] } });
        }
        expect(backend.calls).toEqual([]);
        expect((await ask(slots([null, '1'], 'name'))).errors).toBeUndefined();
        expect(keysOf(backend)).toEqual([['1']]);
        backend.reset(stocked);
        for (const fields of ['name', 'id', '__typename']) {
          expect(await ask(`{ item(id: 4) { owner { ${fields} } } }`)).toEqual({
            data: { item: { owner: null } },
          });
        }
        expect(backend.operations()).toEqual(['findItem', 'findItem', 'findItem']);
      });
    });

    describe('sharing', () => {
      test('equal asks of one operation share a call', async () => {
        const { data } = await ask('{ a: item(id: 1) { id } b: item(id: 1) { name } c: item(id: 1) { id } }');
        expect(data).toEqual({ a: { id: '1' }, b: { name: 'item 1' }, c: { id: '1' } });
        expect(backend.operations()).toEqual(['findItem']);
      });

      test('asks that differ do not', async () => {
        await ask('{ a: item(id: 1) { id } b: item(id: 2) { id } }');
        expect(backend.calls.map(({ input }) => input['id']).sort()).toEqual(['1', '2']);
      });

      test('the next operation asks again', async () => {
        await ask('{ item(id: 1) { id } }');
        await ask('{ item(id: 1) { id } }');
        expect(backend.calls).toHaveLength(2);
      });

      test('equal mutations are made each, one after the other', async () => {
        let running = 0;
        let most = 0;
        backend.reset(async (call) => {
          most = Math.max(most, ++running);
          await wait(10);
          running--;
          return stocked(call);
        });
        const { data } = await ask('mutation { a: touch(id: 1) { id } b: touch(id: 1) { id } }');
        expect(data).toEqual({ a: { id: '1' }, b: { id: '1' } });
        expect(backend.operations()).toEqual(['touchItem', 'touchItem']);
        expect(most).toBe(1);
      });

      test('equal mutations of the same moment are made each', async () => {
        await Promise.all(Array.from({ length: 5 }, () => ask('mutation { touch(id: 1) { id } }')));
        expect(backend.calls).toHaveLength(5);
      });
    });

    describe('headers', () => {
      const headers = Object.assign(Object.create(null) as Record<string, string[]>, {
        authorization: ['Bearer t-1'],
        'x-client': ['one', 'two'],
        'x-secret': ['not asked for'],
      });
      const identity = { subject: '7', claims: { sub: '7' } };

      test('come from the client, from values, from claims and from the environment', async () => {
        await ask({ query: '{ item(id: 1) { id } }', headers, identity });
        expect(backend.calls[0]?.headers).toMatchObject({
          authorization: 'Bearer t-1',
          'x-client': 'one, two',
          'x-source': 'source',
          'x-both': 'source',
          'x-subject': '7',
          'x-key': 'key k-1',
        });
        expect(backend.calls[0]?.headers).not.toHaveProperty('x-secret');
      });

      test("a connector's replaces its source's, and the others stay", async () => {
        await ask({ query: '{ me(tag: "t") { id } }', headers });
        expect(backend.calls[0]?.headers).toMatchObject({
          'x-both': 'connector',
          'x-tag': 'tag t',
          'x-source': 'source',
          authorization: 'Bearer t-1',
        });
      });

      test('one that the client did not send is left out', async () => {
        await ask('{ me { id } }');
        expect(backend.calls[0]?.headers).not.toHaveProperty('authorization');
        expect(backend.calls[0]?.headers).not.toHaveProperty('x-client');
      });

      test('go with every call of a batch', async () => {
        await ask({ ...slots(['1', '2', '3', '4'], 'name'), headers, identity });
        expect(backend.calls.map((call) => call.headers['authorization'])).toEqual([
          'Bearer t-1',
          'Bearer t-1',
        ]);
        expect(backend.calls.map((call) => call.headers['x-subject'])).toEqual(['7', '7']);
      });

      test.each(['a\r\nx-evil: 1', 'a\nb', 'a\u0000b'])('none can be made of %j', async (tag) => {
        const answer = await ask({
          query: 'query ($tag: String) { me(tag: $tag) { id } }',
          variables: { tag },
        });
        expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
        expect(backend.calls).toEqual([]);
        expect((await ask('{ me { id } }')).errors).toBeUndefined();
      });
    });

    describe('failures', () => {
      const failing: Answering = () => {
        throw new Failure('unavailable', 'hunter2 at http://127.0.0.1:1');
      };
      const facts = (coordinate: string) => ({ service: 'shop', connector: { coordinate } });

      test('a failing backend is null with an error at its path, and its neighbours answer', async () => {
        backend.reset((call) => (call.input['id'] === '2' ? failing(call) : stocked(call)));
        const { data, errors } = await ask('{ a: item(id: 1) { id } b: item(id: 2) { id } }');
        expect(data).toEqual({ a: { id: '1' }, b: null });
        expect(errors).toMatchObject([{ message: 'Request failed', path: ['b'] }]);
        expect(errors?.[0]?.extensions).toEqual({
          code: 'CONNECTOR_FETCH',
          ...facts('shop:Query.item[0]'),
          ...contract.unavailable,
        });
      });

      test('of an object that was to be fetched by its key', async () => {
        backend.reset((call) => (call.operation === 'findPerson' ? failing(call) : stocked(call)));
        const { data, errors } = await ask('{ item(id: 1) { name owner { id name } } }');
        expect(data).toEqual({ item: { name: 'item 1', owner: { id: 'p1', name: null } } });
        expect(errors).toMatchObject([{ path: ['item', 'owner'] }]);
        expect(errors?.[0]?.extensions).toMatchObject({
          ...facts('shop:Person[0]'),
          ...contract.unavailable,
        });
      });

      test('of a field connector', async () => {
        backend.reset((call) => (call.operation === 'countStock' ? failing(call) : stocked(call)));
        const { data, errors } = await ask('{ item(id: 1) { name s: stock } }');
        expect(data).toEqual({ item: { name: 'item 1', s: null } });
        expect(errors).toMatchObject([{ path: ['item', 's'] }]);
      });

      test('of a mutation', async () => {
        backend.reset(failing);
        const answer = await ask('mutation { touch(id: 1) { id } }');
        expect(codes(answer)).toEqual(['CONNECTOR_FETCH']);
        expect(backend.calls).toHaveLength(1);
      });

      test("errors.message and errors.extensions show what the file shows, of the backend's words", async () => {
        backend.reset(() => {
          throw new Failure('unavailable', 'closed on Sundays');
        });
        const { errors } = await ask('{ explained(id: 1) { id } }');
        expect(errors?.[0]?.message).toBe('closed on Sundays');
        expect(errors?.[0]?.extensions).toMatchObject({
          code: 'SHOP',
          status: contract.unavailableStatus,
          ...contract.unavailable,
        });
      });

      test('isSuccess finds a failure where the protocol sees none', async () => {
        backend.reset((call) => ({ ...item(String(call.input['id'])), name: 'broken' }));
        const answer = await ask('{ judged(id: 1) { id } }');
        expect(answer.data).toEqual({ judged: null });
        expect(codes(answer)).toEqual(['CONNECTOR_FETCH']);
        backend.reset(stocked);
        expect(await ask('{ judged(id: 1) { id } }')).toEqual({ data: { judged: { id: '1' } } });
      });

      test('isSuccess takes for a success what the protocol calls a failure', async () => {
        backend.reset(failing);
        expect(await ask('{ forgiving(id: 1) }')).toEqual({ data: { forgiving: 'none' } });
      });

      test('an answer that cannot be read', async () => {
        backend.reset(({ input }) => {
          if (input['id'] === '2') throw new Garbage();
          return item('1');
        });
        const { data, errors } = await ask('{ a: item(id: 1) { id } b: item(id: 2) { id } }');
        expect(data).toEqual({ a: { id: '1' }, b: null });
        expect(errors?.[0]?.extensions).toEqual({
          code: 'CONNECTOR_RESPONSE_INVALID',
          ...facts('shop:Query.item[0]'),
          ...contract.unreadable,
        });
      });

      const { wrongShape } = contract;
      unless(skipOf(wrongShape), 'an answer of another shape', async () => {
        if (typeof wrongShape !== 'function') return;
        const answering =
          (value: unknown): Answering =>
          ({ operation }) => {
            throw new Garbage(Buffer.from(wrongShape(value, operation)));
          };
        backend.reset(answering({ hunter2: true }));
        expect(codes(await ask('{ items { id } }'))).toEqual(['CONNECTOR_RESPONSE_INVALID']);
        expect(codes(await ask(slots(['1'], 'name')))).toEqual(['CONNECTOR_RESPONSE_INVALID']);
        backend.reset(answering(['hunter2']));
        expect(codes(await ask('{ item(id: 1) { id } }'))).toEqual(['CONNECTOR_RESPONSE_INVALID']);
      });

      test('a backend that is not there', async () => {
        const gone = await contract.start();
        await gone.stop();
        const { gateway, ask } = await openShop(contract, gone);
        onTestFinished(() => gateway.close());
        const answer = await ask('{ item(id: 1) { id } slots(ids: [1]) { item { name } } }');
        expect(answer.data).toEqual({ item: null, slots: [{ item: { name: null } }] });
        expect(codes(answer)).toEqual(['HTTP_CLIENT_ERROR', 'HTTP_CLIENT_ERROR']);
      });
    });

    describe('time', () => {
      test("a call ends with its source's timeout, at the backend too; neighbours answer", async () => {
        backend.reset((call) => (call.input['id'] === '1' ? never(call) : stocked(call)));
        const start = performance.now();
        const { data, errors } = await ask('{ hasty(id: 1) { id } item(id: 2) { id } }');
        expect(performance.now() - start).toBeGreaterThanOrEqual(145);
        expect(data).toEqual({ hasty: null, item: { id: '2' } });
        expect(errors?.[0]?.extensions).toEqual({
          code: 'GATEWAY_TIMEOUT',
          service: 'shop',
          connector: { coordinate: 'shop:Query.hasty[0]' },
        });
        const hung = backend.calls.find(({ input }) => input['id'] === '1');
        await vi.waitFor(() => expect(hung?.left.aborted).toBe(true));
      });

      test("the operation's time ends every call of it, and none begins after", async () => {
        const short = await openShop(contract, backend, { config: { timeout: '250ms' } });
        onTestFinished(() => short.gateway.close());
        backend.reset(async (call) => {
          if (call.operation === 'findPerson') return never(call);
          await wait(100);
          return stocked(call);
        });
        const start = performance.now();
        const answer = await short.ask('{ item(id: 1) { name owner { name } } }');
        expect(performance.now() - start).toBeGreaterThanOrEqual(245);
        expect(answer.data).toEqual({ item: { name: 'item 1', owner: { name: null } } });
        expect(codes(answer)).toEqual(['GATEWAY_TIMEOUT']);
        await vi.waitFor(() => expect(backend.calls.at(-1)?.left.aborted).toBe(true));
      });

      test('a chunk that takes too long fails its own keys alone', async () => {
        const short = await openShop(contract, backend, { config: { timeout: '250ms' } });
        onTestFinished(() => short.gateway.close());
        backend.reset((call) =>
          (call.input['ids'] as string[]).includes('4') ? never(call) : stocked(call),
        );
        const answer = await short.ask(slots(['1', '2', '3', '4'], 'name'));
        expect(answer.data?.['slots'].map((slot: Json) => slot.item.name)).toEqual([
          'item 1',
          'item 2',
          'item 3',
          null,
        ]);
        expect(codes(answer)).toEqual(['GATEWAY_TIMEOUT']);
      });
    });

    describe('over HTTP', () => {
      let url: string;
      let close: () => Promise<void>;
      beforeAll(async () => {
        const served = await shop.gateway.serve({ port: 0 });
        url = `${served.url}/graphql`;
        close = served.close;
      });
      afterAll(() => close());

      test('when the client goes, the backend sees its queries end', async () => {
        backend.reset(never);
        const client = new AbortController();
        const asked = post(
          url,
          '{ a: item(id: 1) { id } b: slots(ids: [1]) { item { name } } }',
          {},
          client.signal,
        );
        const outcome = asked.catch(() => 'gone');
        await vi.waitFor(() => expect(backend.calls).toHaveLength(2));
        client.abort();
        expect(await outcome).toBe('gone');
        await vi.waitFor(() => expect(backend.calls.every(({ left }) => left.aborted)).toBe(true));
        expect(backend.calls).toHaveLength(2);
      });

      test('when the client goes, its mutation is let finish, once', async () => {
        let finish: (value: unknown) => void = () => undefined;
        backend.reset(() => new Promise((resolve) => (finish = resolve)));
        const client = new AbortController();
        const outcome = post(url, 'mutation { touch(id: 1) { id } }', {}, client.signal).catch(() => 'gone');
        await vi.waitFor(() => expect(backend.calls).toHaveLength(1));
        client.abort();
        expect(await outcome).toBe('gone');
        await wait(50);
        expect(backend.calls[0]?.left.aborted).toBe(false);
        finish(item('1'));
        await wait(50);
        expect(backend.calls).toHaveLength(1);
        expect(backend.calls[0]?.left.aborted).toBe(false);
      });

      test('a big number reaches the client with all its digits', async () => {
        const text = await postForText(url, '{ item(id: 1) { big } number(value: "-9223372036854775808") }');
        expect(text.replaceAll('"', '')).toContain('item:{big:9007199254740993},number:-9223372036854775808');
      });

      test('callers of the same moment never see what is another’s', async () => {
        backend.reset(async ({ operation, input, headers }) => {
          await wait(Math.random() * 5);
          const mine = headers['authorization'] ?? 'nobody';
          if (operation === 'findItems')
            return (input['ids'] as string[]).map((id) => ({ ...item(id), name: mine }));
          return { ...item('1'), id: mine, name: mine };
        });
        const query = '{ me { id name } item(id: 1) { name } slots(ids: [1, 2]) { item { name } } }';
        // Two and two have the same token: equal asks of one caller must not meet either.
        const tokens = Array.from({ length: 60 }, (_, index) => `Bearer ${index >> 1}`);
        const answers = await Promise.all(tokens.map((authorization) => post(url, query, { authorization })));
        answers.forEach((answer, index) => {
          const name = tokens[index];
          expect(answer).toEqual({
            data: { me: { id: name, name }, item: { name }, slots: [{ item: { name } }, { item: { name } }] },
          });
        });
        const count = (token: string) =>
          backend.calls.filter((call) => call.headers['authorization'] === token).length;
        expect(new Set(tokens.map(count))).toEqual(new Set([6]));
      });
    });

    describe('values', () => {
      test.each(['9007199254740993', '-9223372036854775808', '9223372036854775807'])(
        'the number %s loses no digit, either way',
        async (value) => {
          const { data, errors } = await ask(`{ number(value: "${value}") }`);
          expect(errors).toBeUndefined();
          expect(String(data?.['number'])).toBe(value);
          expect(String(backend.calls[0]?.input['value'])).toBe(value);
        },
      );

      test('a number that came with an object loses no digit', async () => {
        const { data } = await ask('{ item(id: 1) { big } slots(ids: [1]) { item { big } } }');
        expect(String(data?.['item'].big)).toBe('9007199254740993');
        expect(String(data?.['slots'][0].item.big)).toBe('9007199254740993');
      });

      test.each(keys)('the key %j arrives as it is, or is refused', async (id) => {
        backend.reset(({ input }) => ({ id: input['id'], name: input['id'] }));
        const query = 'query ($id: ID!) { item(id: $id) { id name } }';
        const answer = await ask({ query, variables: { id } });
        if (answer.errors === undefined) {
          expect(answer.data).toEqual({ item: { id, name: id } });
          expect(backend.calls.map(({ input }) => input['id'])).toEqual([id]);
        } else {
          expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
          expect(backend.calls).toEqual([]);
        }
        expect(answer.errors === undefined).toBe(!contract.refusedKeys.includes(id));
      });

      test('so do many of them in one call', async () => {
        backend.reset(({ input }) => (input['ids'] as string[]).map((id) => ({ id, name: id })));
        const good = keys.filter((key) => !/\p{Surrogate}/u.test(key)).slice(0, 3);
        const { data, errors } = await ask(slots(good, 'id name'));
        expect(errors).toBeUndefined();
        expect(data?.['slots']).toEqual(good.map((id) => ({ item: { id, name: id } })));
        expect(keysOf(backend)).toEqual([good]);
      });
    });

    describe('pruning', () => {
      const { asksForNoMore } = contract;
      unless(skipOf(asksForNoMore), 'nothing is asked for, or decoded, that nobody wants', async () => {
        if (typeof asksForNoMore === 'function') await asksForNoMore(shop);
      });

      test('what nobody wants makes no call', async () => {
        await ask('{ item(id: 1) { name owner { id } } }');
        expect(backend.operations()).toEqual(['findItem']);
        backend.reset(stocked);
        await ask(slots(['1'], 'id'));
        expect(backend.calls).toEqual([]);
      });
    });

    describe('the end', () => {
      test('no socket is left, and calls in flight fail', async () => {
        const own = await contract.start();
        onTestFinished(() => own.stop());
        const before = openSockets();
        const { gateway, ask } = await openShop(contract, own);
        own.reset((call) => (call.operation === 'findMe' ? never(call) : stocked(call)));
        await Promise.all([ask('{ items { owner { name } } }'), ask(slots(['1', '2', '3', '4'], 'name'))]);
        const inFlight = ask('{ me { id } }');
        await vi.waitFor(() => expect(own.operations()).toContain('findMe'));
        expect(openSockets()).toBeGreaterThan(before);
        await gateway.close();
        expect(codes(await inFlight)).toEqual(['HTTP_CLIENT_ERROR']);
        await vi.waitFor(() => expect(openSockets()).toBeLessThanOrEqual(before));
        const { length } = own.calls;
        expect(codes(await ask('{ me { id } }'))).toEqual(['HTTP_CLIENT_ERROR']);
        expect(own.calls).toHaveLength(length);
      });
    });
  });
}

/** Keys that are easily torn on their way. */
const keys = [
  'ü/ç ø☃ 𝒳',
  'a&ids=2&b=c',
  '../2',
  '..',
  '.',
  'a/b?c=d#e',
  '%2e%2e%2f',
  '"}) { name } #',
  "'; drop table items; --",
  '{$args.id}',
  '__proto__',
  'constructor',
  'null',
  ' ',
  'a\nb\r\n\tc',
  '\u0000',
  'half a pair \ud800',
  '1'.repeat(2_000),
];

/** Posts a query, and reads the answer. */
async function post(...request: Parameters<typeof postForText>): Promise<Answer> {
  return JSON.parse(await postForText(...request));
}

/** Posts a query on a connection of its own, and gives the answer as it came. */
async function postForText(
  url: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<string> {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
    ...(signal && { signal }),
  });
  sent.end(JSON.stringify({ query }));
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  expect(text).not.toMatch(leaks);
  return text;
}
