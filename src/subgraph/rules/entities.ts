import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
  type GraphQLField,
  type GraphQLNamedType,
} from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { publicName } from '../public-name.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { startOf } from '../text.js';
import { option } from './directives.js';
import { atNode } from './fault.js';
import { fieldOf, isRoot, nameOf, placeOf } from './owner.js';
import type { Rule } from './rule.js';

/** Entity connectors stand where others can use them, and their arguments are a key of what they give. */
export const entities: Rule = {
  check: (subgraph) => subgraph.connects.flatMap((connect) => checkConnect(connect, subgraph)),
};

function checkConnect(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const field = fieldOf(subgraph, connect);
  if (field === undefined) return checkOnType(connect, subgraph);
  return connect.entity ? checkOnField(connect, field, subgraph) : [];
}

function checkOnType(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  if (isRoot(subgraph, connect.type)) {
    const message = `${nameOf(connect)} stands on a root type, which is no object to fetch. Put it on the fields.`;
    return [atNode(subgraph.source, connect.node, 'CONNECT_ON_ROOT', message)];
  }
  if (connect.entity) return [];
  const message = `${nameOf(connect)} has entity: false, but a connector on a type always fetches it by its key. Leave it out.`;
  return [atNode(subgraph.source, entityOf(connect), 'CONNECT_ON_TYPE_MUST_BE_ENTITY', message)];
}

function checkOnField(
  connect: ConnectDefinition,
  field: GraphQLField<unknown, unknown>,
  subgraph: Subgraph,
): Problem[] {
  const { source } = subgraph;
  if (publicName(subgraph, connect.type) !== 'Query') {
    const message = `${nameOf(connect)} has entity: true, which is for fields of Query. Other fields cannot be asked by key.`;
    return [atNode(source, entityOf(connect), 'ENTITY_NOT_ON_ROOT_QUERY', message)];
  }
  const wrong = againstType(field, subgraph);
  if (wrong !== undefined) {
    const message = `${nameOf(connect)} has entity: true, but ${placeOf(connect)} ${wrong}. Entities are nullable single objects.`;
    return [atNode(source, entityOf(connect), 'ENTITY_TYPE_INVALID', message)];
  }
  return checkArguments(connect, field, subgraph);
}

function entityOf({ node }: ConnectDefinition) {
  return option(node, 'entity') ?? node;
}

function againstType(
  { type }: GraphQLField<unknown, unknown>,
  { strict, version }: Subgraph,
): string | undefined {
  const named = getNamedType(type);
  if (isNonNullType(type))
    return `is non-null (${type.toString()}): an object that is not there must be null`;
  if (isListType(getNullableType(type))) return `is a list (${type.toString()})`;
  if (isObjectType(named)) return undefined;
  if (!isAbstractType(named)) return `is a ${named.name}`;
  return strict && version !== '0.4'
    ? `is the abstract type ${named.name}, which needs connect/v0.4`
    : undefined;
}

function checkArguments(
  connect: ConnectDefinition,
  field: GraphQLField<unknown, unknown>,
  subgraph: Subgraph,
): Problem[] {
  const type = getNamedType(field.type);
  if (isUnionType(type)) return [];
  const { source } = subgraph;
  const code = 'ENTITY_RESOLVER_ARGUMENT_MISMATCH';
  if (field.args.length === 0) {
    const message = `${nameOf(connect)} has entity: true, but ${placeOf(connect)} has no arguments to be the key of a ${type.name}.`;
    return [atNode(source, entityOf(connect), code, message)];
  }
  const wrong = field.args.flatMap((argument) => {
    const reason = mismatch(argument.name, getNamedType(argument.type), type);
    const matters = isRequiredArgument(argument) || field.args.length === 1 || hasField(type, argument.name);
    return reason === undefined || !matters ? [] : [{ argument, reason }];
  });
  return wrong.map(({ argument, reason }) => {
    const message = `${nameOf(connect)} has entity: true, so its arguments are a key of ${type.name}; but ${reason}`;
    return { code, message, source, offset: startOf(argument.astNode ?? connect.node) };
  });
}

function hasField(type: GraphQLNamedType, name: string): boolean {
  return (isObjectType(type) || isInterfaceType(type)) && Object.hasOwn(type.getFields(), name);
}

/** Why an argument is no field of the type; lists and nullability are set aside. */
function mismatch(name: string, input: GraphQLNamedType, type: GraphQLNamedType): string | undefined {
  const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
  const field = fields[name];
  if (field === undefined) {
    return `${type.name} has no field "${name}".${didYouMean(name, Object.keys(fields))}`;
  }
  const named = getNamedType(field.type);
  if (!isInputObjectType(input)) {
    return input.name === named.name
      ? undefined
      : `"${name}" is of the type ${input.name} here and ${named.name} there.`;
  }
  const inner = Object.values(input.getFields()).map((each) =>
    mismatch(each.name, getNamedType(each.type), named),
  );
  return inner.find((reason) => reason !== undefined);
}
