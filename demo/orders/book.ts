import { EventEmitter, on } from 'node:events';
import { GraphQLError } from 'graphql';
import {
  deletedProductId,
  isoSeconds,
  numbered,
  orders as allOrders,
  products,
  totalOf,
  users,
  type Order,
  type OrderItem,
} from '../data.js';
import type { OrderItemInput, PlaceOrderInput } from './resolvers.generated.js';

/** The orders of one server: all of them, and those to come. */
export interface OrderBook {
  /** Oldest first. */
  readonly orders: readonly Order[];
  find(id: string): Order | undefined;
  /** Throws a `GraphQLError` whose `extensions.code` says what is wrong with the input. */
  place(input: PlaceOrderInput): Order;
  /** Each order from now on; ends when its `return` is called. */
  placed(): AsyncIterableIterator<Placed>;
}

/** One event of the subscription: the root value its field is read from. */
export interface Placed {
  readonly orderPlaced: Order;
}

/** Opens a book with the 180 orders of the demo. */
export function openBook(): OrderBook {
  const orders = [...allOrders];
  const byId = new Map(orders.map((order) => [order.id, order]));
  const made = new Map<string, { readonly input: string; readonly order: Order }>();
  const bell = new EventEmitter().setMaxListeners(0);

  const add = (input: PlaceOrderInput): Order => {
    const order = draft(input, orders);
    orders.push(order);
    byId.set(order.id, order);
    bell.emit('placed', order);
    return order;
  };
  const addOnce = (input: PlaceOrderInput, key: string): Order => {
    const before = made.get(key);
    const text = JSON.stringify([input.userId, input.items]);
    if (before?.input === text) return before.order;
    if (before) throw refusal('IDEMPOTENCY_CONFLICT', 'This idempotency key was used for another order.');
    const order = add(input);
    made.set(key, { input: text, order });
    return order;
  };
  return {
    orders,
    find: (id) => byId.get(id),
    place: (input) =>
      typeof input.idempotencyKey === 'string' ? addOnce(input, input.idempotencyKey) : add(input),
    placed: () => listen(bell),
  };
}

/** A `GraphQLError` with a code for the client. */
export function refusal(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

const ordersKept = 10_000;
const hourMs = 3_600_000;

/** The demo's clock stands still: each new order comes an hour after the one before, so answers can be repeated. */
function draft({ userId, items }: PlaceOrderInput, orders: readonly Order[]): Order {
  if (orders.length >= ordersKept) throw refusal('FULL', 'The demo keeps no more orders.');
  if (!users.some(({ id }) => String(id) === userId))
    throw refusal('USER_NOT_FOUND', `No user ${JSON.stringify(userId)}.`);
  if (items.length < 1 || items.length > 20)
    throw refusal('BAD_USER_INPUT', `items: 1 to 20, received ${items.length}.`);
  if (new Set(items.map(({ productId }) => productId)).size < items.length) {
    throw refusal('BAD_USER_INPUT', 'items: each product at most once.');
  }
  const lines = items.map(toLine);
  const placedAt = isoSeconds(Date.parse(orders.at(-1)?.placedAt ?? '2025-01-01T00:00:00Z') + hourMs);
  return {
    id: numbered('o', orders.length + 1, 3),
    userId,
    placedAt,
    status: 'PLACED',
    items: lines,
    total: totalOf(lines),
  };
}

function toLine({ productId, quantity }: OrderItemInput): OrderItem {
  const product = products.find(({ id }) => id === productId && id !== deletedProductId);
  if (!product) throw refusal('PRODUCT_NOT_FOUND', `No product ${JSON.stringify(productId)}.`);
  if (quantity < 1 || quantity > 100)
    throw refusal('BAD_USER_INPUT', `quantity: 1 to 100, received ${quantity}.`);
  return { productId, quantity, unitPrice: product.price };
}

/** Not an async generator: one that waits for its first event cannot be returned from, and would listen for ever. */
function listen(bell: EventEmitter): AsyncIterableIterator<Placed> {
  const events = on(bell, 'placed') as AsyncIterableIterator<[Order]>;
  const iterator: AsyncIterableIterator<Placed> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      const event = await events.next();
      return event.done
        ? { done: true, value: undefined }
        : { done: false, value: { orderPlaced: event.value[0] } };
    },
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
  };
  return iterator;
}
