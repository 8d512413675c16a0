import { GatewayError } from '../base/errors.js';
import type { Variables } from '../mapping/scope.js';
import { compileHeader } from '../mapping/template.js';
import { isObject, own } from '../mapping/values.js';
import type { HeaderDefinition } from '../subgraph/subgraph.js';

/** A header's name as the schema writes it, and one value. A name with several values comes several times. */
export type HeaderEntry = readonly [name: string, value: string];

/**
 * Compiles header mappings, once. Those of the connector replace those of its source with the same name, whatever
 * its case. A header copied from the client's request is left out where the client did not send it.
 *
 * @returns gives the headers of one call; throws GatewayError `BAD_USER_INPUT` for a value no header can carry
 */
export function compileHeaders(
  ofSource: readonly HeaderDefinition[],
  ofConnect: readonly HeaderDefinition[],
): (variables: Variables) => HeaderEntry[] {
  const replaced = new Set(ofConnect.map((header) => header.name.toLowerCase()));
  const kept = ofSource.filter((header) => !replaced.has(header.name.toLowerCase()));
  const all = [...kept, ...ofConnect];
  const headers = all.map(compileOne);
  const fill = (variables: Variables) => headers.flatMap((header) => header(variables));
  return all.every(isConstant) ? once(fill) : fill;
}

function isConstant({ value }: HeaderDefinition): boolean {
  return value?.template.parts.every((part) => part.kind === 'constant') ?? false;
}

function once(fill: (variables: Variables) => HeaderEntry[]): () => HeaderEntry[] {
  let filled: HeaderEntry[] | undefined;
  return () => (filled ??= fill({}));
}

function compileOne({ name, from, value }: HeaderDefinition): (variables: Variables) => HeaderEntry[] {
  if (from !== undefined) return (variables) => clientValues(variables, from).map((text) => [name, text]);
  if (value === undefined) return () => [];
  const render = compileHeader(value.template);
  return (variables) => {
    const text = render(variables);
    if (typeof text === 'string') return [[name, text]];
    throw new GatewayError('BAD_USER_INPUT', `The header "${name}" cannot be sent: ${text.reason}.`);
  };
}

function clientValues(variables: Variables, name: string): string[] {
  const headers = isObject(variables.$request) ? own(variables.$request, 'headers') : undefined;
  const values = isObject(headers) ? own(headers, name) : undefined;
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
}

/** Whether a header of this name is among some, whatever its case. */
export function hasHeader(headers: readonly HeaderDefinition[], name: string): boolean {
  return headers.some((header) => header.name.toLowerCase() === name);
}
