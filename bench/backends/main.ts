import { answerParent } from '../instrument/parent.js';
import { startOrders } from './orders.js';
import { startProducts } from './products.js';
import { startUsers } from './users.js';

/** Calls since the last time they were forgotten. */
export type Counts = Record<'users' | 'products' | 'orders', number>;

/** Where the backends answer, as the schema files name it. */
export type BackendAddresses = Readonly<Record<'USERS_URL' | 'PRODUCTS_ADDR' | 'ORDERS_URL', string>>;

/** All three backends in one process. Asked for `start`, it gives their addresses; for `counts`, the calls since then. */
const counts: Counts = { users: 0, products: 0, orders: 0 };

answerParent({
  start: async (): Promise<BackendAddresses> => ({
    USERS_URL: `http://${await startUsers(() => (counts.users += 1))}`,
    PRODUCTS_ADDR: await startProducts(() => (counts.products += 1)),
    ORDERS_URL: `http://${await startOrders(() => (counts.orders += 1))}/graphql`,
  }),
  /** Gives the calls and forgets them. */
  counts: (): Counts => {
    const taken = { ...counts };
    counts.users = counts.products = counts.orders = 0;
    return taken;
  },
});
