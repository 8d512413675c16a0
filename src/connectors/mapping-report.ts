import { getLocation } from 'graphql';
import type { RequestContext } from '../base/context.js';
import type { Log } from '../base/log.js';
import type { Mapping } from '../mapping/compile.js';
import type { MappingProblem, Variables } from '../mapping/scope.js';
import type { ConnectDefinition } from '../subgraph/subgraph.js';

/** One thing that mappings asked for and did not find, or could not do. */
export interface MappingRemark {
  readonly connector: string;
  readonly message: string;
  /** In the answer; list positions are `@`. */
  readonly path: string;
  /** `file:line:column` of the expression. */
  readonly at?: string;
  /** How often it happened in this operation. */
  count: number;
}

/** How the mappings of one connector have fared since the start. */
export interface MappingCounts {
  /** Answers that were mapped. */
  answers: number;
  /** Those of them that were looked at closely; all of them in development. */
  checked: number;
  /** What those had to remark. */
  remarks: number;
}

/** In production one answer in so many is looked at closely: that costs several times a plain mapping. */
const checkEvery = 100;

/** Whose answers are mapped. */
export interface ReportSetting {
  readonly definition: ConnectDefinition;
  readonly counts: MappingCounts;
  readonly log: Log;
}

/** Maps an answer, and remarks what its mapping does not find where somebody wants to know. */
export function mapAnswer(
  mapping: Pick<Mapping, 'evaluate'>,
  body: unknown,
  variables: Variables,
  context: RequestContext,
  { definition, counts, log }: ReportSetting,
): unknown {
  if (!countAnswer(counts, context.explainsMappings)) return mapping.evaluate(body, variables);
  const problems: MappingProblem[] = [];
  const value = mapping.evaluate(body, variables, problems);
  if (counts.remarks === 0 && problems[0] !== undefined && !context.explainsMappings) {
    log.warn(
      { connector: definition.coordinate },
      `A mapping found less than it looks for: ${problems[0].message}.`,
    );
  }
  counts.checked++;
  counts.remarks += problems.length;
  if (context.explainsMappings) remark(context, definition, problems);
  return value;
}

/** Counts an answer, and tells whether to look at it closely. */
function countAnswer(counts: MappingCounts, explains: boolean): boolean {
  counts.answers++;
  return explains || counts.answers % checkEvery === 1;
}

/** The most remarks one operation collects. */
const mostRemarks = 100;

/** What mappings had to remark while this request was answered. Collected in development only. */
export function mappingRemarks(context: RequestContext): Map<string, MappingRemark> {
  return context.local(mappingRemarks, () => new Map<string, MappingRemark>());
}

/** Hands on what has been remarked: of a subscription, to the event that it was remarked of. */
export function handOnRemarks(from: RequestContext, to: RequestContext): void {
  const remarks = mappingRemarks(from);
  for (const [key, each] of remarks) mappingRemarks(to).set(key, each);
  remarks.clear();
}

/** Adds the problems of one mapping to what the request has collected; equal ones are counted. */
function remark(
  context: RequestContext,
  definition: ConnectDefinition,
  problems: readonly MappingProblem[],
): void {
  const remarks = mappingRemarks(context);
  for (const { message, path, range } of problems) {
    const place = path.map((step) => (typeof step === 'number' ? '@' : step)).join('.');
    const key = `${definition.coordinate} ${place} ${message}`;
    const known = remarks.get(key);
    if (known !== undefined) known.count++;
    else if (remarks.size < mostRemarks) {
      remarks.set(key, {
        connector: definition.coordinate,
        message,
        path: place,
        ...placeOf(definition, range.start),
        count: 1,
      });
    }
  }
}

function placeOf({ selection }: ConnectDefinition, index: number): { at?: string } {
  if (selection === undefined) return {};
  const { text } = selection;
  const { line, column } = getLocation(text.source, text.offsetOf(index));
  return { at: `${text.source.name}:${line}:${column}` };
}
