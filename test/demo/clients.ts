import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** What a REST backend answered. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Asks for JSON; a body is sent as JSON unless it is text, which goes as it is. */
export async function ask(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
): Promise<Reply> {
  const { method = init.body === undefined ? 'GET' : 'POST', headers = {}, body } = init;
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Sends a GraphQL request and answers with its `data` and `errors`. */
export async function askGraphQL(
  url: string,
  query: string,
  variables?: Record<string, unknown>,
): Promise<GraphQLReply> {
  return (await ask(url, { body: { query, variables } })).body as GraphQLReply;
}

/** A GraphQL answer; `data` is loosely typed, as tests compare it whole. */
export interface GraphQLReply {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

/** A gRPC client of the products service, as any other program would make it from the proto file. */
export interface ProductsClient {
  call(
    method: 'GetProduct' | 'BatchGetProducts' | 'SearchProducts',
    request: object,
    metadata?: Record<string, string>,
  ): Promise<Record<string, unknown>>;
  watch(request: object): grpc.ClientReadableStream<Record<string, unknown>>;
  close(): void;
}

/** Connects to the products service. */
export function connectProducts(address: string): ProductsClient {
  const file = fileURLToPath(new URL('../../demo/products/products.proto', import.meta.url));
  const definition = loadSync(file, { longs: Number, enums: String, defaults: true });
  const { shop } = grpc.loadPackageDefinition(definition) as unknown as {
    shop: { v1: { ProductService: grpc.ServiceClientConstructor } };
  };
  const client = new shop.v1.ProductService(address, grpc.credentials.createInsecure());
  return {
    call: (method, request, metadata = {}) => unary(client, method, request, metadata),
    watch: (request) =>
      (client['WatchPrice'] as (request: object) => grpc.ClientReadableStream<Record<string, unknown>>).call(
        client,
        request,
      ),
    close: () => client.close(),
  };
}

function unary(
  client: grpc.Client,
  method: string,
  request: object,
  entries: Record<string, string>,
): Promise<Record<string, unknown>> {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  const methods = client as unknown as Record<string, (...args: unknown[]) => void>;
  return new Promise((resolve, reject) => {
    methods[method]?.call(
      client,
      request,
      metadata,
      { deadline: Date.now() + 5000 },
      (error: Error | null, answer: Record<string, unknown>) => (error ? reject(error) : resolve(answer)),
    );
  });
}
