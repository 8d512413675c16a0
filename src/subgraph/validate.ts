import { SchemaFilesError, type Problem } from '../base/problems.js';
import { schemaDirectives } from './links.js';
import { parseSubgraph } from './parse.js';
import type { SchemaFile } from './read.js';
import type { Rule, Scope, Surroundings } from './rules/rule.js';
import { rules } from './rules/rules.js';
import type { Subgraph } from './subgraph.js';

export type { Surroundings } from './rules/rule.js';

/**
 * Reads and checks all schema files. Files that another names as its backend's own schema are not subgraphs.
 *
 * @throws SchemaFilesError with every problem of every file
 */
export function parseSubgraphs(files: readonly SchemaFile[], surroundings: Surroundings): Subgraph[] {
  const parsed = withoutRemoteSchemas(files).map(parseSubgraph);
  const subgraphs = parsed.flatMap(({ subgraph }) => subgraph ?? []);
  const problems = parsed.flatMap((each): readonly Problem[] => each.problems);
  const scope = { ...surroundings, subgraphs };
  // Rules that look across files would complain about what a broken file would have brought.
  const used = problems.length === 0 ? rules : rules.filter((rule) => rule.acrossFiles !== true);
  for (const subgraph of subgraphs) problems.push(...checkRules(subgraph, scope, used));
  if (problems.length > 0) throw new SchemaFilesError(withoutRepeats(problems));
  return subgraphs;
}

function checkRules(subgraph: Subgraph, scope: Scope, used: readonly Rule[]): Problem[] {
  const found = used.flatMap((rule) => rule.check(subgraph, scope));
  const hasBrokenSource = schemaDirectives(subgraph.document, 'source').length > subgraph.sources.length;
  return hasBrokenSource ? found.filter(({ code }) => !aboutSources.has(code)) : found;
}

/** What a source that could not be read would have settled. */
const aboutSources: ReadonlySet<string> = new Set([
  'NO_SOURCES_DEFINED',
  'SOURCE_NAME_MISMATCH',
  'MISSING_SOURCE',
]);

function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const byPlace = problems.map(
    (problem) => [`${problem.source.name} ${problem.offset} ${problem.message}`, problem] as const,
  );
  return [...new Map(byPlace).values()];
}

/** `schema: "orders.remote.graphql"` in any of the files. */
function withoutRemoteSchemas(files: readonly SchemaFile[]): SchemaFile[] {
  const remote = new Set(
    files.flatMap(({ source }) =>
      [...source.body.matchAll(/\bschema\s*:\s*"(?:\.\/)?([^"\n]+)"/g)].map((match) => match[1]),
    ),
  );
  return files.filter(({ source }) => !remote.has(source.name.slice(source.name.lastIndexOf('/') + 1)));
}
