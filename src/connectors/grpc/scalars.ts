import { misfit, Misfit } from './misfit.js';
import type { ScalarName } from './messages.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** How one scalar type stands on the wire and in ProtoJSON. */
export interface Scalar<Raw = unknown> {
  readonly wire: 0 | 1 | 2 | 5;
  /** The default value in ProtoJSON. */
  readonly zero: unknown;
  read(reader: Reader): unknown;
  /**
   * Checks a value of a mapping.
   *
   * @throws Misfit
   */
  parse(value: unknown): Raw;
  write(writer: Writer, raw: Raw): void;
  /** Whether it is the default, which is not sent where presence does not count. */
  isZero(raw: Raw): boolean;
}

/** A 64-bit integer: a number where it is a safe one. */
type Integer = number | bigint;

const two32 = 2 ** 32;

const ranges = {
  signed: { least: -(2n ** 63n), most: 2n ** 63n - 1n, expected: 'a 64-bit integer' },
  unsigned: { least: 0n, most: 2n ** 64n - 1n, expected: 'a 64-bit integer without sign' },
};

const double: Scalar<number> = {
  wire: 1,
  zero: 0,
  read: (reader) => floatJson(reader.double()),
  parse: parseDouble,
  write: (writer, raw) => writer.double(raw),
  isZero: (raw) => Object.is(raw, 0),
};

const float: Scalar<number> = {
  wire: 5,
  zero: 0,
  read: (reader) => floatJson(shortest(reader.float())),
  parse: parseFloat32,
  write: (writer, raw) => writer.float(raw),
  isZero: (raw) => Object.is(raw, 0),
};

const int32 = small('a 32-bit integer', -(2 ** 31), 2 ** 31 - 1, {
  wire: 0,
  read: (reader) => reader.uint32() | 0,
  write: (writer, raw) => (raw < 0 ? writer.varint64(raw >>> 0, 0xffff_ffff) : writer.uint32(raw)),
});
const uint32 = small('a 32-bit integer without sign', 0, 2 ** 32 - 1, {
  wire: 0,
  read: (reader) => reader.uint32(),
  write: (writer, raw) => writer.uint32(raw),
});
const sint32 = small('a 32-bit integer', -(2 ** 31), 2 ** 31 - 1, {
  wire: 0,
  read: (reader) => {
    const bits = reader.uint32();
    return (bits >>> 1) ^ -(bits & 1);
  },
  write: (writer, raw) => writer.uint32(((raw << 1) ^ (raw >> 31)) >>> 0),
});
const fixed32 = small('a 32-bit integer without sign', 0, 2 ** 32 - 1, {
  wire: 5,
  read: (reader) => reader.fixed32(),
  write: (writer, raw) => writer.fixed32(raw),
});
const sfixed32 = small('a 32-bit integer', -(2 ** 31), 2 ** 31 - 1, {
  wire: 5,
  read: (reader) => reader.fixed32() | 0,
  write: (writer, raw) => writer.fixed32(raw >>> 0),
});

const int64 = large('signed', {
  wire: 0,
  read: (reader) => {
    reader.varint64();
    return signedText(reader.lo, reader.hi);
  },
  write: (writer, raw) => writer.varint64(lowOf(raw), highOf(raw)),
});
const uint64 = large('unsigned', {
  wire: 0,
  read: (reader) => {
    reader.varint64();
    return unsignedText(reader.lo, reader.hi);
  },
  write: (writer, raw) => writer.varint64(lowOf(raw), highOf(raw)),
});
const sint64 = large('signed', {
  wire: 0,
  read: (reader) => {
    reader.varint64();
    const sign = -(reader.lo & 1);
    const lo = (((reader.lo >>> 1) | (reader.hi << 31)) ^ sign) >>> 0;
    return signedText(lo, ((reader.hi >>> 1) ^ sign) >>> 0);
  },
  write: (writer, raw) => {
    const lo = lowOf(raw);
    const hi = highOf(raw);
    const sign = hi >> 31;
    writer.varint64(((lo << 1) ^ sign) >>> 0, (((hi << 1) | (lo >>> 31)) ^ sign) >>> 0);
  },
});
const fixed64 = large('unsigned', {
  wire: 1,
  read: (reader) => {
    reader.fixed64();
    return unsignedText(reader.lo, reader.hi);
  },
  write: (writer, raw) => writer.fixed64(lowOf(raw), highOf(raw)),
});
const sfixed64 = large('signed', {
  wire: 1,
  read: (reader) => {
    reader.fixed64();
    return signedText(reader.lo, reader.hi);
  },
  write: (writer, raw) => writer.fixed64(lowOf(raw), highOf(raw)),
});

const bool: Scalar<boolean> = {
  wire: 0,
  zero: false,
  read: (reader) => {
    reader.varint64();
    return reader.lo !== 0 || reader.hi !== 0;
  },
  parse: (value) => {
    if (typeof value !== 'boolean') throw misfit('true or false', value);
    return value;
  },
  write: (writer, raw) => writer.uint32(raw ? 1 : 0),
  isZero: (raw) => !raw,
};

const string: Scalar<string> = {
  wire: 2,
  zero: '',
  read: (reader) => reader.text(),
  parse: parseText,
  write: (writer, raw) => writer.text(raw),
  isZero: (raw) => raw === '',
};

const bytes: Scalar<Buffer> = {
  wire: 2,
  zero: '',
  read: (reader) => reader.chunk().toString('base64'),
  parse: parseBase64,
  write: (writer, raw) => writer.chunk(raw),
  isZero: (raw) => raw.length === 0,
};

/** Every scalar type by its name. */
export const scalars = {
  double,
  float,
  int32,
  uint32,
  sint32,
  fixed32,
  sfixed32,
  int64,
  uint64,
  sint64,
  fixed64,
  sfixed64,
  bool,
  string,
  bytes,
} satisfies Record<ScalarName, Scalar>;

/** A scalar type by its name, whatever it is made of. */
export function scalarOf(name: ScalarName): Scalar {
  return scalars[name];
}

/**
 * The key of a map: an object's property name, so always text.
 *
 * @throws Misfit
 */
export function parseMapKey(key: ScalarName, text: string): unknown {
  if (key !== 'bool') return scalarOf(key).parse(text);
  if (text !== 'true' && text !== 'false') throw new Misfit('must have only the keys "true" and "false"');
  return text === 'true';
}

function small(
  expected: string,
  least: number,
  most: number,
  wire: Pick<Scalar<number>, 'wire' | 'read' | 'write'>,
): Scalar<number> {
  return {
    ...wire,
    zero: 0,
    isZero: (raw) => raw === 0,
    parse: (value) => {
      const integer = toInteger(value);
      if (typeof integer === 'number' && integer >= least && integer <= most) return integer;
      throw misfitNumber(expected, integer, value);
    },
  };
}

function large(
  range: keyof typeof ranges,
  wire: Pick<Scalar<Integer>, 'wire' | 'read' | 'write'>,
): Scalar<Integer> {
  const { least, most, expected } = ranges[range];
  return {
    ...wire,
    zero: '0',
    isZero: (raw) => raw === 0,
    parse: (value) => {
      const integer = toInteger(value);
      if (integer !== undefined && integer >= least && integer <= most) return integer;
      throw misfitNumber(expected, integer, value);
    },
  };
}

function misfitNumber(expected: string, integer: Integer | undefined, value: unknown): Misfit {
  if (integer !== undefined) return new Misfit(`must be ${expected}, and is out of range`);
  if (typeof value === 'number' && Number.isInteger(value)) {
    return new Misfit(`must be ${expected}; write one beyond 2^53 as text, so that it loses no digit`);
  }
  return misfit(expected, value);
}

/** `-12`: no leading zeros, since "007" as a key is another one than "7". */
const integerText = /^(?:0|-?[1-9]\d{0,19})$/;

/** An integer from a number, a bigint or text. */
function toInteger(value: unknown): Integer | undefined {
  switch (typeof value) {
    case 'number':
      // `+ 0` makes -0 an ordinary zero
      return Number.isSafeInteger(value) ? value + 0 : undefined;
    case 'bigint':
      return shrink(value);
    case 'string':
      if (!integerText.test(value)) return undefined;
      return value.length < 16 ? Number(value) : shrink(BigInt(value));
    default:
      return undefined;
  }
}

function shrink(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function lowOf(value: Integer): number {
  return typeof value === 'number' ? value >>> 0 : Number(BigInt.asUintN(32, value));
}

function highOf(value: Integer): number {
  return typeof value === 'number'
    ? Math.floor(value / two32) >>> 0
    : Number(BigInt.asUintN(32, value >> 32n));
}

/** Numbers below 2^53 without the detour of a bigint. */
function signedText(lo: number, hi: number): string {
  const high = hi | 0;
  if (high >= -0x20_0000 && high < 0x20_0000) return String(high * two32 + lo);
  return ((BigInt(high) << 32n) | BigInt(lo)).toString();
}

function unsignedText(lo: number, hi: number): string {
  if (hi < 0x20_0000) return String(hi * two32 + lo);
  return ((BigInt(hi) << 32n) | BigInt(lo)).toString();
}

const floatTexts: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

function floatJson(value: number): unknown {
  return Number.isFinite(value) ? value : String(value);
}

const numberText = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function parseDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return exactDouble(value);
  if (typeof value !== 'string') throw misfit('a number', value);
  const named = Object.hasOwn(floatTexts, value) ? floatTexts[value] : undefined;
  if (named !== undefined) return named;
  if (!numberText.test(value)) throw misfit('a number', value);
  const number = Number(value);
  if (!Number.isFinite(number)) throw new Misfit('must be a number, and is out of range');
  return number;
}

/** A bigint as a double, where that loses nothing. */
export function exactDouble(value: bigint): number {
  const number = Number(value);
  if (!Number.isFinite(number) || BigInt(number) !== value) {
    throw new Misfit('must be a number; this one has more digits than a double can hold');
  }
  return number;
}

function parseFloat32(value: unknown): number {
  const number = parseDouble(value);
  if (Number.isFinite(number) && !Number.isFinite(Math.fround(number))) {
    throw new Misfit('must be a 32-bit float, and is out of range');
  }
  return number;
}

/** The shortest decimal that is this 32-bit float: 1.1, not 1.100000023841858. */
function shortest(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}

const loneSurrogate = /\p{Surrogate}/u;

/** Numbers are taken as their digits: keys are text in one backend and numbers in the next. */
function parseText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') throw misfit('text', value);
  if (loneSurrogate.test(value)) throw new Misfit('must be text, and holds half a character');
  return value;
}

const base64Text = /^[A-Za-z0-9+/_-]*={0,2}$/;

function parseBase64(value: unknown): Buffer {
  if (typeof value !== 'string') throw misfit('base64 text', value);
  const digits = value.replace(/=+$/, '');
  if (!base64Text.test(value) || digits.length % 4 === 1) throw new Misfit('must be base64 text');
  return Buffer.from(digits, 'base64');
}
