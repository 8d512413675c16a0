import type { Query } from './query.js';

/** A list with two joins, as an office looks at it. One order's user is gone, and one product. */
export const orderList: Query = {
  name: 'OrderList',
  about: '180 orders (GraphQL) with user (REST) and products (gRPC)',
  caller: 'agent',
  variables: { first: 180 },
  document: `query OrderList($first: Int!) {
  orders(first: $first) {
    totalCount
    nodes {
      id
      placedAt
      status
      total { amount currency }
      user { id name city }
      items { quantity product { id name price { amount currency } } }
    }
  }
}`,
};
