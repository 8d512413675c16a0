import type { Environment } from '../../base/config.js';
import type { Problem } from '../../base/problems.js';
import type { Subgraph } from '../subgraph.js';

/** What files are checked against beside each other. */
export interface Surroundings {
  readonly environment: Environment;
  /** Values of `$config` by the name of the source. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Names of the policies that the config file exports. */
  readonly policies: readonly string[];
  /** Names of the sources whose address the config file replaces. */
  readonly addressed?: readonly string[];
}

/** What a rule sees beside the file it checks. */
export interface Scope extends Surroundings {
  /** All files that could be read, the checked one among them. */
  readonly subgraphs: readonly Subgraph[];
}

/** One thing that must be so in every schema file. */
export interface Rule {
  /** Whether it needs the other files to be whole: what a broken file would have brought is not missed. */
  readonly acrossFiles?: boolean;
  check(subgraph: Subgraph, scope: Scope): Problem[];
}
