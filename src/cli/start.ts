import { findConfigFile, readConfigFile, type ConfigInput } from '../base/config.js';
import { startDemoShop, type DemoShop } from './demo.js';
import { formatStart } from './screen.js';
import { version } from './version.js';

/** What `start` and `dev` are asked for. */
export interface StartOptions {
  readonly mode: 'development' | 'production';
  /** Before the demo shop, which is started too. */
  readonly demo?: boolean | undefined;
  readonly schemas?: string | undefined;
  readonly config?: string | undefined;
  readonly port?: number | undefined;
}

/** Starts the gateway and serves until a signal ends it. */
export async function start(options: StartOptions): Promise<void> {
  // The shop gets the second core while this process loads its own modules.
  const starting = options.demo === true ? startDemoShop() : undefined;
  starting?.catch(() => undefined);
  const { createGateway } = await import('../gateway.js');
  const demo = await starting;
  const config = await configOf(options, demo);
  const gateway = await createGateway({ config, environment: { ...demo?.environment, ...process.env } });
  const served = await gateway
    .serve({
      portFallback: options.mode === 'development',
      firstOperation: demo && firstOperation(demo),
      ...(options.port === undefined ? {} : { port: options.port }),
    })
    .catch(async (error: unknown) => {
      await gateway.close();
      throw error;
    });
  const readyMs = performance.now();
  endOnSignal(async () => {
    await served.close();
    await gateway.close();
  });
  process.stdout.write(`\n${formatStart({ version: version(), gateway, served, readyMs, demo })}\n\n`);
}

/** The config file, with what the command line says over it. */
export async function configOf(options: StartOptions, demo?: DemoShop): Promise<ConfigInput> {
  const file = options.config ?? findConfigFile(process.cwd());
  const written = file === undefined ? {} : await readConfigFile(file);
  const log = options.mode === 'development' ? { log: 'warn' as const } : {};
  return {
    ...log,
    ...written,
    mode: options.mode,
    ...(demo && { jwt: [...(written.jwt ?? []), ...demo.jwt] }),
    ...(options.schemas === undefined ? {} : { schemas: options.schemas }),
  };
}

function firstOperation({ operation, tokens }: DemoShop) {
  return { document: operation, headers: { authorization: `Bearer ${tokens['customer'] ?? ''}` } };
}

/** The first signal ends in order, the second at once. */
function endOnSignal(end: () => Promise<void>): void {
  let ending = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (ending) process.exit(1);
      ending = true;
      void end().finally(() => process.exit(0));
    });
  }
}
