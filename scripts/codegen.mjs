#!/usr/bin/env node
/**
 * Generates what `codegen.yml` lists.
 *
 *     node scripts/codegen.mjs            writes the files that changed
 *     node scripts/codegen.mjs --check    writes nothing, fails when a file is stale
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The CommonJS build, as the package's own program: it takes plugins and presets from our dependencies, where
// the ES build takes older ones from its own.
const { executeCodegen, loadCodegenConfig } = createRequire(import.meta.url)('@graphql-codegen/cli');
const check = process.argv.includes('--check');

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { config } = await loadCodegenConfig({ configFilePath: 'codegen.yml' });
const { result, error } = await executeCodegen({ ...config, silent: true });
if (error) {
  const causes = error.errors ?? [error];
  for (const cause of causes) console.error(`codegen: ${cause.message}`);
  process.exit(1);
}

const written = new Map(result.map(({ filename, content }) => [join(filename), `${content.trimEnd()}\n`]));
const stale = [...written.keys()].filter((file) => written.get(file) !== contentOf(file));
const surplus = Object.keys(config.generates)
  .filter((output) => output.endsWith('/') && existsSync(output))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((file) => !written.has(file));

if (check && stale.length + surplus.length > 0) {
  console.error(
    `codegen: stale: ${[...stale, ...surplus].join(', ')}. Run "npm run codegen" and commit the result.`,
  );
  process.exit(1);
}
if (!check) {
  for (const file of stale) write(file);
  for (const file of surplus) rmSync(file);
  console.log(`codegen: ${stale.length} of ${written.size} files written`);
}

/** @param {string} file */
function contentOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** @param {string} file */
function write(file) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, written.get(file) ?? '');
}
