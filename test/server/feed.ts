import { buildSchema, type ExecutionResult } from 'graphql';
import type { RequestContext } from '../../src/base/context.js';
import { parseJson } from '../../src/mapping/json.js';
import type { Executable } from '../../src/execution/executor.js';
import { executableFor } from './support.js';

/** A backend's stream, moved by hand, that counts who listens. */
export class Feed {
  /** Of each subscription, in order. */
  readonly contexts: RequestContext[] = [];
  opened = 0;
  closed = 0;
  /** How often an event was asked for. */
  pulls = 0;
  readonly #listeners = new Set<(step: IteratorResult<ExecutionResult>) => void>();

  /** Sends an event to whoever waits for one. */
  push(tick: unknown): void {
    this.#settle({ done: false, value: { data: { ticks: tick } } });
  }

  send(result: ExecutionResult): void {
    this.#settle({ done: false, value: result });
  }

  finish(): void {
    this.#settle({ done: true, value: undefined });
  }

  /** Waits until this many wait for an event. */
  async awaited(count = 1): Promise<void> {
    await until(() => this.#listeners.size === count);
  }

  /** A stream whose events come from here; with `made`, they are made whenever one is asked for. */
  stream(made?: (pull: number) => unknown): AsyncIterableIterator<ExecutionResult> {
    this.opened++;
    let release: (step: IteratorResult<ExecutionResult>) => void = () => undefined;
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => {
        this.pulls++;
        if (made !== undefined)
          return Promise.resolve({ done: false, value: { data: { ticks: made(this.pulls) } } });
        return new Promise((resolve) => {
          release = (step) => {
            this.#listeners.delete(release);
            resolve(step);
          };
          this.#listeners.add(release);
        });
      },
      return: async () => {
        this.closed++;
        release({ done: true, value: undefined });
        return { done: true, value: undefined };
      },
    };
  }

  #settle(step: IteratorResult<ExecutionResult>): void {
    for (const listener of [...this.#listeners]) listener(step);
  }
}

const schema = /* GraphQL */ `
  scalar Any
  type Query {
    hello: String
    caller: String
    header(name: String!): [String!]
    slow: String
    big: Any
  }
  type Mutation {
    touch: String
  }
  type Subscription {
    ticks(size: Int): Any
    other: Any
  }
`;

/** What a test may replace in {@link feedExecutable}. */
export interface FeedOptions {
  readonly made?: (pull: number) => unknown;
  readonly subscribe?: Executable['subscribe'];
  readonly fields?: Parameters<typeof executableFor>[1];
}

/** An executable whose every subscription is a stream of the feed. */
export function feedExecutable(feed: Feed, { made, subscribe, fields }: FeedOptions = {}): Executable {
  const executable = executableFor(buildSchema(schema), {
    hello: () => 'world',
    caller: (_, context) => context.identity?.subject ?? null,
    header: ({ name }, context) => context.headers[String(name)] ?? null,
    big: () => parseJson('9007199254740993'),
    touch: () => 'touched',
    ...fields,
  });
  return {
    ...executable,
    subscribe: async (request) => {
      feed.contexts.push(request.context);
      return subscribe === undefined ? feed.stream(made) : subscribe(request);
    },
  };
}

/** Waits for something that others do. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}
