import { outputShape, type OutputShape, type VariableUse } from '../../mapping/shape.js';
import type { Expression, Path, Selection } from '../../mapping/syntax.js';
import type { Subgraph } from '../subgraph.js';
import { follow, knownOf } from './known.js';
import type { MappingPlace } from './places.js';

/** What a value can be, seen from the text and the schema alone; null and no value are always possible. */
export type Kind = 'string' | 'number' | 'boolean' | 'list' | 'object' | 'unknown';

/** The kinds of value that an expression can give. Empty where it can only give null or nothing. */
export function kindsOf(root: Selection['root'], place: MappingPlace, subgraph: Subgraph): ReadonlySet<Kind> {
  const use = root.kind === 'path' ? plainUse(root) : undefined;
  if (use === undefined) return new Set(kindsOfShape(shapeOf(root)));
  const known = follow(use, knownOf(use.name, place, subgraph));
  switch (known.kind) {
    case 'scalar':
      return new Set([known.type]);
    case 'missing':
      return new Set(['unknown']);
    default:
      return new Set([known.kind]);
  }
}

/** The output shape of a whole mapping, or of a part of one. */
export function shapeOf(root: Selection['root']): OutputShape {
  return outputShape({ version: '0.4', root, range: root.range });
}

/** Whether a value can only be one of these kinds. */
export function isOnly(kinds: ReadonlySet<Kind>, ...some: readonly Kind[]): boolean {
  return kinds.size > 0 && [...kinds].every((kind) => some.includes(kind));
}

/** `a list`, `a list or an object`, for messages. */
export function kindNames(kinds: Iterable<Kind>): string {
  return [...kinds].map((kind) => `${kind === 'object' ? 'an' : 'a'} ${kind}`).join(' or ');
}

/** A path of names behind a variable and nothing else: `$args.filter.city`. */
function plainUse(path: Path): VariableUse | undefined {
  const { root, steps } = path;
  if (root.kind !== 'variable' || path.selection !== undefined) return undefined;
  const keys = steps.flatMap((step) => (step.kind === 'key' ? [step.key] : []));
  if (steps.some((step) => step.kind === 'method')) return undefined;
  return {
    name: root.name,
    path: keys.map(({ name }) => name),
    range: root.range,
    pathRanges: keys.map(({ range }) => range),
    whole: true,
  };
}

function kindsOfShape(shape: OutputShape): Kind[] {
  switch (shape.kind) {
    case 'literal':
      return shape.value === null ? [] : [kindOfLiteral(shape.value)];
    case 'scalar':
      return [shape.type];
    case 'oneOf':
      return shape.shapes.flatMap(kindsOfShape);
    case 'nothing':
      return [];
    default:
      return [shape.kind];
  }
}

function kindOfLiteral(value: string | number | bigint | boolean): Kind {
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' ? 'boolean' : 'number';
}

/** The values under the names of an object that is written in the text. */
export function entriesOf(
  root: Selection['root'],
): readonly { readonly name: string; readonly value: Expression }[] {
  if (root.kind !== 'list' && root.kind !== 'object') return [];
  return root.entries.flatMap((entry) =>
    entry.kind === 'field' || entry.kind === 'alias' ? [{ name: entry.key.name, value: entry.value }] : [],
  );
}
