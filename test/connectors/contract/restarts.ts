import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openShop, openSockets, stocked, type Answer, type Contract, type Shop } from '../contract.js';

/** `RESTARTS=20` for the long run. */
const restarts = Number(process.env['RESTARTS'] ?? 5);

/** Within this time a backend that is back has to be found. */
const recoveryMs = 6_000;

const query = '{ item(id: 1) { name owner { name } } slots(ids: [1, 2, 3, 4]) { item { id name } } }';

const expected = {
  data: {
    item: { name: 'item 1', owner: { name: 'person p1' } },
    slots: ['1', '2', '3', '4'].map((id) => ({ item: { id, name: `item ${id}` } })),
  },
};

/** One answer, with the time in which it was made. */
interface Asked {
  readonly from: number;
  readonly until: number;
  readonly answer: Answer;
}

/** Backends that are killed and come back while they are asked. */
export function describeRestarts(contract: Contract): void {
  describe(`restarts of a backend over ${contract.protocol}`, () => {
    test(
      `${restarts} times under queries and mutations: errors only while it is down, no write twice, no socket left`,
      async () => {
        const before = openSockets();
        const backend = await contract.start();
        backend.reset(stocked);
        const shop = await openShop(contract, backend);
        const traffic = startTraffic(shop);
        const outages: { from: number; until: number }[] = [];
        for (let count = 0; count < restarts; count++) {
          await answersAgain(traffic.asked, performance.now());
          const from = performance.now();
          await backend.stop();
          await wait(100 + (count % 5) * 100);
          await backend.start();
          outages.push({ from, until: await answersAgain(traffic.asked, performance.now()) });
        }
        await traffic.stop();

        const failed = traffic.asked.filter(({ answer }) => answer.errors !== undefined);
        expect(failed.length).toBeGreaterThanOrEqual(restarts);
        for (const { from, until, answer } of failed) {
          expect(outages.some((outage) => until >= outage.from && from <= outage.until)).toBe(true);
          const codes = answer.errors?.map(({ extensions }) => extensions?.['code']);
          expect(new Set(codes)).toEqual(new Set(['HTTP_CLIENT_ERROR']));
        }
        for (const { answer } of traffic.asked) {
          if (answer.errors === undefined) expect(answer).toEqual(expected);
        }

        const written = backend.calls.filter(({ operation }) => operation === 'touchItem');
        const ids = written.map(({ input }) => input['id']);
        expect(new Set(ids).size).toBe(ids.length);
        expect(traffic.written.length).toBeGreaterThan(0);
        expect(ids).toEqual(expect.arrayContaining([...traffic.written]));

        await shop.gateway.close();
        await vi.waitFor(() => expect(socketsBeyond(before)).toBe(0));
        await backend.stop();
      },
      10_000 + restarts * (recoveryMs + 2_000),
    );

    test(
      'a backend that is down when the gateway starts is found when it comes',
      async () => {
        const backend = await contract.start();
        onTestFinished(() => backend.stop());
        backend.reset(stocked);
        await backend.stop();
        const shop = await openShop(contract, backend);
        onTestFinished(() => shop.gateway.close());
        expect((await shop.ask(query)).errors?.[0]?.extensions).toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
        await backend.start();
        await vi.waitFor(async () => expect(await shop.ask(query)).toEqual(expected), {
          timeout: recoveryMs,
        });
      },
      recoveryMs + 5_000,
    );
  });
}

/** Connections beyond those there were before. */
function socketsBeyond(before: number): number {
  return Math.max(0, openSockets() - before);
}

/** The end of the first good answer that was asked for after `since`. */
async function answersAgain(asked: readonly Asked[], since: number): Promise<number> {
  const good = await vi.waitUntil(
    () => asked.find(({ from, answer }) => from >= since && answer.errors === undefined),
    { timeout: recoveryMs, interval: 10 },
  );
  return good.until;
}

/** Asks without a pause until it is stopped; and writes, each time something else. */
function startTraffic({ ask }: Shop) {
  const asked: Asked[] = [];
  const written: string[] = [];
  let stopped = false;
  const readers = Array.from({ length: 4 }, async () => {
    while (!stopped) {
      const from = performance.now();
      const answer = await ask(query);
      asked.push({ from, until: performance.now(), answer });
      await wait(5);
    }
  });
  const writer = async () => {
    for (let count = 1; !stopped; count++) {
      const id = String(count);
      const { errors } = await ask(`mutation { touch(id: ${id}) { id } }`);
      if (errors === undefined) written.push(id);
      await wait(5);
    }
  };
  const all = Promise.all([...readers, writer()]);
  return {
    asked,
    written,
    stop: async () => {
      stopped = true;
      await all;
    },
  };
}
