import { getNamedType, getNullableType, isListType, isObjectType, type GraphQLResolveInfo } from 'graphql';
import type { Connector } from '../connectors/connector.js';
import { isObject, put } from '../mapping/values.js';
import type { Provision } from './provision.js';
import { fieldsByName } from './want.js';

type Connectors = readonly [Connector, ...Connector[]];

/**
 * Of several connectors of one field, those whose answers together have what the selection asks for: the one that
 * has most of it first. A list, and what changes something, is asked of one alone.
 */
export function chooseConnectors(
  connectors: Connectors,
  info: GraphQLResolveInfo,
  provisionOf: (connector: Connector) => Provision,
): Connectors {
  const type = getNamedType(info.returnType);
  if (connectors.length === 1 || !isObjectType(type)) return [connectors[0]];
  const has = (connector: Connector, field: string) => provisionOf(connector).gives(field) !== 'no';
  const asked = [...fieldsByName(type, info).keys()];
  const [best, left] = takeBest(connectors, asked, has);
  if (isListType(getNullableType(info.returnType)) || best.changes) return [best];
  const chosen: [Connector, ...Connector[]] = [best];
  for (let open = left; open.some((field) => connectors.some((each) => has(each, field)));) {
    const [next, rest] = takeBest(connectors, open, has);
    chosen.push(next);
    open = rest;
  }
  return chosen;
}

/** The connector that has most of these fields, and the fields it lacks. */
function takeBest(
  connectors: Connectors,
  fields: readonly string[],
  has: (connector: Connector, field: string) => boolean,
): [Connector, string[]] {
  const lacking = (connector: Connector) => fields.filter((field) => !has(connector, field));
  const best = connectors.reduce((a, b) => (lacking(b).length < lacking(a).length ? b : a));
  return [best, lacking(best)];
}

/**
 * The answers of several connectors of one field as one object; what is null or missing adds nothing. What two of them
 * give is the first one's, as `provisionOfAll` takes it to be.
 */
export function mergeAnswers(answers: readonly unknown[]): unknown {
  if (answers.length === 1) return answers[0];
  const objects = answers.filter(isObject);
  if (objects.length === 0) return answers[0];
  const merged: Record<string, unknown> = {};
  for (const object of objects) {
    for (const [key, value] of Object.entries(object)) {
      if (!Object.hasOwn(merged, key)) put(merged, key, value);
    }
  }
  return merged;
}
