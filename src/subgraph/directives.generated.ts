export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A length of time: `500ms`, `2s`, `1m`, `1h`. */
  connect__Duration: { input: string; output: string; }
  /**
   * Text in the mapping language. Reads a backend's answer and builds the value the schema promises:
   * `id name address: { city: location.city }`.
   */
  connect__JSONSelection: { input: string; output: string; }
  /** Text in which `{expression}` holes are filled: `Bearer {$env.TOKEN}`. */
  connect__Template: { input: string; output: string; }
  /** A URL in which `{expression}` holes are filled with encoded values: `/users/{$args.id}`. */
  connect__URLTemplate: { input: string; output: string; }
  /** A list of fields, written as in a selection set: `id organisation { id }`. */
  federation__FieldSet: { input: string; output: string; }
  /** A name, or `{name, as}` to rename it. */
  link__Import: { input: string | { readonly name: string; readonly as?: string }; output: string | { readonly name: string; readonly as?: string }; }
};

export type CacheControlScope =
  | 'PRIVATE'
  | 'PUBLIC';

/** How many keys go into one call. */
export type ConnectBatch = {
  /**
   * On a field: how a row of the answer names the parent it belongs to, as `parentField: path in the row`.
   * `by: "id: userId"` groups flat rows by their `userId`.
   */
  readonly by?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** The most keys one call may carry. Without it, all waiting keys go into one call. */
  readonly maxSize?: InputMaybe<Scalars['Int']['input']>;
};

/** What a failing call says to the client. `$` is the body of the answer. */
export type ConnectErrors = {
  /** Gives an object that is laid over the error's `extensions`. */
  readonly extensions?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** Gives the message of the error, a text. */
  readonly message?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
};

/** One gRPC call: unary, or on a field of Subscription one that the server answers with a stream. */
export type ConnectGrpc = {
  /** Metadata of this call; it replaces the source's of the same name. */
  readonly metadata?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** `package.Service/Method`. */
  readonly method: Scalars['String']['input'];
  /** Gives the request message, in ProtoJSON names. */
  readonly request?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
};

/** One root field of a GraphQL backend: exactly one of `query`, `mutation` and `subscription`. */
export type ConnectGraphQl = {
  /** Gives an object with the field's arguments. */
  readonly args?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** Headers of this call; they replace those of the source with the same name. */
  readonly headers?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** A field of the backend's Mutation type. */
  readonly mutation?: InputMaybe<Scalars['String']['input']>;
  /** A field of the backend's Query type. */
  readonly query?: InputMaybe<Scalars['String']['input']>;
  /** A field of the backend's Subscription type. */
  readonly subscription?: InputMaybe<Scalars['String']['input']>;
};

/** One REST request: exactly one verb. */
export type ConnectHttp = {
  readonly DELETE?: InputMaybe<Scalars['connect__URLTemplate']['input']>;
  readonly GET?: InputMaybe<Scalars['connect__URLTemplate']['input']>;
  readonly PATCH?: InputMaybe<Scalars['connect__URLTemplate']['input']>;
  readonly POST?: InputMaybe<Scalars['connect__URLTemplate']['input']>;
  readonly PUT?: InputMaybe<Scalars['connect__URLTemplate']['input']>;
  /** Gives the request's body. Everything in it starts from a variable or a literal. */
  readonly body?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** Headers of this request; they replace those of the source with the same name. */
  readonly headers?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** Gives a list of path segments, added behind the URL's path. */
  readonly path?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** Gives an object of query parameters. */
  readonly queryParams?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
};

/** One header sent to a backend: exactly one of `from` and `value`. */
export type ConnectHeaderMapping = {
  /** Copies all values of this header of the client's request. */
  readonly from?: InputMaybe<Scalars['String']['input']>;
  /** The header's name as the backend sees it. */
  readonly name: Scalars['String']['input'];
  /** A text with `{expression}` holes. */
  readonly value?: InputMaybe<Scalars['connect__Template']['input']>;
};

/** A gRPC backend. Its methods come from `proto`, `descriptors` or `reflection`. */
export type ConnectSourceGrpc = {
  /** `host:port`, or a list of them. May use `$env` and `$config`. */
  readonly address: ReadonlyArray<Scalars['connect__Template']['input']>;
  /** How long one call may take. Default `5s`. */
  readonly deadline?: InputMaybe<Scalars['connect__Duration']['input']>;
  /** A compiled descriptor set beside the schema file, instead of `proto`. */
  readonly descriptors?: InputMaybe<Scalars['String']['input']>;
  /** Metadata sent with every call. */
  readonly metadata?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** Files beside the schema file. */
  readonly proto?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Ask the backend itself at start, instead of `proto`. */
  readonly reflection?: InputMaybe<Scalars['Boolean']['input']>;
  /** Off unless given: `tls: {}` trusts the system's authorities. */
  readonly tls?: InputMaybe<ConnectTls>;
};

/** A GraphQL backend. */
export type ConnectSourceGraphQl = {
  /** Headers sent with every call. */
  readonly headers?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** File with the backend's schema, beside the schema file. Without it the backend is asked at start. */
  readonly schema?: InputMaybe<Scalars['String']['input']>;
  /**
   * Where subscriptions are opened, if not at `url` with server-sent events: `ws://` and `wss://` speak
   * graphql-transport-ws, `http://` and `https://` server-sent events. May use `$env` and `$config`.
   */
  readonly subscriptions?: InputMaybe<Scalars['connect__Template']['input']>;
  /** How long one call may take. Default `5s`. */
  readonly timeout?: InputMaybe<Scalars['connect__Duration']['input']>;
  /** Where queries are posted. May use `$env` and `$config`. */
  readonly url: Scalars['connect__Template']['input'];
};

/** A REST backend. */
export type ConnectSourceHttp = {
  /** Scheme, host and path that every call starts with. May use `$env` and `$config`. */
  readonly baseURL: Scalars['connect__Template']['input'];
  /** Headers sent with every call. */
  readonly headers?: InputMaybe<ReadonlyArray<ConnectHeaderMapping>>;
  /** Gives a list of path segments, added behind the path of `baseURL`. */
  readonly path?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** Gives an object of query parameters, added to every call. */
  readonly queryParams?: InputMaybe<Scalars['connect__JSONSelection']['input']>;
  /** How long one call may take. Default `5s`. */
  readonly timeout?: InputMaybe<Scalars['connect__Duration']['input']>;
};

/** Transport security towards a backend. Paths are relative to the schema file. */
export type ConnectTls = {
  /** PEM file with the authorities to trust, instead of the system's. */
  readonly ca?: InputMaybe<Scalars['String']['input']>;
  /** PEM file with the client certificate. */
  readonly cert?: InputMaybe<Scalars['String']['input']>;
  /** PEM file with the client certificate's key. */
  readonly key?: InputMaybe<Scalars['String']['input']>;
  /** The name to verify in the backend's certificate, where it differs from the address. */
  readonly serverName?: InputMaybe<Scalars['String']['input']>;
};

export type AuthenticatedDirectiveArgs = Record<never, never>;

export type CacheControlDirectiveArgs = {
  readonly inheritMaxAge?: Maybe<Scalars['Boolean']['input']>;
  readonly maxAge?: Maybe<Scalars['Int']['input']>;
  readonly scope?: Maybe<CacheControlScope>;
};

export type ConnectDirectiveArgs = {
  readonly batch?: Maybe<ConnectBatch>;
  readonly entity?: Maybe<Scalars['Boolean']['input']>;
  readonly errors?: Maybe<ConnectErrors>;
  readonly graphql?: Maybe<ConnectGraphQl>;
  readonly grpc?: Maybe<ConnectGrpc>;
  readonly http?: Maybe<ConnectHttp>;
  readonly id?: Maybe<Scalars['String']['input']>;
  readonly isSuccess?: Maybe<Scalars['connect__JSONSelection']['input']>;
  readonly selection?: Maybe<Scalars['connect__JSONSelection']['input']>;
  readonly source?: Maybe<Scalars['String']['input']>;
};

export type CostDirectiveArgs = {
  readonly weight: Scalars['Int']['input'];
};

export type DefinePolicyDirectiveArgs = {
  readonly allow: Scalars['connect__JSONSelection']['input'];
  readonly name: Scalars['String']['input'];
};

export type ExternalDirectiveArgs = {
  readonly reason?: Maybe<Scalars['String']['input']>;
};

export type InaccessibleDirectiveArgs = Record<never, never>;

export type KeyDirectiveArgs = {
  readonly fields: Scalars['federation__FieldSet']['input'];
  readonly resolvable?: Maybe<Scalars['Boolean']['input']>;
};

export type LinkDirectiveArgs = {
  readonly as?: Maybe<Scalars['String']['input']>;
  readonly import?: Maybe<ReadonlyArray<Scalars['link__Import']['input']>>;
  readonly url: Scalars['String']['input'];
};

export type ListSizeDirectiveArgs = {
  readonly assumedSize?: Maybe<Scalars['Int']['input']>;
  readonly requireOneSlicingArgument?: Maybe<Scalars['Boolean']['input']>;
  readonly sizedFields?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly slicingArguments?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
};

export type OverrideDirectiveArgs = {
  readonly from: Scalars['String']['input'];
  readonly label?: Maybe<Scalars['String']['input']>;
};

export type PolicyDirectiveArgs = {
  readonly policies: ReadonlyArray<ReadonlyArray<Scalars['String']['input']>>;
};

export type ProvidesDirectiveArgs = {
  readonly fields: Scalars['federation__FieldSet']['input'];
};

export type PublicDirectiveArgs = Record<never, never>;

export type RateLimitDirectiveArgs = {
  readonly arrayLengthField?: Maybe<Scalars['String']['input']>;
  readonly identityArgs?: Maybe<ReadonlyArray<Scalars['String']['input']>>;
  readonly max: Scalars['Int']['input'];
  readonly message?: Maybe<Scalars['String']['input']>;
  readonly window: Scalars['connect__Duration']['input'];
};

export type RequiresDirectiveArgs = {
  readonly fields: Scalars['federation__FieldSet']['input'];
};

export type RequiresScopesDirectiveArgs = {
  readonly scopes: ReadonlyArray<ReadonlyArray<Scalars['String']['input']>>;
};

export type ShareableDirectiveArgs = Record<never, never>;

export type SourceDirectiveArgs = {
  readonly errors?: Maybe<ConnectErrors>;
  readonly graphql?: Maybe<ConnectSourceGraphQl>;
  readonly grpc?: Maybe<ConnectSourceGrpc>;
  readonly http?: Maybe<ConnectSourceHttp>;
  readonly isSuccess?: Maybe<Scalars['connect__JSONSelection']['input']>;
  readonly name: Scalars['String']['input'];
};

export type TagDirectiveArgs = {
  readonly name: Scalars['String']['input'];
};
