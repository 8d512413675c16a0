import { getNamedType, isLeafType } from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { inputPaths, outputShape, type OutputShape } from '../../mapping/shape.js';
import type { Entry, Selection, SelectionList } from '../../mapping/syntax.js';
import type { ConnectDefinition, Expression, Subgraph } from '../subgraph.js';
import { option } from './directives.js';
import { atNode, inText, unique } from './fault.js';
import { fieldOf, isRoot, nameOf, ownerOf } from './owner.js';
import type { Rule } from './rule.js';
import { parentUses, type PlacedUse } from './uses.js';

/** Many keys in one call: the call carries them, and each row of the answer says whose it is. */
export const batches: Rule = {
  check: (subgraph) =>
    subgraph.connects
      .filter((connect) => !isRoot(subgraph, connect.type) || connect.batch !== undefined)
      .flatMap((connect) => [...checkBatch(connect, subgraph), ...checkKey(connect, subgraph)]),
};

function checkBatch(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const { batch } = connect;
  const node = option(connect.node, 'batch');
  if (batch === undefined || node === undefined) return [];
  const problems: Problem[] = [];
  if (batch.maxSize !== undefined && batch.maxSize < 1) {
    const at = option(connect.node, 'batch', 'maxSize') ?? node;
    const message = `${nameOf(connect)} has batch: { maxSize: ${batch.maxSize} }; at least one key must fit in a call.`;
    problems.push(atNode(subgraph.source, at, 'INVALID_BATCH', message));
  }
  if (isRoot(subgraph, connect.type) && !subgraph.strict) {
    const message = `${nameOf(connect)} has batch, but a root field has no parents to be asked for together. Leave it out.`;
    problems.push(atNode(subgraph.source, node, 'INVALID_BATCH', message));
  } else if (!usesBatch(connect) && !subgraph.strict) {
    const message = `${nameOf(connect)} has batch, but its request does not use $batch. Put the keys into it, such as ids: $batch.id.`;
    problems.push(atNode(subgraph.source, node, 'INVALID_BATCH', message));
  } else if (batch.by !== undefined) {
    problems.push(...checkBy(connect, batch.by, subgraph));
  }
  return problems;
}

function usesBatch(connect: ConnectDefinition): boolean {
  return parentUses(connect).some(({ name }) => name === '$batch');
}

// batch.by

function checkBy(connect: ConnectDefinition, by: Expression, subgraph: Subgraph): Problem[] {
  if (connect.field === undefined) {
    const message = `${nameOf(connect)} has batch.by, which is for fields. A type's rows are told apart by the key that they carry.`;
    return [inText(by.text, 0, 'INVALID_BATCH_BY', message)];
  }
  const { root } = by.selection;
  const entries = root.kind === 'list' || root.kind === 'object' ? root.entries : [];
  if (entries.length === 0 || !entries.every(isNamed)) {
    const message = `${nameOf(connect)} has batch.by: "${by.text.value}". Write which field of the parent is what in a row: "id: userId".`;
    return [inText(by.text, 0, 'INVALID_BATCH_BY', message)];
  }
  return [
    ...entries.flatMap((entry) => checkParentField(entry, connect, by, subgraph)),
    ...checkRows(connect, subgraph),
  ];
}

type NamedEntry = Extract<Entry, { readonly key: unknown }>;

function isNamed(entry: Entry): entry is NamedEntry {
  return entry.kind === 'field' || entry.kind === 'alias';
}

function checkParentField(
  { key }: NamedEntry,
  connect: ConnectDefinition,
  by: Expression,
  subgraph: Subgraph,
): Problem[] {
  const fields = ownerOf(subgraph, connect)?.getFields() ?? {};
  if (Object.hasOwn(fields, key.name)) return [];
  const message =
    `${nameOf(connect)} groups its rows by "${key.name}", but the type ${connect.type} has no field "${key.name}".` +
    didYouMean(key.name, Object.keys(fields));
  return [inText(by.text, key.range.start, 'INVALID_BATCH_BY', message)];
}

/** The key of the parent is read beside the fields of a row: there must be braces that make one. */
function checkRows(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const { selection } = connect;
  const help =
    'batch.by needs rows that are objects: end the selection in braces, such as $.rows { id name }.';
  if (selection === undefined) {
    const field = fieldOf(subgraph, connect);
    if (field === undefined || !isLeafType(getNamedType(field.type))) return [];
    return [
      atNode(
        subgraph.source,
        connect.node,
        'INVALID_BATCH_BY',
        `${nameOf(connect)} has no selection, but ${help}`,
      ),
    ];
  }
  if (rowList(selection.selection) !== undefined) return [];
  const message = `${nameOf(connect)} selects "${selection.text.value.trim()}", but ${help}`;
  return [inText(selection.text, selection.selection.root.range.start, 'INVALID_BATCH_BY', message)];
}

/** The names that make a row of the answer. */
function rowList({ root }: Pick<Selection, 'root'>): SelectionList | undefined {
  if (root.kind === 'path') return root.selection;
  if (root.kind !== 'list') return undefined;
  const [only] = root.entries;
  const alone = root.entries.length === 1 && (only?.kind === 'inline' || only?.kind === 'value');
  return alone ? rowList({ root: only.value }) : root;
}

// Keys

function checkKey(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  if (isRoot(subgraph, connect.type)) return [];
  const uses = parentUses(connect);
  const batch = uses.filter(({ name }) => name === '$batch');
  const single = uses.find(({ name }) => name === '$this');
  const [first] = batch;
  if (first !== undefined && single !== undefined) {
    const later =
      first.text.offsetOf(first.range.start) > single.text.offsetOf(single.range.start) ? first : single;
    const message = `${nameOf(connect)} uses both $this and $batch. A request is for one object, or for many: use one of them.`;
    return [inText(later.text, later.range.start, 'CONNECT_BATCH_AND_THIS', message)];
  }
  if (connect.field !== undefined) return first === undefined ? [] : checkFieldBatch(connect, first);
  if (uses.length === 0) {
    const message = `${nameOf(connect)} uses neither $this nor $batch, so nothing says which ${connect.type} to fetch. Use a key, such as $this.id.`;
    return [atNode(subgraph.source, connect.node, 'CONNECTORS_CANNOT_RESOLVE_KEY', message)];
  }
  return unique(batch.flatMap((use) => checkKeySelected(use, connect)));
}

function checkFieldBatch(connect: ConnectDefinition, use: PlacedUse): Problem[] {
  if (connect.batch?.by !== undefined) return [];
  const message =
    `${nameOf(connect)} asks for many parents at once with $batch, but does not say which row belongs to which.` +
    ' Add batch: { by: "…" }, such as by: "id: userId".';
  return [inText(use.text, use.range.start, 'INVALID_BATCH_BY', message)];
}

/** Rows are matched with the objects that were asked for by their key, so each must carry it. */
function checkKeySelected(use: PlacedUse, connect: ConnectDefinition): Problem[] {
  const { selection } = connect;
  if (selection === undefined || use.path.length === 0) return [];
  const key = use.path.join('.');
  if (!gives(outputShape(selection.selection), use.path)) {
    const message =
      `${nameOf(connect)} asks for many by $batch.${key}, but its selection has no "${key}",` +
      ' by which the rows of the answer are told apart. Select it, too.';
    const { start } = selection.selection.root.range;
    return [inText(selection.text, start, 'CONNECTORS_BATCH_KEY_NOT_IN_SELECTION', message)];
  }
  const entry = rowList(selection.selection)?.entries.find(
    (each) => isNamed(each) && each.key.name === use.path[0],
  );
  if (entry === undefined || !isNamed(entry) || isReadFromAnswer(entry)) return [];
  const message =
    `${nameOf(connect)} asks for many by $batch.${key}, but does not read "${key}" from the answer:` +
    ' all rows would have the same. Select it from the body.';
  return [inText(selection.text, entry.key.range.start, 'CONNECTORS_NON_ROOT_BATCH_KEY', message)];
}

function isReadFromAnswer({ value }: NamedEntry): boolean {
  const { fields, whole } = inputPaths({ version: '0.4', root: value, range: value.range });
  return fields.size > 0 || whole !== undefined;
}

function gives(shape: OutputShape, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  switch (shape.kind) {
    case 'list':
      return gives(shape.of, [name, ...rest]);
    case 'oneOf':
      return shape.shapes.some((each) => gives(each, [name, ...rest]));
    case 'object': {
      const field = shape.fields.get(name);
      return field === undefined ? shape.open : gives(field.shape, rest);
    }
    default:
      return shape.kind === 'unknown';
  }
}
