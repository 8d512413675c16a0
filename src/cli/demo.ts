import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../base/config.js';

/** The demo shop, running in a process of its own. */
export interface DemoShop {
  /** Where its backends are, as the schema files name them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where people make the backends slow, failing or down. */
  readonly control: string;
  /** The issuers of its tokens. */
  readonly jwt: NonNullable<ConfigInput['jwt']>;
  /** A token for each of its people. */
  readonly tokens: Readonly<Record<string, string>>;
  /** What to ask first. */
  readonly operation: string;
}

/** Starts the demo shop; it ends with this process. */
export async function startDemoShop(): Promise<DemoShop> {
  const child = fork(program(), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: process.execArgv,
  });
  child.unref();
  try {
    return await announcement(child);
  } finally {
    child.channel?.unref();
  }
}

/** Beside us, in the form we have ourselves: compiled or source. */
function program(): string {
  const own = fileURLToPath(import.meta.url);
  const file = fileURLToPath(new URL(`../../demo/main${own.slice(own.lastIndexOf('.'))}`, import.meta.url));
  if (existsSync(file)) return file;
  throw new DemoError(
    'The demo shop is part of the repository, not of the package. Clone it and run npm start.',
  );
}

function announcement(child: ChildProcess): Promise<DemoShop> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as DemoShop));
    child.once('error', reject);
    child.once('exit', () => reject(new DemoError('The demo shop ended before it was ready.')));
  });
}

/** Thrown where there is no demo shop; its message is for the person who asked for it. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
