import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxEntries, type SlotRequest } from '../../src/policy/rate-limit-store.js';
import { SlidingWindows } from '../../src/policy/sliding-windows.js';

/** Windows whose clock the test sets with each call. */
function windowsOf(maxKeys?: number) {
  let time = 0;
  const windows = new SlidingWindows({
    clock: () => time,
    ...(maxKeys !== undefined && { maxKeys }),
  });
  const reserve = (key: string, request: SlotRequest, now: number) => {
    time = now;
    return windows.reserve(key, request);
  };
  return {
    windows,
    reserve,
    /** Milliseconds until a refused call can pass; 0 where it has. */
    wait: (key: string, request: SlotRequest, now: number) => {
      const { kind, resetMs } = reserve(key, request, now);
      return kind === 'taken' ? 0 : resetMs;
    },
  };
}

const one = { max: 1, windowMs: 60_000, slots: 1 };
const two = { max: 2, windowMs: 60_000, slots: 1 };
const five = { max: 5, windowMs: 60_000, slots: 1 };

describe('a verdict says', () => {
  test('how many slots are left, and when the next one comes back', () => {
    const { reserve } = windowsOf();
    expect(reserve('key', two, 1_000)).toEqual({ kind: 'taken', remaining: 1, resetMs: 60_000 });
    expect(reserve('key', two, 11_000)).toEqual({ kind: 'taken', remaining: 0, resetMs: 50_000 });
    expect(reserve('key', two, 12_000)).toEqual({ kind: 'full', remaining: 0, resetMs: 49_000 });
  });

  test('when there will be room for all that was asked for', () => {
    const { reserve } = windowsOf();
    reserve('key', { ...five, slots: 2 }, 0);
    reserve('key', { ...five, slots: 2 }, 10_000);
    const asked = { ...five, slots: 4 };
    expect(reserve('key', asked, 20_000)).toEqual({ kind: 'full', remaining: 1, resetMs: 50_000 });
  });
});

describe('memory', () => {
  test('holds at most 100,000 keys', () => {
    const { windows, reserve } = windowsOf();
    for (let n = 0; n < 120_000; n += 1) reserve(`key ${n}`, two, 1_000);
    expect(windows.size).toBe(100_000);
  });

  test('a key that used up its slots is not freed by 200,000 others', () => {
    const { wait } = windowsOf();
    for (const _ of [1, 2]) expect(wait('login', two, 1_000)).toBe(0);
    for (let n = 0; n < 200_000; n += 1) wait(`key ${n}`, two, 2_000);
    // Evicted keys that happen to share its places in the sketch, all at 2,000, may make it wait for them; never less.
    const waitMs = wait('login', two, 3_000);
    expect([58_000, 59_000]).toContain(waitMs);
    expect(wait('login', two, 63_000)).toBe(0);
  });

  test('a key that used up a part of its slots gets no more than the rest after 50,000 others', () => {
    const { wait } = windowsOf(1_000);
    for (const _ of [1, 2, 3, 4]) expect(wait('login', five, 1_000)).toBe(0);
    for (let n = 0; n < 50_000; n += 1) wait(`key ${n}`, five, 2_000);
    const passed = Array.from({ length: 10 }, () => wait('login', five, 3_000)).filter((ms) => ms === 0);
    expect(passed).toHaveLength(1);
  });

  test('a flood of keys that use up their slots leaves most others free', () => {
    const { wait } = windowsOf(1_000);
    for (let n = 0; n < 50_000; n += 1) wait(`key ${n}`, one, 1_000);
    const free = Array.from({ length: 1_000 }, (_, n) => wait(`other ${n}`, one, 2_000));
    expect(free.filter((waitMs) => waitMs === 0).length).toBeGreaterThan(700);
  });

  test('a flood of keys that have slots left leaves all others free', () => {
    const { wait } = windowsOf(1_000);
    for (let n = 0; n < 50_000; n += 1) wait(`key ${n}`, two, 1_000);
    for (let n = 0; n < 1_000; n += 1) expect(wait(`other ${n}`, two, 2_000)).toBe(0);
  });

  test('a flood is forgotten when its calls have left their windows', () => {
    const { wait } = windowsOf(10);
    for (let n = 0; n < 1_000; n += 1) wait(`key ${n}`, one, 1_000);
    for (let n = 0; n < 1_000; n += 1) expect(wait(`key ${n}`, one, 61_000 + n)).toBe(0);
  });

  test('expired keys make room as new ones come', () => {
    const { windows, reserve } = windowsOf();
    for (let n = 0; n < 1_000; n += 1) reserve(`old ${n}`, one, 1_000);
    for (let n = 0; n < 1_000; n += 1) reserve(`new ${n}`, one, 61_000);
    expect(windows.size).toBe(1_000);
  });

  test('a key that is asked often stays', () => {
    const { wait } = windowsOf(10);
    for (let n = 0; n < 100; n += 1) {
      expect(wait('busy', { ...two, max: 1_000 }, n)).toBe(0);
      wait(`key ${n}`, two, n);
    }
    expect(wait('busy', { ...two, max: 100 }, 100)).toBeGreaterThan(0);
  });
});

test('the order of the calls survives a ring that must grow in the middle', () => {
  const { wait } = windowsOf();
  const ask = (now: number) => wait('key', { max: 9, windowMs: 100, slots: 1 }, now);
  // Four fill the first ring, the fifth takes the place of the first, the sixth has none.
  expect([0, 50, 60, 70, 100, 110].map(ask)).toEqual([0, 0, 0, 0, 0, 0]);
  expect([120, 121, 122, 123, 124].map(ask)).toEqual([0, 0, 0, 0, 26]);
});

describe('a window of many slots', () => {
  const many = { max: 1_000, windowMs: 1_000, slots: 1 };

  test('gives them all at once, and no more', () => {
    const { wait } = windowsOf();
    const passed = Array.from({ length: 2_000 }, () => wait('key', many, 5)).filter((ms) => ms === 0);
    expect(passed).toHaveLength(1_000);
  });

  test('gives a slot back at most a hundredth of the window late', () => {
    const { wait } = windowsOf();
    for (let now = 0; now < 1_000; now += 1) expect(wait('key', many, now)).toBe(0);
    expect(wait('key', many, 1_000)).toBe(9);
    expect(wait('key', { ...many, slots: 10 }, 1_009)).toBe(0);
    expect(wait('key', many, 1_009)).toBe(10);
  });

  test('never gives more than its slots in any window, and refuses only for good reason', () => {
    const call = fc.record({
      pause: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
      slots: fc.integer({ min: 1, max: 200 }),
    });
    const property = fc.property(
      fc.integer({ min: maxEntries + 1, max: 1_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.array(call, { maxLength: 80, size: 'max' }),
      (max, windowMs, calls) => {
        const { reserve } = windowsOf();
        const passed: { time: number; slots: number }[] = [];
        const takenIn = (from: number) =>
          passed.filter(({ time }) => time > from).reduce((sum, { slots }) => sum + slots, 0);
        let now = 0;
        for (const { pause, slots } of calls) {
          now += pause;
          const { kind } = reserve('key', { max, windowMs, slots }, now);
          if (kind === 'taken') {
            expect(takenIn(now - windowMs) + slots).toBeLessThanOrEqual(max);
            passed.push({ time: now, slots });
          } else {
            expect(takenIn(now - windowMs - windowMs / maxEntries) + slots).toBeGreaterThan(max);
          }
        }
      },
    );
    fc.assert(property, { numRuns: 60 });
  });
});
