import type { MessageType, ScalarName } from './messages.js';

const wrappers: ReadonlyMap<string, ScalarName> = new Map([
  ['google.protobuf.DoubleValue', 'double'],
  ['google.protobuf.FloatValue', 'float'],
  ['google.protobuf.Int64Value', 'int64'],
  ['google.protobuf.UInt64Value', 'uint64'],
  ['google.protobuf.Int32Value', 'int32'],
  ['google.protobuf.UInt32Value', 'uint32'],
  ['google.protobuf.BoolValue', 'bool'],
  ['google.protobuf.StringValue', 'string'],
  ['google.protobuf.BytesValue', 'bytes'],
]);

/** The scalar that a message such as `google.protobuf.StringValue` wraps. */
export function wrapped(message: string): ScalarName | undefined {
  return wrappers.get(message);
}

/** Messages that are one text in JSON. */
const texts: ReadonlySet<string> = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
]);

/** Messages that can hold what their definition does not name. */
const opens: ReadonlySet<string> = new Set([
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
  'google.protobuf.Any',
]);

/** Whether a message is a scalar, an object of its fields, or anything at all in JSON. */
export function jsonFormOf(type: MessageType): 'scalar' | 'object' | 'any' {
  if (wrapped(type.name) !== undefined || texts.has(type.name)) return 'scalar';
  return opens.has(type.name) ? 'any' : 'object';
}

/** Whether a message in an `Any` stands under "value", as those do whose JSON is no object of their fields. */
export function hasOwnJson(type: MessageType): boolean {
  return jsonFormOf(type) !== 'object';
}
