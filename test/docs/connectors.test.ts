import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '../support/markdown.js';
import { expectExchange, expectFaults, schemaExamples } from './schema-examples.js';

const page = readFileSync(new URL('../../docs/connectors.md', import.meta.url), 'utf8');
const examples = schemaExamples(blocksOf(page));

describe('the page about connectors', () => {
  it.each(
    examples.flatMap((example) =>
      example.questions.map((question) => [example.heading, example, question] as const),
    ),
  )('%s: the query makes these calls and gets this answer', (_heading, example, question) =>
    expectExchange(example, question),
  );

  it.each(
    examples
      .filter(({ faults }) => faults !== undefined)
      .map((example) => [example.heading, example] as const),
  )('%s: the faults are printed like this', (_heading, example) => expectFaults(example));

  it('asks something of every schema, or shows its faults', () => {
    expect(examples.length).toBeGreaterThan(10);
    expect(
      examples.filter(({ faults, questions }) => faults === undefined && questions.length === 0),
    ).toEqual([]);
  });
});
