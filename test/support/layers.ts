/**
 * The layer rule: who may import whom in `src/`. Imports point only upwards in this list, so that every file
 * can be read with nothing in mind but what stands above it.
 */
import { posix } from 'node:path';
import ts from 'typescript';

/** The folders and files directly in `src/`; each may import those before it. */
export const layers: readonly string[] = [
  'base',
  'mapping',
  'subgraph',
  'connectors',
  'supergraph',
  'policy',
  'execution',
  'server',
  'gateway.ts',
  'index.ts',
  'cli',
  'main.ts',
];

/** The one file that may import the folders of `src/connectors/`: one line a protocol. */
const protocolList = 'src/connectors/protocols.ts';

/** Our own package, which must not be imported by its name. */
const packageName = 'backstitch';

/** One import in whatever form it is written. Paths count from the repository's root. */
interface Import {
  readonly from: string;
  readonly line: number;
  /** A path, or the name of a package. */
  readonly to: string;
  readonly isPackage: boolean;
}

/**
 * Checks every import of `files` (path to text). Answers one message a fault, with file, line and the broken
 * rule; none where the house is in order.
 */
export function findLayerFaults(files: ReadonlyMap<string, string>): string[] {
  const imports = [...files].flatMap(([file, text]) => findImports(file, text));
  return [...[...files.keys()].flatMap(checkPlace), ...imports.flatMap(checkImport), ...checkCycles(imports)];
}

function checkPlace(file: string): string[] {
  if (layers.includes(layerOf(file))) return [];
  return [
    `${file}:1: "${layerOf(file)}" is no layer of src/. Move the file, or add the layer where it belongs`,
  ];
}

function checkImport(one: Import): string[] {
  const broken = brokenRule(one);
  return broken ? [`${one.from}:${one.line} imports ${one.to}: ${broken}`] : [];
}

function brokenRule(one: Import): string | undefined {
  if (one.isPackage) {
    return one.to.split('/')[0] === packageName ? 'src imports its own files by their path' : undefined;
  }
  if (!one.to.startsWith('src/')) return 'src imports nothing of this repository outside src';

  const rank = layers.indexOf(layerOf(one.from));
  if (layers.indexOf(layerOf(one.to)) > rank) {
    const allowed = layers.slice(0, rank).join(', ') || 'nothing of ours';
    return `imports point only upwards; ${layerOf(one.from)} may import ${allowed}`;
  }

  const from = protocolOf(one.from);
  const to = protocolOf(one.to);
  if (!to || from === to || one.from === protocolList) return undefined;
  return from
    ? `siblings never meet; what ${from} and ${to} share lies beside them in src/connectors/`
    : `only ${protocolList} may import the folder of a protocol`;
}

/** `src/connectors/http/request.ts` → `http`; undefined for a file that belongs to no protocol. */
function protocolOf(file: string): string | undefined {
  return /^src\/connectors\/([^/]+)\//.exec(file)?.[1];
}

/** `src/base/log.ts` → `base`, `src/index.ts` → `index.ts`. */
function layerOf(file: string): string {
  return file.split('/')[1] ?? file;
}

/** Walks the files depth first; an import of a file that is still open closes a cycle. */
function checkCycles(imports: readonly Import[]): string[] {
  const importsOf = new Map<string, Import[]>();
  for (const one of imports) importsOf.set(one.from, [...(importsOf.get(one.from) ?? []), one]);
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (done.has(file)) return;
    const open = [...path, file];
    for (const one of importsOf.get(file) ?? []) {
      const start = open.indexOf(one.to);
      if (start < 0) visit(one.to, open);
      else faults.push(describeCycle(one, open.slice(start)));
    }
    done.add(file);
  };
  for (const file of importsOf.keys()) visit(file, []);
  return faults;
}

function describeCycle(last: Import, files: readonly string[]): string {
  const cycle = [...files, last.to].join(' -> ');
  return `${last.from}:${last.line} imports ${last.to}: no import cycles; this one is ${cycle}`;
}

/** Every import of a file: static, type-only, re-exported, dynamic, `require` and `import('…').Type`. */
function findImports(from: string, text: string): Import[] {
  const source = ts.createSourceFile(from, text, ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier) {
      const line = source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1;
      found.push({ from, line, ...resolve(from, specifier.text) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  const specifier = specifierNodeOf(node);
  return specifier && ts.isStringLiteralLike(specifier) ? specifier : undefined;
}

function specifierNodeOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  if (!ts.isCallExpression(node)) return undefined;
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return isRequire || node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined;
}

function resolve(from: string, specifier: string): Pick<Import, 'to' | 'isPackage'> {
  if (!specifier.startsWith('.')) return { to: specifier, isPackage: true };
  const path = posix.join(posix.dirname(from), specifier);
  return { to: path.replace(/\.([cm]?)js$/, '.$1ts'), isPackage: false };
}
