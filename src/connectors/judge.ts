import { GatewayError } from '../base/errors.js';
import { compileSelection, type Mapping } from '../mapping/compile.js';
import type { Variables } from '../mapping/scope.js';
import { isObject, own, put } from '../mapping/values.js';
import type { ConnectDefinition, Expression, SourceDefinition } from '../subgraph/subgraph.js';
import { putFailure } from './failed-values.js';
import type { Reply } from './transport.js';

/** Whose replies are judged. */
export interface JudgeSetting {
  readonly definition: ConnectDefinition;
  readonly source?: SourceDefinition | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Decides whether a reply is a success, and throws what a failure says to the client. In a success, values that the
 * backend failed to give are marked in the body.
 */
export function createJudge({
  definition,
  source,
  facts,
}: JudgeSetting): (reply: Reply, variables: Variables) => void {
  const success = compiled(definition.isSuccess ?? source?.isSuccess);
  const message = compiled(definition.errors?.message ?? source?.errors?.message);
  const extensions = [source?.errors?.extensions, definition.errors?.extensions].flatMap(
    (expression) => compiled(expression) ?? [],
  );
  const failureOf = (failure: Failure, variables: Variables) =>
    new GatewayError('CONNECTOR_FETCH', messageOf(message, failure, variables), {
      extensions: extensions.reduce<Readonly<Record<string, unknown>>>(
        (known, mapping) => merged(known, mapping.evaluate(failure.body, variables)),
        { code: 'CONNECTOR_FETCH', ...facts, ...failure.facts },
      ),
    });
  return (reply, variables) => {
    const succeeded =
      success === undefined ? reply.succeeded : success.evaluate(reply.body, variables) === true;
    if (!succeeded) throw failureOf(reply, variables);
    for (const failure of reply.failures ?? []) {
      putFailure(reply.body, failure.path, failureOf(failure, variables));
    }
  };
}

type Failure = Pick<Reply, 'body' | 'facts'>;

function compiled(expression: Expression | undefined): Mapping | undefined {
  return expression && compileSelection(expression.selection);
}

function messageOf(mapping: Mapping | undefined, { body }: Failure, variables: Variables): string {
  if (mapping === undefined) return 'Request failed';
  const message = mapping.evaluate(body, variables);
  return typeof message === 'string' ? message : '';
}

function merged(known: Readonly<Record<string, unknown>>, more: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(more)) return known;
  const result: Record<string, unknown> = { ...known };
  for (const [key, value] of Object.entries(more)) {
    const before = own(result, key);
    put(result, key, isObject(before) && isObject(value) ? merged(before, value) : value);
  }
  return result;
}
