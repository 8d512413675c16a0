import type { InputField, InputTree } from '../../mapping/shape.js';

/** Nothing is read. */
export const noNeeds: InputTree = { fields: new Map(), whole: undefined };

/** What either of two reads. */
export function joined(a: InputTree, b: InputTree): InputTree {
  const fields = new Map(a.fields);
  for (const [name, field] of b.fields) {
    const known = fields.get(name);
    fields.set(
      name,
      known === undefined ? field : { range: known.range, needs: joined(known.needs, field.needs) },
    );
  }
  return { fields, whole: a.whole ?? b.whole };
}

/** The named fields alone: enough to see whether a value is there. */
export function withoutWholes(needs: InputTree): InputTree {
  const bare = ({ range, needs: below }: InputField): InputField => ({ range, needs: withoutWholes(below) });
  return { fields: new Map([...needs.fields].map(([name, field]) => [name, bare(field)])), whole: undefined };
}
