/** Text measured in UTF-8 bytes, as the mapping language does, and trimmed by Unicode's white space. */

const ascii = /^[\0-\x7f]*$/;

/** How many bytes a text has in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** The whole characters between two byte offsets; a character that is cut by an end is left out. */
export function byteSlice(text: string, from: number, to: number): string {
  if (ascii.test(text)) return text.slice(from, to);
  let at = 0;
  let part = '';
  for (const character of text) {
    const next = at + byteLength(character);
    if (at >= from && next <= to) part += character;
    if (next >= to) break;
    at = next;
  }
  return part;
}

/** The character that is the one byte at an offset (negative: from the end); undefined inside longer characters. */
export function characterAtByte(text: string, offset: number): string | undefined {
  const length = byteLength(text);
  const from = offset < 0 ? offset + length : offset;
  if (from < 0 || from >= length) return undefined;
  return byteSlice(text, from, from + 1) || undefined;
}

/** Without white space at the chosen ends: Unicode's set, which has U+0085 and lacks U+FEFF, unlike JavaScript's. */
export function trimText(text: string, start: boolean, end: boolean): string {
  let from = 0;
  let to = text.length;
  while (start && from < to && isSpace(text.charCodeAt(from))) from++;
  while (end && to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code === 0x85 || code === 0xa0 || code === 0x1680) return true;
  if (code >= 0x2000 && code <= 0x200a) return true;
  return code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000;
}

/**
 * A name in lowerCamelCase. Words end at anything that is no letter or digit, before a capital after a small letter or digit, and
 * before the last capital of a run (`HTTPStatus` is http, status). A name without any word stays as it is.
 */
export function camelCase(name: string): string {
  const words = name.match(/\p{Lu}+(?!\p{Ll})\p{N}*|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{Lt}\p{M}\p{N}]+/gu);
  if (words === null) return name;
  return words.map((word, i) => (i === 0 ? word.toLowerCase() : capitalised(word))).join('');
}

function capitalised(word: string): string {
  const [head = '', ...rest] = word;
  return head.toUpperCase() + rest.join('').toLowerCase();
}
