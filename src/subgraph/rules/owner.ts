import { isObjectType, type GraphQLField, type GraphQLObjectType } from 'graphql';
import type { ConnectDefinition, SourceDefinition, Subgraph } from '../subgraph.js';

/** `Query.user`, or `User` for a connector on a type. */
export function placeOf({ type, field }: ConnectDefinition): string {
  return field === undefined ? type : `${type}.${field}`;
}

/** `@connect on Query.user`: how messages begin. */
export function nameOf(connect: ConnectDefinition): string {
  return `@connect on ${placeOf(connect)}`;
}

/** The object type that a connector stands on, or that holds its field. */
export function ownerOf(subgraph: Subgraph, { type }: ConnectDefinition): GraphQLObjectType | undefined {
  const owner = subgraph.schema.getType(type);
  return isObjectType(owner) ? owner : undefined;
}

/** The field that a connector stands on. */
export function fieldOf(
  subgraph: Subgraph,
  connect: ConnectDefinition,
): GraphQLField<unknown, unknown> | undefined {
  return connect.field === undefined ? undefined : ownerOf(subgraph, connect)?.getFields()[connect.field];
}

/** Whether a type is Query, Mutation or Subscription, under whatever name. */
export function isRoot({ schema }: Subgraph, type: string): boolean {
  return rootsOf(schema).some((root) => root?.name === type);
}

function rootsOf(schema: Subgraph['schema']) {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
}

/** The source that a connector names, if its file has it. */
export function sourceOf(subgraph: Subgraph, connect: ConnectDefinition): SourceDefinition | undefined {
  return subgraph.sources.find(({ name }) => name === connect.source?.value);
}
