import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

const require = createRequire(import.meta.url);

/** Files of Google's that come with protobufjs beside its well-known types. */
const bundled: ReadonlyMap<string, string> = new Map([
  ['google/api/annotations.proto', 'google/api/annotations'],
  ['google/api/http.proto', 'google/api/annotations'],
  ['google/protobuf/api.proto', 'google/protobuf/api'],
  ['google/protobuf/descriptor.proto', 'google/protobuf/descriptor'],
  ['google/protobuf/source_context.proto', 'google/protobuf/source_context'],
  ['google/protobuf/type.proto', 'google/protobuf/type'],
]);

/** What a `.proto` file that everybody imports and nobody carries along declares; undefined for others. */
export function builtInFile(path: string): protobuf.INamespace | undefined {
  const file = bundled.get(path);
  if (file !== undefined) return require(`protobufjs/${file}.json`) as protobuf.INamespace;
  if (!path.startsWith('google/protobuf/')) return undefined;
  return protobuf.common.get(path) ?? undefined;
}

/** Adds what a built-in file declares and others have not declared before: some of them bring along parts of others. */
export function addDeclarations(to: protobuf.NamespaceBase, content: protobuf.INamespace): void {
  for (const [name, declaration] of Object.entries(content.nested ?? {})) {
    const known = to.get(name);
    if (known === null) to.addJSON({ [name]: declaration });
    else if (isPackage(known) && 'nested' in declaration) addDeclarations(known, declaration);
  }
}

function isPackage(object: protobuf.ReflectionObject): object is protobuf.Namespace {
  return object instanceof protobuf.Namespace && !(object instanceof protobuf.Type);
}

/** The well-known types, of which any definitions may speak. */
export const wellKnownFiles: readonly string[] = [
  'any',
  'duration',
  'empty',
  'field_mask',
  'struct',
  'timestamp',
  'wrappers',
].map((name) => `google/protobuf/${name}.proto`);
