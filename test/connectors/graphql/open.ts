import { onTestFinished, vi } from 'vitest';
import type { Selection } from '../../../src/mapping/syntax.js';
import { parseSelection } from '../../../src/mapping/parse.js';
import { inputPaths } from '../../../src/mapping/shape.js';
import { compileSelection, type Variables } from '../../../src/mapping/compile.js';
import { parseSubgraph } from '../../../src/subgraph/parse.js';
import type { Subgraph } from '../../../src/subgraph/subgraph.js';
import { toSchemaFile } from '../../../src/subgraph/read.js';
import { graphql } from '../../../src/connectors/graphql/protocol.js';
import type {
  CallLimits,
  ConnectOf,
  OpenSource,
  Reply,
  Setting,
  SourceOf,
  Transport,
  WantedAnswer,
} from '../../../src/connectors/transport.js';

/** A schema file whose one source is open. */
export interface Opened {
  readonly subgraph: Subgraph;
  readonly source: OpenSource<'graphql'>;
  readonly log: {
    info: ReturnType<typeof vi.fn>;
    warn: ReturnType<typeof vi.fn>;
    error: ReturnType<typeof vi.fn>;
  };
  /** The n-th connector of the file. */
  connect(index?: number): Transport;
  /** Calls a connector and gives what came. `selection` stands for the pruned one. */
  call(variables?: Variables, selection?: string, index?: number): Promise<Reply>;
  /** Calls a connector and maps the answer. */
  fetch(variables?: Variables, selection?: string, index?: number): Promise<unknown>;
  /** Opens the stream of a connector of a subscription. */
  subscribe(
    variables?: Variables,
    limits?: Partial<CallLimits>,
    index?: number,
  ): AsyncIterableIterator<Reply>;
  close(): Promise<void>;
}

export const limits = { timeoutMs: 5_000 };

/** Parses a schema file and opens its one source, until the test ends. */
export async function open(
  text: string,
  setting: Partial<Setting> & { folder?: string } = {},
): Promise<Opened> {
  const { subgraph, problems } = parseSubgraph(toSchemaFile('orders.graphql', text, setting.folder));
  if (subgraph === undefined) throw new Error(problems.map((problem) => problem.message).join('\n'));
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const source = await graphql.open(subgraph.sources[0] as SourceOf<'graphql'>, {
    subgraph,
    environment: {},
    config: {},
    log,
    ...setting,
  });
  onTestFinished(() => source.close());
  const definition = (index: number) => subgraph.connects[index] as ConnectOf<'graphql'>;
  const pruned = (index: number, selection?: string): Selection => {
    const whole = definition(index).selection?.selection;
    const part = selection === undefined ? whole : parseSelection(selection, '0.4');
    if (part === undefined) throw new Error('Say what is selected.');
    return part;
  };
  const wanted = (index: number, selection?: string): WantedAnswer => ({
    reads: inputPaths(pruned(index, selection)),
  });
  const call = (variables: Variables, selection: string | undefined, index: number) =>
    source.connect(definition(index)).prepare(variables, wanted(index, selection)).send(limits);
  return {
    subgraph,
    source,
    log,
    connect: (index = 0) => source.connect(definition(index)),
    call: async (variables = {}, selection, index = 0) => call(variables, selection, index),
    fetch: async (variables = {}, selection, index = 0) => {
      const reply = await call(variables, selection, index);
      if (!reply.succeeded) throw new Error(JSON.stringify(reply.body));
      return compileSelection(pruned(index, selection)).evaluate(reply.body, variables);
    },
    subscribe: (variables = {}, more = {}, index = 0) => {
      const transport = source.subscribe?.(definition(index));
      if (transport === undefined) throw new Error('The protocol has no streams.');
      return transport.prepare(variables, wanted(index)).open({ ...limits, ...more });
    },
    close: () => source.close(),
  };
}
