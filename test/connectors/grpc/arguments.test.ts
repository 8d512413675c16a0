import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProducts } from '../../../demo/products/server.js';
import { createGateway } from '../../../src/index.js';

const schema = `extend schema @source(name: "products", grpc: { address: "{$env.ADDRESS}", proto: ["products.proto"] })

type Query {
  product(productId: ID!): Product @connect(source: "products", grpc: { method: "shop.v1.ProductService/GetProduct" })
}

type Product {
  id: ID!
}
`;

test('without a request the arguments are the message, and other arguments are another call', async () => {
  const products = await startProducts({ port: 0 });
  const folder = await mkdtemp(join(tmpdir(), 'schemas-'));
  await cp('demo/products/products.proto', join(folder, 'products.proto'));
  await writeFile(join(folder, 'products.graphql'), schema);
  const gateway = await createGateway({
    config: { schemas: folder, log: 'silent' },
    environment: { ADDRESS: products.address },
  });
  const { data } = await gateway.ask({
    query: '{ a: product(productId: "p-01") { id } b: product(productId: "p-02") { id } }',
  });
  expect(data).toEqual({ a: { id: 'p-01' }, b: { id: 'p-02' } });
  expect(products.count()).toBe(2);
  await gateway.close();
  await products.close();
  await rm(folder, { recursive: true });
});
