import type { Problem } from '../../base/problems.js';
import type { Subgraph } from '../subgraph.js';
import { atNode } from './fault.js';
import type { Rule } from './rule.js';

/** Subscriptions are not served yet, whatever the backend speaks. */
export const subscriptions: Rule = { check: checkSubscriptions };

function checkSubscriptions(subgraph: Subgraph): Problem[] {
  const type = subgraph.schema.getSubscriptionType();
  return Object.values(type?.getFields() ?? {}).flatMap((field) => {
    const node = field.astNode?.name;
    const message = `Subscription.${field.name} cannot be answered: subscriptions are not served yet.`;
    return node ? [atNode(subgraph.source, node, 'SUBSCRIPTION_IN_CONNECTORS', message)] : [];
  });
}
