import type { InputTree } from '../../mapping/shape.js';
import { put, type JsonObject } from '../../mapping/values.js';
import type { EnumType, Field, MessageType, ValueType } from './messages.js';
import { deepest, MalformedMessage, Reader, type ReadMessage } from './reader.js';
import { scalarOf } from './scalars.js';
import { readSpecial } from './special-read.js';

/**
 * Protobuf to ProtoJSON (https://protobuf.dev/programming-guides/json/), straight from the wire: each message type is
 * compiled once to closures. Nothing here generates code, so the process may forbid that.
 */

/** Turns the bytes of a message into its ProtoJSON value. */
export type Decode = (bytes: Buffer) => unknown;

/** What a mapping reads of a message; null is all of it. */
export type Wanted = InputTree | null;

/** Reads one value into its object; false where the wire holds something else, which is passed over. */
type ReadField = (reader: Reader, object: JsonObject, wire: number, depth: number) => boolean;

/**
 * The decoder of a message type. With `wanted`, other fields are passed over.
 *
 * @throws MalformedMessage by the decoder, for bytes that are no such message
 */
export function compileDecoder(type: MessageType, wanted: Wanted = null): Decode {
  const needs = wantedOf(wanted ?? undefined);
  const read = needs === null ? messageReader(type) : compileMessage(type, needs);
  return (bytes) => read(new Reader(bytes), bytes.length, 0);
}

const readers = new WeakMap<MessageType, ReadMessage>();

/** The reader of a whole message, made when it is first needed: messages may hold themselves. */
export function messageReader(type: MessageType): ReadMessage {
  let known = readers.get(type);
  if (known === undefined) {
    let compiled: ReadMessage | undefined;
    known = (reader, end, depth, into) => {
      compiled ??= compileMessage(type, null);
      return compiled(reader, end, depth, into);
    };
    readers.set(type, known);
  }
  return known;
}

function compileMessage(type: MessageType, wanted: Wanted): ReadMessage {
  const special = readSpecial(type, messageReader);
  if (special !== undefined) return special;
  const fields = type.fields.filter((field) => wanted === null || wanted.fields.has(field.jsonName));
  const byNumber = new FieldTable(fields.map((field) => [field.number, compileField(field, type, wanted)]));
  for (const field of type.fields) {
    if (field.oneof !== undefined && !byNumber.has(field.number))
      byNumber.set(field.number, unwantedRival(field, type));
  }
  const defaults = defaultsOf(fields);
  return (reader, end, depth, into) => {
    if (depth > deepest) throw new MalformedMessage('messages are nested too deep');
    const object = (into as JsonObject | undefined) ?? { ...defaults };
    while (reader.pos < end) {
      const tag = reader.uint32();
      const wire = tag & 7;
      const read = byNumber.get(tag >>> 3);
      if (read === undefined || !read(reader, object, wire, depth)) reader.skip(wire);
    }
    if (reader.pos !== end) throw new MalformedMessage('a value goes beyond the end of its message');
    return object;
  };
}

/** Fields by number: most numbers are small, and an array is found in faster than a map. */
class FieldTable {
  readonly #small: (ReadField | undefined)[] = [];
  readonly #large = new Map<number, ReadField>();

  constructor(fields: readonly (readonly [number: number, read: ReadField])[]) {
    for (const [number, read] of fields) this.set(number, read);
  }

  get(number: number): ReadField | undefined {
    return number < 256 ? this.#small[number] : this.#large.get(number);
  }

  has(number: number): boolean {
    return this.get(number) !== undefined;
  }

  set(number: number, read: ReadField): void {
    if (number < 256) this.#small[number] = read;
    else this.#large.set(number, read);
  }
}

const emptyList: readonly unknown[] = Object.freeze([]);
const emptyMap: Readonly<JsonObject> = Object.freeze({});

/** What is there even where the wire says nothing: everything without presence. */
function defaultsOf(fields: readonly Field[]): JsonObject {
  const defaults: JsonObject = {};
  for (const field of fields) {
    if (field.label === 'list') put(defaults, field.jsonName, emptyList);
    else if (field.label === 'map') put(defaults, field.jsonName, emptyMap);
    else if (!field.presence) put(defaults, field.jsonName, zeroOf(field.type));
  }
  return defaults;
}

function zeroOf(type: ValueType): unknown {
  switch (type.kind) {
    case 'scalar':
      return scalarOf(type.scalar).zero;
    case 'enum':
      return enumJson(type.enum, 0);
    case 'message':
      return undefined;
  }
}

function compileField(field: Field, owner: MessageType, wanted: Wanted): ReadField {
  const nested = wantedOf(wanted?.fields.get(field.jsonName)?.needs);
  switch (field.label) {
    case 'list':
      return listField(field, nested);
    case 'map':
      return mapField(field);
    case 'single':
      return singleField(field, owner, nested);
  }
}

/** A value that is taken as a whole, or only looked at (as by `->size`), is read with all it holds. */
function wantedOf(needs: InputTree | undefined): Wanted {
  return needs === undefined || needs.whole !== undefined || needs.fields.size === 0 ? null : needs;
}

/** One value of a type. */
interface ReadValue {
  readonly wire: number;
  read(reader: Reader, depth: number, into?: unknown): unknown;
}

function valueReader(type: ValueType, wanted: Wanted): ReadValue {
  switch (type.kind) {
    case 'scalar': {
      const { wire, read } = scalarOf(type.scalar);
      return { wire, read };
    }
    case 'enum': {
      const known = type.enum;
      return { wire: 0, read: (reader) => enumJson(known, reader.uint32() | 0) };
    }
    case 'message': {
      const message = wanted === null ? messageReader(type.message) : compileMessage(type.message, wanted);
      return { wire: 2, read: (reader, depth, into) => message(reader, reader.end(), depth + 1, into) };
    }
  }
}

function enumJson(type: EnumType, number: number): unknown {
  if (type.name === 'google.protobuf.NullValue') return null;
  return type.names.get(number) ?? number;
}

function singleField(field: Field, owner: MessageType, wanted: Wanted): ReadField {
  const { jsonName } = field;
  const { wire: expected, read } = valueReader(field.type, wanted);
  const rivals = rivalsOf(field, owner);
  const isMessage = field.type.kind === 'message';
  // without presence it is there already, so that even a name such as `__proto__` is an ordinary property
  if (!field.presence) {
    return (reader, object, wire, depth) => {
      if (wire !== expected) return false;
      object[jsonName] = read(reader, depth);
      return true;
    };
  }
  return (reader, object, wire, depth) => {
    if (wire !== expected) return false;
    const before = isMessage && Object.hasOwn(object, jsonName) ? object[jsonName] : undefined;
    put(object, jsonName, read(reader, depth, before));
    if (rivals.length > 0) drop(object, rivals);
    return true;
  };
}

/** Of a oneof, the last one on the wire counts, wanted or not. */
function unwantedRival(field: Field, owner: MessageType): ReadField {
  const rivals = rivalsOf(field, owner);
  return (_, object) => {
    drop(object, rivals);
    return false;
  };
}

function rivalsOf(field: Field, owner: MessageType): string[] {
  if (field.oneof === undefined) return [];
  const rivals = owner.fields.filter((other) => other.oneof === field.oneof && other !== field);
  return rivals.map((rival) => rival.jsonName);
}

function drop(object: JsonObject, names: readonly string[]): void {
  for (const name of names) if (Object.hasOwn(object, name)) Reflect.deleteProperty(object, name);
}

function listField(field: Field, wanted: Wanted): ReadField {
  const { jsonName } = field;
  const { wire: expected, read } = valueReader(field.type, wanted);
  const packable = expected !== 2;
  return (reader, object, wire, depth) => {
    const isPacked = packable && wire === 2;
    if (wire !== expected && !isPacked) return false;
    let list = object[jsonName] as unknown[];
    if (list === emptyList) object[jsonName] = list = [];
    if (!isPacked) list.push(read(reader, depth));
    else for (const end = reader.end(); reader.pos < end;) list.push(read(reader, depth));
    return true;
  };
}

function mapField(field: Field): ReadField {
  const { jsonName } = field;
  const key = scalarOf(field.key ?? 'string');
  const value = valueReader(field.type, null);
  const empty = Buffer.alloc(0);
  const zero = (depth: number) =>
    field.type.kind === 'message'
      ? messageReader(field.type.message)(new Reader(empty), 0, depth)
      : zeroOf(field.type);
  return (reader, object, wire, depth) => {
    if (wire !== 2) return false;
    let map = object[jsonName] as JsonObject;
    if (map === emptyMap) object[jsonName] = map = {};
    let name = key.zero;
    let content: unknown;
    for (const end = reader.end(); reader.pos < end;) {
      const tag = reader.uint32();
      if (tag === ((1 << 3) | key.wire)) name = key.read(reader);
      else if (tag === ((2 << 3) | value.wire)) content = value.read(reader, depth);
      else reader.skip(tag & 7);
    }
    put(map, String(name), content === undefined ? zero(depth + 1) : content);
    return true;
  };
}
