import {
  execute,
  getOperationAST,
  GraphQLError,
  Kind,
  parse,
  subscribe,
  validate,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { OpenCall } from '../backend.js';
import type { GraphQLRequest } from './request.js';
import type { createRoot, OrdersContext } from './resolvers.js';

/** What it takes to answer a GraphQL request. */
export interface Service {
  readonly schema: GraphQLSchema;
  readonly root: ReturnType<typeof createRoot>;
  readonly documents: Map<string, DocumentNode | readonly GraphQLError[]>;
}

/** What this request may be: a GET must not change anything, a subscription needs a stream. */
export interface Allowed {
  readonly mutations: boolean;
  readonly subscriptions: boolean;
}

/** One result, or one for each event. */
export type Outcome = ExecutionResult | AsyncGenerator<ExecutionResult, void, void>;

/** Parses, validates and runs a request, and notes in the call what it was. Faults of the client are results too. */
export async function run(
  service: Service,
  request: GraphQLRequest,
  call: OpenCall,
  allowed: Allowed,
): Promise<Outcome> {
  call.document = request.query;
  const document = prepare(service, request.query);
  if (!('kind' in document)) return { errors: document };
  const operation = getOperationAST(document, request.operationName);
  if (!operation) return refuse('The document has no such operation, or several and no operationName.');
  call.operation = nameOf(operation);
  if (operation.operation === 'mutation' && !allowed.mutations) return refuse('A mutation needs POST.');
  if (operation.operation === 'subscription' && !allowed.subscriptions) {
    return refuse('A subscription needs Accept: text/event-stream.');
  }
  const contextValue: OrdersContext = { call };
  return (operation.operation === 'subscription' ? subscribe : execute)({
    schema: service.schema,
    document,
    rootValue: service.root,
    contextValue,
    operationName: request.operationName,
    variableValues: request.variables,
  });
}

const documentsKept = 200;

function prepare({ schema, documents }: Service, query: string): DocumentNode | readonly GraphQLError[] {
  const known = documents.get(query);
  if (known) return known;
  if (documents.size >= documentsKept) documents.clear();
  const prepared = check(schema, query);
  documents.set(query, prepared);
  return prepared;
}

function check(schema: GraphQLSchema, query: string): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(query, { maxTokens: 10_000 });
    const errors = validate(schema, document);
    return errors.length > 0 ? errors : document;
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

/** `query order, ordersByIds`: the kind of the operation and the root fields it names itself. */
function nameOf({ operation, selectionSet }: OperationDefinitionNode): string {
  const fields = selectionSet.selections.flatMap((node) => (node.kind === Kind.FIELD ? node.name.value : []));
  return `${operation} ${fields.join(', ')}`.trim();
}

function refuse(message: string): ExecutionResult {
  return { errors: [new GraphQLError(message, { extensions: { code: 'BAD_REQUEST' } })] };
}
