import { isObjectType, type GraphQLField } from 'graphql';
import { parseDuration } from '../../base/duration.js';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { Subgraph } from '../subgraph.js';
import type { Text } from '../text.js';
import { missingAlong } from './argument-paths.js';
import { directivesNamed, option, optionText, textsIn, type Placed } from './directives.js';
import { atNode, inText } from './fault.js';
import type { Rule } from './rule.js';

/** A rate limit allows something in a window of time, and counts by arguments that the field has. */
export const rateLimits: Rule = {
  check: (subgraph) =>
    directivesNamed(subgraph, 'rateLimit').flatMap((placed) => [
      ...checkWindow(placed, subgraph),
      ...checkMax(placed, subgraph),
      ...checkArguments(placed, subgraph),
    ]),
};

function nameOf({ type, field }: Placed): string {
  return `@rateLimit on ${type ?? ''}.${field ?? ''}`;
}

function checkWindow(placed: Placed, subgraph: Subgraph): Problem[] {
  const text = optionText(subgraph, placed.directive, 'window');
  if (text === undefined || (parseDuration(text.value) ?? 0) > 0) return [];
  const message = `${nameOf(placed)} has the window "${text.value}", which is no length of time. Write "10s", "1m" or "1h".`;
  return [inText(text, 0, 'INVALID_RATE_LIMIT', message)];
}

function checkMax(placed: Placed, subgraph: Subgraph): Problem[] {
  const value = option(placed.directive, 'max')?.value;
  if (value?.kind !== 'IntValue' || Number(value.value) >= 1) return [];
  const message = `${nameOf(placed)} has max: ${value.value}; at least 1 call must be allowed.`;
  return [atNode(subgraph.source, value, 'INVALID_RATE_LIMIT', message)];
}

function checkArguments(placed: Placed, subgraph: Subgraph): Problem[] {
  const owner = placed.type === undefined ? undefined : subgraph.schema.getType(placed.type);
  const field =
    isObjectType(owner) && placed.field !== undefined ? owner.getFields()[placed.field] : undefined;
  if (field === undefined) return [];
  const list = optionText(subgraph, placed.directive, 'arrayLengthField');
  const texts = [
    ...textsIn(option(placed.directive, 'identityArgs')?.value, subgraph),
    ...(list === undefined ? [] : [list]),
  ];
  return texts.flatMap((text) => checkArgument(text, field, placed));
}

/** `email`, or `input.email` within an input object. */
function checkArgument(text: Text, field: GraphQLField<unknown, unknown>, placed: Placed): Problem[] {
  const missing = missingAlong(text.value, field);
  if (missing === undefined) return [];
  const { name, lacks, names } = missing;
  const message = `${nameOf(placed)} counts by "${text.value}", but ${lacks} "${name}".${didYouMean(name, names)}`;
  return [inText(text, text.value.lastIndexOf(name), 'INVALID_RATE_LIMIT', message)];
}
