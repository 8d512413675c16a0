import type { Reply } from '../transport.js';
import type { Decode } from './decode.js';
import { codeName, undecodable } from './errors.js';
import type { Answer } from './exchange.js';
import { toHeaders } from './metadata.js';

/**
 * An answer as connectors see it: the message as ProtoJSON, or for a failure `{ code, message }`, whose message is the
 * backend's own and shown to nobody unless the schema says so.
 *
 * @throws GatewayError `CONNECTOR_RESPONSE_INVALID` where the bytes are not the message they should be
 */
export function toReply(answer: Answer, decode: Decode): Reply {
  const { code, details, headers, trailers, message } = answer;
  const succeeded = code === 0;
  return {
    status: code,
    succeeded,
    headers: toHeaders(headers),
    trailers: toHeaders(trailers),
    body: succeeded ? decodeMessage(message, decode) : { code: codeName(code), message: details },
    facts: { grpc: { status: code, code: codeName(code) } },
  };
}

function decodeMessage(message: Buffer | undefined, decode: Decode): unknown {
  try {
    return decode(message ?? Buffer.alloc(0));
  } catch (error) {
    throw undecodable(error);
  }
}
