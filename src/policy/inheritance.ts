import { getNamedType, isObjectType, type GraphQLObjectType } from 'graphql';
import {
  inputPaths,
  outputShape,
  variableUses,
  type FieldTree,
  type InputTree,
  type OutputShape,
} from '../mapping/shape.js';
import { pruneSelection } from '../mapping/prune.js';
import { expressionsOf } from '../subgraph/expressions.js';
import { requiredBy } from '../subgraph/given-fields.js';
import { publicName } from '../subgraph/public-name.js';
import type { ConnectDefinition, Expression, Subgraph } from '../subgraph/subgraph.js';

/**
 * From which fields other fields are computed, by `Type.field`: a connector reads them of its object by `$this`, a
 * Federation subgraph is told them as `@requires` says, or a selection makes both from the same part of an answer. Who may not see the one must not see it in the other.
 */
export function readSources(subgraphs: readonly Subgraph[]): ReadonlyMap<string, ReadonlySet<string>> {
  const sources = new Map<string, Set<string>>();
  const note = (field: string, source: string) => {
    const known = sources.get(field) ?? new Set();
    sources.set(field, known.add(source));
  };
  for (const subgraph of subgraphs) {
    noteRequiredFields(subgraph, note);
    for (const connect of subgraph.connects) {
      noteReadFields(connect, subgraph, note);
      if (connect.selection !== undefined) noteTwins(connect, connect.selection, subgraph, note);
    }
  }
  return sources;
}

/** The fields that a field is computed from, and those that they are computed from. */
export function sourcesOf(
  field: string,
  sources: ReadonlyMap<string, ReadonlySet<string>>,
  found = new Set<string>(),
): Set<string> {
  for (const source of sources.get(field) ?? []) {
    if (found.has(source)) continue;
    found.add(source);
    sourcesOf(source, sources, found);
  }
  return found;
}

type Note = (field: string, source: string) => void;

/** A field that `@requires` others is computed from them. */
function noteRequiredFields(subgraph: Subgraph, note: Note): void {
  for (const type of Object.values(subgraph.schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      for (const path of pathsOf(requiredBy(field))) {
        const coordinate = `${publicName(subgraph, type.name)}.${field.name}`;
        for (const source of fieldsAlong(path, type.name, subgraph)) note(coordinate, source);
      }
    }
  }
}

function pathsOf(fields: FieldTree): string[][] {
  return [...fields].flatMap(([name, below]) =>
    below === null ? [[name]] : pathsOf(below).map((path) => [name, ...path]),
  );
}

/** A field whose connector reads siblings is computed from them. */
function noteReadFields(connect: ConnectDefinition, subgraph: Subgraph, note: Note): void {
  const { field } = connect;
  if (field === undefined) return;
  const type = publicName(subgraph, connect.type);
  const uses = expressionsOf(connect).flatMap((expression) => variableUses(expression));
  for (const { name, path } of uses) {
    if (name !== '$this' && name !== '$batch') continue;
    for (const source of fieldsAlong(path, connect.type, subgraph)) note(`${type}.${field}`, source);
  }
}

/** `address.city` of a User: `User.address` and `Address.city`. */
function fieldsAlong([name, ...rest]: readonly string[], typeName: string, subgraph: Subgraph): string[] {
  const type = subgraph.schema.getType(typeName);
  if (name === undefined || !isObjectType(type)) return [];
  const fields = type.getFields();
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) return [];
  const below = fieldsAlong(rest, getNamedType(field.type).name, subgraph);
  return [`${publicName(subgraph, typeName)}.${name}`, ...below];
}

/** Leaves of one object that a selection makes from the same part of an answer are computed from one another. */
function noteTwins(
  connect: ConnectDefinition,
  { selection }: Expression,
  subgraph: Subgraph,
  note: Note,
): void {
  const type = returnedType(connect, subgraph);
  const shape = outputShape(selection);
  if (type === undefined || shape.kind !== 'object') return;
  const leaves = leavesOf(shape, type).map((name) => ({
    name: `${publicName(subgraph, type.name)}.${name}`,
    reads: leafPaths(inputPaths(pruneSelection(selection, new Map([[name, null]])))),
  }));
  for (const a of leaves) {
    for (const b of leaves) {
      if (a !== b && a.reads.some((path) => b.reads.some((other) => overlap(path, other))))
        note(a.name, b.name);
    }
  }
}

function returnedType(connect: ConnectDefinition, { schema }: Subgraph): GraphQLObjectType | undefined {
  const owner = schema.getType(connect.type);
  if (!isObjectType(owner)) return undefined;
  const field = connect.field === undefined ? undefined : owner.getFields()[connect.field];
  const type = connect.field === undefined ? owner : field && getNamedType(field.type);
  return isObjectType(type) ? type : undefined;
}

/** Objects are left out: a key that leads to another object does not make that object a secret. */
function leavesOf(shape: Extract<OutputShape, { kind: 'object' }>, type: GraphQLObjectType): string[] {
  const fields = type.getFields();
  return [...shape.fields.keys()].filter(
    (name) => Object.hasOwn(fields, name) && 'serialize' in getNamedType(fields[name]!.type),
  );
}

function leafPaths({ fields, whole }: InputTree, before: readonly string[] = []): string[][] {
  const below = [...fields].flatMap(([name, { needs }]) => leafPaths(needs, [...before, name]));
  return fields.size === 0 || whole !== undefined ? [[...before], ...below] : below;
}

/** Whether one is the other, or a part of it. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return a.length > 0 && b.length > 0 && a.slice(0, length).every((key, index) => key === b[index]);
}
