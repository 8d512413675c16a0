import type { ServerResponse } from 'node:http';
import type { Answered, Outcome, Streaming } from './apollo.js';
import { onExpiry } from './expiry.js';
import { createOutlet, type Outlet } from './outlet.js';
import { errorBody, overloaded, type Reply } from './refusal.js';
import { safeHeaders } from './send.js';
import type { Subscribers, SubscriptionLimits } from './subscribers.js';

/** The media type that asks for a stream of events. */
export const eventStreamType = 'text/event-stream';

/** What {@link answerWithEvents} needs beside the request. */
export interface EventStreamOptions {
  /** Headers for the answer, beside those of every event stream. */
  readonly headers: Readonly<Record<string, string>>;
  readonly subscribers: Subscribers;
  readonly limits: SubscriptionLimits;
  /** Runs the operation. */
  readonly open: () => Promise<Outcome>;
}

/**
 * Answers a request with a stream of events: the "distinct connections mode" of GraphQL over Server-Sent Events
 * (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). Every answer is a `next`; after the last one
 * comes `complete`. A query or mutation has one answer; so has what does not fit the schema.
 *
 * @returns what is to be sent instead where GraphQL has not begun, such as for a bad token; nothing where the stream
 * was sent
 */
export async function answerWithEvents(
  response: ServerResponse,
  { headers, subscribers, limits, open }: EventStreamOptions,
): Promise<Reply | undefined> {
  const closing = new AbortController();
  const leave = subscribers.join({ end: () => closing.abort(), cut: () => response.destroy() });
  if (leave === undefined) return overloaded();
  try {
    const outcome = await open();
    if (outcome.kind === 'refused') return outcome.reply;
    const terms = { headers: { ...headers, ...outcome.headers }, limits, closing: closing.signal };
    await send(response, outcome, terms);
    return undefined;
  } finally {
    leave();
  }
}

interface Terms {
  readonly headers: Readonly<Record<string, string>>;
  readonly limits: SubscriptionLimits;
  readonly closing: AbortSignal;
}

async function send(response: ServerResponse, outcome: Answered | Streaming, terms: Terms): Promise<void> {
  const { socket } = response;
  if (socket === null || socket.destroyed) {
    if (outcome.kind === 'streaming') outcome.answers.end();
    return;
  }
  const outlet = createOutlet(
    {
      socket,
      bufferedBytes: () => response.writableLength,
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    },
    terms.limits,
  );
  // A connection for each stream: one that has ended leaves nothing behind for the next request to trip over.
  response.writeHead(200, {
    ...safeHeaders,
    ...terms.headers,
    'content-type': `${eventStreamType}; charset=utf-8`,
    // Some proxies collect answers; this one is worth nothing late.
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  const put = (text: string) => outlet.put((done) => response.write(text, done));
  if (outcome.kind === 'answered') await put(event('next', outcome.reply.body.trimEnd()) + complete);
  else await sendAnswers(response, outcome, outlet, terms);
  response.end();
}

/** Sends the events of a subscription until they end, the token expires, the client goes, or the gateway does. */
async function sendAnswers(
  response: ServerResponse,
  { answers, identity }: Streaming,
  outlet: Outlet,
  { limits, closing }: Terms,
): Promise<void> {
  const put = (text: string) => outlet.put((done) => response.write(text, done));
  let last = complete;
  const forget = onExpiry(identity, () => {
    last = event('next', errorBody('The token has expired.', 'UNAUTHENTICATED').trimEnd()) + complete;
    answers.end();
  });
  // Told only that the stream is over, not that the subscription is, clients ask again, where another gateway answers.
  const move = (): void => {
    last = '';
    answers.end();
  };
  const pings = setInterval(() => {
    if (!outlet.isFull()) void put(comment);
  }, limits.pingIntervalMs);
  response.once('close', answers.end);
  closing.addEventListener('abort', move, { once: true });
  if (closing.aborted) move();

  await put(comment);
  for (let step = await answers.next(); step.done !== true; step = await answers.next()) {
    await put(event('next', step.value));
  }
  clearInterval(pings);
  forget();
  await put(last);
}

/** Says nothing, but that the connection lives. */
const comment = ':\n\n';

/** Without a `data` line, browsers do not report an event. */
const complete = 'event: complete\ndata:\n\n';

/** JSON in one line, as ours is, fits one `data` line. */
function event(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}
