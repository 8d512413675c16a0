/** Somebody who answers the queries. */
export interface Contestant {
  readonly name: string;
  /** The file in `contestants/` that exports its `start`. */
  readonly file: string;
  /** Whether it takes part only when it is named. */
  readonly isExtra?: boolean;
}

/** Whose cost is 1 in each ratio. */
export const baseline = 'by hand';

/** Who takes part: a file in `contestants/` and a line here. */
export const contestants: readonly Contestant[] = [
  { name: 'gateway', file: 'gateway' },
  { name: 'guarded', file: 'guarded', isExtra: true },
  { name: 'unguarded', file: 'unguarded', isExtra: true },
  { name: baseline, file: 'by-hand' },
  { name: 'apollo by hand', file: 'apollo-by-hand' },
];

/** Those who take part unless others are named. */
export const usualContestants = contestants.filter(({ isExtra }) => isExtra !== true);

/** The same for all of them: what our own start script sets. */
export const nodeFlags = ['--max-semi-space-size=64'] as const;
