import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { ConfigInput } from '../../src/base/config.js';
import { createGateway, type Gateway, type Question } from '../../src/index.js';
import type { Block } from '../support/markdown.js';
import { schemaExamples, type Exchange, type SchemaExample } from './schema-examples.js';

/** A call as a page shows it, in front of the arrow and behind it. */
export interface Traced {
  /** What is called, then its JSON and its headers, with bars between them. */
  readonly request: string;
  readonly answer: string;
  /** What comes behind the first answer, of a stream. */
  readonly more: readonly string[];
}

/** The backends of one example while it is asked. */
export interface PageBackend {
  /** By source: what `SOURCE_…_URL` is. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The calls so far, as {@link Traced.request}. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

/** Starts the backends of an example whose files lie in a folder. */
export type StartBackend = (
  example: SchemaExample,
  folder: string,
  calls: readonly Traced[],
) => Promise<PageBackend>;

/** The name of a file that only the backend has; it is not among the schema files. */
export const backendOnly = 'schemas/(backend)/';

/**
 * The schema examples of a page that shows more than schema files: a block that begins with `// schemas/shop.proto` is
 * a file beside them, one that begins with `# backend/…` or `// backend/…` is the backend's own.
 */
export function pageExamples(blocks: readonly Block[]): SchemaExample[] {
  return schemaExamples(blocks.map(asFile));
}

function asFile(block: Block): Block {
  const [, comment, place, name] = /^(#|\/\/) (schemas|backend)\/(\S+)/.exec(block.text) ?? [];
  if (name === undefined || (comment === '#' && place === 'schemas')) return block;
  const path = place === 'backend' ? backendOnly + name : `schemas/${name}`;
  return {
    ...block,
    language: 'graphql',
    text: `# ${path}\n${block.text.slice(block.text.indexOf('\n') + 1)}`,
  };
}

/** A file's text by its path, which is what the block says in its first line. */
export function textOf(path: string, text: string): string {
  return path.endsWith('.proto') ? text.replace(/^#/, '//') : text;
}

/** Writes the files of an example into a folder of their own, as long as it is used. */
export async function inFolder<T>({ files }: SchemaExample, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'backstitch-docs-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      const file = join(folder, path.replace(backendOnly, 'backend/'));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, textOf(path, text));
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Loads an example and compares what is printed of its faults. */
export async function expectPageFaults(example: SchemaExample): Promise<void> {
  await inFolder(example, async (folder) => {
    const config = { schemas: join(folder, 'schemas'), log: 'silent' } as const;
    const error: unknown = await createGateway({ config }).catch((reason: unknown) => reason);
    expect((error as Error).message.replaceAll(`${folder}/`, '')).toBe(example.faults);
  });
}

/** Asks one query of an example, and compares the calls and the answer, `locations` of errors aside. */
export async function expectPageExchange(
  example: SchemaExample,
  exchange: Exchange,
  start: StartBackend,
  more: ConfigInput = {},
): Promise<void> {
  await inFolder(example, async (folder) => {
    const traced = readTrace(exchange.calls);
    const backend = await start(example, folder, traced);
    const { environment, headers } = readComments(exchange.query);
    try {
      const gateway = await createGateway({
        config: { schemas: join(folder, 'schemas'), log: 'silent', ...more },
        environment: { ...addressesOf(backend), ...environment },
      });
      const question = { query: exchange.query, headers };
      const answers = await answersTo(question, gateway).finally(() => gateway.close());
      expect(answers.map(withoutLocations)).toEqual(
        [JSON.parse(exchange.answer) as object].flat().map(withoutLocations),
      );
      expect(backend.calls.toSorted()).toEqual(traced.map(({ request }) => request).toSorted());
    } finally {
      await backend.close();
    }
  });
}

/** One answer, or those of a subscription until its end. */
async function answersTo(question: Question, gateway: Gateway): Promise<object[]> {
  if (!/^subscription\b/m.test(question.query)) return [await gateway.ask(question)];
  const opened = await gateway.subscribe(question);
  if (!(Symbol.asyncIterator in opened)) return [opened];
  const answers: object[] = [];
  for await (const answer of opened) answers.push(answer);
  return answers;
}

/** The variables of the environment that point the sources at a backend. */
export function addressesOf({ addresses }: Pick<PageBackend, 'addresses'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => [
      `SOURCE_${name.toUpperCase().replaceAll('-', '_')}_URL`,
      address,
    ]),
  );
}

/** An answer as JSON, without the places in the query; errors, which come as calls end, by their paths. */
export function withoutLocations(result: object): unknown {
  const plain = JSON.parse(JSON.stringify(result)) as { errors?: Record<string, unknown>[] };
  for (const error of plain.errors ?? []) delete error['locations'];
  plain.errors?.sort((a, b) => (String(a['path']) < String(b['path']) ? -1 : 1));
  return plain;
}

/**
 * Lines such as `shop.v1.Shop/Get | {"id": "7"} → {"name": "Felt"}`; one that is indented goes on with the one before.
 * The messages of a stream have an arrow each.
 */
export function readTrace(text: string): Traced[] {
  return text
    .replace(/\n\s+/g, ' ')
    .split('\n')
    .map((line) => {
      const [request, answer, ...more] = line.split('→').map((part) => part.trim());
      if (request === undefined || answer === undefined)
        throw new Error(`This is no call with its answer: ${line}`);
      return { request: request.split(' | ').map(canonical).join(' | '), answer, more };
    });
}

/** JSON with its names in order, so that it can be compared as text; other texts as they are. */
export function canonical(text: string): string {
  return text.startsWith('{"') || text === '{}' ? JSON.stringify(sorted(JSON.parse(text))) : text;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, nested]) => [key, sorted(nested)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A call as the page writes it. */
export function traceOf(what: string, content: unknown, headers: readonly string[]): string {
  return [what, canonical(JSON.stringify(content)), ...headers.toSorted()].join(' | ');
}

/** Whether a page shows a header: most are of no interest. */
export function isShownHeader(name: string): boolean {
  return name.startsWith('x-') || name === 'authorization';
}

/** Comments in front of a query: `# x-team: blue` is a header of the client, `# TOKEN=abc` is in the environment. */
function readComments(query: string): {
  readonly environment: Record<string, string>;
  readonly headers: Record<string, readonly string[]>;
} {
  const lines = query.split('\n');
  const pairs = (pattern: RegExp) =>
    lines.flatMap((line) => {
      const [, name, value] = pattern.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
  return {
    environment: Object.fromEntries(pairs(/^# ([A-Z_]+)=(.*)$/)),
    headers: Object.fromEntries(pairs(/^# ([a-z-]+): (.*)$/).map(([name, value]) => [name, [value]])),
  };
}
