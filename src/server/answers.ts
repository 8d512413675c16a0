import { mapStream, type StreamSteps } from '../base/streams.js';

/** The answers of a subscription as texts of JSON. Neither function ever rejects. */
export interface Answers {
  /** The next answer, when the backend has an event for it. Asked for one at a time. */
  readonly next: () => Promise<IteratorResult<string>>;
  /** Ends the backend's stream, also while {@link next} waits; that one then says that there are no more. */
  readonly end: () => void;
}

/** How the results of a stream are written. */
export type Writing<Result> = Required<StreamSteps<Result, string>>;

/**
 * Writes the results of a stream, each when it is asked for.
 *
 * @param onClosed called once, when the stream is closed and all that it held is free
 */
export function toAnswers<Result>(
  stream: AsyncIterator<Result>,
  writing: Writing<Result>,
  onClosed: () => void,
): Answers {
  const texts = mapStream(stream, writing);
  let isOver = false;
  const close = async (): Promise<void> => {
    // Nobody is left to be told of a stream that does not close well.
    await texts.return?.().catch(() => undefined);
    onClosed();
  };
  return {
    next: async () => {
      const step = await texts.next();
      if (step.done === true && !isOver) {
        isOver = true;
        onClosed();
      }
      return step;
    },
    end: () => {
      if (isOver) return;
      isOver = true;
      void close();
    },
  };
}
