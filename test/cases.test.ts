import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createGateway, type ConfigInput } from '../src/index.js';
import { blocksOf, type Block } from './support/markdown.js';
import { startRest, type CannedAnswer } from './support/rest.js';

/**
 * Runs every case of `test/cases/`. A case is one behaviour: a markdown file whose blocks stand below headings
 *
 * - `schemas/name.graphql`: a schema file; its backend is `{$env.BACKEND}`
 * - `config`: the configuration, where it matters
 * - `backend VERB /path [status]`: what the backend answers to a request
 * - `ask`, or `ask as {"sub": "1"}`: the query; a JSON block below `with` holds its variables
 * - `answer`: the JSON that must come out
 * - `calls`: the requests that the backend must have had, in any order, a line each
 */
const folder = new URL('cases/', import.meta.url);

describe.each(readdirSync(folder).filter((name) => name.endsWith('.md')))('%s', (name) => {
  const text = readFileSync(new URL(name, folder), 'utf8');
  const title = /^# (.*)$/m.exec(text)?.[1] ?? name;

  it(title, async () => {
    const blocks = blocksOf(text);
    const backend = await startRest(answersOf(blocks));
    const gateway = await createGateway({
      files: filesOf(blocks),
      environment: { BACKEND: backend.url },
      config: { ...configOf(blocks), log: 'silent' },
    });
    try {
      const result = await gateway.ask(questionOf(blocks));
      expect(JSON.parse(JSON.stringify(result))).toEqual(JSON.parse(one(blocks, 'answer').text));
      const calls = one(blocks, 'calls')
        .text.split('\n')
        .filter((line) => line !== '');
      expect(backend.calls.toSorted()).toEqual(calls.toSorted());
    } finally {
      await gateway.close();
      await backend.close();
    }
  });
});

function answersOf(blocks: readonly Block[]): Map<string, CannedAnswer> {
  const answers = new Map<string, CannedAnswer>();
  for (const { heading, text } of blocks) {
    const [, line, status] = /^backend (\S+ \S+)(?: (\d+))?$/.exec(heading) ?? [];
    if (line !== undefined) answers.set(line, { body: text, status: Number(status ?? 200) });
  }
  return answers;
}

function filesOf(blocks: readonly Block[]): Record<string, string> {
  const files = blocks.filter((block) => block.heading.startsWith('schemas/'));
  return Object.fromEntries(files.map((block) => [block.heading, block.text]));
}

function configOf(blocks: readonly Block[]): ConfigInput {
  const config = blocks.find(({ heading }) => heading === 'config');
  return config === undefined ? {} : (JSON.parse(config.text) as ConfigInput);
}

function questionOf(blocks: readonly Block[]) {
  const asked = blocks.find((block) => block.heading.startsWith('ask'));
  if (asked === undefined) throw new Error('The case asks nothing.');
  const variables = blocks.find((block) => block.heading === 'with')?.text;
  const claims = /^ask as (\{.*\})$/.exec(asked.heading)?.[1];
  const known = claims === undefined ? undefined : (JSON.parse(claims) as Record<string, unknown>);
  return {
    query: asked.text,
    ...(variables !== undefined && { variables: JSON.parse(variables) as Record<string, unknown> }),
    ...(known !== undefined && { identity: { subject: String(known['sub']), claims: known } }),
  };
}

function one(blocks: readonly Block[], heading: string): Block {
  const block = blocks.find((each) => each.heading === heading);
  if (block === undefined) throw new Error(`The case has no "${heading}".`);
  return block;
}
