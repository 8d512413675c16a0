import { randomUUID } from 'node:crypto';

/** Header values by lower-case name, always as lists; an object without prototype. */
export type Headers = Readonly<Record<string, readonly string[]>>;

/** Who asks, however that was proved. */
export interface Identity {
  /** The subject, unique with the way it was proved and, of a token, its issuer. `$claims.sub`, too. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** How it was proved; absent where the program around the gateway says who asks. */
  readonly by?: 'jwt' | 'apiKey' | 'certificate' | 'proxy';
  /** When the proof is no longer good, in milliseconds since 1970; absent where that has no end. */
  readonly expiresAt?: number | undefined;
}

/** What {@link RequestContext} is made from. */
export interface RequestFacts {
  readonly headers?: Headers;
  readonly identity?: Identity | undefined;
  /** Address of the caller, for rate limits of anonymous callers. */
  readonly address?: string;
  /** Milliseconds the whole operation may take. */
  readonly timeoutMs?: number;
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal;
  /** Whether what mappings have to remark is collected for the answer. */
  readonly explainsMappings?: boolean;
}

const noHeaders: Headers = Object.freeze(Object.create(null) as Headers);

/**
 * What belongs to one request, and to nobody else: made anew for each one. A context that outlives its
 * request would hand one caller's loaded rows to another.
 */
export class RequestContext {
  readonly id = randomUUID();
  readonly headers: Headers;
  readonly identity: Identity | undefined;
  readonly address: string;
  readonly signal: AbortSignal | undefined;
  /** `performance.now()` at which the operation has used up its time. */
  readonly deadline: number;
  readonly explainsMappings: boolean;
  readonly #timeoutMs: number;
  readonly #locals = new Map<object, unknown>();

  constructor(facts: RequestFacts = {}) {
    this.headers = facts.headers ?? noHeaders;
    this.identity = facts.identity;
    this.address = facts.address ?? '';
    this.signal = facts.signal;
    this.explainsMappings = facts.explainsMappings ?? false;
    this.#timeoutMs = facts.timeoutMs ?? 10_000;
    this.deadline = performance.now() + this.#timeoutMs;
  }

  /**
   * The same caller's context for one event of a subscription: with time of its own, and nothing loaded yet.
   *
   * @param signal aborted when nobody waits for the event any more
   */
  forEvent(signal = this.signal): RequestContext {
    const { headers, identity, address, explainsMappings } = this;
    return new RequestContext({
      headers,
      identity,
      address,
      explainsMappings,
      timeoutMs: this.#timeoutMs,
      ...(signal && { signal }),
    });
  }

  /** The value this request keeps for `owner`, made on first use: a connector's loaders, a rule's verdict. */
  local<T>(owner: object, make: () => T): T {
    const known = this.#locals.get(owner) as T | undefined;
    if (known !== undefined) return known;
    const made = make();
    this.#locals.set(owner, made);
    return made;
  }
}
