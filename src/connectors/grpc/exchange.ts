import { status as codes, type Client, type Metadata } from '@grpc/grpc-js';
import { GatewayError } from '../../base/errors.js';
import type { CallLimits } from '../transport.js';
import { wasSent, type Ending } from './errors.js';

/** One request to a method, in bytes. */
export interface Request {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Buffer;
  readonly metadata: Metadata;
}

/** What the backend sent: one message, or why there is none. */
export interface Answer {
  readonly code: number;
  readonly details: string;
  /** Present where the code is 0. */
  readonly message?: Buffer | undefined;
  readonly headers?: Metadata | undefined;
  /** Absent while a stream goes on. */
  readonly trailers?: Metadata | undefined;
}

/** Where a request goes, and what ends it early. */
export interface Route extends CallLimits {
  /** The client that is next in turn. */
  next(): Client;
  /** How many clients there are to try. */
  readonly tries: number;
  /** Aborted when the channels are closed. */
  readonly closing: AbortSignal;
}

/** A call as grpc-js makes it, on the channel itself. */
export type ChannelCall = ReturnType<ReturnType<Client['getChannel']>['createCall']>;

/**
 * Makes a call straight on the channel: what `makeUnaryRequest` and its sisters lay over it (interceptors, events, a
 * stack trace for every call, a buffer) costs more than it gives.
 *
 * @throws GatewayError where the channel is closed
 */
export function createCall(client: Client, path: string, deadline: number): ChannelCall {
  try {
    return client.getChannel().createCall(path, deadline, null, null, null);
  } catch (error) {
    throw abandoned(error);
  }
}

/** How a call ended that ended with a failure. */
export function failureOf({ code, details, headers, trailers }: Answer): Ending {
  // grpc-js has no status for a compression it does not know, and any text may stand in grpc-status
  if (!Number.isInteger(code)) return { code: codes.UNKNOWN, details: 'no valid status', sent: false };
  const hasTrailers = trailers !== undefined && Object.keys(trailers.toJSON()).length > 0;
  return { code, details, sent: wasSent(details, headers !== undefined, hasTrailers) };
}

/** A call that found no connection has not left: it may go to the next address, whatever it does there. */
export function neverLeft({ code, details }: Ending): boolean {
  return code === codes.UNAVAILABLE && /^(?:No connection|Name resolution)/.test(details);
}

/** For a call whose end did not come from the backend. */
export function abandoned(cause: unknown): GatewayError {
  return new GatewayError('HTTP_CLIENT_ERROR', 'The call was broken off.', { cause });
}
