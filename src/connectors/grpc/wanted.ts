import { inputPaths, type InputField, type InputTree } from '../../mapping/shape.js';
import type { ConnectOf, SourceOf } from '../transport.js';

/** What any of some mappings reads of an answer. */
export function joinedInputs(trees: readonly InputTree[]): InputTree {
  return trees.reduce(joined, { fields: new Map(), whole: undefined });
}

/** What the mappings beside `selection` read of the body of an answer. */
export function readByJudges(definition: ConnectOf<'grpc'>, source: SourceOf<'grpc'>): InputTree[] {
  const judges = [
    definition.isSuccess ?? source.isSuccess,
    definition.errors?.message ?? source.errors?.message,
    source.errors?.extensions,
    definition.errors?.extensions,
  ];
  return judges.flatMap((judge) => (judge === undefined ? [] : inputPaths(judge.selection)));
}

function joined(a: InputTree, b: InputTree): InputTree {
  const fields = new Map(a.fields);
  for (const [name, field] of b.fields) fields.set(name, joinedField(fields.get(name), field));
  return { fields, whole: a.whole ?? b.whole };
}

/** A value that one mapping only looks at, and another takes in parts, is taken whole. */
function joinedField(a: InputField | undefined, b: InputField): InputField {
  if (a === undefined) return b;
  const isBare = (tree: InputTree) => tree.fields.size === 0;
  const whole = isBare(a.needs) || isBare(b.needs) ? (a.needs.whole ?? b.needs.whole ?? a.range) : undefined;
  const needs = joined(a.needs, b.needs);
  return { range: a.range, needs: { fields: needs.fields, whole: needs.whole ?? whole } };
}
