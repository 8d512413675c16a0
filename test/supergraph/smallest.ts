import { parse, print, validate, visit, type ASTNode, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { Asked } from './operations.js';

/** Makes an operation smaller, part by part, as long as it still fails. */
export async function smallest(
  { query, variables }: Asked,
  schema: GraphQLSchema,
  fails: (operation: Asked) => Promise<boolean>,
): Promise<Asked> {
  let best = parse(query);
  for (let index = 0; index < partsOf(best).length;) {
    const smaller = without(best, index);
    const isUseful =
      smaller !== undefined &&
      validate(schema, smaller).length === 0 &&
      (await fails({ query: print(smaller), variables }));
    if (isUseful) best = smaller;
    else index++;
  }
  return { query: print(best), variables };
}

const removable = ['Field', 'InlineFragment', 'FragmentSpread', 'Directive', 'Argument', 'ObjectField'];

const isPart = ({ kind }: ASTNode) => removable.includes(kind);

function partsOf(document: DocumentNode): ASTNode[] {
  const parts: ASTNode[] = [];
  visit(document, {
    enter: (node) => {
      if (isPart(node)) parts.push(node);
    },
  });
  return parts;
}

/** The document without one part, and without what is then of no use; undefined where nothing would be left. */
function without(document: DocumentNode, index: number): DocumentNode | undefined {
  const part = partsOf(document)[index];
  const empty: ASTNode[] = [];
  const cut = visit(document, {
    enter: (node) => (node === part ? null : undefined),
    leave: (node) => {
      if (node.kind === 'SelectionSet' && node.selections.length === 0) empty.push(node);
    },
  });
  return empty.length > 0 ? undefined : tidied(cut);
}

function tidied(document: DocumentNode): DocumentNode {
  const spreads = new Set<string>();
  const used = new Set<string>();
  visit(document, {
    FragmentSpread: ({ name }) => void spreads.add(name.value),
    VariableDefinition: () => false,
    Variable: ({ name }) => void used.add(name.value),
  });
  const tidy = visit(document, {
    FragmentDefinition: (node) => (spreads.has(node.name.value) ? undefined : null),
    VariableDefinition: (node) => (used.has(node.variable.name.value) ? undefined : null),
  });
  return tidy.definitions.length === document.definitions.length ? tidy : tidied(tidy);
}
