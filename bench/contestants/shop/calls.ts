import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Pool } from 'undici';
import type { BackendAddresses } from '../../backends/main.js';

/** A user as the REST backend sends it. */
export interface UserRow {
  readonly id: number;
  readonly name: string;
  readonly city: string;
}

/** A sum as the backends send it. */
export interface MoneyRow {
  readonly amountMinor: number;
  readonly currency: string;
}

/** A product as the gRPC backend sends it. */
export interface ProductRow {
  readonly id: string;
  readonly name: string;
  readonly price: MoneyRow | null;
}

/** An order as the GraphQL backend sends it: of its fields, those that were asked for. */
export interface OrderRow {
  readonly id: string;
  readonly userId: string;
  readonly placedAt: string;
  readonly status: string;
  readonly items: readonly { readonly quantity: number; readonly productId: string }[];
  readonly total: MoneyRow;
}

/** A page of them. */
export interface OrderPageRow {
  readonly totalCount: number;
  readonly nodes: readonly OrderRow[];
}

/** The calls to the three backends, as both contestants by hand make them: undici and grpc-js, kept connections. */
export interface Calls {
  me(authorization: string): Promise<UserRow>;
  users(ids: readonly string[], authorization: string): Promise<UserRow[]>;
  products(ids: readonly string[]): Promise<ProductRow[]>;
  /** Runs a document at the orders backend. */
  orders<T>(query: string, variables: Readonly<Record<string, unknown>>): Promise<T>;
}

const timeoutMs = 5_000;

/** The most keys a backend takes at once. */
const batchSize = 100;

const poolOptions = { connections: 64, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };

/** Opens the connections. */
export function openCalls({ USERS_URL, PRODUCTS_ADDR, ORDERS_URL }: BackendAddresses): Calls {
  const users = new Pool(USERS_URL, poolOptions);
  const orders = new Pool(new URL(ORDERS_URL).origin, poolOptions);
  const products = openProducts(PRODUCTS_ADDR);

  return {
    me: (authorization) => getJson<UserRow>(users, '/users/me', authorization),
    users: (ids, authorization) =>
      inBatches(ids, async (some) => {
        const query = some.map((id) => `ids=${encodeURIComponent(id)}`).join('&');
        return (await getJson<{ users: UserRow[] }>(users, `/users?${query}`, authorization)).users;
      }),
    products: (ids) => inBatches(ids, products),
    orders: async <T>(query: string, variables: Readonly<Record<string, unknown>>) => {
      const { statusCode, body } = await orders.request({
        path: '/graphql',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      const answer = (await body.json()) as { data?: T; errors?: readonly unknown[] };
      if (statusCode === 200 && answer.data && !answer.errors) return answer.data;
      throw new Error(`orders answered ${statusCode}`);
    },
  };
}

async function getJson<T>(pool: Pool, path: string, authorization: string): Promise<T> {
  const { statusCode, body } = await pool.request({ path, method: 'GET', headers: { authorization } });
  if (statusCode === 200) return (await body.json()) as T;
  await body.dump();
  throw new Error(`users answered ${statusCode}`);
}

async function inBatches<T>(ids: readonly string[], load: (some: readonly string[]) => Promise<T[]>) {
  if (ids.length === 0) return [];
  if (ids.length <= batchSize) return load(ids);
  const batches = Array.from({ length: Math.ceil(ids.length / batchSize) }, (_, n) =>
    load(ids.slice(n * batchSize, (n + 1) * batchSize)),
  );
  return (await Promise.all(batches)).flat();
}

interface ProductsClient extends grpc.Client {
  batchGetProducts(
    request: { productIds: readonly string[] },
    options: grpc.CallOptions,
    onAnswer: (error: grpc.ServiceError | null, answer?: { products: ProductRow[] }) => void,
  ): void;
}

function openProducts(address: string): (ids: readonly string[]) => Promise<ProductRow[]> {
  const definition = loadSync('schemas/products.proto', { longs: Number, enums: String, arrays: true });
  const ProductService = grpc.makeClientConstructor(
    definition['shop.v1.ProductService'] as grpc.ServiceDefinition,
    'ProductService',
  );
  const client = new ProductService(address, grpc.credentials.createInsecure()) as unknown as ProductsClient;
  return (productIds) =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + timeoutMs;
      client.batchGetProducts({ productIds }, { deadline }, (error, answer) => {
        if (error) reject(error);
        else resolve(answer?.products ?? []);
      });
    });
}
