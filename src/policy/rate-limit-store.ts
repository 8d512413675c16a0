import { hash, randomInt } from 'node:crypto';
import { Store, type Identity } from 'graphql-rate-limit';
import { LRUCache } from 'lru-cache';

/** What one call asks of its window. */
export interface SlotRequest {
  /** Slots in each window. */
  readonly max: number;
  readonly windowMs: number;
  /** Slots this call takes; all of them or none. */
  readonly slots: number;
}

/** Keys of one process that are counted at the same time. */
const maxKeys = 100_000;

/** A longer key is kept as its hash: a caller chooses the values in it, so also their length. */
const maxKeyLength = 128;

/**
 * Sliding windows by key, exact and bounded. A reservation is one synchronous step, so no two calls can
 * see the same free slot. Amortised constant time: each timestamp is written once and dropped once.
 *
 * At most 100,000 keys are kept, the least recently asked go first. A key that had used up its slots is
 * not set free by that: it stays refused until the last of its calls has left the window.
 */
export class SlidingWindows {
  readonly #windows: LRUCache<string, Window>;
  readonly #evicted = new RefusedKeys();

  constructor(limit = maxKeys) {
    this.#windows = new LRUCache<string, Window>({
      max: limit,
      dispose: (window, key, reason) => {
        if (reason === 'evict' && window.isFull) this.#evicted.add(key, window.expiresAt);
      },
    });
  }

  /** The keys that are kept now. */
  get size(): number {
    return this.#windows.size;
  }

  /**
   * Takes the slots at `now` (milliseconds of any clock that does not go back), or none of them.
   *
   * @returns 0 where they were taken, else the milliseconds until they can be
   */
  reserve(key: string, request: SlotRequest, now: number): number {
    const kept = key.length > maxKeyLength ? hash('sha256', key, 'base64') : key;
    const known = this.#windows.get(kept);
    if (known) return known.reserve(request, now);
    const refusedUntil = this.#evicted.until(kept);
    if (refusedUntil > now) return refusedUntil - now;
    const window = new Window();
    const waitMs = window.reserve(request, now);
    if (waitMs === 0) this.#keep(kept, window, now);
    return waitMs;
  }

  #keep(key: string, window: Window, now: number): void {
    this.#dropExpired(now);
    this.#windows.set(key, window);
  }

  /** Two for each new key, so that memory falls again after a flood without a timer. */
  #dropExpired(now: number): void {
    for (let many = 0; many < 2; many += 1) {
      const oldest = this.#windows.rkeys().next().value;
      const window = oldest === undefined ? undefined : this.#windows.peek(oldest);
      if (oldest === undefined || window === undefined || window.expiresAt > now) return;
      this.#windows.delete(oldest);
    }
  }
}

/** The times of one key's calls, oldest first, in a ring that grows to `max` and no further. */
class Window {
  #times: number[] = [];
  #head = 0;
  #count = 0;
  #request: SlotRequest | undefined;

  get isFull(): boolean {
    return this.#count >= (this.#request?.max ?? 0);
  }

  /** When the last of the calls leaves the window. */
  get expiresAt(): number {
    return this.#count === 0 ? -Infinity : this.#at(this.#count - 1) + (this.#request?.windowMs ?? 0);
  }

  reserve(request: SlotRequest, now: number): number {
    const { max, windowMs, slots } = request;
    this.#request = request;
    this.#dropUntil(now - windowMs);
    const missing = this.#count + slots - max;
    if (missing > 0) return slots > max ? windowMs : this.#at(missing - 1) + windowMs - now;
    for (let many = 0; many < slots; many += 1) this.#push(now, max);
    return 0;
  }

  #at(index: number): number {
    return this.#times[(this.#head + index) % this.#times.length] ?? 0;
  }

  #dropUntil(time: number): void {
    while (this.#count > 0 && this.#at(0) <= time) {
      this.#head = (this.#head + 1) % this.#times.length;
      this.#count -= 1;
    }
  }

  #push(time: number, max: number): void {
    if (this.#count === this.#times.length) this.#grow(max);
    this.#times[(this.#head + this.#count) % this.#times.length] = time;
    this.#count += 1;
  }

  #grow(max: number): void {
    const length = Math.min(max, Math.max(4, 2 * this.#count));
    this.#times = Array.from({ length }, (_, index) => (index < this.#count ? this.#at(index) : 0));
    this.#head = 0;
  }
}

/** Places in {@link RefusedKeys}: 2 MB. */
const refusedPlaces = 2 ** 18;

/**
 * Until when keys that were pushed out are refused, in fixed memory: one time for each hash of a key. Two
 * keys with the same place share the longer refusal, so an error can only be on the side of refusing, and
 * only in a flood of 100,000 keys that empty their windows. The seed keeps callers from choosing whose place they hit.
 */
class RefusedKeys {
  readonly #seed = randomInt(2 ** 32);
  #times: Float64Array | undefined;

  add(key: string, until: number): void {
    this.#times ??= new Float64Array(refusedPlaces);
    const place = this.#place(key);
    this.#times[place] = Math.max(this.#times[place] ?? 0, until);
  }

  until(key: string): number {
    return this.#times?.[this.#place(key)] ?? 0;
  }

  /** FNV-1a, its upper bits folded in. */
  #place(key: string): number {
    let value = this.#seed ^ 0x811c9dc5;
    for (let index = 0; index < key.length; index += 1) {
      value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
    }
    return (value ^ (value >>> 15)) & (refusedPlaces - 1);
  }
}

/** Always inside its window, whatever clock the package looks at. */
const oneCallTooMany: readonly number[] = [Infinity];

/**
 * The store that graphql-rate-limit sees in one call. The package reads the timestamps, waits, and writes
 * them back, so calls in between would all be let in. Here the read itself takes the slots, synchronously;
 * what it returns only says whether they were there, and nothing is left to write.
 */
export class Reservation extends Store {
  readonly #windows: SlidingWindows;
  readonly #request: SlotRequest;
  readonly #now: number;
  #waitMs = 0;

  constructor(windows: SlidingWindows, request: SlotRequest, now: number) {
    super();
    this.#windows = windows;
    this.#request = request;
    this.#now = now;
  }

  /** Whole seconds until a refused call can pass, at least one. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil(this.#waitMs / 1_000));
  }

  override getForIdentity({ contextIdentity, fieldIdentity }: Identity): readonly number[] {
    // Both are JSON behind a field's coordinate, which hold no line feed: no two pairs make the same key.
    const key = `${fieldIdentity}\n${contextIdentity}`;
    this.#waitMs = this.#windows.reserve(key, this.#request, this.#now);
    return this.#waitMs > 0 ? oneCallTooMany : [];
  }

  override setForIdentity(): void {
    // The slots were taken when they were read.
  }
}
