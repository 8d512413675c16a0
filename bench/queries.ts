import type { Query } from './queries/query.js';
import { orderList } from './queries/order-list.js';
import { shopFront } from './queries/shop-front.js';

/** What is asked: a file in `queries/` and its name here. */
export const queries: readonly Query[] = [shopFront, orderList];
