import { demoToken } from '../demo/identities.js';
import { askOnce, firstDifference, toRequest, type Request } from './instrument/check.js';
import { openLoad, type Load } from './instrument/load.js';
import type { Query } from './queries/query.js';
import type { Check, Failure } from './report.js';
import type { Runner, Stage } from './stage.js';

/** One query and who answers it. */
export interface Duel {
  readonly query: Query;
  readonly request: Request;
  readonly entries: readonly Entry[];
  readonly checks: readonly Check[];
}

/** A contestant, and the bytes it answers this query with. */
export interface Entry extends Runner {
  readonly expected: Buffer;
}

/**
 * Asks every contestant every query.
 *
 * @throws Error where an answer is not whole, or differs from the others'
 */
export async function prepare(stage: Stage, queries: readonly Query[]): Promise<Duel[]> {
  const duels: Duel[] = [];
  for (const query of queries) {
    const request = toRequest(query, await demoToken(query.caller));
    const entries: Entry[] = [];
    const checks: Check[] = [];
    for (const runner of stage.runners) {
      const { bytes, calls } = await check(stage, runner, query, request);
      const entry = { ...runner, expected: bytes };
      if (entries[0]) demandEqual(query, entries[0], entry);
      entries.push(entry);
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

/** Opens connections to one contestant for as long as they are used; faults say whose and where. */
export async function withLoad<T>(
  { query, request }: Duel,
  { contestant, url, expected }: Entry,
  connections: number,
  use: (load: Load) => Promise<T>,
): Promise<T> {
  try {
    const load = await openLoad({ url, ...request, expected, connections });
    try {
      return await use(load);
    } finally {
      load.close();
    }
  } catch (error) {
    const where = `${contestant.name}, ${query.name}, ${formatConnections(connections)}`;
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

/** `1 connection`, `16 connections` */
export function formatConnections(connections: number): string {
  return `${connections} ${connections === 1 ? 'connection' : 'connections'}`;
}

/** Writes down who gave up, for the report. */
export function toFailure(
  { query }: Duel,
  connections: number,
  { contestant }: Entry,
  error: unknown,
): Failure {
  return { query: query.name, connections, contestant: contestant.name, message: (error as Error).message };
}
