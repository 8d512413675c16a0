import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import type { RequestContext } from '../base/context.js';

/** One operation to answer; the document has been validated against the schema. */
export interface ExecutionRequest {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: RequestContext;
}

/** Turns an operation into an answer. Errors are already what a stranger may see; it never throws. */
export type Execute = (request: ExecutionRequest) => Promise<ExecutionResult>;

/** A schema and the way to execute operations on it: what is swapped when schema files change. */
export interface Executable {
  readonly schema: GraphQLSchema;
  readonly execute: Execute;
}
