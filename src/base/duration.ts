const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a length of time such as `500ms`, `2s`, `1.5m`, `1h` or `1d`.
 *
 * @returns milliseconds, or `undefined` where the text is no length of time
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  const unit = match?.[2] === undefined ? undefined : units[match[2]];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}
