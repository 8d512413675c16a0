import type { OpenCall } from '../backend.js';
import type { Order } from '../data.js';
import { refusal, type OrderBook } from './book.js';
import type {
  MutationPlaceOrderArgs,
  QueryOrderArgs,
  QueryOrdersArgs,
  QueryOrdersByIdsArgs,
  QueryOrdersByUsersArgs,
} from './resolvers.generated.js';

/** What the resolvers of one request share. */
export interface OrdersContext {
  readonly call: OpenCall;
}

/** The root resolvers, named like the root fields of `schema.graphql`. */
export function createRoot(book: OrderBook) {
  return {
    order({ id }: QueryOrderArgs, { call }: OrdersContext) {
      call.keys.push(id);
      return book.find(id) ?? null;
    },
    orders: (args: QueryOrdersArgs) => page(book, args),
    ordersByUsers({ userIds, last }: QueryOrdersByUsersArgs, { call }: OrdersContext) {
      call.keys.push(...atMost('userIds', userIds));
      return ofUsers(book, userIds, last ?? undefined);
    },
    ordersByIds({ ids }: QueryOrdersByIdsArgs, { call }: OrdersContext) {
      call.keys.push(...atMost('ids', ids));
      const wanted = new Set(ids);
      return book.orders.filter(({ id }) => wanted.has(id));
    },
    placeOrder: ({ input }: MutationPlaceOrderArgs) => book.place(input),
    orderPlaced: () => book.placed(),
  };
}

function page(book: OrderBook, { first, after }: QueryOrdersArgs) {
  const size = within('first', first ?? 20, 500);
  const start = after == null ? 0 : positionAfter(book, after);
  const nodes = book.orders.slice(start, start + size);
  const last = nodes.at(-1);
  return {
    nodes,
    pageInfo: { hasNextPage: start + size < book.orders.length, endCursor: last ? cursorOf(last) : null },
    totalCount: book.orders.length,
  };
}

function cursorOf({ id }: Order): string {
  return Buffer.from(`order:${id}`).toString('base64url');
}

function positionAfter(book: OrderBook, cursor: string): number {
  const position = book.orders.findIndex((order) => cursorOf(order) === cursor);
  if (position >= 0) return position + 1;
  throw refusal('BAD_USER_INPUT', 'after: expected an endCursor of this list.');
}

/** One flat list, rows of different users mixed: the caller has to group them. */
function ofUsers(book: OrderBook, userIds: readonly string[], last: number | undefined): Order[] {
  const most = last === undefined ? Infinity : within('last', last, 100);
  const left = new Map(userIds.map((id) => [id, most]));
  return book.orders.toReversed().filter(({ userId }) => {
    const rest = left.get(userId) ?? 0;
    left.set(userId, rest - 1);
    return rest > 0;
  });
}

function within(name: string, value: number, most: number): number {
  if (value >= 1 && value <= most) return value;
  throw refusal('BAD_USER_INPUT', `${name}: 1 to ${most}, received ${value}.`);
}

function atMost(name: string, keys: readonly string[]): readonly string[] {
  if (keys.length <= 100) return keys;
  throw refusal('BAD_USER_INPUT', `${name}: at most 100 at once, received ${keys.length}.`);
}
