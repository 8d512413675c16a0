import type { Range } from '../../mapping/syntax.js';

/** Something in a mapping that does not fit the backend's schema. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** In the text of the mapping. */
  readonly range: Range;
}
