import { reject, report, withCurrent } from '../scope.js';
import type { Scope } from '../scope.js';
import type { Range } from '../syntax.js';
import { isInteger, isNumber, toInteger } from '../values.js';
import { withArgs, withOptionalArgs } from './method.js';
import type { Argument, Method } from './method.js';

type Numeric = number | bigint;

/** One operation on two numbers; undefined where there is no result. */
type Fold = (left: Numeric, right: Numeric) => Numeric | undefined;

function arithmetic(name: string, fold: Fold): Method {
  return withArgs(1, Infinity, ({ range, args }) => (value, scope) => {
    if (!isNumber(value)) return reject(scope, range, `->${name} needs a number`, value);
    let result: Numeric = value;
    for (const arg of args) {
      const operand = numberArgument(arg, value, scope, name);
      if (operand === undefined) return undefined;
      const next = fold(result, operand);
      if (next === undefined)
        return report(
          scope,
          arg.range,
          `->${name} has no result here: it is out of range or divides by zero`,
        );
      result = next;
    }
    return result;
  });
}

function numberArgument(arg: Argument, input: unknown, scope: Scope, name: string): Numeric | undefined {
  const operand = withCurrent(scope, arg.run, input);
  if (operand === undefined || isNumber(operand)) return operand;
  return reject(scope, arg.range, `->${name} needs numbers`, operand);
}

/** Integers stay exact: in doubles while these are safe, then in bigints, within 64 bits. Everything else is floating. */
function folding(
  floats: (a: number, b: number) => number,
  integers: (a: bigint, b: bigint) => bigint | undefined,
): Fold {
  return (left, right) => {
    if (!isInteger(left) || !isInteger(right)) return finite(floats(Number(left), Number(right)));
    if (typeof left === 'number' && typeof right === 'number') {
      const result = floats(left, right);
      // `+ 0` makes of the negative zero, which integers do not have, a plain one
      if (Number.isSafeInteger(result)) return result + 0;
      if (Number.isNaN(result)) return undefined;
    }
    const exact = integers(BigInt(left), BigInt(right));
    return exact === undefined ? undefined : toInteger(exact);
  };
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Sum. */
export const add = arithmetic(
  'add',
  folding(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
);
/** Difference. */
export const sub = arithmetic(
  'sub',
  folding(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
);
/** Product. */
export const mul = arithmetic(
  'mul',
  folding(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
);
/** Remainder, with the sign of the input. */
export const mod = arithmetic(
  'mod',
  folding(
    (a, b) => a % b,
    (a, b) => (b === 0n ? undefined : a % b),
  ),
);
/** Quotient, always a floating number. */
export const div = arithmetic('div', (a, b) => finite(Number(a) / Number(b)));

/** The integer that a text or number writes in a base. */
export const parseInt: Method = withOptionalArgs(1, ({ range, args }) => (value, scope) => {
  const base = baseOf(args[0], value, scope);
  if (base === undefined) return undefined;
  const text = digitsOf(value);
  if (text === undefined) return reject(scope, range, '->parseInt needs a string or a number', value);
  const result = readInteger(text, base);
  return result ?? report(scope, range, `${quoted(text)} is no 64-bit integer in base ${base}`);
});

function quoted(text: string): string {
  return JSON.stringify(text.length > 43 ? `${text.slice(0, 40)}...` : text);
}

function baseOf(arg: Argument | undefined, value: unknown, scope: Scope): number | undefined {
  if (arg === undefined) return 10;
  const base = withCurrent(scope, arg.run, value);
  if (base === undefined) return undefined;
  if (isInteger(base) && base >= 2 && base <= 36) return Number(base);
  return badBase(scope, arg.range);
}

function badBase(scope: Scope, range: Range): undefined {
  return report(scope, range, '->parseInt needs a base from 2 to 36');
}

function digitsOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isSafeInteger(value) ? String(value) : BigInt(Math.trunc(value)).toString();
}

/** Strict: an optional sign, then digits of the base and nothing else. */
function readInteger(text: string, base: number): Numeric | undefined {
  const sign = /^[+-]/.test(text) ? 1 : 0;
  const digits = text.slice(sign).replace(/^0+(?=.)/s, '');
  // 64 bits have at most 64 digits; refusing longer texts first keeps the loop short
  if (digits === '' || digits.length > 64) return undefined;
  let value = 0n;
  for (const digit of digits) {
    const number = digitValue(digit);
    if (number >= base) return undefined;
    value = value * BigInt(base) + BigInt(number);
  }
  return toInteger(text.startsWith('-') ? -value : value);
}

function digitValue(digit: string): number {
  if (digit >= '0' && digit <= '9') return digit.charCodeAt(0) - 0x30;
  return /^[a-zA-Z]$/.test(digit) ? digit.toLowerCase().charCodeAt(0) - 0x61 + 10 : Infinity;
}
