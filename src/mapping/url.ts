import { compileSelection } from './compile.js';
import type { Variables } from './scope.js';
import type { Range, Selection } from './syntax.js';
import { compileHole } from './template.js';
import type { HoleText, Template, TemplateFailure, TemplatePart } from './template.js';
import { isObject, kindOf, scalarText } from './values.js';

/**
 * The URL of a call, put together from the source's and the connector's parts. Values are encoded before they are put
 * in, so they can never add a segment or a parameter, and they never reach the host. A value that makes a segment `.`
 * or `..` is refused, because whoever reads the URL next would climb with it; one that leaves a segment empty, because
 * `/users/` is another thing than `/users/1`.
 */

/** Where the parts of a URL come from. */
export interface UrlParts {
  /** `baseURL` of the source: a template whose holes are filled by the operator (`$config`, `$env`), or a plain URL. */
  readonly base?: Template | string | undefined;
  /** `path` and `queryParams` of the source. */
  readonly sourcePath?: Selection | undefined;
  readonly sourceQuery?: Selection | undefined;
  /** The connector's own: relative if there is a base, absolute without. */
  readonly url: Template;
  readonly path?: Selection | undefined;
  readonly queryParams?: Selection | undefined;
}

/** A URL, split where a client with a pool per origin wants it. The whole text is `origin + path`. */
export interface Url {
  readonly kind: 'url';
  /** `https://api.example.com:8443` */
  readonly origin: string;
  /** Begins with a slash, includes the query. */
  readonly path: string;
}

/** Why there is no URL. */
export interface UrlFailure extends TemplateFailure {
  /** In whose text `range` is. */
  readonly part: keyof UrlParts;
}

/** A function that gives the URL of each call. */
export type UrlOf = (variables: Variables) => Url | UrlFailure;

/**
 * Compiles the URL of a connector, once.
 *
 * @example compileUrl({ base: 'https://api.example.com/v1', url: parseTemplate('/users/{$args.id}', '0.4') })
 */
export function compileUrl(parts: UrlParts): UrlOf {
  const url = splitUrl(parts.url);
  const base = parts.base === undefined ? compileOrigin(url.origin, parts.url) : compileBase(parts.base);
  const sourcePath = compileSegments(parts.sourcePath, 'sourcePath');
  const path = compilePath(url.path);
  const morePath = compileSegments(parts.path, 'path');
  const sourceQuery = compileParameters(parts.sourceQuery, 'sourceQuery');
  const query = compileQuery(url.query);
  const moreQuery = compileParameters(parts.queryParams, 'queryParams');

  const urlOf: UrlOf = (variables) => {
    const to = base(variables);
    if (to.kind === 'failure') return to;
    const first = sourcePath(to.path, variables);
    if (typeof first !== 'string') return first;
    const own = path(variables);
    if (typeof own !== 'string') return own;
    const whole = morePath(joinPaths(first, own), variables);
    if (typeof whole !== 'string') return whole;
    let search = to.query;
    for (const more of [sourceQuery, query, moreQuery]) {
      const next = more(variables);
      if (typeof next !== 'string') return next;
      if (next !== '') search += search === '' ? next : `&${next}`;
    }
    return { kind: 'url', origin: to.origin, path: `${whole || '/'}${search === '' ? '' : `?${search}`}` };
  };
  return isConstant(parts) ? once(urlOf) : urlOf;
}

function isConstant({ base, sourcePath, sourceQuery, url, path, queryParams }: UrlParts): boolean {
  const expressions = [sourcePath, sourceQuery, path, queryParams].some(
    (selection) => selection !== undefined,
  );
  return (
    !expressions &&
    [base, url].every(
      (part) => typeof part !== 'object' || part.parts.every(({ kind }) => kind === 'constant'),
    )
  );
}

function once(urlOf: UrlOf): UrlOf {
  const url = urlOf({});
  return () => url;
}

/** With exactly one slash between; an own path of nothing or `/` adds nothing. */
function joinPaths(before: string, own: string): string {
  if (own === '' || own === '/') return before;
  const relative = own.replace(/^\/+/, '');
  return before.endsWith('/') ? before + relative : `${before}/${relative}`;
}

// What a URL template says

/** What can be said of a connector's URL before any value is known; used to check schema files. */
export interface UrlOutline {
  /** Of an absolute URL, in lower case. */
  readonly scheme: string | undefined;
  /** An expression before the first `/` or `?` behind the scheme: values must not choose the host. */
  readonly hostHole: Range | undefined;
}

/** Looks at the constant parts of a URL template. */
export function outlineUrl(template: Template): UrlOutline {
  const [first] = template.parts;
  const start = first?.kind === 'constant' ? first.text : '';
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(start);
  const rest = start.slice(scheme?.[0].length ?? 0);
  const hole = template.parts.find(({ kind }) => kind === 'hole');
  return { scheme: scheme?.[1]?.toLowerCase(), hostHole: /[/?#]/.test(rest) ? undefined : hole?.range };
}

interface SplitUrl {
  readonly origin: string | undefined;
  readonly path: readonly TemplatePart[];
  readonly query: readonly TemplatePart[];
}

/** Splits at the constant `?`; the fragment is dropped. */
function splitUrl(template: Template): SplitUrl {
  const [address] = splitAt(template.parts, '#');
  const [beforeQuery, query] = splitAt(address, '?');
  const [first, ...rest] = beforeQuery;
  const origin =
    first?.kind === 'constant' ? /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/.exec(first.text)?.[0] : undefined;
  if (first?.kind !== 'constant' || origin === undefined) return { origin, path: beforeQuery, query };
  return { origin, path: [{ ...first, text: first.text.slice(origin.length) }, ...rest], query };
}

function splitAt(parts: readonly TemplatePart[], separator: string): [TemplatePart[], TemplatePart[]] {
  const index = parts.findIndex((part) => part.kind === 'constant' && part.text.includes(separator));
  const part = parts[index];
  if (part?.kind !== 'constant') return [[...parts], []];
  const at = part.text.indexOf(separator);
  const before = { ...part, text: part.text.slice(0, at) };
  const after = { ...part, text: part.text.slice(at + 1) };
  return [
    [...parts.slice(0, index), before],
    [after, ...parts.slice(index + 1)],
  ];
}

// Origin and base

interface Base {
  readonly kind: 'base';
  readonly origin: string;
  readonly path: string;
  readonly query: string;
}

type BaseOf = (variables: Variables) => Base | UrlFailure;

function compileOrigin(origin: string | undefined, template: Template): BaseOf {
  const range = { start: 0, end: template.text.length };
  const base =
    origin === undefined
      ? fail('url', 'without a source the URL must begin with http:// or https://', range)
      : parseBase(origin, 'url', range);
  return () => base;
}

function compileBase(base: Template | string): BaseOf {
  if (typeof base === 'string') {
    const parsed = parseBase(encodeConstant(base), 'base', { start: 0, end: base.length });
    return () => parsed;
  }
  const render = compileBaseText(base);
  const range = { start: 0, end: base.text.length };
  const holes = base.parts.some(({ kind }) => kind === 'hole');
  let lastText: string | undefined;
  let last: Base | UrlFailure | undefined;
  return (variables) => {
    const text = render(variables);
    if (typeof text !== 'string') return text;
    // configuration hardly ever changes: one remembered text is enough
    if (last === undefined || text !== lastText) {
      last = parseBase(text, 'base', range, holes);
      lastText = text;
    }
    return last;
  };
}

/** A hole at the very start may hold a whole URL; one in the authority a host and port; any other is a value. */
function compileBaseText(base: Template): (variables: Variables) => string | UrlFailure {
  let before = '';
  const pieces = base.parts.map((part) => {
    const prefix = before;
    before += part.kind === 'constant' ? part.text : 'x';
    if (part.kind === 'constant') return encodeConstant(part.text);
    if (prefix === '') return compileValue(part.selection, 'base', encodeConstant, refuseControl);
    if (/^[^/?#]*:\/\/[^/?#]*$/.test(prefix))
      return compileValue(part.selection, 'base', (text) => text, refuseInAuthority);
    return compileValue(part.selection, 'base', encodeValue, refuseUnencodable);
  });
  return concat(pieces);
}

function parseBase(text: string, part: 'base' | 'url', range: Range, refuseDots = false): Base | UrlFailure {
  const match = /^(https?:\/\/[^/?#]+)([^?#]*)(?:\?([^#]*))?/i.exec(text);
  const origin = match?.[1] === undefined ? undefined : originOf(match[1]);
  if (match === null || origin === undefined)
    return fail(part, 'this is no http or https URL (user names and passwords belong in headers)', range);
  const path = match[2] ?? '';
  if (refuseDots && path.split('/').some(isDotSegment))
    return fail(part, 'a path segment would be "." or ".."', range);
  return { kind: 'base', origin, path, query: match[3] ?? '' };
}

function originOf(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.username === '' && url.password === '' ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

function refuseInAuthority(text: string): string | undefined {
  return /^[A-Za-z0-9._~:[\]-]*$/.test(text) ? undefined : 'a host cannot have these characters';
}

function refuseControl(text: string): string | undefined {
  return /[\0-\x20\x7f]/.test(text) ? 'a URL cannot have these characters' : refuseUnencodable(text);
}

// Constant and computed pieces

type Piece<F extends TemplateFailure> = string | ((variables: Variables) => string | F);

function compileValue(
  selection: Selection,
  part: keyof UrlParts,
  encode: (text: string) => string,
  check: (text: string) => string | undefined,
): (variables: Variables) => string | UrlFailure {
  const hole: HoleText = compileHole(selection, check);
  return (variables) => {
    const text = hole(variables);
    return typeof text === 'string' ? encode(text) : { ...text, part };
  };
}

function concat(pieces: readonly Piece<UrlFailure>[]): (variables: Variables) => string | UrlFailure {
  return (variables) => {
    let text = '';
    for (const piece of pieces) {
      const next = typeof piece === 'string' ? piece : piece(variables);
      if (typeof next !== 'string') return next;
      text += next;
    }
    return text;
  };
}

function compilePieces(
  parts: readonly TemplatePart[],
  check: (text: string) => string | undefined,
): Piece<UrlFailure>[] {
  return parts.map((part) =>
    part.kind === 'constant'
      ? encodeConstant(part.text)
      : compileValue(part.selection, 'url', encodeValue, check),
  );
}

function compileQuery(parts: readonly TemplatePart[]): (variables: Variables) => string | UrlFailure {
  return concat(compilePieces(parts, refuseUnencodable));
}

// Paths

/** Constant stretches stay whole; each segment with a hole is a piece that is watched. */
function compilePath(parts: readonly TemplatePart[]): (variables: Variables) => string | UrlFailure {
  const pieces: Piece<UrlFailure>[] = [];
  segmentsOf(parts).forEach((segment, i) => {
    if (i > 0) pieces.push('/');
    pieces.push(compileSegment(segment));
  });
  return concat(joinConstants(pieces));
}

function segmentsOf(parts: readonly TemplatePart[]): TemplatePart[][] {
  const segments: TemplatePart[][] = [[]];
  for (const part of parts) {
    if (part.kind === 'hole') {
      segments.at(-1)?.push(part);
      continue;
    }
    part.text.split('/').forEach((text, i) => {
      if (i > 0) segments.push([]);
      if (text !== '') segments.at(-1)?.push({ ...part, text });
    });
  }
  return segments;
}

function compileSegment(parts: readonly TemplatePart[]): Piece<UrlFailure> {
  const hole = parts.find((part) => part.kind === 'hole');
  const pieces = compilePieces(parts, refuseInPath);
  const render = concat(pieces);
  if (hole === undefined) return pieces.join('');
  const anchored = pieces.some((piece) => typeof piece === 'string' && !/^(\.|%2e)*$/i.test(piece));
  if (anchored) return render;
  return (variables) => {
    const text = render(variables);
    if (typeof text !== 'string') return text;
    const reason = refuseSegment(text);
    return reason === undefined ? text : fail('url', reason, hole.range);
  };
}

function joinConstants(pieces: readonly Piece<UrlFailure>[]): Piece<UrlFailure>[] {
  const joined: Piece<UrlFailure>[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (typeof piece === 'string' && typeof last === 'string') joined[joined.length - 1] = last + piece;
    else joined.push(piece);
  }
  return joined;
}

function isDotSegment(segment: string): boolean {
  return /^(\.|%2e){1,2}$/i.test(segment);
}

/** Looks at a whole segment, encoded, that values have made. */
function refuseSegment(segment: string): string | undefined {
  if (segment === '') return 'a path segment would be empty, which is another path';
  return isDotSegment(segment)
    ? `the path segment would be ${JSON.stringify(segment)}, which climbs in the path`
    : undefined;
}

/** `path:` expressions: a list, each element one more segment; null is none. */
function compileSegments(
  selection: Selection | undefined,
  part: keyof UrlParts,
): (before: string, variables: Variables) => string | UrlFailure {
  if (selection === undefined) return (before) => before;
  const mapping = compileSelection(selection);
  const { range } = selection;
  return (before, variables) => {
    const value = mapping.evaluate({}, variables) ?? [];
    if (!Array.isArray(value))
      return fail(part, `a list of path segments is needed, not ${kindOf(value)}`, range);
    let path = before;
    for (const segment of value as unknown[]) {
      if (segment === null) continue;
      const text = encodedText(segment, part, range, refuseInPath);
      if (typeof text !== 'string') return text;
      const reason = refuseSegment(text);
      if (reason !== undefined) return fail(part, reason, range);
      path += path.endsWith('/') ? text : `/${text}`;
    }
    return path;
  };
}

// Parameters

/** `queryParams:` expressions: an object; a list repeats its parameter. */
function compileParameters(
  selection: Selection | undefined,
  part: keyof UrlParts,
): (variables: Variables) => string | UrlFailure {
  if (selection === undefined) return () => '';
  const mapping = compileSelection(selection);
  const { range } = selection;
  return (variables) => {
    const value = mapping.evaluate({}, variables) ?? {};
    if (!isObject(value))
      return fail(part, `an object of query parameters is needed, not ${kindOf(value)}`, range);
    let query = '';
    for (const name of Object.keys(value)) {
      const next = parameter(name, value[name], part, range);
      if (typeof next !== 'string') return next;
      if (next !== '') query += query === '' ? next : `&${next}`;
    }
    return query;
  };
}

function parameter(name: string, value: unknown, part: keyof UrlParts, range: Range): string | UrlFailure {
  if (value === null) return '';
  const key = encodedText(name, part, range);
  if (typeof key !== 'string') return key;
  let query = '';
  for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const text = encodedText(item, part, range);
    if (typeof text !== 'string') return text;
    query += `${query === '' ? '' : '&'}${key}=${text}`;
  }
  return query;
}

function encodedText(
  value: unknown,
  part: keyof UrlParts,
  range: Range,
  check = refuseUnencodable,
): string | UrlFailure {
  const text = scalarText(value);
  if (text === undefined)
    return fail(part, `strings, numbers and booleans are needed here, not ${kindOf(value)}`, range);
  const reason = check(text);
  return reason === undefined ? encodeValue(text) : fail(part, reason, range);
}

// Characters

function fail(part: keyof UrlParts, reason: string, range: Range): UrlFailure {
  return { kind: 'failure', part, reason, range };
}

function refuseUnencodable(text: string): string | undefined {
  if (text.includes('\0')) return 'the value has a NUL character';
  return /\p{Surrogate}/u.test(text)
    ? 'the value has half a surrogate pair, which has no UTF-8 form'
    : undefined;
}

/** No name of a resource has them; a backend that writes its paths to a log, or into a header, would be misled. */
function refuseInPath(text: string): string | undefined {
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)
    ? 'the value has a control character or a line break'
    : refuseUnencodable(text);
}

const unreserved = /^[A-Za-z0-9\-._~]*$/;

/** Everything but unreserved characters is percent-encoded. */
function encodeValue(text: string): string {
  return unreserved.test(text) ? text : encodeURIComponent(text).replace(/[!'()*]/g, percent);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Only what is illegal in a URL is percent-encoded; percent signs are left alone. */
function encodeConstant(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[^A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]/gu, encodeURIComponent);
}
