import {
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  type GraphQLField,
} from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { Subgraph } from '../subgraph.js';
import type { Text } from '../text.js';
import { missingAlong } from './argument-paths.js';
import { directivesNamed, option, textsIn, type Placed } from './directives.js';
import { atNode, inText } from './fault.js';
import type { Rule } from './rule.js';

/** Costs and lengths are no less than 0, and lengths are those of lists, by arguments that the field has. */
export const costs: Rule = {
  check: (subgraph) => [
    ...directivesNamed(subgraph, 'cost').flatMap((placed) => checkNumber(placed, 'weight', subgraph)),
    ...directivesNamed(subgraph, 'listSize').flatMap((placed) => [
      ...checkNumber(placed, 'assumedSize', subgraph),
      ...checkListSize(placed, subgraph),
    ]),
  ],
};

function checkNumber({ directive }: Placed, name: string, subgraph: Subgraph): Problem[] {
  const value = option(directive, name)?.value;
  if (value?.kind !== 'IntValue' || Number(value.value) >= 0) return [];
  const message = `@${directive.name.value} has ${name}: ${value.value}; it cannot be less than 0.`;
  return [atNode(subgraph.source, value, 'INVALID_COST', message)];
}

type Field = GraphQLField<unknown, unknown>;

function checkListSize(placed: Placed, subgraph: Subgraph): Problem[] {
  const field = fieldOf(placed.type, placed.field, subgraph);
  if (field === undefined) return [];
  const place = `@listSize on ${placed.type ?? ''}.${field.name}`;
  const slicing = textsIn(option(placed.directive, 'slicingArguments')?.value, subgraph);
  const sized = textsIn(option(placed.directive, 'sizedFields')?.value, subgraph);
  const faults = [
    ...slicing.flatMap((text) => checkArgument(text, field, place)),
    ...sized.flatMap((text) => checkSizedField(text, field, place, subgraph)),
  ];
  if (sized.length > 0 || isList(field)) return faults;
  const message = `${place} says how long a list is, but the field is no list. Name the lists below it in sizedFields.`;
  return [...faults, atNode(subgraph.source, placed.directive, 'INVALID_COST', message)];
}

function checkArgument(text: Text, field: Field, place: string): Problem[] {
  const missing = missingAlong(text.value, field);
  if (missing === undefined) return [];
  const { name, lacks, names } = missing;
  const message = `${place} is sliced by "${text.value}", but ${lacks} "${name}".${didYouMean(name, names)}`;
  return [inText(text, text.value.lastIndexOf(name), 'INVALID_COST', message)];
}

function checkSizedField(text: Text, field: Field, place: string, subgraph: Subgraph): Problem[] {
  const { name: type } = getNamedType(field.type);
  const sized = fieldOf(type, text.value, subgraph);
  if (sized !== undefined && isList(sized)) return [];
  const problem =
    sized === undefined
      ? `the type ${type} has no field "${text.value}".${didYouMean(text.value, fieldNames(type, subgraph))}`
      : `${type}.${text.value} is no list.`;
  return [inText(text, 0, 'INVALID_COST', `${place} sizes "${text.value}", but ${problem}`)];
}

function fieldOf(type: string | undefined, name: string | undefined, subgraph: Subgraph): Field | undefined {
  const fields = fieldsOf(type, subgraph);
  return name !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function fieldNames(type: string, subgraph: Subgraph): string[] {
  return Object.keys(fieldsOf(type, subgraph));
}

function fieldsOf(name: string | undefined, { schema }: Subgraph): Readonly<Record<string, Field>> {
  const type = name === undefined ? undefined : schema.getType(name);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
}

function isList({ type }: Field): boolean {
  return isListType(getNullableType(type));
}
