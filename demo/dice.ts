/** Chance that can be repeated. */
export interface Dice {
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number;
  shuffle<T>(values: readonly T[]): T[];
  pick<T>(values: readonly T[], count: number): T[];
}

/**
 * A repeatable source of chance: Marsaglia's 32-bit xorshift (2003), shifts 13, 17, 5. The same seed throws the same
 * dice on every machine, so answers can be compared byte for byte.
 */
export function seeded(seed: number): Dice {
  let state = (seed * 2654435761) >>> 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
  const shuffle = <T>(values: readonly T[]): T[] => {
    const keyed = values.map((value, index) => ({ value, index, key: below(2 ** 32) }));
    keyed.sort((a, b) => a.key - b.key || a.index - b.index);
    return keyed.map(({ value }) => value);
  };
  return { below, shuffle, pick: (values, count) => shuffle(values).slice(0, count) };
}
