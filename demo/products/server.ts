import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { runBackend, type Door, type Running, type StartOptions } from '../backend.js';
import { deletedProductId, products as allProducts, type Product } from '../data.js';
import { seeded } from '../dice.js';
import { GrpcProblem, grpcTransport, streaming, unary } from '../grpc.js';

/** How the products service starts. */
export interface ProductsOptions extends StartOptions {
  /** Between two price changes of `WatchPrice`; 1000 unless told. */
  readonly priceIntervalMs?: number;
  /** After so many changes a `WatchPrice` stream ends; 60 unless told. */
  readonly priceChanges?: number;
}

/** Starts the products service: gRPC as in `products.proto` beside this file, reflection on. */
export function startProducts(options: ProductsOptions = {}): Promise<Running> {
  const definition = loadSync(protoFile, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const prices = { intervalMs: options.priceIntervalMs ?? 1000, changes: options.priceChanges ?? 60 };
  const url = (address: string): string => `grpc://${address}`;
  return runBackend('products', options, url, (door) =>
    grpcTransport(() => createServer(door, definition, prices)),
  );
}

const protoFile = fileURLToPath(new URL('products.proto', import.meta.url));

interface Prices {
  readonly intervalMs: number;
  readonly changes: number;
}

function createServer(door: Door, definition: PackageDefinition, prices: Prices): grpc.Server {
  const server = new grpc.Server();
  server.addService(definition['shop.v1.ProductService'] as grpc.ServiceDefinition, {
    GetProduct: unary(door, {
      keys: ({ product_id }: ById) => [product_id],
      answer: ({ product_id }) => toMessage(find(product_id)),
    }),
    BatchGetProducts: unary(door, { keys: ({ product_ids }: ByIds) => product_ids, answer: batch }),
    SearchProducts: unary(door, { keys: () => [], answer: search }),
    WatchPrice: streaming(door, {
      keys: ({ product_id }: ById) => [product_id],
      answer: ({ product_id }, signal) => watchPrice(find(product_id), prices, signal),
    }),
  });
  // Reflection is the server talking about itself: it neither passes the door nor counts.
  new ReflectionService(definition).addToServer(server);
  return server;
}

interface ById {
  readonly product_id: string;
}

interface ByIds {
  readonly product_ids: readonly string[];
}

interface Search {
  readonly query: string;
  readonly category: string;
  readonly limit: number;
}

const onSale: ReadonlyMap<string, Product> = new Map(
  allProducts.filter(({ id }) => id !== deletedProductId).map((product) => [product.id, product]),
);

function find(id: string): Product {
  const product = onSale.get(id);
  if (product) return product;
  throw new GrpcProblem(grpc.status.NOT_FOUND, `No product ${JSON.stringify(id)}.`);
}

const batchLimit = 100;

/** Batches come back last id first: a caller that zips them with its keys gets the wrong product. */
function batch({ product_ids: asked }: ByIds) {
  if (asked.length > batchLimit) {
    throw new GrpcProblem(
      grpc.status.INVALID_ARGUMENT,
      `product_ids: at most ${batchLimit}, received ${asked.length}.`,
    );
  }
  const ids = [...new Set(asked)].toSorted().toReversed();
  return { products: ids.flatMap((id) => onSale.get(id) ?? []).map(toMessage) };
}

function search({ query, category, limit }: Search) {
  if (limit < 0 || limit > batchLimit) {
    throw new GrpcProblem(
      grpc.status.INVALID_ARGUMENT,
      `limit must be 0 to ${batchLimit}, received ${limit}.`,
    );
  }
  const anywhere = category === 'CATEGORY_UNSPECIFIED';
  const hits = [...onSale.values()].filter(
    (product) => (anywhere || product.category === category) && contains(product, query.toLowerCase()),
  );
  return { products: hits.slice(0, limit || 20).map(toMessage) };
}

function contains({ name, description, tags }: Product, text: string): boolean {
  return [name, description, ...tags].some((field) => field.toLowerCase().includes(text));
}

async function* watchPrice({ id, price }: Product, { intervalMs, changes }: Prices, signal: AbortSignal) {
  const dice = seeded(Number(id.slice(2)));
  let amount = price.amountMinor;
  for (let sequence = 0; sequence <= changes; sequence += 1) {
    if (sequence > 0) {
      await wait(intervalMs, undefined, { signal });
      amount = Math.max(5, amount + (dice.below(21) - 10) * 5);
    }
    yield { product_id: id, price: { amount_minor: amount, currency: price.currency }, sequence };
  }
}

function toMessage(product: Product) {
  const { id, name, description, price, stock, tags, category, imageUrl, createdAt } = product;
  return {
    id,
    name,
    description,
    price: { amount_minor: price.amountMinor, currency: price.currency },
    stock,
    tags,
    category,
    ...(imageUrl === undefined ? {} : { image_url: imageUrl }),
    created_at: { seconds: Date.parse(createdAt) / 1000, nanos: 0 },
  };
}
