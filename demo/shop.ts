import type { Running } from './backend.js';
import { startControl, type Control } from './control.js';
import { startOrders } from './orders/server.js';
import { startProducts } from './products/server.js';
import type { RunningRest } from './rest.js';
import { startReviews } from './reviews/server.js';
import { startUsers } from './users/server.js';

/** The parts of the shop that listen. */
export type ShopPart = 'users' | 'products' | 'orders' | 'reviews' | 'control';

/** The ports the shop takes when nobody else has them. */
export const preferredPorts: Readonly<Record<ShopPart, number>> = {
  users: 4001,
  products: 4002,
  orders: 4003,
  reviews: 4004,
  control: 4005,
};

/** How the shop starts. */
export interface ShopOptions {
  /** The port wanted for each part; a part without one, or whose port is taken, gets any free one. */
  readonly ports?: Partial<Readonly<Record<ShopPart, number>>>;
}

/** Where the backends answer, as the schema files name it. */
export interface ShopEnvironment {
  /** `http://127.0.0.1:4001` */
  readonly USERS_URL: string;
  /** `127.0.0.1:4002` */
  readonly PRODUCTS_ADDR: string;
  /** `http://127.0.0.1:4003/graphql` */
  readonly ORDERS_URL: string;
  /** `http://127.0.0.1:4004` */
  readonly REVIEWS_URL: string;
}

/** The running shop. */
export interface Shop {
  readonly users: RunningRest;
  readonly products: Running;
  readonly orders: Running;
  readonly reviews: RunningRest;
  /** Where people tell the backends to be slow, failing or down. */
  readonly control: Control;
  readonly environment: ShopEnvironment;
  /** Forgets the calls of all four. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Starts the four backends and their control.
 * @example const shop = await startShop(); process.env.USERS_URL = shop.environment.USERS_URL;
 */
export async function startShop({ ports = {} }: ShopOptions = {}): Promise<Shop> {
  const started: Closable[] = [];
  const open = async <T extends Closable>(part: ShopPart, start: Start<T>): Promise<T> => {
    const running = await startOnPort(start, ports[part] ?? 0);
    started.push(running);
    return running;
  };
  const close = async (): Promise<void> => {
    await Promise.all(started.map((part) => part.close()));
  };
  try {
    const users = await open('users', startUsers);
    const products = await open('products', startProducts);
    const orders = await open('orders', startOrders);
    const reviews = await open('reviews', startReviews);
    const backends = [users, products, orders, reviews];
    const control = await open('control', (options) => startControl(backends, options));
    const reset = (): void => backends.forEach((backend) => backend.reset());
    return {
      users,
      products,
      orders,
      reviews,
      control,
      environment: describe(users, products, orders, reviews),
      reset,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Closable {
  close(): Promise<void>;
}

type Start<T> = (options: { readonly port: number }) => Promise<T>;

async function startOnPort<T>(start: Start<T>, port: number): Promise<T> {
  try {
    return await start({ port });
  } catch (error) {
    if (port !== 0 && isTaken(error)) return start({ port: 0 });
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function describe(users: Running, products: Running, orders: Running, reviews: Running): ShopEnvironment {
  return {
    USERS_URL: users.url,
    PRODUCTS_ADDR: products.address,
    ORDERS_URL: orders.url,
    REVIEWS_URL: reviews.url,
  };
}
