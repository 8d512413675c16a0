import {
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type SelectionSetNode,
} from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { offsetInFieldSet, parseFieldSet } from '../field-set.js';
import { publicName } from '../public-name.js';
import type { Subgraph } from '../subgraph.js';
import type { Text } from '../text.js';
import { arrivalsOf } from './arrivals.js';
import { catalogOf } from './catalog.js';
import { directivesNamed, option, optionText, type Placed } from './directives.js';
import { atNode, inText } from './fault.js';
import { isSameKey, keyOf, pathsOf } from './keys.js';
import { fieldOf, nameOf } from './owner.js';
import type { Rule, Scope } from './rule.js';

/** The fields of a `@key` are fields of its type. */
export const keyDirectives: Rule = {
  check: (subgraph) => directivesNamed(subgraph, 'key').flatMap((placed) => checkFields(placed, subgraph)),
};

function checkFields({ directive, type: name = '' }: Placed, subgraph: Subgraph): Problem[] {
  const text = optionText(subgraph, directive, 'fields');
  const type = subgraph.schema.getType(name);
  if (text === undefined || type === undefined) return [];
  const fields = parseFieldSet(text.value);
  if (fields === undefined) {
    const message = `@key on ${name} has fields: "${text.value}", which is no list of fields. Write "id" or "organisation { id }".`;
    return [inText(text, 0, 'KEY_INVALID_FIELDS', message)];
  }
  return unknownFields(fields, type, text, name);
}

function unknownFields(
  { selections }: SelectionSetNode,
  type: GraphQLNamedType,
  text: Text,
  owner: string,
): Problem[] {
  const known = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
  return selections.flatMap((node) => {
    if (node.kind !== Kind.FIELD) return [];
    const { value: name, loc } = node.name;
    const field = known[name];
    if (field !== undefined) {
      return node.selectionSet === undefined
        ? []
        : unknownFields(node.selectionSet, getNamedType(field.type), text, owner);
    }
    const message = `@key on ${owner} names "${name}", but the type ${type.name} has no field of that name.${didYouMean(name, Object.keys(known))}`;
    return [inText(text, offsetInFieldSet(loc?.start), 'KEY_INVALID_FIELDS', message)];
  });
}

/**
 * What can be referred to by a key can be fetched by it. A file that links the specification serves its keys itself;
 * in ours another file may, and need not where every field comes along anyway.
 */
export const servedKeys: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) => {
    const keys = directivesNamed(subgraph, 'key').filter(isResolvable);
    return subgraph.strict
      ? keys.flatMap((placed) => checkServedHere(placed, subgraph))
      : firstOfType(keys).flatMap((placed) => checkServedAnywhere(placed, subgraph, scope));
  },
};

function isResolvable({ directive }: Placed): boolean {
  const value = option(directive, 'resolvable')?.value;
  return value?.kind !== Kind.BOOLEAN || value.value;
}

function firstOfType(keys: readonly Placed[]): Placed[] {
  return keys.filter(({ type }, index) => keys.findIndex((each) => each.type === type) === index);
}

function checkServedHere({ directive, type = '' }: Placed, subgraph: Subgraph): Problem[] {
  const text = optionText(subgraph, directive, 'fields');
  const fields = text && parseFieldSet(text.value);
  if (text === undefined || fields === undefined) return [];
  const key = pathsOf(fields);
  const serving = subgraph.connects.filter((connect) => {
    const returned = fieldOf(subgraph, connect);
    return (
      connect.type === type ||
      (connect.entity && returned !== undefined && canBe(returned.type, type, subgraph))
    );
  });
  if (serving.some((connect) => isSameKey(keyOf(connect, subgraph), key))) return [];
  const message =
    `@key on ${type} promises that others can fetch a ${type} by "${text.value}", but no connector of this file takes exactly` +
    ` these fields. Add @connect to the type, or entity: true to a Query field, or resolvable: false here.`;
  return [inText(text, 0, 'MISSING_ENTITY_CONNECTOR', message)];
}

/** Whether a field gives objects of this type, perhaps as an interface or union. */
function canBe(output: GraphQLOutputType, type: string, { schema }: Subgraph): boolean {
  const named = getNamedType(output);
  return (
    named.name === type ||
    (isAbstractType(named) && schema.getPossibleTypes(named).some(({ name }) => name === type))
  );
}

/** Told once for each file and type, at its key, with one field that would be missing. */
function checkServedAnywhere(
  { directive, type }: Placed,
  subgraph: Subgraph,
  { subgraphs }: Scope,
): Problem[] {
  const name = publicName(subgraph, type ?? '');
  const { given, fetched, lacks } = arrivalsOf(subgraphs);
  const { byField } = catalogOf(subgraphs);
  const lack = lacks
    .get(name)
    ?.find(
      (each) =>
        each.connected.subgraph === subgraph &&
        given.has(`${name}.${each.field}`) &&
        !byField.has(`${name}.${each.field}`) &&
        !fetched.has(`${name}.${each.field}`),
    );
  if (lack === undefined) return [];
  const message =
    `${nameOf(lack.connected.connect)} gives a ${name} without "${lack.field}", and no connector of any file can fetch` +
    ` ${name}.${lack.field} by a key. Add @connect to the type ${name} with $this or $batch, or entity: true to a Query field.`;
  return [atNode(subgraph.source, directive, 'MISSING_ENTITY_CONNECTOR', message)];
}
