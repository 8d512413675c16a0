import { Kind, parse, type DirectiveNode, type SelectionSetNode } from 'graphql';
import type { FieldTree } from '../mapping/shape.js';
import { isString } from './text.js';

/** What `fields:` of `@key`, `@requires` or `@provides` says; undefined where it is no list of fields. */
export function parseFieldSet(text: string): SelectionSetNode | undefined {
  try {
    const [definition] = parse(`{ ${text} }`).definitions;
    return definition?.kind === Kind.OPERATION_DEFINITION ? definition.selectionSet : undefined;
  } catch {
    return undefined;
  }
}

/** The offset in `fields:` of an offset in what {@link parseFieldSet} parsed. */
export function offsetInFieldSet(offset: number | undefined): number {
  return Math.max(0, (offset ?? 0) - 2);
}

/** The fields that a directive names, if it does. */
export function fieldTreeIn(directive: DirectiveNode): FieldTree | undefined {
  const fields = directive.arguments?.find(({ name }) => name.value === 'fields')?.value;
  const set = isString(fields) ? parseFieldSet(fields.value) : undefined;
  return set && fieldTreeOf(set);
}

function fieldTreeOf({ selections }: SelectionSetNode): FieldTree {
  return new Map(
    selections.flatMap((node) =>
      node.kind === Kind.FIELD
        ? [
            [
              node.name.value,
              node.selectionSet === undefined ? null : fieldTreeOf(node.selectionSet),
            ] as const,
          ]
        : [],
    ),
  );
}

/** The fields of either set. */
export function joinedFields(a: FieldTree, b: FieldTree): FieldTree {
  const joined = new Map(a);
  for (const [name, below] of b) {
    const known = joined.get(name);
    joined.set(name, known && below ? joinedFields(known, below) : below);
  }
  return joined;
}
