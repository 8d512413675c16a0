import { createRequire } from 'node:module';
import protobuf from 'protobufjs';

const require = createRequire(import.meta.url);

/** Files of Google's that come with protobufjs beside its well-known types. */
const bundled: readonly string[] = [
  'google/api/annotations.proto',
  'google/api/http.proto',
  'google/protobuf/api.proto',
  'google/protobuf/descriptor.proto',
  'google/protobuf/source_context.proto',
  'google/protobuf/type.proto',
];

/** What a `.proto` file that everybody imports and nobody carries along declares; undefined for others. */
export function builtInFile(path: string): protobuf.INamespace | undefined {
  if (bundled.includes(path)) {
    return require(`protobufjs/${path.replace(/\.proto$/, '.json')}`) as protobuf.INamespace;
  }
  if (!path.startsWith('google/protobuf/')) return undefined;
  return protobuf.common.get(path) ?? undefined;
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
