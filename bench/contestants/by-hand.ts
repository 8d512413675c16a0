import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callerOf, TokenRefused, type Caller } from './shop/caller.js';
import {
  openCalls,
  type Calls,
  type MoneyRow,
  type OrderPageRow,
  type OrderRow,
  type ProductRow,
} from './shop/calls.js';
import type { Start } from './start.js';

/**
 * What a good engineer would write instead of any GraphQL: an aggregator for exactly these queries, on `node:http`,
 * undici and grpc-js. It knows each by its operation name, asks the backends only for what the answer needs, and
 * fetches each key once.
 */
export const start: Start = async (backends) => {
  const calls = openCalls(backends);
  const server = createServer((request, response) => void serve(calls, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

interface Asked {
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

type Aggregate = (
  calls: Calls,
  caller: Caller | undefined,
  variables: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

/** A refusal: the client gets this status and message. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function serve(calls: Calls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (request.method !== 'POST' || request.url !== '/graphql') throw new Refusal(404, 'Not found.');
    const caller = await callerOf(request.headers.authorization);
    const { operationName = '', variables = {} } = parse(await readBody(request));
    const aggregate = aggregates.get(operationName);
    if (!aggregate) throw new Refusal(400, 'Unknown operation.');
    send(response, 200, { data: await aggregate(calls, caller, variables) });
  } catch (error) {
    const status = statusOf(error);
    const message = status === 500 ? 'Internal error.' : (error as Error).message;
    send(response, status, { errors: [{ message }] });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof TokenRefused) return 401;
  return error instanceof Refusal ? error.status : 500;
}

const aggregates: ReadonlyMap<string, Aggregate> = new Map<string, Aggregate>([
  ['ShopFront', shopFront],
  ['OrderList', orderList],
]);

const ordersOfUser = `query ($userIds: [ID!]!, $last: Int) {
  ordersByUsers(userIds: $userIds, last: $last) {
    id placedAt total { amountMinor currency } items { quantity productId }
  }
}`;

async function shopFront(calls: Calls, caller: Caller | undefined) {
  if (!caller) throw new Refusal(401, 'Who are you?');
  const { id, name } = await calls.me(caller.authorization);
  if (String(id) !== caller.id) throw new Refusal(403, 'These are the orders of somebody else.');
  const { ordersByUsers } = await calls.orders<{ ordersByUsers: OrderRow[] }>(ordersOfUser, {
    userIds: [String(id)],
    last: 3,
  });
  const products = await productsOf(calls, ordersByUsers);
  return {
    me: {
      name,
      orders: ordersByUsers.map((order) => ({
        id: order.id,
        placedAt: order.placedAt,
        total: toMoney(order.total),
        items: order.items.map((item) => {
          const product = products.get(item.productId);
          return {
            quantity: item.quantity,
            product: product ? { name: product.name, price: toMoney(product.price) } : null,
          };
        }),
      })),
    },
  };
}

const orderPage = `query ($first: Int!) {
  orders(first: $first) {
    totalCount
    nodes { id placedAt status userId total { amountMinor currency } items { quantity productId } }
  }
}`;

async function orderList(
  calls: Calls,
  caller: Caller | undefined,
  { first }: Readonly<Record<string, unknown>>,
) {
  if (!caller?.scopes.includes('orders:read')) throw new Refusal(403, 'This is for those who work here.');
  const { orders } = await calls.orders<{ orders: OrderPageRow }>(orderPage, { first });
  const userIds = [...new Set(orders.nodes.map(({ userId }) => userId))];
  const [users, products] = await Promise.all([
    calls.users(userIds, caller.authorization),
    productsOf(calls, orders.nodes),
  ]);
  const usersById = new Map(
    users.map(({ id, name, city }) => [String(id), { id: String(id), name, city }] as const),
  );
  return {
    orders: {
      totalCount: orders.totalCount,
      nodes: orders.nodes.map((order) => ({
        id: order.id,
        placedAt: order.placedAt,
        status: order.status,
        total: toMoney(order.total),
        user: usersById.get(order.userId) ?? null,
        items: order.items.map((item) => {
          const product = products.get(item.productId);
          return {
            quantity: item.quantity,
            product: product ? { id: product.id, name: product.name, price: toMoney(product.price) } : null,
          };
        }),
      })),
    },
  };
}

async function productsOf(calls: Calls, orders: readonly OrderRow[]): Promise<Map<string, ProductRow>> {
  const ids = new Set<string>();
  for (const { items } of orders) for (const { productId } of items) ids.add(productId);
  const products = await calls.products([...ids]);
  return new Map(products.map((product) => [product.id, product]));
}

function toMoney(money: MoneyRow | null) {
  return money && { amount: money.amountMinor, currency: money.currency };
}

const bodyLimit = 1_000_000;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) throw new Refusal(413, 'The body is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(body: string): Asked {
  try {
    return JSON.parse(body) as Asked;
  } catch {
    throw new Refusal(400, 'Expected JSON.');
  }
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  const text = JSON.stringify(answer);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
