import { z } from 'zod';

const count = z.int().min(1);

/** The section `limits` of the configuration: how large a query may be, and what it may need. */
export const limitsShape = z.strictObject({
  /** Tokens of a query; the parser stops there. */
  maxTokens: count.default(2_000),
  /** Operations and fragments of a query. */
  maxDefinitions: count.default(100),
  /** Fields within fields. */
  maxDepth: count.default(15),
  /** This and the next three are of one operation when its fragments are spread. */
  maxAliases: count.default(30),
  maxDirectives: count.default(50),
  maxRootFields: count.default(20),
  maxFields: count.default(1_000),
  /** What `@cost` and `@listSize` say an operation costs; an object costs 1 unless they do. */
  maxCost: count.default(50_000),
  /** How long a list is taken to be of which nothing is known. */
  listSize: z.int().min(0).default(10),
  /** Entries of all lists with which backends answer one operation. */
  maxRows: count.default(100_000),
  /** `measure` logs and counts what `enforce` refuses, and refuses only what would endanger the process. */
  mode: z.enum(['enforce', 'measure']).default('enforce'),
});

/** The section with its defaults. */
export type LimitsConfig = Readonly<z.output<typeof limitsShape>>;
