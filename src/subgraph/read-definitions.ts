import { Kind, type ConstDirectiveNode, type DirectiveNode, type DocumentNode } from 'graphql';
import { Arguments, report, type Reading } from './arguments.js';
import type {
  ConnectDirectiveArgs,
  ConnectErrors,
  ConnectGraphQl,
  ConnectGrpc,
  ConnectHeaderMapping,
  ConnectHttp,
  ConnectSourceGraphQl,
  ConnectSourceGrpc,
  ConnectSourceHttp,
  ConnectTls,
  DefinePolicyDirectiveArgs,
  SourceDirectiveArgs,
} from './directives.generated.js';
import { schemaDirectives } from './links.js';
import type {
  CallProtocol,
  ConnectDefinition,
  ErrorsDefinition,
  HeaderDefinition,
  HttpVerb,
  PolicyDefinition,
  SourceDefinition,
  SourceProtocol,
  TlsDefinition,
} from './subgraph.js';

/** What the directives of one file define. */
export interface Definitions {
  readonly sources: SourceDefinition[];
  readonly connects: ConnectDefinition[];
  readonly policies: PolicyDefinition[];
}

/**
 * Reads every `@source`, `@connect` and `@definePolicy` of a file. One that cannot be read is read to its end all the
 * same, so that all its problems are found at once.
 */
export function readDefinitions(document: DocumentNode, reading: Reading): Definitions {
  return {
    sources: schemaDirectives(document, 'source').flatMap((node) =>
      whole(node, reading, () => readSource(node, reading)),
    ),
    connects: placesOf(document).flatMap((place) => readConnects(place, reading)),
    policies: schemaDirectives(document, 'definePolicy').flatMap((node) => readPolicy(node, reading) ?? []),
  };
}

/** A definition that has a problem is left out, so that rules do not find fault with the gap. */
function whole<T>(node: DirectiveNode, reading: Reading, read: () => T | undefined): T[] {
  const definition = read();
  const [start, end] = [node.loc?.start ?? 0, node.loc?.end ?? 0];
  const isBroken = reading.problems.some(({ offset }) => offset >= start && offset < end);
  return definition === undefined || isBroken ? [] : [definition];
}

const protocolNames = ['http', 'grpc', 'graphql'] as const;

function readSource(node: DirectiveNode, file: Reading): SourceDefinition | undefined {
  const name = new Arguments<SourceDirectiveArgs>(node, file).string('name');
  const reading = { ...file, owner: `@source "${name ?? ''}"` };
  const source = new Arguments<SourceDirectiveArgs>(node, reading);
  const protocol = readSourceProtocol(source, reading);
  const errors = readErrors(source.object('errors'));
  const isSuccess = source.expression('isSuccess', 'INVALID_IS_SUCCESS');
  if (name === undefined || protocol === undefined) return undefined;
  return { ...protocol, name, subgraph: reading.subgraph, node, errors, isSuccess };
}

function readSourceProtocol(
  source: Arguments<SourceDirectiveArgs>,
  reading: Reading,
): SourceProtocol | undefined {
  const kinds = source.given(protocolNames);
  if (kinds.length !== 1) {
    const has = kinds.join(' and ') || 'none of them';
    const message = `${reading.owner} needs exactly one of ${protocolNames.join(', ')}; it has ${has}.`;
    report(reading, 'INVALID_SOURCE_PROTOCOL', message, source.node);
    return undefined;
  }
  const [http, grpc, graphql] = [source.object('http'), source.object('grpc'), source.object('graphql')];
  if (http !== undefined) return readHttpSource(http, reading);
  if (grpc !== undefined) return readGrpcSource(grpc, reading);
  return graphql && readGraphqlSource(graphql, reading);
}

function readHttpSource(
  settings: Arguments<ConnectSourceHttp>,
  reading: Reading,
): SourceProtocol | undefined {
  const baseURL = settings.templated('baseURL', 'INVALID_URL');
  const http = {
    headers: readHeaders(settings.objects('headers'), reading),
    path: settings.expression('path', 'INVALID_URL_PROPERTY'),
    queryParams: settings.expression('queryParams', 'INVALID_URL_PROPERTY'),
    timeoutMs: settings.durationMs('timeout'),
  };
  return baseURL && { kind: 'http', http: { baseURL, ...http } };
}

function readGrpcSource(settings: Arguments<ConnectSourceGrpc>, reading: Reading): SourceProtocol {
  return {
    kind: 'grpc',
    grpc: {
      address: settings.texts('address').flatMap((text) => settings.template(text, 'INVALID_URL') ?? []),
      proto: settings.texts('proto'),
      descriptors: settings.text('descriptors'),
      reflection: settings.boolean('reflection') ?? false,
      tls: readTls(settings.object('tls')),
      timeoutMs: settings.durationMs('deadline'),
      metadata: readHeaders(settings.objects('metadata'), reading),
    },
  };
}

function readTls(tls: Arguments<ConnectTls> | undefined): TlsDefinition | undefined {
  return (
    tls && {
      ca: tls.text('ca'),
      cert: tls.text('cert'),
      key: tls.text('key'),
      serverName: tls.string('serverName'),
    }
  );
}

function readGraphqlSource(
  settings: Arguments<ConnectSourceGraphQl>,
  reading: Reading,
): SourceProtocol | undefined {
  const url = settings.templated('url', 'INVALID_URL');
  const graphql = {
    headers: readHeaders(settings.objects('headers'), reading),
    schema: settings.text('schema'),
    timeoutMs: settings.durationMs('timeout'),
    subscriptions: settings.templated('subscriptions', 'INVALID_URL'),
  };
  return url && { kind: 'graphql', graphql: { url, ...graphql } };
}

/** A place where `@connect` may stand: a type, or a field of it. */
interface Place {
  readonly type: string;
  readonly field?: string;
  readonly directives: readonly ConstDirectiveNode[];
}

function placesOf(document: DocumentNode): Place[] {
  return document.definitions.flatMap((definition) => {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.OBJECT_TYPE_EXTENSION) {
      return [];
    }
    const type = definition.name.value;
    const fields = (definition.fields ?? []).map((field) => ({
      type,
      field: field.name.value,
      directives: field.directives ?? [],
    }));
    return [{ type, directives: definition.directives ?? [] }, ...fields];
  });
}

function readConnects(place: Place, reading: Reading): ConnectDefinition[] {
  const nodes = place.directives.filter((directive) => directive.name.value === 'connect');
  return nodes.flatMap((node, index) => whole(node, reading, () => readConnect(node, index, place, reading)));
}

function readConnect(
  node: DirectiveNode,
  index: number,
  place: Place,
  file: Reading,
): ConnectDefinition | undefined {
  const where = place.field === undefined ? place.type : `${place.type}.${place.field}`;
  const reading = { ...file, owner: `@connect on ${where}` };
  const connect = new Arguments<ConnectDirectiveArgs>(node, reading);
  const call = readCall(connect, reading);
  const batch = connect.object('batch');
  const definition = {
    coordinate: `${reading.subgraph}:${where}[${index}]`,
    id: connect.string('id'),
    subgraph: reading.subgraph,
    node,
    type: place.type,
    field: place.field,
    source: connect.text('source'),
    selection: connect.expression('selection', 'INVALID_SELECTION'),
    entity: connect.boolean('entity') ?? place.field === undefined,
    batch: batch && { maxSize: batch.int('maxSize'), by: batch.expression('by', 'INVALID_BATCH_BY') },
    errors: readErrors(connect.object('errors')),
    isSuccess: connect.expression('isSuccess', 'INVALID_IS_SUCCESS'),
  };
  return call && { ...call, ...definition };
}

function readCall(connect: Arguments<ConnectDirectiveArgs>, reading: Reading): CallProtocol | undefined {
  const kinds = connect.given(protocolNames);
  if (kinds.length > 1) {
    const message = `${reading.owner} makes one call, but has ${kinds.join(' and ')}. Write one @connect for each.`;
    report(reading, 'INVALID_CONNECT_PROTOCOL', message, connect.node);
    return undefined;
  }
  const [http, grpc, graphql] = [connect.object('http'), connect.object('grpc'), connect.object('graphql')];
  if (http !== undefined) return readHttpCall(http, reading);
  if (grpc !== undefined) return readGrpcCall(grpc, reading);
  return graphql === undefined ? { kind: 'none' } : readGraphqlCall(graphql, reading);
}

const verbs: readonly HttpVerb[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function readHttpCall(settings: Arguments<ConnectHttp>, reading: Reading): CallProtocol | undefined {
  const method = readVerb(settings, reading);
  const url = method && settings.templated(method, 'INVALID_URL');
  const http = {
    body: settings.expression('body', 'INVALID_BODY'),
    headers: readHeaders(settings.objects('headers'), reading),
    path: settings.expression('path', 'INVALID_URL_PROPERTY'),
    queryParams: settings.expression('queryParams', 'INVALID_URL_PROPERTY'),
  };
  return method && url && { kind: 'http', http: { method, url, ...http } };
}

function readVerb(settings: Arguments<ConnectHttp>, reading: Reading): HttpVerb | undefined {
  const [method, ...more] = settings.given(verbs);
  if (method !== undefined && more.length === 0) return method;
  if (method === undefined) {
    const message = `${reading.owner} has a request without a verb. Write one of ${verbs.join(', ')}.`;
    report(reading, 'MISSING_HTTP_METHOD', message, settings.node);
  } else {
    const message = `${reading.owner} has a request with ${[method, ...more].join(' and ')}; it needs exactly one verb.`;
    report(reading, 'MULTIPLE_HTTP_METHODS', message, settings.node);
  }
  return undefined;
}

function readGrpcCall(settings: Arguments<ConnectGrpc>, reading: Reading): CallProtocol | undefined {
  const method = settings.text('method');
  const grpc = {
    request: settings.expression('request', 'INVALID_BODY'),
    metadata: readHeaders(settings.objects('metadata'), reading),
  };
  return method && { kind: 'grpc', grpc: { method, ...grpc } };
}

function readGraphqlCall(settings: Arguments<ConnectGraphQl>, reading: Reading): CallProtocol | undefined {
  const [operation, ...more] = settings.given(['query', 'mutation', 'subscription']);
  const field = operation && settings.text(operation);
  const graphql = {
    args: settings.expression('args', 'INVALID_BODY'),
    headers: readHeaders(settings.objects('headers'), reading),
  };
  if (operation !== undefined && field !== undefined && more.length === 0) {
    return { kind: 'graphql', graphql: { operation, field, ...graphql } };
  }
  const message = `${reading.owner} needs exactly one of query, mutation and subscription: the name of a field.`;
  report(reading, 'INVALID_GRAPHQL_CALL', message, settings.node);
  return undefined;
}

function readHeaders(
  headers: readonly Arguments<ConnectHeaderMapping>[],
  reading: Reading,
): HeaderDefinition[] {
  return headers.flatMap((header) => readHeader(header, reading) ?? []);
}

function readHeader(header: Arguments<ConnectHeaderMapping>, reading: Reading): HeaderDefinition | undefined {
  const name = header.text('name');
  if (name === undefined) return undefined;
  if (header.given(['from', 'value']).length !== 1) {
    const message = `${reading.owner} sets the header "${name.value}"; it needs exactly one of from and value.`;
    report(reading, 'INVALID_HEADER', message, header.node);
    return undefined;
  }
  const value = header.templated('value', 'INVALID_HEADER');
  const from = header.string('from');
  if (value === undefined && from === undefined) return undefined;
  return { name: name.value, node: name, from: from?.toLowerCase(), value };
}

function readErrors(errors: Arguments<ConnectErrors> | undefined): ErrorsDefinition | undefined {
  return (
    errors && {
      message: errors.expression('message', 'INVALID_ERRORS_MESSAGE'),
      extensions: errors.expression('extensions', 'INVALID_ERRORS_MESSAGE'),
    }
  );
}

function readPolicy(node: DirectiveNode, reading: Reading): PolicyDefinition | undefined {
  const name = new Arguments<DefinePolicyDirectiveArgs>(node, reading).string('name');
  const policy = new Arguments<DefinePolicyDirectiveArgs>(node, {
    ...reading,
    owner: `@definePolicy "${name ?? ''}"`,
  });
  const allow = policy.expression('allow', 'INVALID_POLICY');
  return name === undefined || allow === undefined
    ? undefined
    : { name, subgraph: reading.subgraph, node, allow };
}
