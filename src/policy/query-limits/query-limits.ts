import { createHash } from 'node:crypto';
import { GraphQLError, Kind, type DocumentNode, type ValidationRule } from 'graphql';
import { limitsShape, type LimitsConfig } from '../../base/limits-config.js';
import type { RequestContext } from '../../base/context.js';
import { GatewayError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Estimate } from './cost.js';
import { codeOf, toError, type Excess, type LimitName } from './limits.js';
import { sizesOf, type DocumentSizes } from './sizes.js';

/** What {@link createQueryLimits} is told; the defaults of the configuration where it says nothing. */
export interface QueryLimitOptions {
  readonly limits?: Partial<LimitsConfig>;
  /** In development, errors tell the numbers. */
  readonly mode?: 'development' | 'production';
  readonly log?: Log;
}

/** A valid operation, about to be executed. */
export interface CheckedOperation {
  readonly document: DocumentNode;
  readonly context: RequestContext;
}

/**
 * How large a query may be, and what it may need: asked in this order, by every way on which a query comes. A query
 * that has been refused goes no further.
 */
export interface QueryLimits {
  /** Tokens at which the parser is to stop. */
  readonly maxTokens: number;
  /**
   * Asked before the text is parsed: comments and strings are no tokens, or one, but take time.
   *
   * @throws GatewayError `QUERY_TOO_LONG`
   */
  readonly checkText: (text: string) => void;
  /** What an error of the parser means, if it is that the query has too many tokens. */
  readonly readParserError: (error: unknown) => GatewayError | undefined;
  /**
   * A rule of validation. What it refuses is kept from all other rules, some of which take time that grows with what
   * fragments expand to; its errors have a {@link GatewayError} as their `originalError`.
   */
  readonly rule: ValidationRule;
  /** Asked before a valid operation is executed, with what it would cost. */
  readonly checkCost: (operation: CheckedOperation, estimate: Estimate) => GatewayError | undefined;
  /** Asked when backends have answered an operation with more rows than it may have. */
  readonly checkRows: (context: RequestContext, rows: number) => GatewayError | undefined;
  /** How many operations were beyond each limit since the start, whether that was refused or only measured. */
  readonly counts: () => ReadonlyMap<LimitName, number>;
}

/** Some way beyond every default; more would endanger the process, and is refused where limits are only measured, too. */
const ceilings: Readonly<Partial<Record<LimitName, number>>> = {
  maxTokens: 15_000,
  maxDepth: 200,
  maxFields: 100_000,
};

/** Room for names, strings and comments around the tokens. */
const charactersPerToken = 50;

/** Each level of fields may stand in some fragments, and hold values in values. */
const nestingPerLevel = 4;

/**
 * Makes the limits of a process.
 *
 * @example
 * const limits = createQueryLimits({ limits: { maxDepth: 10 } });
 * validate(schema, parse(text, { maxTokens: limits.maxTokens }), [...specifiedRules, limits.rule]);
 */
export function createQueryLimits(options: QueryLimitOptions = {}): QueryLimits {
  const config = { ...limitsShape.parse({}), ...options.limits };
  const isOpen = options.mode === 'development';
  const tally = new Tally(options.log);
  const isMeasured = config.mode === 'measure';
  /** What is refused is beyond this. */
  const end = (limit: LimitName): number =>
    isMeasured ? Math.max(config[limit], ceilings[limit] ?? Infinity) : config[limit];
  const maxTokens = end('maxTokens');
  const measured = new WeakMap<DocumentNode, readonly Excess[]>();

  const refusal = (excess: Excess): GatewayError => {
    tally.count(excess.limit);
    return toError(excess, isOpen);
  };
  const tooLong = (): GatewayError => refusal({ limit: 'maxTokens', value: maxTokens, max: maxTokens });
  /** What is beyond a limit of run time, which has no ceiling. */
  const judge = (excess: Excess, document: DocumentNode | undefined): GatewayError | undefined => {
    if (!isMeasured) return refusal(excess);
    tally.note(excess, document);
    return undefined;
  };
  const documents = {};
  const rule: ValidationRule = (context) => ({
    Document: {
      enter: (document) => {
        const excesses = excessesOf(sizesOf(document), config);
        if (excesses.length === 0) return undefined;
        const refused = excesses.filter(
          ({ limit, value, max }) => value > end(limit) * (max / config[limit]),
        );
        if (refused.length === 0) {
          measured.set(document, excesses);
          return undefined;
        }
        for (const excess of refused) context.reportError(toGraphQLError(refusal(excess)));
        // Validation goes on with what is returned here: with nothing.
        return nothing;
      },
    },
  });
  return {
    maxTokens,
    rule,
    checkText: (text) => {
      if (text.length > maxTokens * charactersPerToken) throw tooLong();
    },
    readParserError: (error) => (saysTooManyTokens(error) ? tooLong() : undefined),
    checkCost: ({ document, context }, { cost, fault }) => {
      context.local(documents, () => document);
      for (const excess of measured.get(document) ?? []) tally.note(excess, document);
      if (fault !== undefined && !isMeasured) return new GatewayError('BAD_USER_INPUT', fault);
      if (fault === undefined && cost <= config.maxCost) return undefined;
      return judge({ limit: 'maxCost', value: cost, max: config.maxCost }, document);
    },
    checkRows: (context, rows) => {
      const document = context.local<DocumentNode | undefined>(documents, () => undefined);
      return judge({ limit: 'maxRows', value: rows, max: config.maxRows }, document);
    },
    counts: () => tally.counts,
  };
}

const nothing: DocumentNode = Object.freeze({ kind: Kind.DOCUMENT, definitions: [] });

function toGraphQLError(error: GatewayError): GraphQLError {
  return new GraphQLError(error.message, { originalError: error, extensions: { ...error.extensions } });
}

/** What of a document is beyond the configured limits, whatever becomes of that. */
function excessesOf(sizes: DocumentSizes, config: LimitsConfig): Excess[] {
  const { maxDepth } = config;
  const all: Excess[] = [
    { limit: 'maxTokens', value: sizes.tokens, max: config.maxTokens },
    { limit: 'maxDefinitions', value: sizes.definitions, max: config.maxDefinitions },
    sizes.depth > maxDepth
      ? { limit: 'maxDepth', value: sizes.depth, max: maxDepth }
      : { limit: 'maxDepth', value: sizes.nesting, max: maxDepth * nestingPerLevel },
    { limit: 'maxAliases', value: sizes.aliases, max: config.maxAliases },
    { limit: 'maxDirectives', value: sizes.directives, max: config.maxDirectives },
    { limit: 'maxRootFields', value: sizes.rootFields, max: config.maxRootFields },
    { limit: 'maxFields', value: sizes.fields, max: config.maxFields },
  ];
  return all.filter(({ value, max }) => value > max);
}

/** graphql-js has no other sign for it than its message. */
function saysTooManyTokens(error: unknown): boolean {
  return (
    error instanceof GraphQLError &&
    /^Syntax Error: Document contains more tha[nt] \d+ tokens/.test(error.message)
  );
}

/** Pairs of limit and operation that are remembered as logged; after that many, some are logged again. */
const mostLogged = 1_000;

/** Counts what is beyond limits; what is let pass it logs once for each limit and operation. */
class Tally {
  readonly counts = new Map<LimitName, number>();
  readonly #logged = new Set<string>();
  readonly #log: Log | undefined;

  constructor(log: Log | undefined) {
    this.#log = log;
  }

  count(limit: LimitName): void {
    this.counts.set(limit, (this.counts.get(limit) ?? 0) + 1);
  }

  note(excess: Excess, document: DocumentNode | undefined): void {
    const { limit, value, max } = excess;
    this.count(limit);
    const hash = hashOf(document);
    const key = `${limit} ${hash}`;
    if (this.#logged.has(key)) return;
    if (this.#logged.size >= mostLogged) this.#logged.clear();
    this.#logged.add(key);
    const message = `an operation is beyond ${limit}, which is only measured: it has ${value}, and may have ${max}`;
    this.#log?.warn({ code: codeOf(limit), document: hash }, message);
  }
}

const hashes = new WeakMap<DocumentNode, string>();

/** The SHA-256 of the text; nothing where there is no text to be had. */
function hashOf(document: DocumentNode | undefined): string {
  const text = document?.loc?.source.body;
  if (document === undefined || text === undefined) return '';
  const hash = hashes.get(document) ?? createHash('sha256').update(text).digest('hex');
  hashes.set(document, hash);
  return hash;
}
