import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  isSpecifiedScalarType,
  type GraphQLCompositeType,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { Connector, FieldArguments } from '../connectors/connector.js';
import { failureOf } from '../connectors/failed-values.js';
import { fieldKey } from '../connectors/field-keys.js';
import { isNobody } from '../connectors/keys.js';
import { load } from '../connectors/loaders.js';
import type { Wanted } from '../connectors/wanted.js';
import { isObject, own } from '../mapping/values.js';
import { chooseConnectors, mergeAnswers } from './alternatives.js';
import { SubscriptionEvent, toEvents } from './events.js';
import { placedError } from './failure-path.js';
import { nothing, provisionOfAll, type Provision } from './provision.js';
import { findRoute, type RouteTable } from './routes.js';
import { Row, type RowPath } from './row.js';
import type { Wants } from './want.js';

/** What the resolvers of a supergraph share. */
export interface Resolution {
  readonly table: RouteTable;
  readonly wants: Wants;
  /** What comes with the answer of a connector. */
  readonly provisionOf: (connector: Connector) => Provision;
}

/** Gives every field of every object type a resolver that asks its connector, or reads its {@link Row}. */
export function addResolvers(schema: GraphQLSchema, resolution: Resolution): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (type === schema.getSubscriptionType()) {
        field.subscribe = subscriberOf(type, field.name, resolution);
        field.resolve = eventResolver(resolution);
      } else field.resolve = resolverOf(type, field.name, resolution);
    }
  }
}

type Resolver = GraphQLFieldResolver<unknown, RequestContext, FieldArguments>;

function resolverOf(type: GraphQLObjectType, field: string, resolution: Resolution): Resolver {
  return (parent, args, context, info) => {
    const row = parent instanceof Row ? parent : undefined;
    const provision = row?.provision ?? nothing;
    const route = findRoute(resolution.table, type.name, field, provision);
    // What came with the object is answered at once: a promise for each field of each row would cost more than
    // all the rest.
    if (route.kind === 'own' && row !== undefined) {
      const key = provision.forwards(field) ? fieldKey(field, args) : field;
      return complete(own(row.data, key), provision.under(field), context, info, resolution);
    }
    if (route.kind === 'connector') return askFor(route.connectors, row, args, context, info, resolution);
    return row === undefined ? null : fetchField(row, field, args, context, info, resolution);
  };
}

async function askFor(
  connectors: readonly [Connector, ...Connector[]],
  row: Row | undefined,
  args: FieldArguments,
  context: RequestContext,
  info: GraphQLResolveInfo,
  resolution: Resolution,
): Promise<unknown> {
  const chosen = chooseConnectors(connectors, info, resolution.provisionOf);
  const answers = chosen.map((connector) =>
    ask(connector, row, args, resolution.provisionOf(connector), context, info, resolution),
  );
  const provision = provisionOfAll(chosen.map(resolution.provisionOf));
  return complete(mergeAnswers(await Promise.all(answers)), provision, context, info, resolution);
}

async function fetchField(
  row: Row,
  field: string,
  args: FieldArguments,
  context: RequestContext,
  info: GraphQLResolveInfo,
  resolution: Resolution,
): Promise<unknown> {
  const { value, provision } = await row.value(field, fieldKey(field, args));
  return complete(value, provision, context, info, resolution);
}

async function ask(
  connector: Connector,
  row: Row | undefined,
  args: FieldArguments,
  provision: Provision,
  context: RequestContext,
  info: GraphQLResolveInfo,
  resolution: Resolution,
): Promise<unknown> {
  const wanted = wantedOf(provision, info, context, resolution);
  if (row === undefined) return load(connector, context, { args, wanted });
  const parent = await row.read(connector.needs);
  if (isNobody(parent, connector.needs)) return null;
  return load(connector, context, { args, parent, wanted });
}

function wantedOf(
  provision: Provision,
  info: GraphQLResolveInfo,
  context: RequestContext,
  { wants }: Resolution,
): Wanted {
  const returned = getNamedType(info.returnType);
  return isCompositeType(returned) ? wants.ofAnswer(returned, provision, info, context) : null;
}

/** Opens the stream of a field of Subscription; of several connectors, the one whose events have most of what is asked. */
function subscriberOf(type: GraphQLObjectType, field: string, resolution: Resolution): Resolver {
  return (_, args, context, info) => {
    const route = findRoute(resolution.table, type.name, field, nothing);
    const connectors = route.kind === 'connector' ? route.connectors : undefined;
    const connector = connectors && chooseConnectors(connectors, info, resolution.provisionOf)[0];
    if (connector?.subscribe === undefined) throw new Error(`${type.name}.${field} has no stream.`);
    const provision = resolution.provisionOf(connector);
    const wanted = wantedOf(provision, info, context, resolution);
    return toEvents(connector.subscribe({ args }, wanted, context), provision);
  };
}

/** Answers one event. An error in its place is that of the event, or has ended the stream. */
function eventResolver(resolution: Resolution): Resolver {
  return (event, _, context, info) => {
    if (event instanceof Error) throw event;
    if (event instanceof SubscriptionEvent)
      return complete(event.value, event.provision, context, info, resolution);
    throw new GatewayError(
      'BAD_REQUEST',
      'A subscription has many answers, and this request can take only one.',
    );
  };
}

/** Makes of a mapped value what graphql-js goes on with: rows for objects, plain values for leaves. */
function complete(
  value: unknown,
  provision: Provision,
  context: RequestContext,
  info: GraphQLResolveInfo,
  resolution: Resolution,
): unknown {
  const returned = getNamedType(info.returnType);
  const toItem = isCompositeType(returned)
    ? (item: unknown, path: RowPath) => toRow(item, path, returned, provision, context, info, resolution)
    : (item: unknown) => toLeaf(item, returned);
  return completeType(value, info.returnType, info.path, info, toItem);
}

function completeType(
  value: unknown,
  type: GraphQLOutputType,
  path: RowPath,
  info: GraphQLResolveInfo,
  toItem: (item: unknown, path: RowPath) => unknown,
): unknown {
  if (value === null || value === undefined) return null;
  const failure = failureOf(value);
  if (failure !== undefined) return placedError(failure, path, info);
  const nullable = getNullableType(type);
  if (!isListType(nullable)) return toItem(value, path);
  if (!Array.isArray(value)) throw misfit('a list');
  return value.map((item: unknown, index) =>
    contained(() => completeType(item, nullable.ofType, { prev: path, key: index }, info, toItem)),
  );
}

/** An error as a value: graphql-js then takes it for the error of this item, and not of the whole list. */
function contained(complete: () => unknown): unknown {
  try {
    return complete();
  } catch (error) {
    return error;
  }
}

/** The row at once, or, where more of the object has to be fetched first, later; null if it turns out to be nobody. */
function toRow(
  data: unknown,
  path: RowPath,
  returned: GraphQLCompositeType,
  from: Provision,
  context: RequestContext,
  info: GraphQLResolveInfo,
  { table, wants }: Resolution,
): Row | null | Promise<Row | null> {
  if (!isObject(data)) throw misfit('an object');
  const type = isObjectType(returned) ? returned : memberOf(returned, data, info.schema);
  const provision = from.as(type.name);
  const want = wants.of(type, provision, info, context);
  if (want.stub !== undefined && isNobody(data, want.stub)) return null;
  const row = new Row({ type, data, provision, want, table, context, path, nodes: info.fieldNodes });
  if (want.via.size === 0) return row;
  // Of what is more than a key somebody has just said that it is there, whatever others know of it.
  return row.arrive().then((arrived) => (arrived || want.stub === undefined ? row : null));
}

function memberOf(abstract: GraphQLCompositeType, data: object, schema: GraphQLSchema): GraphQLObjectType {
  const name = own(data, '__typename');
  const type = typeof name === 'string' ? schema.getType(name) : undefined;
  if (isObjectType(type)) return type;
  throw new GatewayError(
    'CONNECTOR_RESPONSE_INVALID',
    `The answer of a backend does not say which type of ${abstract.name} an object is.`,
  );
}

/** graphql-js's own scalars do not know bigint; any other takes it as it is, and it is written as digits. */
function toLeaf(value: unknown, type: GraphQLNamedType): unknown {
  if (typeof value !== 'bigint') return value;
  return isSpecifiedScalarType(type) ? value.toString() : value;
}

function misfit(expected: string): GatewayError {
  return new GatewayError(
    'CONNECTOR_RESPONSE_INVALID',
    `The answer of a backend does not fit the type of this field: it is not ${expected}.`,
  );
}

/** For interfaces and unions: every object that reaches graphql-js knows its type. */
export function typeOfRow(value: unknown): string | undefined {
  return value instanceof Row ? value.type.name : undefined;
}
