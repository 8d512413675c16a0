import { GraphQLError, type ValidationRule } from 'graphql';

const introspectionFields: ReadonlySet<string> = new Set(['__schema', '__type']);

/** Refuses questions about the schema itself, by the name of the field whatever its alias, at any place. */
export const noIntrospection: ValidationRule = (context) => ({
  Field: (node) => {
    if (!introspectionFields.has(node.name.value)) return;
    const message = `There is no introspection here: ${node.name.value} can be asked in development only.`;
    context.reportError(new GraphQLError(message, { nodes: node }));
  },
});
