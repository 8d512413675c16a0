import { readFileSync } from 'node:fs';
import { buildASTSchema, GraphQLError, isScalarType, Kind, parse, Source, type GraphQLSchema } from 'graphql';

const file = new URL('./directives.graphql', import.meta.url);

/** The directives and their argument types, as a schema that files are checked against. */
export const vocabulary: GraphQLSchema = readVocabulary();

function readVocabulary(): GraphQLSchema {
  const document = parse(new Source(readFileSync(file, 'utf8'), 'directives.graphql'));
  const schema = buildASTSchema(document, { assumeValidSDL: true });
  for (const type of Object.values(schema.getTypeMap())) {
    if (isScalarType(type) && isVocabularyType(type.name) && type.name !== 'link__Import') {
      type.parseLiteral = (node) => {
        if (node.kind === Kind.STRING) return node.value;
        throw new GraphQLError('Expected a text in quotes.', { nodes: node });
      };
    }
  }
  return schema;
}

/** Types of the arguments of directives: no part of what clients see. */
export function isVocabularyType(name: string): boolean {
  return /^(connect|link|federation)__|^CacheControlScope$/.test(name);
}
