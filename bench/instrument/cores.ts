import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which core each side has, or why there is no such division. */
export type Cores =
  | { readonly pinned: true; readonly contestant: number; readonly others: number }
  | { readonly pinned: false; readonly why: string };

/** Gives the contestants a core of their own, and all else another one, where the machine can do that. */
export function divideCores(): Cores {
  if (spawnSync('taskset', ['--version']).status !== 0) return unpinned('there is no taskset here');
  const [contestant, others] = allowedCores();
  if (contestant === undefined || others === undefined) return unpinned('this process may use only one core');
  return { pinned: true, contestant, others };
}

/** Nobody has a core of his own. */
export function unpinned(why: string): Cores {
  return { pinned: false, why };
}

/** Moves this process, with all its threads, to one core. */
export function moveTo(core: number): void {
  spawnSync('taskset', ['-apc', String(core), String(process.pid)]);
}

/** A container may have other cores than 0 and 1. */
function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? [];
  return list.split(',').flatMap((range) => {
    const [from = NaN, to = from] = range.split('-').map(Number);
    return Array.from({ length: Math.min(to - from + 1, 64) || 0 }, (_, index) => from + index);
  });
}
