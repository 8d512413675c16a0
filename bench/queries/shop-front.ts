import type { Query } from './query.js';

/** The first query of the README: one customer, her last orders, their products. */
export const shopFront: Query = {
  name: 'ShopFront',
  about: 'one user (REST), 3 orders (GraphQL), their products (gRPC)',
  caller: 'customer',
  document: `query ShopFront {
  me {
    name
    orders(last: 3) {
      id
      placedAt
      total { amount currency }
      items { quantity product { name price { amount currency } } }
    }
  }
}`,
};
