import { didYouMean } from '../../base/suggest.js';
import { withCurrent } from '../scope.js';
import { declaredName } from '../syntax.js';
import type { MethodStep } from '../syntax.js';
import { VARIABLE_NAMES } from '../scope.js';
import * as lists from './lists.js';
import * as logic from './logic.js';
import { withArgs } from './method.js';
import type { Argument, Method } from './method.js';
import * as numbers from './numbers.js';
import * as objects from './objects.js';
import * as text from './text.js';

/** The argument's value, `@` being the input. */
const echo: Method = withArgs(1, 1, ({ args }) => {
  const { run } = args[0] as Argument;
  return (value, scope) => withCurrent(scope, run, value);
});

/** Gives a name to a value; the compiler binds the name, and the input goes on unchanged. */
const as: Method = withArgs(1, 2, () => (value) => value);

/** All methods by name. Every version of the language has all of them. */
export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['echo', echo],
  ['as', as],
  ['map', lists.map],
  ['first', lists.first],
  ['last', lists.last],
  ['slice', lists.slice],
  ['size', lists.size],
  ['find', lists.find],
  ['filter', lists.filter],
  ['get', lists.get],
  ['match', logic.match],
  ['eq', logic.eq],
  ['ne', logic.ne],
  ['gt', logic.gt],
  ['gte', logic.gte],
  ['lt', logic.lt],
  ['lte', logic.lte],
  ['and', logic.and],
  ['or', logic.or],
  ['not', logic.not],
  ['in', logic.isIn],
  ['contains', logic.contains],
  ['add', numbers.add],
  ['sub', numbers.sub],
  ['mul', numbers.mul],
  ['div', numbers.div],
  ['mod', numbers.mod],
  ['parseInt', numbers.parseInt],
  ['toString', text.toText],
  ['jsonStringify', text.jsonStringify],
  ['jsonParse', text.jsonParse],
  ['joinNotNull', text.joinNotNull],
  ['split', text.split],
  ['trim', text.trim],
  ['trimStart', text.trimStart],
  ['trimEnd', text.trimEnd],
  ['entries', objects.entries],
  ['keysToCamelCase', objects.keysToCamelCase],
  ['keysToCamelCaseDeep', objects.keysToCamelCaseDeep],
]);

/** What is wrong with how a method is called, seen from the text alone; undefined if nothing is. */
export function misuse(step: MethodStep): string | undefined {
  const method = METHODS.get(step.name);
  if (method === undefined)
    return `there is no method "${step.name}".${didYouMean(step.name, METHODS.keys())}`;
  if (step.args === undefined) {
    return method.parentheses === 'required'
      ? `->${step.name} needs ${argumentCount(method)} in parentheses`
      : undefined;
  }
  if (method.parentheses === 'never') return `->${step.name} is written without parentheses`;
  const { length } = step.args;
  if (length < method.minArgs || length > method.maxArgs)
    return `->${step.name} takes ${argumentCount(method)}, not ${length}`;
  return step.name === 'as' ? misuseOfAs(step) : undefined;
}

function misuseOfAs(step: MethodStep): string | undefined {
  const name = declaredName(step);
  if (name === undefined) return '->as needs a name as its first argument, as in ->as($row)';
  const taken = (VARIABLE_NAMES as readonly string[]).includes(name);
  return taken
    ? `->as cannot bind ${name}, which is a variable from outside; choose another name`
    : undefined;
}

function argumentCount({ minArgs, maxArgs }: Method): string {
  if (maxArgs === 0) return 'no arguments';
  if (maxArgs === Infinity) return minArgs === 0 ? 'arguments' : `at least ${plural(minArgs)}`;
  return minArgs === maxArgs ? plural(minArgs) : `${minArgs} to ${plural(maxArgs)}`;
}

function plural(count: number): string {
  return count === 1 ? '1 argument' : `${count} arguments`;
}
