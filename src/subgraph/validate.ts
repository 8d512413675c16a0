import { SchemaFilesError, type Problem } from '../base/problems.js';
import { parseSubgraph } from './parse.js';
import type { SchemaFile } from './read.js';
import type { Surroundings } from './rules/rule.js';
import { rules } from './rules/rules.js';
import type { Subgraph } from './subgraph.js';

export type { Surroundings } from './rules/rule.js';

/**
 * Reads and checks all schema files. Files that another names as its backend's own schema are not subgraphs.
 *
 * @throws SchemaFilesError with every problem of every file
 */
export function parseSubgraphs(files: readonly SchemaFile[], surroundings: Surroundings): Subgraph[] {
  const own = withoutRemoteSchemas(files);
  const parsed = own.map(parseSubgraph);
  const subgraphs = parsed.flatMap(({ subgraph }) => subgraph ?? []);
  const problems = parsed.flatMap((each): readonly Problem[] => each.problems);
  // Rules that look across files would complain about what a broken file would have brought.
  const whole = subgraphs.length === own.length;
  for (const rule of rules) {
    if (!whole && rule.acrossFiles) continue;
    for (const subgraph of subgraphs) problems.push(...rule.check(subgraph, { ...surroundings, subgraphs }));
  }
  if (problems.length > 0) throw new SchemaFilesError(problems);
  return subgraphs;
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
