import type { Problem } from '../../base/problems.js';
import type { Subgraph } from '../subgraph.js';
import { atNode } from './fault.js';
import { forwards } from './owner.js';
import type { Rule } from './rule.js';

/** Only gRPC and GraphQL backends can send one event after the other. */
export const subscriptions: Rule = { check: checkSubscriptions };

function checkSubscriptions(subgraph: Subgraph): Problem[] {
  const type = subgraph.schema.getSubscriptionType();
  if (!type || forwards(subgraph)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const connects = subgraph.connects.filter((each) => each.type === type.name && each.field === field.name);
    const streams = connects.some(({ kind }) => kind === 'grpc' || kind === 'graphql');
    const node = field.astNode?.name;
    if (streams || !node) return [];
    const why = connects.length === 0 ? 'has no @connect' : 'is connected to a backend that answers once';
    const message = `Subscription.${field.name} ${why}. Subscriptions need a grpc or graphql source.`;
    return [atNode(subgraph.source, node, 'SUBSCRIPTION_IN_CONNECTORS', message)];
  });
}
