import type { Entry, Expression, Path, Selection, SelectionList } from '../mapping/syntax.js';

/** Under this name each mapped row of a `batch.by` connector carries the key of its parent. */
export const rowKeyField = '__parentKey';

/**
 * Adds to each row that a selection gives what `by` says of it: `{ id: userId }` under {@link rowKeyField}, read
 * from the same object as the row's other fields.
 *
 * @returns undefined where the selection does not end in the braces that make a row
 */
export function withRowKey(selection: Selection, by: Selection): Selection | undefined {
  const root = withKeyEntry(selection.root, keyEntry(by));
  return root && { ...selection, root };
}

function keyEntry(by: Selection): Entry {
  const entries = by.root.kind === 'list' || by.root.kind === 'object' ? by.root.entries : [];
  return {
    kind: 'alias',
    key: { name: rowKeyField, range: by.range },
    value: { kind: 'object', entries, range: by.range },
    range: by.range,
  };
}

function withKeyEntry(root: SelectionList | Expression, entry: Entry): SelectionList | Path | undefined {
  if (root.kind === 'path') {
    return root.selection && { ...root, selection: added(root.selection, entry) };
  }
  if (root.kind !== 'list') return undefined;
  const [only] = root.entries;
  if (root.entries.length === 1 && (only?.kind === 'inline' || only?.kind === 'value')) {
    return withKeyEntry(only.value, entry);
  }
  return added(root, entry);
}

function added(list: SelectionList, entry: Entry): SelectionList {
  return { ...list, entries: [...list.entries, entry] };
}
