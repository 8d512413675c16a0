import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { exchange, post, postText, sampleExecutable, start } from './support.js';

/** A port that somebody else listens on. */
async function takenPort(): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  return (other.address() as AddressInfo).port;
}

test('a port in use is an error, with its code', async () => {
  await expect(start({ port: await takenPort() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('with a fallback, the next free port is taken and the result says so', async () => {
  const port = await takenPort();
  const served = await start({ port, portFallback: true });
  expect(served.portTaken).toBe(port);
  expect(served.port).toBeGreaterThan(port);
  expect(served.url).toBe(`http://localhost:${served.port}`);
  expect((await post(served, { query: '{ hello }' })).status).toBe(200);
});

test('a port that was free is no reason to speak of another', async () => {
  expect(await start({ portFallback: true })).not.toHaveProperty('portTaken');
});

test('closing lets a request in flight finish, says so to its connection, and takes no more', async () => {
  let open!: (value: string) => void;
  let entered!: () => void;
  const opened = new Promise<string>((resolve) => (open = resolve));
  const started = new Promise<void>((resolve) => (entered = resolve));
  const slow = () => {
    entered();
    return opened;
  };
  const served = await start({ executable: sampleExecutable({ slow }), closeTimeoutMs: 10_000 });
  const inFlight = exchange(served, postText('{"query":"{ slow }"}', ['Connection: keep-alive']));
  await started;
  const closed = served.close();
  await expect(post(served, { query: '{ hello }' })).rejects.toThrow();
  open('done');
  const { answers } = await inFlight;
  expect(answers).toMatchObject([
    { status: 200, body: { data: { slow: 'done' } }, headers: { connection: 'close' } },
  ]);
  await closed;
});

test('before it takes no more, /ready says no for the time a balancer needs', async () => {
  const served = await start({ closeDelayMs: 1_000 });
  const closed = served.close();
  expect((await fetch(`${served.url}/ready`)).status).toBe(503);
  expect((await fetch(`${served.url}/live`)).status).toBe(200);
  expect((await post(served, { query: '{ hello }' })).status).toBe(200);
  await closed;
  await expect(fetch(`${served.url}/live`)).rejects.toThrow();
});

test('closing does not wait for connections on which nobody asks', async () => {
  const served = await start({ closeTimeoutMs: 60_000 });
  const silent = connect(served.port, '127.0.0.1');
  const idle = connect(served.port, '127.0.0.1');
  idle.write(postText('{"query":"{ hello }"}', ['Connection: keep-alive']));
  await Promise.all([once(silent, 'connect'), once(idle, 'data')]);
  await served.close();
});

test('closing ends a request that takes longer than the time for it', async () => {
  let entered!: () => void;
  const started = new Promise<void>((resolve) => (entered = resolve));
  const slow = () => {
    entered();
    return new Promise(() => undefined);
  };
  const served = await start({ executable: sampleExecutable({ slow }), closeTimeoutMs: 50 });
  const inFlight = post(served, { query: '{ slow }' });
  const failure = expect(inFlight).rejects.toThrow();
  await started;
  await served.close();
  await failure;
});

test('closing twice is closing once', async () => {
  const served = await start();
  expect(served.close()).toBe(served.close());
  await served.close();
});
