#!/usr/bin/env node
/**
 * Generates what `codegen.yml` lists.
 *
 *     node scripts/codegen.mjs            writes the files that changed
 *     node scripts/codegen.mjs --check    writes nothing, fails when a file is stale
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The CommonJS build, as the package's own program: it takes plugins and presets from our dependencies, where
// the ES build takes older ones from its own.
const { executeCodegen, loadCodegenConfig } = createRequire(import.meta.url)('@graphql-codegen/cli');
const check = process.argv.includes('--check');

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { config } = await loadCodegenConfig({ configFilePath: 'codegen.yml' });
for (const [output, { schema }] of Object.entries(config.generates)) {
  const missing = [schema].flat().filter((pattern) => !matchesFile(pattern));
  if (existsSync(output) || missing.length === 0) continue;
  console.log(`codegen: ${output} waits for ${missing.join(', ')}`);
  delete config.generates[output];
}

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

/** @param {string} pattern a file, or `folder/*.extension` */
function matchesFile(pattern) {
  if (!basename(pattern).startsWith('*')) return existsSync(pattern);
  const folder = dirname(pattern);
  return existsSync(folder) && readdirSync(folder).some((name) => extname(name) === extname(pattern));
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
