import { status as codes } from '@grpc/grpc-js';
import { GatewayError } from '../../base/errors.js';

/** How a call ended, as grpc-js tells it. */
export interface Ending {
  readonly code: number;
  readonly details: string;
  /** Whether the backend itself sent this status, as far as can be told. */
  readonly sent: boolean;
}

/** `5` → `NOT_FOUND`. */
export function codeName(code: number): string {
  return codes[code] ?? 'UNKNOWN';
}

/** What grpc-js makes of an HTTP answer without gRPC status; the answer's headers stand where trailers should. */
const madeOfHttp = /^(?:Received HTTP status code|No status information)/;

/** What it makes up after headers have come. Some of it carries addresses. */
const madeUp =
  /^(?:Connection dropped|Call cancelled|Cancelled|Stream refused|Received (?:RST_STREAM|message)|Deadline exceeded|Bandwidth exhausted|Protocol not secure|Failed to decompress|Write (?:error|failed)|Too many responses|Channel closed|(?:read|write|connect) E[A-Z]+)/;

/**
 * Whether the backend itself sent a status, as far as can be told: what grpc-js makes up comes without trailers, and where
 * headers have come, its words are known.
 */
export function wasSent(details: string, hasHeaders: boolean, hasTrailers: boolean): boolean {
  if (madeOfHttp.test(details)) return false;
  return hasTrailers || (hasHeaders && !madeUp.test(details));
}

/**
 * What a client may know of a call that brought no answer; undefined for a status the backend sent, which is an answer.
 * The address and the words of grpc-js are in the cause, for the log.
 */
export function toGatewayError(ending: Ending): GatewayError | undefined {
  if (ending.sent && ending.code !== codes.DEADLINE_EXCEEDED) return undefined;
  const cause = new Error(`${codeName(ending.code)}: ${ending.details}`);
  switch (ending.code) {
    case codes.DEADLINE_EXCEEDED:
      return new GatewayError('GATEWAY_TIMEOUT', 'The backend took too long to answer.', { cause });
    case codes.CANCELLED:
      return new GatewayError('HTTP_CLIENT_ERROR', 'The call was broken off.', { cause });
    case codes.RESOURCE_EXHAUSTED:
      return new GatewayError('CONNECTOR_RESPONSE_INVALID', "The backend's answer is too large.", { cause });
    case codes.INTERNAL:
    case codes.UNIMPLEMENTED:
    case codes.UNKNOWN:
      return new GatewayError('CONNECTOR_RESPONSE_INVALID', "The backend's answer cannot be read.", {
        cause,
      });
    default:
      return new GatewayError('HTTP_CLIENT_ERROR', 'The backend could not be reached.', { cause });
  }
}

/** For an answer that is not the message it should be. */
export function undecodable(cause: unknown): GatewayError {
  return new GatewayError('CONNECTOR_RESPONSE_INVALID', "The backend's answer cannot be read.", { cause });
}
