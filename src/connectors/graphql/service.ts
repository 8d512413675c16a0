import type { HeaderEntry } from '../headers.js';
import type { CallLimits, Setting, SourceOf } from '../transport.js';
import { openWire, type WireReply } from '../wire.js';
import { serviceAddress } from './address.js';

/** The one place from which requests to a GraphQL service leave. */
export interface Service {
  /** @throws GatewayError where no answer comes */
  post(body: string, headers: readonly HeaderEntry[], limits: CallLimits): Promise<WireReply>;
  close(): Promise<void>;
}

/**
 * Opens the connections to a service. None is made before the first request.
 *
 * @throws SchemaFilesError where the address is none
 */
export function openService(source: SourceOf<'graphql'>, setting: Setting): Service {
  const url = serviceAddress(source, setting);
  const wire = openWire(url.origin);
  const path = url.pathname + url.search;
  return {
    post: (body, headers, limits) =>
      wire.send({ method: 'POST', path, headers: withStandardHeaders(headers).flat(), body }, limits),
    close: () => wire.close(),
  };
}

/** https://graphql.github.io/graphql-over-http/draft/#sec-Accept */
const accept = 'application/graphql-response+json, application/json;q=0.9';

function withStandardHeaders(headers: readonly HeaderEntry[]): readonly HeaderEntry[] {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const standard: HeaderEntry[] = [
    ['content-type', 'application/json'],
    ['accept', accept],
  ];
  return [...headers, ...standard.filter(([name]) => !names.has(name))];
}
