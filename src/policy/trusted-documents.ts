import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import {
  GraphQLError,
  Kind,
  parse,
  print,
  Source,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { formatProblems, type Problem } from '../base/problems.js';
import { readManifest, type WrittenDocument } from './manifest.js';

/** Thrown where trusted documents cannot be read, with every fault of every file. */
export class TrustedDocumentsError extends Error {
  readonly code = 'TRUSTED_DOCUMENTS_INVALID';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TrustedDocumentsError';
  }
}

/** One trusted document. */
export interface TrustedDocument extends WrittenDocument {
  /** The names of its operations, or its id where they have none. */
  readonly name: string;
}

/** A trusted document that is refused, because it does not fit the schema. */
export interface Misfit {
  readonly document: TrustedDocument;
  /** The first reason. */
  readonly reason: string;
}

/** The largest manifest, or file with a document, that is read, in bytes. */
const largestFile = 50_000_000;

/** The SHA-256 of a text, in lower-case hexadecimal digits: the usual name of a document. */
export function hashOf(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Documents that somebody has written down beforehand, and the names they go by. */
export class TrustedDocuments {
  readonly documents: readonly TrustedDocument[];
  readonly #byId = new Map<string, string>();
  readonly #byHash = new Map<string, string>();

  constructor(documents: readonly TrustedDocument[]) {
    this.documents = documents;
    for (const { id, text } of documents) {
      this.#byId.set(id, text);
      for (const form of formsOf(text)) this.#byHash.set(hashOf(form), form);
    }
  }

  /** The text that an id, or the SHA-256 of a text, stands for. */
  find(id: string): string | undefined {
    return this.#byId.get(id) ?? this.#byHash.get(id);
  }

  /** Whether the text with this SHA-256 is among them. */
  holds(sha256: string): boolean {
    return this.#byHash.has(sha256);
  }

  /** Those that do not fit a schema. */
  misfits(schema: GraphQLSchema): Misfit[] {
    return this.documents.flatMap((document) => {
      const [error] = validate(schema, parse(document.text), undefined, { maxErrors: 1 });
      return error === undefined ? [] : [{ document, reason: error.message }];
    });
  }
}

/** A text in the forms in which clients may send it: as it is, with and without a line break at its end, printed. */
function formsOf(text: string): string[] {
  const trimmed = text.trim();
  return [text, trimmed, `${trimmed}\n`, print(parse(text, { noLocation: true }))];
}

/**
 * Reads trusted documents: from a folder, every `.graphql` and `.gql` file below it is one, whose id is its path there
 * without the ending; a file is a manifest, see {@link readManifest}.
 *
 * @throws TrustedDocumentsError
 */
export async function readTrustedDocuments(path: string): Promise<TrustedDocuments> {
  const isFolder = (await attempt(path, stat(path))).isDirectory();
  const { documents, problems } = isFolder ? await readFolder(path) : readManifest(await readSource(path));
  const understood = documents.map(understand);
  const faults = [
    ...problems,
    ...understood.flatMap((each) => ('code' in each ? [each] : [])),
    ...clashes(documents),
  ];
  if (faults.length > 0) throw new TrustedDocumentsError(formatProblems(faults, 'TRUSTED_DOCUMENTS_INVALID'));
  if (documents.length === 0) throw new TrustedDocumentsError(`There is no document in ${shown(path)}.`);
  return new TrustedDocuments(understood.flatMap((each) => ('code' in each ? [] : [each])));
}

async function readFolder(folder: string): Promise<{ documents: WrittenDocument[]; problems: Problem[] }> {
  const entries = await attempt(folder, readdir(folder, { recursive: true, withFileTypes: true }));
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(isDocumentPath)
    .sort();
  const documents = await Promise.all(
    paths.map(async (path) => {
      const source = await readSource(join(folder, path));
      return { id: path.replace(ending, ''), text: source.body, source, offset: 0 };
    }),
  );
  return { documents, problems: [] };
}

const ending = /\.(?:graphql|gql)$/;

/** Hidden files and folders are editors' and mounts' own: a mounted ConfigMap holds each file twice. */
function isDocumentPath(path: string): boolean {
  return ending.test(path) && !path.split('/').some((part) => part.startsWith('.'));
}

async function readSource(file: string): Promise<Source> {
  const { size } = await attempt(file, stat(file));
  if (size > largestFile)
    throw new TrustedDocumentsError(`${shown(file)} is larger than ${largestFile / 1e6} MB.`);
  const text = await attempt(file, readFile(file, 'utf8'));
  return new Source(text.startsWith('\uFEFF') ? text.slice(1) : text, shown(file));
}

async function attempt<T>(path: string, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'the permission is missing' : code;
    const message = `The trusted documents in ${shown(path)} cannot be read: ${reason}.`;
    throw new TrustedDocumentsError(message, { cause: error });
  }
}

/** A path as a person would name it from where they stand. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}

function understand(written: WrittenDocument): TrustedDocument | Problem {
  const { id, text, source, offset } = written;
  const isFile = source.body === text;
  try {
    const names = operationsOf(parse(text, { noLocation: true })).map(({ name }) => name?.value);
    if (names.length > 0)
      return { ...written, name: names.filter((name) => name !== undefined).join(', ') || id };
    const message = `The document "${id}" has no operation. A document is sent whole: its fragments stand in it.`;
    return { code: 'INVALID_DOCUMENT', message, source, offset };
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const at = isFile ? (error.positions?.[0] ?? 0) : offset;
    const place = isFile ? '' : placeIn(error);
    const message = `The document "${id}" is not GraphQL. ${error.message.replace(/\.$/, '')}${place}.`;
    return { code: 'INVALID_DOCUMENT', message, source, offset: at };
  }
}

/** Where in a document that is itself one text of a manifest. */
function placeIn({ locations }: GraphQLError): string {
  const [first] = locations ?? [];
  return first === undefined ? '' : `, in its line ${first.line}, column ${first.column}`;
}

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
}

/** Ids that stand for two texts. One text may come twice: a manifest may list it for each of several clients. */
function clashes(documents: readonly WrittenDocument[]): Problem[] {
  const texts = new Map<string, string>();
  return documents.flatMap(({ id, text, source, offset }) => {
    const known = texts.get(id);
    texts.set(id, known ?? text);
    if (known === undefined || known === text) return [];
    return [{ code: 'DUPLICATE_ID', message: `The id "${id}" stands for two documents.`, source, offset }];
  });
}
