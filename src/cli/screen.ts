import type { Gateway } from '../gateway.js';
import type { Served } from '../server/serve.js';
import type { SourceDefinition, Subgraph } from '../subgraph/subgraph.js';
import type { DemoShop } from './demo.js';

/** What the start prints. */
export interface Start {
  readonly version: string;
  readonly gateway: Gateway;
  readonly served: Served;
  /** From the start of the process until the port was open. */
  readonly readyMs: number;
  readonly demo?: DemoShop | undefined;
}

/** One quiet screen: what runs, where, and what to try first. */
export function formatStart(start: Start): string {
  const { version, gateway, served, readyMs, demo } = start;
  const lines = [
    `backstitch ${version}  ready in ${Math.round(readyMs)} ms`,
    ...(served.portTaken === undefined
      ? []
      : [`Port ${served.portTaken} is taken; this is the next free one.`]),
    '',
    ...urls(gateway, served),
    '',
    ...gateway.subgraphs.flatMap(sourceRows),
    ...(demo === undefined ? [] : demoLines(demo, served)),
  ];
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}

function urls({ config }: Gateway, { url }: Served): string[] {
  const api = `GraphQL  ${url}/graphql`;
  return config.mode === 'development' ? [api, `Sandbox  ${url}/`] : [api];
}

/** One row per source: file, protocol, connectors. */
function sourceRows(subgraph: Subgraph): string[] {
  return subgraph.sources.map((source) => {
    const connectors = subgraph.connects.filter((connect) => connect.source?.value === source.name).length;
    const many = `${connectors} connector${connectors === 1 ? '' : 's'}`;
    return `${source.name.padEnd(12)} ${protocolName(source).padEnd(8)} ${many.padEnd(14)} ${subgraph.source.name}`;
  });
}

function protocolName({ kind }: SourceDefinition): string {
  return { http: 'REST', grpc: 'gRPC', graphql: 'GraphQL' }[kind];
}

function demoLines({ tokens, operation, control }: DemoShop, { url }: Served): string[] {
  const rows = Object.entries(tokens).map(([name, token]) => `${name.padEnd(9)} ${token}`);
  const customer = tokens['customer'] ?? '';
  const body = JSON.stringify({ query: operation.replace(/\s+/g, ' ').trim() });
  return [
    '',
    'Tokens of the demo shop:',
    ...rows,
    '',
    'Try:',
    `curl ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${customer}' -d '${body}'`,
    '',
    `Make a backend slow, failing or down: ${control}`,
  ];
}
