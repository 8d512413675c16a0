import protobuf from 'protobufjs';
import { enumOf, isScalarName } from './messages.js';
import type { Raw, RawField, RawMessage } from './link.js';

/** What a `.proto` file says it is written in. */
export type Syntax = 'proto2' | 'proto3';

/** Something that cannot be used, as protobufjs holds it: its file is in `filename`. */
export interface RootFault {
  readonly object: protobuf.ReflectionObject;
  readonly message: string;
  /** The name of a type that nothing declares. */
  readonly missing?: string;
}

/**
 * Takes the declarations out of a protobufjs root. Types are looked up by their scope here and not by `resolveAll`, which
 * stops at the first missing one and generates code.
 */
export function readRoot(
  root: protobuf.Root,
  syntaxOf: (object: protobuf.ReflectionObject) => Syntax,
): { readonly raw: Raw; readonly faults: RootFault[] } {
  const raw: Raw = { messages: [], enums: [], methods: [] };
  const faults: RootFault[] = [];
  const visit = (object: protobuf.ReflectionObject): void => {
    if (object instanceof protobuf.Type) raw.messages.push(readType(object, syntaxOf(object), faults));
    else if (object instanceof protobuf.Enum) raw.enums.push(readEnum(object));
    else if (object instanceof protobuf.Service) readService(object, raw, faults);
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(visit);
  };
  visit(root);
  return { raw, faults };
}

/** `shop.v1.Product`, without the dot that protobufjs puts first. */
export function nameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

function readType(type: protobuf.Type, syntax: Syntax, faults: RootFault[]): RawMessage {
  if ((type as { readonly group?: boolean }).group === true) {
    const message = `uses a group ("${type.name}"), which proto2 has long left behind; make it a message`;
    faults.push({ object: type, message });
  }
  // extensions appear as fields of what they extend
  const fields = type.fieldsArray.filter((field) => field.declaringField === null);
  return { name: nameOf(type), fields: fields.flatMap((field) => readField(field, type, syntax, faults)) };
}

function readField(
  field: protobuf.Field,
  owner: protobuf.Type,
  syntax: Syntax,
  faults: RootFault[],
): RawField[] {
  const type = typeName(field.type, owner, [protobuf.Type, protobuf.Enum]);
  if (type === undefined) {
    const message = `uses the type "${field.type}", which nothing declares`;
    faults.push({ object: field, message, missing: field.type });
    return [];
  }
  const jsonName: unknown = field.getOption('json_name');
  const isMap = field instanceof protobuf.MapField;
  const label = isMap ? 'map' : field.repeated ? 'list' : 'single';
  return [
    {
      name: field.name,
      jsonName: typeof jsonName === 'string' ? jsonName : undefined,
      number: field.id,
      label,
      presence: label === 'single' && hasPresence(field, owner, syntax),
      // a getter that reads what `resolveAll` would work out
      required: (field as { readonly rule?: string }).rule === 'required',
      packed: isPacked(field, syntax),
      type,
      key: isMap && isScalarName(field.keyType) ? field.keyType : undefined,
      oneof: isProto3Optional(field) ? undefined : field.partOf?.name,
    },
  ];
}

function hasPresence(field: protobuf.Field, owner: protobuf.Type, syntax: Syntax): boolean {
  if (syntax === 'proto2' || field.partOf !== null) return true;
  return (
    !isScalarName(field.type) &&
    owner.lookup(field.type, [protobuf.Type, protobuf.Enum]) instanceof protobuf.Type
  );
}

function isPacked(field: protobuf.Field, syntax: Syntax): boolean {
  const option: unknown = field.getOption('packed');
  const packable = field.type !== 'string' && field.type !== 'bytes';
  return packable && (typeof option === 'boolean' ? option : syntax === 'proto3');
}

function isProto3Optional(field: protobuf.Field): boolean {
  return field.getOption('proto3_optional') === true;
}

function typeName(
  name: string,
  scope: protobuf.NamespaceBase,
  kinds: (new (...args: never[]) => protobuf.ReflectionObject)[],
): string | undefined {
  if (isScalarName(name)) return name;
  const found = scope.lookup(name, kinds as never);
  return found === null ? undefined : `.${nameOf(found)}`;
}

function readEnum(type: protobuf.Enum) {
  return enumOf(nameOf(type), Object.entries(type.values));
}

function readService(service: protobuf.Service, raw: Raw, faults: RootFault[]): void {
  for (const method of service.methodsArray) {
    const [input, output] = [method.requestType, method.responseType].map((name) => {
      const found = typeName(name, service, [protobuf.Type]);
      if (found === undefined || isScalarName(found)) {
        const message = `uses the message "${name}", which nothing declares`;
        faults.push({ object: method, message, missing: name });
      }
      return found;
    });
    if (input === undefined || output === undefined) continue;
    raw.methods.push({
      service: nameOf(service),
      name: method.name,
      input,
      output,
      clientStreaming: method.requestStream === true,
      serverStreaming: method.responseStream === true,
    });
  }
}
