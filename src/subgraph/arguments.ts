import {
  Kind,
  type ASTNode,
  type DirectiveNode,
  type ObjectValueNode,
  type Source,
  type ValueNode,
} from 'graphql';
import { parseDuration } from '../base/duration.js';
import type { Problem } from '../base/problems.js';
import { parseSelection, MappingSyntaxError } from '../mapping/parse.js';
import { parseTemplate } from '../mapping/template.js';
import type { SpecVersion } from '../mapping/version.js';
import type { Expression, Templated } from './subgraph.js';
import { isString, startOf, textOf, type Text } from './text.js';

/** What reading a file's directives needs to know, and where it puts the problems it meets. */
export interface Reading {
  readonly subgraph: string;
  readonly source: Source;
  readonly version: SpecVersion;
  readonly problems: Problem[];
  /** How messages name the directive that is read: `@connect on Query.user`. */
  readonly owner: string;
}

/**
 * Reports a problem at a node, or at an exact offset. What seems to be missing in a node is not reported where
 * something in it has been found misspelt before.
 */
export function report(reading: Reading, code: string, message: string, at: ASTNode | number): void {
  if (typeof at !== 'number' && hasProblemIn(at, reading)) return;
  const offset = typeof at === 'number' ? at : startOf(at);
  reading.problems.push({ code, message, source: reading.source, offset });
}

function hasProblemIn({ loc }: ASTNode, { problems }: Reading): boolean {
  return loc !== undefined && problems.some(({ offset }) => offset > loc.start && offset < loc.end);
}

/** The names of those fields that hold such a value, as the vocabulary says. */
type NamesOf<Fields, Value> = {
  [Name in keyof Fields]-?: NonNullable<Fields[Name]> extends Value ? Name : never;
}[keyof Fields] &
  string;

/** What a list holds; one value stands for a list of one. */
type ItemOf<T> = NonNullable<T> extends readonly (infer Item)[] ? Item : NonNullable<T>;

/**
 * Reads the arguments of a directive, or the fields of an object among them, as typed values. `Fields` is generated
 * from `directives.graphql`, so that the compiler knows which names there are. Their types have
 * been checked before; what does not fit here is absent, so that all problems of a file can be found at once.
 */
export class Arguments<Fields extends object> {
  readonly node: DirectiveNode | ObjectValueNode;
  readonly #reading: Reading;
  readonly #values: ReadonlyMap<string, ValueNode>;

  constructor(node: DirectiveNode | ObjectValueNode, reading: Reading) {
    this.node = node;
    this.#reading = reading;
    const entries = node.kind === Kind.DIRECTIVE ? (node.arguments ?? []) : node.fields;
    this.#values = new Map(entries.map((entry) => [entry.name.value, entry.value]));
  }

  /** The names that were given, of those asked for. */
  given<Name extends keyof Fields & string>(names: readonly Name[]): Name[] {
    return names.filter((name) => this.#values.has(name));
  }

  text(name: NamesOf<Fields, string>): Text | undefined {
    const value = this.#values.get(name);
    return isString(value) ? textOf(value, this.#reading.source) : undefined;
  }

  /** A list of strings; a single string stands for a list of one, as GraphQL coerces. */
  texts(name: NamesOf<Fields, string | readonly string[]>): Text[] {
    return this.#list(name)
      .filter(isString)
      .map((value) => textOf(value, this.#reading.source));
  }

  string(name: NamesOf<Fields, string>): string | undefined {
    return this.text(name)?.value;
  }

  boolean(name: NamesOf<Fields, boolean>): boolean | undefined {
    const value = this.#values.get(name);
    return value?.kind === Kind.BOOLEAN ? value.value : undefined;
  }

  int(name: NamesOf<Fields, number>): number | undefined {
    const value = this.#values.get(name);
    return value?.kind === Kind.INT ? Number(value.value) : undefined;
  }

  object<Name extends NamesOf<Fields, object>>(name: Name): Arguments<NonNullable<Fields[Name]>> | undefined {
    const value = this.#values.get(name);
    return value?.kind === Kind.OBJECT ? new Arguments(value, this.#reading) : undefined;
  }

  /** A list of objects; a single object stands for a list of one. */
  objects<Name extends NamesOf<Fields, readonly object[]>>(
    name: Name,
  ): Arguments<ItemOf<Fields[Name]> & object>[] {
    return this.#list(name)
      .filter((value) => value.kind === Kind.OBJECT)
      .map((value) => new Arguments(value, this.#reading));
  }

  /** Milliseconds. */
  durationMs(name: NamesOf<Fields, string>): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const duration = parseDuration(text.value);
    if (duration === undefined) {
      const { owner } = this.#reading;
      const message = `${owner} has ${name}: "${text.value}", which is no length of time. Write "500ms", "2s" or "1m".`;
      report(this.#reading, 'INVALID_DURATION', message, text.offsetOf(0));
    }
    return duration;
  }

  /** A mapping expression; a syntax error in it is reported at its character with `code`. */
  expression(name: NamesOf<Fields, string>, code: string): Expression | undefined {
    const text = this.text(name);
    return (
      text &&
      this.#parsed(text, code, (value, version) => ({ text, selection: parseSelection(value, version) }))
    );
  }

  /** A text with holes; a syntax error in it is reported at its character with `code`. */
  templated(name: NamesOf<Fields, string>, code: string): Templated | undefined {
    const text = this.text(name);
    return text && this.template(text, code);
  }

  template(text: Text, code: string): Templated | undefined {
    return this.#parsed(text, code, (value, version) => ({ text, template: parseTemplate(value, version) }));
  }

  #parsed<T>(text: Text, code: string, parse: (value: string, version: SpecVersion) => T): T | undefined {
    try {
      return parse(text.value, this.#reading.version);
    } catch (error) {
      if (!(error instanceof MappingSyntaxError)) throw error;
      const { owner } = this.#reading;
      const message = `${owner} has an expression that cannot be read: ${error.message}.`;
      report(this.#reading, code, message, text.offsetOf(error.range.start));
      return undefined;
    }
  }

  #list(name: string): readonly ValueNode[] {
    const value = this.#values.get(name);
    if (value === undefined) return [];
    return value.kind === Kind.LIST ? value.values : [value];
  }
}
