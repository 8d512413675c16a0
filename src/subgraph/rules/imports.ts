import { Kind, type DirectiveNode, type ValueNode } from 'graphql';
import type { Problem } from '../../base/problems.js';
import { schemaDirectives } from '../links.js';
import type { Subgraph } from '../subgraph.js';
import { startOf } from '../text.js';
import { directivesNamed, option } from './directives.js';
import { atNode } from './fault.js';
import type { Rule } from './rule.js';

/** A file that links the connect specification imports the directives it uses, or writes their full names. */
export const imports: Rule = {
  check: (subgraph) =>
    subgraph.strict
      ? [
          ...checkImport('source', 'NO_SOURCE_IMPORT', subgraph),
          ...checkImport('connect', 'NO_CONNECT_IMPORT', subgraph),
        ]
      : [],
};

/** Told once a file: the one import mends all uses. */
function checkImport(name: string, code: string, subgraph: Subgraph): Problem[] {
  const use = directivesNamed(subgraph, name).find(
    ({ directive }) => writtenName(directive, subgraph) === name,
  );
  if (use === undefined || importedNames(subgraph).has(`@${name}`)) return [];
  const message =
    `@${name} is used, but the link to the connect specification does not import it.` +
    ` Add "@${name}" to its import list, or write @connect__${name}.`;
  return [atNode(subgraph.source, use.directive, code, message)];
}

/** The name in the file, which an import may have changed. */
function writtenName(directive: DirectiveNode, { source }: Subgraph): string {
  return source.body.slice(startOf(directive.name), directive.name.loc?.end);
}

/** The names under which the file's links import something. */
function importedNames({ document }: Subgraph): Set<string> {
  const links = schemaDirectives(document, 'link');
  return new Set(links.flatMap((link) => namesIn(option(link, 'import')?.value)));
}

/** `["@source", { name: "@connect", as: "@rest" }]` */
function namesIn(value: ValueNode | undefined): string[] {
  switch (value?.kind) {
    case Kind.LIST:
      return value.values.flatMap(namesIn);
    case Kind.STRING:
      return [value.value];
    case Kind.OBJECT: {
      const named = (name: string) => value.fields.find((field) => field.name.value === name)?.value;
      return namesIn(named('as') ?? named('name'));
    }
    default:
      return [];
  }
}
