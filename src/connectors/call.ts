import type { Environment } from '../base/config.js';
import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { compileSelection, type Mapping } from '../mapping/compile.js';
import type { MappingProblem, Variables } from '../mapping/scope.js';
import { isObject, own, put } from '../mapping/values.js';
import type { ConnectDefinition, Expression, SourceDefinition } from '../subgraph/subgraph.js';
import type { Answer } from './answers.js';
import { spendCall, type CallBudget } from './call-budget.js';
import type { Connector, FetchInputs } from './connector.js';
import { countAnswer, remark, type MappingCounts } from './mapping-report.js';
import {
  defaultCallTimeoutMs,
  type CallLimits,
  type Outgoing,
  type Reply,
  type Transport,
} from './transport.js';
import type { Wanted } from './wanted.js';
import { ConnectionLost } from './wire.js';

/** What the calls of one connector are made with. */
export interface CallSetting {
  readonly definition: ConnectDefinition;
  readonly answers: (wanted: Wanted) => Answer;
  readonly facts: Readonly<Record<string, unknown>>;
  /** What changes something is let finish although its client has gone. */
  readonly changes: boolean;
  readonly source?: SourceDefinition | undefined;
  readonly transport?: Transport | undefined;
  readonly environment: Environment;
  readonly config: Readonly<Record<string, unknown>>;
  readonly budget: CallBudget;
  readonly counts: MappingCounts;
  readonly log: Log;
}

/**
 * The way of every call, whatever the protocol: variables, request, deadline, success or failure, mapping.
 * A connector without a source maps its variables alone.
 */
export function createCall(setting: CallSetting): Connector['fetch'] {
  const { answers, transport, source } = setting;
  const limitsOf = createLimits(timeoutOf(source), setting.changes);
  const judge = createJudge(setting);
  return async (inputs, wanted, context) => {
    const answer = answers(wanted);
    const variables = toVariables(inputs, context, setting);
    if (transport === undefined) return map(answer, undefined, variables, context, setting);
    const reply = await perform(
      () => {
        const outgoing = transport.prepare(variables, answer);
        spendCall(context, setting.source ?? sourceless, setting.budget);
        return sendOut(outgoing, () => limitsOf(context), setting.changes);
      },
      context,
      setting,
    );
    const replied = withReply(variables, reply);
    judge(reply, replied);
    return map(answer, reply.body, replied, context, setting);
  };
}

function map(
  { mapping }: Answer,
  body: unknown,
  variables: Variables,
  context: RequestContext,
  { definition, counts, log }: CallSetting,
): unknown {
  if (!countAnswer(counts, context.explainsMappings)) return mapping.evaluate(body, variables);
  const problems: MappingProblem[] = [];
  const value = mapping.evaluate(body, variables, problems);
  if (counts.remarks === 0 && problems[0] !== undefined && !context.explainsMappings) {
    log.warn(
      { connector: definition.coordinate },
      `A mapping found less than it looks for: ${problems[0].message}.`,
    );
  }
  counts.checked++;
  counts.remarks += problems.length;
  if (context.explainsMappings) remark(context, definition, problems);
  return value;
}

async function perform(
  send: () => Promise<Reply>,
  context: RequestContext,
  setting: CallSetting,
): Promise<Reply> {
  try {
    return await send();
  } catch (error) {
    const failure = toFailure(error, setting.facts);
    setting.log.warn(
      {
        requestId: context.id,
        connector: setting.definition.coordinate,
        source: setting.source?.name ?? '',
        code: failure.code,
        error,
      },
      'A call failed.',
    );
    throw failure;
  }
}

/**
 * What changes nothing is sent once more where the connection was lost before an answer began: a backend may close
 * an idle connection in the moment that it is used again. The second sending has what is left of the time.
 */
async function sendOut(outgoing: Outgoing, limits: () => CallLimits, changes: boolean): Promise<Reply> {
  try {
    return await outgoing.send(limits());
  } catch (error) {
    if (changes || !(error instanceof ConnectionLost)) throw error;
    return outgoing.send(limits());
  }
}

/** The error as the client may see it, with the connector it comes from. */
function toFailure(error: unknown, facts: CallSetting['facts']): GatewayError {
  if (!(error instanceof GatewayError)) {
    return new GatewayError('INTERNAL_SERVER_ERROR', 'The gateway failed to make this call.', {
      cause: error,
    });
  }
  const extensions = { ...facts, ...error.extensions };
  return new GatewayError(error.code, error.message, { extensions, cause: error.cause });
}

function toVariables(inputs: FetchInputs, context: RequestContext, setting: CallSetting): Variables {
  return {
    $args: inputs.args,
    $this: inputs.parent,
    $batch: inputs.parents,
    $config: setting.config,
    $context: nothing,
    $env: setting.environment,
    $request: { headers: context.headers },
    $claims: context.identity?.claims,
  };
}

const nothing = Object.freeze({});

/** Stands for the source of those that bring whole URLs. */
const sourceless = Object.freeze({});

function withReply(variables: Variables, reply: Reply): Variables {
  const { headers, trailers } = reply;
  return {
    ...variables,
    $status: reply.status,
    $response: trailers === undefined ? { headers } : { headers, trailers },
  };
}

function timeoutOf(source: SourceDefinition | undefined): number {
  switch (source?.kind) {
    case 'http':
      return source.http.timeoutMs ?? defaultCallTimeoutMs;
    case 'grpc':
      return source.grpc.timeoutMs ?? defaultCallTimeoutMs;
    case 'graphql':
      return source.graphql.timeoutMs ?? defaultCallTimeoutMs;
    default:
      return defaultCallTimeoutMs;
  }
}

/** The limits of one call, which throw a GatewayError where the operation has no time left. */
function createLimits(timeoutMs: number, changes: boolean): (context: RequestContext) => CallLimits {
  return (context) => {
    const left = context.deadline - performance.now();
    if (left <= 0) throw new GatewayError('GATEWAY_TIMEOUT', 'The operation took too long.');
    return { timeoutMs: Math.min(timeoutMs, left), signal: changes ? undefined : context.signal };
  };
}

/** Decides whether a reply is a success, and throws what a failure says to the client. */
function createJudge(setting: CallSetting): (reply: Reply, variables: Variables) => void {
  const { definition, source, facts } = setting;
  const success = compiled(definition.isSuccess ?? source?.isSuccess);
  const message = compiled(definition.errors?.message ?? source?.errors?.message);
  const extensions = [source?.errors?.extensions, definition.errors?.extensions].flatMap(
    (expression) => compiled(expression) ?? [],
  );
  return (reply, variables) => {
    const succeeded =
      success === undefined ? reply.succeeded : success.evaluate(reply.body, variables) === true;
    if (succeeded) return;
    throw new GatewayError('CONNECTOR_FETCH', messageOf(message, reply, variables), {
      extensions: extensions.reduce<Readonly<Record<string, unknown>>>(
        (known, mapping) => merged(known, mapping.evaluate(reply.body, variables)),
        { code: 'CONNECTOR_FETCH', ...facts, ...reply.facts },
      ),
    });
  };
}

function compiled(expression: Expression | undefined): Mapping | undefined {
  return expression && compileSelection(expression.selection);
}

function messageOf(mapping: Mapping | undefined, reply: Reply, variables: Variables): string {
  if (mapping === undefined) return 'Request failed';
  const message = mapping.evaluate(reply.body, variables);
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
