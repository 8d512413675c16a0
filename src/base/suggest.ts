import { didYouMean as toSentence } from 'graphql/jsutils/didYouMean.js';
import { suggestionList } from 'graphql/jsutils/suggestionList.js';

/**
 * ` Did you mean "x"?` for the known names nearest to a misspelt one, or nothing where none is near.
 * The same measure graphql-js uses for its own messages.
 */
export function didYouMean(name: string, known: Iterable<string>): string {
  return toSentence(suggestionList(name, [...known]).slice(0, 3));
}

/** A message of graphql-js without the suggestion at its end: those name what a schema holds. */
export function withoutSuggestion(message: string): string {
  return message.replace(/ ?Did you mean.+\?$/s, '');
}
