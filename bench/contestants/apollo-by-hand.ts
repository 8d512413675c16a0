import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import DataLoader from 'dataloader';
import { GraphQLError } from 'graphql';
import { callerOf, TokenRefused, type Caller } from './shop/caller.js';
import {
  openCalls,
  type Calls,
  type MoneyRow,
  type OrderPageRow,
  type OrderRow,
  type ProductRow,
  type UserRow,
} from './shop/calls.js';
import type { Start } from './start.js';

/**
 * The usual hand-made GraphQL server: Apollo Server 5 as its guide starts it, resolvers, DataLoader. Its plugin for
 * cache hints, which walks every field, is off: nobody here wants the hints.
 */
export const start: Start = async (backends) => {
  const calls = openCalls(backends);
  const server = new ApolloServer<Context>({
    typeDefs,
    resolvers,
    introspection: false,
    plugins: [ApolloServerPluginCacheControlDisabled()],
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: ({ req }) => contextOf(calls, req.headers.authorization),
  });
  return url;
};

interface Context {
  readonly caller: Caller | undefined;
  readonly calls: Calls;
  readonly users: DataLoader<string, UserRow | null>;
  readonly products: DataLoader<string, ProductRow | null>;
  readonly ordersOf: DataLoader<OrdersOf, OrderRow[], string>;
}

interface OrdersOf {
  readonly userId: string;
  readonly last: number | null;
}

async function contextOf(calls: Calls, authorization: string | undefined): Promise<Context> {
  const caller = await callerOf(authorization).catch(refuse);
  return {
    caller,
    calls,
    users: byId((ids) => calls.users(ids, caller?.authorization ?? '')),
    products: byId((ids) => calls.products(ids)),
    ordersOf: new DataLoader((keys: readonly OrdersOf[]) => loadOrders(calls, keys), {
      cacheKeyFn: ({ userId, last }) => `${userId} ${last ?? ''}`,
    }),
  };
}

function refuse(error: unknown): never {
  if (!(error instanceof TokenRefused)) throw error;
  throw new GraphQLError(error.message, { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
}

function byId<T extends { readonly id: string | number }>(load: (ids: readonly string[]) => Promise<T[]>) {
  return new DataLoader<string, T | null>(async (ids) => {
    const rows = new Map((await load(ids)).map((row) => [String(row.id), row]));
    return ids.map((id) => rows.get(id) ?? null);
  });
}

const orderFields =
  'id userId placedAt status items { productId quantity unitPrice { amountMinor currency } } total { amountMinor currency }';

/** Keys of one `last` go together. */
async function loadOrders(calls: Calls, keys: readonly OrdersOf[]): Promise<OrderRow[][]> {
  const rows = new Map<number | null, Promise<Map<string, OrderRow[]>>>();
  for (const { last } of keys) {
    if (rows.has(last)) continue;
    const userIds = keys.filter((key) => key.last === last).map(({ userId }) => userId);
    rows.set(last, loadOrdersOf(calls, userIds, last));
  }
  return Promise.all(keys.map(async ({ userId, last }) => (await rows.get(last))?.get(userId) ?? []));
}

async function loadOrdersOf(calls: Calls, userIds: readonly string[], last: number | null) {
  const { ordersByUsers } = await calls.orders<{ ordersByUsers: OrderRow[] }>(
    `query ($userIds: [ID!]!, $last: Int) { ordersByUsers(userIds: $userIds, last: $last) { ${orderFields} } }`,
    { userIds, last },
  );
  const byUser = new Map<string, OrderRow[]>(userIds.map((id) => [id, []]));
  for (const order of ordersByUsers) byUser.get(order.userId)?.push(order);
  return byUser;
}

function needs(allowed: boolean): void {
  if (!allowed) throw new GraphQLError('This is not for you.', { extensions: { code: 'FORBIDDEN' } });
}

const mayReadOrders = (caller: Caller | undefined): boolean =>
  caller?.scopes.includes('orders:read') ?? false;

const resolvers = {
  Query: {
    me: (_: unknown, _arguments: unknown, { caller, calls }: Context) => {
      if (caller) return calls.me(caller.authorization);
      throw new GraphQLError('Who are you?', { extensions: { code: 'UNAUTHENTICATED' } });
    },
    orders: async (_: unknown, variables: { first: number }, { caller, calls }: Context) => {
      needs(mayReadOrders(caller));
      const { orders } = await calls.orders<{ orders: OrderPageRow }>(
        `query ($first: Int!) { orders(first: $first) { totalCount nodes { ${orderFields} } } }`,
        variables,
      );
      return orders;
    },
  },
  User: {
    orders: ({ id }: UserRow, { last }: { last?: number | null }, { caller, ordersOf }: Context) => {
      needs(String(id) === caller?.id || mayReadOrders(caller));
      return ordersOf.load({ userId: String(id), last: last ?? null });
    },
  },
  Order: {
    user: ({ userId }: OrderRow, _: unknown, { users }: Context) => users.load(userId),
  },
  OrderItem: {
    product: ({ productId }: OrderRow['items'][number], _: unknown, { products }: Context) =>
      products.load(productId),
  },
  Money: { amount: ({ amountMinor }: MoneyRow) => amountMinor },
};

const typeDefs = `
  type Query {
    me: User
    orders(first: Int = 20): OrderPage
  }
  type User {
    id: ID!
    name: String!
    city: String
    joinedAt: String
    orders(last: Int): [Order!]
  }
  type OrderPage {
    nodes: [Order]
    totalCount: Int!
  }
  type Order {
    id: ID!
    placedAt: String!
    status: OrderStatus!
    user: User
    items: [OrderItem!]!
    total: Money!
  }
  enum OrderStatus { PLACED PAID SHIPPED DELIVERED CANCELLED }
  type OrderItem {
    quantity: Int!
    product: Product
    unitPrice: Money!
  }
  type Product {
    id: ID!
    name: String!
    description: String
    price: Money
    stock: Int
    tags: [String!]
  }
  type Money {
    amount: Int!
    currency: String!
  }
`;
