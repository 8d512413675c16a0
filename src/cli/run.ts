import { parseArgs } from 'node:util';
import { didYouMean } from '../base/suggest.js';
import { ConfigError } from '../base/config.js';
import { SchemaFilesError } from '../base/problems.js';
import { TrustedDocumentsError } from '../policy/trusted-documents.js';
import { SchemaFolderError } from '../subgraph/read.js';
import { DemoError } from './demo.js';
import { start } from './start.js';
import { version } from './version.js';
import { who } from './who.js';

const help = `Usage: backstitch <command> [options]

Commands
  dev      serve schema files while you write them: introspection and the Sandbox are on
  start    serve them in production
  who      print who may read what: every protected field, its rules, every path to it

Options
  --schemas <folder>   where the schema files are (default: schemas)
  --config <file>      the config file (default: backstitch.config.ts, .js or .json, if there is one)
  --port <number>      the port to listen on (default: 4000)
  --demo               with dev: start the demo shop, too
  --json               with who: as JSON
  --version, --help

Example
  backstitch dev --schemas ./schemas --port 4000
`;

const options = {
  schemas: { type: 'string' },
  config: { type: 'string' },
  port: { type: 'string' },
  demo: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** Exit codes: schema files or documents have faults, or the call was wrong. */
const findings = 1;
const usage = 2;

const contentErrors = [SchemaFilesError, SchemaFolderError, TrustedDocumentsError];

/**
 * Runs a command line.
 *
 * @param args without the program's name
 * @returns the exit code; a command that serves returns once it does
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(readArguments(args));
  } catch (error) {
    process.stderr.write(`\n${explain(error)}\n\n`);
    return contentErrors.some((kind) => error instanceof kind) ? findings : usage;
  }
}

type Arguments = ReturnType<typeof readArguments>;

async function runCommand({ command, values }: Arguments): Promise<number> {
  if (values.version === true) return print(`${version()}\n`);
  if (values.help === true || command === undefined) return print(help);
  const { schemas, config, demo, json = false } = values;
  if (command === 'who') return print(await who({ schemas, config, json }));
  const mode = command === 'dev' ? 'development' : 'production';
  await start({ mode, schemas, config, demo, port: readPort(values.port) });
  return 0;
}

function readArguments(args: readonly string[]) {
  const parsed = parse(args);
  const [command, ...more] = parsed.positionals;
  const commands = ['dev', 'start', 'who'] as const;
  const known = commands.find((each) => each === command);
  if (command !== undefined && known === undefined) {
    throw new UsageError(`There is no command "${command}".${didYouMean(command, commands)}`);
  }
  if (more.length > 0) throw new UsageError(`"${more.join(' ')}" is one word too many.`);
  return { command: known, values: parsed.values };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const unknown = args.find((arg) => arg.startsWith('--') && !Object.hasOwn(options, nameOf(arg)));
    if (unknown === undefined) throw new UsageError((error as Error).message);
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(
      `There is no option "--${nameOf(unknown)}".${didYouMean(`--${nameOf(unknown)}`, known)}`,
    );
  }
}

function nameOf(option: string): string {
  return option.slice(2).split('=')[0] ?? '';
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`"${text}" is no port: a number from 0 to 65535 is needed.`);
}

class UsageError extends Error {}

/** What went wrong, for a person; never a stack. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\nbackstitch --help shows what there is.`;
  const isOurs = [...contentErrors, ConfigError, DemoError].some((kind) => error instanceof kind);
  if (isOurs) return (error as Error).message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `The port is taken. Choose another with --port.`;
  }
  return `The gateway cannot start: ${error instanceof Error ? error.message : String(error)}`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
