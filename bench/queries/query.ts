import type { DemoName } from '../../demo/identities.js';

/** What the contestants are asked. */
export interface Query {
  /** Also the name of its operation. */
  readonly name: string;
  /** What it is, in a line. */
  readonly about: string;
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Whose token is sent. */
  readonly caller: DemoName;
}
