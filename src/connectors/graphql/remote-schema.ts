import type { GraphQLSchema } from 'graphql';
import { GatewayError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { CallLimits } from '../transport.js';

/** What the gateway knows of a backend's types. */
export interface RemoteSchema {
  /** Absent as long as the backend has not told. */
  readonly known: GraphQLSchema | undefined;
  /**
   * The schema, asked for again where it is not known yet. All who wait share one attempt.
   *
   * @throws GatewayError `HTTP_CLIENT_ERROR` while it cannot be had, `GATEWAY_TIMEOUT` where the limits end first
   */
  load(limits: CallLimits): Promise<GraphQLSchema>;
}

/** A schema that came from a file. */
export function knownSchema(schema: GraphQLSchema): RemoteSchema {
  return { known: schema, load: async () => schema };
}

/** Between two attempts of calls that meet a backend which has not told its schema. */
const pauseMs = 3_000;

/** What asking a backend for its schema needs. */
export interface AskedSchemaSetting {
  readonly source: string;
  /** @throws Error where the backend gives no schema */
  readonly ask: () => Promise<GraphQLSchema>;
  readonly log: Log;
}

/** A schema the backend is asked for: once now, and should it be down, again when it is needed. */
export async function askedSchema(setting: AskedSchemaSetting): Promise<RemoteSchema> {
  const schema = new AskedSchema(setting);
  await schema.attempt();
  return schema;
}

class AskedSchema implements RemoteSchema {
  known: GraphQLSchema | undefined;
  readonly #setting: AskedSchemaSetting;
  #running: Promise<void> | undefined;
  #attempts = 0;
  /** `performance.now()` before which nobody is asked. The first call after the start may ask at once. */
  #pausedUntil = 0;

  constructor(setting: AskedSchemaSetting) {
    this.#setting = setting;
  }

  async load(limits: CallLimits): Promise<GraphQLSchema> {
    if (this.known === undefined && performance.now() >= this.#pausedUntil) {
      this.#running ??= this.attempt().finally(() => (this.#running = undefined));
      await within(limits, this.#running);
    }
    if (this.known !== undefined) return this.known;
    throw new GatewayError(
      'HTTP_CLIENT_ERROR',
      'The backend could not be reached: its schema is not known yet.',
    );
  }

  async attempt(): Promise<void> {
    const { ask, log, source } = this.#setting;
    this.#attempts++;
    try {
      this.known = await ask();
    } catch (error) {
      if (this.#attempts > 1) this.#pausedUntil = performance.now() + pauseMs;
      const help = 'Calls will ask again. With the schema in a file (schema: "…") nothing has to be asked.';
      log.warn({ source, code: 'HTTP_CLIENT_ERROR', error }, `The backend did not tell its schema. ${help}`);
    }
  }
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
