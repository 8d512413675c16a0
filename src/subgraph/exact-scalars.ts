import {
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  Kind,
  valueFromAST,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLScalarLiteralParser,
  type GraphQLSchema,
} from 'graphql';
import { put, type JsonObject } from '../mapping/values.js';
import { isVocabularyType } from './vocabulary.js';

type Literal = Parameters<GraphQLScalarLiteralParser<unknown>>[0];
type Variables = Parameters<GraphQLScalarLiteralParser<unknown>>[1];

/**
 * Lets the scalars that a file declares take literals as they are written. graphql-js makes numbers of integers, which
 * would lose digits of a 64-bit id before a backend saw it; the same holds for defaults, which it has read by now.
 */
export function withExactScalars(schema: GraphQLSchema): GraphQLSchema {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !isVocabularyType(name));
  const scalars = types.filter(isScalarType).filter((type) => !isSpecifiedScalarType(type));
  for (const scalar of scalars) scalar.parseLiteral = literalValue;
  if (scalars.length > 0) types.flatMap(inputsOf).forEach(readDefault);
  return schema;
}

type Input = GraphQLArgument | GraphQLInputField;

function inputsOf(type: GraphQLNamedType): Input[] {
  if (isInputObjectType(type)) return Object.values(type.getFields());
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => field.args);
}

function readDefault(input: Input): void {
  const literal = input.astNode?.defaultValue;
  if (literal !== undefined) input.defaultValue = valueFromAST(literal, input.type) ?? input.defaultValue;
}

/** As `valueFromASTUntyped` of graphql-js, but for integers that a number cannot hold: they are bigints. */
function literalValue(node: Literal, variables?: Variables): unknown {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.INT:
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : BigInt(node.value);
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.LIST:
      return node.values.map((value) => literalValue(value, variables));
    case Kind.OBJECT: {
      const object: JsonObject = {};
      for (const { name, value } of node.fields) put(object, name.value, literalValue(value, variables));
      return object;
    }
    case Kind.VARIABLE:
      return variables?.[node.name.value];
  }
}
