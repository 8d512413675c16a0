import type { ProtocolName } from '../subgraph/subgraph.js';
import { graphql } from './graphql/protocol.js';
import { grpc } from './grpc/protocol.js';
import { http } from './http/protocol.js';
import type { Protocol } from './transport.js';

/** Every protocol a source can speak. */
export const protocols: { readonly [Kind in ProtocolName]: Protocol<Kind> } = { http, grpc, graphql };
