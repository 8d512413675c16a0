import { getNamedType, isAbstractType, isLeafType, isObjectType, type GraphQLNamedType } from 'graphql';
import {
  inputPaths,
  outputShape,
  variableUses,
  type FieldTree,
  type InputTree,
  type ObjectShape,
  type OutputShape,
} from '../mapping/shape.js';
import { pruneSelection } from '../mapping/prune.js';
import { expressionsOf } from '../subgraph/expressions.js';
import { requiredBy } from '../subgraph/given-fields.js';
import { publicName } from '../subgraph/public-name.js';
import type { ConnectDefinition, Expression, Subgraph } from '../subgraph/subgraph.js';

/**
 * From which fields other fields are computed, by `Type.field`: a connector reads them of its object by `$this`, a
 * Federation subgraph is told them as `@requires` says, or a selection makes both, in one object, from the same part of
 * an answer. Who may not see the one must not see it in the other. What another object is made from is left out: a key
 * that leads to it does not make it a secret.
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
  if (type === undefined) return;
  for (const { owner, path, names } of madeObjects(outputShape(selection), type, subgraph)) {
    const readFor = (tree: FieldTree) =>
      leafPaths(inputPaths(pruneSelection(selection, path.reduceRight(within, tree))));
    // What is read whatever is wanted, such as the subject of a `->match`, tells nothing of a leaf.
    const always = readFor(new Map());
    const leaves = names.map((name) => ({
      name: `${publicName(subgraph, owner)}.${name}`,
      reads: readFor(new Map([[name, null]])).filter((read) => !always.some((other) => same(read, other))),
    }));
    for (const a of leaves) {
      for (const b of leaves) {
        if (a !== b && a.reads.some((read) => b.reads.some((other) => overlap(read, other))))
          note(a.name, b.name);
      }
    }
  }
}

function within(tree: FieldTree, name: string): FieldTree {
  return new Map([[name, tree]]);
}

/** One object that a selection makes: its type, where it is in the whole, and which leaves it has. */
interface MadeObject {
  readonly owner: string;
  readonly path: readonly string[];
  readonly names: readonly string[];
}

/** At any depth, in lists, and under each of several types. */
function madeObjects(
  shape: OutputShape,
  type: GraphQLNamedType,
  subgraph: Subgraph,
  path: readonly string[] = [],
): MadeObject[] {
  switch (shape.kind) {
    case 'list':
      return madeObjects(shape.of, type, subgraph, path);
    case 'oneOf':
      return shape.shapes.flatMap((each) => madeObjects(each, type, subgraph, path));
    case 'object': {
      const owner = isAbstractType(type) ? memberOf(shape, subgraph) : type;
      if (!isObjectType(owner)) return [];
      const fields = [...shape.fields].flatMap(([name, made]) => {
        const field = Object.hasOwn(owner.getFields(), name) ? owner.getFields()[name] : undefined;
        return field === undefined ? [] : [{ name, made, type: getNamedType(field.type) }];
      });
      const names = fields.flatMap((field) => (isLeafType(field.type) ? field.name : []));
      return [
        { owner: owner.name, path, names },
        ...fields.flatMap((field) =>
          madeObjects(field.made.shape, field.type, subgraph, [...path, field.name]),
        ),
      ];
    }
    default:
      return [];
  }
}

/** The type that an object of several says it has. */
function memberOf(shape: ObjectShape, { schema }: Subgraph): GraphQLNamedType | undefined {
  const name = shape.fields.get('__typename')?.shape;
  return name?.kind === 'literal' && typeof name.value === 'string' ? schema.getType(name.value) : undefined;
}

function returnedType(connect: ConnectDefinition, { schema }: Subgraph): GraphQLNamedType | undefined {
  const owner = schema.getType(connect.type);
  if (!isObjectType(owner)) return undefined;
  const field = connect.field === undefined ? undefined : owner.getFields()[connect.field];
  return connect.field === undefined ? owner : field && getNamedType(field.type);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
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
