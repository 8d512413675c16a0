import { expect } from 'vitest';
import type { ConfigInput } from '../../src/base/config.js';
import { createGateway, type Question } from '../../src/index.js';
import type { Block } from '../support/markdown.js';
import { startRest, type CannedAnswer } from '../support/rest.js';

/** Schema files as a page shows them, with what is asked of them or the faults they have. */
export interface SchemaExample {
  readonly heading: string;
  readonly files: Readonly<Record<string, string>>;
  readonly questions: readonly Exchange[];
  /** What is printed where the files have faults. */
  readonly faults?: string | undefined;
}

/** A query, the calls it makes with what the backend answers, and the answer. */
export interface Exchange {
  readonly query: string;
  readonly calls: string;
  readonly answer: string;
}

/**
 * The schema examples of a page. A `graphql` block that begins with `# schemas/name.graphql` is a file; behind the
 * files of an example comes the text of their faults, or one or more times a query, its calls and its answer.
 */
export function schemaExamples(blocks: readonly Block[]): SchemaExample[] {
  const examples: SchemaExample[] = [];
  for (let i = 0; i < blocks.length;) {
    const files = takeWhile(blocks, i, (block) => nameOf(block) !== undefined);
    i += Math.max(files.length, 1);
    if (files.length === 0) continue;
    const heading = files[0]?.heading ?? '';
    const byName = Object.fromEntries(files.map((block) => [nameOf(block), block.text]));
    if (blocks[i]?.text.startsWith('SCHEMA_FILE_INVALID')) {
      examples.push({ heading, files: byName, questions: [], faults: blocks[i]?.text });
      continue;
    }
    const questions: Exchange[] = [];
    for (; isQuery(blocks[i]); i += 3) {
      const [query, calls, answer] = blocks.slice(i, i + 3);
      if (calls?.language !== '' || answer?.language !== 'json')
        throw new Error(`Below "${heading}" a query has no calls or no answer.`);
      questions.push({ query: query?.text ?? '', calls: calls.text, answer: answer.text });
    }
    examples.push({ heading, files: byName, questions });
  }
  return examples;
}

function takeWhile(blocks: readonly Block[], start: number, test: (block: Block) => boolean): Block[] {
  const end = blocks.findIndex((block, i) => i >= start && !test(block));
  return blocks.slice(start, end < 0 ? blocks.length : end);
}

function nameOf({ language, text }: Block): string | undefined {
  return language === 'graphql' ? /^# (schemas\/\S+)/.exec(text)?.[1] : undefined;
}

function isQuery(block: Block | undefined): boolean {
  return block?.language === 'graphql' && nameOf(block) === undefined;
}

/** Loads the files of an example and compares what is printed of their faults. */
export async function expectFaults({ files, faults }: SchemaExample): Promise<void> {
  const gateway = createGateway({ files, config: { log: 'silent' } });
  await expect(gateway).rejects.toThrow(expect.objectContaining({ message: faults }) as Error);
}

/** Asks one query of an example, and compares the calls and the answer, `locations` of errors aside. */
export async function expectExchange(
  { files }: SchemaExample,
  { query, calls, answer }: Exchange,
  config: ConfigInput = {},
): Promise<void> {
  const traced = readCalls(calls);
  const backend = await startRest(
    new Map(traced.map((call) => [call.request.split(' | ')[0] ?? '', call.answer])),
  );
  const { environment, headers } = readComments(query);
  const gateway = await createGateway({
    files,
    environment: { ...addresses(files, backend.url), ...environment },
    config: { log: 'silent', ...config },
  });
  try {
    const result = await gateway.ask({ query, headers });
    expect(withoutLocations(JSON.parse(JSON.stringify(result)))).toEqual(JSON.parse(answer));
    expect(backend.calls.toSorted()).toEqual(traced.map((call) => call.request).toSorted());
  } finally {
    await gateway.close();
    await backend.close();
  }
}

/** Lines such as `GET /users/7 → 404 {"error": "gone"}`; a line that is indented goes on with the one before. */
function readCalls(text: string): { request: string; answer: CannedAnswer }[] {
  return text
    .replace(/\n\s+/g, ' ')
    .split('\n')
    .map((line) => {
      const [, request, status, body] = /^(.*?)\s+→(?: (\d{3})(?!\S))?(?: (.*))?$/.exec(line) ?? [];
      if (request === undefined) throw new Error(`This is no call with its answer: ${line}`);
      return { request, answer: { status: Number(status ?? 200), body: body ?? '' } };
    });
}

/** Comments in front of a query: `# x-team: blue` is a header of the client, `# TOKEN=abc` is in the environment. */
function readComments(query: string): {
  environment: Record<string, string>;
  headers: NonNullable<Question['headers']>;
} {
  const comments = query.split('\n').filter((line) => line.startsWith('# '));
  const pairs = (pattern: RegExp) =>
    comments.flatMap((line) => {
      const [, name, value] = pattern.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
  return {
    environment: Object.fromEntries(pairs(/^# ([A-Z_]+)=(.*)$/)),
    headers: Object.fromEntries(pairs(/^# ([a-z-]+): (.*)$/).map(([name, value]) => [name, [value]])),
  };
}

/** Points every source at the backend, with the path that its own address has. */
function addresses(files: SchemaExample['files'], url: string): Record<string, string> {
  const sources = Object.values(files).flatMap((text) => [
    ...text.matchAll(/@\w*source\(\s*name: "([^"]+)"[^]*?baseURL: "https:\/\/[^/"]+([^"]*)"/g),
  ]);
  return Object.fromEntries(
    sources.map(([, name = '', path = '']) => [
      `SOURCE_${name.toUpperCase().replaceAll('-', '_')}_URL`,
      url + path,
    ]),
  );
}

function withoutLocations(result: { errors?: Record<string, unknown>[] }): unknown {
  for (const error of result.errors ?? []) delete error['locations'];
  return result;
}
