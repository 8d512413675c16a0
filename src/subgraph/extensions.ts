import { Kind, type DefinitionNode, type DocumentNode } from 'graphql';

/**
 * `extend type Query` without a `type Query` in the same document reads as its definition: people, and Federation
 * subgraphs, write it so.
 */
export function withoutLoneExtensions(document: DocumentNode): DocumentNode {
  const defined = new Set(
    document.definitions.flatMap((node) =>
      node.kind === Kind.OBJECT_TYPE_DEFINITION ? node.name.value : [],
    ),
  );
  const definitions = document.definitions.map((node): DefinitionNode => {
    if (node.kind !== Kind.OBJECT_TYPE_EXTENSION || defined.has(node.name.value)) return node;
    defined.add(node.name.value);
    return { ...node, kind: Kind.OBJECT_TYPE_DEFINITION };
  });
  return { ...document, definitions };
}
