import { put } from './values.js';
import type { JsonObject } from './values.js';

/**
 * JSON as `JSON.parse` and `JSON.stringify` read and write it, but for integers that a double cannot hold: they are
 * bigints and keep all their digits. Own `__proto__` keys stay own keys. Any depth is fine.
 */

/** Only a run of 16 digits can be an integer outside the safe range. */
const longDigits = /\d{16}/;

/**
 * Reads a JSON text.
 *
 * @throws {SyntaxError} as `JSON.parse`
 */
export function parseJson(text: string): unknown {
  // on the slow path this is the check of the syntax, so the reader below meets only valid texts
  const value: unknown = JSON.parse(text);
  return longDigits.test(text) ? new ExactReader(text).read() : value;
}

/**
 * Whether a JSON text has more values in lists and objects than this. A list of `{}` takes twenty times its text in
 * memory, and blocks all else while it is read: so one looks before.
 */
export function hasMoreValues(text: string, max: number): boolean {
  // Each value but the last has a comma behind it, and each list or object a bracket.
  if (text.length <= max) return false;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if ((code === 0x2c || code === 0x5b || code === 0x7b) && ++count > max) return true;
  }
  return false;
}

/** The place of the quote that ends a string; the end of a text that has none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at;
    if (code === 0x5c) at++;
  }
  return text.length;
}

type Container = { readonly list: unknown[] } | { readonly object: JsonObject; key: string };

/** Reads a valid JSON text with a stack of its own. */
class ExactReader {
  private readonly text: string;
  private pos = 0;
  private readonly open: Container[] = [];

  constructor(text: string) {
    this.text = text;
  }

  read(): unknown {
    for (;;) {
      const value = this.valueOrOpen();
      if (value === undefined) continue;
      let finished: unknown = value;
      while (this.add(finished)) {
        if (!this.closes()) break;
        finished = this.pop();
      }
      if (this.open.length === 0) return finished;
    }
  }

  /** A scalar or an empty container; undefined after a container was opened. */
  private valueOrOpen(): unknown {
    const c = this.next();
    if (c === '{') return this.openContainer({ object: {}, key: '' }, '}');
    if (c === '[') return this.openContainer({ list: [] }, ']');
    if (c === '"') return this.string();
    return this.word();
  }

  private openContainer(container: Container, closing: string): unknown {
    this.pos++;
    if (this.next() === closing) {
      this.pos++;
      return 'list' in container ? container.list : container.object;
    }
    this.open.push(container);
    if ('object' in container) this.key(container);
    return undefined;
  }

  /** Puts a finished value where it belongs; false at the outermost one. */
  private add(value: unknown): boolean {
    const container = this.open.at(-1);
    if (container === undefined) return false;
    if ('list' in container) container.list.push(value);
    else put(container.object, container.key, value);
    return true;
  }

  /** Whether the container ends here; otherwise moves on to its next member. */
  private closes(): boolean {
    const c = this.next();
    this.pos++;
    if (c !== ',') return true;
    const container = this.open.at(-1);
    if (container !== undefined && 'object' in container) this.key(container);
    return false;
  }

  private pop(): unknown {
    const container = this.open.pop() as Container;
    return 'list' in container ? container.list : container.object;
  }

  private key(container: { key: string }): void {
    this.next();
    container.key = this.string();
    this.next();
    this.pos++; // the colon
  }

  private next(): string | undefined {
    while (this.text.charCodeAt(this.pos) <= 0x20) this.pos++;
    return this.text[this.pos];
  }

  private string(): string {
    const start = this.pos;
    let end = start + 1;
    let escaped = false;
    for (let c = this.text.charCodeAt(end); c !== 0x22; c = this.text.charCodeAt(++end)) {
      if (c !== 0x5c) continue;
      escaped = true;
      end++;
    }
    this.pos = end + 1;
    return escaped
      ? (JSON.parse(this.text.slice(start, end + 1)) as string)
      : this.text.slice(start + 1, end);
  }

  private word(): unknown {
    const start = this.pos;
    while (this.pos < this.text.length && !/[\s,\]}]/.test(this.text[this.pos] as string)) this.pos++;
    return wordValue(this.text.slice(start, this.pos));
  }
}

function wordValue(word: string): unknown {
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (word === 'null') return null;
  const number = Number(word);
  return Number.isSafeInteger(number) || !/^-?\d+$/.test(word) ? number : BigInt(word);
}

/**
 * Writes compact JSON; bigints as their digits, undefined properties not at all.
 *
 * @throws TypeError where a value contains itself
 */
export function stringifyJson(value: unknown): string {
  try {
    return nativeText(value);
  } catch {
    // a bigint somewhere, or too deep for the native writer
    return writeExactly(value);
  }
}

/** What has no JSON form is null. */
function nativeText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return text ?? 'null';
}

/** What is still to be written, last first: text as it is, a value, or the end of one that was open. */
type Pending = string | { readonly value: unknown } | { readonly end: object };

function writeExactly(root: unknown): string {
  let text = '';
  const open = new Set<object>();
  const pending: Pending[] = [{ value: root }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (typeof item === 'string') text += item;
    else if ('end' in item) open.delete(item.end);
    else if (typeof item.value === 'object' && item.value !== null) pushMembers(item.value, pending, open);
    else text += typeof item.value === 'bigint' ? item.value.toString() : nativeText(item.value);
  }
  return text;
}

function pushMembers(value: object, pending: Pending[], open: Set<object>): void {
  if (open.has(value)) throw new TypeError('A value that contains itself has no JSON form');
  open.add(value);
  pending.push({ end: value });
  if (Array.isArray(value)) pushList(value, pending);
  else pushObject(value as JsonObject, pending);
}

function pushList(list: readonly unknown[], pending: Pending[]): void {
  pending.push(']');
  for (let i = list.length - 1; i >= 0; i--) {
    pending.push({ value: list[i] });
    if (i > 0) pending.push(',');
  }
  pending.push('[');
}

function pushObject(object: JsonObject, pending: Pending[]): void {
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  pending.push('}');
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as string;
    pending.push({ value: object[key] }, `${i > 0 ? ',' : ''}${JSON.stringify(key)}:`);
  }
  pending.push('{');
}
