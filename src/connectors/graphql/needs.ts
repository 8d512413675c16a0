import type { Range } from '../../mapping/syntax.js';

/** What a mapping reads of a value. */
export interface Needs {
  readonly fields: ReadonlyMap<string, Need>;
  /** Where the mapping takes the value with all it holds, if it does. */
  readonly whole?: Range | undefined;
}

/** One property that is read. */
export interface Need {
  /** Where the mapping names it first. */
  readonly range: Range;
  readonly needs: Needs;
}

/** Nothing is read. */
export const noNeeds: Needs = { fields: new Map() };

/** What either of two reads. */
export function joined(a: Needs, b: Needs): Needs {
  const fields = new Map(a.fields);
  for (const [name, need] of b.fields) {
    const known = fields.get(name);
    fields.set(name, known === undefined ? need : { range: known.range, needs: joined(known.needs, need.needs) });
  }
  return { fields, whole: a.whole ?? b.whole };
}

/** The named fields alone: enough to see whether a value is there. */
export function withoutWholes(needs: Needs): Needs {
  const fields = [...needs.fields].map(
    ([name, { range, needs: below }]) => [name, { range, needs: withoutWholes(below) }] as const,
  );
  return { fields: new Map(fields) };
}
