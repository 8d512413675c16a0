/** A value of a JSON text, and where in the text it begins. */
export type PlacedJson = { readonly offset: number } & (
  | { readonly kind: 'object'; readonly members: readonly Member[] }
  | { readonly kind: 'list'; readonly items: readonly PlacedJson[] }
  | { readonly kind: 'scalar'; readonly value: unknown }
);

/** A member of an object. Names may come twice: who reads it decides what that means. */
export interface Member {
  readonly name: string;
  /** Where the name begins. */
  readonly offset: number;
  readonly value: PlacedJson;
}

/** Where, and why, a text is no JSON. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Deeper than any file that people write, and far from where the recursion would end the stack. */
const maxDepth = 64;

/**
 * Reads a JSON text somebody wrote, so that each fault found in it later has a place. `JSON.parse` forgets where a value
 * stood, and says only of some faults where they are.
 *
 * @throws JsonFault
 */
export function readPlacedJson(text: string): PlacedJson {
  return new Reader(text).read();
}

const blank = /[ \t\n\r]*/y;
// Whether its escapes are right is left to `JSON.parse`.
const stringToken = /"[^"\\\n\r]*(?:\\.[^"\\\n\r]*)*"/y;
const wordToken = /[-+.\w]+/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): PlacedJson {
    const value = this.#value(0);
    this.#skipBlank();
    if (this.#at < this.#text.length) this.#fail('The JSON ends before this');
    return value;
  }

  #value(depth: number): PlacedJson {
    this.#skipBlank();
    if (depth > maxDepth) this.#fail('The JSON is nested too deeply');
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#list(depth);
      default: {
        const offset = this.#at;
        return { kind: 'scalar', offset, value: this.#scalar() };
      }
    }
  }

  #object(depth: number): PlacedJson {
    const offset = this.#at;
    const members: Member[] = [];
    this.#entries('}', () => {
      const at = this.#at;
      const name =
        this.#text[at] === '"' ? String(this.#scalar()) : this.#fail('A name in quotes must stand here');
      this.#skipBlank();
      if (!this.#takes(':')) this.#fail('A colon must stand here');
      members.push({ name, offset: at, value: this.#value(depth + 1) });
    });
    return { kind: 'object', offset, members };
  }

  #list(depth: number): PlacedJson {
    const offset = this.#at;
    const items: PlacedJson[] = [];
    this.#entries(']', () => items.push(this.#value(depth + 1)));
    return { kind: 'list', offset, items };
  }

  /** What stands, between commas, from the bracket here to the one that closes it. */
  #entries(closing: string, readOne: () => void): void {
    this.#at++;
    this.#skipBlank();
    if (this.#takes(closing)) return;
    do {
      this.#skipBlank();
      readOne();
      this.#skipBlank();
    } while (this.#takes(','));
    if (!this.#takes(closing)) this.#fail(`A comma or "${closing}" must stand here`);
  }

  #scalar(): unknown {
    const token = this.#match(this.#text[this.#at] === '"' ? stringToken : wordToken);
    try {
      if (token === undefined) throw new SyntaxError();
      const value: unknown = JSON.parse(token);
      this.#at += token.length;
      return value;
    } catch {
      return this.#fail('The text is not JSON from here on');
    }
  }

  #skipBlank(): void {
    this.#at += this.#match(blank)?.length ?? 0;
  }

  #takes(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #fail(message: string): never {
    throw new JsonFault(`${message}.`, this.#at);
  }
}
