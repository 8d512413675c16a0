import {
  buildASTSchema,
  GraphQLError,
  GraphQLSchema,
  Kind,
  parse,
  type DocumentNode,
  type Source,
} from 'graphql';
import type { Problem } from '../base/problems.js';
import type { Reading } from './arguments.js';
import { withoutLoneExtensions } from './extensions.js';
import { withExactScalars } from './exact-scalars.js';
import { impliedConnects } from './forward.js';
import { checkGrammar } from './grammar.js';
import { readLinks, withCanonicalNames } from './links.js';
import { withoutMachinery } from './machinery.js';
import type { SchemaFile } from './read.js';
import { readDefinitions } from './read-definitions.js';
import type { Subgraph } from './subgraph.js';
import { isVocabularyType, vocabulary } from './vocabulary.js';

/** What a file says, as far as it could be read, and what is wrong with it. */
export interface Parsed {
  /** Without the parts that have problems; absent where not even its types could be read. */
  readonly subgraph: Subgraph | undefined;
  readonly problems: readonly Problem[];
}

/** Reads one schema file. All its problems are found, not just the first. */
export function parseSubgraph(file: SchemaFile): Parsed {
  const parsed = parseDocument(file.source);
  if (!('kind' in parsed)) return { subgraph: undefined, problems: [parsed] };
  const { links, problems } = readLinks(parsed, file.source);
  const linked = problems.length === 0;
  const document = withoutLoneExtensions(withoutMachinery(withCanonicalNames(parsed, links)));
  problems.push(...checkGrammar(document, file.source));
  const reading: Reading = {
    subgraph: file.name,
    source: file.source,
    version: links.version,
    problems,
    owner: file.name,
  };
  const definitions = readDefinitions(document, reading);
  const schema = problems.length === 0 ? toSchema(document) : toSchemaIfPossible(document);
  // Without its links nobody can tell what its directives mean.
  if (schema === undefined || !linked) return { subgraph: undefined, problems };
  const { version, strict } = links;
  const { name, source, folder } = file;
  const written = { name, source, folder, version, strict, document, schema, ...definitions };
  return { subgraph: { ...written, implied: impliedConnects(written) }, problems };
}

/** A file with faults may name types that are not there. */
function toSchemaIfPossible(document: DocumentNode): GraphQLSchema | undefined {
  try {
    return toSchema(document);
  } catch {
    return undefined;
  }
}

function parseDocument(source: Source): DocumentNode | Problem {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const message = source.body.trim() === '' ? 'The file is empty.' : error.message;
    return { code: 'GRAPHQL_SYNTAX', message, source, offset: error.positions?.[0] ?? 0 };
  }
}

/** The types of the file with the vocabulary they are annotated in. */
function toSchema(document: DocumentNode): GraphQLSchema {
  const definitions = document.definitions.filter((node) => node.kind !== Kind.SCHEMA_EXTENSION);
  const built = buildASTSchema({ ...document, definitions }, { assumeValidSDL: true });
  const config = built.toConfig();
  return withExactScalars(
    new GraphQLSchema({
      ...config,
      directives: [...config.directives, ...vocabulary.getDirectives()],
      types: config.types.filter((type) => !isVocabularyType(type.name)),
      assumeValid: true,
    }),
  );
}
