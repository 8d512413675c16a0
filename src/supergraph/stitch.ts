import { stitchSchemas } from '@graphql-tools/stitch';
import { getDirective, MapperKind, mapSchema } from '@graphql-tools/utils';
import {
  GraphQLSchema,
  isAbstractType,
  isSpecifiedScalarType,
  type GraphQLFieldConfig,
  type GraphQLNamedType,
} from 'graphql';
import type { Subgraph } from '../subgraph/subgraph.js';
import { isVocabularyType } from '../subgraph/vocabulary.js';
import { typeOfRow } from './resolve.js';

/**
 * Merges the types of all subgraphs into the one schema that clients see. Nothing is delegated: fields get their
 * resolvers afterwards.
 */
export function stitch(subgraphs: readonly Subgraph[]): GraphQLSchema {
  const stitched = stitchSchemas({
    subschemas: subgraphs.map((subgraph) => visiblePart(subgraph.schema)),
    mergeDirectives: false,
    assumeValid: true,
  });
  for (const type of Object.values(stitched.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = typeOfRow;
  }
  return stitched;
}

/** A subgraph's schema without the vocabulary, and without what clients must not see. */
function visiblePart(schema: GraphQLSchema): GraphQLSchema {
  const visible = mapSchema(schema, {
    [MapperKind.TYPE]: (type) => (isHidden(schema, type) ? null : type),
    [MapperKind.FIELD]: (field) => (isHidden(schema, field) ? null : field),
    [MapperKind.ARGUMENT]: (argument) => (isHidden(schema, argument) ? null : argument),
    [MapperKind.ENUM_VALUE]: (value) => (isHidden(schema, value) ? null : value),
  });
  const config = visible.toConfig();
  return new GraphQLSchema({
    ...config,
    directives: [],
    types: config.types.filter(isPublic),
    assumeValid: true,
  });
}

function isHidden(schema: GraphQLSchema, element: { readonly astNode?: unknown }): boolean {
  const directives = getDirective(schema, element as GraphQLFieldConfig<unknown, unknown>, 'inaccessible');
  return directives !== undefined && directives.length > 0;
}

function isPublic(type: GraphQLNamedType): boolean {
  return !isVocabularyType(type.name) && !isSpecifiedScalarType(type);
}
