import { reject, report, withCurrent } from '../scope.js';
import type { Scope } from '../scope.js';
import { compare, equal } from '../values.js';
import { bare, withArgs } from './method.js';
import type { Argument, Method } from './method.js';

/** Comparison with one value; missing if that is missing. */
function comparing(
  verdict: (value: unknown, other: unknown, scope: Scope, arg: Argument) => boolean | undefined,
): Method {
  return withArgs(1, 1, ({ args }) => {
    const arg = args[0] as Argument;
    return (value, scope) => {
      const other = withCurrent(scope, arg.run, value);
      return other === undefined ? undefined : verdict(value, other, scope, arg);
    };
  });
}

/** Whether the input equals the argument. */
export const eq = comparing(equal);

/** Whether the input differs from the argument. */
export const ne = comparing((value, other) => !equal(value, other));

function ordering(name: string, verdict: (order: number) => boolean): Method {
  return comparing((value, other, scope, { range }) => {
    const order = compare(value, other);
    if (order !== undefined) return verdict(order);
    if (compare(value, value) === undefined)
      return reject(scope, range, `->${name} compares numbers or strings`, value);
    return reject(scope, range, `->${name} needs two numbers or two strings`, other);
  });
}

/** Greater. */
export const gt = ordering('gt', (order) => order > 0);
/** Greater or equal. */
export const gte = ordering('gte', (order) => order >= 0);
/** Less. */
export const lt = ordering('lt', (order) => order < 0);
/** Less or equal. */
export const lte = ordering('lte', (order) => order <= 0);

/** Whether the input is an element of the list given. */
export const isIn = comparing((value, list, scope, { range }) => {
  if (!Array.isArray(list)) return reject(scope, range, '->in needs a list, as in ->in([1, 2])', list);
  return list.some((element) => equal(element, value));
});

/** Whether the argument is an element of the input list. */
export const contains = comparing((list, value, scope, { range }) => {
  if (!Array.isArray(list)) return reject(scope, range, '->contains needs a list', list);
  return list.some((element) => equal(element, value));
});

/** `and` stops at the first false, `or` at the first true; arguments that are no booleans are skipped. */
function joining(name: 'and' | 'or', decisive: boolean): Method {
  return withArgs(0, Infinity, ({ range, args }) => (value, scope) => {
    if (typeof value !== 'boolean') return reject(scope, range, `->${name} needs a boolean`, value);
    if (value === decisive) return decisive;
    for (const arg of args) {
      const next = withCurrent(scope, arg.run, value);
      if (next === undefined) return undefined;
      if (next === decisive) return decisive;
      if (typeof next !== 'boolean') reject(scope, arg.range, `->${name} needs booleans`, next);
    }
    return !decisive;
  });
}

/** True if the input and all arguments are. */
export const and = joining('and', false);
/** True if the input or any argument is. */
export const or = joining('or', true);

/** The opposite. */
export const not: Method = bare(({ range }) => (value, scope) => {
  return typeof value === 'boolean' ? !value : reject(scope, range, '->not needs a boolean', value);
});

/** The value beside the first candidate that equals the input. */
export const match: Method = withArgs(0, Infinity, ({ range, args }) => {
  const branches = args.flatMap(({ items }) =>
    items?.length === 2 ? [items as readonly [Argument, Argument]] : [],
  );
  return (value, scope) => {
    const branch = branches.find(([candidate]) => {
      const found = withCurrent(scope, candidate.run, value);
      return found !== undefined && equal(found, value);
    });
    if (branch !== undefined) return withCurrent(scope, branch[1].run, value);
    return report(
      scope,
      range,
      'no branch of ->match equals the value; a last branch [@, default] always does',
    );
  };
});
