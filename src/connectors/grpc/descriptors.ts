import protobuf from 'protobufjs';
import { isObject, own, type JsonObject } from '../../mapping/values.js';
import { addDeclarations, builtInFile, wellKnownFiles } from './built-in.js';
import { compileDecoder, type Decode } from './decode.js';
import { candidatesOf, link, type Raw, type RawField, type Unresolved } from './link.js';
import { enumOf, isScalarName, type Definitions, type Field, type ScalarName } from './messages.js';
import { readRoot } from './proto-root.js';

/** What compiled descriptors declare, and what keeps them from being used: short sentences without an end. */
export interface FromDescriptors {
  readonly definitions: Definitions;
  readonly faults: string[];
}

/**
 * Takes the declarations out of a compiled descriptor set, as `protoc --descriptor_set_out --include_imports` or
 * `buf build` writes it.
 *
 * @throws MalformedMessage where the bytes are no descriptor set
 */
export function readDescriptorSet(bytes: Buffer): FromDescriptors {
  const set = descriptorDecoder('FileDescriptorSet')(bytes);
  return readFiles(objects(set, 'file'));
}

/** The same for single `FileDescriptorProto`s, as server reflection sends them. */
export function readFileDescriptors(files: Iterable<Buffer>): FromDescriptors {
  const decode = descriptorDecoder('FileDescriptorProto');
  return readFiles([...files].map((file) => decode(file) as JsonObject));
}

/** What a `FileDescriptorProto` imports. */
export function importsOf(file: Buffer): { readonly name: string; readonly imports: readonly string[] } {
  const descriptor = descriptorDecoder('FileDescriptorProto')(file) as JsonObject;
  return { name: text(descriptor, 'name'), imports: texts(descriptor, 'dependency') };
}

let known: Definitions | undefined;

function descriptorDecoder(name: string): Decode {
  known ??= builtInDefinitions(['google/protobuf/descriptor.proto']);
  const type = known.messages.get(`google.protobuf.${name}`);
  if (type === undefined) throw new Error(`protobufjs no longer brings ${name}`);
  return compileDecoder(type);
}

function builtInDefinitions(paths: readonly string[]): Definitions {
  return link(builtInRaw(paths)).definitions;
}

function builtInRaw(paths: readonly string[]): Raw {
  const root = new protobuf.Root();
  for (const path of paths) addDeclarations(root, builtInFile(path) ?? {});
  return readRoot(root, () => (paths.includes('google/protobuf/descriptor.proto') ? 'proto2' : 'proto3')).raw;
}

function readFiles(files: readonly JsonObject[]): FromDescriptors {
  const raw: Raw = { messages: [], enums: [], methods: [] };
  const faults: string[] = [];
  for (const file of files) readFile(file, raw, faults);
  addWellKnown(raw);
  const { definitions, unresolved } = link(raw);
  return { definitions, faults: [...faults, ...unresolved.map(describeUnresolved)] };
}

function describeUnresolved({ name, user }: Unresolved): string {
  return `${user} uses the type ${name}, which is not among the descriptors`;
}

/** Sets made without imports lack Google's types; everybody has them. */
function addWellKnown(raw: Raw): void {
  const names = new Set([...raw.messages, ...raw.enums].map((type) => type.name));
  const builtIn = builtInRaw(wellKnownFiles);
  raw.messages.push(...builtIn.messages.filter((message) => !names.has(message.name)));
  raw.enums.push(...builtIn.enums.filter((type) => !names.has(type.name)));
}

/** What applies inside a file or message until it is overruled: https://protobuf.dev/editions/features/ */
interface Features {
  readonly presence: string;
  readonly repeated: string;
  readonly encoding: string;
}

const featuresOfSyntax: Readonly<Record<string, Features>> = {
  proto2: { presence: 'EXPLICIT', repeated: 'EXPANDED', encoding: 'LENGTH_PREFIXED' },
  proto3: { presence: 'IMPLICIT', repeated: 'PACKED', encoding: 'LENGTH_PREFIXED' },
  editions: { presence: 'EXPLICIT', repeated: 'PACKED', encoding: 'LENGTH_PREFIXED' },
};

/** Where in a file the reading stands. */
interface Place {
  readonly prefix: string;
  readonly syntax: string;
  readonly features: Features;
  readonly raw: Raw;
  readonly faults: string[];
}

function readFile(file: JsonObject, raw: Raw, faults: string[]): void {
  const syntax = text(file, 'syntax') || 'proto2';
  const features = featuresOfSyntax[syntax];
  if (features === undefined) {
    faults.push(`${text(file, 'name')} has the unknown syntax "${syntax}"`);
    return;
  }
  const prefix = text(file, 'package');
  const place: Place = { prefix, syntax, features: overlaid(features, file), raw, faults };
  for (const type of objects(file, 'enumType')) readEnum(type, place);
  for (const message of objects(file, 'messageType')) readMessage(message, place);
  for (const service of objects(file, 'service')) readService(service, place);
}

function overlaid(features: Features, owner: JsonObject): Features {
  const options = own(owner, 'options');
  const set = isObject(options) ? own(options, 'features') : undefined;
  if (!isObject(set)) return features;
  return {
    presence: text(set, 'fieldPresence') || features.presence,
    repeated: text(set, 'repeatedFieldEncoding') || features.repeated,
    encoding: text(set, 'messageEncoding') || features.encoding,
  };
}

function fullName(place: Place, name: string): string {
  return place.prefix === '' ? name : `${place.prefix}.${name}`;
}

function readEnum(type: JsonObject, place: Place): void {
  const values = objects(type, 'value').map(
    (value) => [text(value, 'name'), integer(value, 'number')] as const,
  );
  place.raw.enums.push(enumOf(fullName(place, text(type, 'name')), values));
}

function readMessage(message: JsonObject, outer: Place): void {
  const name = fullName(outer, text(message, 'name'));
  const place: Place = { ...outer, prefix: name, features: overlaid(outer.features, message) };
  const nested = objects(message, 'nestedType');
  const entries = new Map(
    nested.filter(isMapEntry).map((entry) => [`${name}.${text(entry, 'name')}`, entry]),
  );
  for (const type of objects(message, 'enumType')) readEnum(type, place);
  for (const inner of nested) if (!isMapEntry(inner)) readMessage(inner, place);
  const oneofs = objects(message, 'oneofDecl').map((oneof) => text(oneof, 'name'));
  const fields = objects(message, 'field').map((field) => readField(field, place, entries, oneofs));
  place.raw.messages.push({ name, fields });
}

function isMapEntry(message: JsonObject): boolean {
  const options = own(message, 'options');
  return isObject(options) && own(options, 'mapEntry') === true;
}

function readField(
  field: JsonObject,
  place: Place,
  entries: ReadonlyMap<string, JsonObject>,
  oneofs: readonly string[],
): RawField {
  const features = overlaid(place.features, field);
  const name = text(field, 'name');
  const typeNames = candidatesOf(text(field, 'typeName'), place.prefix);
  const entry = typeNames.map((each) => entries.get(each)).find((each) => each !== undefined);
  const label = entry !== undefined ? 'map' : own(field, 'label') === 'LABEL_REPEATED' ? 'list' : 'single';
  const isGroup = own(field, 'type') === 'TYPE_GROUP' || isDelimited(field, features);
  if (isGroup)
    place.faults.push(`${place.prefix}.${name} is a group, which is not supported; make it a message`);
  const index = own(field, 'oneofIndex');
  const isOneof = typeof index === 'number' && own(field, 'proto3Optional') !== true;
  const content = entry === undefined ? undefined : entryTypes(entry);
  return {
    name,
    jsonName: text(field, 'jsonName') || undefined,
    number: integer(field, 'number'),
    label,
    presence: label === 'single' && hasPresence(field, features),
    required: own(field, 'label') === 'LABEL_REQUIRED' || features.presence === 'LEGACY_REQUIRED',
    packed: isPacked(field, label, features),
    type: content?.value ?? typeName(field),
    key: content?.key,
    oneof: isOneof ? oneofs[index] : undefined,
  };
}

function isDelimited(field: JsonObject, features: Features): boolean {
  return features.encoding === 'DELIMITED' && own(field, 'type') === 'TYPE_MESSAGE';
}

function hasPresence(field: JsonObject, features: Features): boolean {
  if (own(field, 'type') === 'TYPE_MESSAGE' || own(field, 'oneofIndex') !== undefined) return true;
  return features.presence !== 'IMPLICIT';
}

function isPacked(field: JsonObject, label: Field['label'], features: Features): boolean {
  const type = typeName(field);
  if (label !== 'list' || type === 'string' || type === 'bytes') return false;
  const options = own(field, 'options');
  const option = isObject(options) ? own(options, 'packed') : undefined;
  return typeof option === 'boolean' ? option : features.repeated === 'PACKED';
}

function entryTypes(entry: JsonObject): { readonly key: ScalarName; readonly value: string } {
  const [key, value] = [1, 2].map((number) =>
    objects(entry, 'field').find((field) => own(field, 'number') === number),
  );
  const keyType = key === undefined ? '' : typeName(key);
  return {
    key: isScalarName(keyType) ? keyType : 'string',
    value: value === undefined ? '' : typeName(value),
  };
}

/** `TYPE_SINT64` → `sint64`; messages and enums by their name, with a dot before it where it is in full. */
function typeName(field: JsonObject): string {
  const named = text(field, 'typeName');
  return named === '' ? text(field, 'type').replace('TYPE_', '').toLowerCase() : named;
}

function readService(service: JsonObject, place: Place): void {
  for (const method of objects(service, 'method')) {
    place.raw.methods.push({
      service: fullName(place, text(service, 'name')),
      name: text(method, 'name'),
      input: text(method, 'inputType'),
      output: text(method, 'outputType'),
      clientStreaming: own(method, 'clientStreaming') === true,
      serverStreaming: own(method, 'serverStreaming') === true,
    });
  }
}

function text(object: JsonObject, key: string): string {
  const value = own(object, key);
  return typeof value === 'string' ? value : '';
}

function integer(object: JsonObject, key: string): number {
  const value = own(object, key);
  return typeof value === 'number' ? value : 0;
}

function texts(object: JsonObject, key: string): string[] {
  const value = own(object, key);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function objects(object: unknown, key: string): JsonObject[] {
  const value = isObject(object) ? own(object, key) : undefined;
  return Array.isArray(value) ? value.filter(isObject) : [];
}
