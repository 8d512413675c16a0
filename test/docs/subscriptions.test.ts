import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { buildSchema } from 'graphql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RequestContext } from '../../src/base/context.js';
import { defaultLimits } from '../../src/server/front.js';
import { serve } from '../../src/server/serve.js';
import { defaultSubscriptionLimits } from '../../src/server/subscribers.js';
import { tokenOf } from '../server/support.js';
import { blocksOf } from '../support/markdown.js';
import { rowsWith } from './tables.js';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/subscriptions.md', import.meta.url), 'utf8');
const blocks = blocksOf(page);

/** The blocks of the page in a language, under a heading. */
function shown(heading: string, language: string): string {
  const block = blocks.find((each) => each.heading === heading && each.language === language);
  if (block === undefined) throw new Error(`The page shows no ${language} below "${heading}".`);
  return block.text;
}

/** The gateway of the examples: two orders are placed as soon as somebody listens. */
async function startShop(): Promise<{ readonly port: number; readonly tokens: readonly unknown[] }> {
  const tokens: unknown[] = [];
  const orders = [
    { id: 'o1', total: 1990 },
    { id: 'o2', total: 450 },
  ];
  const served = await serve({
    executable: {
      schema: buildSchema(
        'type Query { a: Int } type Order { id: ID! total: Int } type Subscription { orderPlaced: Order }',
      ),
      execute: async () => ({ data: null }),
      subscribe: async () =>
        (async function* () {
          for (const orderPlaced of orders) yield { data: { orderPlaced } };
        })(),
    },
    contextFor: async (facts) => {
      tokens.push(tokenOf(facts));
      return new RequestContext(facts);
    },
    port: 0,
  });
  onTestFinished(() => served.close());
  return { port: served.port, tokens };
}

/** Runs a program of the page against the shop, and gives what it prints. */
async function printed(text: string, port: number): Promise<string> {
  const program = `const getToken = async () => 't0ken';\n${text}\nprocess.exit();`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', atPort(program, port)]);
  return stdout;
}

function atPort(text: string, port: number): string {
  expect(text).toContain('localhost:4000');
  return text.replaceAll('localhost:4000', `127.0.0.1:${port}`);
}

describe('the page about subscriptions', () => {
  const orders = "{ id: 'o1', total: 1990 }\n{ id: 'o2', total: 450 }\n";

  it('has a client of graphql-ws that works, with its token', async () => {
    const { port, tokens } = await startShop();
    expect(await printed(shown('Over a WebSocket', 'js'), port)).toBe(orders);
    expect(new Set(tokens)).toEqual(new Set(['Bearer t0ken']));
  });

  it('has a client by fetch that works', async () => {
    const { port } = await startShop();
    expect(await printed(shown('As a stream of events', 'js'), port)).toBe(orders);
  });

  it.skipIf(!hasCurl())('shows what curl prints', async () => {
    const { port } = await startShop();
    const { stdout } = await run('sh', ['-c', `${atPort(shown('As a stream of events', 'sh'), port)} -s`]);
    expect(stdout.trimEnd()).toBe(shown('As a stream of events', 'text').trimEnd());
  });

  it('has all limits, with their defaults', () => {
    const rows = rowsWith(page, 'option', 'default').map((row) => [
      (row.get('option') ?? '').replaceAll('`', ''),
      Number((row.get('default') ?? '').replaceAll(',', '')),
    ]);
    expect(Object.fromEntries(rows)).toEqual(defaultSubscriptionLimits);
    expect(defaultLimits.maxBodyBytes).toBe(2 ** 20);
  });
});

function hasCurl(): boolean {
  return spawnSync('curl', ['--version']).status === 0;
}
