import type { Request } from 'express';
import { isWhole, type StartOptions } from '../backend.js';
import { deletedProductId, numbered, products, reviews as allReviews, users, type Review } from '../data.js';
import {
  page,
  readBody,
  readKeys,
  readText,
  RestProblem,
  runRest,
  type Route,
  type RunningRest,
} from '../rest.js';

/** Starts the reviews service: REST, and connected to nothing until somebody drops a schema file in. */
export function startReviews(options: StartOptions = {}): Promise<RunningRest> {
  return runRest('reviews', options, createRoutes([...allReviews]));
}

function createRoutes(reviews: Review[]): Route[] {
  const one = (request: Request): string => String(request.params['id']);
  return [
    {
      method: 'GET',
      path: '/reviews',
      keys: (request) => readKeys(request, 'productIds') ?? [],
      answer: (request) => list(reviews, request),
    },
    {
      method: 'GET',
      path: '/products/:id/reviews',
      keys: (request) => [one(request)],
      answer: (request) => ({ reviews: reviews.filter(({ productId }) => productId === one(request)) }),
    },
    { method: 'POST', path: '/reviews', status: 201, answer: (request) => add(reviews, request) },
  ];
}

function list(reviews: readonly Review[], request: Request): unknown {
  const asked = readKeys(request, 'productIds');
  if (asked === undefined) return { reviews: page(request, reviews), total: reviews.length };
  const wanted = new Set(asked);
  return { reviews: reviews.filter(({ productId }) => wanted.has(productId)) };
}

const reviewsKept = 10_000;

function add(reviews: Review[], request: Request): Review {
  const body = readBody(request, ['productId', 'userId', 'rating', 'title', 'body']);
  if (reviews.length >= reviewsKept) throw new RestProblem(409, 'FULL', 'The demo keeps no more reviews.');
  const review = {
    id: numbered('r', reviews.length + 1, 3),
    productId: readProduct(body),
    userId: readUser(body),
    rating: readRating(body),
    title: readText(body, 'title', 100),
    body: readText(body, 'body', 2000),
  };
  reviews.push(review);
  return review;
}

function readProduct({ productId }: Record<string, unknown>): string {
  const known = products.find(({ id }) => id === productId && id !== deletedProductId);
  if (known) return known.id;
  throw new RestProblem(400, 'UNKNOWN_PRODUCT', `No product ${JSON.stringify(productId)}.`);
}

function readUser({ userId }: Record<string, unknown>): number {
  const known = users.find(({ id }) => id === userId);
  if (known) return known.id;
  throw new RestProblem(400, 'UNKNOWN_USER', `No user ${JSON.stringify(userId)}.`);
}

function readRating({ rating }: Record<string, unknown>): number {
  if (isWhole(rating, 5)) return rating;
  throw new RestProblem(400, 'BAD_REQUEST', 'rating must be a whole number from 1 to 5.');
}
