/** The text of a `.proto` file, for finding the line of a declaration that the parser gives without one. */
export class SourceLines {
  /** The text with blanks for comments; every character keeps its place. */
  readonly code: string;
  readonly #found = new Set<number>();

  constructor(text: string) {
    this.code = withoutComments(text);
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

  /** The line of the last match: where something is declared again. */
  findLast(pattern: string): number {
    const last = [...this.code.matchAll(new RegExp(pattern, 'g'))].at(-1);
    return last === undefined ? 1 : lineAt(this.code, last.index);
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
