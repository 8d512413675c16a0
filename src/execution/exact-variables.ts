import {
  getNullableType,
  getOperationAST,
  isInputObjectType,
  isListType,
  typeFromAST,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { isObject, put, type JsonObject } from '../mapping/values.js';
import type { Executable, ExecutionRequest } from './executor.js';

/**
 * Lets variables have integers beyond 2^53, which come as bigints: for an ID their digits count, and a Float is the double
 * next to them. Scalars that a file declares take them as they are; what else takes no such number says so.
 */
export function withExactVariables(executable: Executable): Executable {
  const { schema } = executable;
  return {
    schema,
    execute: (request) => executable.execute(withoutBigints(request, schema)),
    subscribe: (request) => executable.subscribe(withoutBigints(request, schema)),
  };
}

function withoutBigints(request: ExecutionRequest, schema: GraphQLSchema): ExecutionRequest {
  const { document, operationName, variables } = request;
  if (variables == null || !holdsBigint(variables)) return request;
  const given: JsonObject = { ...variables };
  for (const { variable, type } of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const name = variable.name.value;
    const declared = typeFromAST(schema, type) as GraphQLInputType | undefined;
    if (declared !== undefined && Object.hasOwn(given, name))
      put(given, name, toInput(given[name], declared));
  }
  return { ...request, variables: given };
}

function holdsBigint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  return Object.values(value).some(holdsBigint);
}

function toInput(value: unknown, type: GraphQLInputType): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const of = nullable.ofType;
    return Array.isArray(value) ? value.map((each) => toInput(each, of)) : toInput(value, of);
  }
  if (isInputObjectType(nullable)) {
    if (!isObject(value)) return value;
    const fields = nullable.getFields();
    const object: JsonObject = {};
    for (const [name, each] of Object.entries(value)) {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      put(object, name, field === undefined ? each : toInput(each, field.type));
    }
    return object;
  }
  if (typeof value !== 'bigint') return value;
  return nullable.name === 'ID' ? value.toString() : nullable.name === 'Float' ? Number(value) : value;
}
