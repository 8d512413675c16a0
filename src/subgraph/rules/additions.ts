import type { DirectiveNode } from 'graphql';
import type { Problem } from '../../base/problems.js';
import type { ConnectDefinition, Subgraph } from '../subgraph.js';
import { directivesNamed, option, type Option } from './directives.js';
import { atNode } from './fault.js';
import { nameOf } from './owner.js';
import type { Rule } from './rule.js';

/** A file that links a version of the connect specification keeps to what that version has. */
export const additions: Rule = {
  check: (subgraph) =>
    subgraph.strict
      ? [
          ...schemaOptions(subgraph).map(([what, node]) => refusal(subgraph, what, node)),
          ...subgraph.connects.flatMap((connect) => checkConnect(connect, subgraph)),
        ]
      : [],
};

type Found = readonly [what: string, node: Option | DirectiveNode];

function schemaOptions(subgraph: Subgraph): Found[] {
  const named = (name: string) => directivesNamed(subgraph, name).map(({ directive }) => directive);
  return [
    ...named('source').flatMap((node) =>
      present([
        ['@source(grpc:)', option(node, 'grpc')],
        ['@source(graphql:)', option(node, 'graphql')],
        ['@source(http: {timeout:})', option(node, 'http', 'timeout')],
      ]),
    ),
    ...named('definePolicy').map((node): Found => ['@definePolicy', node]),
    ...named('rateLimit').map((node): Found => ['@rateLimit', node]),
    ...named('public').map((node): Found => ['@public', node]),
  ];
}

function checkConnect(connect: ConnectDefinition, subgraph: Subgraph): Problem[] {
  const { node } = connect;
  const found = present([
    ['@connect(grpc:)', option(node, 'grpc')],
    ['@connect(graphql:)', option(node, 'graphql')],
    ['@connect(batch: {by:})', option(node, 'batch', 'by')],
    ['@connect without selection', option(node, 'selection') === undefined ? node : undefined],
  ]).map(([what, at]) => refusal(subgraph, what, at));
  if (connect.kind !== 'none' || subgraph.version === '0.4') return found;
  const message = `${nameOf(connect)} makes no request; that needs connect/v0.4, and this file links v${subgraph.version}.`;
  return [...found, atNode(subgraph.source, node, 'NOT_IN_CONNECT_SPEC', message)];
}

function present(options: readonly (readonly [string, Option | DirectiveNode | undefined])[]): Found[] {
  return options.flatMap(([what, node]) => (node === undefined ? [] : [[what, node] as const]));
}

function refusal(subgraph: Subgraph, what: string, node: Option | DirectiveNode): Problem {
  const message =
    `${what} is an addition of Backstitch, but this file links connect/v${subgraph.version} and is held to it.` +
    ' Remove the link to use additions.';
  return atNode(subgraph.source, node, 'NOT_IN_CONNECT_SPEC', message);
}
