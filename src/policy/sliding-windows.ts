import { hash, randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { grainMs, type Counted, type RateLimitStore, type SlotRequest } from './rate-limit-store.js';

/** Keys of one process that are counted at the same time. */
const maxKeys = 100_000;

/** A longer key is kept as its hash: a caller chooses the values in it, so also their length. */
const maxKeyLength = 128;

/** What {@link SlidingWindows} can be given. */
export interface SlidingWindowsOptions {
  /** Milliseconds that never go back; `performance.now` unless given. */
  readonly clock?: () => number;
  /** Keys that are kept; 100,000 unless given. */
  readonly maxKeys?: number;
}

/**
 * Sliding windows in the memory of this process: exact, bounded, and synchronous. Amortised constant time: each
 * entry is written once and dropped once.
 *
 * The keys asked least recently go first. That frees none of them: what they had taken is remembered, less exactly,
 * until it has left their windows. So nobody gets more than `max` slots by flooding the store with other keys.
 */
export class SlidingWindows implements RateLimitStore {
  readonly #clock: () => number;
  readonly #windows: LRUCache<string, Window>;
  readonly #evicted = new EvictedKeys();

  constructor(options: SlidingWindowsOptions = {}) {
    this.#clock = options.clock ?? (() => performance.now());
    this.#windows = new LRUCache<string, Window>({
      max: options.maxKeys ?? maxKeys,
      dispose: (window, key, reason) => {
        if (reason === 'evict') this.#evicted.add(key, window, this.#clock());
      },
    });
  }

  /** The keys that are kept now. */
  get size(): number {
    return this.#windows.size;
  }

  /** Takes the slots, or none of them. */
  reserve(key: string, request: SlotRequest): Counted {
    const now = this.#clock();
    const kept = key.length > maxKeyLength ? hash('sha256', key, 'base64') : key;
    const known = this.#windows.get(kept);
    if (known) return known.reserve(request, now);
    const window = new Window();
    this.#evicted.restore(kept, window, request, now);
    const counted = window.reserve(request, now);
    if (counted.kind === 'taken') this.#keep(kept, window, now);
    return counted;
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

/** The times of one key's calls and the slots they took, oldest first, in a ring that grows as far as needed. */
class Window {
  #times: number[] = [];
  #slots: number[] = [];
  #head = 0;
  #count = 0;
  #taken = 0;
  #windowMs = 0;

  /** Slots taken by calls that had not left the window when it was last asked. */
  get taken(): number {
    return this.#taken;
  }

  /** When the last of the calls leaves the window. */
  get expiresAt(): number {
    return this.#count === 0 ? -Infinity : this.#timeAt(this.#count - 1) + this.#windowMs;
  }

  reserve(request: SlotRequest, now: number): Counted {
    const { max, windowMs, slots } = request;
    this.#windowMs = windowMs;
    this.#dropUntil(now - windowMs);
    const free = max - this.#taken;
    if (slots > max) return { kind: 'full', remaining: Math.max(0, free), resetMs: windowMs };
    if (slots > free) {
      const resetMs = windowMs - (now - this.#leftBy(slots - free));
      return { kind: 'full', remaining: Math.max(0, free), resetMs };
    }
    this.add(now, slots, grainMs(request));
    return { kind: 'taken', remaining: free - slots, resetMs: windowMs - (now - this.#timeAt(0)) };
  }

  /** Notes a call; one of the same grain of time as the last shares its entry. */
  add(time: number, slots: number, grain: number): void {
    this.#taken += slots;
    const last = this.#count - 1;
    if (grain > 0 && last >= 0 && Math.floor(this.#timeAt(last) / grain) === Math.floor(time / grain)) {
      const place = this.#placeOf(last);
      this.#times[place] = time;
      this.#slots[place] = this.#slotsAt(last) + slots;
      return;
    }
    if (this.#count === this.#times.length) this.#grow();
    const place = this.#placeOf(this.#count);
    this.#times[place] = time;
    this.#slots[place] = slots;
    this.#count += 1;
  }

  /** The time of the call with which so many slots come back. */
  #leftBy(slots: number): number {
    let index = 0;
    for (let back = this.#slotsAt(0); back < slots; back += this.#slotsAt(index)) index += 1;
    return this.#timeAt(index);
  }

  #dropUntil(time: number): void {
    while (this.#count > 0 && this.#timeAt(0) <= time) {
      this.#taken -= this.#slotsAt(0);
      this.#head = (this.#head + 1) % this.#times.length;
      this.#count -= 1;
    }
  }

  #grow(): void {
    const places = Array.from({ length: Math.max(4, 2 * this.#count) }, (_, index) => index);
    const times = places.map((index) => (index < this.#count ? this.#timeAt(index) : 0));
    const slots = places.map((index) => (index < this.#count ? this.#slotsAt(index) : 0));
    this.#times = times;
    this.#slots = slots;
    this.#head = 0;
  }

  #placeOf(index: number): number {
    return (this.#head + index) % this.#times.length;
  }

  #timeAt(index: number): number {
    return this.#times[this.#placeOf(index)] ?? 0;
  }

  #slotsAt(index: number): number {
    return this.#slots[this.#placeOf(index)] ?? 0;
  }
}

const rows = 4;
const placesInRow = 2 ** 18;

/**
 * What keys that were pushed out had taken, in fixed memory: a count-min sketch (Cormode, Muthukrishnan 2005), 16 MB
 * from the first such key on. Each key has a place in every row, which it shares with others; each place has the
 * largest count and the latest end of those, and the smallest of its places counts for a key. So an error can only be
 * on the side of refusing: of keys that were never seen, 1 in 100 begins with a slot taken after 100,000 others were
 * pushed out in one window. The seed keeps callers from choosing whose places they hit.
 */
class EvictedKeys {
  readonly #seed = randomInt(2 ** 32);
  #until: Float64Array | undefined;
  #taken: Float64Array | undefined;

  add(key: string, { taken, expiresAt }: Window, now: number): void {
    if (expiresAt <= now) return;
    const until = (this.#until ??= new Float64Array(rows * placesInRow));
    const counts = (this.#taken ??= new Float64Array(rows * placesInRow));
    for (const place of this.#placesOf(key)) {
      const isOver = (until[place] ?? 0) <= now;
      until[place] = isOver ? expiresAt : Math.max(until[place] ?? 0, expiresAt);
      counts[place] = isOver ? taken : Math.max(counts[place] ?? 0, taken);
    }
  }

  /** Gives a window what its key may have taken, as if that had all been with the last of its calls. */
  restore(key: string, window: Window, { max, windowMs }: SlotRequest, now: number): void {
    const until = this.#until;
    const counts = this.#taken;
    if (until === undefined || counts === undefined) return;
    const places = this.#placesOf(key);
    const end = Math.min(...places.map((place) => until[place] ?? 0));
    const taken = Math.min(max, ...places.map((place) => counts[place] ?? 0));
    if (end > now) window.add(Math.min(end - windowMs, now), taken, 0);
  }

  /** Two halves of FNV-1a make the hashes of all rows (Kirsch, Mitzenmacher 2006). */
  #placesOf(key: string): number[] {
    let first = this.#seed ^ 0x811c9dc5;
    let second = this.#seed ^ 0x01000193;
    for (let index = 0; index < key.length; index += 1) {
      const code = key.charCodeAt(index);
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ code, 0x5bd1e995);
    }
    return Array.from({ length: rows }, (_, row) => {
      const value = (first + Math.imul(row, second | 1)) | 0;
      return row * placesInRow + ((value ^ (value >>> 15)) & (placesInRow - 1));
    });
  }
}
