import { setMaxListeners } from 'node:events';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { Client, errors, Pool, type Dispatcher } from 'undici';
import type { Headers } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { CallLimits } from './transport.js';

/** Pooled HTTP/1.1 connections to one origin. Redirects are not followed. */
export interface Wire {
  /**
   * @throws GatewayError `HTTP_CLIENT_ERROR`, `GATEWAY_TIMEOUT` or `CONNECTOR_RESPONSE_INVALID`, with the cause;
   * {@link ConnectionLost} where it may be sent once more
   */
  send(message: WireMessage, limits: CallLimits): Promise<WireReply>;
  /** Ends every connection. Calls in flight fail. */
  close(): Promise<void>;
}

/** What is sent. */
export interface WireMessage {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, encoded. */
  readonly path: string;
  /** Names and values in turn: `['accept', 'application/json', …]`. */
  readonly headers: readonly string[];
  readonly body?: string | undefined;
}

/** What comes back, unpacked. */
export interface WireReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/**
 * The connection ended before an answer began, as when the backend closes an idle one in the moment that it is used
 * again. What changes nothing can be sent once more.
 */
export class ConnectionLost extends GatewayError {
  constructor(cause: unknown) {
    super('HTTP_CLIENT_ERROR', 'The backend closed the connection without an answer.', { cause });
  }
}

/** The largest answer that is read, in bytes, packed or unpacked. */
export const largestReply = 8_000_000;

/** Bytes of answers that have come in part, all together. */
export interface Intake {
  bytes: number;
  readonly max: number;
}

/** That of the process: a few backends with large answers must not take all its memory. */
const processIntake: Intake = { bytes: 0, max: 64_000_000 };

/**
 * Opens the connections to an origin such as `http://127.0.0.1:4001`; none is made before the first call.
 *
 * @param intake counts what has come; an answer for which it has no room fails with `OVERLOADED`
 */
export function openWire(origin: string, intake = processIntake): Wire {
  let pool = openPool(origin);
  const leaving = new Set<Pool>();
  /** One lost connection casts doubt on every idle one: a second try must not meet the next of them. */
  const renew = (doubtful: Pool) => {
    if (pool !== doubtful || doubtful.destroyed) return;
    pool = openPool(origin);
    leaving.add(doubtful);
    const forget = () => leaving.delete(doubtful);
    doubtful.close().then(forget, forget);
  };
  return {
    send: async (message, limits) => {
      const used = pool;
      try {
        return await send(used, message, limits, intake);
      } catch (error) {
        if (error instanceof ConnectionLost) renew(used);
        throw error;
      }
    },
    close: async () => {
      await Promise.all([pool, ...leaving].map((each) => each.destroy()));
    },
  };
}

function openPool(origin: string): Pool {
  return new Pool(origin, {
    connections: 128,
    pipelining: 1,
    connectTimeout: 1_000,
    // The call's own clock ends it; undici's would only fire later.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: largestReply,
    factory: (address, options) => new SteadyClient(address, options),
  });
}

/**
 * A pool waits for the drain of a connection that took no request. Of one that refused a request, as for an illegal
 * header, there is nothing to drain (undici 7.30): it would be lost for ever, and after 128 such requests the pool.
 */
class SteadyClient extends Client {
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return super.dispatch(options, handler) || this.stats.size === 0;
  }
}

async function send(
  pool: Pool,
  message: WireMessage,
  limits: CallLimits,
  intake: Intake,
): Promise<WireReply> {
  const reply = await exchange(pool, message, limits, intake);
  const coding = reply.headers['content-encoding'];
  return coding === undefined || reply.body.length === 0 ? reply : unpacked(reply, coding);
}

function exchange(
  pool: Pool,
  { method, path, headers, body }: WireMessage,
  limits: CallLimits,
  intake: Intake,
): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    if (limits.signal?.aborted === true) return reject(abandoned());
    // Node warns of more than ten listeners, and one request may well make more calls at once.
    if (limits.signal !== undefined) setMaxListeners(0, limits.signal);
    // undici only reads the list of headers
    const options = { method, path, headers: headers as string[], body: body ?? null };
    pool.dispatch(options, new Exchange(limits, intake, resolve, reject));
  });
}

/** One request and its answer. Whatever ends it first, its timer and its ear on the signal end with it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (reply: WireReply) => void;
  readonly #reject: (error: GatewayError) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  readonly #intake: Intake;
  #size = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Headers = noHeaders;
  #over: GatewayError | undefined;

  constructor(
    { timeoutMs, signal }: CallLimits,
    intake: Intake,
    resolve: (reply: WireReply) => void,
    reject: (error: GatewayError) => void,
  ) {
    this.#intake = intake;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.#abort(tooSlow()), timeoutMs);
    signal?.addEventListener('abort', this.#abandon);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It has waited for a connection until nobody wanted it any more.
    if (this.#over !== undefined) controller.abort(this.#over);
  }

  onResponseStart(_: unknown, status: number, headers: IncomingHeaders): void {
    this.#status = status;
    this.#headers = toHeaders(headers);
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    // Some may still come of what has been aborted.
    if (this.#over !== undefined) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#intake.bytes += chunk.length;
    if (this.#intake.bytes > this.#intake.max) this.#abort(noRoom());
  }

  onResponseEnd(): void {
    this.#stop();
    const [only] = this.#chunks;
    const body = only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: unknown, cause: unknown): void {
    this.#stop();
    this.#reject(this.#over ?? toGatewayError(cause, this.#status !== 0));
  }

  readonly #abandon = (): void => this.#abort(abandoned());

  #abort(error: GatewayError): void {
    this.#over = error;
    this.#stop();
    this.#controller?.abort(error);
    this.#reject(error);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#intake.bytes -= this.#size;
    this.#size = 0;
    this.#signal?.removeEventListener('abort', this.#abandon);
  }
}

type IncomingHeaders = Readonly<Record<string, string | string[] | undefined>>;

const noHeaders: Headers = Object.freeze(Object.create(null) as Headers);

/** Headers as undici gives them, in our form. */
export function toHeaders(incoming: IncomingHeaders): Headers {
  const headers = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, value] of Object.entries(incoming)) {
    if (value !== undefined) headers[name.toLowerCase()] = typeof value === 'string' ? [value] : value;
  }
  return headers;
}

// Unpacking: we ask for none, but some services pack every answer.

type Unpack = (packed: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const unpackers: ReadonlyMap<string, Unpack> = new Map([
  ['identity', (packed) => Promise.resolve(packed)],
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

async function unpacked(reply: WireReply, codings: readonly string[]): Promise<WireReply> {
  const unpack = unpackers.get(codings.join(',').trim().toLowerCase());
  try {
    if (unpack === undefined)
      throw new Error(`No way is known to unpack ${codings.join(', ').slice(0, 100)}`);
    return { ...reply, body: await unpack(reply.body, { maxOutputLength: largestReply }) };
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge(cause) : invalid("The backend's answer cannot be unpacked.", cause);
  }
}

// Errors

/**
 * What an error of undici means.
 *
 * @param hasBegun whether the head of an answer has come
 */
export function toGatewayError(cause: unknown, hasBegun: boolean): GatewayError {
  if (cause instanceof errors.ConnectTimeoutError) return tooSlow(cause);
  if (cause instanceof errors.ResponseExceededMaxSizeError || cause instanceof errors.HeadersOverflowError) {
    return tooLarge(cause);
  }
  if (cause instanceof errors.HTTPParserError || cause instanceof errors.ResponseContentLengthMismatchError)
    return invalid("The backend's answer is not HTTP.", cause);
  if (cause instanceof errors.InvalidArgumentError || cause instanceof errors.NotSupportedError) {
    return new GatewayError('BAD_USER_INPUT', 'A header or the URL of the call cannot be sent.', { cause });
  }
  if (hasBegun) {
    return new GatewayError('HTTP_CLIENT_ERROR', "The backend's answer broke off.", { cause });
  }
  return isLost(cause)
    ? new ConnectionLost(cause)
    : new GatewayError('HTTP_CLIENT_ERROR', 'The backend could not be reached.', { cause });
}

/** undici's own code is for a connection that ends in good order, the others are for one that breaks. */
const lostCodes: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function isLost(cause: unknown): boolean {
  return lostCodes.has((cause as NodeJS.ErrnoException | undefined)?.code);
}

function tooSlow(cause?: unknown): GatewayError {
  return new GatewayError('GATEWAY_TIMEOUT', 'The backend took too long to answer.', { cause });
}

function noRoom(): GatewayError {
  return new GatewayError('OVERLOADED', 'The gateway reads as many answers of backends as it has room for.');
}

/** The backend sends more than is read. */
export function tooLarge(cause: unknown): GatewayError {
  return invalid("The backend's answer is too large.", cause);
}

/** The backend sends something else than it should. */
export function invalid(message: string, cause: unknown): GatewayError {
  return new GatewayError('CONNECTOR_RESPONSE_INVALID', message, { cause });
}

/** The client has gone. */
export function abandoned(): GatewayError {
  return new GatewayError('HTTP_CLIENT_ERROR', 'Nobody waits for the answer any more.');
}
