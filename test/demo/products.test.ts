import { once } from 'node:events';
import { connect } from 'node:net';
import grpc from '@grpc/grpc-js';
import { GrpcReflection } from 'grpc-js-reflection-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Running } from '../../demo/backend.js';
import { deletedProductId, products } from '../../demo/data.js';
import { startProducts } from '../../demo/products/server.js';
import { connectProducts, type ProductsClient } from './clients.js';

let service: Running;
let client: ProductsClient;
beforeAll(async () => {
  service = await startProducts({ priceIntervalMs: 5, priceChanges: 3 });
  client = connectProducts(service.address);
});
beforeEach(() => service.reset());
afterAll(async () => {
  client.close();
  await service.close();
});

const idsOf = ({ products: found }: Record<string, unknown>) =>
  (found as { id: string }[]).map(({ id }) => id);

describe('GetProduct', () => {
  it('answers the whole product', async () => {
    const { price, imageUrl, createdAt, ...plain } = products[0] ?? expect.fail('no product');
    expect(await client.call('GetProduct', { productId: 'p-01' })).toEqual({
      ...plain,
      price: { amountMinor: price.amountMinor, currency: price.currency },
      imageUrl,
      createdAt: { seconds: Date.parse(createdAt) / 1000, nanos: 0 },
    });
  });

  it('leaves the picture unset where there is none', async () => {
    const bare = products.find(({ imageUrl }) => imageUrl === undefined) ?? expect.fail('all have pictures');
    expect(await client.call('GetProduct', { productId: bare.id })).not.toHaveProperty('imageUrl');
  });

  it.each([deletedProductId, 'p-99', '', '__proto__'])('says NOT_FOUND for "%s"', async (productId) => {
    await expect(client.call('GetProduct', { productId })).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
  });

  it('is one call, logged with its key and metadata', async () => {
    await client.call(
      'GetProduct',
      { productId: 'p-01' },
      { 'x-tenant': 'north', authorization: 'Bearer t' },
    );
    expect(service.count()).toBe(1);
    expect(service.calls()).toMatchObject([
      {
        number: 1,
        method: 'gRPC',
        path: '/shop.v1.ProductService/GetProduct',
        operation: 'ProductService/GetProduct',
        keys: ['p-01'],
        headers: { 'x-tenant': 'north', authorization: 'Bearer t' },
      },
    ]);
  });
});

describe('BatchGetProducts', () => {
  it('answers known products once, in an order of its own', async () => {
    const asked = ['p-02', 'p-07', deletedProductId, 'p-01', 'p-99', 'p-02'];
    expect(idsOf(await client.call('BatchGetProducts', { productIds: asked }))).toEqual([
      'p-07',
      'p-02',
      'p-01',
    ]);
    expect(service.calls()[0]?.keys).toEqual(asked);
  });

  it('takes 100 ids and refuses 101', async () => {
    const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}`);
    expect(await client.call('BatchGetProducts', { productIds: ids(100) })).toEqual({ products: [] });
    await expect(client.call('BatchGetProducts', { productIds: ids(101) })).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
    });
  });
});

describe('SearchProducts', () => {
  it('finds by text in any case, by category, and at most so many', async () => {
    expect(idsOf(await client.call('SearchProducts', { query: 'SASHIKO' }))).toEqual(['p-15']);
    expect(idsOf(await client.call('SearchProducts', { category: 'THREAD', limit: 3 }))).toEqual([
      'p-13',
      'p-14',
      'p-15',
    ]);
    expect(idsOf(await client.call('SearchProducts', { query: 'needles', category: 'KITS' }))).toEqual([]);
  });

  it('answers 20 unless told, and never the deleted product', async () => {
    expect(idsOf(await client.call('SearchProducts', {}))).toHaveLength(20);
    const all = idsOf(await client.call('SearchProducts', { limit: 100 }));
    expect(all).toEqual(products.map(({ id }) => id).filter((id) => id !== deletedProductId));
  });

  it('refuses a limit it does not have', async () => {
    for (const limit of [-1, 101]) {
      await expect(client.call('SearchProducts', { limit })).rejects.toMatchObject({
        code: grpc.status.INVALID_ARGUMENT,
      });
    }
  });
});

describe('WatchPrice', () => {
  it('streams the price now, then its changes, and ends', async () => {
    const changes = await client.watch({ productId: 'p-01' }).toArray();
    expect(changes.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
    expect(changes[0]).toEqual({ productId: 'p-01', price: products[0]?.price, sequence: 0 });
    expect(service.calls()).toMatchObject([{ operation: 'ProductService/WatchPrice', keys: ['p-01'] }]);
  });

  it('streams the same prices each time', async () => {
    expect(await client.watch({ productId: 'p-02' }).toArray()).toEqual(
      await client.watch({ productId: 'p-02' }).toArray(),
    );
  });

  it('says NOT_FOUND for an unknown product', async () => {
    await expect(client.watch({ productId: 'p-99' }).toArray()).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
  });

  it('stops when the caller leaves, and lets the server close', async () => {
    const patient = await startProducts({ priceIntervalMs: 60_000 });
    const watcher = connectProducts(patient.address);
    const stream = watcher.watch({ productId: 'p-01' });
    const failed = once(stream, 'error');
    await once(stream, 'data');
    stream.cancel();
    const [error] = await failed.catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: grpc.status.CANCELLED });
    watcher.close();
    await patient.close();
  });
});

describe('the products service', () => {
  it('answers bytes that are no message with an error, and lives', async () => {
    const raw = new grpc.Client(service.address, grpc.credentials.createInsecure());
    const path = '/shop.v1.ProductService/GetProduct';
    const sent = new Promise((resolve, reject) => {
      raw.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        Boolean,
        Buffer.from('\xff\xff\xff', 'latin1'),
        (error) => (error ? reject(error) : resolve('answered')),
      );
    });
    await expect(sent).rejects.toMatchObject({ code: grpc.status.INTERNAL });
    raw.close();
    expect(await client.call('GetProduct', { productId: 'p-01' })).toMatchObject({ id: 'p-01' });
  });

  it('drops a connection that speaks no HTTP/2, and lives', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.on('error', () => undefined).write('NONSENSE\r\n\r\n');
    await once(socket.resume(), 'close');
    expect(await client.call('GetProduct', { productId: 'p-01' })).toMatchObject({ id: 'p-01' });
  });
});

describe('reflection', () => {
  it('names the service and its methods, and counts no calls', async () => {
    const reflection = new GrpcReflection(service.address, grpc.ChannelCredentials.createInsecure());
    expect(await reflection.listServices()).toContain('shop.v1.ProductService');
    const methods = await reflection.listMethods('shop.v1.ProductService');
    expect(methods.map(({ name }) => name)).toEqual([
      'GetProduct',
      'BatchGetProducts',
      'SearchProducts',
      'WatchPrice',
    ]);
    const descriptor = await reflection.getDescriptorBySymbol('shop.v1.ProductService');
    expect(descriptor.getPackageDefinition()).toHaveProperty(['shop.v1.Product']);
    expect(service.count()).toBe(0);
  });
});
