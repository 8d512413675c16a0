import fc from 'fast-check';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { expect } from 'vitest';
import { stringifyJson } from '../../src/mapping/json.js';
import type { Received } from '../connectors/graphql/service.js';
import { operationsOf, type Asked, type Manner } from './operations.js';
import { smallest } from './smallest.js';
import type { Watch } from './world.js';

/** `FC_SEED=…` runs again what failed, `FC_RUNS=…` sets how often. */
export const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000_000);
export const numRuns = Number(process.env['FC_RUNS'] ?? 40);

/** Time for this many runs on a busy machine. */
export const timeout = 60_000 + numRuns * 200;

/** Checks random operations of a schema. A failure is told with the smallest part of the operation that fails. */
export async function checkOperations(
  schema: GraphQLSchema,
  manner: Manner,
  check: (operation: Asked) => Promise<void>,
): Promise<void> {
  const failureOf = (operation: Asked) =>
    check(operation).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
  const property = fc.asyncProperty(operationsOf(schema, manner), async (operation) => {
    const failure = await failureOf(operation);
    if (failure === undefined) return;
    const fails = async (smaller: Asked) => (await failureOf(smaller)) !== undefined;
    const { query, variables } = await smallest(operation, schema, fails);
    const { message } = (await failureOf({ query, variables })) ?? failure;
    throw new Error(`${query}\n${stringifyJson(variables)}\n${message}`, { cause: failure });
  });
  const runs = manner.kind === 'query' ? numRuns : Math.ceil(numRuns / 4);
  // It would shrink the draws that an operation is made from, which says little of the operation.
  await fc.assert(property, { seed, numRuns: runs, endOnFailure: true });
}

/** An answer, with the fields that were asked for it. */
export type Outcome = ExecutionResult & { readonly asked: readonly string[] };

/**
 * Notes which fields services are asked, for each operation apart: a gateway that has answered may still be asking. The
 * services are told the number of the operation in the header `run`.
 */
export class Witness implements Watch {
  failing: Watch['failing'] = 'nothing';
  #run = 0;
  #asked = new Set<string>();

  asked(coordinate: string, call: unknown): void {
    if (call === undefined || (call as Received).headers['run'] === String(this.#run))
      this.#asked.add(coordinate);
  }

  async watch(failing: Watch['failing'], ask: (run: string) => Promise<ExecutionResult>): Promise<Outcome> {
    this.failing = failing;
    this.#run++;
    this.#asked = new Set();
    const result = await ask(String(this.#run));
    return { ...result, asked: [...this.#asked].sort() };
  }
}

/**
 * Data are equal, in their order. Of several fields that fail below one object which cannot do without them, either
 * side may name another: each error of one has an error of the other that made the same place null.
 */
export function expectSameAnswer(actual: ExecutionResult, expected: ExecutionResult): void {
  expect(stringifyJson(actual.data)).toBe(stringifyJson(expected.data));
  expect(failedPlaces(actual)).toEqual(failedPlaces(expected));
}

function failedPlaces({ data, errors = [] }: ExecutionResult): string[] {
  return [...new Set(errors.map(({ path = [] }) => placeOf(data, path)))].sort();
}

/** Where a path meets null, or its end. */
function placeOf(data: unknown, path: readonly (string | number)[]): string {
  let value = data;
  for (const [index, key] of path.entries()) {
    if (value === null || value === undefined) return path.slice(0, index).join('.');
    value = (value as Record<string | number, unknown>)[key];
  }
  return path.join('.');
}
