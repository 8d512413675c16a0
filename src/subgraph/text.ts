import { Kind, type NameNode, type Source, type StringValueNode, type ValueNode } from 'graphql';

/** A string somebody wrote in a schema file, which knows where each of its characters stands. */
export interface Text {
  readonly value: string;
  readonly source: Source;
  /** The offset in the file of the character at `index` of the value. */
  offsetOf(index: number): number;
}

/** The text of a string node. Escapes and the indentation of block strings are accounted for. */
export function textOf(node: StringValueNode, source: Source): Text {
  let offsets: readonly number[] | undefined;
  return {
    value: node.value,
    source,
    offsetOf: (index) => {
      offsets ??= node.block === true ? blockOffsets(node, source) : plainOffsets(node, source);
      return offsets[Math.min(index, offsets.length - 1)] ?? startOf(node);
    },
  };
}

/** The text of a name, which stands in the file as it is. */
export function nameText(node: NameNode, source: Source): Text {
  return {
    value: node.value,
    source,
    offsetOf: (index) => startOf(node) + Math.min(index, node.value.length),
  };
}

/** Where a node begins in its file. */
export function startOf(node: { readonly loc?: { readonly start: number } | undefined }): number {
  return node.loc?.start ?? 0;
}

/** Whether a value is a string, plain or block. */
export function isString(node: ValueNode | undefined): node is StringValueNode {
  return node?.kind === Kind.STRING;
}

/** The offset of each UTF-16 unit of the value, and of its end. */
function plainOffsets(node: StringValueNode, source: Source): number[] {
  const offsets: number[] = [];
  const end = (node.loc?.end ?? 0) - 1;
  let at = startOf(node) + 1;
  while (at < end) {
    const width = source.body[at] === '\\' ? escapeWidth(source.body, at) : 1;
    offsets.push(at);
    if (unitsOfEscape(source.body, at, width) === 2) offsets.push(at);
    at += width;
  }
  offsets.push(end);
  return offsets;
}

function escapeWidth(body: string, at: number): number {
  if (body[at + 1] !== 'u') return 2;
  return body[at + 2] === '{' ? body.indexOf('}', at) - at + 1 : 6;
}

/** `\u{1F600}` is one escape that gives two UTF-16 units. */
function unitsOfEscape(body: string, at: number, width: number): number {
  if (!body.startsWith('\\u{', at)) return 1;
  return Number.parseInt(body.slice(at + 3, at + width - 1), 16) > 0xffff ? 2 : 1;
}

interface Line {
  /** Offset of each unit of the line, and of its end. */
  readonly offsets: readonly number[];
  readonly text: string;
}

/** https://spec.graphql.org/October2021/#BlockStringValue() */
function blockOffsets(node: StringValueNode, source: Source): number[] {
  const lines = rawLines(source.body, startOf(node) + 3, (node.loc?.end ?? 0) - 3);
  const isBlank = (line: Line) => /^[ \t]*$/.test(line.text);
  const first = lines.findIndex((line) => !isBlank(line));
  const last = lines.findLastIndex((line) => !isBlank(line));
  if (first < 0) return [startOf(node) + 3];
  const indents = lines
    .slice(1)
    .filter((line) => !isBlank(line))
    .map(indentOf);
  const common = indents.length === 0 ? 0 : Math.min(...indents);
  const offsets = lines
    .slice(first, last + 1)
    .flatMap((line, index) => (first + index === 0 ? line.offsets : dedent(line, common)));
  return offsets;
}

function dedent(line: Line, common: number): readonly number[] {
  return line.offsets.slice(Math.min(common, line.text.length));
}

function indentOf(line: Line): number {
  return /^[ \t]*/.exec(line.text)?.[0].length ?? 0;
}

function rawLines(body: string, start: number, end: number): Line[] {
  const lines: Line[] = [];
  let text = '';
  let offsets: number[] = [];
  const finish = (at: number) => {
    lines.push({ text, offsets: [...offsets, at] });
    text = '';
    offsets = [];
  };
  for (let at = start; at < end; at++) {
    if (body.startsWith('\\"""', at)) {
      offsets.push(at + 1, at + 2, at + 3);
      text += '"""';
      at += 3;
    } else if (body[at] === '\r' || body[at] === '\n') {
      finish(at);
      if (body.startsWith('\r\n', at)) at++;
    } else {
      offsets.push(at);
      text += body[at] ?? '';
    }
  }
  finish(end);
  return lines;
}
