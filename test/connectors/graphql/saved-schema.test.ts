import { chmod, mkdtemp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSchema, printSchema } from 'graphql';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readConfigFile, toConfig, type ConfigInput } from '../../../src/base/config.js';
import { createLog } from '../../../src/base/log.js';
import { graphql } from '../../../src/connectors/graphql/protocol.js';
import { createGateway } from '../../../src/index.js';
import { open } from './open.js';
import { startService } from './service.js';

const sdl = 'type Query { count(by: Int = 1): Int }';
const newer = 'type Query { count(by: Int = 1): Int, more: Int }';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'backstitch-')), 'saved');
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(join(folder, '..'), { recursive: true });
});

const text = (url: string, field = 'count') => /* GraphQL */ `
  extend schema @source(name: "numbers", graphql: { url: "${url}" })
  type Query { count: Int @connect(source: "numbers", graphql: { query: "${field}" }, selection: "$") }
`;

const openAt = (url: string, field?: string) => open(text(url, field), { savedSchemas: folder });

const file = () => join(folder, 'orders.numbers.graphql');

/** Lets the copy of a schema be there, and the service be down. */
async function startDown(copy = sdl, now = sdl) {
  await mkdir(folder, { recursive: true });
  await writeFile(file(), copy);
  const service = await startService(now, { count: 2, more: 3 });
  service.down = true;
  return service;
}

describe('what a service tells of its schema', () => {
  test('is saved, whole, under the names of subgraph and source', async () => {
    const { url } = await startService(sdl, { count: 2 });
    const { log } = await openAt(url);
    expect(await readdir(folder)).toEqual(['orders.numbers.graphql']);
    expect(await readFile(file(), 'utf8')).toContain(printSchema(buildSchema(sdl)));
    expect(log.warn).not.toHaveBeenCalled();
  });

  test('takes the place of what it told before', async () => {
    await mkdir(folder);
    await writeFile(file(), 'type Query { old: Int }');
    await openAt((await startService(sdl)).url);
    expect(await readFile(file(), 'utf8')).not.toContain('old: Int');
  });

  test('is saved as soon as it is told', async () => {
    const service = await startService(sdl, { count: 2 });
    service.down = true;
    const opened = await openAt(service.url);
    service.down = false;
    expect(await opened.fetch()).toBe(2);
    await vi.waitFor(() => stat(file()));
  });

  test('is not saved where the schema is in a file, or no folder is given', async () => {
    const { url } = await startService(sdl, { count: 2 });
    await open(text(url));
    await mkdir(folder);
    await writeFile(join(folder, 'numbers.graphqls'), sdl);
    const withFile = text(url).replace(`"${url}"`, `"${url}", schema: "numbers.graphqls"`);
    await open(withFile, { folder, savedSchemas: folder });
    expect(await readdir(folder)).toEqual(['numbers.graphqls']);
  });

  test.each([
    ['../../etc/passwd', '%2e%2e%2f%2e%2e%2fetc%2fpasswd.numbers.graphql'],
    ['a.b', 'a%2eb.numbers.graphql'],
    ['Größe 1', 'Gr%c3%b6%c3%9fe%201.numbers.graphql'],
  ])('of the subgraph "%s" cannot lie elsewhere', async (subgraph, name) => {
    const opened = await open(text((await startService(sdl)).url));
    const [source] = opened.subgraph.sources;
    if (source?.kind !== 'graphql') throw new Error('There is a source.');
    const renamed = await graphql.open(
      { ...source, subgraph },
      {
        subgraph: opened.subgraph,
        environment: {},
        config: {},
        log: createLog('silent'),
        savedSchemas: folder,
      },
    );
    await renamed.close();
    expect(await readdir(folder)).toEqual([name]);
  });

  test.each([
    ['where the folder is a file', () => writeFile(folder, '')],
    ['where the copy is a folder', () => mkdir(file(), { recursive: true })],
  ])('%s is one line in the log', async (_, prepare) => {
    await prepare();
    const { url } = await startService(sdl, { count: 2 });
    const opened = await openAt(url);
    expect(await opened.fetch()).toBe(2);
    expect(opened.log.warn).toHaveBeenCalledOnce();
    expect(opened.log.warn.mock.calls[0]?.[1]).toContain('cannot be saved');
    expect(await readdir(folder).catch(() => [])).not.toContainEqual(expect.stringContaining('.tmp'));
  });

  test.skipIf(process.getuid?.() === 0)('where nothing may be written is one line in the log', async () => {
    await mkdir(folder);
    await chmod(folder, 0o500);
    const opened = await openAt((await startService(sdl, { count: 2 })).url);
    expect(opened.log.warn).toHaveBeenCalledOnce();
    await chmod(folder, 0o700);
  });
});

describe('the saved copy', () => {
  test('is used at a start while the service is down, and the log says from when', async () => {
    const service = await startDown();
    await utimes(file(), new Date('2026-05-06T07:08:09Z'), new Date('2026-05-06T07:08:09Z'));
    const opened = await openAt(service.url);
    expect(opened.log.warn).toHaveBeenCalledOnce();
    expect(opened.log.warn.mock.calls[0]?.[1]).toContain(
      'The copy that was saved at 2026-05-06T07:08:09.000Z',
    );

    await expect(opened.fetch()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    service.down = false;
    expect(await opened.fetch()).toBe(2);
    expect(service.calls).toHaveLength(1);
  });

  test('is what the schema was, in all that matters', async () => {
    const full = /* GraphQL */ `
      type Query {
        count(by: [Int!]! = [1, 2], as: In = { a: 1 }, old: Int @deprecated): Int
      }
      input In {
        a: Int = 3
        e: E = B
      }
      enum E {
        A
        B
      }
      interface Node {
        id: ID!
      }
      type Order implements Node {
        id: ID!
        hits: [Hit!]!
      }
      type Film implements Node {
        id: ID!
      }
      union Hit = Order | Film
      scalar Money
    `;
    const service = await startService(full, { count: 2 });
    const first = await openAt(service.url);
    await first.close();
    const saved = await readFile(file(), 'utf8');
    service.down = true;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const second = await openAt(service.url);
    service.down = false;
    vi.advanceTimersByTime(30_000);
    await vi.waitFor(() => expect(second.log.info).toHaveBeenCalledOnce());
    expect(second.log.info.mock.calls[0]?.[1]).toContain('It is that of the saved copy.');
    expect(await readFile(file(), 'utf8')).toBe(saved);
  });

  test.each([
    ['is damaged', 'type Query { count:'],
    ['is empty', ''],
    ['is cut off behind a type', 'type Query { count: Count }'],
    ['has no queries', 'type Count { a: Int }'],
    ['is binary', '\0\u0001\u0002'],
  ])('that %s is not used, and the log says so', async (_, copy) => {
    const service = await startDown(copy);
    const opened = await openAt(service.url);
    expect(opened.log.warn.mock.calls.map((call): unknown => call[1])).toEqual([
      expect.stringContaining('cannot be used'),
      expect.stringContaining('Calls will ask again.'),
    ]);
    service.down = false;
    expect(await opened.fetch()).toBe(2);
  });

  test('never stops a start, although a connector does not fit it: that one waits for the service', async () => {
    const service = await startDown(sdl, newer);
    const opened = await openAt(service.url, 'more');
    opened.connect();
    expect(opened.log.warn).toHaveBeenCalledTimes(2);
    expect(opened.log.warn.mock.calls[1]?.[1]).toContain('does not fit the saved copy');
    const transport = opened.connect();
    const call = () =>
      transport.prepare({}, { reads: { fields: new Map(), whole: undefined } }).send({ timeoutMs: 5_000 });
    await expect(call()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    service.down = false;
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_000);
    expect(await call()).toMatchObject({ body: 3 });
  });

  test('is used until the next start, although the service tells another schema by then', async () => {
    const service = await startDown(sdl, newer);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const opened = await openAt(service.url);
    vi.advanceTimersByTime(30_000);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    service.down = false;
    await vi.waitFor(() => {
      vi.advanceTimersByTime(30_000);
      expect(opened.log.warn).toHaveBeenCalledTimes(2);
    });
    expect(opened.log.warn.mock.calls[1]?.[1]).toContain('it differs from the saved copy');
    expect(vi.getTimerCount()).toBe(0);
    expect(await readFile(file(), 'utf8')).toContain('more: Int');
    const asked = service.calls.length;
    expect(await opened.fetch()).toBe(2);
    expect(service.calls).toHaveLength(asked + 1);
  });

  test('is not asked about any more when the source is closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const opened = await openAt((await startDown()).url);
    expect(vi.getTimerCount()).toBe(1);
    await opened.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the folder', () => {
  const saves = async (config: ConfigInput, files?: Record<string, string>) => {
    const { url } = await startService(sdl, { count: 2 });
    const around = join(folder, '..');
    await mkdir(join(around, 'schemas'));
    await writeFile(join(around, 'schemas', 'orders.graphql'), text(url));
    const gateway = await createGateway({
      config: { schemas: join(around, 'schemas'), log: 'silent', ...config },
      ...(files && { files: { 'orders.graphql': text(url) } }),
    });
    await gateway.close();
    return (await readdir(around)).filter((name) => name !== 'schemas');
  };

  test('is .backstitch beside that of the schema files', async () => {
    expect(await saves({})).toEqual(['.backstitch']);
  });

  test('is that of the configuration', async () => {
    expect(await saves({ savedSchemas: join(folder, '..', 'copies') })).toEqual(['copies']);
  });

  test('is none where the configuration says so, or the schemas are held in memory', async () => {
    expect(await saves({ savedSchemas: false })).toEqual([]);
    await rm(join(folder, '..', 'schemas'), { recursive: true });
    expect(await saves({}, {})).toEqual([]);
  });

  test('of schemas that are held in memory is that of the configuration', async () => {
    expect(await saves({ savedSchemas: folder }, {})).toEqual(['saved']);
  });

  test('in a config file is relative to it', async () => {
    const configFile = join(folder, '..', 'backstitch.config.json');
    await writeFile(configFile, JSON.stringify({ savedSchemas: 'copies', schemas: 'here' }));
    expect(await readConfigFile(configFile)).toEqual({
      savedSchemas: join(folder, '..', 'copies'),
      schemas: join(folder, '..', 'here'),
    });
  });

  test('must be a folder or false', () => {
    expect(() => toConfig({ savedSchemas: true as false })).toThrow('"savedSchemas" is neither the path');
  });
});
