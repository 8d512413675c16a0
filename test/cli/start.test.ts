import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/run.js';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schemas-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** Runs a command line that cannot start anything, here in this process. */
async function refused(args: readonly string[]): Promise<Ended> {
  let err = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  const code = await run(args).finally(() => write.mockRestore());
  return { code, out: '', err };
}

/** Runs the program until it ends, or until `stopAt` is on its screen and it has been told to stop. */
async function backstitch(
  args: readonly string[],
  stopAt?: RegExp,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (stopAt?.test(out)) child.kill('SIGTERM');
  });
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const users = (
  field: string,
) => `extend schema @source(name: "users", http: { baseURL: "http://127.0.0.1:9" })

type Query {
  ${field}
}

type User {
  id: ID!
  name: String
}
`;

const good = users(
  'user(id: ID!): User @connect(source: "users", http: { GET: "/users/{$args.id}" }, selection: "id name")',
);

describe('starting', () => {
  it('serves a folder of schema files, and ends on a signal with 0', async () => {
    await writeFile(join(folder, 'users.graphql'), good);
    const { code, out, err } = await backstitch(['dev', '--schemas', folder, '--port', '0'], /REST/);
    expect(err).toBe('');
    expect(out).toMatch(/backstitch \d+\.\d+\.\d+ {2}ready in \d+ ms/);
    expect(out).toMatch(/users +REST +1 connector /);
    expect(code).toBe(0);
  });

  it('takes the next free port in development, and says so', async () => {
    await writeFile(join(folder, 'users.graphql'), good);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { out } = await backstitch(['dev', '--schemas', folder, '--port', String(port)], /REST/);
    other.close();
    expect(out).toContain(`Port ${port} is taken`);
    expect(out).not.toContain(`localhost:${port}/`);
  });

  it('does not take another port in production', async () => {
    await writeFile(join(folder, 'users.graphql'), good);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, err } = await backstitch(['start', '--schemas', folder], undefined, { PORT: String(port) });
    other.close();
    expect(code).toBe(2);
    expect(err).toContain('The port is taken');
  });
});

describe('a fault in a schema file stops the start with its place, a frame and the nearest name', () => {
  it.each([
    [
      'a misspelt type',
      'user(id: ID!): Usr @connect(source: "users", http: { GET: "/users/{$args.id}" }, selection: "id")',
      'users.graphql:4:18',
      'Unknown type "Usr". Did you mean "User"?',
    ],
    [
      'a misspelt argument',
      'user(id: ID!): User @connect(source: "users", http: { GET: "/users/{$args.ident}" }, selection: "id")',
      'users.graphql:4:7',
      'Did you mean "id"?',
    ],
    [
      'a misspelt source',
      'user(id: ID!): User @connect(source: "user", http: { GET: "/users/{$args.id}" }, selection: "id")',
      'users.graphql:4:41',
      'Did you mean "users"?',
    ],
    [
      'a misspelt directive',
      'user(id: ID!): User @conect(source: "users", http: { GET: "/users/{$args.id}" }, selection: "id")',
      'users.graphql:4:23',
      'Unknown directive "@conect". Did you mean "@connect"',
    ],
    [
      'a misspelt argument of a directive',
      'user(id: ID!): User @connect(sorce: "users", http: { GET: "/users/{$args.id}" }, selection: "id")',
      'users.graphql:4:32',
      'Did you mean "source"?',
    ],
  ])('%s', async (_what, field, place, message) => {
    await writeFile(join(folder, 'users.graphql'), users(field));
    const { code, err } = await refused(['start', '--schemas', folder, '--port', '0']);
    expect(err).toContain('SCHEMA_FILE_INVALID');
    expect(err).toContain(message);
    expect(err).toContain(place);
    expect(err).toMatch(/^4 \| .*\n {2}\| +\^$/m);
    expect(err).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  it('lists the faults of all files', async () => {
    await writeFile(join(folder, 'a.graphql'), 'type Query { a: Strin }');
    await writeFile(join(folder, 'b.graphql'), 'type Query {');
    const { code, err } = await refused(['start', '--schemas', folder, '--port', '0']);
    expect(err).toContain('2 problems in 2 files');
    expect(code).toBe(1);
  });
});

describe('what else keeps it from starting', () => {
  it.each([
    [['dev', '--schemas', '/nowhere/at/all'], 1, 'The schema folder /nowhere/at/all cannot be read'],
    [['strat'], 2, 'There is no command "strat". Did you mean "start"?'],
    [['start', '--prot', '1'], 2, 'There is no option "--prot". Did you mean "--port"'],
    [['start', '--port', 'http'], 2, '"http" is no port'],
  ])('%j', async (args, expected, message) => {
    const { code, err } = await refused(args);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect(code).toBe(expected);
  });

  it('an empty folder', async () => {
    const { code, err } = await refused(['start', '--schemas', folder]);
    expect(err).toContain('There is no .graphql file in');
    expect(code).toBe(1);
  });

  it('a config file with unknown keys and wrong values, all of them named, no value echoed', async () => {
    const config = join(folder, 'backstitch.config.json');
    await writeFile(config, '{"prot": 1, "timeout": "hunter2", "jwt": [{"isuer": "x"}]}');
    const { code, err } = await refused(['start', '--schemas', folder, '--config', config]);
    expect(err).toContain('unknown key "prot". Did you mean "port"?');
    expect(err).toContain('"timeout" is no length of time');
    expect(err).toContain('unknown key "jwt.0.isuer". Did you mean "issuer"?');
    expect(err).not.toContain('hunter2');
    expect(code).toBe(2);
  });
});
