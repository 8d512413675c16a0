import { setMaxListeners } from 'node:events';
import { status as codes, type Client, type Metadata } from '@grpc/grpc-js';
import { toGatewayError, type Ending } from './errors.js';
import {
  abandoned,
  createCall,
  failureOf,
  neverLeft,
  type Answer,
  type Request,
  type Route,
} from './exchange.js';

/**
 * Makes a call that is answered once.
 *
 * @throws GatewayError where the backend sent no status of its own
 */
export async function callOnce(request: Request, route: Route): Promise<Answer> {
  const deadline = Date.now() + route.timeoutMs;
  for (let left = route.tries; ; left--) {
    const { answer, ending } = await attempt(route.next(), request, deadline, route);
    if (route.signal?.aborted === true && !ending.sent) throw abandoned(route.signal.reason);
    const error = toGatewayError(ending);
    if (error === undefined) return answer;
    if (left <= 1 || !neverLeft(ending)) throw error;
  }
}

interface Attempt {
  readonly answer: Answer;
  readonly ending: Ending;
}

function attempt(
  client: Client,
  { path, message, metadata }: Request,
  deadline: number,
  { signal, closing }: Route,
): Promise<Attempt> {
  if (signal?.aborted === true) throw abandoned(signal.reason);
  // one request may make more calls at once than the ten that Node expects
  if (signal !== undefined) setMaxListeners(0, signal);
  return new Promise((resolve) => {
    const replies: Buffer[] = [];
    let headers: Metadata | undefined;
    const call = createCall(client, path, deadline);
    const abandon = () => call.cancelWithStatus(codes.CANCELLED, 'Cancelled on client');
    signal?.addEventListener('abort', abandon, { once: true });
    closing.addEventListener('abort', abandon, { once: true });
    call.start(metadata, {
      onReceiveMetadata: (received) => (headers = received),
      onReceiveMessage: (received: Buffer) => {
        replies.push(received);
        // a second message must be seen to be refused
        call.startRead();
      },
      onReceiveStatus: ({ code, details, metadata: trailers }) => {
        signal?.removeEventListener('abort', abandon);
        closing.removeEventListener('abort', abandon);
        const answer = { code, details, message: replies[0], headers, trailers };
        resolve({ answer, ending: endingOf(answer, replies.length) });
      },
    });
    call.sendMessageWithContext({}, message);
    call.halfClose();
    call.startRead();
  });
}

function endingOf(answer: Answer, replies: number): Ending {
  const { code, details } = answer;
  if (code !== codes.OK) return failureOf(answer);
  if (replies === 1) return { code, details, sent: true };
  return { code: codes.UNIMPLEMENTED, details: `${replies} messages instead of one`, sent: false };
}
