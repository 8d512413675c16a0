import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { SourceDefinition } from '../subgraph/subgraph.js';
import { defaultCallTimeoutMs, type CallLimits } from './transport.js';

/**
 * The limits of the calls to a source, which throw a GatewayError where the operation has no time left.
 *
 * @param changes what changes something is let finish although its client has gone
 */
export function createLimits(
  source: SourceDefinition | undefined,
  changes: boolean,
): (context: RequestContext) => CallLimits {
  const timeoutMs = timeoutOf(source);
  return (context) => {
    const left = context.deadline - performance.now();
    if (left <= 0) throw new GatewayError('GATEWAY_TIMEOUT', 'The operation took too long.');
    const callMs = Math.min(timeoutMs, left);
    return changes
      ? { timeoutMs: callMs }
      : { timeoutMs: callMs, signal: context.signal, operation: context };
  };
}

function timeoutOf(source: SourceDefinition | undefined): number {
  switch (source?.kind) {
    case 'http':
      return source.http.timeoutMs ?? defaultCallTimeoutMs;
    case 'grpc':
      return source.grpc.timeoutMs ?? defaultCallTimeoutMs;
    case 'graphql':
      return source.graphql.timeoutMs ?? defaultCallTimeoutMs;
    default:
      return defaultCallTimeoutMs;
  }
}
