import type { DirectiveNode, DocumentNode, GraphQLSchema, Source } from 'graphql';
import type { FieldTree } from '../mapping/shape.js';
import type { Selection } from '../mapping/syntax.js';
import type { Template } from '../mapping/template.js';
import type { SpecVersion } from '../mapping/version.js';
import type { Text } from './text.js';

/** What one schema file says. */
export interface Subgraph {
  /** The file's name without its ending. */
  readonly name: string;
  readonly source: Source;
  /** Where files named beside the schema file are looked for; absent for schemas held in memory. */
  readonly folder: string | undefined;
  readonly version: SpecVersion;
  /** Whether the file links a version of the connect specification and is held to it. */
  readonly strict: boolean;
  /** The file with every directive under its own name, and lone extensions made definitions. */
  readonly document: DocumentNode;
  readonly schema: GraphQLSchema;
  readonly sources: readonly SourceDefinition[];
  readonly connects: readonly ConnectDefinition[];
  /** Connectors that the file need not write, because its only source is a GraphQL service. */
  readonly implied: readonly ConnectDefinition[];
  readonly policies: readonly PolicyDefinition[];
}

/** A mapping expression, and where it stands. */
export interface Expression {
  readonly text: Text;
  readonly selection: Selection;
}

/** A text with holes, and where it stands. */
export interface Templated {
  readonly text: Text;
  readonly template: Template;
}

/** One header or one entry of gRPC metadata. */
export interface HeaderDefinition {
  readonly name: string;
  readonly node: Text;
  /** Copied from this header of the client's request, … */
  readonly from?: string | undefined;
  /** … or made from a template. */
  readonly value?: Templated | undefined;
}

export interface ErrorsDefinition {
  readonly message?: Expression | undefined;
  readonly extensions?: Expression | undefined;
}

/** A backend's address, settings and defaults, by protocol. */
export type SourceProtocol =
  | { readonly kind: 'http'; readonly http: HttpSource }
  | { readonly kind: 'grpc'; readonly grpc: GrpcSource }
  | { readonly kind: 'graphql'; readonly graphql: GraphqlSource };

/** The protocols a source can speak. */
export type ProtocolName = SourceProtocol['kind'];

/** One `@source`. */
export type SourceDefinition = SourceProtocol & {
  readonly name: string;
  readonly subgraph: string;
  readonly node: DirectiveNode;
  readonly errors?: ErrorsDefinition | undefined;
  readonly isSuccess?: Expression | undefined;
};

export interface HttpSource {
  readonly baseURL: Templated;
  readonly headers: readonly HeaderDefinition[];
  readonly path?: Expression | undefined;
  readonly queryParams?: Expression | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface GrpcSource {
  readonly address: readonly Templated[];
  readonly proto: readonly Text[];
  readonly descriptors?: Text | undefined;
  readonly reflection: boolean;
  readonly tls?: TlsDefinition | undefined;
  readonly timeoutMs?: number | undefined;
  readonly metadata: readonly HeaderDefinition[];
}

/** Files with the keys, relative to the schema file. */
export interface TlsDefinition {
  readonly ca?: Text | undefined;
  readonly cert?: Text | undefined;
  readonly key?: Text | undefined;
  readonly serverName?: string | undefined;
}

export interface GraphqlSource {
  readonly url: Templated;
  readonly headers: readonly HeaderDefinition[];
  readonly schema?: Text | undefined;
  readonly timeoutMs?: number | undefined;
  /** Where subscriptions are opened; at `url` unless given. */
  readonly subscriptions?: Templated | undefined;
}

/** What one call asks of its backend, by protocol. `none`: the connector makes no call. */
export type CallProtocol =
  | { readonly kind: 'http'; readonly http: HttpCall }
  | { readonly kind: 'grpc'; readonly grpc: GrpcCall }
  | { readonly kind: 'graphql'; readonly graphql: GraphqlCall }
  | { readonly kind: 'none' };

export type HttpVerb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpCall {
  readonly method: HttpVerb;
  readonly url: Templated;
  readonly body?: Expression | undefined;
  readonly headers: readonly HeaderDefinition[];
  readonly path?: Expression | undefined;
  readonly queryParams?: Expression | undefined;
}

export interface GrpcCall {
  /** `package.Service/Method`. */
  readonly method: Text;
  readonly request?: Expression | undefined;
  readonly metadata: readonly HeaderDefinition[];
}

export interface GraphqlCall {
  readonly operation: 'query' | 'mutation' | 'subscription';
  readonly field: Text;
  readonly args?: Expression | undefined;
  readonly headers: readonly HeaderDefinition[];
  /** Whether the field is handed on as it is, with its own arguments. */
  readonly forwards?: boolean;
  /** Present where the field is `_entities` of a Federation subgraph. */
  readonly entity?: EntityCall;
}

/** A part of an object that a Federation subgraph gives to who knows its key. */
export interface EntityCall {
  /** What the subgraph has to be told of the object: its key, and the fields that it requires of others. */
  readonly representation: FieldTree;
  /** What it gives. */
  readonly fields: readonly string[];
}

/** One `@connect`. */
export type ConnectDefinition = CallProtocol & {
  /** `subgraph:Type.field[i]` or `subgraph:Type[i]`: how errors and logs name it. */
  readonly coordinate: string;
  readonly id?: string | undefined;
  readonly subgraph: string;
  readonly node: DirectiveNode;
  /** The type it stands on, or that holds the field it stands on. */
  readonly type: string;
  /** The field it stands on; absent for a connector on a type. */
  readonly field?: string | undefined;
  readonly source?: Text | undefined;
  readonly selection?: Expression | undefined;
  readonly entity: boolean;
  readonly batch?: BatchDefinition | undefined;
  readonly errors?: ErrorsDefinition | undefined;
  readonly isSuccess?: Expression | undefined;
};

export interface BatchDefinition {
  readonly maxSize?: number | undefined;
  readonly by?: Expression | undefined;
}

/** One `@definePolicy`. */
export interface PolicyDefinition {
  readonly name: string;
  readonly subgraph: string;
  readonly node: DirectiveNode;
  readonly allow: Expression;
}
