import { parseArgs } from 'node:util';
import { baseline, contestants, usualContestants, type Contestant } from './contestants.js';
import { queries } from './queries.js';
import type { Query } from './queries/query.js';

/** What is measured, and for how long. */
export interface Options {
  readonly contestants: readonly Contestant[];
  readonly queries: readonly Query[];
  readonly connections: readonly number[];
  readonly rounds: number;
  /** How long each contestant is measured in each round. */
  readonly seconds: number;
  /** The most requests in that time. */
  readonly requests: number;
  /** How long each contestant is asked each query before anything is measured. */
  readonly warmUpSeconds: number;
  /** Whether cores are divided, where they can be. */
  readonly pin: boolean;
  /** Whose profile is taken after the rounds. */
  readonly profile?: Contestant | undefined;
}

/** Thrown for options that make no sense; its message is for the person at the terminal. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

/** What `--help` says. */
export const help = `npm run bench -- [options]

  --quick                less of everything, under a minute
  --contestants a,b      ${contestants.map(({ name }) => name).join(', ')} (those of the
                         README; "${baseline}" always takes part)
  --queries a,b          ${queries.map(({ name }) => name).join(', ')} (all)
  --connections 1,16     how many requests are under way at once, one list entry each (1,16,64)
  --rounds 5             how often everybody has a turn
  --seconds 1.2          how long a turn is
  --pin auto|off         whether contestants get a core of their own, where the machine can do that
  --profile gateway      also takes a CPU profile of this contestant, and prints where its time goes
`;

const normal = { connections: '1,16,64', rounds: '5', seconds: '1.2', warmUpSeconds: 3 };
const quick = { connections: '1,16', rounds: '3', seconds: '0.6', warmUpSeconds: 1 };

/** More than fit in a turn; the bound is there so that there is one. */
const mostRequests = 200_000;

/**
 * Reads the command line; undefined if it asks for help.
 *
 * @throws OptionsError saying what is wrong, and what there is
 */
export function readOptions(words: readonly string[]): Options | undefined {
  const { values } = parse(words);
  if (values.help === true) return undefined;
  const defaults = values.quick === true ? quick : normal;
  const { contestants: named } = values;
  const chosen = named === undefined ? usualContestants : pick('--contestants', named, contestants);
  return {
    contestants: withBaseline(chosen),
    queries: pick('--queries', values.queries, queries),
    connections: list(values.connections ?? defaults.connections).map((text) =>
      number('--connections', text, 1, 1024),
    ),
    rounds: number('--rounds', values.rounds ?? defaults.rounds, 1, 99),
    seconds: number('--seconds', values.seconds ?? defaults.seconds, 0.1, 60),
    requests: mostRequests,
    warmUpSeconds: defaults.warmUpSeconds,
    pin: readPin(values.pin ?? 'auto'),
    profile:
      values.profile === undefined ? undefined : pickOne('--profile', values.profile, withBaseline(chosen)),
  };
}

function parse(words: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: flag,
        quick: flag,
        contestants: text,
        queries: text,
        connections: text,
        rounds: text,
        seconds: text,
        pin: text,
        profile: text,
      },
    });
  } catch (error) {
    throw new OptionsError((error as Error).message);
  }
}

/** Each ratio is one to the baseline. */
function withBaseline(chosen: readonly Contestant[]): readonly Contestant[] {
  return contestants.filter((one) => one.name === baseline || chosen.includes(one));
}

interface Named {
  readonly name: string;
}

function pick<T extends Named>(flag: string, wanted: string | undefined, all: readonly T[]): readonly T[] {
  return wanted === undefined ? all : list(wanted).map((name) => pickOne(flag, name, all));
}

function pickOne<T extends Named>(flag: string, wanted: string, all: readonly T[]): T {
  const found = all.find(({ name }) => name === wanted);
  if (found) return found;
  const names = all.map(({ name }) => name).join(', ');
  throw new OptionsError(`${flag}: there is no ${JSON.stringify(wanted)}; there is: ${names}.`);
}

function readPin(value: string): boolean {
  if (value === 'auto' || value === 'off') return value === 'auto';
  throw new OptionsError(`--pin is "auto" or "off", not ${JSON.stringify(value)}.`);
}

function list(text: string): string[] {
  return [...new Set(text.split(',').map((part) => part.trim()))];
}

function number(flag: string, text: string, from: number, to: number): number {
  const value = Number(text);
  const whole = flag === '--seconds' || Number.isInteger(value);
  if (text !== '' && whole && value >= from && value <= to) return value;
  const kind = flag === '--seconds' ? 'a number' : 'a whole number';
  throw new OptionsError(`${flag} must be ${kind} from ${from} to ${to}, not ${JSON.stringify(text)}.`);
}
