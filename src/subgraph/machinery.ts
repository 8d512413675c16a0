import { Kind, type DefinitionNode, type DocumentNode, type FieldDefinitionNode } from 'graphql';
import { isVocabularyType, vocabulary } from './vocabulary.js';

/**
 * A Federation subgraph may tell its schema with the parts that only gateways use: `_entities`, `_service`, their types,
 * and definitions of directives that are our vocabulary, too. Clients never see them.
 */
export function withoutMachinery(document: DocumentNode): DocumentNode {
  return { ...document, definitions: document.definitions.flatMap(withoutParts) };
}

function withoutParts(node: DefinitionNode): DefinitionNode[] {
  if (node.kind === Kind.DIRECTIVE_DEFINITION) return isOfVocabulary(node.name.value) ? [] : [node];
  if (!('name' in node) || node.name === undefined) return [node];
  if (isMachinery(node.name.value)) return [];
  const isObject = node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.OBJECT_TYPE_EXTENSION;
  const { fields } = isObject ? node : {};
  if (!isObject || fields === undefined || !fields.some(isMachineField)) return [node];
  const left = fields.filter((field) => !isMachineField(field));
  return left.length === 0 ? [] : [{ ...node, fields: left }];
}

function isOfVocabulary(name: string): boolean {
  return vocabulary.getDirective(name.replace(/^federation__/, '')) != null;
}

function isMachinery(type: string): boolean {
  return /^_(Any|Entity|Service|FieldSet)$/.test(type) || isVocabularyType(type);
}

function isMachineField({ name, type }: FieldDefinitionNode): boolean {
  const named = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
  return (
    (name.value === '_service' && named.kind === Kind.NAMED_TYPE && named.name.value === '_Service') ||
    (name.value === '_entities' && named.kind === Kind.LIST_TYPE)
  );
}
