import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kitchenSdl, openSource, send, startKitchen } from './support.js';

/** Sends a value as the message of a method that answers with the same message. */
async function openEcho(raw = true) {
  const { address } = await startKitchen({}, { raw });
  const { transports } = await openSource(kitchenSdl(), { address });
  return async (input: unknown, field = 'echo') => (await send(transports.get(field), { $args: { input } })).body;
}

/** Nothing but what is given, and the defaults of everything without presence. */
const defaults = {
  doubleField: 0,
  floatField: 0,
  int32Field: 0,
  uint32Field: 0,
  sint32Field: 0,
  fixed32Field: 0,
  sfixed32Field: 0,
  int64Field: '0',
  uint64Field: '0',
  sint64Field: '0',
  fixed64Field: '0',
  sfixed64Field: '0',
  boolField: false,
  stringField: '',
  bytesField: '',
  color: 'COLOR_UNSPECIFIED',
  ints: [],
  longs: [],
  doubles: [],
  bools: [],
  texts: [],
  blobs: [],
  colors: [],
  selves: [],
  looseInts: [],
  textMap: {},
  numberMap: {},
  boolMap: {},
  sinkMap: {},
  wideMap: {},
  timestamps: [],
  valueMap: {},
  called: '',
};

describe('presence', () => {
  test('an empty message has every scalar, list and map with its default, and nothing else', async () => {
    const echo = await openEcho();
    expect(await echo({})).toEqual(defaults);
  });

  test('optional, message and oneof fields are there when they are set, also to their default', async () => {
    const echo = await openEcho();
    const set = { maybeInt: 0, maybeText: '', maybeColor: 'COLOR_UNSPECIFIED', maybeBool: false, choiceText: '', empty: {} };
    expect(await echo(set)).toEqual({ ...defaults, ...set });
  });

  test('null is not set, and undefined is not there', async () => {
    const echo = await openEcho();
    expect(await echo({ int32Field: null, maybeInt: null, ints: null, textMap: undefined, self: null, color: null })).toEqual(
      defaults,
    );
  });
});

const digits = (signed: boolean) =>
  (signed ? fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n) : fc.bigInt(0n, 2n ** 64n - 1n)).map(String);
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const text = fc.string({ unit: 'binary' });
const bytes = fc.uint8Array().map((array) => Buffer.from(array).toString('base64'));
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
/** Whole floats are exact; of others, six digits always survive. */
const float = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (Number.isInteger(value) ? value + 0 : Number(value.toPrecision(6))));
const color = fc.oneof(fc.constantFrom('COLOR_UNSPECIFIED', 'RED', 'GREEN', 'DEEP_BLUE'), fc.constantFrom(4, -1, 2 ** 31 - 1));
const json = fc.jsonValue({ maxDepth: 3 });
const time = fc
  .record({ seconds: fc.integer({ min: -62135596800, max: 253402300799 }), nanos: fc.integer({ min: 0, max: 999_999_999 }) })
  .map(({ seconds, nanos }) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fractionOf(nanos)}Z`);

function fractionOf(nanos: number): string {
  if (nanos === 0) return '';
  return `.${String(nanos).padStart(9, '0').replace(/(?:000){1,2}$/, '')}`;
}

const dictionary = (key: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) => fc.dictionary(key, value, { noNullPrototype: true });

const fields = {
  doubleField: fc.oneof(double, fc.constantFrom('NaN', 'Infinity', '-Infinity')),
  floatField: float,
  int32Field: int32,
  uint32Field: uint32,
  sint32Field: int32,
  fixed32Field: uint32,
  sfixed32Field: int32,
  int64Field: digits(true),
  uint64Field: digits(false),
  sint64Field: digits(true),
  fixed64Field: digits(false),
  sfixed64Field: digits(true),
  boolField: fc.boolean(),
  stringField: text,
  bytesField: bytes,
  color,
  maybeInt: int32,
  maybeText: text,
  maybeColor: color,
  ints: fc.array(int32),
  longs: fc.array(digits(true)),
  doubles: fc.array(double),
  bools: fc.array(fc.boolean()),
  texts: fc.array(text),
  blobs: fc.array(bytes),
  colors: fc.array(color),
  looseInts: fc.array(int32),
  textMap: dictionary(text, text),
  numberMap: dictionary(int32.map(String), digits(true)),
  boolMap: dictionary(fc.constantFrom('true', 'false'), color),
  wideMap: dictionary(digits(false), double),
  timestamp: time,
  duration: fc.tuple(fc.integer({ min: 0, max: 315_576_000_000 }), fc.integer({ min: 0, max: 999_999_999 })).map(
    ([seconds, nanos]) => `${seconds}${fractionOf(nanos)}s`,
  ),
  fieldMask: fc.array(fc.constantFrom('a', 'fooBar', 'fooBar.bazQux')).map((paths) => paths.join(',')),
  struct: dictionary(text, json),
  value: json,
  listValue: fc.array(json),
  empty: fc.constant({}),
  timestamps: fc.array(time),
  valueMap: dictionary(text, json),
  doubleValue: double,
  int64Value: digits(true),
  uint64Value: digits(false),
  int32Value: int32,
  uint32Value: uint32,
  boolValue: fc.boolean(),
  stringValue: text,
  bytesValue: bytes,
  called: text,
};
const flat = fc.record(fields, { requiredKeys: [] });
const sink = fc.record({ ...fields, selves: fc.array(flat, { maxLength: 2 }), self: flat }, { requiredKeys: [] });

/** -0 is 0 in every integer, and fc gives it in JSON values. */
function withDefaults(value: Record<string, unknown>): unknown {
  const { self, selves, ...rest } = value;
  return {
    ...defaults,
    ...rest,
    ...(self === undefined ? {} : { self: withDefaults(self as Record<string, unknown>) }),
    ...(selves === undefined ? {} : { selves: (selves as Record<string, unknown>[]).map(withDefaults) }),
  };
}

describe('round trips', () => {
  test('every kind of field comes back with every digit', async () => {
    const echo = await openEcho();
    await fc.assert(
      fc.asyncProperty(sink, async (value) => {
        expect(await echo(value)).toEqual(withDefaults(value));
      }),
      { numRuns: 150 },
    );
  });
});
