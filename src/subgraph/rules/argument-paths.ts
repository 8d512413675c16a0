import { getNamedType, isInputObjectType, type GraphQLField, type GraphQLInputType } from 'graphql';

/** A name that a path comes to and that is not there. */
export interface Missing {
  readonly name: string;
  /** Who does not have it: `the field has no argument`. */
  readonly lacks: string;
  /** What there is in its place. */
  readonly names: readonly string[];
}

/** What is missing of an argument such as `email`, or of `input.email` within an input object; undefined if nothing is. */
export function missingAlong(path: string, field: GraphQLField<unknown, unknown>): Missing | undefined {
  const [name = '', ...rest] = path.split('.');
  const argument = field.args.find((each) => each.name === name);
  if (argument !== undefined) return missingIn(rest, argument.type);
  return { name, lacks: 'the field has no argument', names: field.args.map((each) => each.name) };
}

function missingIn([name, ...rest]: readonly string[], type: GraphQLInputType): Missing | undefined {
  if (name === undefined) return undefined;
  const input = getNamedType(type);
  const fields = isInputObjectType(input) ? input.getFields() : {};
  const next = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (next !== undefined) return missingIn(rest, next.type);
  return { name, lacks: `the type ${input.name} has no field`, names: Object.keys(fields) };
}
