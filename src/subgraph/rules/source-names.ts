import type { Problem } from '../../base/problems.js';
import { optionText } from './directives.js';
import { inText, lineOf } from './fault.js';
import type { Rule, Scope } from './rule.js';
import type { SourceDefinition, Subgraph } from '../subgraph.js';

/** Sources have names that a connector, a config file and an environment variable can use, each once in all files. */
export const sourceNames: Rule = {
  check: (subgraph, scope) => subgraph.sources.flatMap((source) => checkName(source, subgraph, scope)),
};

const legalName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

function checkName(source: SourceDefinition, subgraph: Subgraph, scope: Scope): Problem[] {
  const text = optionText(subgraph, source.node, 'name');
  if (text === undefined) return [];
  const { name } = source;
  if (name.trim() === '') {
    return [
      inText(
        text,
        0,
        'EMPTY_SOURCE_NAME',
        '@source has an empty name. Give it one that connectors can refer to.',
      ),
    ];
  }
  if (!legalName.test(name)) {
    const message =
      `@source has the name "${name}". A name begins with a letter; letters, digits, "_" and "-" may follow,` +
      ' 64 characters in all.';
    return [inText(text, 0, 'INVALID_SOURCE_NAME', message)];
  }
  const first = firstOfName(name, scope.subgraphs);
  if (first === undefined || first.source === source) return [];
  const place = lineOf(first.subgraph.source, first.source.node);
  const message = `A source with the name "${name}" is already declared in ${place}. Give this one another name.`;
  return [inText(text, 0, 'DUPLICATE_SOURCE_NAME', message)];
}

function firstOfName(name: string, subgraphs: readonly Subgraph[]) {
  return subgraphs
    .flatMap((subgraph) => subgraph.sources.map((source) => ({ source, subgraph })))
    .find(({ source }) => source.name === name);
}
