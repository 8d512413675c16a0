import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ConnectDefinition, SourceDefinition } from '../subgraph/subgraph.js';

/** Whose failures are told. */
export interface FailureSetting {
  readonly definition: ConnectDefinition;
  readonly source?: SourceDefinition | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly log: Log;
}

/** Logs what went wrong, and gives the error as the client may see it, with the connector it comes from. */
export function noteFailure(
  error: unknown,
  says: string,
  context: RequestContext,
  { definition, source, facts, log }: FailureSetting,
): GatewayError {
  const failure = toFailure(error, facts);
  log.warn(
    {
      requestId: context.id,
      connector: definition.coordinate,
      source: source?.name ?? '',
      code: failure.code,
      error,
    },
    says,
  );
  return failure;
}

function toFailure(error: unknown, facts: FailureSetting['facts']): GatewayError {
  if (!(error instanceof GatewayError)) {
    return new GatewayError('INTERNAL_SERVER_ERROR', 'The gateway failed to make this call.', {
      cause: error,
    });
  }
  const extensions = { ...facts, ...error.extensions };
  return new GatewayError(error.code, error.message, { extensions, cause: error.cause });
}
