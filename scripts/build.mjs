#!/usr/bin/env node
/**
 * Builds `src/` and `demo/` into `dist/`: every TypeScript file is transpiled on its own, every other file
 * the code reads is copied beside it, everything else in `dist/` goes. Does nothing when nothing has changed.
 *
 *     node scripts/build.mjs            JavaScript and source maps
 *     node scripts/build.mjs --types    and the declarations of `src/`, for publishing
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { rmdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const trees = ['src', 'demo'];
const program = 'dist/src/main.js';
const stampFile = 'dist/.build.json';
const withTypes = process.argv.includes('--types');

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const inputs = trees.flatMap(filesIn).filter(isWanted);
const stamp = JSON.stringify(
  [...inputs, 'tsconfig.json', 'package.json', 'scripts/build.mjs'].map(fingerprint),
);

if (!isUpToDate()) {
  rmSync(stampFile, { force: true });
  await transpile(inputs.filter(isCode));
  inputs.filter((file) => !isCode(file)).forEach(copy);
  removeStale();
  if (existsSync(program)) chmodSync(program, 0o755);
  if (withTypes) emitTypes();
  writeFileSync(stampFile, JSON.stringify({ stamp, withTypes }));
}

/**
 * @param {string} folder
 * @returns {string[]} every file below, with `/` between the parts; none where the folder is missing
 */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .sort();
}

/** @param {string} file */
function isWanted(file) {
  return !/(^|\/)\.|\.md$|\.d\.ts$/.test(file);
}

/** @param {string} file */
function isCode(file) {
  return file.endsWith('.ts');
}

/** @param {string} file */
function outputsOf(file) {
  if (!isCode(file)) return [`dist/${file}`];
  const output = `dist/${file.replace(/\.ts$/, '.js')}`;
  return [output, `${output}.map`];
}

/** @param {string} file */
function fingerprint(file) {
  const { size, mtimeMs } = statSync(file);
  return `${file} ${size} ${mtimeMs}`;
}

function isUpToDate() {
  if (!existsSync(stampFile)) return false;
  const last = JSON.parse(readFileSync(stampFile, 'utf8'));
  return (
    last.stamp === stamp &&
    (last.withTypes || !withTypes) &&
    inputs.every((file) => outputsOf(file).every(existsSync))
  );
}

/** @param {string[]} entryPoints */
async function transpile(entryPoints) {
  // Loaded only here: a build with nothing to do does not pay for it.
  const { build } = require('esbuild');
  await build({
    entryPoints,
    outbase: '.',
    outdir: 'dist',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    logLevel: 'warning',
  }).catch(() => process.exit(1)); // esbuild has said what is wrong
}

/** @param {string} file */
function copy(file) {
  mkdirSync(dirname(`dist/${file}`), { recursive: true });
  copyFileSync(file, `dist/${file}`);
}

/** Declarations go too: those of an earlier `--types` no longer fit. */
function removeStale() {
  const current = new Set(inputs.flatMap(outputsOf));
  for (const file of filesIn('dist')) if (!current.has(file)) rmSync(file);
  const folders = readdirSync('dist', { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => b.length - a.length);
  for (const folder of folders) if (readdirSync(folder).length === 0) rmdirSync(folder);
}

function emitTypes() {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
