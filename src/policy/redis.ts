import { ConfigError } from '../base/config.js';
import type { RedisTexts } from './redis-document-store.js';
import type { RedisCommands } from './redis-windows.js';

/** How Redis is reached. */
export interface RedisSetting {
  /** `redis://` or, with TLS, `rediss://`; with user and password where they are needed. */
  readonly url: string;
}

/** An open connection, or one that will be as soon as it can. */
export interface RedisConnection extends RedisCommands, RedisTexts {
  disconnect(): void;
}

/** How long a start waits for Redis. It goes on without; the connection is tried for ever. */
const startMs = 1_000;

/**
 * Connects to Redis. A command that cannot be sent, or whose connection breaks, fails at once and is never sent again:
 * what it counts would count twice.
 *
 * @throws ConfigError where the package `ioredis` is not installed
 */
export async function openRedis({ url }: RedisSetting): Promise<RedisConnection> {
  const { Redis } = await loadClient();
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    // A server that has stopped answering, but keeps its connections, is left for one that may have taken its place.
    socketTimeout: 5_000,
    retryStrategy: (times) => Math.min(50 * 2 ** times, 1_000),
    // This server was the main one, and is no more: whoever has its name now may be.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  // Each command fails with it, too.
  redis.on('error', () => undefined);
  await untilReady(redis);
  return redis;
}

async function loadClient() {
  try {
    return await import('ioredis');
  } catch {
    const fault = '"redis" needs the package "ioredis", which is not installed. Try: npm install ioredis@6';
    throw new ConfigError('the configuration', [fault]);
  }
}

async function untilReady(redis: { once(event: 'ready', listener: () => void): unknown }): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, startMs);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
