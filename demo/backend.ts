/** How a backend treats its callers. `every: 3` fails each third call, from the third on; without it each call fails. */
export type Behaviour =
  | { readonly mode: 'ok' }
  | { readonly mode: 'slow'; readonly ms: number }
  | { readonly mode: 'failing'; readonly every?: number }
  | { readonly mode: 'down' };

/** One call as its backend saw it. */
export interface Call {
  /** Counts from 1 since the start or the last reset. */
  readonly number: number;
  /** The HTTP method, or `gRPC`. */
  readonly method: string;
  /** The path asked for, with its query; for gRPC `/shop.v1.ProductService/GetProduct`. */
  readonly path: string;
  /** What was meant: `GET /users/:id`, `ProductService/GetProduct`, `query ordersByUsers`. */
  readonly operation: string;
  /** The keys asked for, as text and in the caller's order, repeats included. */
  readonly keys: readonly string[];
  /** Credentials, content negotiation, tracing and every `x-` header (or gRPC metadata of such a name). */
  readonly headers: Readonly<Record<string, string>>;
  /** The GraphQL document; other backends have none. */
  readonly document?: string;
}

/** A call while it is being answered: the backend fills in what it learns. */
export type OpenCall = { -readonly [Field in keyof Call]: Call[Field] } & { keys: string[] };

/** What a call is when it arrives. */
export type Arrival = Pick<Call, 'method' | 'path' | 'operation'> & {
  readonly headers: Iterable<[string, unknown]>;
};

/** The door that every call passes: it is counted, then answered, delayed or refused. */
export interface Door {
  /** Counts and logs a call. */
  enter(arrival: Arrival): OpenCall;
  /** Waits if the backend is slow; then true if the call is to be answered, false if it must fail. */
  admit(): Promise<boolean>;
}

/** The listening part of a backend; it can stop and later listen on the same port again. */
export interface Transport {
  /** Takes the port (0: any free one) and answers with the one taken. Fails with the code `EADDRINUSE`. */
  listen(port: number): Promise<number>;
  /** Lets the port go and destroys every connection. */
  stop(): Promise<void>;
}

/** A running demo backend. */
export interface Running {
  readonly name: string;
  /** Where it answers, as a URL: `http://127.0.0.1:4001`, `grpc://127.0.0.1:4002`. */
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** How many calls came in since the start or the last reset; has no bound. */
  count(): number;
  /** The latest calls, at most 1000, oldest first. */
  calls(): readonly Call[];
  /** Forgets the calls. What mutations changed stays, and so does the behaviour. */
  reset(): void;
  /** How callers are treated now. */
  behaviour(): Behaviour;
  /** Changes that; done when the port is closed (`down`) or open again. */
  behave(behaviour: Behaviour): Promise<void>;
  /** Stops for good. May be called twice. */
  close(): Promise<void>;
}

/** What every `start` function takes: the port, where 0 (the default) means any free one. */
export interface StartOptions {
  readonly port?: number;
}

/** Starts a backend: `open` builds its transport around the door, `url` says where it answers. */
export async function runBackend(
  name: string,
  options: StartOptions,
  url: (address: string) => string,
  open: (door: Door) => Transport,
): Promise<Running> {
  const ledger = createLedger();
  const manners = createManners();
  const transport = open({ enter: ledger.enter, admit: manners.admit });
  const port = await transport.listen(options.port ?? 0);
  const address = `${loopback}:${port}`;
  const switchboard = createSwitch(name, transport, port);
  return {
    name,
    url: url(address),
    address,
    port,
    count: ledger.count,
    calls: ledger.calls,
    reset: ledger.reset,
    behaviour: manners.current,
    async behave(behaviour) {
      await switchboard.turn(behaviour.mode !== 'down');
      manners.become(behaviour);
    },
    close: switchboard.close,
  };
}

/** The only interface the demo listens on. */
export const loopback = '127.0.0.1';

/** Reads a behaviour out of JSON; answers with a sentence about the fault if it is none. */
export function readBehaviour(value: unknown): Behaviour | string {
  if (!isObject(value)) return 'Expected an object such as {"mode": "slow", "ms": 500}.';
  switch (value['mode']) {
    case 'ok':
    case 'down':
      return { mode: value['mode'] };
    case 'slow':
      return isWhole(value['ms'], 60_000)
        ? { mode: 'slow', ms: value['ms'] }
        : '"ms" must be a whole number, 1 to 60000.';
    case 'failing':
      return readFailing(value['every']);
    default:
      return `"mode" must be ok, slow, failing or down, not ${JSON.stringify(value['mode'])}.`;
  }
}

/** True for a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for a whole number from 1 to `most`. */
export function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most;
}

function readFailing(every: unknown): Behaviour | string {
  if (every === undefined) return { mode: 'failing' };
  return isWhole(every, 1000) ? { mode: 'failing', every } : '"every" must be a whole number, 1 to 1000.';
}

const callsKept = 1000;

function createLedger() {
  let number = 0;
  let log: OpenCall[] = [];
  return {
    enter({ method, path, operation, headers }: Arrival): OpenCall {
      const call: OpenCall = {
        number: ++number,
        method,
        path,
        operation,
        keys: [],
        headers: selectHeaders(headers),
      };
      log.push(call);
      if (log.length > callsKept) log.shift();
      return call;
    },
    count: () => number,
    calls: () => structuredClone(log),
    reset() {
      number = 0;
      log = [];
    },
  };
}

const keptHeaders = /^(authorization|accept|content-type|user-agent|traceparent|tracestate|baggage|x-.+)$/;

function selectHeaders(headers: Iterable<[string, unknown]>): Record<string, string> {
  const kept = [...headers].filter(([name, value]) => keptHeaders.test(name) && typeof value === 'string');
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function createManners() {
  let behaviour: Behaviour = { mode: 'ok' };
  let seen = 0;
  return {
    current: () => behaviour,
    become(next: Behaviour) {
      behaviour = next;
      seen = 0;
    },
    async admit(): Promise<boolean> {
      // Kept: a call is treated as its arrival found the backend, whatever happens while it waits.
      const found = behaviour;
      if (found.mode === 'slow') await pause(found.ms);
      return found.mode !== 'failing' || ++seen % (found.every ?? 1) !== 0;
    },
  };
}

/** Waits without keeping the process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** Opens and closes a transport on one port, one change after the other however fast they are asked for. */
function createSwitch(name: string, transport: Transport, port: number) {
  let state: 'up' | 'down' | 'closed' = 'up';
  let last: Promise<void> = Promise.resolve();
  const next = (change: () => Promise<void>): Promise<void> => {
    const done = last.then(change);
    last = done.catch(() => undefined);
    return done;
  };
  const to = async (wanted: 'up' | 'down' | 'closed'): Promise<void> => {
    if (state === wanted) return;
    if (state === 'closed') throw new Error(`The demo backend "${name}" is closed and cannot come back.`);
    if (wanted === 'up') await transport.listen(port);
    else if (state === 'up') await transport.stop();
    state = wanted;
  };
  return {
    turn: (up: boolean) => next(() => to(up ? 'up' : 'down')),
    close: () => next(() => to('closed')),
  };
}
