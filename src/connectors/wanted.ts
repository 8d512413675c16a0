import type { FieldTree } from '../mapping/shape.js';

/** Which fields of an answer will be read; `null` wants the whole value, as of a scalar. */
export type Wanted = FieldTree | null;

/** What either of two wants: the whole value, if one of them does. */
export function unionOf(a: Wanted, b: Wanted): Wanted {
  if (a === null || b === null) return null;
  if (covers(a, b)) return a;
  const union = new Map(a);
  for (const [name, wanted] of b) {
    const known = union.get(name);
    union.set(name, known === undefined ? wanted : unionOf(known, wanted));
  }
  return union;
}

/** Whether everything that `b` wants is in `a`. */
export function covers(a: Wanted, b: Wanted): boolean {
  if (a === b || a === null) return true;
  if (b === null) return false;
  for (const [name, wanted] of b) {
    const known = a.get(name);
    if (known === undefined || !covers(known, wanted)) return false;
  }
  return true;
}

/** Equal for equal sets of fields, whatever their order. */
export function wantedText(wanted: Wanted): string {
  if (wanted === null) return '';
  const fields = [...wanted].map(([name, nested]) => name + wantedText(nested)).sort();
  return `{${fields.join(' ')}}`;
}

/** Paths as a tree: `id`, `address.city` → `{ id, address { city } }`. A path of nothing wants nothing. */
export function treeOf(paths: readonly (readonly string[])[]): FieldTree {
  let tree: Wanted = new Map();
  for (const path of paths) {
    if (path.length > 0) tree = unionOf(tree, branch(path));
  }
  return tree ?? new Map();
}

function branch([name = '', ...rest]: readonly string[]): FieldTree {
  return new Map([[name, rest.length === 0 ? null : branch(rest)]]);
}
