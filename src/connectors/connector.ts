import type { RequestContext } from '../base/context.js';
import type { FieldTree, OutputShape } from '../mapping/shape.js';
import type { ConnectDefinition } from '../subgraph/subgraph.js';
import type { MappingCounts } from './mapping-report.js';
import type { Wanted } from './wanted.js';

/** Arguments of a field, as GraphQL coerced them. */
export type FieldArguments = Readonly<Record<string, unknown>>;

/** The fields of an object that a connector reads through `$this` or `$batch`. */
export type ParentObject = Readonly<Record<string, unknown>>;

/** How a field or type is fetched: one `@connect`, ready to be called. */
export interface Connector {
  readonly definition: ConnectDefinition;
  readonly coordinate: string;
  /** Fields of the parent object that a call reads. */
  readonly needs: FieldTree;
  /** Fields by which answers are told apart: `needs`, or the fields that `batch.by` names. */
  readonly key: FieldTree;
  readonly usesArguments: boolean;
  /** Whether one call answers many keys, … */
  readonly takesMany: boolean;
  /** … how many at most, … */
  readonly maxSize: number | undefined;
  /** … and what is made of the rows with one key, for `batch.by`. */
  readonly groups: 'list' | 'first' | undefined;
  /** Whether the rows come in the order of the keys, and need not be told apart. */
  readonly inOrder: boolean;
  /** Whether the fields of its answer are the backend's own, which take their arguments there. */
  readonly forwards: boolean;
  /** Whether a call changes something: it is never shared, repeated or reordered. */
  readonly changes: boolean;
  /** What a selection can give; absent where the names are the same on both sides. */
  readonly output: OutputShape | undefined;
  /** How its mappings have fared since the start. */
  readonly counts: Readonly<MappingCounts>;
  /** What an error of this connector tells the client of where it happened. */
  readonly facts: Readonly<Record<string, unknown>>;
  /**
   * Makes one call and maps its answer.
   *
   * @returns the mapped value; `undefined` where the mapping gives none; for `takesMany` a list of rows
   * @throws GatewayError
   */
  fetch(inputs: FetchInputs, wanted: Wanted, context: RequestContext): Promise<unknown>;
  /**
   * Of a field of Subscription: opens the stream and maps its events, one by one. An event that is no success is an
   * Error among them. `return()` breaks the stream off.
   *
   * @throws GatewayError where the request cannot be made, and from `next()` where the stream fails
   */
  subscribe?(inputs: FetchInputs, wanted: Wanted, context: RequestContext): AsyncIterableIterator<unknown>;
}

/** What one call is made from. */
export interface FetchInputs {
  readonly args: FieldArguments;
  readonly parent?: ParentObject | undefined;
  readonly parents?: readonly ParentObject[] | undefined;
}
