import type { Headers, RequestContext } from '../base/context.js';
import type { Environment } from '../base/config.js';
import type { Log } from '../base/log.js';
import type { Variables } from '../mapping/compile.js';
import type { InputTree } from '../mapping/shape.js';
import type {
  CallProtocol,
  ConnectDefinition,
  ProtocolName,
  SourceDefinition,
  Subgraph,
} from '../subgraph/subgraph.js';

/** How one protocol reaches its backends; `http/`, `grpc/` and `graphql/` each export one. */
export interface Protocol<Kind extends ProtocolName = ProtocolName> {
  /**
   * Opens a source: its pool or channel, and what it has to know of the backend.
   *
   * @throws SchemaFilesError with every fault that only the protocol can see, such as a missing `.proto`
   */
  open(source: SourceOf<Kind>, setting: Setting): Promise<OpenSource<Kind>>;
}

/** A `@source` of one protocol. */
export type SourceOf<Kind extends ProtocolName> = Extract<SourceDefinition, { kind: Kind }>;

/** A `@connect` of one protocol. */
export type ConnectOf<Kind extends CallProtocol['kind']> = Extract<ConnectDefinition, { kind: Kind }>;

/** What a source is opened with, beside what its file says. */
export interface Setting {
  readonly subgraph: Subgraph;
  readonly environment: Environment;
  /** What `$config` is in the strings of this source. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Used instead of the address in the schema file. */
  readonly address?: string | undefined;
  /** The folder for copies of schemas that backends told; absent where none are kept. */
  readonly savedSchemas?: string | undefined;
  readonly log: Log;
}

/** A source that can be called. */
export interface OpenSource<Kind extends ProtocolName = ProtocolName> {
  /** Prepares one connector's calls, once per load. */
  connect(definition: ConnectOf<Kind>): Transport;
  /** The same for what answers with a stream of events; absent where the protocol has no such thing. */
  subscribe?(definition: ConnectOf<Kind>): StreamTransport;
  /** Ends every connection. Calls in flight fail. */
  close(): Promise<void>;
}

/** Makes the calls of one connector. */
export interface Transport {
  /**
   * Fills in one call. It has not left yet: nothing is sent before {@link Outgoing.send}.
   *
   * @throws GatewayError `BAD_USER_INPUT` where a value cannot stand in its place
   */
  prepare(variables: Variables, wanted: WantedAnswer): Outgoing;
}

/** Opens the streams of one connector. */
export interface StreamTransport {
  /**
   * Fills in one request for events. It has not left yet: nothing is sent before {@link OutgoingStream.open}.
   *
   * @throws GatewayError `BAD_USER_INPUT` where a value cannot stand in its place
   */
  prepare(variables: Variables, wanted: WantedAnswer): OutgoingStream;
}

/** A request for events that is ready to leave. */
export interface OutgoingStream {
  /**
   * One reply for each event, in order. The backend is asked for the next only when somebody waits for it, and what
   * comes unasked is held back within bounds. Ends when the backend ends the stream; `return()` breaks it off.
   *
   * @param limits the time until the backend has accepted the request, and what ends the stream early
   * @throws GatewayError from `next()`, as {@link Outgoing.send}
   */
  open(limits: CallLimits): AsyncIterableIterator<Reply>;
}

/** The part of the answer that will be read. One object per connector and set of fields, for the life of a load. */
export interface WantedAnswer {
  /** What of the body will be read. Of a field that is handed on as it is, fields stand under their `fieldKey`s. */
  readonly reads: InputTree;
}

/** A call that is ready to leave. */
export interface Outgoing {
  /**
   * @throws GatewayError `HTTP_CLIENT_ERROR`, `GATEWAY_TIMEOUT` or `CONNECTOR_RESPONSE_INVALID`, with the cause
   */
  send(limits: CallLimits): Promise<Reply>;
}

/** How long a call may take, and what ends it early. */
export interface CallLimits {
  /** Milliseconds, never more than what is left of the operation. */
  readonly timeoutMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
  /** The operation it is made for: what reads only may leave together with other calls of the same. */
  readonly operation?: RequestContext | undefined;
}

/** What a backend answered, whatever it speaks. */
export interface Reply {
  /** HTTP status, or gRPC code: `$status`. */
  readonly status: number;
  /** Whether the protocol itself calls it a success; `isSuccess` may decide otherwise. */
  readonly succeeded: boolean;
  /** `$response.headers`, names in lower case. */
  readonly headers: Headers;
  /** `$response.trailers`, of gRPC. */
  readonly trailers?: Headers;
  /** `$`: JSON values; 64-bit integers that a number cannot hold are `bigint`. */
  readonly body: unknown;
  /** Part of the error's extensions should this be a failure: `{ http: { status } }`, `{ grpc: { status, code } }`. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Values that the backend failed to give beside those it gave. */
  readonly failures?: readonly PartialFailure[];
}

/** A value that a backend failed to give. */
export interface PartialFailure extends Pick<Reply, 'body' | 'facts'> {
  /** In the reply's body: keys of objects and positions in lists. */
  readonly path: readonly (string | number)[];
}

/** The default time for one call. */
export const defaultCallTimeoutMs = 5_000;
