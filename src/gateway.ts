import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { Closing } from './base/closing.js';
import { toConfig, type Config, type ConfigInput, type Environment } from './base/config.js';
import { RequestContext } from './base/context.js';
import { createLog, type Log } from './base/log.js';
import type { MappingCounts } from './connectors/mapping-report.js';
import { openAll } from './connectors/open.js';
import { ask, subscribe, type Question } from './execution/ask.js';
import { limitCosts } from './execution/cost-limit.js';
import { withExactVariables } from './execution/exact-variables.js';
import { limitOperations } from './execution/limited.js';
import { createReferenceExecutor, createReferenceSubscriber } from './execution/reference.js';
import { createAuthenticator, type Authenticator } from './policy/authenticate.js';
import { openDocuments } from './policy/documents.js';
import { createGuard } from './policy/guard.js';
import { openLimits } from './policy/limits.js';
import { createCosts } from './policy/query-limits/cost.js';
import type { LimitName } from './policy/query-limits/limits.js';
import { createQueryLimits } from './policy/query-limits/query-limits.js';
import { readWeights } from './policy/query-limits/weights.js';
import type { CallerFacts } from './server/apollo.js';
import { serve, type Served, type ServeOptions } from './server/serve.js';
import { readTls } from './server/tls.js';
import { readSchemaFiles, toSchemaFile, type SchemaFile } from './subgraph/read.js';
import type { Subgraph } from './subgraph/subgraph.js';
import { parseSubgraphs } from './subgraph/validate.js';
import { buildSupergraph } from './supergraph/supergraph.js';

/** What a gateway is made from. */
export interface GatewayOptions {
  /** Schema files held in memory, text by file name. Without them, `config.schemas` names a folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly config?: ConfigInput;
  /** What `$env` is; nothing unless given. */
  readonly environment?: Environment;
  readonly log?: Log;
}

/** Backends stitched into one API. */
export interface Gateway {
  readonly config: Config;
  /** The schema as clients see it. */
  readonly schema: GraphQLSchema;
  readonly subgraphs: readonly Subgraph[];
  /** Answers one operation. Faults in it are errors in the answer; it never throws. */
  ask(question: Question): Promise<ExecutionResult>;
  /**
   * Opens a subscription. Events are asked of the backend as they are asked of the stream, and `return()` ends it.
   *
   * @returns one answer, with errors, where it cannot be opened; it never throws, and neither does `next()`
   * @example
   * const answers = await gateway.subscribe({ query: 'subscription { orderPlaced { id } }' });
   * if (Symbol.asyncIterator in answers) for await (const { data, errors } of answers) console.log(data, errors);
   */
  subscribe(question: Question): Promise<ExecutionResult | AsyncIterableIterator<ExecutionResult>>;
  /** How the mappings of each connector have fared, by coordinate; in production a sample is looked at. */
  mappingCounts(): ReadonlyMap<string, Readonly<MappingCounts>>;
  /** How many operations were beyond each limit since the start, also where that is only measured. */
  limitCounts(): ReadonlyMap<LimitName, number>;
  /**
   * Listens for HTTP, or HTTPS, on the port of the config unless told otherwise.
   *
   * @throws ConfigError where a file of `tls` cannot be used
   */
  serve(options?: Partial<ServeOptions>): Promise<Served>;
  /** Ends the connections to all backends. */
  close(): Promise<void>;
}

/**
 * Reads schema files and makes the gateway they describe.
 *
 * @throws ConfigError, TrustedDocumentsError, SchemaFolderError, or SchemaFilesError with every fault of every file
 * @example
 * const gateway = await createGateway({ config: { schemas: 'schemas' }, environment: process.env });
 * const { url } = await gateway.serve();
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const closing = new Closing();
  try {
    return await openGateway(options, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function openGateway(options: GatewayOptions, closing: Closing): Promise<Gateway> {
  const environment = options.environment ?? {};
  const config = toConfig(options.config ?? {}, environment);
  const log = options.log ?? createLog(config.log);
  const authenticator = closing.add(createAuthenticator(config, log));
  const subgraphs = await readSubgraphs(options, config);
  const queryLimits = createQueryLimits({ ...config, log });
  const documents = closing.add(await openDocuments(config, log));
  const limits = closing.add(await openLimits(config, log));
  const opened = closing.add(
    await openAll(subgraphs, {
      environment,
      sources: config.sources,
      savedSchemas: config.savedSchemas,
      maxCallsPerOperation: config.maxCallsPerOperation,
      rows: { max: config.limits.maxRows, refuse: queryLimits.checkRows },
      log,
    }),
  );
  const guard = createGuard(subgraphs, { ...config, limiter: limits.fields, log });
  const { schema } = buildSupergraph(opened.connected, guard.facts);
  documents.check(schema);
  guard.protect(schema);
  const executor = {
    schema,
    execute: createReferenceExecutor(schema, log),
    subscribe: createReferenceSubscriber(schema, log),
  };
  const costs = createCosts(schema, readWeights(subgraphs), config.limits.listSize);
  const counted = limitOperations(executor, limits.operations, costs.costOf);
  const executable = withExactVariables(limitCosts(counted, costs, queryLimits));
  const contextFor = createContextFor(config, authenticator);
  const asking = { ...config, queryLimits };
  return {
    config,
    schema,
    subgraphs,
    ask: (question) => ask(executable, question, asking),
    subscribe: (question) => subscribe(executable, question, asking),
    serve: async (more) => {
      const tls = config.tls && (await readTls(config.tls));
      authenticator.start();
      return serve({
        executable,
        contextFor,
        mode: config.mode,
        host: config.host,
        port: config.port,
        tls,
        queryLimits,
        corsOrigins: config.corsOrigins,
        admit: documents.admit,
        operationLimits: limits.operations,
        log,
        ...more,
        isReady: () => authenticator.isReady() && (more?.isReady?.() ?? true),
        connectionHeaders: [...authenticator.connectionHeaders, ...(more?.connectionHeaders ?? [])],
      });
    },
    limitCounts: queryLimits.counts,
    mappingCounts: () =>
      new Map(
        opened.connected.flatMap(({ connectors }) =>
          connectors.map((each) => [each.coordinate, each.counts]),
        ),
      ),
    close: () => closing.close(),
  };
}

/**
 * Reads and checks the schema files of a gateway, without making it.
 *
 * @throws SchemaFolderError, SchemaFilesError
 */
export async function readSubgraphs(options: GatewayOptions, config: Config): Promise<Subgraph[]> {
  return parseSubgraphs(await filesOf(options, config), {
    environment: options.environment ?? {},
    config: configValues(config),
    policies: Object.keys(config.policies),
    addressed: Object.keys(config.sources).filter((name) => config.sources[name]?.url !== undefined),
  });
}

async function filesOf({ files }: GatewayOptions, config: Config): Promise<SchemaFile[]> {
  if (files === undefined) return readSchemaFiles(config.schemas);
  return Object.entries(files).map(([path, text]) => toSchemaFile(path, text));
}

function configValues(config: Config): Record<string, Readonly<Record<string, unknown>>> {
  return Object.fromEntries(
    Object.entries(config.sources).map(([name, source]) => [name, source.config ?? {}]),
  );
}

/** Where it is found out who asks: before anything else is done for the request. */
function createContextFor(
  config: Config,
  authenticator: Authenticator,
): (facts: CallerFacts) => Promise<RequestContext> {
  return async (facts) =>
    new RequestContext({
      ...(await authenticator.identify(facts)),
      signal: facts.signal,
      timeoutMs: config.timeout,
      explainsMappings: config.mode === 'development',
    });
}
