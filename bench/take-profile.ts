import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Progress } from './bench.js';
import { toFailure, withLoad, type Duel, type Entry } from './duel.js';
import { readProfile } from './instrument/profile.js';
import type { Options } from './options.js';
import type { Failure, TakenProfile } from './report.js';
import { leadInSeconds } from './rounds.js';

/** Where reports and profiles are left. */
export const resultsFolder = fileURLToPath(new URL('results', import.meta.url));

const profileSeconds = 5;

/** Profiles the contestant that was asked for with each query, at the most connections. Apart from the rounds: it costs. */
export async function takeProfiles(
  duels: readonly Duel[],
  options: Options,
  progress: Progress,
): Promise<{ profiles: TakenProfile[]; failures: Failure[] }> {
  const profiles: TakenProfile[] = [];
  const failures: Failure[] = [];
  const connections = Math.max(...options.connections);
  for (const duel of duels) {
    const entry = duel.entries.find(({ contestant }) => contestant === options.profile);
    if (!entry) continue;
    progress(`profile of ${entry.contestant.name}, ${duel.query.name}`);
    try {
      profiles.push(await takeProfile(duel, entry, connections, options));
    } catch (error) {
      failures.push(toFailure(duel, connections, entry, error));
    }
  }
  return { profiles, failures };
}

async function takeProfile(
  duel: Duel,
  entry: Entry,
  connections: number,
  { requests }: Options,
): Promise<TakenProfile> {
  const { name: contestant, file: whose } = entry.contestant;
  const query = duel.query.name;
  mkdirSync(resultsFolder, { recursive: true });
  const file = join(resultsFolder, `${whose}-${query}-${connections}.cpuprofile`);
  await withLoad(duel, entry, connections, async (load) => {
    await load.run({ seconds: leadInSeconds, requests });
    await entry.child.ask('startProfile');
    await load.run({ seconds: profileSeconds, requests });
    await entry.child.ask('stopProfile', file);
  });
  return { query, connections, contestant, file, ...readProfile(file) };
}
