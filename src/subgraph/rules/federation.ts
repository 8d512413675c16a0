import { Kind, type DefinitionNode } from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import type { Subgraph } from '../subgraph.js';
import { directivesNamed, optionText, type Placed } from './directives.js';
import { atNode, inText } from './fault.js';
import type { Rule, Scope } from './rule.js';

/** Federation's directives are used where we can do what they ask for. */
export const federation: Rule = {
  check: (subgraph) =>
    directivesNamed(subgraph, 'requires').flatMap((placed) => checkRequires(placed, subgraph)),
};

/** Only a Federation subgraph can be handed the fields that it requires, with the key of the object. */
function checkRequires({ directive, type, field }: Placed, subgraph: Subgraph): Problem[] {
  const isHanded = subgraph.implied.some(
    (each) =>
      each.type === type &&
      each.kind === 'graphql' &&
      each.graphql.entity?.fields.includes(field ?? '') === true,
  );
  if (isHanded) return [];
  const message =
    `@requires on ${type ?? ''}.${field ?? ''} asks for other fields to be sent along, which only a type with a` +
    ' @key of a Federation subgraph can be. A connector of the field can use its siblings as $this.name.';
  return [atNode(subgraph.source, directive, 'CONNECTORS_UNSUPPORTED_FEDERATION_DIRECTIVE', message)];
}

/** `@override(from:)` names another file. */
export const overrides: Rule = {
  acrossFiles: true,
  check: (subgraph, scope) =>
    directivesNamed(subgraph, 'override').flatMap((placed) => checkOverride(placed, subgraph, scope)),
};

function checkOverride(
  { directive, type, field }: Placed,
  subgraph: Subgraph,
  { subgraphs }: Scope,
): Problem[] {
  const text = optionText(subgraph, directive, 'from');
  const others = subgraphs.filter((each) => each !== subgraph).map(({ name }) => name);
  if (text === undefined || others.includes(text.value)) return [];
  const why =
    text.value === subgraph.name ? 'which is this file itself' : 'but there is no schema file of that name';
  const help =
    didYouMean(text.value, others) || (others.length > 0 ? ` There are: ${others.join(', ')}.` : '');
  const message = `@override on ${type ?? ''}.${field ?? ''} takes the field from "${text.value}", ${why}.${help}`;
  return [inText(text, 0, 'UNKNOWN_SUBGRAPH', message)];
}

/** Interfaces and unions come with v0.4; a connector stands on objects and their fields. */
export const abstractTypes: Rule = {
  check: (subgraph) => [
    ...(subgraph.strict && subgraph.version !== '0.4' ? checkKinds(subgraph) : []),
    ...directivesNamed(subgraph, 'connect').flatMap((placed) => checkPlace(placed, subgraph)),
  ],
};

const kinds: Partial<Record<DefinitionNode['kind'], string>> = {
  [Kind.INTERFACE_TYPE_DEFINITION]: 'interface',
  [Kind.UNION_TYPE_DEFINITION]: 'union',
};

function checkKinds({ document, source, version }: Subgraph): Problem[] {
  return document.definitions.flatMap((node) => {
    const kind = kinds[node.kind];
    if (kind === undefined || !('name' in node) || node.name === undefined) return [];
    const message = `The ${kind} ${node.name.value} needs connect/v0.4; this file links v${version}.`;
    return [atNode(source, node.name, 'CONNECTORS_UNSUPPORTED_ABSTRACT_TYPE', message)];
  });
}

function checkPlace({ directive, type, field }: Placed, { document, source }: Subgraph): Problem[] {
  const owner = document.definitions.find(
    (node) =>
      (node.kind === Kind.INTERFACE_TYPE_DEFINITION || node.kind === Kind.INTERFACE_TYPE_EXTENSION) &&
      node.name.value === type,
  );
  if (owner === undefined) return [];
  const message =
    `@connect stands on ${type ?? ''}.${field ?? ''}, a field of an interface, which nothing would call.` +
    ' Put it on the fields of the object types.';
  return [atNode(source, directive, 'CONNECTORS_UNSUPPORTED_ABSTRACT_TYPE', message)];
}
