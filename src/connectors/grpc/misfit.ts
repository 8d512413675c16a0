import { GatewayError } from '../../base/errors.js';
import { kindOf } from '../../mapping/values.js';

/** A value that cannot stand in its field. The path grows from the inside out while the stack unwinds. */
export class Misfit extends Error {
  override readonly name = 'Misfit';
  readonly path: (string | number)[] = [];

  within(key: string | number): this {
    this.path.unshift(key);
    return this;
  }
}

/** `must be text, not a list`: what a value should be, and which kind it is. The value itself is never told. */
export function misfit(expected: string, value: unknown): Misfit {
  return new Misfit(`must be ${expected}, not ${kindOf(value)}`);
}

/** Adds where in the request it happened. */
export function within(error: unknown, key: string | number): unknown {
  return error instanceof Misfit ? error.within(key) : error;
}

/** What a client may see of it: the path in the request, and what was expected there. */
export function toUserError(error: unknown): unknown {
  if (!(error instanceof Misfit)) return error;
  const place = error.path.length === 0 ? 'it' : `"${pathText(error.path)}"`;
  const message = `The request does not fit the backend: ${place} ${error.message}.`;
  return new GatewayError('BAD_USER_INPUT', message);
}

function pathText(path: readonly (string | number)[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key.slice(0, 60)}`))
    .join('')
    .replace(/^\./, '');
}
