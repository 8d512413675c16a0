import { put, type JsonObject } from '../../mapping/values.js';
import type { MessageType } from './messages.js';
import { deepest, MalformedMessage, Reader, type ReadMessage } from './reader.js';
import { scalarOf } from './scalars.js';
import { hasOwnJson, wrapped } from './special.js';
import { durationText, timestampText, type Time } from './times.js';

/** How a message is read; needed for what an `Any` holds. */
type ReaderOf = (type: MessageType) => ReadMessage;

/** Google's well-known types, which have a JSON form of their own. Undefined for every other message. */
export function readSpecial(type: MessageType, readerOf: ReaderOf): ReadMessage | undefined {
  const wrapper = wrapped(type.name);
  if (wrapper !== undefined) return readWrapper(wrapper);
  switch (type.name) {
    case 'google.protobuf.Timestamp':
      return (reader, end) => timestampText(readTime(reader, end));
    case 'google.protobuf.Duration':
      return (reader, end) => durationText(readTime(reader, end));
    case 'google.protobuf.FieldMask':
      return readFieldMask;
    case 'google.protobuf.Struct':
      return readStruct;
    case 'google.protobuf.Value':
      return readValue;
    case 'google.protobuf.ListValue':
      return readListValue;
    case 'google.protobuf.Any':
      return readAny(type, readerOf);
    default:
      return undefined;
  }
}

/** Calls `read` for each field up to `end`; it gives false for what it does not know. */
function eachField(reader: Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag)) reader.skip(tag & 7);
  }
  if (reader.pos !== end) throw new MalformedMessage('a value goes beyond the end of its message');
}

function tagOf(number: number, wire: number): number {
  return (number << 3) | wire;
}

function readTime(reader: Reader, end: number): Time {
  let seconds = 0;
  let nanos = 0;
  eachField(reader, end, (tag) => {
    if (tag === tagOf(1, 0)) {
      reader.varint64();
      seconds = (reader.hi | 0) * 2 ** 32 + reader.lo;
    } else if (tag === tagOf(2, 0)) nanos = reader.uint32() | 0;
    else return false;
    return true;
  });
  return { seconds, nanos };
}

function readWrapper(name: Parameters<typeof scalarOf>[0]): ReadMessage {
  const { wire, zero, read } = scalarOf(name);
  return (reader, end) => {
    let value = zero;
    eachField(reader, end, (tag) => {
      if (tag !== tagOf(1, wire)) return false;
      value = read(reader);
      return true;
    });
    return value;
  };
}

const readFieldMask: ReadMessage = (reader, end) => {
  const paths: string[] = [];
  eachField(reader, end, (tag) => {
    if (tag !== tagOf(1, 2)) return false;
    paths.push(reader.text().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    return true;
  });
  return paths.join(',');
};

const readStruct: ReadMessage = (reader, end, depth, into) => {
  if (depth > deepest) throw new MalformedMessage('values are nested too deep');
  const struct = (into as JsonObject | undefined) ?? {};
  eachField(reader, end, (tag) => {
    if (tag !== tagOf(1, 2)) return false;
    readEntry(reader, reader.end(), depth, struct);
    return true;
  });
  return struct;
};

function readEntry(reader: Reader, end: number, depth: number, struct: JsonObject): void {
  let key = '';
  let value: unknown = null;
  eachField(reader, end, (tag) => {
    if (tag === tagOf(1, 2)) key = reader.text();
    else if (tag === tagOf(2, 2)) value = readValue(reader, reader.end(), depth + 1);
    else return false;
    return true;
  });
  put(struct, key, value);
}

const readValue: ReadMessage = (reader, end, depth) => {
  if (depth > deepest) throw new MalformedMessage('values are nested too deep');
  let value: unknown = null;
  eachField(reader, end, (tag) => {
    switch (tag) {
      case tagOf(1, 0):
        reader.varint64();
        value = null;
        return true;
      case tagOf(2, 1):
        value = scalarOf('double').read(reader);
        return true;
      case tagOf(3, 2):
        value = reader.text();
        return true;
      case tagOf(4, 0):
        value = scalarOf('bool').read(reader);
        return true;
      case tagOf(5, 2):
        value = readStruct(reader, reader.end(), depth + 1);
        return true;
      case tagOf(6, 2):
        value = readListValue(reader, reader.end(), depth + 1);
        return true;
      default:
        return false;
    }
  });
  return value;
};

const readListValue: ReadMessage = (reader, end, depth, into) => {
  if (depth > deepest) throw new MalformedMessage('values are nested too deep');
  const list = (into as unknown[] | undefined) ?? [];
  eachField(reader, end, (tag) => {
    if (tag !== tagOf(1, 2)) return false;
    list.push(readValue(reader, reader.end(), depth + 1));
    return true;
  });
  return list;
};

/**
 * `{"@type": …, …the message}`. What holds a type that the definitions lack stays closed: its type, and its bytes as
 * base64.
 */
function readAny(type: MessageType, readerOf: ReaderOf): ReadMessage {
  return (reader, end, depth) => {
    let url = '';
    let content: Buffer = Buffer.alloc(0);
    eachField(reader, end, (tag) => {
      if (tag === tagOf(1, 2)) url = reader.text();
      else if (tag === tagOf(2, 2)) content = reader.chunk();
      else return false;
      return true;
    });
    return url === '' && content.length === 0 ? {} : openAny(type, readerOf, url, content, depth);
  };
}

function openAny(
  type: MessageType,
  readerOf: ReaderOf,
  url: string,
  content: Buffer,
  depth: number,
): JsonObject {
  const held = type.known.get(url.slice(url.lastIndexOf('/') + 1));
  if (held === undefined) return { '@type': url, value: content.toString('base64') };
  const value = readerOf(held)(new Reader(content), content.length, depth + 1);
  if (hasOwnJson(held)) return { '@type': url, value };
  const object: JsonObject = { '@type': url };
  for (const [key, item] of Object.entries(value as JsonObject)) put(object, key, item);
  return object;
}
