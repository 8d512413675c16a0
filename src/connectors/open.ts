import { dirname, join } from 'node:path';
import { addressVariable, type Config, type Environment } from '../base/config.js';
import type { Log } from '../base/log.js';
import { SchemaFilesError, type Problem } from '../base/problems.js';
import { publicName } from '../subgraph/public-name.js';
import type { ConnectDefinition, SourceDefinition, Subgraph } from '../subgraph/subgraph.js';
import { createConnector, type ConnectorSetting } from './connect.js';
import type { Connector } from './connector.js';
import { openSourceless, protocols } from './protocols.js';
import type { RowBudget } from './row-budget.js';
import type { OpenSource, Protocol, Setting } from './transport.js';

/** Connectors of one subgraph whose sources are open. */
interface OpenConnectors {
  readonly connectors: readonly Connector[];
  /** Closes the sources. */
  close(): Promise<void>;
}

/** Connectors of all subgraphs. */
export interface OpenSubgraphs {
  readonly connected: readonly (OpenConnectors & { readonly subgraph: Subgraph })[];
  /** Closes the sources of all of them. */
  close(): Promise<void>;
}

/** What sources are opened with. */
export interface OpenSetting {
  readonly environment: Environment;
  readonly sources: Config['sources'];
  /** How many calls one operation may make to all backends together. */
  readonly maxCallsPerOperation: number;
  /** How many rows all backends together may answer one operation with. */
  readonly rows: RowBudget;
  readonly savedSchemas?: Config['savedSchemas'];
  readonly log: Log;
}

/**
 * Opens the sources of all subgraphs, or of none: where one has a fault, those that are open are closed again.
 *
 * @throws SchemaFilesError with every fault of every source and connector
 */
export async function openAll(subgraphs: readonly Subgraph[], setting: OpenSetting): Promise<OpenSubgraphs> {
  const outcomes = await Promise.allSettled(
    subgraphs.map(async (subgraph) => ({ subgraph, ...(await openConnectors(subgraph, setting)) })),
  );
  const connected = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  const failures = outcomes.flatMap((outcome): unknown[] =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  const close = async () => {
    await Promise.all(connected.map((each) => each.close()));
  };
  if (failures.length === 0) return { connected, close };
  await close();
  const faults = failures.filter((failure) => failure instanceof SchemaFilesError);
  throw faults.length === failures.length
    ? new SchemaFilesError(faults.flatMap((fault) => fault.problems))
    : failures.find((failure) => !(failure instanceof SchemaFilesError));
}

/**
 * Opens the sources of a subgraph and prepares its connectors.
 *
 * @throws SchemaFilesError with every fault of every source and connector; nothing stays open then
 */
async function openConnectors(subgraph: Subgraph, setting: OpenSetting): Promise<OpenConnectors> {
  const problems: Problem[] = [];
  const sources = await openSources(subgraph, setting, problems);
  const bare = openSourceless();
  const close = async () => {
    await Promise.all([bare.close(), ...[...sources.values()].map(({ open }) => open.close())]);
  };
  const connectors: Connector[] = [];
  for (const definition of [...subgraph.connects, ...subgraph.implied]) {
    const opened = sources.get(definition.source?.value ?? '');
    // A source that could not be opened has said why; its connectors have nothing to add.
    if (definition.source !== undefined && opened === undefined) continue;
    const connector = await caught(problems, () => prepare(definition, opened, bare, subgraph, setting));
    if (connector !== undefined) connectors.push(connector);
  }
  if (problems.length === 0) return { connectors, close };
  await close();
  throw new SchemaFilesError(problems);
}

async function openSources(
  subgraph: Subgraph,
  setting: OpenSetting,
  problems: Problem[],
): Promise<Map<string, Opened>> {
  const opened = await Promise.all(
    subgraph.sources.map(async (source) => {
      const open = await caught(problems, () => openSource(source, subgraph, setting));
      return open === undefined ? [] : ([[source.name, { source, open }]] as const);
    }),
  );
  return new Map(opened.flat());
}

interface Opened {
  readonly source: SourceDefinition;
  readonly open: OpenSource;
}

function openSource(source: SourceDefinition, subgraph: Subgraph, setting: OpenSetting): Promise<OpenSource> {
  const protocol = protocols[source.kind] as Protocol;
  return protocol.open(source, sourceSetting(source, subgraph, setting));
}

function sourceSetting(source: SourceDefinition, subgraph: Subgraph, setting: OpenSetting): Setting {
  const { environment, sources, log } = setting;
  const own = Object.hasOwn(sources, source.name) ? sources[source.name] : undefined;
  const address = environment[addressVariable(source.name)] ?? own?.url;
  const savedSchemas = savedSchemasFor(subgraph, setting);
  return { subgraph, environment, config: own?.config ?? {}, address, savedSchemas, log };
}

/** Unless told otherwise, beside the folder of the schema files; nowhere for those held in memory. */
function savedSchemasFor({ folder }: Subgraph, { savedSchemas }: OpenSetting): string | undefined {
  if (savedSchemas === false) return undefined;
  return savedSchemas ?? (folder && join(dirname(folder), '.backstitch'));
}

function prepare(
  definition: ConnectDefinition,
  opened: Opened | undefined,
  bare: OpenSource<'http'>,
  subgraph: Subgraph,
  setting: OpenSetting,
): Connector {
  const source = opened?.source;
  const own =
    source && Object.hasOwn(setting.sources, source.name) ? setting.sources[source.name] : undefined;
  return createConnector(definition, {
    subgraph,
    source,
    ...wayOut(definition, opened, bare, subgraph),
    environment: setting.environment,
    config: own?.config ?? {},
    budget: { total: setting.maxCallsPerOperation, ofSource: own?.maxCallsPerOperation ?? Infinity },
    rows: setting.rows,
    log: setting.log,
  });
}

/** The rules have seen to it that a connector speaks its source's protocol, and that it can do what is asked of it. */
function wayOut(
  definition: ConnectDefinition,
  opened: Opened | undefined,
  bare: OpenSource<'http'>,
  subgraph: Subgraph,
): Pick<ConnectorSetting, 'transport' | 'streams'> {
  if (definition.kind === 'none') return {};
  const open = opened?.open ?? (bare as OpenSource);
  return publicName(subgraph, definition.type) === 'Subscription'
    ? { streams: open.subscribe?.(definition) }
    : { transport: open.connect(definition) };
}

async function caught<T>(problems: Problem[], run: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof SchemaFilesError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
