import type { LimitsConfig } from '../../base/limits-config.js';
import { GatewayError, type ErrorCode } from '../../base/errors.js';

/** What may limit an operation, by its key in the configuration. */
export type LimitName = Exclude<keyof LimitsConfig, 'mode' | 'listSize'>;

/** The largest value of each. */
export type LimitValues = Readonly<Record<LimitName, number>>;

/** Something that is beyond a limit. */
export interface Excess {
  readonly limit: LimitName;
  readonly value: number;
  readonly max: number;
}

interface LimitText {
  readonly code: ErrorCode;
  /** What is too much, after "The query has". */
  readonly things: string;
}

const texts: Readonly<Record<LimitName, LimitText>> = {
  maxTokens: { code: 'QUERY_TOO_LONG', things: 'tokens' },
  maxDefinitions: { code: 'QUERY_TOO_MANY_DEFINITIONS', things: 'operations and fragments' },
  maxDepth: { code: 'QUERY_TOO_DEEP', things: 'levels' },
  maxAliases: { code: 'QUERY_TOO_MANY_ALIASES', things: 'aliases' },
  maxDirectives: { code: 'QUERY_TOO_MANY_DIRECTIVES', things: 'directives' },
  maxRootFields: { code: 'QUERY_TOO_MANY_ROOT_FIELDS', things: 'fields at its root' },
  maxFields: { code: 'QUERY_TOO_MANY_FIELDS', things: 'fields, those of fragments counted at each use,' },
  maxCost: { code: 'QUERY_TOO_COSTLY', things: 'cost' },
  maxRows: { code: 'ROW_LIMIT_EXCEEDED', things: 'rows' },
};

/** The code of what is beyond a limit. */
export function codeOf(limit: LimitName): ErrorCode {
  return texts[limit].code;
}

/**
 * The error for something that is beyond a limit.
 *
 * @param isOpen whether it may tell the numbers: in production, strangers learn the limit's name alone
 */
export function toError(excess: Excess, isOpen: boolean): GatewayError {
  return new GatewayError(codeOf(excess.limit), isOpen ? inNumbers(excess) : inWords(excess));
}

function inNumbers({ limit, value, max }: Excess): string {
  switch (limit) {
    case 'maxCost':
      return `The query would cost ${value}, and may cost ${max} (maxCost).`;
    case 'maxRows':
      return `The operation needs ${value} rows and more, and may have ${max} (maxRows).`;
    case 'maxTokens':
      return `The query has more tokens than ${max}, or more text than those need (maxTokens).`;
    default:
      return `The query has ${value} ${texts[limit].things} and may have ${max} (${limit}).`;
  }
}

function inWords({ limit }: Excess): string {
  switch (limit) {
    case 'maxCost':
      return 'The query would cost more than it may (maxCost).';
    case 'maxRows':
      return 'The operation needs more rows than it may have (maxRows).';
    default:
      return `The query has more ${texts[limit].things} than it may have (${limit}).`;
  }
}
