import { stitchSchemas, ValidationLevel } from '@graphql-tools/stitch';
import { getDirective, MapperKind, mapSchema } from '@graphql-tools/utils';
import {
  getNullableType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLSchema,
  isAbstractType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  type GraphQLFieldConfig,
  type GraphQLNamedType,
  type GraphQLNullableType,
  type GraphQLOutputType,
} from 'graphql';
import { withExactScalars } from '../subgraph/exact-scalars.js';
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
    typeMergingOptions: {
      fieldConfigMerger: mergeFields,
      validationSettings: { validationLevel: ValidationLevel.Off },
    },
    assumeValid: true,
  });
  for (const type of Object.values(stitched.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = typeOfRow;
  }
  return withExactScalars(stitched);
}

/** Files may differ in what can be null; a rule has seen to it that they differ in nothing else. */
function mergeFields(candidates: readonly { readonly fieldConfig: FieldConfig }[]): FieldConfig {
  const configs = candidates.map(({ fieldConfig }) => fieldConfig);
  const last = configs[configs.length - 1];
  if (last === undefined) throw new Error('There is no field to merge.');
  const description = configs.find((config) => config.description)?.description;
  return { ...last, description, type: configs.map((config) => config.type).reduce(moreNullable) };
}

type FieldConfig = GraphQLFieldConfig<unknown, Record<string, unknown>>;

/** `[A!]!` and `[A]` make `[A]`: what either file may leave out can be missing for clients. */
function moreNullable(a: GraphQLOutputType, b: GraphQLOutputType): GraphQLOutputType {
  if (isNonNullType(a) && isNonNullType(b)) {
    return new GraphQLNonNull(moreNullable(a.ofType, b.ofType) as GraphQLNullableType & GraphQLOutputType);
  }
  const [nullableA, nullableB] = [getNullableType(a), getNullableType(b)];
  if (!isListType(nullableA) || !isListType(nullableB)) return nullableA;
  return new GraphQLList(moreNullable(nullableA.ofType, nullableB.ofType));
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
