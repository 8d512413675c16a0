import { GatewayError } from '../../base/errors.js';
import { isObject, scalarText } from '../../mapping/values.js';

/** The content type that makes a body a form; a parameter such as `charset` switches this off. */
export const formType = 'application/x-www-form-urlencoded';

/**
 * Encodes an object as a form: nested objects and lists become `a[b]=…` and `a[0]=…`, null an empty value, empty
 * lists and objects vanish.
 *
 * @throws GatewayError where the value is no object, or has text without a UTF-8 form
 */
export function encodeForm(value: unknown): string {
  if (!isObject(value)) throw new GatewayError('BAD_USER_INPUT', 'A form must be made from an object.');
  const pairs = Object.entries(value).flatMap(([name, each]) => pairsOf(name, each));
  // URLSearchParams would send a replacement character instead.
  if (pairs.flat().some((text) => /\p{Surrogate}/u.test(text))) {
    throw new GatewayError('BAD_USER_INPUT', 'A form cannot carry half a surrogate pair.');
  }
  return new URLSearchParams(pairs).toString();
}

function pairsOf(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => pairsOf(`${name}[${index}]`, item));
  if (isObject(value))
    return Object.entries(value).flatMap(([key, each]) => pairsOf(`${name}[${key}]`, each));
  return [[name, scalarText(value) ?? '']];
}
