import { compileSelection } from './compile.js';
import type { Variables } from './scope.js';
import { MappingSyntaxError, parseSelectionIn } from './parse.js';
import type { Range, Selection } from './syntax.js';
import { kindOf, scalarText } from './values.js';
import type { SpecVersion } from './version.js';

/** A string with holes: `Bearer {$config.token}`, `/users/{$args.id}`. */
export interface Template {
  readonly version: SpecVersion;
  /** As written; all ranges are offsets in it. */
  readonly text: string;
  readonly parts: readonly TemplatePart[];
}

/** Constant text, freed from the line breaks that long templates are folded with, or an expression in braces. */
export type TemplatePart =
  | { readonly kind: 'constant'; readonly text: string; readonly range: Range }
  /** `range` includes the braces, the selection's does not. */
  | { readonly kind: 'hole'; readonly selection: Selection; readonly range: Range };

/** Why a string could not be put together, and the expression that is to blame. */
export interface TemplateFailure {
  readonly kind: 'failure';
  readonly reason: string;
  /** In the text of the template. */
  readonly range: Range;
}

/**
 * Reads a string with holes.
 *
 * @throws {MappingSyntaxError} positioned in the whole text
 * @example parseTemplate('/users/{$args.id}', '0.4')
 */
export function parseTemplate(text: string, version: SpecVersion): Template {
  const parts: TemplatePart[] = [];
  let start = 0;
  for (let open = text.indexOf('{'); open >= 0; open = text.indexOf('{', start)) {
    pushConstant(parts, text, start, open);
    const end = holeEnd(text, open);
    parts.push({ kind: 'hole', selection: parseHole(text, open, end, version), range: { start: open, end } });
    start = end;
  }
  pushConstant(parts, text, start, text.length);
  return { version, text, parts };
}

function pushConstant(parts: TemplatePart[], text: string, start: number, end: number): void {
  const constant = text.slice(start, end).replace(/[\t\n\f\r]/g, '');
  if (constant !== '') parts.push({ kind: 'constant', text: constant, range: { start, end } });
}

/** Behind the brace that balances; braces in quotes count, too. */
function holeEnd(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i + 1;
  }
  throw new MappingSyntaxError('"}" is missing for the "{" opened here', { start: open, end: open + 1 });
}

function parseHole(text: string, open: number, end: number, version: SpecVersion): Selection {
  const selection = parseSelectionIn(text, { start: open + 1, end: end - 1 }, version);
  if (selection.root.kind === 'list' && selection.root.entries.length === 0) {
    throw new MappingSyntaxError('expected an expression between the braces, such as {$args.id}', {
      start: open,
      end,
    });
  }
  return selection;
}

/** The text of a hole's value, or why there is none. */
export type HoleText = (variables: Variables) => string | TemplateFailure;

/**
 * The value of one hole as text: strings as they are, numbers and booleans as JSON, null and missing as "". `check` may
 * refuse the text with a reason.
 */
export function compileHole(selection: Selection, check?: (text: string) => string | undefined): HoleText {
  const mapping = compileSelection(selection);
  return (variables) => {
    const value = mapping.evaluate(null, variables);
    const text = scalarText(value);
    if (text === undefined)
      return failure(`a string, number or boolean is needed here, not ${kindOf(value)}`, selection.range);
    const reason = check?.(text);
    return reason === undefined ? text : failure(reason, selection.range);
  };
}

function failure(reason: string, range: Range): TemplateFailure {
  return { kind: 'failure', reason, range };
}

/** Compiles a string with holes, once. Texts are put in as they are; see `compileHeader` and `compileUrl`. */
export function compileTemplate(template: Template): (variables: Variables) => string | TemplateFailure {
  return join(template);
}

/**
 * Compiles the value of an HTTP header, once. It is not encoded; what a header cannot carry (line breaks, control
 * characters, characters beyond Latin-1) is a failure, as a list or object is.
 */
export function compileHeader(template: Template): (variables: Variables) => string | TemplateFailure {
  return join(template, refuseInHeader);
}

/** What a field value may contain: https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const headerText = /^[\t\x20-\x7e\x80-\xff]*$/;

function refuseInHeader(text: string): string | undefined {
  return headerText.test(text) ? undefined : 'the value has a character that a header cannot carry';
}

function join(
  template: Template,
  check?: (text: string) => string | undefined,
): (variables: Variables) => string | TemplateFailure {
  const parts = template.parts.map((part) =>
    part.kind === 'constant' ? part.text : compileHole(part.selection, check),
  );
  if (parts.every((part) => typeof part === 'string')) {
    const constant = parts.join('');
    return () => constant;
  }
  return (variables) => {
    let text = '';
    for (const part of parts) {
      const piece = typeof part === 'string' ? part : part(variables);
      if (typeof piece !== 'string') return piece;
      text += piece;
    }
    return text;
  };
}
