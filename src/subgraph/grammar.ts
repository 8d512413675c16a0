import {
  TypeInfo,
  ValidationContext,
  ValuesOfCorrectTypeRule,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLError,
  type Source,
} from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import { didYouMean } from '../base/suggest.js';
import type { Problem } from '../base/problems.js';
import { vocabulary } from './vocabulary.js';

/**
 * Whether the file is a schema in GraphQL's own terms: types known and named once, directives known and where
 * they may stand, their arguments known, given and of their type.
 */
export function checkGrammar(document: DocumentNode, source: Source): Problem[] {
  const errors = [...validateSDL(document, vocabulary), ...checkArgumentValues(document)];
  return errors.map((error) => toProblem(error, source));
}

/** graphql-js checks values in queries only; the same rule serves for the arguments of directives. */
function checkArgumentValues(document: DocumentNode): GraphQLError[] {
  const errors: GraphQLError[] = [];
  const types = new TypeInfo(vocabulary);
  const context = new ValidationContext(vocabulary, document, types, (error) => errors.push(error));
  visit(document, visitWithTypeInfo(types, ValuesOfCorrectTypeRule(context)));
  return errors;
}

/** Directives of Federation that composed schemas use and we cannot serve. */
const unsupported: readonly string[] = [
  'context',
  'fromContext',
  'interfaceObject',
  'composeDirective',
  'extends',
];

function toProblem(error: GraphQLError, source: Source): Problem {
  const unknown = unknownDirective(error.message);
  if (unknown !== undefined && unsupported.includes(unknown.replace('federation__', ''))) {
    return {
      code: 'CONNECTORS_UNSUPPORTED_FEDERATION_DIRECTIVE',
      message: `The directive @${unknown} of Federation is not supported here.`,
      source,
      offset: error.positions?.[0] ?? 0,
    };
  }
  return {
    code: 'GRAPHQL_SCHEMA',
    message: readable(error.message),
    source,
    offset: error.positions?.[0] ?? 0,
  };
}

/** Our names for argument types mean nothing to the reader; a misspelt directive gets its nearest name. */
function readable(message: string): string {
  const unknown = unknownDirective(message);
  if (unknown === undefined) return withoutTypeNames(message);
  const names = vocabulary.getDirectives().map((directive) => `@${directive.name}`);
  return `${message}${didYouMean(`@${unknown}`, names)}`;
}

function unknownDirective(message: string): string | undefined {
  return /^Unknown directive "@(\w+)"\.$/.exec(message)?.[1];
}

function withoutTypeNames(message: string): string {
  return message
    .replace(/^Field "(\w+)" is not defined by type "connect__\w+"\./, 'There is no option "$1" here.')
    .replace(
      /^Field "connect__\w+\.(\w+)" of required type "(.*)" was not provided\./,
      'The option "$1" is missing.',
    )
    .replace(
      /^Expected value of type "[\w!]*(?:connect|federation)__\w+!?", found/,
      'Expected a text in quotes, found',
    );
}
