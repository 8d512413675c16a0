import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { PolicyDefinition, Subgraph } from '../subgraph.js';
import type { Text } from '../text.js';
import { catalogOf } from './catalog.js';
import { directivesNamed, optionText, option, textsIn, type Placed } from './directives.js';
import { atNode, inText, lineOf, unique } from './fault.js';
import { lackingReads } from './lacking.js';
import type { Rule, Scope } from './rule.js';

/** Each policy has a name of its own, among the files and the config file. */
export const policyNames: Rule = {
  check: (subgraph, scope) => subgraph.policies.flatMap((policy) => checkName(policy, subgraph, scope)),
};

function checkName(policy: PolicyDefinition, subgraph: Subgraph, { subgraphs, policies }: Scope): Problem[] {
  const text = optionText(subgraph, policy.node, 'name');
  const first = subgraphs
    .flatMap((each) => each.policies.map((other) => ({ other, source: each.source })))
    .find(({ other }) => other.name === policy.name);
  if (text === undefined) return [];
  const place =
    first !== undefined && first.other !== policy
      ? lineOf(first.source, first.other.node)
      : policies.includes(policy.name)
        ? 'the config file'
        : undefined;
  if (place === undefined) return [];
  const message = `A policy with the name "${policy.name}" is already defined in ${place}. Give this one another name.`;
  return [inText(text, 0, 'DUPLICATE_POLICY_NAME', message)];
}

/** `@policy` and `@requiresScopes` ask for something, and what they ask for can be decided. */
export const policyUses: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) => [
    ...directivesNamed(subgraph, 'policy').flatMap((placed) => [
      ...checkLists(placed, 'policies', subgraph),
      ...checkUse(placed, subgraph, scope),
    ]),
    ...directivesNamed(subgraph, 'requiresScopes').flatMap((placed) =>
      checkLists(placed, 'scopes', subgraph),
    ),
  ],
};

/** An empty inner list would let everybody in, an empty outer one nobody. */
function checkLists({ directive, type, field }: Placed, argument: string, subgraph: Subgraph): Problem[] {
  const value = option(directive, argument)?.value;
  if (value?.kind !== 'ListValue') return [];
  const empty = [value, ...value.values].find(
    (each) => each.kind === 'ListValue' && each.values.length === 0,
  );
  if (empty === undefined) return [];
  const message =
    `@${directive.name.value} on ${[type, field].filter(Boolean).join('.')} has an empty list, which asks for nothing.` +
    ` Name what is needed: ${argument}: [["…"]].`;
  return [atNode(subgraph.source, empty, 'EMPTY_POLICY', message)];
}

function checkUse(placed: Placed, subgraph: Subgraph, scope: Scope): Problem[] {
  const defined = new Map(
    scope.subgraphs.flatMap(({ policies }) => policies.map((policy) => [policy.name, policy])),
  );
  const names = [...defined.keys(), ...scope.policies];
  return textsIn(option(placed.directive, 'policies')?.value, subgraph).flatMap((text) => {
    const policy = defined.get(text.value);
    if (policy !== undefined) return checkFields(policy, text, placed, scope);
    return names.includes(text.value) ? [] : [unknownPolicy(text, placed, names)];
  });
}

function unknownPolicy(text: Text, { type, field }: Placed, names: readonly string[]): Problem {
  const help =
    didYouMean(text.value, names) ||
    ` Define it: extend schema @definePolicy(name: "${text.value}", allow: "…"), or in the config file.`;
  const place = [type, field].filter(Boolean).join('.');
  return inText(
    text,
    0,
    'UNKNOWN_POLICY',
    `@policy on ${place} names "${text.value}", which nothing defines.${help}`,
  );
}

/** A policy that reads what its object does not have would deny everybody, and nobody would know why. */
function checkFields(policy: PolicyDefinition, text: Text, { type, field }: Placed, scope: Scope): Problem[] {
  const fields = catalogOf(scope.subgraphs).types.get(type ?? '')?.fields;
  if (fields === undefined || type === undefined || fields.size === 0) return [];
  const lacking = lackingReads(
    policy.allow.selection.root,
    ({ variable, name }) => variable === '$this' && !fields.has(name),
  );
  const place = [type, field].filter(Boolean).join('.');
  return unique(
    lacking.map(({ name }) => {
      const message =
        `@policy on ${place} names "${policy.name}", which reads $this.${name}, but the type ${type} has no field "${name}".` +
        didYouMean(name, fields.keys());
      return inText(text, 0, 'POLICY_FIELD_NOT_FOUND', message);
    }),
  );
}
