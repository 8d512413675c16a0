import type { Progress } from './bench.js';
import { baseline } from './contestants.js';
import type { Usage } from './contestants/main.js';
import { formatConnections, toFailure, withLoad, type Duel, type Entry } from './duel.js';
import { median, percentile } from './instrument/statistics.js';
import type { Options } from './options.js';
import type { Failure, Result } from './report.js';
import type { Stage } from './stage.js';

/** What the rounds gave. */
export interface Outcome {
  readonly results: readonly Result[];
  readonly failures: readonly Failure[];
}

/** Before each turn, so that neither opening connections nor a cold cache is measured. */
export const leadInSeconds = 0.15;

const warmUpConnections = 16;

/** Long enough for the compilers of V8 to have done their work. */
export async function warmUp(duels: readonly Duel[], { warmUpSeconds, requests }: Options): Promise<void> {
  for (const duel of duels) {
    for (const entry of duel.entries) {
      await withLoad(duel, entry, warmUpConnections, (load) =>
        load.run({ seconds: warmUpSeconds, requests }),
      );
    }
  }
}

/** Measures every query at every number of connections. */
export async function runRounds(
  stage: Stage,
  duels: readonly Duel[],
  options: Options,
  progress: Progress,
): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const duel of duels) {
    for (const connections of options.connections) {
      progress(`${duel.query.name}, ${formatConnections(connections)}`);
      outcomes.push(await compare(stage, duel, connections, options));
    }
  }
  return {
    results: outcomes.flatMap(({ results }) => results),
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}

type Sample = Omit<Result, 'query' | 'connections' | 'contestant' | 'ratioFrom' | 'ratioTo'>;

/**
 * Everybody has a turn in each round, another one first each time: what disturbs the machine disturbs all. Who fails
 * has no further turn here.
 */
async function compare(stage: Stage, duel: Duel, connections: number, options: Options): Promise<Outcome> {
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
        failures.push(toFailure(duel, connections, entry, error));
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

function rotate<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

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
