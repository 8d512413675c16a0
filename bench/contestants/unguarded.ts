import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, print, visit } from 'graphql';
import { startGateway } from './our-gateway.js';
import type { Start } from './start.js';

/** Ours on the same schema files without their rules, and without any limit. Tokens are checked all the same. */
export const start: Start = async (backends) => {
  const folder = await mkdtemp(join(tmpdir(), 'backstitch-bench-'));
  await cp('schemas', folder, { recursive: true });
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.graphql')) continue;
    const file = join(folder, name);
    await writeFile(file, withoutRules(await readFile(file, 'utf8')));
  }
  const most = 1_000_000_000;
  const limits = { mode: 'measure', maxCost: most, maxRows: most } as const;
  return startGateway(backends, { schemas: folder, limits }).finally(() => rm(folder, { recursive: true }));
};

const rules = new Set(['authenticated', 'requiresScopes', 'policy', 'definePolicy', 'rateLimit']);

function withoutRules(sdl: string): string {
  return print(visit(parse(sdl), { Directive: ({ name }) => (rules.has(name.value) ? null : undefined) }));
}
