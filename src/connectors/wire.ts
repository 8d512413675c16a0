import { errors, Pool, type Dispatcher } from 'undici';
import type { Headers } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { CallLimits } from './transport.js';

/** Pooled HTTP/1.1 connections to one origin. Redirects are not followed, bodies are not unpacked. */
export interface Wire {
  /** @throws GatewayError `HTTP_CLIENT_ERROR`, `GATEWAY_TIMEOUT` or `CONNECTOR_RESPONSE_INVALID`, with the cause */
  send(message: WireMessage, limits: CallLimits): Promise<WireReply>;
  close(): Promise<void>;
}

export interface WireMessage {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, encoded. */
  readonly path: string;
  /** Names and values in turn: `['accept', 'application/json', …]`. */
  readonly headers: readonly string[];
  readonly body?: string | undefined;
}

export interface WireReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** The largest answer that is read, in bytes. */
const largestReply = 8_000_000;

/** Opens the connections to an origin such as `http://127.0.0.1:4001`; none is made before the first call. */
export function openWire(origin: string): Wire {
  const pool = new Pool(origin, {
    connections: 128,
    pipelining: 1,
    connectTimeout: 1_000,
    // The call's own clock ends it; undici's would only fire later.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: largestReply,
  });
  return {
    send: (message, limits) => send(pool, message, limits),
    close: () => pool.destroy(),
  };
}

async function send(pool: Pool, message: WireMessage, limits: CallLimits): Promise<WireReply> {
  const clock = startClock(limits);
  try {
    const { method, path, headers, body = null } = message;
    const reply = await pool.request({ method, path, headers: [...headers], body, signal: clock.signal });
    const content = Buffer.from(await reply.body.arrayBuffer());
    return { status: reply.statusCode, headers: toHeaders(reply.headers), body: content };
  } catch (error) {
    throw toGatewayError(error, clock.expired());
  } finally {
    clock.stop();
  }
}

/** One signal for "too late" and "nobody waits any more". */
function startClock(limits: CallLimits) {
  const controller = new AbortController();
  let expired = false;
  const expire = () => {
    expired = true;
    controller.abort();
  };
  const abandon = () => controller.abort();
  const timer = setTimeout(expire, limits.timeoutMs);
  limits.signal?.addEventListener('abort', abandon, { once: true });
  if (limits.signal?.aborted) abandon();
  return {
    signal: controller.signal,
    expired: () => expired,
    stop: () => {
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', abandon);
    },
  };
}

function toHeaders(incoming: Record<string, string | string[] | undefined>): Headers {
  const headers = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, value] of Object.entries(incoming)) {
    if (value !== undefined) headers[name.toLowerCase()] = typeof value === 'string' ? [value] : value;
  }
  return headers;
}

function toGatewayError(cause: unknown, expired: boolean): GatewayError {
  if (expired || cause instanceof errors.ConnectTimeoutError) {
    return new GatewayError('GATEWAY_TIMEOUT', 'The backend took too long to answer.', { cause });
  }
  if (cause instanceof errors.ResponseExceededMaxSizeError) {
    return new GatewayError('CONNECTOR_RESPONSE_INVALID', "The backend's answer is too large.", { cause });
  }
  if (cause instanceof errors.InvalidArgumentError) {
    return new GatewayError('BAD_USER_INPUT', 'A header or the URL of the call cannot be sent.', { cause });
  }
  return new GatewayError('HTTP_CLIENT_ERROR', 'The backend could not be reached.', { cause });
}
