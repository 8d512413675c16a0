import type { Reply, StreamTransport } from '../transport.js';
import { subscribeByEvents, type Subscribing } from './event-source.js';
import { compileCall, noted, Operations, write, type TransportSetting } from './request.js';
import { fromPayload, type RemoteAnswer } from './response.js';
import type { Life, Streams } from './streams.js';
import { subscribeBySocket } from './transport-ws.js';

/** What the streams of one connector are opened with. */
export interface StreamSetting extends TransportSetting {
  /** Where: the scheme says in which way. */
  readonly address: URL;
  readonly streams: Streams;
}

/**
 * Prepares the streams of one connector. Each event is read as the answer to a query is; an event with nothing but
 * errors is a failure, and the stream goes on.
 *
 * @throws SchemaFilesError where the backend's schema is known and the connector does not fit it
 */
export function createStreamTransport(parts: StreamSetting): StreamTransport {
  const callOf = compileCall(parts);
  const operations = new Operations(parts);
  return {
    prepare: (variables, wanted) => {
      const call = callOf(variables, wanted);
      const written = operations.known && write(operations.known, call);
      const replies = async function* (life: Life): AsyncGenerator<Reply, void, void> {
        const { body, expected } = written ?? write(operations.of(await parts.schema.load(life)), call);
        for await (const answer of subscribe(parts.address, { body, headers: call.headers }, life)) {
          yield noted(fromPayload(answer, expected), parts);
        }
      };
      return { open: (limits) => parts.streams.open(replies, limits) };
    },
  };
}

function subscribe(address: URL, request: Subscribing, life: Life): AsyncGenerator<RemoteAnswer, void, void> {
  const isSocket = address.protocol === 'ws:' || address.protocol === 'wss:';
  return isSocket ? subscribeBySocket(address, request, life) : subscribeByEvents(address, request, life);
}
