import type { Problem } from '../../base/problems.js';
import { publicName } from '../public-name.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { option } from './directives.js';
import { atNode } from './fault.js';
import { nameOf, placeOf } from './owner.js';
import type { Rule } from './rule.js';

/** Fields of Subscription are answered by calls that stream, and no others are. */
export const subscriptions: Rule = {
  check: (subgraph) =>
    subgraph.strict
      ? refuseAll(subgraph)
      : subgraph.connects.flatMap((connect) => checkConnect(connect, subgraph)),
};

function refuseAll({ schema, source, version }: Subgraph): Problem[] {
  return Object.values(schema.getSubscriptionType()?.getFields() ?? {}).flatMap((field) => {
    const node = field.astNode?.name;
    const message =
      `Subscription.${field.name} cannot be answered: connect/v${version}, which this file links, has no subscriptions.` +
      ' Without the link, gRPC and GraphQL sources can answer it.';
    return node ? [atNode(source, node, 'SUBSCRIPTION_IN_CONNECTORS', message)] : [];
  });
}

function checkConnect(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const isSubscription = publicName(subgraph, connect.type) === 'Subscription';
  const problem = isSubscription ? againstStream(connect) : againstSingle(connect);
  if (problem === undefined) return [];
  const at = option(connect.node, connect.kind) ?? connect.node;
  return [atNode(subgraph.source, at, 'SUBSCRIPTION_IN_CONNECTORS', `${nameOf(connect)} ${problem}`)];
}

function againstStream(connect: ConnectDefinition): string | undefined {
  switch (connect.kind) {
    case 'grpc':
      return undefined;
    case 'graphql':
      return connect.graphql.operation === 'subscription'
        ? undefined
        : `asks for a ${connect.graphql.operation}, which is answered once. Write graphql: { subscription: "…" }.`;
    case 'http':
      return 'makes an HTTP request, which is answered once. gRPC and GraphQL sources can answer with a stream of events.';
    case 'none':
      return 'makes no request, so there are no events. gRPC and GraphQL sources can answer with a stream of them.';
  }
}

function againstSingle(connect: ConnectDefinition): string | undefined {
  if (connect.kind !== 'graphql' || connect.graphql.operation !== 'subscription') return undefined;
  return `opens a subscription, but ${placeOf(connect)} has one answer. Only fields of Subscription have many.`;
}
