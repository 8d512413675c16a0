import { mkdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { demoToken } from '../demo/identities.js';
import type { BackendAddresses, Counts } from './backends/main.js';
import { baseline, nodeFlags, type Contestant } from './contestants.js';
import type { Usage } from './contestants/main.js';
import { buildPrograms, type Built } from './instrument/build.js';
import { askOnce, firstDifference, toRequest, type Request } from './instrument/check.js';
import { startChild, type Child } from './instrument/child.js';
import { divideCores, moveTo, unpinned, type Cores } from './instrument/cores.js';
import { openLoad, type Load } from './instrument/load.js';
import { readProfile, type Profile } from './instrument/profile.js';
import { median, percentile } from './instrument/statistics.js';
import type { Options } from './options.js';
import type { Query } from './queries/query.js';

/** What a run of the bench found. */
export interface Report {
  readonly at: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  /** Of every query: that all answered the same, and with how many calls. */
  readonly checks: readonly Check[];
  readonly results: readonly Result[];
  /** Who gave up under load, where: it has no result there. */
  readonly failures: readonly Failure[];
  readonly profiles: readonly TakenProfile[];
}

/** Where it ran. `load` is the load average before the run: above half a core, others were at work too. */
export interface Machine {
  readonly cpu: string;
  readonly node: string;
  readonly load: number;
  readonly cores: Cores;
}

/** One answer of one contestant, found equal to the others'. */
export interface Check {
  readonly query: string;
  readonly contestant: string;
  readonly bytes: number;
  readonly calls: Counts;
}

/** One contestant with one query at one number of connections: medians over the rounds. */
export interface Result {
  readonly query: string;
  readonly connections: number;
  readonly contestant: string;
  /** CPU per request, as a multiple of the baseline's in the same round. */
  readonly ratio: number;
  /** The lowest and the highest of the rounds. */
  readonly ratioFrom: number;
  readonly ratioTo: number;
  readonly cpuMicros: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** All backends together. Below the checked number where calls are shared between requests. */
  readonly callsPerRequest: number;
  /** CPU time over clock time: near 1 where the contestant, not the load, was the limit. */
  readonly busy: number;
  readonly rssMegabytes: number;
  /** In all rounds together. */
  readonly requests: number;
}

/** A wrong answer under load, or none. */
export interface Failure {
  readonly query: string;
  readonly connections: number;
  readonly contestant: string;
  readonly message: string;
}

/** Where a contestant's time went with one query, at the most connections of the run. */
export interface TakenProfile extends Profile {
  readonly query: string;
  readonly connections: number;
  readonly contestant: string;
  readonly file: string;
}

/** Where reports and profiles are left. */
export const resultsFolder = resolve('bench/results');

/** Told what happens, for people who wait. */
export type Progress = (line: string) => void;

/**
 * Starts backends and contestants, checks that all answer the same, and measures.
 *
 * @throws Error saying who failed at what
 */
export async function runBench(options: Options, progress: Progress = () => undefined): Promise<Report> {
  const [load = 0] = loadavg();
  if (load > 0.5)
    progress(`this machine has other work (load average ${load.toFixed(1)}): expect more noise`);
  const cores = options.pin ? divideCores() : unpinned('it was switched off');
  const built = await buildPrograms([
    'backends/main',
    'contestants/main',
    ...options.contestants.map(({ file }) => `contestants/${file}`),
  ]);
  const stage = createStage(built, cores);
  try {
    if (cores.pinned) moveTo(cores.others);
    progress(
      cores.pinned
        ? `contestants on core ${cores.contestant}, backends and load on core ${cores.others}`
        : `cores are not divided (${cores.why}): expect more noise`,
    );
    const runners = await stage.open(options.contestants);
    const duels = await prepare(stage, runners, options.queries);
    const checks = duels.flatMap(({ checks }) => checks);
    progress(`all answers are equal; warming up`);
    for (const duel of duels) await warmUp(duel, options);
    const results: Result[] = [];
    const failures: Failure[] = [];
    for (const duel of duels) {
      for (const connections of options.connections) {
        progress(`${duel.query.name}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`);
        const cell = await compare(stage, duel, connections, options);
        results.push(...cell.results);
        failures.push(...cell.failures);
      }
    }
    const profiles = options.profile ? await profile(duels, options.profile, options) : [];
    const machine = { cpu: cpus()[0]?.model ?? 'unknown', node: process.version, load, cores };
    const { rounds, seconds } = options;
    return { at: new Date().toISOString(), machine, rounds, seconds, checks, results, failures, profiles };
  } finally {
    await stage.close();
    built.remove();
  }
}

/** A contestant that runs. */
interface Runner {
  readonly contestant: Contestant;
  readonly child: Child;
  readonly url: string;
}

/** One query and who answers it. */
interface Duel {
  readonly query: Query;
  readonly request: Request;
  readonly entries: readonly Entry[];
  readonly checks: readonly Check[];
}

/** A contestant, and the bytes it answers this query with. */
interface Entry extends Runner {
  readonly expected: Buffer;
}

interface Stage {
  open(contestants: readonly Contestant[]): Promise<Runner[]>;
  /** The calls since the last time. */
  takeCounts(): Promise<Counts>;
  close(): Promise<void>;
}

function createStage(built: Built, cores: Cores): Stage {
  const children: Child[] = [];
  const start = (name: string, program: readonly string[], core: number | undefined): Child => {
    const child = startChild({ name, program, core, nodeFlags });
    children.push(child);
    return child;
  };
  const own = cores.pinned ? cores.contestant : undefined;
  const backends = start(
    'backends',
    [built.fileOf('backends/main')],
    cores.pinned ? cores.others : undefined,
  );
  const host = built.fileOf('contestants/main');
  return {
    async open(contestants) {
      const addresses = await backends.ask<BackendAddresses>('start');
      return Promise.all(
        contestants.map(async (contestant) => {
          const child = start(contestant.name, [host, built.fileOf(`contestants/${contestant.file}`)], own);
          const origin = await child.ask<string>('start', addresses);
          return { contestant, child, url: new URL('/graphql', origin).href };
        }),
      );
    },
    takeCounts: () => backends.ask<Counts>('counts'),
    close: async () => {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}

async function prepare(stage: Stage, runners: readonly Runner[], queries: readonly Query[]): Promise<Duel[]> {
  const duels: Duel[] = [];
  for (const query of queries) {
    const request = toRequest(query, await demoToken(query.caller));
    const entries: Entry[] = [];
    const checks: Check[] = [];
    for (const runner of runners) {
      const { bytes, calls } = await check(stage, runner, query, request);
      const [first] = entries;
      if (first) demandEqual(query, first, { ...runner, expected: bytes });
      entries.push({ ...runner, expected: bytes });
      checks.push({ query: query.name, contestant: runner.contestant.name, bytes: bytes.length, calls });
    }
    duels.push({ query, request, entries, checks });
  }
  return duels;
}

/** Asks twice: what answers differently each time cannot be checked under load. */
async function check(stage: Stage, { contestant, url }: Runner, query: Query, request: Request) {
  try {
    await stage.takeCounts();
    const bytes = await askOnce(url, request);
    const calls = await stage.takeCounts();
    if (!bytes.equals(await askOnce(url, request))) throw new Error('answered differently the second time');
    await stage.takeCounts();
    return { bytes, calls };
  } catch (error) {
    throw new Error(`${contestant.name}, ${query.name}: ${(error as Error).message}`, { cause: error });
  }
}

function demandEqual(query: Query, first: Entry, second: Entry): void {
  const difference = firstDifference(
    JSON.parse(first.expected.toString()),
    JSON.parse(second.expected.toString()),
  );
  if (difference === undefined) return;
  const names = `${first.contestant.name} and ${second.contestant.name}`;
  throw new Error(`${query.name}: the answers of ${names} differ: ${difference}`);
}

function open({ request }: Duel, { url, expected }: Entry, connections: number): Promise<Load> {
  return openLoad({ url, ...request, expected, connections });
}

/** Long enough for the compilers of V8 to have done their work. */
async function warmUp(duel: Duel, { warmUpSeconds, requests }: Options): Promise<void> {
  for (const entry of duel.entries) {
    await withLoad(duel, entry, 16, (load) => load.run({ seconds: warmUpSeconds, requests }));
  }
}

async function withLoad<T>(
  duel: Duel,
  entry: Entry,
  connections: number,
  use: (load: Load) => Promise<T>,
): Promise<T> {
  try {
    const load = await open(duel, entry, connections);
    try {
      return await use(load);
    } finally {
      load.close();
    }
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${entry.contestant.name}, ${duel.query.name}, ${connections} connections: ${message}`, {
      cause: error,
    });
  }
}

type Sample = Omit<Result, 'query' | 'connections' | 'contestant' | 'ratioFrom' | 'ratioTo'>;

/**
 * Everybody has a turn in each round, another one first each time: what disturbs the machine disturbs all. Who fails
 * has no further turn here.
 */
async function compare(stage: Stage, duel: Duel, connections: number, options: Options): Promise<Cell> {
  const samples = new Map<string, Sample[]>(duel.entries.map(({ contestant }) => [contestant.name, []]));
  const failures: Failure[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const taken = new Map<string, Omit<Sample, 'ratio'>>();
    for (const entry of rotate(duel.entries, round)) {
      const { name } = entry.contestant;
      if (!samples.has(name)) continue;
      try {
        taken.set(name, await measure(stage, duel, entry, connections, options));
      } catch (error) {
        samples.delete(name);
        const { message } = error as Error;
        failures.push({ query: duel.query.name, connections, contestant: name, message });
      }
    }
    const base = taken.get(baseline)?.cpuMicros ?? NaN;
    for (const [name, sample] of taken) {
      samples.get(name)?.push({ ...sample, ratio: sample.cpuMicros / base });
    }
  }
  const results = [...samples].map(([contestant, rounds]) => ({
    query: duel.query.name,
    connections,
    contestant,
    ...summarise(rounds),
  }));
  return { results, failures };
}

/** One query at one number of connections. */
interface Cell {
  readonly results: readonly Result[];
  readonly failures: readonly Failure[];
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Before each turn, so that neither opening connections nor a cold cache is measured. */
const leadInSeconds = 0.15;

async function measure(
  stage: Stage,
  duel: Duel,
  entry: Entry,
  connections: number,
  { seconds, requests }: Options,
): Promise<Omit<Sample, 'ratio'>> {
  return withLoad(duel, entry, connections, async (load) => {
    await load.run({ seconds: Math.min(leadInSeconds, seconds), requests });
    await stage.takeCounts();
    const before = await entry.child.ask<Usage>('usage');
    const run = await load.run({ seconds, requests });
    const after = await entry.child.ask<Usage>('usage');
    const calls = await stage.takeCounts();
    const cpuMicros = after.cpuMicros - before.cpuMicros;
    return {
      cpuMicros: cpuMicros / run.requests,
      requestsPerSecond: run.requests / run.seconds,
      p50Ms: percentile(run.latencies, 0.5),
      p99Ms: percentile(run.latencies, 0.99),
      callsPerRequest: (calls.users + calls.products + calls.orders) / run.requests,
      busy: cpuMicros / 1e6 / run.seconds,
      rssMegabytes: after.rssBytes / 2 ** 20,
      requests: run.requests,
    };
  });
}

function summarise(rounds: readonly Sample[]): Omit<Result, 'query' | 'connections' | 'contestant'> {
  const middle = (key: keyof Sample): number => median(rounds.map((round) => round[key]));
  const ratios = rounds.map(({ ratio }) => ratio);
  return {
    ratio: middle('ratio'),
    ratioFrom: Math.min(...ratios),
    ratioTo: Math.max(...ratios),
    cpuMicros: middle('cpuMicros'),
    requestsPerSecond: middle('requestsPerSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    callsPerRequest: middle('callsPerRequest'),
    busy: middle('busy'),
    rssMegabytes: middle('rssMegabytes'),
    requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
  };
}

const profileSeconds = 5;

async function profile(
  duels: readonly Duel[],
  whom: Contestant,
  { connections: all, requests }: Options,
): Promise<TakenProfile[]> {
  mkdirSync(resultsFolder, { recursive: true });
  const connections = Math.max(...all);
  const taken: TakenProfile[] = [];
  for (const duel of duels) {
    const entry = duel.entries.find(({ contestant }) => contestant === whom);
    if (!entry) continue;
    const file = join(resultsFolder, `${whom.file}-${duel.query.name}-${connections}.cpuprofile`);
    await withLoad(duel, entry, connections, async (load) => {
      await load.run({ seconds: leadInSeconds, requests });
      await entry.child.ask('startProfile');
      await load.run({ seconds: profileSeconds, requests });
      await entry.child.ask('stopProfile', file);
    });
    const found = readProfile(file);
    taken.push({ query: duel.query.name, connections, contestant: whom.name, file, ...found });
  }
  return taken;
}
