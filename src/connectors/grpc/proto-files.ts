import protobuf from 'protobufjs';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { Text } from '../../subgraph/text.js';
import { addDeclarations, builtInFile, wellKnownFiles } from './built-in.js';
import { FileFault, problemAt, readNearby, type NearbyFile } from './files.js';
import { link } from './link.js';
import type { Definitions } from './messages.js';
import { readRoot, type RootFault, type Syntax } from './proto-root.js';
import { lineAt, SourceLines } from './source-lines.js';

/** One `.proto` file, and the entry of `proto` it was reached from. */
interface ProtoFile {
  readonly name: string;
  readonly lines: SourceLines;
  readonly syntax: Syntax;
  readonly origin: Text;
}

/** protobufjs writes this file name into what it parses; its types do not tell. */
const parser = protobuf.parse as unknown as { filename: string | null };

/** The most files that are followed from one source. */
const mostFiles = 1_000;

/**
 * Reads `.proto` files beside a schema file with everything they import. An import is looked for from the schema file's
 * folder, then from each folder on the way down to the importing file; Google's own files are built in.
 *
 * @returns the definitions, and the problems with file and line; with problems, the definitions are not whole
 */
export async function readProtoFiles(
  folder: string | undefined,
  entries: readonly Text[],
): Promise<{ readonly definitions: Definitions; readonly problems: Problem[] }> {
  const loading = new Loading(folder);
  for (const entry of entries) await loading.entry(entry);
  return loading.finish();
}

class Loading {
  readonly folder: string | undefined;
  readonly root = new protobuf.Root();
  readonly problems: Problem[] = [];
  readonly files = new Map<string, ProtoFile>();
  readonly builtIn = new Set<string>();

  constructor(folder: string | undefined) {
    this.folder = folder;
    for (const path of wellKnownFiles) this.addBuiltIn(path);
  }

  async entry(entry: Text): Promise<void> {
    try {
      await this.file(await readNearby(this.folder, entry.value), entry);
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      this.report(entry, `The file "${entry.value}" ${error.message}.`);
    }
  }

  async file(file: NearbyFile, origin: Text): Promise<void> {
    if (this.files.has(file.name)) return;
    if (this.files.size >= mostFiles) throw new FileFault(`is one of more than ${mostFiles} files`);
    const text = file.content.toString('utf8').replace(/^\uFEFF/, '');
    const lines = new SourceLines(text);
    const known: ProtoFile = { name: file.name, lines, syntax: syntaxOf(lines), origin };
    this.files.set(file.name, known);
    const fault = faultOfText(lines);
    if (fault === undefined) await this.parse(known, text);
    else this.report(origin, `${file.name}:${fault.line} ${fault.message}.`);
  }

  async parse(file: ProtoFile, text: string): Promise<void> {
    const parsed = this.tryParse(file, text);
    for (const path of [...(parsed?.imports ?? []), ...(parsed?.weakImports ?? [])]) {
      await this.import(path, file);
    }
  }

  tryParse(file: ProtoFile, text: string): protobuf.IParserResult | undefined {
    try {
      parser.filename = file.name;
      return protobuf.parse(text, this.root, { keepCase: true });
    } catch (error) {
      this.report(file.origin, describeParseError(error as Error, file));
      return undefined;
    } finally {
      parser.filename = null;
    }
  }

  async import(path: string, importer: ProtoFile): Promise<void> {
    if (this.builtIn.has(path)) return;
    try {
      const file = await this.findImport(path, importer.name);
      if (file !== undefined) await this.file(file, importer.origin);
      else if (!this.addBuiltIn(path)) throw new FileFault('is not there');
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      const line = importer.lines.find(`["']${escape(path)}["']`);
      this.report(importer.origin, `${importer.name}:${line} imports "${path}", which ${error.message}.`);
    }
  }

  /** The importing file lies at `shop/v1/a.proto`: the import is looked for in `.`, `shop` and `shop/v1`. */
  async findImport(path: string, importer: string): Promise<NearbyFile | undefined> {
    const folders = importer.split('/').slice(0, -1);
    for (let depth = 0; depth <= folders.length; depth++) {
      const candidate = [...folders.slice(0, depth), path].join('/');
      try {
        return await readNearby(this.folder, candidate);
      } catch (error) {
        if (!(error instanceof FileFault) || error.message !== 'is not there') throw error;
      }
    }
    return undefined;
  }

  addBuiltIn(path: string): boolean {
    if (this.builtIn.has(path)) return true;
    const content = builtInFile(path);
    if (content === undefined) return false;
    this.builtIn.add(path);
    addDeclarations(this.root, content);
    return true;
  }

  finish(): { readonly definitions: Definitions; readonly problems: Problem[] } {
    const { raw, faults } = readRoot(
      this.root,
      (object) => this.files.get(fileOf(object))?.syntax ?? 'proto3',
    );
    const names = [...raw.messages, ...raw.enums].map((type) => type.name);
    // what is missing in a file that could not be read is no news
    if (this.problems.length === 0) for (const fault of faults) this.reportFault(fault, names);
    return { definitions: link(raw).definitions, problems: this.problems };
  }

  reportFault({ object, message, missing }: RootFault, names: readonly string[]): void {
    const file = this.files.get(fileOf(object));
    if (file === undefined) return;
    const suggestion = missing === undefined ? '' : didYouMean(missing, likeNames(missing, names));
    const line = file.lines.find(...patternsOf(object));
    const owner = object instanceof protobuf.Type ? '' : `"${object.name}" `;
    this.report(file.origin, `${file.name}:${line} ${owner}${message}.${suggestion}`);
  }

  report(origin: Text, message: string): void {
    this.problems.push(problemAt(origin, 'INVALID_PROTO', message));
  }
}

/** The file that declares something: protobufjs tells it of what stands in a message only by the message. */
function fileOf(object: protobuf.ReflectionObject): string {
  for (let at: protobuf.ReflectionObject | null = object; at !== null; at = at.parent) {
    if (at.filename !== null) return at.filename;
  }
  return '';
}

/** Names with or without their package, as the one that is not found. */
function likeNames(missing: string, names: readonly string[]): string[] {
  const full = missing.replace(/^\./, '').includes('.');
  return full ? [...names] : names.map((name) => name.slice(name.lastIndexOf('.') + 1));
}

/** Where in its file a declaration stands: the first of the patterns that is found. */
function patternsOf(object: protobuf.ReflectionObject): string[] {
  if (object instanceof protobuf.Method) return [`\\brpc\\s+${escape(object.name)}\\b`];
  if (object instanceof protobuf.Field) {
    const type = escape(object.type);
    return [`${type}\\s*>?\\s*${escape(object.name)}\\s*=\\s*(?:0x[\\da-f]+|\\d+)`, type];
  }
  return [`\\b(?:group|message|enum|service)\\s+${escape(object.name)}\\b`];
}

function syntaxOf(lines: SourceLines): Syntax {
  return /^\s*syntax\s*=\s*["']proto3["']/.test(lines.code) ? 'proto3' : 'proto2';
}

/** What protobufjs would read past in silence. */
function faultOfText(lines: SourceLines): { readonly line: number; readonly message: string } | undefined {
  const edition = /^\s*edition\s*=/.exec(lines.code);
  if (edition !== null) {
    return {
      line: lineAt(lines.code, edition[0].length),
      message: 'is written in an edition. Compile it to a descriptor set and name that in descriptors',
    };
  }
  const syntax = /^\s*syntax\s*=\s*["']([^"']*)["']/.exec(lines.code);
  if (syntax !== null && !/^proto[23]$/.test(syntax[1] ?? '')) {
    return {
      line: lineAt(lines.code, syntax[0].length),
      message: `has the syntax "${syntax[1]}"; there are proto2 and proto3`,
    };
  }
  const hostile = /\b__proto__\b/.exec(lines.code);
  if (hostile !== null) {
    return {
      line: lineAt(lines.code, hostile.index),
      message: 'uses the name __proto__, which cannot be used here',
    };
  }
  return undefined;
}

/** protobufjs tells the line of what it cannot parse, but not of what is declared twice. */
function describeParseError(error: Error, file: ProtoFile): string {
  if (error instanceof TypeError)
    return `${file.name}:${file.lines.count} cannot be read: it ends too early.`;
  const [, what = error.message, line] = /^(.*?) \((?:.*, )?line (\d+)\)$/s.exec(error.message) ?? [];
  if (line !== undefined) return `${file.name}:${line} cannot be read: ${what.replaceAll("'", '"')}.`;
  const name = /'([^']+)'/.exec(error.message)?.[1];
  const id = /\bid (\d+)/.exec(error.message)?.[1];
  const owner = / in (?:Type|Enum|Service) (?:[\w.]*\.)?(\w+)$/.exec(error.message)?.[1];
  const pattern = name === undefined ? `=\\s*${id ?? ''}\\b` : `\\b${escape(name)}\\b`;
  return `${file.name}:${file.lines.findLast(pattern, owner)} cannot be used: ${error.message.replaceAll("'", '"')}.`;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
