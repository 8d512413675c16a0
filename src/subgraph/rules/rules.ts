import type { Problem } from '../../base/problems.js';
import type { Subgraph } from '../subgraph.js';
import type { Surroundings } from '../validate.js';

/** What a rule sees beside the file it checks. */
export interface Scope extends Surroundings {
  /** All files that could be read, the checked one among them. */
  readonly subgraphs: readonly Subgraph[];
}

/** One thing that must be so in every schema file. */
export interface Rule {
  /** Whether it needs the other files to be whole. */
  readonly acrossFiles?: boolean;
  check(subgraph: Subgraph, scope: Scope): Problem[];
}

/** All rules, one a file. */
export const rules: readonly Rule[] = [];
