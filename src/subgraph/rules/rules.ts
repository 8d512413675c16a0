import { additions } from './additions.js';
import { batches } from './batches.js';
import { circles } from './circles.js';
import { configuration } from './configuration.js';
import { connectorIds } from './connector-ids.js';
import { costs } from './costs.js';
import { entities } from './entities.js';
import { abstractTypes, federation, overrides } from './federation.js';
import { grpcSources } from './grpc-sources.js';
import { headers } from './headers.js';
import { idlePolicies } from './idle-policies.js';
import { imports } from './imports.js';
import { keyDirectives, servedKeys } from './key-directives.js';
import { methods } from './methods.js';
import { policyNames, policyUses } from './policies.js';
import { rateLimits } from './rate-limits.js';
import { results } from './results.js';
import type { Rule } from './rule.js';
import { selections } from './selections.js';
import { sourceNames } from './source-names.js';
import { sourceReferences } from './source-references.js';
import { subscriptions } from './subscriptions.js';
import { typeConflicts } from './type-conflicts.js';
import { unresolvedFields } from './unresolved-fields.js';
import { urls } from './urls.js';
import { variables } from './variables.js';

/** All rules, one a file. */
export const rules: readonly Rule[] = [
  imports,
  additions,
  sourceNames,
  sourceReferences,
  connectorIds,
  grpcSources,
  urls,
  headers,
  variables,
  configuration,
  methods,
  results,
  selections,
  policyNames,
  policyUses,
  idlePolicies,
  rateLimits,
  costs,
  federation,
  overrides,
  abstractTypes,
  batches,
  entities,
  keyDirectives,
  servedKeys,
  circles,
  subscriptions,
  unresolvedFields,
  typeConflicts,
];
