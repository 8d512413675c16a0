import type { Environment } from '../base/config.js';
import type { RequestContext } from '../base/context.js';
import type { Variables } from '../mapping/scope.js';
import type { FetchInputs } from './connector.js';
import type { Reply } from './transport.js';

/** What mappings can ask for before there is an answer. */
export function toVariables(
  inputs: FetchInputs,
  context: RequestContext,
  setting: VariablesSetting,
): Variables {
  return {
    $args: inputs.args,
    $this: inputs.parent,
    $batch: inputs.parents,
    $config: setting.config,
    $context: nothing,
    $env: setting.environment,
    $request: { headers: context.headers },
    $claims: context.identity?.claims,
  };
}

/** What does not depend on the request. */
export interface VariablesSetting {
  readonly environment: Environment;
  readonly config: Readonly<Record<string, unknown>>;
}

const nothing = Object.freeze({});

/** The same when an answer has come. */
export function withReply(variables: Variables, reply: Reply): Variables {
  const { headers, trailers } = reply;
  return {
    ...variables,
    $status: reply.status,
    $response: trailers === undefined ? { headers } : { headers, trailers },
  };
}
