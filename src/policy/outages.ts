import type { Log } from '../base/log.js';
import type { Counted, RateLimitStore, SlotRequest, Verdict } from './rate-limit-store.js';

/** What becomes of calls that nobody can count together: each process counts its own, all pass, or none does. */
export type OutagePolicy = 'local' | 'open' | 'closed';

/** A store that may fail, and then rejects. */
export interface RemoteStore {
  reserve(key: string, request: SlotRequest): Promise<Counted>;
  /** Resolves where it would be worth asking. */
  ping(): Promise<void>;
}

/** What {@link OutageGuard} needs beside the store. */
export interface OutageOptions {
  readonly policy: OutagePolicy;
  /** Counts meanwhile, where that is the policy. */
  readonly local: RateLimitStore;
  readonly log: Log;
}

/** How long a call waits for the store, in milliseconds: longer than any that is well takes. */
const patienceMs = 50;

/** How often a store that does not answer is tried again. */
const pauseMs = 1_000;

/** An outage is over when nothing has failed for so long; until then, failures are the same one. */
const quietMs = 10_000;

/**
 * A store that always answers soon. A call waits for the remote one at most 50 ms. Where that fails to answer, no call
 * waits for it again until it has answered a ping, which is sent along with a call, at most once a second, and waited
 * for by none.
 *
 * A store that answers, but with an error, costs no time: it is asked each time.
 */
export class OutageGuard implements RateLimitStore {
  readonly #remote: RemoteStore;
  readonly #options: OutageOptions;
  #isDown = false;
  #nextPing = 0;
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
      const counted = await inTime(this.#remote.reserve(key, request));
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
    if (now < this.#nextPing) return;
    this.#nextPing = now + pauseMs;
    inTime(this.#remote.ping()).then(
      () => (this.#isDown = false),
      () => undefined,
    );
  }

  #onFailure(error: unknown): void {
    const now = performance.now();
    if (!isAnswer(error)) {
      this.#isDown = true;
      this.#nextPing = now + pauseMs;
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

/** Rejects where it takes too long. An answer that has come while this process was busy is in time. */
function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // Node looks at timers first, then at sockets, then at this.
      setImmediate(() => reject(new Error(`There was no answer in ${patienceMs} ms.`)));
    }, patienceMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
