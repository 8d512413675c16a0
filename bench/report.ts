import type { Counts } from './backends/main.js';
import type { Cores } from './instrument/cores.js';
import type { Profile } from './instrument/profile.js';

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
