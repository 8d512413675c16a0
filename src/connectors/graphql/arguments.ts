import {
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLArgument,
  type GraphQLInputType,
} from 'graphql';
import { GatewayError } from '../../base/errors.js';
import { isObject, own, put, type JsonObject } from '../../mapping/values.js';

/**
 * The type a variable needs so that it may stand for an argument. An argument with a default can be left out, so its
 * variable must be nullable (https://spec.graphql.org/October2021/#IsVariableUsageAllowed()).
 */
export function variableType(argument: GraphQLArgument): string {
  return String(argument.defaultValue === undefined ? argument.type : getNullableType(argument.type));
}

/**
 * The variables of a request: a missing argument is left out, null is sent as null.
 *
 * @param value what the mapping of the arguments gave
 * @throws GatewayError `BAD_USER_INPUT` where the backend would have to refuse them
 */
export function toVariables(value: unknown, declared: readonly GraphQLArgument[]): JsonObject {
  if (value !== undefined && value !== null && !isObject(value))
    throw refused('The arguments must be an object.');
  const given = value ?? {};
  const unknown = Object.keys(given).find((name) => !declared.some((argument) => argument.name === name));
  if (unknown !== undefined) throw refused(`The backend's field takes no argument "${unknown}".`);
  const variables: JsonObject = {};
  for (const argument of declared) {
    const variable = own(given, argument.name);
    if (variable === undefined) checkMayBeMissing(argument);
    else put(variables, argument.name, coerce(notNull(variable, argument), argument.type));
  }
  return variables;
}

function checkMayBeMissing({ name, type, defaultValue }: GraphQLArgument): void {
  if (isNonNullType(type) && defaultValue === undefined) throw refused(`The argument "${name}" is missing.`);
}

function notNull(value: unknown, { name, type }: GraphQLArgument): unknown {
  if (value === null && isNonNullType(type)) throw refused(`The argument "${name}" cannot be null.`);
  return value;
}

/**
 * Keys travel between services that call them ID and services that call them Int, so a number stands for its digits
 * where the backend takes text, and digits for their number where it takes an Int. Everything else is the backend's
 * to judge.
 */
function coerce(value: unknown, type: GraphQLInputType): unknown {
  if (value === null) return null;
  const nullable = getNullableType(type);
  if (isListType(nullable)) return coerceList(value, nullable.ofType);
  if (isInputObjectType(nullable)) return isObject(value) ? coerceObject(value, nullable.getFields()) : value;
  switch (nullable.name) {
    case 'ID':
    case 'String':
      return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
    case 'Int':
      return typeof value === 'string' && /^(?:0|-?[1-9]\d{0,9})$/.test(value) ? Number(value) : value;
    default:
      return value;
  }
}

function coerceList(value: unknown, type: GraphQLInputType): unknown {
  return Array.isArray(value) ? value.map((element: unknown) => coerce(element, type)) : coerce(value, type);
}

function coerceObject(
  value: JsonObject,
  fields: Readonly<Record<string, { type: GraphQLInputType }>>,
): JsonObject {
  const coerced: JsonObject = {};
  for (const [name, nested] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (nested !== undefined) put(coerced, name, field === undefined ? nested : coerce(nested, field.type));
  }
  return coerced;
}

function refused(message: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', message);
}
