import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** JavaScript made from the files of `bench/`, so that no process that is measured carries a transpiler. */
export interface Built {
  /** Where the JavaScript of a file is: `fileOf('contestants/by-hand')`. */
  fileOf(name: string): string;
  remove(): void;
}

/** The customary place for what tools leave behind: imports are found from there, and no other tool reads it. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/backstitch-bench', import.meta.url));

/** Bundles these files of `bench/`; packages stay outside, as they are when the gateway is measured. */
export async function buildPrograms(names: readonly string[]): Promise<Built> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'build-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await build({
      entryPoints: names.map((name) => `bench/${name}.ts`),
      outbase: 'bench',
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
    });
  } catch (error) {
    remove();
    throw error;
  }
  return { fileOf: (name) => join(folder, `${name}.mjs`), remove };
}
