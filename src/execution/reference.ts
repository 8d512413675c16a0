import {
  createSourceEventStream,
  execute,
  GraphQLError,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../base/context.js';
import type { Log } from '../base/log.js';
import { mapStream } from '../base/streams.js';
import { handOnRemarks } from '../connectors/mapping-report.js';
import { toPublicAnswer } from './answer.js';
import type { Execute, ExecutionRequest, Subscribe } from './executor.js';
import { checkSubscription } from './subscription.js';

/**
 * The plain way to answer: graphql-js on the guarded schema. Complete, and the oracle that every faster way is
 * compared with.
 */
export function createReferenceExecutor(schema: GraphQLSchema, log: Log): Execute {
  return async (request) => toPublicAnswer(await execute(argumentsOf(request, schema)), request.context, log);
}

/** The plain way to answer subscriptions: graphql-js opens the stream, and executes the operation for each event. */
export function createReferenceSubscriber(schema: GraphQLSchema, log: Log): Subscribe {
  return async (request) => {
    const opened = await openEvents(request, schema);
    return 'next' in opened
      ? answerEvents(opened, request, schema, log)
      : toPublicAnswer(opened, request.context, log);
  };
}

async function openEvents(
  request: ExecutionRequest,
  schema: GraphQLSchema,
): Promise<AsyncIterator<unknown> | ExecutionResult> {
  const fault = checkSubscription(request, schema);
  if (fault !== undefined) return { errors: [fault] };
  try {
    const opened = await createSourceEventStream(argumentsOf(request, schema));
    return Symbol.asyncIterator in opened ? opened[Symbol.asyncIterator]() : opened;
  } catch (error) {
    return { errors: [new GraphQLError('The stream cannot be opened.', { originalError: toError(error) })] };
  }
}

/** An error that ends the stream is answered like an event, so that it stands at the place of its field. */
function answerEvents(
  events: AsyncIterator<unknown>,
  request: ExecutionRequest,
  schema: GraphQLSchema,
  log: Log,
): AsyncIterableIterator<ExecutionResult> {
  const leaving = new AbortController();
  const { signal } = request.context;
  const gone = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const answer = async (event: unknown) => {
    const context = request.context.forEvent(gone);
    handOnRemarks(request.context, context);
    const result = await execute({ ...argumentsOf(request, schema, context), rootValue: event });
    return toPublicAnswer(result, context, log);
  };
  const steps = { next: answer, failed: (error: unknown) => answer(toError(error)) };
  return mapStream(events, steps, () => leaving.abort());
}

function argumentsOf(
  { document, operationName, variables, context }: ExecutionRequest,
  schema: GraphQLSchema,
  contextValue: RequestContext = context,
): ExecutionArgs {
  return {
    schema,
    document,
    operationName: operationName ?? undefined,
    variableValues: variables ?? undefined,
    contextValue,
    hideSuggestions: !context.explainsMappings,
  };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
