import {
  getLocation,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  type ASTNode,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
} from 'graphql';
import type { Problem } from '../../base/problems.js';
import { publicName } from '../public-name.js';
import type { Subgraph } from '../subgraph.js';
import { startOf } from '../text.js';
import { isVocabularyType } from '../vocabulary.js';
import { hasDirective } from './directives.js';
import type { Rule, Scope } from './rule.js';

/**
 * A type that several files declare is one type. They may declare different fields of it; a field that two declare has
 * the same type in both, its nullability aside: a file says what its own backend promises, so the common type is the
 * more nullable one. Told in the later file, which is the one that joined.
 */
export const typeConflicts: Rule = {
  check: (subgraph, { subgraphs }: Scope) =>
    [...typesOf(subgraph)].flatMap(([name, type]) =>
      checkType(name, type, subgraph, subgraphs.slice(0, subgraphs.indexOf(subgraph))),
    ),
};

const known = new WeakMap<Subgraph, ReadonlyMap<string, GraphQLNamedType>>();

/** A file's own types, by the names that clients see. */
function typesOf(subgraph: Subgraph): ReadonlyMap<string, GraphQLNamedType> {
  const types =
    known.get(subgraph) ?? new Map(ownTypes(subgraph).map((type) => [publicName(subgraph, type.name), type]));
  known.set(subgraph, types);
  return types;
}

function ownTypes({ schema }: Subgraph): GraphQLNamedType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type) && !isVocabularyType(type.name),
  );
}

/** One type in two files. */
interface Pair<T> {
  readonly here: T;
  readonly there: T;
  readonly subgraph: Subgraph;
  readonly other: Subgraph;
}

/** Compared with the first file that disagrees: the others would say the same. */
function checkType(
  name: string,
  here: GraphQLNamedType,
  subgraph: Subgraph,
  earlier: readonly Subgraph[],
): Problem[] {
  for (const other of earlier) {
    const there = typesOf(other).get(name);
    if (there === undefined) continue;
    const problems = compare({ here, there, subgraph, other });
    if (problems.length > 0) return problems;
  }
  return [];
}

function compare(pair: Pair<GraphQLNamedType>): Problem[] {
  const { here, there } = pair;
  if (kindOf(here) !== kindOf(there)) {
    return [conflict(pair, here, there, `${here.name} is ${kindOf(here)} here, but ${kindOf(there)}`)];
  }
  if (isEnumType(here) && isEnumType(there)) return compareEnums({ ...pair, here, there });
  if (isInputObjectType(here) && isInputObjectType(there)) return compareInputs({ ...pair, here, there });
  return hasFields(here) && hasFields(there) ? compareFields({ ...pair, here, there }) : [];
}

type WithFields = GraphQLObjectType | GraphQLInterfaceType;

function hasFields(type: GraphQLNamedType): type is WithFields {
  return isObjectType(type) || isInterfaceType(type);
}

function kindOf(type: GraphQLNamedType): string {
  if (isScalarType(type)) return 'a scalar';
  if (isEnumType(type)) return 'an enum';
  if (isInputObjectType(type)) return 'an input';
  if (isUnionType(type)) return 'a union';
  return isInterfaceType(type) ? 'an interface' : 'a type';
}

function compareEnums(pair: Pair<GraphQLEnumType>): Problem[] {
  const names = (type: GraphQLEnumType) => type.getValues().map(({ name }) => name);
  const difference = differenceOf(names(pair.here), names(pair.there));
  if (difference === undefined) return [];
  return [conflict(pair, pair.here, pair.there, `The enum ${pair.here.name} has other values`, difference)];
}

function compareInputs(pair: Pair<GraphQLInputObjectType>): Problem[] {
  const fields = pair.here.getFields();
  const others = pair.there.getFields();
  const difference = differenceOf(Object.keys(fields), Object.keys(others));
  if (difference !== undefined) {
    return [
      conflict(pair, pair.here, pair.there, `The input ${pair.here.name} has other fields`, difference),
    ];
  }
  return Object.values(fields).flatMap((field) => {
    const other = others[field.name];
    if (other === undefined || field.type.toString() === other.type.toString()) return [];
    const says = `${pair.here.name}.${field.name} is ${field.type.toString()} here, but ${other.type.toString()}`;
    return [conflict(pair, field, other, says)];
  });
}

function compareFields(pair: Pair<WithFields>): Problem[] {
  const others = pair.there.getFields();
  return Object.values(pair.here.getFields()).flatMap((field) => {
    const other = Object.hasOwn(others, field.name) ? others[field.name] : undefined;
    return other === undefined ? [] : compareField({ ...pair, here: field, there: other }, pair.here.name);
  });
}

type Field = GraphQLField<unknown, unknown>;

function compareField(pair: Pair<Field>, owner: string): Problem[] {
  const { here, there, subgraph, other } = pair;
  const name = `${publicName(subgraph, owner)}.${here.name}`;
  if (typeText(here, subgraph) !== typeText(there, other)) {
    const says = `${name} is ${here.type.toString()} here, but ${there.type.toString()}`;
    return [conflict(pair, here, there, says)];
  }
  // Who only refers to a field need not repeat its arguments.
  if (hasDirective(here, 'external') || hasDirective(there, 'external')) return [];
  const difference = differenceOf(argumentTexts(here), argumentTexts(there));
  return difference === undefined
    ? []
    : [conflict(pair, here, there, `${name} has other arguments`, difference)];
}

function typeText({ type }: { readonly type: { toString(): string } }, subgraph: Subgraph): string {
  const text = type.toString().replaceAll('!', '');
  const name = text.replace(/[[\]]/g, '');
  return text.replace(name, publicName(subgraph, name));
}

function argumentTexts({ args }: Field): string[] {
  return args.map(({ name, type }) => `${name}: ${type.toString().replaceAll('!', '')}`);
}

function differenceOf(here: readonly string[], there: readonly string[]): string | undefined {
  const only = (a: readonly string[], b: readonly string[]) =>
    a.filter((name) => !b.includes(name)).join(', ');
  const parts = [
    ['only here', only(here, there)],
    ['only there', only(there, here)],
  ].flatMap(([where, names]) => (names === '' ? [] : [`${where}: ${names}`]));
  return parts.length === 0 ? undefined : parts.join('; ');
}

interface Element {
  readonly astNode?: (ASTNode & { readonly name: ASTNode }) | null | undefined;
}

/** Extensions made into definitions have their node, too; what has none stands at the start of its file. */
function conflict(
  pair: Pair<unknown>,
  here: Element,
  there: Element,
  says: string,
  difference?: string,
): Problem {
  const offset = startOf(here.astNode?.name ?? {});
  const place = `${pair.other.source.name}:${getLocation(pair.other.source, startOf(there.astNode?.name ?? {})).line}`;
  const end = difference === undefined ? '' : ` (${difference})`;
  const message = `${says} in ${place}${end}. One type has one shape in all files.`;
  return { code: 'TYPE_CONFLICT', message, source: pair.subgraph.source, offset };
}
