import { getNullableType, isListType, isObjectType } from 'graphql';
import type { Environment } from '../base/config.js';
import type { Log } from '../base/log.js';
import { outputShape, variableUses, type FieldTree } from '../mapping/shape.js';
import type { Selection } from '../mapping/syntax.js';
import { expressionsOf } from '../subgraph/expressions.js';
import type { ConnectDefinition, SourceDefinition, Subgraph } from '../subgraph/subgraph.js';
import { answersAsTheyAre, answersOf } from './answers.js';
import { createCall } from './call.js';
import type { CallBudget } from './call-budget.js';
import type { Connector } from './connector.js';
import type { MappingCounts } from './mapping-report.js';
import { rowCounter, type RowBudget } from './row-budget.js';
import { createStream } from './stream.js';
import type { StreamTransport, Transport } from './transport.js';
import { treeOf, unionOf } from './wanted.js';

/** What a connector is made with, beside its definition. */
export interface ConnectorSetting {
  readonly subgraph: Subgraph;
  /** Absent for a connector that makes no call. */
  readonly source?: SourceDefinition | undefined;
  readonly transport?: Transport | undefined;
  /** In the place of a transport, for a field of Subscription. */
  readonly streams?: StreamTransport | undefined;
  readonly environment: Environment;
  readonly config: Readonly<Record<string, unknown>>;
  readonly budget: CallBudget;
  readonly rows: RowBudget;
  readonly log: Log;
}

/** Prepares everything about a connector that does not depend on the request. */
export function createConnector(definition: ConnectDefinition, setting: ConnectorSetting): Connector {
  const { selection, batch } = definition;
  const uses = expressionsOf(definition).flatMap((expression) => variableUses(expression));
  const entity = definition.kind === 'graphql' ? definition.graphql.entity : undefined;
  const needs =
    entity?.representation ??
    treeOf(uses.filter((use) => use.name === '$this' || use.name === '$batch').map((use) => use.path));
  const by = batch?.by?.selection;
  const key = by === undefined ? needs : outputTree(by);
  const forwards = definition.kind === 'graphql' && selection === undefined && by === undefined;
  const answers = forwards ? answersAsTheyAre() : answersOf(selection?.selection, by);
  const facts = { service: definition.subgraph, connector: { coordinate: definition.coordinate } };
  const changes = definition.type === (setting.subgraph.schema.getMutationType()?.name ?? 'Mutation');
  const counts: MappingCounts = { answers: 0, checked: 0, remarks: 0 };
  const countRows = rowCounter(definition, setting.subgraph, !forwards);
  const call = { ...setting, definition, answers, facts, changes, counts, countRows };
  const inOrder = entity !== undefined;
  const takesMany = inOrder || uses.some((use) => use.name === '$batch');
  return {
    definition,
    coordinate: definition.coordinate,
    needs: unionOf(needs, key) ?? needs,
    key,
    usesArguments: uses.some((use) => use.name === '$args') || passesArguments(definition),
    takesMany,
    maxSize: takesMany ? batch?.maxSize : undefined,
    groups: by && groupsOf(definition, setting.subgraph),
    inOrder,
    forwards,
    changes,
    output: selection && outputShape(selection.selection),
    facts,
    counts,
    fetch: createCall(call),
    subscribe: setting.streams && createStream({ ...call, streams: setting.streams }),
  };
}

/** Without a `request`, the arguments are the message of a gRPC call. */
function passesArguments(definition: ConnectDefinition): boolean {
  if (definition.kind === 'graphql') return definition.graphql.forwards === true;
  return definition.kind === 'grpc' && definition.grpc.request === undefined;
}

function groupsOf(definition: ConnectDefinition, subgraph: Subgraph): 'list' | 'first' {
  const type = subgraph.schema.getType(definition.type);
  const field =
    isObjectType(type) && definition.field !== undefined ? type.getFields()[definition.field] : undefined;
  return field !== undefined && isListType(getNullableType(field.type)) ? 'list' : 'first';
}

/** The names that a selection of plain fields and aliases gives. */
function outputTree(selection: Selection): FieldTree {
  const { root } = selection;
  if (root.kind !== 'list' && root.kind !== 'object') return new Map();
  return new Map(root.entries.flatMap((entry) => ('key' in entry ? [[entry.key.name, null] as const] : [])));
}
