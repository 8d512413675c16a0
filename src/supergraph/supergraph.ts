import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type FieldDefinitionNode,
  type GraphQLSchema,
} from 'graphql';
import type { Connector } from '../connectors/connector.js';
import { treeOf } from '../connectors/wanted.js';
import { providedBy } from '../subgraph/given-fields.js';
import { publicName } from '../subgraph/public-name.js';
import type { Subgraph } from '../subgraph/subgraph.js';
import { nothing, onlyFields, provisionOfShape, provisionOfType, type Provision } from './provision.js';
import { addResolvers } from './resolve.js';
import type { EntityRoute, RouteTable } from './routes.js';
import { stitch } from './stitch.js';
import { Wants, type Facts } from './want.js';

/** A subgraph with its connectors, ready to be called. */
export interface ConnectedSubgraph {
  readonly subgraph: Subgraph;
  readonly connectors: readonly Connector[];
}

/** All subgraphs stitched into one schema whose fields resolve through their connectors. */
export interface Supergraph {
  readonly schema: GraphQLSchema;
  readonly table: RouteTable;
}

/**
 * Builds the supergraph.
 *
 * @param facts the fields that rules read, which are fetched although no client asked for them
 */
export function buildSupergraph(connected: readonly ConnectedSubgraph[], facts: Facts): Supergraph {
  const provisions = new Map<Connector, Provision>();
  for (const { subgraph, connectors } of connected) {
    for (const connector of connectors) provisions.set(connector, provisionOf(connector, subgraph));
  }
  const provision = (connector: Connector) => provisions.get(connector) ?? nothing;
  const table = buildTable(connected, provision);
  const schema = stitch(connected.map(({ subgraph }) => subgraph));
  addResolvers(schema, { table, wants: new Wants(table, facts), provisionOf: provision });
  return { schema, table };
}

function provisionOf(connector: Connector, subgraph: Subgraph): Provision {
  if (connector.output !== undefined) return provisionOfShape(connector.output, subgraph.name);
  const { definition, forwards } = connector;
  const { type: typeName, field: fieldName } = definition;
  const type = subgraph.schema.getType(typeName);
  const field = isObjectType(type) && fieldName !== undefined ? type.getFields()[fieldName] : undefined;
  if (field !== undefined) {
    return provisionOfType(subgraph, getNamedType(field.type).name, forwards, providedBy(field));
  }
  const provision = provisionOfType(subgraph, typeName, forwards);
  const entity = definition.kind === 'graphql' ? definition.graphql.entity : undefined;
  return entity === undefined ? provision : onlyFields(provision, entity.fields);
}

function buildTable(
  connected: readonly ConnectedSubgraph[],
  provision: (connector: Connector) => Provision,
): RouteTable {
  const overridden = overriddenFields(connected.map(({ subgraph }) => subgraph));
  const fields = new Map<string, Connector[]>();
  const entities = new Map<string, EntityRoute[]>();
  for (const { subgraph, connectors } of connected) {
    for (const connector of connectors) {
      const { definition } = connector;
      const type = publicName(subgraph, definition.type);
      const coordinate = `${type}.${definition.field ?? ''}`;
      if (overridden.get(coordinate)?.has(subgraph.name) === true) continue;
      if (definition.field !== undefined) put(fields, coordinate, connector);
      const entity = entityOf(connector, subgraph);
      if (entity !== undefined) {
        put(entities, entity.type, { connector, ...entity.route, provision: provision(connector) });
      }
    }
  }
  // What a file says of fetching an object comes before what a service may offer by itself.
  for (const routes of entities.values()) routes.sort((a, b) => rankOf(a) - rankOf(b));
  return { fields, entities, overridden, forwardedNames: forwardedNames(connected), found: new WeakMap() };
}

function rankOf({ connector: { definition } }: EntityRoute): number {
  return definition.kind === 'graphql' && definition.graphql.entity !== undefined ? 1 : 0;
}

function forwardedNames(connected: readonly ConnectedSubgraph[]): Set<string> {
  const forwarding = connected.filter(({ connectors }) => connectors.some(({ forwards }) => forwards));
  const types = forwarding.flatMap(({ subgraph }) => Object.values(subgraph.schema.getTypeMap()));
  return new Set(
    types
      .flatMap((type) => (isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : []))
      .flatMap(({ name, args }) => (args.length === 0 ? [] : name)),
  );
}

/** `@override(from: "users")` takes a field from that subgraph. */
function overriddenFields(subgraphs: readonly Subgraph[]): Map<string, Set<string>> {
  const overridden = new Map<string, Set<string>>();
  for (const subgraph of subgraphs) {
    for (const node of subgraph.document.definitions) {
      if (node.kind !== Kind.OBJECT_TYPE_DEFINITION && node.kind !== Kind.OBJECT_TYPE_EXTENSION) continue;
      for (const field of node.fields ?? []) {
        const from = overriddenFrom(field);
        const coordinate = `${publicName(subgraph, node.name.value)}.${field.name.value}`;
        if (from !== undefined)
          overridden.set(coordinate, (overridden.get(coordinate) ?? new Set()).add(from));
      }
    }
  }
  return overridden;
}

function overriddenFrom(field: FieldDefinitionNode): string | undefined {
  const override = field.directives?.find((directive) => directive.name.value === 'override');
  const from = override?.arguments?.find((argument) => argument.name.value === 'from')?.value;
  return from?.kind === Kind.STRING ? from.value : undefined;
}

interface EntityUse {
  readonly type: string;
  readonly route: Pick<EntityRoute, 'key' | 'keyAs'>;
}

/** What a connector serves as an entity resolver, if it is one. */
function entityOf(connector: Connector, subgraph: Subgraph): EntityUse | undefined {
  const { type, field, entity } = connector.definition;
  if (field === undefined) return { type, route: { key: connector.key, keyAs: 'parent' } };
  const owner = subgraph.schema.getType(type);
  const definition = isObjectType(owner) ? owner.getFields()[field] : undefined;
  const returned = definition && getNamedType(definition.type);
  if (!entity || definition === undefined || !isObjectType(returned)) return undefined;
  const names = definition.args
    .map((argument) => argument.name)
    .filter((name) => name in returned.getFields());
  return { type: returned.name, route: { key: treeOf(names.map((name) => [name])), keyAs: 'arguments' } };
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
