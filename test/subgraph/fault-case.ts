import { readFileSync, writeFileSync } from 'node:fs';
import { SchemaFilesError } from '../../src/base/problems.js';
import { toSchemaFile } from '../../src/subgraph/read.js';
import { parseSubgraphs, type Surroundings } from '../../src/subgraph/validate.js';

/** One file of `faults/`: schema files, what stands around them, and what is printed about them. */
export interface FaultCase {
  /** Its first heading: what it shows. */
  readonly title: string;
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly surroundings: Surroundings;
  readonly expected: string;
}

const none: Surroundings = { environment: {}, config: {}, policies: [] };

/**
 * Reads a case: blocks ```` ```graphql path ```` are schema files, a block ```` ```json ```` the surroundings, and the
 * block ```` ```text ```` what is printed.
 */
export function readFaultCase(path: string): FaultCase {
  const body = readFileSync(path, 'utf8');
  const blocks = [...body.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, kind, name, text]) => ({
      kind,
      name: name ?? 'schemas/shop.graphql',
      text: text ?? '',
    }),
  );
  const given = blocks.find(({ kind }) => kind === 'json');
  return {
    title: /^# (.*)$/m.exec(body)?.[1] ?? path,
    files: blocks.filter(({ kind }) => kind === 'graphql').map(({ name, text }) => ({ path: name, text })),
    surroundings: given === undefined ? none : { ...none, ...JSON.parse(given.text) },
    expected: blocks.find(({ kind }) => kind === 'text')?.text.trimEnd() ?? '',
  };
}

/** What is printed about the files of a case. */
export function printed({ files, surroundings }: FaultCase): string {
  try {
    parseSubgraphs(
      files.map(({ path, text }) => toSchemaFile(path, text)),
      surroundings,
    );
    return 'No problems.';
  } catch (error) {
    if (!(error instanceof SchemaFilesError)) throw error;
    return error.message;
  }
}

/** Writes what is printed into the case, to be read before it is committed: `UPDATE_CASES=1 npx vitest run`. */
export function updateFaultCase(path: string, text: string): void {
  const body = readFileSync(path, 'utf8')
    .replace(/\n```text\n[\s\S]*?^```\n?/m, '')
    .trimEnd();
  writeFileSync(path, `${body}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
}
