/** What one call asks of its window. */
export interface SlotRequest {
  /** Slots in each window. */
  readonly max: number;
  readonly windowMs: number;
  /** Slots this call takes, at least one; all of them or none. */
  readonly slots: number;
}

/** What became of a request for slots. */
export type Verdict = Counted | Uncounted;

/** The slots were `taken`, or the window was too `full` for them. */
export interface Counted {
  readonly kind: 'taken' | 'full';
  /** Slots that are free now. */
  readonly remaining: number;
  /** Milliseconds until the next slot is free; where it was `full`, until all that were asked for are. */
  readonly resetMs: number;
}

/** Nobody could count; the configuration says what becomes of the call. */
export interface Uncounted {
  readonly kind: 'uncounted';
  readonly isAdmitted: boolean;
}

/** Whether the call may go on. */
export function isAdmitted(verdict: Verdict): boolean {
  return verdict.kind === 'uncounted' ? verdict.isAdmitted : verdict.kind === 'taken';
}

/**
 * Sliding windows by key. A reservation is one step that nothing comes between, so no two calls can be given the same
 * slot. A refused call takes none.
 */
export interface RateLimitStore {
  reserve(key: string, request: SlotRequest): Verdict | Promise<Verdict>;
}

/**
 * Entries that a window keeps. Up to so many slots, each call has an entry of its own; where a window has more slots,
 * calls of the same hundredth of it share one, with the time of the last: a slot may come back so much later, never
 * earlier.
 */
export const maxEntries = 100;

/** The length of time in which calls share an entry; 0 where none do. */
export function grainMs({ max, windowMs }: SlotRequest): number {
  return max > maxEntries ? windowMs / maxEntries : 0;
}
