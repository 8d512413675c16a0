import { isObject, own, type JsonObject } from '../../mapping/values.js';
import { Misfit, misfit, toUserError, within } from './misfit.js';
import type { EnumType, Field, MessageType, ValueType } from './messages.js';
import { deepest } from './reader.js';
import { parseMapKey, scalarOf } from './scalars.js';
import { writeSpecial } from './special-write.js';
import { Writer, type WriteMessage } from './writer.js';

/**
 * ProtoJSON to protobuf, straight to the wire: each message type is compiled once to closures. Lower camel case and
 * original names are both taken; `undefined` is not there, `null` is not set.
 */

/**
 * Turns a value into the bytes of a message.
 *
 * @throws GatewayError `BAD_USER_INPUT`, which names the path of the value that does not fit
 */
export type Encode = (value: unknown) => Buffer;

/** The encoder of a message type. */
export function compileEncoder(type: MessageType): Encode {
  const write = messageWriter(type);
  return (value) => {
    try {
      writer.reset();
      write(writer, value, 0);
      return writer.finish();
    } catch (error) {
      throw toUserError(error);
    }
  };
}

/** One for all: encoding never waits, so no two messages are written at a time. */
const writer = new Writer();

const writers = new WeakMap<MessageType, WriteMessage>();

/** The writer of a message, made when it is first needed: messages may hold themselves. */
function messageWriter(type: MessageType): WriteMessage {
  let known = writers.get(type);
  if (known === undefined) {
    let compiled: WriteMessage | undefined;
    known = (to, value, depth) => {
      compiled ??= writeSpecial(type, messageWriter) ?? compileMessage(type);
      compiled(to, value, depth);
    };
    writers.set(type, known);
  }
  return known;
}

function compileMessage(type: MessageType): WriteMessage {
  const fields = new Map<string, WriteMessage>();
  for (const field of type.fields) fields.set(field.name, compileField(field));
  for (const field of type.fields) fields.set(field.jsonName, fields.get(field.name) ?? compileField(field));
  const check = compileChecks(type);
  return (to, value, depth) => {
    if (!isObject(value)) throw misfit('an object', value);
    if (depth > deepest) throw new Misfit('is nested too deep');
    for (const key of Object.keys(value)) {
      const item = value[key];
      if (item === undefined) continue;
      const write = fields.get(key);
      if (write === undefined) throw new Misfit('is no field of the message').within(key);
      try {
        write(to, item, depth);
      } catch (error) {
        throw within(error, key);
      }
    }
    check?.(value);
  };
}

/** What can only be seen on the whole message; undefined where nothing can be wrong. */
function compileChecks(type: MessageType): ((value: JsonObject) => void) | undefined {
  const checks = [checkSpellings(type), checkOneofs(type), checkRequired(type)].filter(
    (check) => check !== undefined,
  );
  if (checks.length === 0) return undefined;
  return (value) => {
    for (const check of checks) check(value);
  };
}

function checkSpellings(type: MessageType): ((value: JsonObject) => void) | undefined {
  const twofold = type.fields.filter((field) => field.name !== field.jsonName);
  if (twofold.length === 0) return undefined;
  return (value) => {
    for (const { name, jsonName } of twofold) {
      if (own(value, name) !== undefined && own(value, jsonName) !== undefined) {
        throw new Misfit(`is given twice, also as "${name}"`).within(jsonName);
      }
    }
  };
}

function checkOneofs(type: MessageType): ((value: JsonObject) => void) | undefined {
  const members = type.fields.filter((field) => field.oneof !== undefined);
  if (members.length === 0) return undefined;
  return (value) => {
    const chosen = new Map<string | undefined, Field>();
    for (const field of members) {
      if (!isSet(value, field)) continue;
      const other = chosen.get(field.oneof);
      if (other !== undefined) {
        throw new Misfit(`excludes "${other.jsonName}"; only one of them may be given`).within(
          field.jsonName,
        );
      }
      chosen.set(field.oneof, field);
    }
  };
}

function checkRequired(type: MessageType): ((value: JsonObject) => void) | undefined {
  const required = type.fields.filter((field) => field.required);
  if (required.length === 0) return undefined;
  return (value) => {
    const missing = required.find((field) => !isSet(value, field));
    if (missing !== undefined) throw new Misfit('is required').within(missing.jsonName);
  };
}

function isSet(value: JsonObject, field: Field): boolean {
  const item = own(value, field.jsonName) ?? own(value, field.name);
  return item !== undefined && (item !== null || takesNull(field.type));
}

/** Whether null is a value of this type, rather than "not set". */
function takesNull(type: ValueType): boolean {
  if (type.kind === 'message') return type.message.name === 'google.protobuf.Value';
  return type.kind === 'enum' && type.enum.name === 'google.protobuf.NullValue';
}

function compileField(field: Field): WriteMessage {
  switch (field.label) {
    case 'list':
      return field.packed && field.type.kind !== 'message' ? packedField(field) : listField(field);
    case 'map':
      return mapField(field);
    case 'single':
      return singleField(field);
  }
}

/** One value of a type: checked first, then written. */
interface WriteValue {
  readonly wire: number;
  parse(value: unknown): unknown;
  write(to: Writer, raw: unknown, depth: number): void;
  isZero(raw: unknown): boolean;
}

function valueWriter(type: ValueType): WriteValue {
  switch (type.kind) {
    case 'scalar':
      return scalarOf(type.scalar);
    case 'enum':
      return { ...scalarOf('int32'), parse: (value) => parseEnum(type.enum, value) };
    case 'message':
      return messageValue(messageWriter(type.message));
  }
}

function messageValue(write: WriteMessage): WriteValue {
  return {
    wire: 2,
    parse: (value) => value,
    isZero: () => false,
    write: (to, value, depth) => {
      const start = to.open();
      write(to, value, depth + 1);
      to.close(start);
    },
  };
}

function parseEnum(type: EnumType, value: unknown): number {
  if (value === null) return 0;
  const number = typeof value === 'string' ? type.numbers.get(value) : undefined;
  if (number !== undefined) return number;
  if (typeof value === 'string') throw new Misfit('must be one of the names of its enum');
  if (typeof value !== 'number' && typeof value !== 'bigint') throw misfit('a name of its enum', value);
  return scalarOf('int32').parse(value) as number;
}

function singleField(field: Field): WriteMessage {
  const { wire, parse, write, isZero } = valueWriter(field.type);
  const tag = tagOf(field, wire);
  const nullable = takesNull(field.type);
  return (to, value, depth) => {
    if (value === null && !nullable) return;
    const raw = parse(value);
    if (!field.presence && isZero(raw)) return;
    to.uint32(tag);
    write(to, raw, depth);
  };
}

function listField(field: Field): WriteMessage {
  const { wire, parse, write } = valueWriter(field.type);
  const tag = tagOf(field, wire);
  return eachElement(field, (to, element, depth) => {
    const raw = parse(element);
    to.uint32(tag);
    write(to, raw, depth);
  });
}

function packedField(field: Field): WriteMessage {
  const { parse, write } = valueWriter(field.type);
  const tag = tagOf(field, 2);
  const elements = eachElement(field, (to, element, depth) => write(to, parse(element), depth));
  return (to, value, depth) => {
    if (value === null || (Array.isArray(value) && value.length === 0)) return;
    to.uint32(tag);
    const start = to.open();
    elements(to, value, depth);
    to.close(start);
  };
}

function eachElement(field: Field, write: WriteMessage): WriteMessage {
  const nullable = takesNull(field.type);
  return (to, value, depth) => {
    if (value === null) return;
    if (!Array.isArray(value)) throw misfit('a list', value);
    const list: readonly unknown[] = value;
    for (let i = 0; i < list.length; i++) {
      try {
        checkPart(list[i], nullable);
        write(to, list[i], depth);
      } catch (error) {
        throw within(error, i);
      }
    }
  };
}

/** An element of a list, or a value of a map, cannot be left out. */
function checkPart(value: unknown, nullable: boolean): void {
  if (value === undefined || (value === null && !nullable)) throw new Misfit('must not be null');
}

function mapField(field: Field): WriteMessage {
  const keyName = field.key ?? 'string';
  const key = scalarOf(keyName);
  const { wire, parse, write } = valueWriter(field.type);
  const nullable = takesNull(field.type);
  const tag = tagOf(field, 2);
  return (to, value, depth) => {
    if (value === null) return;
    if (!isObject(value)) throw misfit('an object', value);
    for (const name of Object.keys(value)) {
      const item = value[name];
      if (item === undefined) continue;
      const rawKey = parseMapKey(keyName, name);
      try {
        checkPart(item, nullable);
        const raw = parse(item);
        to.uint32(tag);
        const start = to.open();
        to.uint32((1 << 3) | key.wire);
        key.write(to, rawKey);
        to.uint32((2 << 3) | wire);
        write(to, raw, depth);
        to.close(start);
      } catch (error) {
        throw within(error, name);
      }
    }
  };
}

function tagOf(field: Field, wire: number): number {
  return ((field.number << 3) | wire) >>> 0;
}
