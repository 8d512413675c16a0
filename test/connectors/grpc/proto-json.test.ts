import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileDecoder } from '../../../src/connectors/grpc/decode.js';
import { readProtoFiles } from '../../../src/connectors/grpc/proto-files.js';
import { compileSelection } from '../../../src/mapping/compile.js';
import { parseSelection } from '../../../src/mapping/parse.js';
import { inputPaths } from '../../../src/mapping/shape.js';
import { folder, kitchenSdl, openSource, send, startKitchen, textOf } from './support.js';

/** Sends a value as the message of a method that answers with the same message. */
async function openEcho(raw = true) {
  const { address } = await startKitchen({}, { raw });
  const { transports } = await openSource(kitchenSdl(), { address });
  return async (input: unknown, field = 'echo') =>
    (await send(transports.get(field), { $args: { input } })).body;
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
    const set = {
      maybeInt: 0,
      maybeText: '',
      maybeColor: 'COLOR_UNSPECIFIED',
      maybeBool: false,
      choiceText: '',
      empty: {},
    };
    expect(await echo(set)).toEqual({ ...defaults, ...set });
  });

  test('null is not set, and undefined is not there', async () => {
    const echo = await openEcho();
    expect(
      await echo({
        int32Field: null,
        maybeInt: null,
        ints: null,
        textMap: undefined,
        self: null,
        color: null,
      }),
    ).toEqual(defaults);
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
const color = fc.oneof(
  fc.constantFrom('COLOR_UNSPECIFIED', 'RED', 'GREEN', 'DEEP_BLUE'),
  fc.constantFrom(4, -1, 2 ** 31 - 1),
);
const json = fc.jsonValue({ maxDepth: 3 });
const time = fc
  .record({
    seconds: fc.integer({ min: -62135596800, max: 253402300799 }),
    nanos: fc.integer({ min: 0, max: 999_999_999 }),
  })
  .map(({ seconds, nanos }) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fractionOf(nanos)}Z`);

function fractionOf(nanos: number): string {
  if (nanos === 0) return '';
  return `.${String(nanos)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')}`;
}

const dictionary = (key: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) =>
  fc.dictionary(key, value, { noNullPrototype: true });

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
  duration: fc
    .tuple(fc.integer({ min: 0, max: 315_576_000_000 }), fc.integer({ min: 0, max: 999_999_999 }))
    .map(([seconds, nanos]) => `${seconds}${fractionOf(nanos)}s`),
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
const sink = fc.record(
  { ...fields, selves: fc.array(flat, { maxLength: 2 }), self: flat },
  { requiredKeys: [] },
);

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

  test('another implementation reads what we write, and we read what it writes', async () => {
    const echo = await openEcho(false);
    // protobufjs takes the key "false" for true, and makes other keys of 64-bit ones
    const { boolMap: _, wideMap: __, ...common } = fields;
    const some = fc.record(common, { requiredKeys: [] });
    const values = fc.record(
      { ...common, self: some, selves: fc.array(some, { maxLength: 2 }) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        expect(await echo(value)).toEqual(withDefaults(value));
      }),
      { numRuns: 100 },
    );
  });

  test('reading only what a selection wants changes nothing that it gives', async () => {
    const { address } = await startKitchen({}, { raw: true });
    const { transports } = await openSource(kitchenSdl(), { address });
    const names = Object.keys(fields).map((name) => (name.endsWith('Map') ? `${name}->entries` : name));
    const selections = fc.subarray(names, { minLength: 1 }).map((some) => {
      const list = some
        .map((name) => (name.includes('->') ? `x${name.slice(0, -9)}: ${name}` : name))
        .join(' ');
      return `${list} count: selves->size selves { ${list} } first: self.int64Field? c: choiceText`;
    });
    await fc.assert(
      fc.asyncProperty(sink, selections, async (value, selection) => {
        const mapping = compileSelection(parseSelection(selection, '0.4'));
        const variables = { $args: { input: value } };
        const whole = await send(transports.get('echo'), variables);
        const part = await send(transports.get('echo'), variables, { selection });
        expect(mapping.evaluate(part.body, {})).toEqual(mapping.evaluate(whole.body, {}));
      }),
      { numRuns: 100 },
    );
  });

  test('only what is wanted is read', async () => {
    const { address } = await startKitchen();
    const { transports } = await openSource(kitchenSdl(), { address });
    const input = { int32Field: 1, stringField: 'a', self: { int32Field: 2, stringField: 'b' } };
    const reply = await send(
      transports.get('echo'),
      { $args: { input } },
      { selection: 'int32Field self { stringField }' },
    );
    expect(reply.body).toEqual({ int32Field: 1, self: { stringField: 'b' } });
  });

  test('proto2 keeps its presence and its packing', async () => {
    const echo = await openEcho(false);
    expect(await echo({ id: 'a' }, 'echoLegacy')).toEqual({ id: 'a', unpacked: [], packed: [] });
    const whole = { id: '', size: 0, open: false, unpacked: [1, -2], packed: [3, -4], tag: { name: 'x' } };
    expect(await echo(whole, 'echoLegacy')).toEqual(whole);
  });

  test('names that plain objects have already are names like others', async () => {
    const echo = await openEcho();
    const hostile = {
      constructor: 'a',
      hasOwnProperty: 'b',
      toString: 'c',
      valueOf: { constructor: 'd', toString: 'e' },
      then: 'f',
    };
    expect(await echo(hostile, 'echoHostile')).toEqual(hostile);
    expect(await echo({}, 'echoHostile')).toEqual({ constructor: '', hasOwnProperty: '', valueOf: {} });
    const proto = JSON.parse('{"textMap": {"__proto__": "x"}, "struct": {"__proto__": {"a": 1}}}') as object;
    const back = await echo(proto);
    expect(JSON.stringify(back)).toContain('"textMap":{"__proto__":"x"}');
    expect(JSON.stringify(back)).toContain('"struct":{"__proto__":{"a":1}}');
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});

describe('what is taken', () => {
  test.each<[string, object, object]>([
    [
      'original names',
      { int64_field: 1, text_map: { a: 'b' }, renamed: 'r' },
      { int64Field: '1', textMap: { a: 'b' }, called: 'r' },
    ],
    [
      '64-bit integers as number, bigint and text',
      { longs: [-1, -2n, '-3', 2 ** 53 - 1] },
      { longs: ['-1', '-2', '-3', '9007199254740991'] },
    ],
    ['32-bit integers as text and bigint', { ints: ['-2147483648', 7n] }, { ints: [-2147483648, 7] }],
    [
      'enums by name and number',
      { colors: ['RED', 2, 99, -3] },
      { colors: ['RED', 'GREEN', 99, 'DEEP_BLUE'] },
    ],
    [
      'numbers as text',
      { doubles: ['1.5', '-2e3', 'NaN', '-Infinity', 3n] },
      { doubles: [1.5, -2000, 'NaN', '-Infinity', 3] },
    ],
    [
      'keys of another kind as text',
      { texts: [7, 12345678901234567890n] },
      { texts: ['7', '12345678901234567890'] },
    ],
    [
      'base64 in both alphabets, padded or not',
      { blobs: ['-_8=', '+/8', 'AA'] },
      { blobs: ['+/8=', '+/8=', 'AA=='] },
    ],
    [
      'times in any zone',
      { timestamp: '2026-11-22T10:41:21.123456789+02:00' },
      { timestamp: '2026-11-22T08:41:21.123456789Z' },
    ],
    [
      'the first and the last time',
      { timestamps: ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z'] },
      { timestamps: ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z'] },
    ],
    ['negative lengths of time', { duration: '-0.5s' }, { duration: '-0.500s' }],
    [
      'null as a value',
      { value: null, listValue: [null, 1], choiceNull: null, valueMap: { a: null } },
      { value: null, listValue: [null, 1], choiceNull: null, valueMap: { a: null } },
    ],
    [
      'wrappers as bare values',
      { int64Value: 0, stringValue: '', boolValue: false, floatValue: 1.1 },
      { int64Value: '0', stringValue: '', boolValue: false, floatValue: 1.1 },
    ],
    [
      'a message in an Any',
      { any: { '@type': 'type.googleapis.com/kitchen.v1.Failure', code: 3 } },
      { any: { '@type': 'type.googleapis.com/kitchen.v1.Failure', code: 3, details: '' } },
    ],
    [
      'a well-known type in an Any',
      { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' } },
      { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' } },
    ],
    ['an empty Any', { any: {} }, { any: {} }],
    ['a negative zero', { doubleField: -0, int32Field: -0, sint64Field: -0 }, { doubleField: -0 }],
  ])('%s', async (_, input, expected) => {
    const echo = await openEcho();
    expect(await echo(input)).toEqual({ ...defaults, ...expected });
  });

  test('a message as deep as 64', async () => {
    const echo = await openEcho();
    expect(await echo(nested(64))).toMatchObject(nested(3));
  });
});

function nested(depth: number): object {
  let value: object = {};
  for (let i = 0; i < depth; i++) value = { self: value };
  return value;
}

describe('what is refused names its path and not its value', () => {
  const secret = 'hunter2';
  test.each<[string, unknown, string]>([
    ['an unknown field', { self: { nope: secret } }, '"self.nope" is no field of the message'],
    ['a list for one value', { int32Field: [1] }, '"int32Field" must be a 32-bit integer, not a list'],
    ['one value for a list', { ints: 1 }, '"ints" must be a list, not a number'],
    [
      'text for a number',
      { selves: [{}, { ints: [1, secret] }] },
      '"selves[1].ints[1]" must be a 32-bit integer, not a string',
    ],
    [
      'a number out of range',
      { uint32Field: -1 },
      '"uint32Field" must be a 32-bit integer without sign, and is out of range',
    ],
    [
      'a long out of range',
      { int64Field: '9223372036854775808' },
      '"int64Field" must be a 64-bit integer, and is out of range',
    ],
    ['a number that may have lost digits', { uint64Field: 2 ** 53 }, 'write one beyond 2^53 as text'],
    ['a fraction for an integer', { int32Field: 1.5 }, '"int32Field" must be a 32-bit integer, not a number'],
    ['leading zeros', { int64Field: '007' }, '"int64Field" must be a 64-bit integer, not a string'],
    [
      'a float beyond 32 bits',
      { floatField: 1e39 },
      '"floatField" must be a 32-bit float, and is out of range',
    ],
    ['a number for a truth', { boolField: 1 }, '"boolField" must be true or false, not a number'],
    ['an object for text', { stringField: { secret } }, '"stringField" must be text, not an object'],
    ['half a character', { stringField: '\ud800' }, '"stringField" must be text, and holds half a character'],
    ['no base64', { bytesField: '!' }, '"bytesField" must be base64 text'],
    ['an unknown name of an enum', { color: secret }, '"color" must be one of the names of its enum'],
    ['null in a list', { ints: [1, null] }, '"ints[1]" must not be null'],
    ['null in a map', { textMap: { a: null } }, '"textMap.a" must not be null'],
    [
      'a key of the wrong type',
      { numberMap: { x: 1 } },
      '"numberMap" must be a 32-bit integer, not a string',
    ],
    [
      'a key that is no truth',
      { boolMap: { yes: 'RED' } },
      '"boolMap" must have only the keys "true" and "false"',
    ],
    ['two of a oneof', { choiceText: 'a', choiceNumber: 1 }, '"choiceNumber" excludes "choiceText"'],
    ['one field under two names', { int64Field: 1, int64_field: 2 }, '"int64Field" is given twice'],
    ['February 30th', { timestamp: '2026-02-30T00:00:00Z' }, '"timestamp" must be a time such as'],
    ['a time without zone', { timestamp: '2026-02-20T00:00:00' }, '"timestamp" must be a time such as'],
    ['no length of time', { duration: '1m' }, '"duration" must be a length of time such as "1.5s"'],
    ['an unknown type in an Any', { any: { '@type': `x/${secret}` } }, '"any.@type" must name a message'],
    ['an Any without type', { any: { code: 1 } }, '"any.@type" must be the name of a message, not nothing'],
    [
      'an infinite number in a Struct',
      { struct: { a: [1, Infinity] } },
      '"struct.a[1]" must be a finite number',
    ],
    ['a message deeper than 64', nested(66), 'is nested too deep'],
    ['a value deeper than 64', { value: deepList(70) }, 'is nested too deep'],
    ['no object', 'text', 'it must be an object, not a string'],
  ])('%s', async (_, input, expected) => {
    const { transports } = await openSource(kitchenSdl());
    const prepare = () =>
      transports
        .get('echo')
        ?.prepare({ $args: { input } }, { reads: inputPaths(parseSelection('$', '0.4')) });
    expect(prepare).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', message: expect.stringContaining(expected) }),
    );
    expect(prepare).not.toThrow(secret);
  });

  test('a missing required field of proto2', async () => {
    const echo = await openEcho();
    await expect(echo({ size: 1 }, 'echoLegacy')).rejects.toThrow('"id" is required');
  });
});

function deepList(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('an answer that is no such message', () => {
  const answering = async (bytes: Buffer) => {
    const { address } = await startKitchen(
      { echo: (_: unknown, answer: (e: null, b: Buffer) => void) => answer(null, bytes) },
      { raw: true },
    );
    const { transports } = await openSource(kitchenSdl(), { address });
    return send(transports.get('echo'), { $args: { input: {} } });
  };

  test.each([
    ['cut short', '0a05'],
    ['a varint without end', '18ffffffffffffffffffff01'],
    ['an unknown wire type', '1f'],
    ['a length beyond the end', '72ff01'],
    ['a nested message that ends amid a value', '8a01021880'],
    ['a timestamp out of range', 'e203070880feffffffff7f'],
    ['a text that is not UTF-8', '720361ff62'],
    ['a text that ends amid a character', '720261c3'],
    ['a text with half a surrogate pair', '7203eda080'],
  ])('%s is CONNECTOR_RESPONSE_INVALID', async (_, hex) => {
    await expect(answering(Buffer.from(hex, 'hex'))).rejects.toMatchObject({
      code: 'CONNECTOR_RESPONSE_INVALID',
    });
  });

  test('the character that stands for unreadable ones can be sent', async () => {
    expect((await answering(Buffer.from('7206c3a9efbfbd61', 'hex'))).body).toMatchObject({
      stringField: 'é\ufffda',
    });
  });

  test('a message nested 10000 deep is refused', async () => {
    let bytes: Buffer = Buffer.alloc(0);
    for (let i = 0; i < 10_000; i++)
      bytes = Buffer.concat([Buffer.from([0x8a, 1, ...varint(bytes.length)]), bytes]);
    await expect(answering(bytes)).rejects.toMatchObject({ code: 'CONNECTOR_RESPONSE_INVALID' });
  });

  test('random bytes never do worse', async () => {
    const { definitions } = await readProtoFiles(folder, [textOf('kitchen-sink.proto')]);
    const decode = compileDecoder(definitions.messages.get('kitchen.v1.Sink')!);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(Buffer.from(bytes));
        } catch (error) {
          expect((error as Error).name).toBe('MalformedMessage');
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('unknown fields, groups among them, are passed over', async () => {
    const unknown = 'c03e01' + 'cb3e' + '0801' + 'cc3e' + '1805';
    expect((await answering(Buffer.from(unknown, 'hex'))).body).toMatchObject({ int32Field: 5 });
  });

  test('of a oneof the last counts, and messages that come twice are merged', async () => {
    const twice = '8a01021801' + '8a01022002' + '920301' + '61' + '98030' + '5';
    expect((await answering(Buffer.from(twice, 'hex'))).body).toMatchObject({
      self: { int32Field: 1, uint32Field: 2 },
      choiceNumber: '5',
    });
  });

  test('unknown content of an Any stays closed', async () => {
    const held = Buffer.concat([Buffer.from([0x0a, 9]), Buffer.from('t.co/a.B.')]).subarray(0, 11);
    const any = Buffer.concat([held, Buffer.from([0x12, 1, 7])]);
    const bytes = Buffer.concat([Buffer.from([0x92, 4, any.length]), any]);
    expect((await answering(bytes)).body).toMatchObject({ any: { '@type': 't.co/a.B.', value: 'Bw==' } });
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
