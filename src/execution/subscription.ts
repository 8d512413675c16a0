import { collectFields } from '@graphql-tools/utils';
import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  Kind,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { GatewayError } from '../base/errors.js';
import type { ExecutionRequest } from './executor.js';

/**
 * What keeps an operation from being answered with a stream. Variables may switch fields of its root on and off, which
 * validation does not see: the resolvers of one field must not be handed the events of another.
 */
export function checkSubscription(
  request: ExecutionRequest,
  schema: GraphQLSchema,
): GraphQLError | undefined {
  const operation = getOperationAST(request.document, request.operationName);
  if (operation == null) return undefined;
  if (operation.operation !== 'subscription') {
    return refusal(
      `This is a ${operation.operation}, which has one answer and no stream of them.`,
      operation,
    );
  }
  const names = rootFields(operation, request, schema);
  const isOne = names === undefined || (names.length === 1 && names[0]?.startsWith('__') !== true);
  return isOne ? undefined : refusal('A subscription selects exactly one field.', operation);
}

/** The names of the fields that are selected; undefined where the variables do not fit, which execution will tell. */
function rootFields(
  operation: OperationDefinitionNode,
  { document, variables }: ExecutionRequest,
  schema: GraphQLSchema,
): string[] | undefined {
  const root = schema.getSubscriptionType();
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (root == null || coerced === undefined) return undefined;
  const fragments = Object.create(null) as Record<string, FragmentDefinitionNode>;
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments[node.name.value] = node;
  }
  // The type says values of one kind, and it looks for them where graphql 17 has them.
  const values = { coerced } as unknown as Parameters<typeof collectFields>[2];
  const { fields } = collectFields(schema, fragments, values, root, operation.selectionSet);
  return [...fields.values()].map(([node]) => node?.name.value ?? '');
}

function refusal(message: string, operation: OperationDefinitionNode): GraphQLError {
  const originalError = new GatewayError('BAD_REQUEST', message);
  return new GraphQLError(message, { nodes: operation, originalError });
}
