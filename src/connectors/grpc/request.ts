import type { Variables } from '../../mapping/scope.js';
import { compileSelection } from '../../mapping/compile.js';
import type { Expression } from '../../subgraph/subgraph.js';
import { compileEncoder } from './encode.js';
import type { MessageType } from './messages.js';

/** Builds the bytes of a call's request; throws GatewayError `BAD_USER_INPUT` for a value that does not fit. */
export type ToRequest = (variables: Variables) => Buffer;

/** Compiles a request mapping, once. Without one, the arguments of the field are the fields of the message. */
export function compileRequest(request: Expression | undefined, input: MessageType): ToRequest {
  const encode = compileEncoder(input);
  if (request === undefined) return (variables) => encode(variables.$args ?? {});
  const mapping = compileSelection(request.selection);
  return (variables) => encode(mapping.evaluate(undefined, variables) ?? {});
}
