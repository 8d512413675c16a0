/**
 * Set up before every test file: a test that makes anything write to the console fails, unless it has said so
 * with {@link expectConsole}.
 */
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll } from 'vitest';

const methods = ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const;

/** A method of the console that writes. */
export type ConsoleMethod = (typeof methods)[number];

interface Expectation {
  readonly method: ConsoleMethod;
  readonly text: string | RegExp;
  met: boolean;
}

const originals = new Map(methods.map((method) => [method, console[method]]));
let expectations: Expectation[] = [];
let surprises: string[] = [];

/**
 * Says that the running test makes something write to the console: at least one call of `method` whose text
 * matches. The text is not printed. The test fails if the call never comes.
 *
 * @example
 * expectConsole('warn', /deprecated/);
 */
export function expectConsole(method: ConsoleMethod, text: string | RegExp): void {
  expectations.push({ method, text, met: false });
}

beforeAll(() => {
  for (const method of methods) console[method] = (...values: unknown[]) => record(method, values);
});

afterEach(settle);

afterAll(() => {
  for (const [method, original] of originals) console[method] = original;
  settle();
});

function record(method: ConsoleMethod, values: readonly unknown[]): void {
  const text = values.map(print).join(' ');
  const expected = expectations.filter((one) => one.method === method && matches(one.text, text));
  for (const one of expected) one.met = true;
  if (expected.length === 0) surprises.push(`console.${method}: ${text}\n${caller()}`);
}

/** The line of the stack that called the console. */
function caller(): string {
  return (
    new Error().stack?.split('\n').find((line, index) => index > 0 && !line.includes(import.meta.filename)) ??
    ''
  );
}

function settle(): void {
  const missing = expectations
    .filter((one) => !one.met)
    .map((one) => `console.${one.method}: ${String(one.text)}`);
  const unexpected = surprises;
  expectations = [];
  surprises = [];
  if (unexpected.length > 0) throw new Error(`Unexpected output on the console:\n${unexpected.join('\n')}`);
  if (missing.length > 0)
    throw new Error(`Expected on the console, but never written:\n${missing.join('\n')}`);
}

function matches(pattern: string | RegExp, text: string): boolean {
  return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
}

function print(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}
