import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';

/** Why there can be no Redis here, for the names of tests that are skipped; undefined where there can. */
export const whyNoRedis: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';

/** The name of tests that need Redis: it says why they are skipped. */
export function withRedis(name: string): string {
  return whyNoRedis === undefined ? name : `${name} (skipped: ${whyNoRedis})`;
}

/** A Redis of a test's own, which keeps nothing. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** For looking into it. Connected when it is first used. */
  readonly client: Redis;
  /** Holds it as it is: connections stay, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it at once, as if the machine had failed. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with nothing in it. */
  restart(): Promise<void>;
}

/** Starts Redis on a free port, until the test's end. */
export async function startRedis(): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-redis-'));
  const port = await freePort();
  let server = await run(port, folder);
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  };
  onTestFinished(async () => {
    client.disconnect();
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    client,
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    kill,
    restart: async () => {
      server = await run(port, folder);
    },
  };
}

async function run(port: number, folder: string): Promise<ChildProcess> {
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const server = spawn('redis-server', [...settings, '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (await answers(port)) return server;
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('redis-server does not answer.');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(socket.bytesRead > 0));
  });
}

/** A proxy before a Redis, whose answers can be made late. */
export interface SlowProxy {
  readonly url: string;
  /** How late answers come from now on, in milliseconds. */
  delayMs: number;
}

/** Starts a proxy before a Redis, until the test's end. */
export async function startSlowProxy({ port }: RedisServer): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  const proxy = { url: '', delayMs: 0 };
  const server = createServer((client) => {
    const behind = connect(port, '127.0.0.1');
    for (const socket of [client, behind]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [client, behind].forEach((one) => one.destroy()));
    }
    client.on('data', (bytes) => behind.write(bytes));
    behind.on('data', (bytes) => {
      if (proxy.delayMs === 0) client.write(bytes);
      else setTimeout(() => client.writable && client.write(bytes), proxy.delayMs);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
    await once(server, 'close');
  });
  proxy.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
