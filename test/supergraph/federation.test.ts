import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/index.js';
import { startService, type Service } from '../connectors/graphql/service.js';

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3",
  import: ["@key", "@shareable", "@external", "@requires", "@provides"])`;

/** What Federation adds to the schema that a subgraph answers with. */
const machinery = (entities: string) => `
  scalar _Any
  scalar FieldSet
  union _Entity = ${entities}
  type _Service { sdl: String! }
  extend type Query { _entities(representations: [_Any!]!): [_Entity]! _service: _Service! }
  directive @key(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
  directive @shareable repeatable on OBJECT | FIELD_DEFINITION
  directive @external on OBJECT | FIELD_DEFINITION
  directive @requires(fields: FieldSet!) on FIELD_DEFINITION
  directive @provides(fields: FieldSet!) on FIELD_DEFINITION
`;

const products = `
  type Query { products: [Product!]! product(upc: ID!): Product }
  type Product @key(fields: "upc") @key(fields: "sku brand { id }") {
    upc: ID!
    sku: String!
    brand: Brand!
    price: Int
    weight: Int @shareable
  }
  type Brand @shareable { id: ID! }
`;

const inventory = `
  type Query { stocked: [Product!]! }
  type Product @key(fields: "upc") {
    upc: ID!
    price: Int @external
    weight: Int @external
    inStock(at: String = "here"): Boolean
    shelf: String
    shipping: Int @requires(fields: "price weight")
  }
`;

const reviews = `
  type Query { reviews: [Review!]! }
  type Review @key(fields: "id") { id: ID! text: String author: User @provides(fields: "name") product: Product! }
  extend type User @key(fields: "id") { id: ID! @external name: String @external reviews: [Review!] }
  type Product @key(fields: "upc") { upc: ID! @external reviews(first: Int): [Review!]! }
`;

const users = `
  type Query { me: User user(id: ID!): User }
  type User @key(fields: "id") { id: ID! name: String @shareable mail: String }
`;

type Representation = Record<string, unknown> & { readonly __typename: string };
type Entities = { readonly representations: readonly Representation[] };

const product = (upc: string) => ({
  upc,
  sku: `s-${upc}`,
  brand: { id: 'b' },
  price: Number(upc) * 100,
  weight: Number(upc),
});

const review = (id: string) => ({
  __typename: 'Review',
  id,
  text: `text ${id}`,
  author: { id: `u${id}`, name: `provided ${id}` },
  product: { upc: id },
});

const roots = {
  products: {
    products: () => ['1', '2', '3'].map(product),
    product: ({ upc }: { upc: string }) => product(upc),
    _entities: ({ representations }: Entities) =>
      representations.map(({ upc }) =>
        upc === '404' ? null : { __typename: 'Product', ...product(String(upc)) },
      ),
  },
  inventory: {
    stocked: () => [{ upc: '3' }, { upc: '1' }],
    _entities: ({ representations }: Entities) =>
      representations.map(({ upc, price, weight }) => {
        if (upc === '2') return new Error('secret words');
        return {
          __typename: 'Product',
          upc,
          inStock: ({ at }: { at: string }) => at === 'here',
          shelf: `shelf ${String(upc)}`,
          shipping: Number(price) + Number(weight),
        };
      }),
  },
  reviews: {
    reviews: () => ['1', '2'].map(review),
    _entities: ({ representations }: Entities) =>
      representations.map(({ __typename, id, upc }) => {
        if (__typename === 'Review') return review(String(id));
        if (__typename === 'User') return { __typename, id, reviews: [review('1')] };
        return {
          __typename,
          upc,
          reviews: ({ first = 2 }: { first?: number }) => ['1', '2'].slice(0, first).map(review),
        };
      }),
  },
  users: {
    me: () => ({ id: 'u1', name: 'Ada', mail: 'ada@here' }),
    user: ({ id }: { id: string }) => ({ id, name: `name ${id}`, mail: `${id}@here` }),
    _entities: ({ representations }: Entities) =>
      representations.map(({ id }) => ({
        __typename: 'User',
        id,
        name: `name ${String(id)}`,
        mail: `${String(id)}@here`,
      })),
  },
};

type Name = keyof typeof roots;

async function federation(): Promise<{ gateway: Gateway; services: Record<Name, Service> }> {
  const sdls = { products, inventory, reviews, users };
  const entities = {
    products: 'Product',
    inventory: 'Product',
    reviews: 'Review | User | Product',
    users: 'User',
  };
  const start = (name: Name) =>
    startService(
      `${sdls[name].replaceAll('extend type User', 'type User')} ${machinery(entities[name])}`,
      roots[name],
    );
  const services = {
    products: await start('products'),
    inventory: await start('inventory'),
    reviews: await start('reviews'),
    users: await start('users'),
  };
  const file = (name: Name, more = '') =>
    `extend schema @source(name: "${name}", graphql: { url: "${services[name].url}" })\n${sdls[name]}${more}`;
  const gateway = await createGateway({
    files: {
      'inventory.graphql': `${link}\n${file('inventory')}`,
      'products.graphql': `${link}\n${file('products', machinery(entities.products))}`,
      'reviews.graphql': file('reviews'),
      'users.graphql': file('users'),
    },
  });
  onTestFinished(() => gateway.close());
  return { gateway, services };
}

const asked = (services: Record<Name, Service>) =>
  Object.fromEntries(
    Object.entries(services)
      .map(([name, { queries }]) => [name, queries.map((each) => [each.document, each.variables])] as const)
      .filter(([, queries]) => queries.length > 0),
  );

const entityQuery = (selection: string, more = '') =>
  `query ($representations: [_Any!]!${more}) { _entities(representations: $representations) { ${selection} } }`;

describe('a Federation subgraph', () => {
  test('gives what it knows of the objects of others through _entities, many in one call', async () => {
    const { gateway, services } = await federation();
    expect(await gateway.ask({ query: '{ products { p: price upc: shelf } }' })).toEqual({
      data: {
        products: [
          { p: 100, upc: 'shelf 1' },
          { p: 200, upc: null },
          { p: 300, upc: 'shelf 3' },
        ],
      },
      errors: [expect.objectContaining({ message: 'Request failed', path: ['products', 1] })],
    });
    expect(asked(services)).toEqual({
      products: [['query { products { price upc } }', {}]],
      inventory: [
        [
          entityQuery('... on Product { shelf }'),
          { representations: ['1', '2', '3'].map((upc) => ({ __typename: 'Product', upc })) },
        ],
      ],
    });
  });

  test('is told what it requires of others', async () => {
    const { gateway, services } = await federation();
    expect(await gateway.ask({ query: '{ stocked { price: upc shipping } }' })).toEqual({
      data: {
        stocked: [
          { price: '3', shipping: 303 },
          { price: '1', shipping: 101 },
        ],
      },
    });
    expect(asked(services)).toEqual({
      products: [
        [
          entityQuery('... on Product { price weight }'),
          { representations: ['3', '1'].map((upc) => ({ __typename: 'Product', upc })) },
        ],
      ],
      inventory: [
        ['query { stocked { upc } }', {}],
        [
          entityQuery('... on Product { shipping }'),
          {
            representations: ['3', '1'].map((upc) => ({
              __typename: 'Product',
              upc,
              price: Number(upc) * 100,
              weight: Number(upc),
            })),
          },
        ],
      ],
    });
  });

  test('gives along what it says to provide, and leaves the rest to its owner', async () => {
    const { gateway, services } = await federation();
    expect(await gateway.ask({ query: '{ reviews { author { name } } }' })).toEqual({
      data: { reviews: [{ author: { name: 'provided 1' } }, { author: { name: 'provided 2' } }] },
    });
    expect(asked(services)).toEqual({ reviews: [['query { reviews { author { name } } }', {}]] });
    expect(await gateway.ask({ query: '{ reviews { author { name mail } } }' })).toEqual({
      data: {
        reviews: [
          { author: { name: 'provided 1', mail: 'u1@here' } },
          { author: { name: 'provided 2', mail: 'u2@here' } },
        ],
      },
    });
  });

  test('takes the arguments of fields that are fetched by key', async () => {
    const { gateway } = await federation();
    expect(
      await gateway.ask({
        query: `query ($at: String) { product(upc: 1) { here: inStock there: inStock(at: $at) reviews(first: 1) { text product { price } } } }`,
        variables: { at: 'there' },
      }),
    ).toEqual({
      data: { product: { here: true, there: false, reviews: [{ text: 'text 1', product: { price: 100 } }] } },
    });
  });

  test('extends the types of others', async () => {
    const { gateway } = await federation();
    expect(
      await gateway.ask({ query: '{ me { id: name name: id reviews { text author { mail } } } }' }),
    ).toEqual({
      data: { me: { id: 'Ada', name: 'u1', reviews: [{ text: 'text 1', author: { mail: 'u1@here' } }] } },
    });
  });

  test('shows nothing of its machinery to clients', async () => {
    const { gateway } = await federation();
    const names = Object.keys(gateway.schema.getTypeMap()).filter((name) => !name.startsWith('__'));
    expect(names.sort()).toEqual(
      ['Query', 'Product', 'Brand', 'Review', 'User', 'ID', 'String', 'Int', 'Boolean', 'FieldSet'].sort(),
    );
    expect(Object.keys(gateway.schema.getQueryType()?.getFields() ?? {}).sort()).toEqual(
      ['me', 'product', 'products', 'reviews', 'stocked', 'user'].sort(),
    );
    const { errors } = await gateway.ask({
      query: '{ _service { sdl } _entities(representations: []) { __typename } }',
    });
    expect(errors).toHaveLength(2);
  });

  test.each([
    ['a composite key of the client', '{ products { sku: upc upc: sku inStock } }'],
    ['a key in a fragment', '{ products { ...F inStock } } fragment F on Product { upc: sku }'],
    ['the key of a joined object', '{ reviews { product { upc: __typename shelf price } } }'],
  ])('is never told a key under a name of the client: %s', async (_, query) => {
    const { gateway, services } = await federation();
    await gateway.ask({ query });
    const keys = services.inventory.queries.flatMap(({ variables }) =>
      (variables['representations'] as Representation[]).map(({ upc }) => upc),
    );
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !['1', '2', '3'].includes(String(key)))).toEqual([]);
  });
});

type Subgraphs = Readonly<
  Record<string, { readonly sdl: string; readonly root: object; readonly entities: string }>
>;

/** A gateway for some small subgraphs. */
async function join(subgraphs: Subgraphs): Promise<{ gateway: Gateway; services: Map<string, Service> }> {
  const services = new Map<string, Service>();
  const files: Record<string, string> = {};
  for (const [name, { sdl, root, entities }] of Object.entries(subgraphs)) {
    const parts = machinery(entities);
    const schema = `${sdl} ${sdl.includes('type Query') ? parts : parts.replace('extend type Query', 'type Query')}`;
    const service = await startService(schema, root);
    services.set(name, service);
    files[`${name}.graphql`] =
      `extend schema @source(name: "${name}", graphql: { url: "${service.url}" })\n${sdl}`;
  }
  const gateway = await createGateway({ files, config: { log: 'silent' } });
  onTestFinished(() => gateway.close());
  return { gateway, services };
}

const things = {
  sdl:
    'type Query { thing: Thing! } type Thing @key(fields: "id") { id: ID! name: String maker: Maker }\n' +
    'type Maker @key(fields: "id") { id: ID! }',
  root: { thing: { id: 1, name: 'T', maker: { id: 'm' } } },
  entities: 'Thing | Maker',
};

describe('an object of several Federation subgraphs', () => {
  test('is told of with what a third one knows of an object in it', async () => {
    const { gateway, services } = await join({
      things,
      makers: {
        sdl: 'type Maker @key(fields: "id") { id: ID! country: String }',
        root: { _entities: () => [{ __typename: 'Maker', country: 'NO' }] },
        entities: 'Maker',
      },
      taxes: {
        sdl: `type Thing @key(fields: "id") {
            id: ID! maker: Maker @external tax: String @requires(fields: "maker { country }")
          } type Maker @key(fields: "id") { id: ID! country: String @external }`,
        root: {
          _entities: ({ representations }: Entities) =>
            representations.map(({ maker }) => ({ __typename: 'Thing', tax: JSON.stringify(maker) })),
        },
        entities: 'Thing | Maker',
      },
    });
    expect(await gateway.ask({ query: '{ thing { maker: name tax } }' })).toEqual({
      data: { thing: { maker: 'T', tax: '{"country":"NO"}' } },
    });
    expect(services.get('makers')?.queries.map(({ variables }) => variables)).toEqual([
      { representations: [{ __typename: 'Maker', id: 'm' }] },
    ]);
  });

  test('keeps what one gave of it where another does not know it', async () => {
    const { gateway } = await join({
      things,
      stock: {
        sdl: 'type Thing @key(fields: "id") { id: ID! stock: Int }',
        root: { _entities: () => [null] },
        entities: 'Thing',
      },
    });
    expect(await gateway.ask({ query: '{ thing { name stock } }' })).toEqual({
      data: { thing: { name: 'T', stock: null } },
    });
  });

  test('is what the first of two says of it where both give an object in it', async () => {
    const { gateway } = await join({
      ones: {
        sdl: `type Query { box: Box } type Box @shareable { a: Int aa: Int lid: Lid } type Lid @key(fields: "id") { id: ID! name: String }`,
        root: { box: { a: 1, aa: 2, lid: { id: 1, name: 'L' } } },
        entities: 'Lid',
      },
      twos: {
        sdl: `type Query { box: Box } type Box @shareable { b: Int lid: Lid } type Lid @key(fields: "id", resolvable: false) { id: ID! }`,
        root: { box: { b: 3, lid: { id: 1 } } },
        entities: 'Lid',
      },
    });
    expect(await gateway.ask({ query: '{ box { a aa b lid { name } } }' })).toEqual({
      data: { box: { a: 1, aa: 2, b: 3, lid: { name: 'L' } } },
    });
  });
});
