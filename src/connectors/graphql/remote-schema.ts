import type { GraphQLSchema } from 'graphql';
import { GatewayError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { CallLimits } from '../transport.js';
import { isSame, type SavedSchema, type SchemaCopy } from './saved-schema.js';

/** What the gateway knows of a backend's types. */
export interface RemoteSchema {
  /** Absent as long as the backend has not told. */
  readonly known: GraphQLSchema | undefined;
  /** What it told before an earlier start, where it did not tell at this one. It may be out of date. */
  readonly copy: GraphQLSchema | undefined;
  /**
   * The schema, asked for again where it is not known yet. All who wait share one attempt.
   *
   * @throws GatewayError `HTTP_CLIENT_ERROR` while it cannot be had, `GATEWAY_TIMEOUT` where the limits end first
   */
  load(limits: CallLimits): Promise<GraphQLSchema>;
  /** Asks no more. */
  close(): void;
}

/** A schema that came from a file. */
export function knownSchema(schema: GraphQLSchema): RemoteSchema {
  return { known: schema, copy: undefined, load: async () => schema, close: () => undefined };
}

/** Between two attempts of calls that meet a backend which has not told its schema. */
const pauseMs = 3_000;

/** Between two attempts that nobody waits for, while a copy is in use. */
const patienceMs = 30_000;

/** What asking a backend for its schema needs. */
export interface AskedSchemaSetting {
  readonly source: string;
  /** @throws Error where the backend gives no schema */
  readonly ask: () => Promise<GraphQLSchema>;
  /** Where the answer is kept for a start at which there is none; absent where it is not to be kept. */
  readonly saved?: SavedSchema | undefined;
  readonly log: Log;
}

/**
 * A schema the backend is asked for: once now, and should it be down, again when it is needed. Where a copy stands in
 * for it, it is asked now and then, to be told of in the log: what runs with the copy does so until the next start.
 */
export async function askedSchema(setting: AskedSchemaSetting): Promise<RemoteSchema> {
  const schema = new AskedSchema(setting);
  await schema.start();
  return schema;
}

class AskedSchema implements RemoteSchema {
  known: GraphQLSchema | undefined;
  copy: GraphQLSchema | undefined;
  readonly #setting: AskedSchemaSetting;
  #running: Promise<void> | undefined;
  /** `performance.now()` before which nobody is asked. The first call after the start may ask at once. */
  #pausedUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(setting: AskedSchemaSetting) {
    this.#setting = setting;
  }

  async start(): Promise<void> {
    const { saved, log, source } = this.#setting;
    try {
      await this.#ask();
    } catch (error) {
      const copy = await saved?.read();
      log.warn({ source, code: 'HTTP_CLIENT_ERROR', error }, notTold(copy));
      if (copy === undefined) return;
      this.copy = copy.schema;
      this.#timer = setInterval(() => void this.#askAgain(() => undefined), patienceMs).unref();
    }
  }

  async load(limits: CallLimits): Promise<GraphQLSchema> {
    if (this.known === undefined && performance.now() >= this.#pausedUntil) {
      await within(
        limits,
        this.#askAgain((error) => this.#complain(error)),
      );
    }
    if (this.known !== undefined) return this.known;
    throw new GatewayError(
      'HTTP_CLIENT_ERROR',
      'The backend could not be reached: its schema is not known yet.',
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #askAgain(failed: (error: unknown) => void): Promise<void> {
    this.#running ??= this.#ask()
      .catch(failed)
      .finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #ask(): Promise<void> {
    const { ask, saved } = this.#setting;
    const known = await ask();
    this.known = known;
    this.close();
    await saved?.write(known);
    if (this.copy !== undefined) this.#compare(known, this.copy);
  }

  #complain(error: unknown): void {
    const { log, source } = this.#setting;
    this.#pausedUntil = performance.now() + pauseMs;
    log.warn({ source, code: 'HTTP_CLIENT_ERROR', error }, notTold(undefined));
  }

  #compare(known: GraphQLSchema, copy: GraphQLSchema): void {
    const { log, source } = this.#setting;
    if (isSame(known, copy)) {
      log.info({ source }, 'The backend has told its schema. It is that of the saved copy.');
    } else {
      const message = 'The backend has told its schema, and it differs from the saved copy that is in use.';
      log.warn({ source }, `${message} The next start will use it.`);
    }
  }
}

function notTold(copy: SchemaCopy | undefined): string {
  const help =
    copy === undefined
      ? 'Calls will ask again. With the schema in a file (schema: "…") nothing has to be asked.'
      : `The copy that was saved at ${copy.savedAt.toISOString()} is used until the next start.`;
  return `The backend did not tell its schema. ${help}`;
}

/** Waits no longer than the limits allow; what is waited for goes on for others. */
async function within(limits: CallLimits, work: Promise<void>): Promise<void> {
  const { timeoutMs, signal } = limits;
  let end = () => {};
  const ended = new Promise<never>((_, reject) => {
    const fail = () =>
      reject(new GatewayError('GATEWAY_TIMEOUT', 'The backend took too long to tell its schema.'));
    const timer = setTimeout(fail, timeoutMs);
    signal?.addEventListener('abort', fail, { once: true });
    if (signal?.aborted) fail();
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', fail);
    };
  });
  try {
    await Promise.race([work, ended]);
  } finally {
    end();
  }
}
