import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import {
  buildASTSchema,
  buildClientSchema,
  GraphQLError,
  parse,
  Source,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { SchemaFilesError } from '../../base/problems.js';
import { withoutLoneExtensions } from '../../subgraph/extensions.js';
import type { Subgraph } from '../../subgraph/subgraph.js';
import type { Text } from '../../subgraph/text.js';

/** The largest schema of a backend that is read, in bytes. */
const largestFile = 20_000_000;

/**
 * Reads a backend's schema from a file beside the schema file: SDL, or the answer to an introspection query as JSON.
 *
 * @throws SchemaFilesError at the place that names the file, or at the fault in the file
 */
export async function readRemoteSchema(name: Text, subgraph: Subgraph): Promise<GraphQLSchema> {
  const path = await findFile(name, subgraph);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw notReadable(name, reasonOf(error));
  });
  if (bytes.length > largestFile) throw notReadable(name, `it is larger than ${largestFile / 1e6} MB`);
  const body = bytes.toString('utf8').replace(/^\uFEFF/, '');
  return path.endsWith('.json') ? fromJson(body, name) : fromSdl(new Source(body, name.value), name);
}

/** The file's real path: neither dots nor links lead out of the folder. */
async function findFile(name: Text, { folder }: Subgraph): Promise<string> {
  if (folder === undefined) throw notReadable(name, 'the schema is held in memory and has no folder');
  if (isAbsolute(name.value)) throw outside(name);
  const path = join(folder, name.value);
  if (leadsOut(folder, path)) throw outside(name);
  const [realFolder, realFile] = await Promise.all([realpath(folder), realpath(path)]).catch(
    (error: unknown) => {
      throw notReadable(name, reasonOf(error));
    },
  );
  if (leadsOut(realFolder, realFile)) throw outside(name);
  return realFile;
}

function leadsOut(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}

function fromJson(body: string, name: Text): GraphQLSchema {
  try {
    const content = JSON.parse(body) as { data?: unknown };
    return fromIntrospection(content.data ?? content);
  } catch (error) {
    throw notReadable(name, `it is no answer to an introspection query: ${(error as Error).message}`);
  }
}

/**
 * A schema from the data of an introspection query.
 *
 * @throws Error where it is something else
 */
export function fromIntrospection(data: unknown): GraphQLSchema {
  return buildClientSchema(data as IntrospectionQuery, { assumeValid: true });
}

/** The service's own directives mean nothing to us, so they need not be defined. */
function fromSdl(source: Source, name: Text): GraphQLSchema {
  try {
    return buildASTSchema(withoutLoneExtensions(parse(source)), { assumeValid: true, assumeValidSDL: true });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw notReadable(name, (error as Error).message);
    const offset = error.positions?.[0] ?? 0;
    throw new SchemaFilesError([{ code: 'GRAPHQL_SYNTAX', message: error.message, source, offset }]);
  }
}

function outside(name: Text): SchemaFilesError {
  return notReadable(name, 'it lies outside the folder of the schema files');
}

function notReadable(name: Text, reason: string): SchemaFilesError {
  const message = `The backend's schema "${name.value}" cannot be read: ${reason}.`;
  return new SchemaFilesError([
    { code: 'GRAPHQL_REMOTE_SCHEMA', message, source: name.source, offset: name.offsetOf(0) },
  ]);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons = new Map([
    ['ENOENT', 'it does not exist'],
    ['EACCES', 'the permission is missing'],
    ['EISDIR', 'it is a folder'],
    ['ELOOP', 'its links go in a circle'],
  ]);
  return reasons.get(code) ?? code;
}
