import fc from 'fast-check';
import { Kind, parseValue, Source, type StringValueNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { textOf, type Text } from '../../src/subgraph/text.js';

/** A string node somewhere in a file, and its text. */
function read(
  literal: string,
  before = '',
): { readonly body: string; readonly node: StringValueNode; readonly text: Text } {
  const body = `${before}${literal}`;
  const source = new Source(body);
  const node = parseValue(source);
  if (node.kind !== Kind.STRING) throw new Error(`${literal} is no string`);
  return { body, node, text: textOf(node, source) };
}

/** What stands in the file where the text says that its characters stand. */
function pointedAt(literal: string, before = ''): string {
  const { body, node, text } = read(literal, before);
  return [...Array(node.value.length).keys()].map((index) => body[text.offsetOf(index)]).join('');
}

describe('a plain string', () => {
  test('stands behind its quote', () => {
    expect(pointedAt('"id name"', '# about it\n')).toBe('id name');
    expect(read('"ab"', '\n').text.offsetOf(0)).toBe(2);
  });

  test('ends at its closing quote', () => {
    const { body, text } = read('"ab"');
    expect(body.slice(text.offsetOf(2))).toBe('"');
    expect(text.offsetOf(99)).toBe(text.offsetOf(2));
  });

  test('of nothing stands at its closing quote', () => {
    expect(read('""').text.offsetOf(0)).toBe(1);
  });

  test('points at the backslash of an escape', () => {
    expect(pointedAt(String.raw`"a\"b\\c\nd\u0041e"`)).toBe(String.raw`a\b\c\d\e`);
  });

  test('counts the two units of a character beyond the first plane', () => {
    expect(pointedAt('"a😀b"')).toBe('a😀b');
    expect(pointedAt(String.raw`"a\u{1F600}b"`)).toBe(String.raw`a\\b`);
    expect(pointedAt(String.raw`"a\uD83D\uDE00b"`)).toBe(String.raw`a\\b`);
    expect(pointedAt(String.raw`"a\u{41}b"`)).toBe(String.raw`a\b`);
  });
});

describe('a block string', () => {
  test('is freed from the indentation of its lines', () => {
    expect(pointedAt('"""\n    id\n      name\n    """')).toBe('id\n  name');
  });

  test('keeps the indentation of a first line that stands behind the quotes', () => {
    expect(pointedAt('"""  id\n    name"""')).toBe('  id\nname');
  });

  test('is freed from blank lines at its ends, and not within', () => {
    expect(pointedAt('"""\n\n  id\n\n  name\n\n  """')).toBe('id\n\nname');
  });

  test('counts \\r\\n as one line end', () => {
    expect(pointedAt('"""\r\n  id\r\n  name\r\n"""')).toBe('id\rname');
  });

  test('counts a tab as one character of indentation', () => {
    expect(pointedAt('"""\n\t\tid\n\tname\n"""')).toBe('\tid\nname');
  });

  test('points behind the backslash of escaped quotes', () => {
    const { body, node, text } = read('"""\n  say \\"""hi\\"""\n"""');
    expect(node.value).toBe('say """hi"""');
    expect(body.slice(text.offsetOf(4), text.offsetOf(4) + 5)).toBe('"""hi');
    expect(body[text.offsetOf(7)]).toBe('h');
  });

  test('of nothing stands behind its quotes', () => {
    expect(read('""""""').text.offsetOf(0)).toBe(3);
    expect(read('"""\n  \n"""').text.offsetOf(0)).toBe(3);
  });
});

const plainCharacter = fc.constantFrom('a', 'b', ' ', '{', '}', '$', '.', '>', '-', '😀', 'ü', '\t', '#');
const escape = fc.constantFrom(
  '\\"',
  '\\\\',
  '\\n',
  '\\t',
  '\\/',
  '\\u0041',
  '\\u{1F600}',
  '\\u{7A}',
  '\\uD83D\\uDE00',
);
const blockPiece = fc.constantFrom(
  'a',
  'bc',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '😀',
  '"',
  '\\',
  '\\"""',
  '{',
  '.',
);

/** Checks every character of a string against what graphql-js read. */
function checkEach(
  literal: string,
  before: string,
  mayStandFor: (written: string, read: string) => boolean,
): void {
  const { body, node, text } = read(literal, before);
  let last = -1;
  for (let index = 0; index < node.value.length; index++) {
    const offset = text.offsetOf(index);
    expect(offset).toBeGreaterThanOrEqual(last);
    expect([body[offset], node.value[index]]).toSatisfy(([written, value]) => mayStandFor(written, value));
    last = offset;
  }
  expect(text.offsetOf(node.value.length)).toBeGreaterThanOrEqual(last);
  expect(text.offsetOf(node.value.length)).toBeLessThan(body.length);
}

test('each character of any plain string stands where it is pointed at', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(plainCharacter, escape)),
      fc.constantFrom('', '\n', '# ü\r\n'),
      (pieces, before) => {
        checkEach(`"${pieces.join('')}"`, before, (written, value) => written === value || written === '\\');
      },
    ),
    { seed: 1, numRuns: 2_000 },
  );
});

test('each character of any block string stands where it is pointed at', () => {
  fc.assert(
    fc.property(fc.array(blockPiece), fc.constantFrom('', '\n', '# ü\r\n'), (pieces, before) => {
      // A quote or backslash at the end would join the closing quotes.
      const content = pieces
        .join('')
        .replace(/"{3,}/g, '"')
        .replace(/["\\]+$/, '');
      checkEach(
        `"""${content}"""`,
        before,
        (written, value) => written === value || (written === '\r' && value === '\n'),
      );
    }),
    { seed: 2, numRuns: 2_000 },
  );
});
