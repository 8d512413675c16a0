/** How the events of one stream are made from those of another. */
export interface StreamSteps<From, To> {
  next(event: From): To | Promise<To>;
  /** What stands last in the place of a failure of the source; without it `next()` rejects with the failure. */
  failed?(error: unknown): To | Promise<To>;
}

/**
 * A stream made from another, event by event: the source is asked for one only when somebody waits for it, and
 * `return()` is passed on at once. An async generator would do neither: its `return()` waits for the event that is
 * pending, which may never come.
 *
 * @param left called when `return()` is: nobody waits for the event that may be in the making
 */
export function mapStream<From, To>(
  source: AsyncIterator<From>,
  steps: StreamSteps<From, To>,
  left?: () => void,
): AsyncIterableIterator<To> {
  return new MappedStream(source, steps, left);
}

class MappedStream<From, To> implements AsyncIterableIterator<To> {
  readonly #source: AsyncIterator<From>;
  readonly #steps: StreamSteps<From, To>;
  readonly #left: (() => void) | undefined;
  /** Whoever asks before the last one is answered waits for the turn. */
  #turn: Promise<unknown> = Promise.resolve();
  #isOver = false;
  /** Answers the one who waits now that there is no more. */
  #release: () => void = () => undefined;

  constructor(source: AsyncIterator<From>, steps: StreamSteps<From, To>, left?: () => void) {
    this.#source = source;
    this.#steps = steps;
    this.#left = left;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<To>> {
    const step = this.#turn.then(() => this.#step());
    this.#turn = step.catch(() => undefined);
    return step;
  }

  async return(): Promise<IteratorResult<To>> {
    this.#isOver = true;
    this.#release();
    this.#left?.();
    await this.#source.return?.();
    return end;
  }

  #step(): Promise<IteratorResult<To>> {
    if (this.#isOver) return Promise.resolve(end);
    return new Promise((resolve, reject) => {
      this.#release = () => resolve(end);
      this.#pull().then(resolve, reject);
    });
  }

  async #pull(): Promise<IteratorResult<To>> {
    const step = await this.#take();
    if (!('failure' in step)) return step.done === true ? this.#ended() : this.#made(step.value);
    this.#isOver = true;
    if (this.#steps.failed === undefined) throw step.failure;
    return { done: false, value: await this.#steps.failed(step.failure) };
  }

  async #take(): Promise<IteratorResult<From> | { readonly failure: unknown }> {
    try {
      return await this.#source.next();
    } catch (failure) {
      return { failure };
    }
  }

  #ended(): IteratorResult<To> {
    this.#isOver = true;
    return end;
  }

  /** An event that cannot be made ends the stream, and its source. */
  async #made(event: From): Promise<IteratorResult<To>> {
    try {
      return { done: false, value: await this.#steps.next(event) };
    } catch (error) {
      this.#isOver = true;
      await this.#source.return?.();
      throw error;
    }
  }
}

const end = Object.freeze({ done: true, value: undefined });
