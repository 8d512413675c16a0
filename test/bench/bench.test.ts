import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runBench } from '../../bench/bench.js';
import { baseline, usualContestants as contestants } from '../../bench/contestants.js';
import { askOnce, firstDifference } from '../../bench/instrument/check.js';
import { startChild } from '../../bench/instrument/child.js';
import { openLoad } from '../../bench/instrument/load.js';
import { median, percentile } from '../../bench/instrument/statistics.js';
import { formatReport } from '../../bench/instrument/table.js';
import { OptionsError, readOptions, type Options } from '../../bench/options.js';
import { queries } from '../../bench/queries.js';

const smallest: Options = {
  contestants,
  queries,
  connections: [2],
  rounds: 1,
  seconds: 5,
  requests: 4,
  warmUpSeconds: 5,
  pin: false,
};

describe('the smallest run', () => {
  beforeAll(() => {
    const build = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8', timeout: 60_000 });
    expect(build.stderr).toBe('');
  }, 60_000);

  it('finds all answers equal, one call per backend, and ends in a table', async () => {
    const report = await runBench(smallest);
    const pairs = queries.flatMap((query) => contestants.map(({ name }) => [query.name, name]));

    expect(report.checks.map(({ query, contestant }) => [query, contestant])).toEqual(pairs);
    for (const { calls } of report.checks) expect(calls).toEqual({ users: 1, products: 1, orders: 1 });

    expect(report.failures).toEqual([]);
    expect(report.results.map(({ query, contestant }) => [query, contestant])).toEqual(pairs);
    for (const result of report.results) {
      expect(result.requests).toBe(4);
      expect(result.callsPerRequest).toBeLessThanOrEqual(3);
      if (result.contestant === baseline) expect(result.ratio).toBe(1);
    }

    const text = formatReport(report);
    for (const { name } of [...contestants, ...queries]) expect(text).toContain(name);
    expect(text).toMatch(
      /^CPU per request, as a multiple of "by hand"\n\nquery +connections +gateway +by hand/,
    );
  }, 90_000);
});

describe('an answer', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  /** Answers with each of these bodies in turn. */
  async function startAnswering(...bodies: string[]): Promise<string> {
    let turn = 0;
    server = createServer((request, response) => {
      request.resume().on('end', () => response.end(bodies[turn++ % bodies.length]));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  }

  async function load(url: string, expected: string): Promise<number> {
    const options = { url, headers: {}, body: '{}', expected: Buffer.from(expected), connections: 1 };
    const opened = await openLoad(options);
    try {
      return (await opened.run({ seconds: 5, requests: 3 })).requests;
    } finally {
      opened.close();
    }
  }

  it('is compared under load, byte for byte', async () => {
    expect(await load(await startAnswering('{"data":1}'), '{"data":1}')).toBe(3);
  });

  it('stops the run when it differs', async () => {
    const url = await startAnswering('{"data":1}', '{"data":2}');
    await expect(load(url, '{"data":1}')).rejects.toThrow('an answer differs from the one that was checked');
  });

  it('stops the run when its length differs', async () => {
    const url = await startAnswering('{"data":1}', '{"data":10}');
    await expect(load(url, '{"data":1}')).rejects.toThrow('has 11 Content-Length instead of 10');
  });

  it('is refused when it has errors', async () => {
    const url = await startAnswering('{"data":{},"errors":[{"message":"no"}]}');
    await expect(askOnce(url, { headers: {}, body: '{}' })).rejects.toThrow('answered with errors');
  });

  it('is compared with the others wherever its keys stand', () => {
    expect(firstDifference({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBeUndefined();
    expect(firstDifference({ a: [{ b: 1 }] }, { a: [{ b: '1' }] })).toBe('answer.a.0.b is 1 and "1"');
    expect(firstDifference({ a: [] }, { a: {} })).toBe('answer.a is [] and {}');
    expect(firstDifference({ a: null }, {})).toBe('answer.a is null and missing');
  });
});

describe('a process of the bench', () => {
  it('that ends early is quoted', async () => {
    const child = startChild({
      name: 'poor thing',
      program: ['-e', 'console.error("no such port"); process.exit(3)'],
    });
    await expect(child.ask('start')).rejects.toThrow('poor thing ended (exit 3); it wrote:\nno such port');
    await child.stop();
  });

  it('is gone once it is stopped', async () => {
    const child = startChild({ name: 'idler', program: ['-e', 'process.on("message", () => {})'] });
    await child.stop();
    await expect(child.ask('start')).rejects.toThrow('idler ended (SIGTERM)');
  });
});

describe('the command line', () => {
  it('measures everything unless told otherwise', () => {
    expect(readOptions([])).toMatchObject({ contestants, queries, connections: [1, 16, 64], pin: true });
  });

  it('always keeps what the ratios are made with', () => {
    const names = readOptions(['--contestants', 'gateway'])?.contestants.map(({ name }) => name);
    expect(names).toEqual(['gateway', baseline]);
  });

  it.each([
    [
      '--contestants gatway',
      'there is no "gatway"; there is: gateway, guarded, unguarded, by hand, apollo by hand.',
    ],
    ['--queries All', 'there is no "All"; there is: ShopFront, OrderList.'],
    ['--contestants by-hand', 'there is no "by-hand"'],
    ['--connections 0', '--connections must be a whole number from 1 to 1024, not "0".'],
    ['--connections 1,,2', 'not "".'],
    ['--rounds 1.5', '--rounds must be a whole number from 1 to 99, not "1.5".'],
    ['--seconds soon', '--seconds must be a number from 0.1 to 60, not "soon".'],
    ['--pin 3', '--pin is "auto" or "off", not "3".'],
    ['--profile nobody', '--profile: there is no "nobody"'],
    ['--contestants gateway --profile apollo', '--profile: there is no "apollo"'],
    ['--speed', "Unknown option '--speed'"],
  ])('refuses %s', (words, message) => {
    expect(() => readOptions(words.split(' '))).toThrow(OptionsError);
    expect(() => readOptions(words.split(' '))).toThrow(message);
  });
});

describe('the statistics', () => {
  it('take the middle and the rank', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([5], 0.99)]).toEqual([50, 99, 5]);
  });
});
