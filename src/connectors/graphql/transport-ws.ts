import type { Headers } from '../../base/context.js';
import type { GatewayError } from '../../base/errors.js';
import { isObject, own } from '../../mapping/values.js';
import type { HeaderEntry } from '../headers.js';
import { invalid } from '../wire.js';
import type { Subscribing } from './event-source.js';
import { parsed, type RemoteAnswer } from './response.js';
import { Closed, Refused, Socket } from './socket.js';
import type { Life } from './streams.js';

/**
 * Subscribes with graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md), on a socket
 * of its own. The headers go with the request that opens the socket, and as an object with `connection_init`, which
 * is where most services look for them.
 *
 * @throws GatewayError from `next()`
 */
export async function* subscribeBySocket(
  url: URL,
  request: Subscribing,
  life: Life,
): AsyncGenerator<RemoteAnswer, void, void> {
  const headers = toHeaderMap(request.headers);
  const greeting = JSON.stringify({ type: 'connection_init', payload: headers });
  const socket = new Socket<Message>({ url, protocol: 'graphql-transport-ws', headers, greeting, read });
  const close = () => socket.close();
  life.signal.addEventListener('abort', close, { once: true });
  try {
    yield* converse(socket, request.body, life);
  } catch (error) {
    yield refusalIn(error);
  } finally {
    close();
  }
}

async function* converse(
  socket: Socket<Message>,
  body: string,
  life: Life,
): AsyncGenerator<RemoteAnswer, void, void> {
  const first = await socket.receive();
  if (first.type !== 'connection_ack') throw meaningless(`"${first.type}" came before "connection_ack"`);
  life.accepted();
  socket.send(`{"id":"${id}","type":"subscribe","payload":${body}}`);
  for (;;) {
    const message = await socket.receive();
    switch (message.type) {
      case 'next':
        yield { ...head, payload: message.payload };
        break;
      case 'error':
        return yield { ...head, payload: { errors: message.payload } };
      case 'complete':
        return;
      case 'connection_ack':
        throw meaningless('"connection_ack" came twice');
    }
  }
}

/** The only subscription of its socket. */
const id = '1';

/** An event has no status of its own: it counts as one that was answered well. */
const head = { status: 200, headers: Object.freeze(Object.create(null) as Headers) };

function toHeaderMap(entries: readonly HeaderEntry[]): Readonly<Record<string, string>> {
  const map = new Map<string, string>();
  for (const [name, value] of entries) {
    const known = map.get(name);
    map.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return Object.fromEntries(map);
}

/** What a service has to say to the one who waits. */
type Message =
  | { readonly type: 'connection_ack' | 'complete' }
  | { readonly type: 'next' | 'error'; readonly payload: unknown };

/** Reads a message; pings are answered at once. */
function read(text: string, socket: Socket<Message>): Message | undefined {
  const message = parsed(text);
  if (!isObject(message)) throw meaningless('it is no message');
  const type = own(message, 'type');
  switch (type) {
    case 'ping':
      socket.send('{"type":"pong"}');
      return undefined;
    case 'pong':
      return undefined;
    case 'connection_ack':
      return { type };
    case 'next':
    case 'error':
    case 'complete':
      if (own(message, 'id') !== id) throw meaningless(`"${type}" is for another subscription`);
      return { type, payload: own(message, 'payload') };
    default:
      throw meaningless('it is a message of no known type');
  }
}

function meaningless(fault: string): GatewayError {
  return invalid("The backend's answer cannot be read.", new Error(`Of a message: ${fault}.`));
}

/** Close codes that are meant as the status of HTTP with the same last digits. */
const refusals: ReadonlySet<number> = new Set([4401, 4403]);

/** A refusal in HTTP's words is an answer, and the connector judges it as one. */
function refusalIn(error: unknown): RemoteAnswer {
  if (error instanceof Refused) return { status: error.status, headers: error.headers, payload: undefined };
  if (error instanceof Closed && refusals.has(error.closeCode)) {
    return { ...head, status: error.closeCode - 4_000, payload: undefined };
  }
  throw error;
}
