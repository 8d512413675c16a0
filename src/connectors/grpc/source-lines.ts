/** The text of a `.proto` file, for finding the line of a declaration that the parser gives without one. */
export class SourceLines {
  /** The text with blanks for comments; every character keeps its place. */
  readonly code: string;
  readonly #found = new Set<number>();

  constructor(text: string) {
    this.code = withoutComments(text);
  }

  /** How many lines have text on them. */
  get count(): number {
    return lineAt(this.code, this.code.trimEnd().length);
  }

  /**
   * The line of the first match of the first pattern that matches. Each match is given once, so that equal
   * declarations, asked for in their order, are told apart.
   */
  find(...patterns: readonly string[]): number {
    for (const pattern of patterns) {
      const matches = [...this.code.matchAll(new RegExp(pattern, 'gi'))].map((match) => match.index);
      const place = matches.find((index) => !this.#found.has(index)) ?? matches[0];
      if (place === undefined) continue;
      this.#found.add(place);
      return lineAt(this.code, place);
    }
    return 1;
  }

  /** The line of the last match, in the declaration of that name if one is given: where something is declared again. */
  findLast(pattern: string, owner?: string): number {
    const [start, end] = owner === undefined ? [0, this.code.length] : this.#blockOf(owner);
    const last = [...this.code.slice(start, end).matchAll(new RegExp(pattern, 'g'))].at(-1);
    return lineAt(this.code, start + (last?.index ?? 0));
  }

  #blockOf(name: string): readonly [start: number, end: number] {
    const start = this.code.search(new RegExp(`\\b(?:message|enum|service)\\s+${name}\\b`));
    if (start < 0) return [0, this.code.length];
    let depth = 0;
    for (let at = this.code.indexOf('{', start); at >= 0 && at < this.code.length; at++) {
      if (this.code[at] === '{') depth++;
      else if (this.code[at] === '}' && --depth === 0) return [start, at];
    }
    return [start, this.code.length];
  }
}

/** The line of a character, from 1. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

const commentsAndStrings = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

function withoutComments(text: string): string {
  return text.replace(commentsAndStrings, (piece) =>
    piece.startsWith('/') ? piece.replace(/[^\n]/g, ' ') : piece,
  );
}
