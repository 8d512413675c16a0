import { Kind, visit, type DirectiveNode, type DocumentNode, type Source, type ValueNode } from 'graphql';
import type { Problem } from '../base/problems.js';
import { didYouMean } from '../base/suggest.js';
import type { SpecVersion } from '../mapping/version.js';
import { startOf } from './text.js';

/** What a file's `@link`s say. */
export interface Links {
  /** The grammar of the file's mappings: the linked version's, or the newest. */
  readonly version: SpecVersion;
  /** Whether a connect specification is linked. */
  readonly strict: boolean;
  /** Our name of a directive for each name the file uses. */
  readonly canonicalNames: ReadonlyMap<string, string>;
}

const versions: readonly SpecVersion[] = ['0.1', '0.2', '0.3', '0.4'];

interface Specification {
  readonly name: 'connect' | 'federation';
  readonly version: string;
}

/** Reads the `@link`s of a file; a specification that is not known is a problem. */
export function readLinks(document: DocumentNode, source: Source): { links: Links; problems: Problem[] } {
  const problems: Problem[] = [];
  const canonicalNames = new Map<string, string>();
  let version: SpecVersion | undefined;
  for (const link of linksOf(document)) {
    const url = stringArgument(link, 'url');
    const specification = url === undefined ? undefined : specificationOf(url);
    if (specification === undefined) continue;
    for (const [used, own] of importedNames(link, specification.name)) canonicalNames.set(used, own);
    if (specification.name !== 'connect') continue;
    const known = versions.find((each) => each === specification.version);
    if (known === undefined) problems.push(unknownVersion(link, specification.version, source));
    else problems.push(...unknownImports(link, source));
    version ??= known;
  }
  const strict = version !== undefined || problems.length > 0;
  return { links: { version: version ?? '0.4', strict, canonicalNames }, problems };
}

/** The document with each directive under our own name for it. */
export function withCanonicalNames(document: DocumentNode, links: Links): DocumentNode {
  if (links.canonicalNames.size === 0) return document;
  return visit(document, {
    Directive: (node) => {
      const name = links.canonicalNames.get(node.name.value);
      return name === undefined || name === node.name.value
        ? undefined
        : { ...node, name: { ...node.name, value: name } };
    },
  });
}

/** The directives on `schema` and `extend schema` with a given name. */
export function schemaDirectives(document: DocumentNode, name: string): DirectiveNode[] {
  return document.definitions.flatMap((definition) =>
    definition.kind === Kind.SCHEMA_DEFINITION || definition.kind === Kind.SCHEMA_EXTENSION
      ? (definition.directives ?? []).filter((directive) => directive.name.value === name)
      : [],
  );
}

function linksOf(document: DocumentNode): DirectiveNode[] {
  return schemaDirectives(document, 'link');
}

function specificationOf(url: string): Specification | undefined {
  const match = /^https:\/\/specs\.apollo\.dev\/(connect|federation)(?:\/v?([^/]*)\/?)?$/.exec(url);
  if (match === null) return undefined;
  return { name: match[1] as Specification['name'], version: match[2] ?? '' };
}

/** Pairs of the name a file uses and the directive's own name. */
function importedNames(link: DirectiveNode, specification: string): [used: string, own: string][] {
  const namespace = stringArgument(link, 'as') ?? specification;
  const imported = importsOf(link)
    .filter(({ name }) => specification !== 'connect' || isConnectDirective(name))
    .map(({ name, as }): [string, string] => [as.slice(1), name.slice(1)]);
  return [...imported, ...namespaced(namespace, specification)];
}

/** `"@connect"`, or `{ name: "@connect", as: "@rest" }`. */
interface Import {
  readonly name: string;
  readonly as: string;
  readonly node: ValueNode;
}

/** The directives that a link imports. Types may be imported, too, but nobody writes them. */
function importsOf(link: DirectiveNode): Import[] {
  return listArgument(link, 'import')
    .flatMap(readImport)
    .filter(({ name, as }) => name.startsWith('@') && as.startsWith('@'));
}

function readImport(node: ValueNode): Import[] {
  if (node.kind === Kind.STRING) return [{ name: node.value, as: node.value, node }];
  if (node.kind !== Kind.OBJECT) return [];
  const text = (field: string) => {
    const value = node.fields.find((each) => each.name.value === field)?.value;
    return value?.kind === Kind.STRING ? value.value : undefined;
  };
  const name = text('name');
  return name === undefined ? [] : [{ name, as: text('as') ?? name, node }];
}

function isConnectDirective(name: string): boolean {
  return (namesOf['connect'] ?? []).includes(name.slice(1));
}

function unknownImports(link: DirectiveNode, source: Source): Problem[] {
  return importsOf(link)
    .filter(({ name }) => !isConnectDirective(name))
    .map(({ name, node }) => {
      const known = (namesOf['connect'] ?? []).map((each) => `@${each}`);
      const message = `The link imports "${name}", which the connect specification does not have.${didYouMean(name, known)}`;
      return { code: 'UNKNOWN_LINK_IMPORT', message, source, offset: startOf(node) };
    });
}

const namesOf: Readonly<Record<string, readonly string[]>> = {
  connect: ['source', 'connect'],
  federation: [
    'key',
    'shareable',
    'external',
    'requires',
    'provides',
    'inaccessible',
    'tag',
    'override',
    'authenticated',
    'requiresScopes',
    'policy',
    'cost',
    'listSize',
  ],
};

/** What is not imported goes by `specification__name`. */
function namespaced(namespace: string, specification: string): [string, string][] {
  return (namesOf[specification] ?? []).map((name) => [`${namespace}__${name}`, name]);
}

function unknownVersion(link: DirectiveNode, version: string, source: Source): Problem {
  const known = versions.map((each) => `v${each}`).join(', ');
  const asked = version === '' ? 'A link without the version' : `Version v${version}`;
  return {
    code: 'UNKNOWN_CONNECTORS_VERSION',
    message: `${asked} of the connect specification is not known. Known: ${known}.`,
    source,
    offset: startOf(link.arguments?.find((argument) => argument.name.value === 'url')?.value ?? link),
  };
}

function argument(node: DirectiveNode, name: string): ValueNode | undefined {
  return node.arguments?.find((each) => each.name.value === name)?.value;
}

function stringArgument(node: DirectiveNode, name: string): string | undefined {
  const value = argument(node, name);
  return value?.kind === Kind.STRING ? value.value : undefined;
}

function listArgument(node: DirectiveNode, name: string): readonly ValueNode[] {
  const value = argument(node, name);
  if (value === undefined) return [];
  // As GraphQL coerces lists, a single value stands for a list of one.
  return value.kind === Kind.LIST ? value.values : [value];
}
