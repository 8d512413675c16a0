/**
 * What a backend's definitions say, free of the library that read them: messages, enums and methods by their full
 * names, without a leading dot. Files, descriptor sets and reflection all end up here.
 */

/** Protobuf's scalar types. */
export type ScalarName =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

/** The type of a field, of a list's elements, or of a map's values. */
export type ValueType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarName }
  | { readonly kind: 'enum'; readonly enum: EnumType }
  | { readonly kind: 'message'; readonly message: MessageType };

export interface EnumType {
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
  /** The first name of each number. */
  readonly names: ReadonlyMap<number, string>;
}

export interface MessageType {
  readonly name: string;
  readonly fields: readonly Field[];
  /** All messages of the same definitions: what an `Any` can hold. */
  readonly known: ReadonlyMap<string, MessageType>;
}

export interface Field {
  /** As in the definition. */
  readonly name: string;
  /** As in ProtoJSON. */
  readonly jsonName: string;
  readonly number: number;
  readonly label: 'single' | 'list' | 'map';
  /** Whether "not set" can be told from the default value. Such a field is missing when it is unset. */
  readonly presence: boolean;
  /** Of proto2. */
  readonly required: boolean;
  /** Whether a list of numbers is written as one piece. */
  readonly packed: boolean;
  readonly type: ValueType;
  /** Of a map. */
  readonly key?: ScalarName | undefined;
  readonly oneof?: string | undefined;
}

export interface Method {
  /** `package.Service/Method`. */
  readonly name: string;
  readonly input: MessageType;
  readonly output: MessageType;
  readonly streaming: 'none' | 'client' | 'server' | 'both';
}

/** Everything a source's definitions declare. */
export interface Definitions {
  readonly methods: ReadonlyMap<string, Method>;
  readonly messages: ReadonlyMap<string, MessageType>;
}

const scalarNames: ReadonlySet<string> = new Set<ScalarName>([
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]);

/** Whether a type is one of protobuf's own. */
export function isScalarName(name: string): name is ScalarName {
  return scalarNames.has(name);
}

/** `product_id` → `productId`, as protoc derives it: https://protobuf.dev/programming-guides/json/#field-names */
export function jsonNameOf(name: string): string {
  return name.replace(/_+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '');
}

/** An enum from its values in the order of the definition. */
export function enumOf(name: string, values: Iterable<readonly [string, number]>): EnumType {
  const numbers = new Map(values);
  const names = new Map<number, string>();
  for (const [value, number] of numbers) if (!names.has(number)) names.set(number, value);
  return { name, numbers, names };
}

/** The field that a name in JSON means, in either spelling. */
export function fieldNamed(type: MessageType, name: string): Field | undefined {
  return (
    type.fields.find((field) => field.jsonName === name) ?? type.fields.find((field) => field.name === name)
  );
}

/** How a method streams. */
export function streamingOf(client: boolean, server: boolean): Method['streaming'] {
  if (client) return server ? 'both' : 'client';
  return server ? 'server' : 'none';
}
