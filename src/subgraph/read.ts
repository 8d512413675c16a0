import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { Source } from 'graphql';

/** One schema file, read but not yet understood. */
export interface SchemaFile {
  /** The subgraph's name: the file's name without its ending. */
  readonly name: string;
  readonly source: Source;
  /** The folder that holds it; absent for a text held in memory. */
  readonly folder?: string | undefined;
}

/** The largest schema file that is read, in bytes. */
const largestFile = 5_000_000;

/** Thrown where the folder, or a file in it, cannot be read; its message is for the person who started us. */
export class SchemaFolderError extends Error {
  override readonly name = 'SchemaFolderError';
}

/**
 * Reads every `*.graphql` file of a folder, in the order of their names. Files whose names begin with a dot
 * (editors' swap files) are not schema files.
 *
 * @throws SchemaFolderError
 */
export async function readSchemaFiles(folder: string): Promise<SchemaFile[]> {
  const names = (await listFolder(folder)).filter(isSchemaFileName).sort();
  if (names.length === 0) {
    throw new SchemaFolderError(
      `There is no .graphql file in ${shown(folder)}. Put one file per backend there.`,
    );
  }
  return Promise.all(names.map((name) => readSchemaFile(join(folder, name))));
}

async function readSchemaFile(file: string): Promise<SchemaFile> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new SchemaFolderError(`${shown(file)} cannot be read: ${reason(error)}.`, { cause: error });
  });
  if (bytes.length > largestFile) {
    throw new SchemaFolderError(`${shown(file)} is larger than ${largestFile / 1e6} MB.`);
  }
  return toSchemaFile(shown(file), bytes.toString('utf8'), dirname(file));
}

/** A schema file from its text; a byte order mark is not part of it. */
export function toSchemaFile(path: string, text: string, folder?: string): SchemaFile {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return { name: basename(path, extname(path)), source: new Source(body, path), folder };
}

function isSchemaFileName(name: string): boolean {
  return name.endsWith('.graphql') && !name.startsWith('.');
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name);
  } catch (error) {
    throw new SchemaFolderError(`The schema folder ${shown(folder)} cannot be read: ${reason(error)}.`, {
      cause: error,
    });
  }
}

/** A path as a person would name it from where they stand. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'the permission is missing',
    ENOTDIR: 'it is no folder',
    EISDIR: 'it is a folder',
    ELOOP: 'its links go in a circle',
  };
  return reasons[code] ?? code;
}
