import type { Subgraph } from './subgraph.js';

/** A file may call its root types what it likes; clients see Query, Mutation and Subscription. */
export function publicName({ schema }: Subgraph, type: string): string {
  if (type === schema.getQueryType()?.name) return 'Query';
  if (type === schema.getMutationType()?.name) return 'Mutation';
  return type === schema.getSubscriptionType()?.name ? 'Subscription' : type;
}
