import { hasMoreValues, parseJson } from '../mapping/json.js';
import { tooLarge } from './wire.js';

/** The most values, in lists and objects, that are read of one answer. */
const mostValues = 1_000_000;

/**
 * Reads the JSON of a backend.
 *
 * @throws SyntaxError where it is none; GatewayError `CONNECTOR_RESPONSE_INVALID` where it has too many values
 */
export function readAnswer(text: string): unknown {
  if (hasMoreValues(text, mostValues)) throw tooLarge(undefined);
  return parseJson(text);
}
