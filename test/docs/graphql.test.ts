import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createGateway } from '../../src/index.js';
import { blocksOf } from '../support/markdown.js';
import { remoteSchemaOf, serve, startGraphql } from './graphql-backend.js';
import {
  expectPageExchange,
  expectPageFaults,
  inFolder,
  pageExamples,
  withoutLocations,
} from './page-backend.js';

const page = readFileSync(new URL('../../docs/graphql.md', import.meta.url), 'utf8');
const blocks = blocksOf(page);
const examples = pageExamples(blocks);

describe('the page about GraphQL', () => {
  it.each(
    examples.flatMap((example) =>
      example.questions.map((question) => [example.heading, example, question] as const),
    ),
  )('%s: the query sends these documents and gets this answer', (_heading, example, question) =>
    expectPageExchange(example, question, startGraphql),
  );

  it.each(
    examples
      .filter(({ faults }) => faults !== undefined)
      .map((example) => [example.heading, example] as const),
  )('%s: the faults are printed like this', (_heading, example) => expectPageFaults(example));

  it('asks something of every schema, or shows its faults', () => {
    expect(examples.length).toBeGreaterThan(8);
    expect(
      examples.filter(({ faults, questions }) => faults === undefined && questions.length === 0),
    ).toEqual([]);
  });

  it('a backend that is down at the start is asked again', async () => {
    const heading = "The backend's schema";
    const example = examples.find((each) => each.heading === heading);
    const failed = blocks.findLast((block) => block.heading === heading && block.language === 'json');
    if (example === undefined || failed === undefined) throw new Error('The page does not show this.');
    const answer = () => ['{"data":{"count":3}}'];
    const free = await serve(remoteSchemaOf(example), answer);
    await free.close();
    await inFolder(example, async (folder) => {
      const gateway = await createGateway({
        config: { schemas: join(folder, 'schemas'), log: 'silent' },
        environment: { SOURCE_ORDERS_URL: free.url },
      });
      try {
        const whileDown = withoutLocations(await gateway.ask({ query: '{ count }' }));
        expect(whileDown).toEqual(JSON.parse(failed.text));
      } finally {
        await gateway.close();
      }
      const later = await createGateway({
        config: { schemas: join(folder, 'schemas'), log: 'silent' },
        environment: { SOURCE_ORDERS_URL: free.url },
      });
      const service = await serve(remoteSchemaOf(example), answer, Number(new URL(free.url).port));
      try {
        expect(withoutLocations(await later.ask({ query: '{ count }' }))).toEqual({ data: { count: 3 } });
      } finally {
        await later.close();
        await service.close();
      }
      expect(readdirSync(join(folder, '.backstitch'))).toEqual(['orders.orders.graphql']);
    });
  });
});
