import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSchema, introspectionFromSchema } from 'graphql';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { inputPaths } from '../../../src/mapping/shape.js';
import { open, limits } from './open.js';
import { startService, type Canned } from './service.js';

const sdl = 'type Query { count: Int, user: User }\ntype User { id: ID! }\n';

/** A folder with one file in it, and a folder around it with another. */
async function folder(name: string, content: string): Promise<string> {
  const around = await mkdtemp(join(tmpdir(), 'backstitch-'));
  onTestFinished(() => rm(around, { recursive: true }));
  await writeFile(join(around, 'secret.graphql'), sdl);
  const inside = await mkdtemp(join(around, 'schemas-'));
  await writeFile(join(inside, name), content);
  return inside;
}

function file(url: string, more = ''): string {
  return /* GraphQL */ `
    extend schema @source(name: "users", graphql: { url: "${url}"${more} })
    type Query { count: Int @connect(source: "users", graphql: { query: "count" }, selection: "$") }
  `;
}

describe('a schema in a file', () => {
  test.each([
    ['as SDL', 'users.remote.graphql', sdl],
    ['with directives of its own', 'users.graphqls', 'extend type Query { count: Int @cost(weight: 1) }'],
    [
      'as an answer to introspection',
      'users.json',
      JSON.stringify({ data: introspectionFromSchema(buildSchema(sdl)) }),
    ],
    ['as the data of one', 'users.json', JSON.stringify(introspectionFromSchema(buildSchema(sdl)))],
    ['behind a byte order mark', 'users.graphqls', `\uFEFF${sdl}`],
  ])('is read %s, and the service is not asked', async (_, name, content) => {
    const { url, calls } = await startService(sdl, { count: 2 });
    const opened = await open(file(url, `, schema: "${name}"`), { folder: await folder(name, content) });
    expect(calls).toEqual([]);
    expect(await opened.fetch()).toBe(2);
    expect(calls).toHaveLength(1);
  });

  test.each([
    ['does not exist', 'none.graphql', 'it does not exist'],
    ['lies above', '../secret.graphql', 'it lies outside the folder of the schema files'],
    ['is behind a link that leads out', 'link.graphql', 'it lies outside the folder of the schema files'],
    ['has an absolute path', '/etc/passwd', 'it lies outside the folder of the schema files'],
    ['is no schema', 'text.json', 'it is no answer to an introspection query'],
    ['is a folder', '.', 'it is a folder'],
  ])('that %s is refused at the place that names it', async (_, name, reason) => {
    const inside = await folder('text.json', '{"hello": 1}');
    await symlink(join(inside, '..', 'secret.graphql'), join(inside, 'link.graphql'));
    const text = file('http://127.0.0.1:1/', `, schema: "${name}"`);
    const error = await open(text, { folder: inside }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      problems: [{ code: 'GRAPHQL_REMOTE_SCHEMA', offset: text.indexOf(name, text.indexOf('schema: "')) }],
    });
    expect(String(error)).toContain(reason);
  });

  test('with a fault in it is shown at the fault', async () => {
    const inside = await folder('users.graphqls', 'type Query {\n  count Int\n}');
    const error = await open(file('http://127.0.0.1:1/', ', schema: "users.graphqls"'), {
      folder: inside,
    }).catch(String);
    expect(error).toContain('users.graphqls:2:9');
  });

  test('with a type it does not define is refused', async () => {
    const inside = await folder('users.graphqls', 'type Query { count: Nothing }');
    const error = await open(file('http://127.0.0.1:1/', ', schema: "users.graphqls"'), {
      folder: inside,
    }).catch(String);
    expect(error).toContain('Unknown type: "Nothing"');
  });

  test('cannot be beside a schema that is held in memory', async () => {
    const error = await open(file('http://127.0.0.1:1/', ', schema: "users.graphqls"')).catch(String);
    expect(error).toContain('held in memory');
  });
});

describe('introspection', () => {
  test('asks once, with the headers that need no request', async () => {
    const { url, calls } = await startService(sdl, { count: 2 });
    const headers = `, headers: [
      { name: "x-key", value: "{$config.key}" },
      { name: "x-env", value: "{$env.STAGE}" },
      { name: "x-caller", value: "{$request.headers.name->first}" },
      { name: "authorization", from: "authorization" }
    ]`;
    const opened = await open(file(url, headers), { config: { key: 'k' }, environment: { STAGE: 'test' } });
    await opened.fetch();
    await opened.fetch();
    expect(calls).toHaveLength(3);
    expect(calls[0]?.document).toContain('__schema');
    expect(calls[0]?.headers).toMatchObject({ 'x-key': 'k', 'x-env': 'test' });
    expect(Object.keys(calls[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['x-caller']));
    expect(Object.keys(calls[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['authorization']));
  });

  test('knows deprecated arguments, also of services that must be asked in an older way', async () => {
    const old = 'type Query { count(by: Int @deprecated): Int }';
    const service = await startService(old, { count: 2 });
    const text = file(service.url).replace('query: "count"', 'query: "count", args: "by: $args.by"');
    expect(await (await open(text)).fetch()).toBe(2);
    expect(service.calls).toHaveLength(2);

    const older = await startService('type Query { count(by: Int): Int }', { count: 2 });
    older.canned = ({ document }) =>
      document.includes('args(includeDeprecated')
        ? { status: 400, text: '{"errors":[{"message":"Unknown argument \\"includeDeprecated\\""}]}' }
        : undefined;
    expect(await (await open(text.replace(service.url, older.url))).fetch()).toBe(2);
    expect(older.calls).toHaveLength(3);
  });

  test('of a service that is down does not stop the start; the first call asks again', async () => {
    const service = await startService(sdl, { count: 2 });
    service.down = true;
    const opened = await open(file(service.url));
    expect(opened.log.warn).toHaveBeenCalledTimes(1);
    service.down = false;
    expect(await Promise.all([opened.fetch(), opened.fetch(), opened.fetch()])).toEqual([2, 2, 2]);
    expect(service.calls.length - service.queries.length).toBe(1);
  });

  test('of a service that stays down is tried again at most every few seconds', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const service = await startService(sdl, { count: 2 });
    service.canned = () => ({ status: 503, text: 'no' });
    const opened = await open(file(service.url));
    const failed = { code: 'HTTP_CLIENT_ERROR' };
    await expect(opened.fetch()).rejects.toMatchObject(failed);
    await expect(opened.fetch()).rejects.toMatchObject(failed);
    expect(service.calls).toHaveLength(2);
    service.canned = undefined;
    await expect(opened.fetch()).rejects.toMatchObject(failed);
    clock.mockReturnValue(4_000);
    expect(await opened.fetch()).toBe(2);
    expect(service.calls).toHaveLength(4);
  });

  test.each([
    ['refused', '{"errors":[{"message":"introspection is off"}]}'],
    ['answered with something else', '{"data":{"__schema":{}}}'],
    ['answered with a page', '<html>'],
  ])('that is %s leaves calls failing, with a hint in the log', async (_, text) => {
    const service = await startService(sdl);
    service.canned = () => ({ text });
    const opened = await open(file(service.url));
    await expect(opened.fetch()).rejects.toMatchObject({ code: 'HTTP_CLIENT_ERROR' });
    expect(opened.log.warn.mock.calls[0]?.[1]).toContain('schema: "…"');
  });

  test('is waited for no longer than the call may take', async () => {
    const service = await startService(sdl);
    service.down = true;
    const opened = await open(file(service.url));
    service.down = false;
    const asked = new Promise<void>((resolve) => {
      service.canned = () => {
        resolve();
        return new Promise<Canned>(() => {});
      };
    });
    const { connect } = opened;
    const abort = new AbortController();
    const sent = connect()
      .prepare({}, { reads: inputPaths(anything) })
      .send({ ...limits, signal: abort.signal });
    await asked;
    abort.abort();
    await expect(sent).rejects.toMatchObject({ code: 'GATEWAY_TIMEOUT' });
  });

  test('that comes late and does not fit is told once in the log, and fails the calls', async () => {
    const service = await startService('type Query { counts: Int }');
    service.down = true;
    const opened = await open(file(service.url));
    const transport = opened.connect();
    service.down = false;
    const send = () => transport.prepare({}, { reads: inputPaths(anything) }).send(limits);
    await expect(send()).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
    await expect(send()).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
    expect(opened.log.error).toHaveBeenCalledTimes(1);
    expect(opened.log.error.mock.calls[0]?.[1]).toContain('Did you mean "counts"?');
  });
});

test.each(['ftp://127.0.0.1/', 'nowhere', ''])('the address "%s" is refused where it stands', async (url) => {
  const text = file(url);
  const error = await open(text).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ problems: [{ code: 'INVALID_URL', offset: text.indexOf('url: "') + 6 }] });
});

const anything = {
  version: '0.4',
  root: { kind: 'list', entries: [], range: { start: 0, end: 0 } },
  range: { start: 0, end: 0 },
} as const;
