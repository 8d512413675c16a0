import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deletedProductId, goneUserId, orders, products, reviews, users } from '../../demo/data.js';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('the demo data', () => {
  it('has 12 users, 60 products, 180 orders and 120 reviews', () => {
    expect([users.length, products.length, orders.length, reviews.length]).toEqual([12, 60, 180, 120]);
  });

  it('is the same on every start and every machine', () => {
    const digest = createHash('sha256')
      .update(JSON.stringify({ users, products, orders, reviews }))
      .digest('hex');
    expect(digest).toBe('62cb003a1c4aa110b859df649875af6fe37a1b42118c8fb9fe95154d19dc642e');
  });

  it('numbers users from 1, and everything else by sorted, padded ids', () => {
    expect(users.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect([products[0]?.id, products.at(-1)?.id]).toEqual(['p-01', 'p-60']);
    expect([orders[0]?.id, orders.at(-1)?.id]).toEqual(['o-001', 'o-180']);
    for (const rows of [products, orders, reviews]) {
      const ids = rows.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].toSorted());
    }
  });

  it('has a unicode name, and no address or name twice', () => {
    expect(users.some(({ name }) => /\p{Extended_Pictographic}/u.test(name))).toBe(true);
    for (const field of ['name', 'email', 'phone'] as const)
      expect(new Set(users.map((user) => user[field])).size).toBe(12);
  });

  it('keeps money in whole minor units, and every total is the sum of its lines', () => {
    for (const { items, total } of orders) {
      expect(Number.isInteger(total.amountMinor)).toBe(true);
      expect(total.amountMinor).toBe(
        sum(items.map(({ quantity, unitPrice }) => quantity * unitPrice.amountMinor)),
      );
      expect(new Set([total.currency, ...items.map(({ unitPrice }) => unitPrice.currency)]).size).toBe(1);
    }
  });

  it('gives an order one to four lines of different products', () => {
    for (const { items } of orders) {
      expect(items.length).toBeGreaterThanOrEqual(1);
      expect(items.length).toBeLessThanOrEqual(4);
      expect(new Set(items.map(({ productId }) => productId)).size).toBe(items.length);
    }
  });

  it('places each order after the one before', () => {
    const times = orders.map(({ placedAt }) => placedAt);
    expect(times).toEqual([...new Set(times)].toSorted());
    expect(times.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time))).toBe(true);
  });

  it('gives each user at least three orders', () => {
    for (const { id } of users)
      expect(orders.filter(({ userId }) => userId === String(id)).length).toBeGreaterThanOrEqual(3);
  });

  it('has exactly one order whose user is gone', () => {
    const strangers = orders.filter(({ userId }) => !users.some(({ id }) => String(id) === userId));
    expect(strangers.map(({ userId }) => userId)).toEqual([String(goneUserId)]);
  });

  it('names the deleted product in orders, but not in the last three of customer 1', () => {
    const named = (rows: typeof orders): boolean =>
      rows.some(({ items }) => items.some((item) => item.productId === deletedProductId));
    expect(named(orders)).toBe(true);
    expect(named(orders.filter(({ userId }) => userId === '1').slice(-3))).toBe(false);
  });

  it('names only products and users it has, apart from those two', () => {
    const productIds = new Set(products.map(({ id }) => id));
    const ordered = orders.flatMap(({ items }) => items.map(({ productId }) => productId));
    expect(
      [...ordered, ...reviews.map(({ productId }) => productId)].filter((id) => !productIds.has(id)),
    ).toEqual([]);
    expect(reviews.filter(({ userId }) => userId < 1 || userId > 12)).toEqual([]);
  });

  it('rates from 1 to 5', () => {
    expect([...new Set(reviews.map(({ rating }) => rating))].toSorted()).toEqual([1, 2, 3, 4, 5]);
  });
});
