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

/**
 * Opens a subscription. Each event is answered with a context of its own, made from the request's for this event alone
 * (`context.forEvent()`), so that nothing loaded for one event is shown with the next. One answer is made when it is asked for: who
 * reads slowly slows the backend down. `return()` ends the backend's stream.
 *
 * @returns one answer, with errors, where the stream cannot be opened. It never throws, and neither does `next()`
 */
export type Subscribe = (
  request: ExecutionRequest,
) => Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult>>;

/** A schema and the way to execute operations on it: what is swapped when schema files change. */
export interface Executable {
  readonly schema: GraphQLSchema;
  readonly execute: Execute;
  readonly subscribe: Subscribe;
}
