import { GatewayError } from '../../base/errors.js';
import { readAnswer } from '../read-answer.js';
import type { Reply } from '../transport.js';
import type { WireReply } from '../wire.js';

/**
 * Reads an answer: JSON, or text for `text/plain`; a body of any other type is not looked at.
 *
 * @throws GatewayError `CONNECTOR_RESPONSE_INVALID` where the body is not what its type says
 */
export function toReply({ status, headers, body }: WireReply): Reply {
  const facts = { http: { status } };
  return {
    status,
    succeeded: status >= 200 && status < 300,
    headers,
    body: readBody(body, headers['content-type']?.[0], facts),
    facts,
  };
}

function readBody(body: Buffer, contentType: string | undefined, facts: Reply['facts']): unknown {
  if (body.length === 0) return null;
  const [type = '', ...parameters] = (contentType ?? 'application/json').toLowerCase().split(';');
  if (isJson(type.trim())) return readJson(body, facts);
  return type.trim() === 'text/plain' ? readText(body, charsetOf(parameters), facts) : null;
}

function isJson(type: string): boolean {
  return type === '' || type.endsWith('/json') || type.endsWith('+json');
}

function readJson(body: Buffer, facts: Reply['facts']): unknown {
  try {
    return readAnswer(body.toString('utf8'));
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw unreadable("The backend's answer is not JSON.", facts, cause);
  }
}

function readText(body: Buffer, charset: string, facts: Reply['facts']): string {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(body);
  } catch (cause) {
    throw unreadable("The backend's answer is not text in the encoding it names.", facts, cause);
  }
}

function charsetOf(parameters: readonly string[]): string {
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith('charset='));
  return charset?.slice('charset='.length).replaceAll('"', '') ?? 'utf-8';
}

function unreadable(message: string, facts: Reply['facts'], cause: unknown): GatewayError {
  return new GatewayError('CONNECTOR_RESPONSE_INVALID', message, { extensions: facts, cause });
}
