import {
  isScalarName,
  jsonNameOf,
  streamingOf,
  type Definitions,
  type EnumType,
  type Field,
  type MessageType,
  type Method,
  type ScalarName,
  type ValueType,
} from './messages.js';

/** A message as it was read: its fields name their types. */
export interface RawMessage {
  readonly name: string;
  readonly fields: readonly RawField[];
}

export interface RawField {
  readonly name: string;
  /** Where it is not derived from the name. */
  readonly jsonName?: string | undefined;
  readonly number: number;
  readonly label: Field['label'];
  readonly presence: boolean;
  readonly required: boolean;
  readonly packed: boolean;
  /** A scalar, or the name of a message or enum: with a dot before it in full, else as seen from the message. */
  readonly type: string;
  readonly key?: ScalarName | undefined;
  readonly oneof?: string | undefined;
}

export interface RawMethod {
  readonly service: string;
  readonly name: string;
  /** Names of messages: with a dot before them in full, else as seen from the service. */
  readonly input: string;
  readonly output: string;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}

/** Everything that was read from files, a descriptor set or a server. */
export interface Raw {
  readonly messages: RawMessage[];
  readonly enums: EnumType[];
  readonly methods: RawMethod[];
}

/** A name that nothing declares, and who uses it. */
export interface Unresolved {
  readonly name: string;
  /** `shop.v1.Product.price`, or `shop.v1.Products/Get`. */
  readonly user: string;
}

/** Puts types in the place of their names. What is unresolved is left out, and told. */
export function link(raw: Raw): { readonly definitions: Definitions; readonly unresolved: Unresolved[] } {
  const unresolved: Unresolved[] = [];
  const enums = new Map(raw.enums.map((type) => [type.name, type]));
  const messages = new Map<string, MessageType & { fields: Field[] }>();
  for (const { name } of raw.messages) messages.set(name, { name, fields: [], known: messages });

  const typeOf = (name: string, scope: string, user: string): ValueType | undefined => {
    if (isScalarName(name)) return { kind: 'scalar', scalar: name };
    for (const candidate of candidatesOf(name, scope)) {
      const message = messages.get(candidate);
      if (message !== undefined) return { kind: 'message', message };
      const known = enums.get(candidate);
      if (known !== undefined) return { kind: 'enum', enum: known };
    }
    unresolved.push({ name: name.replace(/^\./, ''), user });
    return undefined;
  };

  for (const message of raw.messages) {
    for (const field of message.fields) {
      const type = typeOf(field.type, message.name, `${message.name}.${field.name}`);
      const jsonName = field.jsonName ?? jsonNameOf(field.name);
      if (type !== undefined) messages.get(message.name)?.fields.push({ ...field, jsonName, type });
    }
  }

  const methods = new Map<string, Method>();
  for (const method of raw.methods) {
    const name = `${method.service}/${method.name}`;
    const input = typeOf(method.input, method.service, name);
    const output = typeOf(method.output, method.service, name);
    if (input?.kind !== 'message' || output?.kind !== 'message') continue;
    const streaming = streamingOf(method.clientStreaming, method.serverStreaming);
    methods.set(name, { name, input: input.message, output: output.message, streaming });
  }
  return { definitions: { methods, messages }, unresolved };
}

/**
 * The full names that a name may stand for, nearest first: `Tag` in `shop.v1.Item` is `shop.v1.Item.Tag`, `shop.v1.Tag`,
 * `shop.Tag` or `Tag`.
 */
export function candidatesOf(name: string, scope: string): string[] {
  if (name.startsWith('.')) return [name.slice(1)];
  const parts = scope.split('.');
  return [...parts.map((_, i) => [...parts.slice(0, parts.length - i), name].join('.')), name];
}
