import { pipeline, type Readable, type Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Client, type Dispatcher } from 'undici';
import { GatewayError } from '../../base/errors.js';
import type { HeaderEntry } from '../headers.js';
import { invalid, largestReply, toGatewayError, toHeaders, tooLarge } from '../wire.js';
import { EventStreamReader, EventTooLarge } from './event-stream.js';
import { parsed, type RemoteAnswer } from './response.js';
import type { Life } from './streams.js';

/** A request for events, as every way of asking for them takes it. */
export interface Subscribing {
  /** The GraphQL request, as JSON. */
  readonly body: string;
  readonly headers: readonly HeaderEntry[];
}

/**
 * Subscribes with server-sent events: the "distinct connections mode" of
 * https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. The stream has a connection of its own, which is
 * read only while somebody waits; what TCP and Node hold is all that is read ahead. A service that answers with JSON
 * instead has given its one and only answer.
 *
 * @throws GatewayError from `next()`
 */
export async function* subscribeByEvents(
  url: URL,
  request: Subscribing,
  life: Life,
): AsyncGenerator<RemoteAnswer, void, void> {
  const client = new Client(url.origin, {
    connectTimeout: 1_000,
    // Only the time until the backend has accepted is limited, and by the stream's own clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  let hasBegun = false;
  try {
    const response = await client.request(toRequest(url, request, life));
    hasBegun = true;
    // It may be torn down before, or after, somebody reads it.
    response.body.on('error', () => undefined);
    yield* readResponse(response, life);
  } catch (error) {
    throw error instanceof GatewayError ? error : toGatewayError(error, hasBegun);
  } finally {
    await client.destroy();
  }
}

function toRequest({ pathname, search }: URL, { body, headers }: Subscribing, { signal }: Life) {
  const replaced = new Set(['accept', 'content-type']);
  const kept = headers.filter(([name]) => !replaced.has(name.toLowerCase()));
  return {
    method: 'POST' as const,
    path: pathname + search,
    headers: [...kept.flat(), 'content-type', 'application/json', 'accept', 'text/event-stream'],
    body,
    signal,
  };
}

async function* readResponse(
  { statusCode: status, headers: incoming, body }: Dispatcher.ResponseData,
  life: Life,
): AsyncGenerator<RemoteAnswer, void, void> {
  const headers = toHeaders(incoming);
  const content = unpacked(body, headers['content-encoding']);
  const type = headers['content-type']?.[0] ?? '';
  if (status === 200 && /^text\/event-stream\s*(?:;|$)/i.test(type)) {
    life.accepted();
    for await (const payload of readPayloads(content)) yield { status, headers, payload };
    return;
  }
  const text = await readText(content);
  life.accepted();
  yield { status, headers, payload: parsed(text) };
}

/** What comes with `next`, up to `complete`; all other events mean nothing to us. */
async function* readPayloads(content: AsyncIterable<Buffer>): AsyncGenerator<unknown, void, void> {
  for await (const { type, data } of readEvents(content)) {
    if (type === 'complete') return;
    if (type === 'next') yield parsed(data);
  }
  throw new GatewayError('HTTP_CLIENT_ERROR', "The backend's stream broke off.", {
    cause: new Error('The stream ended without a "complete".'),
  });
}

async function* readEvents(content: AsyncIterable<Buffer>) {
  const reader = new EventStreamReader();
  try {
    for await (const piece of content) yield* reader.read(piece);
  } catch (error) {
    throw error instanceof EventTooLarge ? tooLarge(error) : error;
  }
}

async function readText(content: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(piece);
    length += piece.length;
    if (length > largestReply) throw tooLarge(new Error(`It has more than ${largestReply} bytes.`));
  }
  return Buffer.concat(pieces).toString('utf8');
}

// Unpacking: we ask for none, but some services, or what stands before them, pack everything.

const unpackers: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
]);

/** Piece by piece, and no faster than the pieces are read. */
async function* unpacked(
  body: Readable,
  codings: readonly string[] = [],
): AsyncGenerator<Buffer, void, void> {
  const coding = codings.join(',').trim().toLowerCase();
  if (coding === '' || coding === 'identity') {
    yield* body as AsyncIterable<Buffer>;
    return;
  }
  const unpacker = unpackers.get(coding)?.();
  if (unpacker === undefined) throw cannotUnpack(new Error(`No way is known for ${coding.slice(0, 100)}.`));
  // An error of either ends both, and meets whoever reads.
  pipeline(body, unpacker, () => undefined);
  try {
    yield* unpacker as AsyncIterable<Buffer>;
  } catch (error) {
    const isOurs = /^(?:Z_|ERR__)/.test(String((error as NodeJS.ErrnoException).code));
    throw isOurs ? cannotUnpack(error) : error;
  }
}

function cannotUnpack(cause: unknown): GatewayError {
  return invalid("The backend's answer cannot be unpacked.", cause);
}
