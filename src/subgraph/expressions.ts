import type { Selection } from '../mapping/syntax.js';
import type { Template } from '../mapping/template.js';
import type { ConnectDefinition, Expression, HeaderDefinition, Templated } from './subgraph.js';

/** Every mapping text of a connector: those that make the request first, then those that read the answer. */
export function textsOf(connect: ConnectDefinition): (Expression | Templated)[] {
  return [...requestTextsOf(connect), ...replyTextsOf(connect)];
}

/** The texts that are evaluated before the call. */
export function requestTextsOf(connect: ConnectDefinition): (Expression | Templated)[] {
  switch (connect.kind) {
    case 'http':
      return present([
        connect.http.url,
        connect.http.path,
        connect.http.queryParams,
        connect.http.body,
        ...headerTexts(connect.http.headers),
      ]);
    case 'grpc':
      return present([connect.grpc.request, ...headerTexts(connect.grpc.metadata)]);
    case 'graphql':
      return present([connect.graphql.args, ...headerTexts(connect.graphql.headers)]);
    case 'none':
      return [];
  }
}

/** The texts that are evaluated on the answer. */
export function replyTextsOf(connect: ConnectDefinition): Expression[] {
  return present([connect.selection, connect.isSuccess, connect.errors?.message, connect.errors?.extensions]);
}

/** All expressions of a connector, those in the holes of its templates among them. */
export function expressionsOf(connect: ConnectDefinition): Selection[] {
  return textsOf(connect).flatMap(selectionsIn);
}

/** The expressions of one text: itself, or its holes. */
export function selectionsIn(text: Expression | Templated): Selection[] {
  return 'selection' in text ? [text.selection] : holesOf(text.template);
}

function holesOf(template: Template): Selection[] {
  return template.parts.flatMap((part) => (part.kind === 'hole' ? [part.selection] : []));
}

function headerTexts(headers: readonly HeaderDefinition[]): (Templated | undefined)[] {
  return headers.map((header) => header.value);
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}
