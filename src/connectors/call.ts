import type { Environment } from '../base/config.js';
import type { RequestContext } from '../base/context.js';
import type { Log } from '../base/log.js';
import type { ConnectDefinition, SourceDefinition } from '../subgraph/subgraph.js';
import type { Answer } from './answers.js';
import { sourceless, spendCall, type CallBudget } from './call-budget.js';
import type { Connector } from './connector.js';
import { noteFailure } from './failure.js';
import { createJudge } from './judge.js';
import { createLimits } from './limits.js';
import { mapAnswer, type MappingCounts } from './mapping-report.js';
import { spendRows, type CountRows, type RowBudget } from './row-budget.js';
import type { CallLimits, Outgoing, Reply, Transport } from './transport.js';
import { toVariables, withReply } from './variables.js';
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
  readonly rows: RowBudget;
  readonly countRows: CountRows;
  readonly counts: MappingCounts;
  readonly log: Log;
}

/**
 * The way of every call, whatever the protocol: variables, request, deadline, success or failure, mapping.
 * A connector without a source maps its variables alone.
 */
export function createCall(setting: CallSetting): Connector['fetch'] {
  const { answers, transport, source } = setting;
  const limitsOf = createLimits(source, setting.changes);
  const judge = createJudge(setting);
  return async (inputs, wanted, context) => {
    const answer = answers(wanted);
    const variables = toVariables(inputs, context, setting);
    if (transport === undefined) return mapAnswer(answer.mapping, undefined, variables, context, setting);
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
    const value = mapAnswer(answer.mapping, reply.body, replied, context, setting);
    countRows(value, context, setting);
    return value;
  };
}

function countRows(value: unknown, context: RequestContext, setting: CallSetting): void {
  try {
    spendRows(context, setting.countRows(value), setting.rows);
  } catch (error) {
    throw noteFailure(error, 'An answer has more rows than the operation may have.', context, setting);
  }
}

async function perform(
  send: () => Promise<Reply>,
  context: RequestContext,
  setting: CallSetting,
): Promise<Reply> {
  try {
    return await send();
  } catch (error) {
    throw noteFailure(error, 'A call failed.', context, setting);
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
