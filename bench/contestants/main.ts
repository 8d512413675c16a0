import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { pathToFileURL } from 'node:url';
import type { BackendAddresses } from '../backends/main.js';
import { answerParent } from '../instrument/parent.js';
import type { Start } from './start.js';

/** What a contestant has used so far. */
export interface Usage {
  /** User and system time of the whole process, garbage collection and thread pool included. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** The process around one contestant, whose module is the first argument. */
const [, , module = ''] = process.argv;
let session: Session | undefined;

answerParent({
  start: async (backends: BackendAddresses): Promise<string> => {
    const { start } = (await import(pathToFileURL(module).href)) as { start: Start };
    return start(backends);
  },
  usage: (): Usage => {
    const { user, system } = process.cpuUsage();
    return { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() };
  },
  startProfile: async () => {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
  },
  /** Writes the profile to this file. */
  stopProfile: async (file: string) => {
    const stopped = await session?.post('Profiler.stop');
    await writeFile(file, JSON.stringify(stopped?.profile));
    session?.disconnect();
  },
});
