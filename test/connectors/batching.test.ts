import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestContext } from '../../src/base/context.js';
import { parseJson, stringifyJson } from '../../src/mapping/json.js';
import type { Connector, FetchInputs, ParentObject } from '../../src/connectors/connector.js';
import { load } from '../../src/connectors/loaders.js';
import { rowKeyField } from '../../src/connectors/rows.js';
import { treeOf, unionOf, type Wanted } from '../../src/connectors/wanted.js';
import type { FieldTree } from '../../src/mapping/shape.js';
import type { ConnectDefinition } from '../../src/subgraph/subgraph.js';
import { ask, open, startBackend, type Answering } from './http/support.js';

/**
 * Loading through loaders against a loop that looks every object up by itself. Set `SEED` to search elsewhere; the
 * name of the tests says with which they ran.
 */
const seed = Number(process.env['SEED'] ?? 20261);

type Row = Readonly<Record<string, unknown>>;

// Keys

/** Values that are easily mixed up. Each stands for itself; `0` and `"0"` are one key, as texts compare. */
const scalars: readonly unknown[] = [
  ...[0, 1, -1, 10, 11, 1.5, '', ' ', 'a', 'ab', '1:a', '~', '{', '}', ',', '__proto__', 'constructor'],
  ...[
    false,
    true,
    'null',
    'undefined',
    '[object Object]',
    '9007199254740993',
    9007199254740992n,
    9007199254740993n,
  ],
  ...[18446744073709551615n, 'ü', '\ud800', '2:ab', '0:'],
];
const scalar = fc.constantFrom(...scalars);
const part = fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 1, arbitrary: fc.constant(null) });

interface KeyKind {
  readonly tree: FieldTree;
  readonly keys: fc.Arbitrary<Row>;
}

const kinds: Record<string, KeyKind> = {
  'one field': { tree: treeOf([['id']]), keys: fc.record({ id: scalar }) },
  'two fields': { tree: treeOf([['a'], ['b']]), keys: fc.record({ a: part, b: scalar }) },
  'nested fields': {
    tree: treeOf([['org', 'id'], ['org', 'unit', 'no'], ['id']]),
    keys: fc.record({
      org: fc.record({ id: part, unit: fc.oneof(fc.record({ no: part }), fc.constant(null)) }),
      id: scalar,
    }),
  },
};

type Scalar = string | number | bigint | boolean | null | undefined;

const leaf = (value: Scalar) => (value === null || value === undefined ? null : String(value));

/** A naive key: the texts of all leaves in a list, told apart from null. */
function identity(key: unknown, tree: FieldTree): string {
  const leaves = (value: unknown, fields: FieldTree): unknown[] =>
    [...fields].map(([name, below]) => {
      const each = value === null || value === undefined ? null : (value as Row)[name];
      return below === null ? leaf(each as Scalar) : leaves(each, below);
    });
  return JSON.stringify(leaves(key, tree));
}

/** The same key as another backend would write it: numbers as texts, texts of integers as numbers. */
function rewritten(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (typeof value === 'string' && /^(0|[1-9]\d{0,18})$/.test(value)) {
    return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, rewritten(each)]));
}

// One run

interface Ask {
  readonly key: number;
  readonly fields: readonly string[];
  /** How many ticks of the event loop after the first. */
  readonly wave: number;
}

interface Run {
  readonly keys: readonly Row[];
  readonly asks: readonly Ask[];
  readonly maxSize: number | undefined;
  /** Keys the backend does not know, … */
  readonly dropped: readonly number[];
  /** … keys it has twice, … */
  readonly doubled: readonly number[];
  /** … keys it writes in another way, … */
  readonly rewritten: readonly number[];
  /** … and keys with which a call fails. */
  readonly poisoned: readonly number[];
  readonly shuffle: number;
}

const some = fc.array(fc.nat(11), { maxLength: 3 });
const runs = (keys: fc.Arbitrary<Row>): fc.Arbitrary<Run> =>
  fc.record({
    keys: fc.array(keys, { minLength: 1, maxLength: 12 }),
    asks: fc.array(
      fc.record({
        key: fc.nat(11),
        fields: fc.subarray(['x', 'y', 'z'], { minLength: 1 }),
        wave: fc.constantFrom(0, 0, 0, 1, 2),
      }),
      { minLength: 1, maxLength: 16 },
    ),
    maxSize: fc.constantFrom(undefined, 1, 2, 3, 5),
    dropped: some,
    doubled: some,
    rewritten: some,
    poisoned: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some }),
    shuffle: fc.nat(),
  });

/** One call that the connector was asked to make. */
interface Call {
  readonly keys: readonly string[];
  readonly fields: readonly string[];
  readonly failed: boolean;
}

/** Whether what was asked for has all that is wanted. */
const covers = (asked: readonly string[], wanted: readonly string[]) =>
  wanted.every((name) => asked.includes(name));

type Mode = 'match' | 'list' | 'first' | 'single';

/** The backend of a run as a connector, and what it would say to a loop that asks for one key at a time. */
class Backend {
  readonly calls: Call[] = [];
  readonly #run: Run;
  readonly #tree: FieldTree;
  readonly #mode: Mode;

  constructor(run: Run, tree: FieldTree, mode: Mode) {
    this.#run = run;
    this.#tree = tree;
    this.#mode = mode;
  }

  connector(): Connector {
    return {
      definition: {} as ConnectDefinition,
      coordinate: 'test:Thing[0]',
      needs: this.#tree,
      key: this.#tree,
      usesArguments: false,
      inOrder: false,
      forwards: false,
      takesMany: this.#mode !== 'single',
      maxSize: this.#mode === 'single' ? undefined : this.#run.maxSize,
      groups: this.#mode === 'list' || this.#mode === 'first' ? this.#mode : undefined,
      changes: false,
      output: undefined,
      counts: { answers: 0, checked: 0, remarks: 0 },
      facts: {},
      fetch: (inputs, wanted) => this.#fetch(inputs, wanted),
    };
  }

  /** What the loop finds: every row of a key that the backend has, best last for matching. */
  truth(id: string): unknown {
    const rows = this.#rows(new Set([id])).map(({ row }) => row);
    if (this.#mode === 'list') return rows;
    return (this.#mode === 'first' ? rows[0] : rows.at(-1)) ?? null;
  }

  fails(ids: readonly string[]): boolean {
    const { keys, poisoned } = this.#run;
    return poisoned.some(
      (index) => keys[index] !== undefined && ids.includes(identity(keys[index], this.#tree)),
    );
  }

  async #fetch({ parent, parents }: FetchInputs, wanted: Wanted): Promise<unknown> {
    const asked = parents ?? [parent ?? {}];
    const ids = asked.map((each) => identity(each, this.#tree));
    const failed = this.fails(ids);
    this.calls.push({ keys: ids, fields: [...(wanted?.keys() ?? [])], failed });
    await new Promise((resolve) => setImmediate(resolve));
    if (failed) throw new Error(ids.join());
    if (this.#mode === 'single') return this.truth(ids[0] ?? '');
    const rows = this.#rows(new Set([...ids, identity(this.#run.keys[0], this.#tree)]));
    // Rows of one key keep their order, which decides between them; keys come in any.
    const places = new Map(ids.map((id, index) => [id, (index * 7 + this.#run.shuffle) % 11]));
    return rows
      .toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0))
      .map(({ key, row }) => this.#written(key, row));
  }

  /** With the key where the mapping puts it: in the row, or beside it for groups. */
  #written(key: Row, row: Row): Row {
    return this.#mode === 'match' ? { ...row, ...key } : { ...row, [rowKeyField]: key };
  }

  #rows(ids: ReadonlySet<string>): { id: string; key: Row; row: Row }[] {
    const { keys, dropped, doubled, rewritten: otherwise } = this.#run;
    const seen = new Set<string>();
    return keys.flatMap((written, index) => {
      const id = identity(written, this.#tree);
      if (!ids.has(id) || seen.has(id) || dropped.includes(index)) return [];
      seen.add(id);
      const key = otherwise.includes(index) ? (rewritten(written) as Row) : written;
      const row = { x: `x${index}`, y: index, z: { deep: index } };
      const other = { ...row, y: -1 };
      return doubled.includes(index)
        ? [
            { id, key: written, row: other },
            { id, key, row },
          ]
        : [{ id, key, row }];
    });
  }
}

/** What a row is without its key, which no field asked for. */
function withoutKey(answer: unknown, fields: readonly string[]): unknown {
  if (Array.isArray(answer)) return answer.map((row) => withoutKey(row, fields));
  if (typeof answer !== 'object' || answer === null) return answer;
  return Object.fromEntries(fields.map((name) => [name, (answer as Row)[name]]));
}

async function check(run: Run, { tree }: KeyKind, mode: Mode): Promise<void> {
  const backend = new Backend(run, tree, mode);
  const connector = backend.connector();
  const context = new RequestContext();
  const asks = run.asks
    .filter(({ key }) => key < run.keys.length)
    .toSorted((a, b) => a.wave - b.wave)
    .map((ask) => {
      const key = run.keys[ask.key] as ParentObject;
      const wanted = unionOf(treeOf(ask.fields.map((name) => [name])), tree);
      return { ...ask, key, wanted, id: identity(key, tree) };
    });
  const outcomes: Promise<PromiseSettledResult<unknown>>[] = [];
  let wave = 0;
  for (const { key, wanted, ...ask } of asks) {
    for (; wave < ask.wave; wave++) await new Promise((resolve) => setImmediate(resolve));
    const known = backend.calls.some((call) => call.keys.includes(ask.id) && covers(call.fields, ask.fields));
    const before = backend.calls.length;
    outcomes.push(
      Promise.allSettled([load(connector, context, { args: {}, parent: key, wanted })]).then(
        ([outcome]) => outcome,
      ),
    );
    if (known && ask.wave > 0) expect(backend.calls.length).toBe(before);
  }
  const settled = await Promise.all(outcomes);
  asks.forEach((ask, index) => {
    const calls = backend.calls.filter(
      (call) => call.keys.includes(ask.id) && covers(call.fields, ask.fields),
    );
    expect(calls.length).toBeGreaterThan(0);
    const outcome = settled[index]!;
    const failed = calls[0]!.failed;
    expect(outcome.status).toBe(failed ? 'rejected' : 'fulfilled');
    if (outcome.status === 'rejected') return;
    const expected = withoutKey(backend.truth(ask.id), ask.fields);
    if (!isDeepStrictEqual(withoutKey(outcome.value, ask.fields), expected)) {
      expect(withoutKey(outcome.value, ask.fields)).toEqual(expected);
    }
  });
  checkCalls(backend.calls, asks, run, mode);
}

/** No call is larger than allowed, asks for a key twice, or for what is known; and there are as few as can be. */
function checkCalls(
  calls: readonly Call[],
  asks: readonly { id: string; wave: number; fields: readonly string[] }[],
  run: Run,
  mode: Mode,
): void {
  const known = new Map<string, (readonly string[])[]>();
  for (const { keys, fields } of calls) {
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeLessThanOrEqual(mode === 'single' ? 1 : (run.maxSize ?? Infinity));
    for (const id of keys) {
      const earlier = known.get(id) ?? [];
      const isNew = asks.some((ask) => ask.id === id && !earlier.some((each) => covers(each, ask.fields)));
      expect(isNew).toBe(true);
      known.set(id, [...earlier, fields]);
    }
  }
  const ids = new Set(asks.map(({ id }) => id)).size;
  if (asks.every(({ wave }) => wave === 0)) {
    const size = mode === 'single' ? 1 : (run.maxSize ?? Infinity);
    expect(calls.length).toBe(size === Infinity ? 1 : Math.ceil(ids / size));
  }
}

const modes: readonly Mode[] = ['match', 'list', 'first', 'single'];

describe(`loading equals a loop over every key (seed ${seed})`, () => {
  for (const [name, kind] of Object.entries(kinds)) {
    test.each(modes)(`keys of ${name}, %s`, async (mode) => {
      await fc.assert(
        fc.asyncProperty(runs(kind.keys), async (run) => {
          fc.pre(run.asks.some(({ key }) => key < run.keys.length));
          await check(run, kind, mode);
        }),
        { seed, numRuns: 900 },
      );
    });
  }
});

// The same through a gateway

const file = `
  extend schema @source(name: "api", http: { baseURL: "{$env.BACKEND}" })
  type Query {
    things: [Thing] @connect(source: "api", http: { GET: "/things" }, selection: "id region")
  }
  type Thing
    @connect(source: "api", http: { POST: "/named", body: "keys: $batch { id region }" }, batch: { maxSize: 3 }
             selection: "id region name") {
    id: ID!
    region: String
    name: String
    parts: [Part]
      @connect(source: "api", http: { POST: "/parts", body: "keys: $batch.id" }, batch: { maxSize: 2, by: "id: thing" }
               selection: "id")
  }
  type Part { id: ID }`;

interface Thing {
  readonly id: string | number | bigint;
  readonly region: string | null;
}

interface Shop {
  readonly things: readonly Thing[];
  readonly dropped: readonly number[];
  readonly poisoned: readonly number[];
  readonly parts: readonly number[];
  readonly reversed: boolean;
}

const things = fc.record({
  id: fc.constantFrom(0, 1, 10, '', 'a', '01', 9007199254740992n, 9007199254740993n, '18446744073709551616'),
  region: fc.constantFrom(null, '', 'a', '1'),
});
const shops: fc.Arbitrary<Shop> = fc.record({
  things: fc.array(things, { maxLength: 8 }),
  dropped: some,
  poisoned: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some }),
  parts: fc.array(fc.nat(8), { maxLength: 10 }),
  reversed: fc.boolean(),
});

const named = ({ id, region }: Thing) => `${String(id)}/${region ?? 'nowhere'}`;

/** Answers as the shop at hand does, and notes which names and whose parts it was asked for. */
function shopkeeper() {
  const state = { shop: undefined as Shop | undefined, named: [] as string[][], parts: [] as string[][] };
  const rowsOf = (line: string, keys: readonly unknown[], shop: Shop): unknown[] | undefined => {
    const of = (indexes: readonly number[]) => indexes.flatMap((index) => shop.things[index] ?? []);
    if (line === 'POST /parts') {
      state.parts.push(keys.map(String));
      return of(shop.parts).flatMap((thing, index) =>
        keys.map(String).includes(String(thing.id)) ? { id: index, thing: rewritten(thing.id) } : [],
      );
    }
    const asked = (keys as Thing[]).map(named);
    state.named.push(asked);
    if (of(shop.poisoned).some((thing) => asked.includes(named(thing)))) return undefined;
    const gone = new Set(of(shop.dropped).map(named));
    return (keys as Thing[])
      .filter((key) => !gone.has(named(key)))
      .map((key) => ({ id: rewritten(key.id), region: key.region, name: named(key) }));
  };
  const answer: Answering = (response, { line, body }) => {
    const shop = state.shop!;
    const { keys = [] } = parseJson(body || '{}') as { keys?: readonly unknown[] };
    const rows = line === 'GET /things' ? shop.things : rowsOf(line, keys, shop);
    response.statusCode = rows === undefined ? 500 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(stringifyJson(line !== 'GET /things' && shop.reversed ? rows?.toReversed() : rows));
  };
  return { state, answer };
}

test(`a gateway gives what a loop would (seed ${seed})`, async () => {
  const { state, answer } = shopkeeper();
  const backend = await startBackend(answer);
  const gateway = await open(backend.url, file);
  await fc.assert(
    fc.asyncProperty(shops, async (shop) => {
      Object.assign(state, { shop, named: [], parts: [] });
      const result = await ask(gateway, '{ things { id region name parts { id } } }');
      const of = (indexes: readonly number[]) => indexes.flatMap((index) => shop.things[index] ?? []);
      const poisoned = new Set(of(shop.poisoned).map(named));
      const failed = new Set(state.named.filter((keys) => keys.some((key) => poisoned.has(key))).flat());
      const dropped = new Set(of(shop.dropped).map(named));
      const partsOf = (thing: Thing) => {
        const parts = of(shop.parts).flatMap((each, index) =>
          String(each.id) === String(thing.id) ? [index] : [],
        );
        return (shop.reversed ? parts.reverse() : parts).map((id) => ({ id: String(id) }));
      };
      const expected = shop.things.map((thing) => {
        if (!failed.has(named(thing)) && dropped.has(named(thing))) return null;
        const name = failed.has(named(thing)) ? null : named(thing);
        return { id: String(thing.id), region: thing.region, name, parts: partsOf(thing) };
      });
      expect(result.data).toEqual({ things: expected });
      expect(result.errors?.length ?? 0).toBe(shop.things.filter((thing) => failed.has(named(thing))).length);
      expect(state.named.length).toBe(Math.ceil(new Set(shop.things.map(named)).size / 3));
      // How many calls fetch the parts depends on when each chunk of names arrives.
      expect(state.parts.every((keys) => keys.length <= 2)).toBe(true);
      expect(new Set(state.parts.flat()).size).toBe(state.parts.flat().length);
    }),
    { seed, numRuns: 300 },
  );
});
