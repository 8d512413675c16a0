import { getLocation, type ASTNode, type Source } from 'graphql';
import type { Problem } from '../../base/problems.js';
import { startOf, type Text } from '../text.js';

/** A problem at a node of the file. */
export function atNode(source: Source, node: ASTNode, code: string, message: string): Problem {
  return { code, message, source, offset: startOf(node) };
}

/** A problem at a character of a text in the file. */
export function inText(text: Text, index: number, code: string, message: string): Problem {
  return { code, message, source: text.source, offset: text.offsetOf(index) };
}

/** `schemas/users.graphql:9`, to name a second place. */
export function lineOf(source: Source, node: ASTNode): string {
  return `${source.name}:${getLocation(source, startOf(node)).line}`;
}

/** The problems without those that say the same at the same place. */
export function unique(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ message, offset }) => {
    const id = `${offset} ${message}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}
