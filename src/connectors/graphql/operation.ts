import {
  GraphQLList,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { SchemaFilesError, type Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { inputPaths, type InputTree } from '../../mapping/shape.js';
import type { Selection } from '../../mapping/syntax.js';
import type { JsonObject } from '../../mapping/values.js';
import type { SourceDefinition, Subgraph } from '../../subgraph/subgraph.js';
import type { Text } from '../../subgraph/text.js';
import { withRowKey } from '../rows.js';
import type { ConnectOf, WantedAnswer } from '../transport.js';
import { toVariables, variableType } from './arguments.js';
import { checkArguments, checkNoArguments, givenArguments } from './check-arguments.js';
import type { Fault } from './fault.js';
import { joined, noNeeds, withoutWholes } from './needs.js';
import { writeSelectionSet, type Renames, type SelectionSet } from './selection-set.js';

/** What one connector asks of its backend. */
export interface Operation {
  /** The root field, and what it gives. */
  readonly field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type'>;
  /** Whether it is the backend's own field that clients see. */
  readonly forwards: boolean;
  /**
   * The variables of a request, from what the mapping of the arguments gave.
   *
   * @throws GatewayError `BAD_USER_INPUT` where the backend would have to refuse them
   */
  variablesFrom(given: unknown): JsonObject;
  /** The document for a part of the answer; the same object for the same part. */
  documentFor(wanted: WantedAnswer): RemoteDocument;
}

/** A document, printed once. */
export interface RemoteDocument {
  /** The text as a JSON string. */
  readonly json: string;
  /** `$id: ID!` */
  readonly definitions: readonly string[];
  /** `order(id: $id) { total }` */
  readonly field: string;
  readonly renames: Renames;
  /** Arguments of the fields below the root field. */
  readonly variables: JsonObject;
}

/** What an operation is made from, beside the backend's schema. */
export interface OperationSetting {
  readonly definition: ConnectOf<'graphql'>;
  readonly source: SourceDefinition;
  readonly subgraph: Subgraph;
}

/**
 * Fits a connector to its backend's schema.
 *
 * @throws SchemaFilesError with everything in the connector that the schema does not have
 */
export function createOperation(setting: OperationSetting, schema: GraphQLSchema): Operation {
  const { definition } = setting;
  const { entity, forwards } = definition.graphql;
  if (entity !== undefined) return entityOperation(setting, schema);
  const parent = rootTypeOf(definition, schema);
  const field = rootFieldOf(definition, parent);
  const problems =
    forwards === true
      ? []
      : [...checkArgs(setting, parent, field), ...checkSelection(definition, schema, field)];
  if (problems.length > 0) throw new SchemaFilesError(problems);
  const given = forwards === true ? field.args : mappedArguments(setting, field);
  const judged = readByJudges(setting);
  const names = given.map(({ name }) => name);
  return {
    field,
    forwards: forwards === true,
    variablesFrom: (args) => toVariables(args, given),
    documentFor: onceFor((wanted) => {
      const set = writeSelectionSet(schema, field.type, joined(wanted.reads, judged), names);
      const variables = given.map((argument) => `$${argument.name}: ${variableType(argument)}`);
      const values = names.map((name) => `${name}: $${name}`);
      const root = names.length === 0 ? field.name : `${field.name}(${values.join(', ')})`;
      return toDocument(definition.graphql.operation, variables, root, set);
    }),
  };
}

function mappedArguments(
  setting: OperationSetting,
  field: GraphQLField<unknown, unknown>,
): readonly GraphQLArgument[] {
  const args = setting.definition.graphql.args?.selection;
  return args === undefined ? [] : givenArguments(args, field.args, ownArguments(setting));
}

/** `_entities` of a Federation subgraph, which its schema need not mention. */
function entityOperation({ definition }: OperationSetting, schema: GraphQLSchema): Operation {
  const type = schema.getType(definition.type);
  if (!isObjectType(type)) {
    const message = `The backend has no type ${definition.type}.`;
    throw new SchemaFilesError([problemAt(definition.graphql.field, 0, 'GRAPHQL_FIELD_NOT_FOUND', message)]);
  }
  const { name } = type;
  return {
    field: { name: '_entities', type: new GraphQLList(type) },
    forwards: true,
    variablesFrom: (keys) => ({
      representations: (keys as readonly object[]).map((key) => ({ __typename: name, ...key })),
    }),
    documentFor: onceFor((wanted) => {
      const set = writeSelectionSet(schema, type, wanted.reads, ['representations']);
      const variables = ['$representations: [_Any!]!'];
      const text = ` { ... on ${name}${set.text} }`;
      return toDocument('query', variables, '_entities(representations: $representations)', { ...set, text });
    }),
  };
}

function onceFor(print: (wanted: WantedAnswer) => RemoteDocument): Operation['documentFor'] {
  const documents = new WeakMap<WantedAnswer, RemoteDocument>();
  return (wanted) => {
    const document = documents.get(wanted) ?? print(wanted);
    documents.set(wanted, document);
    return document;
  };
}

/** `query ($id: ID!) { order(id: $id) { total } }` */
function toDocument(
  operation: string,
  ofRoot: readonly string[],
  root: string,
  { text: below, definitions: ofBelow, variables, renames }: SelectionSet,
): RemoteDocument {
  const definitions = [...ofRoot, ...ofBelow];
  const head = definitions.length === 0 ? operation : `${operation} (${definitions.join(', ')})`;
  const field = `${root}${below}`;
  return { json: JSON.stringify(`${head} { ${field} }`), definitions, field, renames, variables };
}

function rootTypeOf({ graphql }: ConnectOf<'graphql'>, schema: GraphQLSchema): GraphQLObjectType {
  const { read, noun } = roots[graphql.operation];
  const type = read(schema);
  if (isObjectType(type)) return type;
  const message = `The backend has no ${noun}.`;
  throw new SchemaFilesError([problemAt(graphql.field, 0, 'GRAPHQL_FIELD_NOT_FOUND', message)]);
}

const roots = {
  query: { noun: 'queries', read: (schema: GraphQLSchema) => schema.getQueryType() },
  mutation: { noun: 'mutations', read: (schema: GraphQLSchema) => schema.getMutationType() },
  subscription: { noun: 'subscriptions', read: (schema: GraphQLSchema) => schema.getSubscriptionType() },
} as const;

function rootFieldOf(
  { graphql }: ConnectOf<'graphql'>,
  parent: GraphQLObjectType,
): GraphQLField<unknown, unknown> {
  const name = graphql.field.value;
  const fields = parent.getFields();
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  const message = `The backend's type ${parent.name} has no field "${name}".${didYouMean(name, Object.keys(fields))}`;
  throw new SchemaFilesError([problemAt(graphql.field, 0, 'GRAPHQL_FIELD_NOT_FOUND', message)]);
}

function checkArgs(
  setting: OperationSetting,
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
): Problem[] {
  const { args, field: name } = setting.definition.graphql;
  const taker = { name: `${parent.name}.${field.name}`, noun: 'argument', slots: field.args } as const;
  if (args === undefined)
    return problemsIn(name, checkNoArguments(taker, { start: 0, end: name.value.length }));
  return problemsIn(args.text, checkArguments(args.selection, taker, ownArguments(setting)));
}

/** The names that `$args` has. */
function ownArguments({ definition, subgraph }: OperationSetting): string[] {
  const type = subgraph.schema.getType(definition.type);
  const field =
    isObjectType(type) && definition.field !== undefined ? type.getFields()[definition.field] : undefined;
  return field?.args.map((argument) => argument.name) ?? [];
}

function checkSelection(
  { selection, batch }: ConnectOf<'graphql'>,
  schema: GraphQLSchema,
  field: GraphQLField<unknown, unknown>,
): Problem[] {
  if (selection === undefined) return [];
  const faultsOf = (read: Selection) => writeSelectionSet(schema, field.type, inputPaths(read)).faults;
  const faults = faultsOf(selection.selection);
  const problems = problemsIn(selection.text, faults);
  const keyed = batch?.by && withRowKey(selection.selection, batch.by.selection);
  if (batch?.by === undefined || keyed === undefined) return problems;
  // What is wrong only with the key in it, is wrong with the key: its ranges are those of its own text.
  const known = new Set(faults.map((fault) => JSON.stringify(fault)));
  const faultsOfKey = faultsOf(keyed).filter((fault) => !known.has(JSON.stringify(fault)));
  return [...problems, ...problemsIn(batch.by.text, faultsOfKey)];
}

/** What decides over success, and words the failure, reads the answer too. It may be meant for `{ errors }` alone. */
function readByJudges({ definition, source }: OperationSetting): InputTree {
  const success = definition.isSuccess ?? source.isSuccess;
  if (success === undefined) return noNeeds;
  const judges = [
    success,
    definition.errors?.message ?? source.errors?.message,
    definition.errors?.extensions,
    source.errors?.extensions,
  ].filter((judge) => judge !== undefined);
  return judges.map((judge) => withoutWholes(inputPaths(judge.selection))).reduce(joined);
}

function problemsIn(text: Text, faults: readonly Fault[]): Problem[] {
  return faults.map(({ code, message, range }) => problemAt(text, range.start, code, message));
}

function problemAt(text: Text, index: number, code: string, message: string): Problem {
  return { code, message, source: text.source, offset: text.offsetOf(index) };
}
