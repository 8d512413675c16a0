import type { RequestContext } from '../base/context.js';
import { mapStream } from '../base/streams.js';
import type { Variables } from '../mapping/scope.js';
import type { Answer } from './answers.js';
import type { CallSetting } from './call.js';
import { sourceless, spendCall } from './call-budget.js';
import type { Connector } from './connector.js';
import { noteFailure } from './failure.js';
import { createJudge } from './judge.js';
import { createLimits } from './limits.js';
import { mapAnswer } from './mapping-report.js';
import type { Reply, StreamTransport } from './transport.js';
import { toVariables, withReply } from './variables.js';

/** What the streams of one connector are made with. */
export interface StreamSetting extends CallSetting {
  readonly streams: StreamTransport;
}

/**
 * The way of every stream, whatever the protocol: variables, request, time to be accepted; then each event as if it
 * were the answer of a call. It counts as one call, however many events come.
 */
export function createStream(setting: StreamSetting): NonNullable<Connector['subscribe']> {
  const limitsOf = createLimits(setting.source, false);
  const judge = createJudge(setting);
  return (inputs, wanted, context) => {
    const answer = setting.answers(wanted);
    const variables = toVariables(inputs, context, setting);
    const toEvent = (reply: Reply): unknown => {
      const replied = withReply(variables, reply);
      judge(reply, replied);
      return mapAnswer(answer.mapping, reply.body, replied, context, setting);
    };
    const replies = open(variables, answer, context);
    return mapStream(replies, {
      next: (reply) => contained(() => toEvent(reply)),
      failed: (error) => {
        throw noteFailure(error, 'A stream failed.', context, setting);
      },
    });
  };

  function open(variables: Variables, answer: Answer, context: RequestContext): AsyncIterator<Reply> {
    try {
      const outgoing = setting.streams.prepare(variables, answer);
      spendCall(context, setting.source ?? sourceless, setting.budget);
      return outgoing.open(limitsOf(context));
    } catch (error) {
      throw noteFailure(error, 'A stream could not be opened.', context, setting);
    }
  }
}

/** An error as a value: it is that of one event, and the stream goes on. */
function contained(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
