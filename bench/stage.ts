import type { BackendAddresses, Counts } from './backends/main.js';
import { nodeFlags, type Contestant } from './contestants.js';
import { buildPrograms } from './instrument/build.js';
import { startChild, type Child } from './instrument/child.js';
import { moveTo, type Cores } from './instrument/cores.js';

/** A contestant that runs. */
export interface Runner {
  readonly contestant: Contestant;
  readonly child: Child;
  readonly url: string;
}

/** Backends and contestants, all running. */
export interface Stage {
  readonly runners: readonly Runner[];
  /** The calls since the last time. */
  takeCounts(): Promise<Counts>;
  /** Stops every process. */
  close(): Promise<void>;
}

/** Starts the backends, then the contestants before them, each in a process of its own. */
export async function openStage(contestants: readonly Contestant[], cores: Cores): Promise<Stage> {
  const built = await buildPrograms([
    'backends/main',
    'contestants/main',
    ...contestants.map(({ file }) => `contestants/${file}`),
  ]);
  const children: Child[] = [];
  const start = (name: string, core: number | undefined, files: readonly string[]): Child => {
    const child = startChild({ name, core, nodeFlags, program: files.map(built.fileOf) });
    children.push(child);
    return child;
  };
  const close = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
    built.remove();
  };
  try {
    if (cores.pinned) moveTo(cores.others);
    const backends = start('backends', cores.pinned ? cores.others : undefined, ['backends/main']);
    const addresses = await backends.ask<BackendAddresses>('start');
    const run = async (contestant: Contestant): Promise<Runner> => {
      const { name, file } = contestant;
      const own = cores.pinned ? cores.contestant : undefined;
      const child = start(name, own, ['contestants/main', `contestants/${file}`]);
      const origin = await child.ask<string>('start', addresses);
      return { contestant, child, url: new URL('/graphql', origin).href };
    };
    const runners = await Promise.all(contestants.map(run));
    return { runners, takeCounts: () => backends.ask<Counts>('counts'), close };
  } catch (error) {
    await close();
    throw error;
  }
}
