/**
 * A plugin for `codegen.yml`: what typescript-resolvers says about directive arguments, without its resolver
 * types, for which a schema of directives has no use.
 */
import { plugin as resolversPlugin } from '@graphql-codegen/typescript-resolvers';

/** @type {import('@graphql-codegen/plugin-helpers').PluginFunction} */
export const plugin = async (schema, documents, config) => {
  const output = await resolversPlugin(schema, documents, config);
  const text = typeof output === 'string' ? output : output.content;
  const types = text.match(/^export type \w+DirectiveArgs = \{[^}]*\};$/gm) ?? [];
  return types.map(readable).join('\n\n');
};

/** @param {string} type */
function readable(type) {
  return type.replace('= { };', '= Record<never, never>;').replace(/^ {2}(?=\w)/gm, '  readonly ');
}
