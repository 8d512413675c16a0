import { Metadata } from '@grpc/grpc-js';
import type { Headers } from '../../base/context.js';
import { GatewayError } from '../../base/errors.js';
import type { Variables } from '../../mapping/scope.js';
import type { HeaderDefinition } from '../../subgraph/subgraph.js';
import { compileHeaders } from '../headers.js';

/** Gives the metadata of one call; throws GatewayError `BAD_USER_INPUT` for a value that cannot be sent. */
export type ToMetadata = (variables: Variables) => Metadata;

/** Compiles metadata mappings, once. The values of `-bin` keys are base64 text in the mapping, and bytes on the wire. */
export function compileMetadata(
  ofSource: readonly HeaderDefinition[],
  ofConnect: readonly HeaderDefinition[],
): ToMetadata {
  const headers = compileHeaders(ofSource, ofConnect);
  return (variables) => {
    const metadata = new Metadata();
    for (const [name, value] of headers(variables)) add(metadata, name.toLowerCase(), value);
    return metadata;
  };
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: ASCII-Value */
const asciiValue = /^[\x20-\x7e]*$/;
const base64Value = /^[A-Za-z0-9+/_-]*={0,2}$/;
const longestValue = 8_192;

function add(metadata: Metadata, name: string, value: string): void {
  if (value.length > longestValue) throw refused(name, 'it is too long');
  if (name.endsWith('-bin')) {
    if (!base64Value.test(value)) throw refused(name, 'it is not base64 text');
    metadata.add(name, Buffer.from(value, 'base64'));
    return;
  }
  if (name === 'authorization' && metadata.get(name).length > 0)
    throw refused(name, 'there is more than one');
  if (!asciiValue.test(value)) throw refused(name, 'only printable ASCII characters can be sent');
  metadata.add(name, value);
}

function refused(name: string, reason: string): GatewayError {
  return new GatewayError('BAD_USER_INPUT', `The metadata "${name}" cannot be sent: ${reason}.`);
}

/** Metadata as headers: names in lower case, binary values as base64. */
export function toHeaders(metadata: Metadata | undefined): Headers {
  const headers = Object.create(null) as Record<string, readonly string[]>;
  if (metadata === undefined) return headers;
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    headers[name] = values.map((value) => (typeof value === 'string' ? value : value.toString('base64')));
  }
  return headers;
}
