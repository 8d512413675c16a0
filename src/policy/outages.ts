import type { Log } from '../base/log.js';
import type { Counted, RateLimitStore, SlotRequest, Verdict } from './rate-limit-store.js';

/** What becomes of calls that nobody can count together: each process counts its own, all pass, or none does. */
export type OutagePolicy = 'local' | 'open' | 'closed';

/** A store that may fail, and then rejects. */
export interface RemoteStore {
  reserve(key: string, request: SlotRequest): Promise<Counted>;
  /** Resolves where it answers, and is ready for calls. */
  prepare(): Promise<void>;
}

/** What {@link OutageGuard} needs beside the store. */
export interface OutageOptions {
  readonly policy: OutagePolicy;
  /** Counts meanwhile, where that is the policy. */
  readonly local: RateLimitStore;
  readonly log: Log;
  /** How long a call waits for the store: longer than any that is well takes. */
  readonly timeoutMs: number;
}

/** How often a store that does not answer is tried again. */
const pauseMs = 1_000;

/** An outage is over when nothing has failed for so long; until then, failures are the same one. */
const quietMs = 10_000;

/**
 * A store that always answers soon. Where the remote one does not answer in time, no call waits for it again until it is
 * ready, which is asked along with a call, at most once a second, and waited for by none.
 *
 * A store that answers, but with an error, costs no time: it is asked each time.
 */
export class OutageGuard implements RateLimitStore {
  readonly #remote: RemoteStore;
  readonly #options: OutageOptions;
  #isDown = false;
  #nextTry = 0;
  #lastFailure: number | undefined;

  constructor(remote: RemoteStore, options: OutageOptions) {
    this.#remote = remote;
    this.#options = options;
  }

  /** Never rejects. */
  async reserve(key: string, request: SlotRequest): Promise<Verdict> {
    if (this.#isDown) {
      this.#tryAgain();
      return this.#instead(key, request);
    }
    try {
      const counted = await inTime(this.#remote.reserve(key, request), this.#options.timeoutMs);
      this.#onSuccess();
      return counted;
    } catch (error) {
      this.#onFailure(error);
      return this.#instead(key, request);
    }
  }

  #instead(key: string, request: SlotRequest): Verdict | Promise<Verdict> {
    const { policy, local } = this.#options;
    return policy === 'local'
      ? local.reserve(key, request)
      : { kind: 'uncounted', isAdmitted: policy === 'open' };
  }

  #tryAgain(): void {
    const now = performance.now();
    if (now < this.#nextTry) return;
    this.#nextTry = now + pauseMs;
    inTime(this.#remote.prepare(), this.#options.timeoutMs).then(
      () => (this.#isDown = false),
      () => undefined,
    );
  }

  #onFailure(error: unknown): void {
    const now = performance.now();
    if (!isAnswer(error)) {
      this.#isDown = true;
      this.#nextTry = now + pauseMs;
    }
    if (this.#lastFailure === undefined) this.#options.log.error({ error }, lossOf[this.#options.policy]);
    this.#lastFailure = now;
  }

  #onSuccess(): void {
    if (this.#lastFailure === undefined || performance.now() - this.#lastFailure < quietMs) return;
    this.#lastFailure = undefined;
    this.#options.log.info({}, 'Redis counts for rate limits again.');
  }
}

const lossOf: Readonly<Record<OutagePolicy, string>> = {
  local: 'Redis does not count for rate limits. Meanwhile each gateway counts on its own.',
  open: 'Redis does not count for rate limits. Meanwhile everything passes them.',
  closed: 'Redis does not count for rate limits. Meanwhile all that is limited is refused.',
};

/** Whether an error is what Redis answered, such as `READONLY` or `WRONGTYPE`. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The parts in which a wait is measured. */
const ticks = 5;

/**
 * Rejects where it takes too long. Time in which this process was busy and looked at no answers counts as one tick: it
 * is not the store that is late.
 */
function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let left = ticks;
    const tick = (): NodeJS.Timeout => setTimeout(() => (left > 1 ? wait() : giveUp()), timeoutMs / ticks);
    const wait = (): void => {
      left -= 1;
      timer = tick();
    };
    // Node looks at timers first, then at sockets, then at this.
    const giveUp = () => setImmediate(() => reject(new Error(`There was no answer in ${timeoutMs} ms.`)));
    let timer = tick();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
