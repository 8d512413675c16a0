import { isSingleKey } from './syntax.js';
import type {
  ArrayLiteral,
  Entry,
  Expression,
  Key,
  NumberLiteral,
  ObjectLiteral,
  Path,
  Range,
  Root,
  Selection,
  SelectionList,
  Step,
} from './syntax.js';
import { syntaxOf } from './version.js';
import type { SpecVersion, Syntax } from './version.js';

/** The text is not a mapping. `range` is the place in the given text; the message tells what was expected there. */
export class MappingSyntaxError extends Error {
  readonly range: Range;

  constructor(message: string, range: Range) {
    super(message);
    this.name = 'MappingSyntaxError';
    this.range = range;
  }
}

/**
 * Reads a mapping.
 *
 * @throws {MappingSyntaxError} with the offset of the first character that does not fit.
 * @example parseSelection('id name: fullName', '0.4')
 */
export function parseSelection(text: string, version: SpecVersion): Selection {
  return parseSelectionIn(text, { start: 0, end: text.length }, version);
}

/** Reads the mapping that stands in a part of a longer text; all ranges are offsets in the whole text. */
export function parseSelectionIn(text: string, window: Range, version: SpecVersion): Selection {
  return new Parser(text, window, syntaxOf(version)).selection();
}

const literalWords: Readonly<Record<string, 'true' | 'false' | 'null' | undefined>> = {
  t: 'true',
  f: 'false',
  n: 'null',
};

/** How deep braces, brackets and parentheses may be nested. */
export const MAX_NESTING = 200;

/**
 * A recursive descent parser straight on the characters. The grammar is one of ordered choices, yet one token of
 * lookahead decides nearly all of them; the one rewind is at the top of a v0.4 text, so time is linear.
 * Every method expects `pos` at a token and leaves it at the next one; `last` is the end of the token before.
 */
class Parser {
  private readonly text: string;
  private readonly window: Range;
  private readonly syntax: Syntax;
  private pos: number;
  private last: number;
  private depth = 0;

  constructor(text: string, window: Range, syntax: Syntax) {
    this.text = text;
    this.window = window;
    this.syntax = syntax;
    this.pos = window.start;
    this.last = window.start;
  }

  selection(): Selection {
    this.skip();
    const root = this.syntax.expressions ? this.expressionOrList() : this.listOrPath();
    return { version: this.syntax.version, root, range: this.window };
  }

  /** v0.4: an expression is tried first, but a lone key names a field. */
  private expressionOrList(): Selection['root'] {
    const start = this.pos;
    if (this.atEnd() || this.at('...')) return this.listToEnd();
    const expression = this.expression();
    if (!this.atEnd()) {
      if (!this.startsEntry(start)) throw this.unexpected('the end');
      this.pos = start;
      return this.listToEnd();
    }
    if (expression.kind === 'object')
      return { kind: 'list', entries: expression.entries, range: expression.range };
    if (expression.kind !== 'path' || !isSingleKey(expression)) return expression;
    return { kind: 'list', entries: [entryOf(expression)], range: expression.range };
  }

  /** Up to v0.3: a list of selections; a path that stands alone without a name gives its value. */
  private listOrPath(): Selection['root'] {
    const list = this.listToEnd();
    const [only] = list.entries;
    const alone = list.entries.length === 1 && (only?.kind === 'value' || only?.kind === 'inline');
    return alone ? only.value : list;
  }

  private listToEnd(): SelectionList {
    const start = this.pos;
    const entries = this.entries(true);
    if (!this.atEnd())
      throw entries.length > 0 ? this.unexpected('another selection or the end') : this.noRoot();
    return { kind: 'list', entries, range: this.since(start) };
  }

  // Selections

  /** The entries up to a closing brace or the end. */
  private entries(top: boolean): Entry[] {
    const entries: Entry[] = [];
    let commas: boolean | undefined;
    while (!this.atEnd() && !this.at('}')) {
      if (!this.startsEntry(this.pos)) {
        if (entries.length === 0 || top || this.at(',')) break;
        throw this.unexpected('another selection or "}"');
      }
      entries.push(this.entry());
      commas = this.separator(commas);
    }
    this.checkValues(entries, top);
    return entries;
  }

  /** Commas stand between all the selections of a list or between none. */
  private separator(commas: boolean | undefined): boolean | undefined {
    if (this.at(',')) {
      if (!this.syntax.commas)
        throw this.fail('selections are separated by spaces; commas need connect/v0.4');
      if (commas === false)
        throw this.fail(
          'this list separates its selections by spaces: drop the comma, or put one between all',
        );
      this.take(1);
      return true;
    }
    if (commas && !this.atEnd() && !this.at('}')) throw this.unexpected('"," (this list has commas)');
    return commas ?? false;
  }

  private checkValues(entries: readonly Entry[], top: boolean): void {
    const value = entries.find((entry) => entry.kind === 'value');
    if (value === undefined || (entries.length === 1 && (top || this.syntax.innerValues))) return;
    const why =
      entries.length === 1
        ? 'a bare value inside braces needs connect/v0.3'
        : 'a path among other selections needs a name';
    throw new MappingSyntaxError(
      `${why}: write "name: ${this.text.slice(value.range.start, value.range.end)}", or select from it with "{ }"`,
      value.range,
    );
  }

  private entry(): Entry {
    const start = this.pos;
    if (this.at('...')) return this.spread();
    const key = this.tryKey();
    if (key !== undefined && this.at(':')) {
      this.take(1);
      return { kind: 'alias', key, value: this.aliased(), range: this.since(start) };
    }
    const root: Root = key === undefined ? this.root() : { kind: 'key', key, range: key.range };
    const path = this.tail(root, start);
    if (this.atOperator()) throw this.fail(this.operatorHelp());
    return entryOf(path);
  }

  private spread(): Entry {
    const start = this.pos;
    if (!this.syntax.spread) throw this.fail('"..." needs connect/v0.4', 3);
    this.take(3);
    return { kind: 'spread', value: this.expression(), range: this.since(start) };
  }

  private aliased(): Expression {
    if (this.syntax.expressions) return this.expression();
    const start = this.pos;
    // `alias: { ... }` groups: it selects from `$` itself
    const root: Root = this.at('{') ? { kind: 'body', range: { start, end: start } } : this.root();
    const path = this.tail(root, start);
    if (this.atOperator()) throw this.fail(this.operatorHelp());
    return path;
  }

  private operatorHelp(): string {
    if (!this.syntax.questions) return 'the operators "??" and "?!" need connect/v0.3';
    return this.syntax.expressions
      ? 'an operator among other selections needs a name: write "name: a ?? b"'
      : 'an operator must stand in "$( )" here: write "$(a ?? b)"';
  }

  private subSelection(): SelectionList {
    const start = this.pos;
    const entries = this.braces(() => this.entries(false));
    return { kind: 'list', entries, range: this.since(start) };
  }

  private braces<T>(inside: () => T): T {
    const open = this.pos;
    this.take(1);
    this.enter(open);
    const result = inside();
    this.depth--;
    this.close('}', open);
    return result;
  }

  // Expressions

  private expression(): Expression {
    const start = this.pos;
    const first = this.primary();
    const operator = this.atOperator();
    if (operator === undefined) return first;
    if (!this.syntax.questions) throw this.fail(this.operatorHelp(), 2);
    const operands = [first];
    for (let next = this.atOperator(); next !== undefined; next = this.atOperator()) {
      if (next !== operator)
        throw this.fail(`"??" and "?!" cannot be mixed in one chain; put one of them in "$( )"`, 2);
      this.take(2);
      operands.push(this.primary());
    }
    return { kind: 'operators', operator, operands, range: this.since(start) };
  }

  private primary(): Expression {
    const start = this.pos;
    const c = this.char();
    if (c === '"' || c === "'") return this.stringOrKey();
    if (c === '{') return this.literalTail(this.object(), start);
    if (c === '[') return this.literalTail(this.array(), start);
    const number = this.tryNumber();
    if (number !== undefined) return this.literalTail(number, start);
    const word = this.literalWord();
    if (word !== undefined) return this.wordOrKey(word);
    return this.tail(this.root(), start);
  }

  /** From v0.4 a quoted string before `{` is a key. */
  private stringOrKey(): Expression {
    const key = this.key();
    if (this.syntax.expressions && this.at('{'))
      return this.tail({ kind: 'key', key, range: key.range }, key.range.start);
    return this.literalTail({ kind: 'string', value: key.name, range: key.range }, key.range.start);
  }

  /** `true`, `false` or `null` if a literal begins here. */
  private literalWord(): 'true' | 'false' | 'null' | undefined {
    const word = literalWords[this.text[this.pos] ?? ''];
    if (word === undefined || !this.at(word)) return undefined;
    if (
      !isWordChar(this.text.charCodeAt(this.pos + word.length)) ||
      this.pos + word.length >= this.window.end
    )
      return word;
    if (this.syntax.expressions) return undefined;
    throw this.fail(
      `this reads as the literal "${word}" with more text behind it; to read the property write "$." before its name`,
      word.length,
    );
  }

  private wordOrKey(word: 'true' | 'false' | 'null'): Expression {
    const start = this.pos;
    this.take(word.length);
    const range = this.since(start);
    if (this.syntax.expressions && this.at('{')) {
      return this.tail({ kind: 'key', key: { name: word, range }, range }, start);
    }
    return this.literalTail(
      word === 'null' ? { kind: 'null', range } : { kind: 'boolean', value: word === 'true', range },
      start,
    );
  }

  /** A literal may go on as a path; then it is the root of that path, as if it stood in `$( )`. */
  private literalTail(literal: Exclude<Expression, Path>, start: number): Expression {
    if (this.at('{') && this.syntax.expressions) {
      throw this.fail(
        `a literal cannot be followed by "{"; put it in "$( )": $(${this.text.slice(start, this.last)}) { ... }`,
      );
    }
    if (!this.atTail()) return literal;
    return this.tail({ kind: 'expression', expression: literal, range: literal.range }, start);
  }

  private object(): ObjectLiteral {
    const start = this.pos;
    const entries = this.braces(() => (this.syntax.expressions ? this.entries(false) : this.properties()));
    return { kind: 'object', entries, range: this.since(start) };
  }

  /** The properties of an object literal up to v0.3: all with a name, a colon, and commas between. */
  private properties(): Entry[] {
    const entries: Entry[] = [];
    while (!this.atEnd() && !this.at('}')) {
      const key = this.tryKey();
      if (key === undefined) throw this.unexpected('a property name or "}"');
      if (!this.at(':'))
        throw this.unexpected(`":" and a value for "${key.name}" (a name alone needs connect/v0.4)`);
      this.take(1);
      entries.push({ kind: 'alias', key, value: this.expression(), range: this.since(key.range.start) });
      if (!this.comma('}')) break;
    }
    return entries;
  }

  private array(): ArrayLiteral {
    const start = this.pos;
    return { kind: 'array', items: this.expressions(']'), range: this.since(start) };
  }

  /** A bracketed, comma-separated list of expressions. */
  private expressions(closing: ']' | ')'): Expression[] {
    const open = this.pos;
    const items: Expression[] = [];
    this.take(1);
    this.enter(open);
    while (!this.atEnd() && !this.at(closing)) {
      items.push(this.expression());
      if (!this.comma(closing)) break;
    }
    this.depth--;
    this.close(closing, open);
    return items;
  }

  /** Takes a comma if there is one; otherwise the list must close here. */
  private comma(closing: string): boolean {
    if (this.at(',')) {
      this.take(1);
      return true;
    }
    if (!this.atEnd() && !this.at(closing)) throw this.unexpected(`"," or "${closing}"`);
    return false;
  }

  /** A number if one begins here. Spaces may stand behind the sign and around the dot; `...` is never its dot. */
  private tryNumber(): NumberLiteral | undefined {
    const start = this.pos;
    const negative = this.at('-') && !this.at('->');
    if (negative) this.take(1);
    const whole = this.digits();
    const fraction = this.fraction(whole);
    if (whole === '' && fraction === undefined) {
      if (negative) throw this.unexpected('digits after "-"');
      return undefined;
    }
    if (isWordChar(this.text.charCodeAt(this.last)) && this.last < this.window.end) {
      throw new MappingSyntaxError(
        'a number ends before this character; exponents and units cannot be written',
        { start: this.last, end: this.last + 1 },
      );
    }
    const range = this.since(start);
    return { kind: 'number', value: this.numberValue(negative, whole, fraction, range), range };
  }

  private digits(): string {
    const start = this.pos;
    let end = start;
    while (end < this.window.end && isDigit(this.text.charCodeAt(end))) end++;
    if (end > start) this.take(end - start);
    return this.text.slice(start, end);
  }

  /** The digits behind the dot, "" for a dot alone, undefined for none. */
  private fraction(whole: string): string | undefined {
    if (!this.at('.') || this.at('...')) return undefined;
    const { pos, last } = this;
    this.take(1);
    const digits = this.digits();
    if (whole !== '' || digits !== '') return digits;
    this.pos = pos;
    this.last = last;
    return undefined;
  }

  private numberValue(
    negative: boolean,
    whole: string,
    fraction: string | undefined,
    range: Range,
  ): number | bigint {
    const value = Number(`${whole || '0'}.${fraction || '0'}`);
    if (!Number.isFinite(value)) throw new MappingSyntaxError('this number is too large', range);
    const exact = fraction === undefined && !Number.isSafeInteger(value) ? BigInt(whole) : value;
    return negative && exact !== 0 ? -exact : exact;
  }

  // Paths

  private root(): Root {
    const start = this.pos;
    if (this.at('$(')) return this.expressionRoot();
    if (this.at('$')) {
      const name = this.wordAt(start + 1);
      this.take(1 + name.length);
      const range = this.since(start);
      return name === '' ? { kind: 'body', range } : { kind: 'variable', name: `$${name}`, range };
    }
    if (this.at('@')) {
      this.take(1);
      return { kind: 'current', range: this.since(start) };
    }
    const key = this.tryKey();
    if (key !== undefined) return { kind: 'key', key, range: key.range };
    throw this.noRoot();
  }

  private noRoot(): MappingSyntaxError {
    if (this.at('...'))
      return this.fail(
        this.syntax.spread ? '"..." may only begin a selection' : '"..." needs connect/v0.4',
        3,
      );
    if (this.at('.')) return this.fail('a path cannot begin with a dot: write "$." before the key');
    if (this.at('->')) return this.fail('a path cannot begin with a method: write "$->" or "@->"', 2);
    if (
      !this.syntax.expressions &&
      (this.at('[') || isDigit(this.text.charCodeAt(this.pos)) || this.at('-'))
    ) {
      return this.fail('a literal must stand in "$( )" here (or use connect/v0.4)');
    }
    return this.unexpected('a value');
  }

  private expressionRoot(): Root {
    const start = this.pos;
    this.take(2);
    this.enter(start);
    const expression = this.expression();
    this.depth--;
    this.close(')', start);
    return { kind: 'expression', expression, range: this.since(start) };
  }

  private tail(root: Root, start: number): Path {
    const steps: Step[] = [];
    for (let step = this.step(false); step !== undefined; step = this.step(step.kind === 'question'))
      steps.push(step);
    const selection = this.at('{') ? this.subSelection() : undefined;
    return { kind: 'path', root, steps, selection, range: this.since(start) };
  }

  /** Whether something follows that only a path can go on with. */
  private atTail(): boolean {
    if (this.at('.')) return !this.at('...');
    return this.at('->') || (this.at('?') && this.atOperator() === undefined) || this.at('{');
  }

  private step(afterQuestion: boolean): Step | undefined {
    if (this.at('.')) return this.at('...') ? undefined : this.keyStep();
    if (this.at('->')) return this.methodStep();
    if (!this.at('?') || afterQuestion || this.atOperator() !== undefined) return undefined;
    if (!this.syntax.questions) throw this.fail('"?" needs connect/v0.3');
    const start = this.pos;
    this.take(1);
    return { kind: 'question', range: this.since(start) };
  }

  private keyStep(): Step {
    this.take(1);
    const key = this.tryKey();
    if (key === undefined) throw this.unexpected('a key after "."');
    return { kind: 'key', key, range: key.range };
  }

  private methodStep(): Step {
    const start = this.pos;
    this.take(2);
    const name = this.wordAt(this.pos);
    if (name === '') throw this.unexpected('a method name after "->"');
    const nameStart = this.pos;
    this.take(name.length);
    const nameRange = this.since(nameStart);
    const args = this.at('(') ? this.expressions(')') : undefined;
    return { kind: 'method', name, nameRange, args, range: this.since(start) };
  }

  // Tokens

  private key(): Key {
    const key = this.tryKey();
    if (key === undefined) throw this.unexpected('a key');
    return key;
  }

  private tryKey(): Key | undefined {
    const start = this.pos;
    const c = this.char();
    if (c === '"' || c === "'") {
      const name = this.quoted(c);
      return { name, range: this.since(start) };
    }
    const name = this.wordAt(start);
    if (name === '') return undefined;
    this.take(name.length);
    return { name, range: this.since(start) };
  }

  private quoted(quote: string): string {
    const start = this.pos;
    let value = '';
    let from = start + 1;
    for (let i = from; i < this.window.end; i++) {
      const c = this.text[i];
      if (c === quote) {
        value += this.text.slice(from, i);
        this.take(i + 1 - start);
        return value;
      }
      if (c !== '\\' || i + 1 >= this.window.end) continue;
      value += this.text.slice(from, i) + (this.text[i + 1] === 'n' ? '\n' : this.text.charAt(i + 1));
      from = i + 2;
      i++;
    }
    throw new MappingSyntaxError(`this string has no closing ${quote}`, { start, end: this.window.end });
  }

  private wordAt(start: number): string {
    const { text, window } = this;
    if (start >= window.end || !isWordStart(text.charCodeAt(start))) return '';
    let end = start + 1;
    while (end < window.end && isWordChar(text.charCodeAt(end))) end++;
    return text.slice(start, end);
  }

  private atOperator(): '??' | '?!' | undefined {
    if (this.at('??')) return '??';
    return this.at('?!') ? '?!' : undefined;
  }

  private startsEntry(pos: number): boolean {
    const c = this.text[pos];
    return (
      c === '"' ||
      c === "'" ||
      c === '$' ||
      c === '@' ||
      isWordStart(this.text.charCodeAt(pos)) ||
      this.text.startsWith('...', pos)
    );
  }

  private char(): string | undefined {
    return this.atEnd() ? undefined : this.text[this.pos];
  }

  private at(token: string): boolean {
    if (this.pos + token.length > this.window.end || this.text.charCodeAt(this.pos) !== token.charCodeAt(0))
      return false;
    return token.length === 1 || this.text.startsWith(token, this.pos);
  }

  private atEnd(): boolean {
    return this.pos >= this.window.end;
  }

  private take(length: number): void {
    this.pos += length;
    this.last = this.pos;
    this.skip();
  }

  /** Passes over white space and comments. */
  private skip(): void {
    const { text, window } = this;
    while (this.pos < window.end) {
      const c = text.charCodeAt(this.pos);
      if (c === 0x23) {
        while (this.pos < window.end && !isLineEnd(text.charCodeAt(this.pos))) this.pos++;
      } else if (c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d) {
        this.pos++;
      } else {
        return;
      }
    }
  }

  private enter(open: number): void {
    if (++this.depth > MAX_NESTING) {
      throw new MappingSyntaxError(`nested deeper than ${MAX_NESTING} levels`, {
        start: open,
        end: open + 1,
      });
    }
  }

  private close(closing: string, open: number): void {
    if (this.at(closing)) return this.take(1);
    if (this.atEnd()) {
      throw new MappingSyntaxError(`"${closing}" is missing for the "${this.text[open]}" opened here`, {
        start: open,
        end: open + 1,
      });
    }
    throw this.unexpected(`"${closing}"`);
  }

  // Errors

  private since(start: number): Range {
    return { start, end: Math.max(start, this.last) };
  }

  private fail(message: string, length = 1): MappingSyntaxError {
    return new MappingSyntaxError(message, {
      start: this.pos,
      end: Math.min(this.pos + length, this.window.end),
    });
  }

  private unexpected(expected: string): MappingSyntaxError {
    if (this.atEnd())
      return new MappingSyntaxError(`expected ${expected}, but the text ends here`, {
        start: this.pos,
        end: this.pos,
      });
    if (this.at('??') || this.at('?!')) return this.fail(`${this.operatorHelp()} (expected ${expected})`, 2);
    if (this.at('?')) return this.fail(`expected ${expected}; "?" cannot be repeated`);
    const word = this.wordAt(this.pos) || String.fromCodePoint(this.text.codePointAt(this.pos) ?? 0xfffd);
    return this.fail(`expected ${expected}, found ${JSON.stringify(word)}`, word.length);
  }
}

/** What a path without alias is among other selections. */
function entryOf(path: Path): Entry {
  const { range } = path;
  if (isSingleKey(path)) return { kind: 'field', key: path.root.key, value: path, range };
  return path.selection === undefined
    ? { kind: 'value', value: path, range }
    : { kind: 'inline', value: path, range };
}

function isLineEnd(code: number): boolean {
  return code === 0x0a || code === 0x0d;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isWordStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function isWordChar(code: number): boolean {
  return isWordStart(code) || isDigit(code);
}
