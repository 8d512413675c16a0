import { cpus, loadavg } from 'node:os';
import { prepare, type Duel } from './duel.js';
import { divideCores, unpinned, type Cores } from './instrument/cores.js';
import type { Options } from './options.js';
import type { Report } from './report.js';
import { runRounds, warmUp } from './rounds.js';
import { openStage } from './stage.js';
import { takeProfiles } from './take-profile.js';

/** Told what happens, for people who wait. */
export type Progress = (line: string) => void;

/**
 * Starts backends and contestants, checks that all answer the same, and measures.
 *
 * @throws Error saying who could not be started, or answered what, before anything was measured
 */
export async function runBench(options: Options, progress: Progress = () => undefined): Promise<Report> {
  const [load = 0] = loadavg();
  const cores = options.pin ? divideCores() : unpinned('it was switched off');
  warnOfNoise(load, cores, progress);
  const stage = await openStage(options.contestants, cores);
  try {
    const duels = await prepare(stage, options.queries);
    progress('all answers are equal; warming up');
    await warmUp(duels, options);
    const { results, failures } = await runRounds(stage, duels, options, progress);
    const taken = await takeProfiles(duels, options, progress);
    return {
      at: new Date().toISOString(),
      machine: { cpu: cpus()[0]?.model ?? 'unknown', node: process.version, load, cores },
      rounds: options.rounds,
      seconds: options.seconds,
      checks: duels.flatMap(({ checks }: Duel) => checks),
      results,
      failures: [...failures, ...taken.failures],
      profiles: taken.profiles,
    };
  } finally {
    await stage.close();
  }
}

function warnOfNoise(load: number, cores: Cores, progress: Progress): void {
  if (load > 0.5)
    progress(`this machine has other work (load average ${load.toFixed(1)}): expect more noise`);
  if (cores.pinned)
    progress(`contestants on core ${cores.contestant}, backends and load on core ${cores.others}`);
  else progress(`cores are not divided (${cores.why}): expect more noise`);
}
