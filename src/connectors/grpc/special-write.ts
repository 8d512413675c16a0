import { isObject, type JsonObject } from '../../mapping/values.js';
import { Misfit, misfit, within } from './misfit.js';
import type { MessageType } from './messages.js';
import { deepest } from './reader.js';
import { exactDouble, scalarOf, scalars } from './scalars.js';
import { hasOwnJson, wrapped } from './special.js';
import { parseDuration, parseTimestamp, type Time } from './times.js';
import type { WriteMessage, Writer } from './writer.js';

/** How a message is written; needed for what an `Any` holds. */
type WriterOf = (type: MessageType) => WriteMessage;

/** Google's well-known types, which have a JSON form of their own. Undefined for every other message. */
export function writeSpecial(type: MessageType, writerOf: WriterOf): WriteMessage | undefined {
  const wrapper = wrapped(type.name);
  if (wrapper !== undefined) return writeWrapper(wrapper);
  switch (type.name) {
    case 'google.protobuf.Timestamp':
      return (to, value) => writeTime(to, parseTimestamp(value));
    case 'google.protobuf.Duration':
      return (to, value) => writeTime(to, parseDuration(value));
    case 'google.protobuf.FieldMask':
      return writeFieldMask;
    case 'google.protobuf.Struct':
      return writeStruct;
    case 'google.protobuf.Value':
      return writeValue;
    case 'google.protobuf.ListValue':
      return writeListValue;
    case 'google.protobuf.Any':
      return writeAny(type, writerOf);
    default:
      return undefined;
  }
}

function tagOf(number: number, wire: number): number {
  return (number << 3) | wire;
}

function writeWrapper(name: Parameters<typeof scalarOf>[0]): WriteMessage {
  const { wire, parse, write, isZero } = scalarOf(name);
  return (to, value) => {
    const raw = parse(value);
    if (isZero(raw)) return;
    to.uint32(tagOf(1, wire));
    write(to, raw);
  };
}

function writeTime(to: Writer, { seconds, nanos }: Time): void {
  if (seconds !== 0) {
    to.uint32(tagOf(1, 0));
    scalars.int64.write(to, seconds);
  }
  if (nanos !== 0) {
    to.uint32(tagOf(2, 0));
    scalars.int32.write(to, nanos);
  }
}

const fieldMask = /^[a-zA-Z0-9.,]*$/;

const writeFieldMask: WriteMessage = (to, value) => {
  if (typeof value !== 'string') throw misfit('field names with commas between them', value);
  if (!fieldMask.test(value))
    throw new Misfit('must be field names in lower camel case, with commas between them');
  for (const path of value.split(',')) {
    if (path === '') continue;
    to.uint32(tagOf(1, 2));
    to.text(path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  }
};

const writeStruct: WriteMessage = (to, value, depth) => {
  if (!isObject(value)) throw misfit('an object', value);
  if (depth > deepest) throw new Misfit('is nested too deep');
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue;
    to.uint32(tagOf(1, 2));
    const entry = to.open();
    to.uint32(tagOf(1, 2));
    to.text(scalars.string.parse(key));
    to.uint32(tagOf(2, 2));
    nested(to, value[key], depth, key, writeValue);
    to.close(entry);
  }
};

const writeListValue: WriteMessage = (to, value, depth) => {
  if (!Array.isArray(value)) throw misfit('a list', value);
  if (depth > deepest) throw new Misfit('is nested too deep');
  value.forEach((item: unknown, index) => {
    to.uint32(tagOf(1, 2));
    nested(to, item ?? null, depth, index, writeValue);
  });
};

function nested(to: Writer, value: unknown, depth: number, key: string | number, write: WriteMessage): void {
  try {
    const start = to.open();
    write(to, value, depth + 1);
    to.close(start);
  } catch (error) {
    throw within(error, key);
  }
}

function writeValue(to: Writer, value: unknown, depth: number): void {
  if (depth > deepest) throw new Misfit('is nested too deep');
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw new Misfit('must be a finite number');
      to.uint32(tagOf(2, 1));
      to.double(value);
      return;
    case 'bigint':
      to.uint32(tagOf(2, 1));
      to.double(exactDouble(value));
      return;
    case 'string':
      to.uint32(tagOf(3, 2));
      to.text(scalars.string.parse(value));
      return;
    case 'boolean':
      to.uint32(tagOf(4, 0));
      to.uint32(value ? 1 : 0);
      return;
    default:
      writeCompound(to, value, depth);
  }
}

function writeCompound(to: Writer, value: unknown, depth: number): void {
  if (value === null) {
    to.uint32(tagOf(1, 0));
    to.uint32(0);
    return;
  }
  const isList = Array.isArray(value);
  to.uint32(tagOf(isList ? 6 : 5, 2));
  const start = to.open();
  (isList ? writeListValue : writeStruct)(to, value, depth + 1);
  to.close(start);
}

function writeAny(type: MessageType, writerOf: WriterOf): WriteMessage {
  return (to, value, depth) => {
    if (!isObject(value)) throw misfit('an object', value);
    if (depth > deepest) throw new Misfit('is nested too deep');
    if (Object.keys(value).length === 0) return;
    const url = typeOf(value);
    const held = type.known.get(url.slice(url.lastIndexOf('/') + 1));
    if (held === undefined || !url.includes('/')) {
      throw new Misfit(
        'must name a message of the definitions, such as "type.googleapis.com/shop.v1.Product"',
      ).within('@type');
    }
    to.uint32(tagOf(1, 2));
    to.text(url);
    to.uint32(tagOf(2, 2));
    const start = to.open();
    writeHeld(to, held, writerOf, value, depth + 1);
    to.close(start);
  };
}

function typeOf(value: JsonObject): string {
  const url = Object.hasOwn(value, '@type') ? value['@type'] : undefined;
  if (typeof url !== 'string') throw misfit('the name of a message', url).within('@type');
  return url;
}

function writeHeld(
  to: Writer,
  held: MessageType,
  writerOf: WriterOf,
  value: JsonObject,
  depth: number,
): void {
  const { '@type': _, ...rest } = value;
  if (!hasOwnJson(held)) {
    writerOf(held)(to, rest, depth);
    return;
  }
  try {
    writerOf(held)(to, Object.hasOwn(rest, 'value') ? rest['value'] : undefined, depth);
  } catch (error) {
    throw within(error, 'value');
  }
}
