/**
 * A backend in words that all protocols share: operations with inputs, answers, failures. `http.ts`, `grpc.ts` and
 * `graphql.ts` put it on the wire; all of them are real servers on free ports.
 */

/** One call as a backend had it. */
export interface Call {
  /** `findItem`. */
  readonly operation: string;
  /** The arguments; over HTTP they are texts. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Headers or metadata, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The GraphQL document; other protocols have none. */
  readonly document?: string;
  /** Aborted when the caller breaks off before it has the whole answer. */
  readonly left: AbortSignal;
}

/** What a test's backend makes of a call; throws {@link Failure} or {@link Garbage}. */
export type Answering = (call: Call) => unknown;

/** A backend that notes every call. */
export interface Backend {
  /** As the schema file wants it. */
  readonly address: string;
  /** Since the last {@link Backend.reset}. */
  readonly calls: readonly Call[];
  /** The operations called so far. */
  operations(): string[];
  /** Forgets the calls, and answers like this from now on. */
  reset(answer: Answering): void;
  /** Breaks every connection and lets the port go, as when the process is killed. */
  stop(): Promise<void>;
  /** Listens on the same port again. */
  start(): Promise<void>;
}

/** What a backend may be unable, or unwilling, to do; each protocol has its own word for it. */
export type FailureKind = 'unavailable' | 'forbidden';

/** Thrown for an answer that says it is a failure. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Thrown for an answer that cannot be read; with bytes, for exactly these. */
export class Garbage extends Error {
  readonly bytes: Buffer;

  constructor(bytes = Buffer.from([0xff, 0xff, 0xff, 0x7b])) {
    super('garbage');
    this.bytes = bytes;
  }
}

/** The calls of a backend, and how it answers at the moment. */
export class Ledger {
  readonly calls: Call[] = [];
  #answer: Answering = () => null;

  reset(answer: Answering): void {
    this.calls.length = 0;
    this.#answer = answer;
  }

  async answer(call: Call): Promise<unknown> {
    this.calls.push(call);
    return this.#answer(call);
  }
}

/** The listening part of a backend. A port of 0 takes any free one. */
export interface Listening {
  listen(port: number): Promise<number>;
  /** Ends every connection, and answers nobody any more. */
  stop(): Promise<void>;
}

/** Puts a ledger behind what listens. */
export async function runBackend(
  toAddress: (port: number) => string,
  open: (ledger: Ledger) => Listening,
): Promise<Backend> {
  const ledger = new Ledger();
  const listening = open(ledger);
  const port = await listening.listen(0);
  return {
    address: toAddress(port),
    calls: ledger.calls,
    operations: () => ledger.calls.map(({ operation }) => operation),
    reset: (answer) => ledger.reset(answer),
    stop: () => listening.stop(),
    start: async () => {
      await listening.listen(port);
    },
  };
}
