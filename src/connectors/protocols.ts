import type { ProtocolName } from '../subgraph/subgraph.js';
import { graphql } from './graphql/protocol.js';
import { grpc } from './grpc/protocol.js';
import { http, openHttp } from './http/protocol.js';
import type { OpenSource, Protocol } from './transport.js';

/** Every protocol a source can speak. */
export const protocols: { readonly [Kind in ProtocolName]: Protocol<Kind> } = { http, grpc, graphql };

/** For connectors that bring whole URLs instead of naming a source. */
export function openSourceless(): OpenSource<'http'> {
  return openHttp();
}
