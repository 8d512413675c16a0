import { setMaxListeners } from 'node:events';
import { GatewayError } from '../../base/errors.js';
import type { CallLimits } from '../transport.js';
import { abandoned } from '../wire.js';

/** What a stream knows of those who wait for it. */
export interface Life {
  /** Aborted as soon as nobody waits any more, or nobody will: whatever is open must be closed then. */
  readonly signal: AbortSignal;
  /** The time until {@link accepted}. */
  readonly timeoutMs: number;
  /** To be called once the backend has accepted: from then on the stream may take as long as it likes. */
  accepted(): void;
}

/** Gives the items of one stream. What is awaited in it must end when the signal is aborted. */
export type Flow<Item> = (life: Life) => AsyncGenerator<Item, void, void>;

/** The streams of one source. */
export class Streams {
  readonly #open = new Set<Stream<unknown>>();
  #isClosed = false;

  /**
   * A stream that begins when its first item is asked for. Even while an item is awaited, it ends at once: by
   * `return()`, or with an error because the signal is aborted or the backend has not accepted in time.
   */
  open<Item>(flow: Flow<Item>, limits: CallLimits): AsyncIterableIterator<Item> {
    const stream: Stream<Item> = new Stream(flow, limits, {
      begun: () => {
        if (this.#isClosed) void stream.fail(closed());
        else this.#open.add(stream);
      },
      ended: () => this.#open.delete(stream),
    });
    return stream;
  }

  /** Ends all of them. Whoever waits for an item gets an error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((stream) => stream.fail(closed())));
  }
}

interface Notices {
  begun(): void;
  ended(): void;
}

/**
 * A generator that can be broken off. Alone it could not: its `return()` waits for the item that is pending, which
 * may never come.
 */
class Stream<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #items: AsyncGenerator<Item, void, void>;
  readonly #limits: CallLimits;
  readonly #notices: Notices;
  readonly #breaking = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';
  /** What `next()` has to say of the end, once. */
  #failure: Error | undefined;

  constructor(flow: Flow<Item>, limits: CallLimits, notices: Notices) {
    this.#limits = limits;
    this.#notices = notices;
    this.#items = flow({
      signal: this.#breaking.signal,
      timeoutMs: limits.timeoutMs,
      accepted: () => clearTimeout(this.#timer),
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#state === 'new') this.#begin();
    const result = await this.#take();
    if (result.done !== true && !this.#isBroken) return result;
    this.#end();
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return over;
  }

  /** An item, or none because there is none or because it could not be had. */
  async #take(): Promise<IteratorResult<Item, unknown>> {
    try {
      return await this.#items.next();
    } catch (error) {
      // What is torn apart makes errors of its own.
      if (!this.#isBroken) this.#failure = error instanceof Error ? error : new Error(String(error));
      return over;
    }
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#failure = undefined;
    await this.#break();
    return over;
  }

  async fail(failure: GatewayError): Promise<void> {
    if (this.#state === 'ended') return;
    this.#failure = failure;
    await this.#break();
  }

  get #isBroken(): boolean {
    return this.#breaking.signal.aborted;
  }

  #begin(): void {
    this.#state = 'open';
    const { signal, timeoutMs } = this.#limits;
    // Node warns of more than ten listeners, and one client may well have more streams.
    if (signal !== undefined) setMaxListeners(0, signal);
    signal?.addEventListener('abort', this.#leave);
    this.#timer = setTimeout(() => void this.fail(tooSlow()), timeoutMs);
    this.#notices.begun();
    if (signal?.aborted === true) this.#leave();
  }

  readonly #leave = (): void => void this.fail(abandoned());

  async #break(): Promise<void> {
    this.#end();
    this.#breaking.abort();
    // Waits its turn behind an item that is pending; whose errors are nobody's concern any more.
    await this.#items.return().catch(() => undefined);
  }

  #end(): void {
    if (this.#state === 'open') this.#notices.ended();
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#limits.signal?.removeEventListener('abort', this.#leave);
  }
}

const over = Object.freeze({ done: true, value: undefined });

function tooSlow(): GatewayError {
  return new GatewayError('GATEWAY_TIMEOUT', 'The backend took too long to answer.');
}

function closed(): GatewayError {
  return new GatewayError('HTTP_CLIENT_ERROR', 'The gateway closed the stream.');
}
