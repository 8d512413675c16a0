import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildASTSchema, parse, printSchema, type GraphQLSchema } from 'graphql';
import type { Setting, SourceOf } from '../transport.js';

/** What a backend told of its schema before an earlier start. */
export interface SchemaCopy {
  readonly schema: GraphQLSchema;
  readonly savedAt: Date;
}

/** Where the copy of a backend's schema lies between starts. Neither way of using it ever fails: the log is told. */
export interface SavedSchema {
  /** The copy, if there is one that makes sense. */
  read(): Promise<SchemaCopy | undefined>;
  /** Puts a schema in its place, whole or not at all. */
  write(schema: GraphQLSchema): Promise<void>;
}

/** The place of a source's copy; none where nothing is to be saved. */
export function savedSchemaOf(source: SourceOf<'graphql'>, setting: Setting): SavedSchema | undefined {
  const { savedSchemas: folder, log } = setting;
  if (folder === undefined) return undefined;
  const file = join(folder, fileName(source));
  const facts = { source: source.name, file };
  return {
    read: () =>
      readCopy(file).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        log.warn({ ...facts, error }, "The saved copy of the backend's schema cannot be used.");
        return undefined;
      }),
    write: (schema) =>
      writeCopy(folder, file, schema).catch((error: unknown) => {
        const help = 'A start while the backend is down will have no copy of it.';
        log.warn({ ...facts, error }, `The backend's schema cannot be saved. ${help}`);
      }),
  };
}

/** `orders.orders.graphql`. What is no letter, digit, `_` or `-` cannot get out of the folder, nor be mistaken for the dot. */
function fileName({ subgraph, name }: SourceOf<'graphql'>): string {
  return `${[subgraph, name].map(encoded).join('.')}.graphql`;
}

function encoded(name: string): string {
  const bytes = Buffer.from(name).toString('latin1');
  return bytes.replace(/[^\w-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

async function readCopy(file: string): Promise<SchemaCopy> {
  const { mtime: savedAt } = await stat(file);
  const document = parse(await readFile(file, 'utf8'), { noLocation: true });
  const schema = buildASTSchema(document, { assumeValid: true, assumeValidSDL: true });
  if (!schema.getQueryType()) throw new Error('It has no queries.');
  return { schema, savedAt };
}

async function writeCopy(folder: string, file: string, schema: GraphQLSchema): Promise<void> {
  const text = `${heading}\n\n${printSchema(schema)}\n`;
  const draft = `${file}.${randomUUID()}.tmp`;
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(draft, text);
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Whether two schemas say the same. One that cannot be written down is like no other. */
export function isSame(one: GraphQLSchema, other: GraphQLSchema): boolean {
  try {
    return printSchema(one) === printSchema(other);
  } catch {
    return false;
  }
}

const heading =
  '# As the backend told it. Written and read by Backstitch, for a start while the backend is down.';

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
