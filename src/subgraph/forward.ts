import { isDeepStrictEqual } from 'node:util';
import { getNamedType, isObjectType, type GraphQLField, type GraphQLObjectType } from 'graphql';
import type { FieldTree } from '../mapping/shape.js';
import { joinedFields } from './field-set.js';
import { keysOf, requiredBy } from './given-fields.js';
import { hasDirective } from './rules/directives.js';
import type { ConnectDefinition, EntityCall, GraphqlCall, SourceDefinition, Subgraph } from './subgraph.js';
import { nameText } from './text.js';

/** A file that has been read. */
type Written = Omit<Subgraph, 'implied'>;

/**
 * The connectors that a file need not write: where its only source is a GraphQL service, each root field without
 * `@connect` is handed on to the service as it is, and types with a `@key` are fetched by it, as Federation subgraphs
 * allow (https://www.apollographql.com/docs/graphos/schema-design/federated-schemas/reference/subgraph-spec).
 */
export function impliedConnects(file: Written): ConnectDefinition[] {
  const source = forwardingSource(file);
  return source === undefined ? [] : [...forwardedFields(file, source), ...federatedEntities(file, source)];
}

/** The service that a file describes, if it describes one alone. */
function forwardingSource({ sources, strict }: Written): SourceDefinition | undefined {
  const [source, ...others] = sources;
  return source?.kind === 'graphql' && others.length === 0 && !strict ? source : undefined;
}

function forwardedFields(subgraph: Written, source: SourceDefinition): ConnectDefinition[] {
  const { schema } = subgraph;
  return [
    ...forward('query', schema.getQueryType(), subgraph, source),
    ...forward('mutation', schema.getMutationType(), subgraph, source),
    ...forward('subscription', schema.getSubscriptionType(), subgraph, source),
  ];
}

function forward(
  operation: GraphqlCall['operation'],
  root: GraphQLObjectType | null | undefined,
  subgraph: Written,
  source: SourceDefinition,
): ConnectDefinition[] {
  return Object.values(root?.getFields() ?? {}).flatMap((field) => {
    const name = field.astNode?.name;
    if (root == null || name === undefined || isAnsweredElsewhere(field)) return [];
    const graphql = { operation, field: nameText(name, subgraph.source), headers: [], forwards: true };
    const at = { type: root.name, field: field.name, entity: false };
    return [definitionOf(graphql, at, `${root.name}.${field.name}[0]`, subgraph, source)];
  });
}

function isAnsweredElsewhere(field: Field): boolean {
  return hasDirective(field, 'connect') || hasDirective(field, 'external');
}

/** The places of the `_entities` connectors of a file: one for each key of each type, and for what it requires. */
function federatedEntities(subgraph: Written, source: SourceDefinition): ConnectDefinition[] {
  return Object.values(subgraph.schema.getTypeMap()).flatMap((type) => {
    const name = type.astNode?.name;
    if (!isObjectType(type) || name === undefined || isFetchedOtherwise(type, subgraph)) return [];
    const calls = keysOf(type).flatMap((key) => (key.isResolvable ? entityCalls(type, key.fields) : []));
    return calls.map((entity, index) => {
      const field = { ...nameText(name, subgraph.source), value: '_entities' };
      const graphql = { operation: 'query' as const, field, headers: [], forwards: true, entity };
      const at = { type: type.name, field: undefined, entity: true };
      return definitionOf(graphql, at, `${type.name}[${index}]`, subgraph, source);
    });
  });
}

/** Whether the file itself says how such objects are fetched. */
function isFetchedOtherwise(type: GraphQLObjectType, { connects, schema }: Written): boolean {
  return connects.some((connect) => {
    if (connect.type === type.name && connect.field === undefined) return true;
    const owner = schema.getType(connect.type);
    const field = isObjectType(owner) && connect.field !== undefined && owner.getFields()[connect.field];
    return connect.entity && field && getNamedType(field.type) === type;
  });
}

/** What the service gives for a key alone, and what it gives for it together with fields of other files. */
function entityCalls(type: GraphQLObjectType, key: FieldTree): EntityCall[] {
  const calls: { representation: FieldTree; fields: string[] }[] = [];
  for (const field of Object.values(type.getFields())) {
    if (key.has(field.name) || isAnsweredElsewhere(field)) continue;
    const representation = joinedFields(key, requiredBy(field));
    const call = calls.find((each) => isDeepStrictEqual(each.representation, representation));
    if (call === undefined) calls.push({ representation, fields: [...key.keys(), field.name] });
    else call.fields.push(field.name);
  }
  return calls;
}

type Field = GraphQLField<unknown, unknown>;

function definitionOf(
  graphql: GraphqlCall,
  at: Pick<ConnectDefinition, 'type' | 'field' | 'entity'>,
  place: string,
  { name: subgraph, source: file }: Written,
  source: SourceDefinition,
): ConnectDefinition {
  return {
    kind: 'graphql',
    graphql,
    ...at,
    coordinate: `${subgraph}:${place}`,
    subgraph,
    node: source.node,
    source: { ...nameText(source.node.name, file), value: source.name },
  };
}
