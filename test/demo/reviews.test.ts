import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deletedProductId, reviews } from '../../demo/data.js';
import type { RunningRest } from '../../demo/rest.js';
import { startReviews } from '../../demo/reviews/server.js';
import { ask } from './clients.js';

let service: RunningRest;
beforeAll(async () => {
  service = await startReviews();
});
afterAll(() => service.close());

const of = (...ids: string[]) => reviews.filter(({ productId }) => ids.includes(productId));

describe('the reviews service', () => {
  it.each(['productIds=p-02&productIds=p-01', 'productIds=p-02,p-01,p-99'])(
    'answers the reviews of many products: %s',
    async (query) => {
      service.reset();
      expect((await ask(`${service.url}/reviews?${query}`)).body).toEqual({ reviews: of('p-01', 'p-02') });
      expect(service.calls()).toMatchObject([
        { operation: 'GET /reviews', keys: expect.arrayContaining(['p-02', 'p-01']) as string[] },
      ]);
    },
  );

  it('answers a page of all reviews', async () => {
    expect((await ask(`${service.url}/reviews?limit=3&offset=1`)).body).toEqual({
      reviews: reviews.slice(1, 4),
      total: 120,
    });
  });

  it('answers the reviews of one product, none for an unknown one', async () => {
    expect((await ask(`${service.url}/products/p-05/reviews`)).body).toEqual({ reviews: of('p-05') });
    expect((await ask(`${service.url}/products/none/reviews`)).body).toEqual({ reviews: [] });
  });

  it('adds a review', async () => {
    const own = await startReviews();
    const review = { productId: 'p-05', userId: 3, rating: 5, title: 'Sharp', body: 'Cuts. ✂️' };
    expect(await ask(`${own.url}/reviews`, { body: review })).toMatchObject({
      status: 201,
      body: { id: 'r-121', ...review },
    });
    expect((await ask(`${own.url}/products/p-05/reviews`)).body).toEqual({
      reviews: [...of('p-05'), { id: 'r-121', ...review }],
    });
    await own.close();
  });

  it.each([
    ['a deleted product', { productId: deletedProductId }, 'UNKNOWN_PRODUCT'],
    ['an unknown user', { userId: 13 }, 'UNKNOWN_USER'],
    ['six stars', { rating: 6 }, 'BAD_REQUEST'],
    ['no title', { title: '' }, 'BAD_REQUEST'],
    ['an id of its own', { id: 'r-001' }, 'BAD_REQUEST'],
  ])('refuses a review with %s', async (_what, fault, code) => {
    const review = { productId: 'p-05', userId: 3, rating: 5, title: 'Sharp', body: 'Cuts.', ...fault };
    expect(await ask(`${service.url}/reviews`, { body: review })).toMatchObject({
      status: 400,
      body: { error: { code } },
    });
  });
});
