import type { IncomingMessage } from 'node:http';
import { parseJson as parseExactJson } from '../mapping/json.js';
import { tooLarge } from './check-request.js';
import { Refusal } from './refusal.js';

/** The members of a GraphQL request that count; others are ignored, as the GraphQL-over-HTTP specification asks. */
export interface GraphQLParameters {
  readonly query?: string;
  readonly operationName?: string | null;
  readonly variables?: Readonly<Record<string, unknown>> | null;
  readonly extensions?: Readonly<Record<string, unknown>> | null;
  /** Names of a document, in place of its text; `readClaim` looks at them. */
  readonly documentId?: unknown;
  readonly doc_id?: unknown;
  readonly id?: unknown;
}

/** Members that may name a document. */
const documentNames = ['documentId', 'doc_id', 'id'] as const;

/** Deeper than any input type people write, and far from where a recursive walk would end the stack. */
const maxDepth = 128;

/**
 * Reads the body of a request, counting the bytes as they come.
 *
 * @throws Refusal 413 as soon as there are too many, without waiting for the rest; 400 where the client stops midway
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > maxBytes) settle(() => reject(tooLarge(maxBytes)));
  };
  const onEnd = (): void => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
  const onBroken = (): void => settle(() => reject(new Refusal(400, 'The body ended too early.')));
  const settle = (act: () => void): void => {
    request.off('data', onData).off('end', onEnd).off('close', onBroken);
    act();
  };
  // An error without a listener would end the process; what it means is said by `close`.
  request
    .on('data', onData)
    .on('end', onEnd)
    .on('close', onBroken)
    .on('error', () => undefined);
  return promise;
}

function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: Error) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the parameters of a GraphQL request from the body of a POST.
 *
 * @throws Refusal 400 for what is not one JSON object of the right shape
 */
export function readParameters(body: Buffer): GraphQLParameters {
  if (body.length === 0)
    throw new Refusal(400, 'The body is empty; it must be a JSON object with a "query".');
  const json = readJson(decode(body), 'The body');
  if (Array.isArray(json)) throw new Refusal(400, 'Batches are not taken: send one operation per request.');
  if (!isRecord(json)) throw new Refusal(400, 'The body must be a JSON object with a "query".');
  return toParameters(json);
}

/**
 * Reads a JSON text as strictly as we read all that strangers send.
 *
 * @param what names the text in a refusal
 * @throws Refusal 400 for what is no JSON, too deep, or an object with a member that comes twice
 */
export function readJson(text: string, what: string): unknown {
  const members = countMembers(text);
  const json = parseJson(text, what);
  if (isRecord(json) && Object.keys(json).length !== members) {
    throw new Refusal(
      400,
      `A member of ${lowerFirst(what)} comes twice, so it is not clear which one is meant.`,
    );
  }
  return json;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/**
 * Checks the JSON in the query string of a GET as strictly as a body. Apollo reads it afterwards.
 *
 * @throws Refusal 400
 */
export function checkSearch(search: string): void {
  const parameters = new URLSearchParams(search);
  for (const name of ['variables', 'extensions']) {
    for (const text of parameters.getAll(name)) {
      countMembers(text);
      if (!isRecord(parseJson(text, `"${name}"`))) throw notAnObject(name);
    }
  }
}

/**
 * Reads the parameters of a GraphQL request from the query string of a GET.
 *
 * @throws Refusal 400
 */
export function readSearch(search: string): GraphQLParameters {
  checkSearch(search);
  const given = new URLSearchParams(search);
  const names = ['query', 'operationName', 'variables', 'extensions', ...documentNames];
  const twice = names.find((name) => given.getAll(name).length > 1);
  if (twice !== undefined) throw new Refusal(400, `"${twice}" may come only once.`);
  const read = (name: string): unknown => {
    const text = given.get(name) ?? undefined;
    const isJson = name === 'variables' || name === 'extensions';
    return text !== undefined && isJson ? parseExactJson(text) : text;
  };
  return toParameters(Object.fromEntries(names.map((name) => [name, read(name)])));
}

function decode(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch {
    throw new Refusal(400, 'The body is not UTF-8.');
  }
}

function parseJson(text: string, what: string): unknown {
  const json = tryParse(text, what);
  // Only escapes can still bring them in: raw ones are neither UTF-8 nor JSON.
  if (!areEscapesWhole(text)) throw new Refusal(400, `${what} holds a NUL or half of a surrogate pair.`);
  return json;
}

function tryParse(text: string, what: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    throw new Refusal(400, `${what} is not JSON.`);
  }
}

/** Whether no escape in a JSON text stands for a NUL, or for a surrogate without its other half. */
function areEscapesWhole(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    const code = escapedUnit(text, at);
    if (code === 0 || isLowSurrogate(code)) return false;
    const isHigh = code !== undefined && code >= 0xd800 && code < 0xdc00;
    if (isHigh && !isLowSurrogate(escapedUnit(text, at + 6))) return false;
    at += code === undefined ? 2 : isHigh ? 12 : 6;
  }
  return true;
}

/** The code unit of an escape such as `\u0041` that begins at `at`. */
function escapedUnit(text: string, at: number): number | undefined {
  return text.startsWith('\\u', at) ? Number.parseInt(text.slice(at + 2, at + 6), 16) : undefined;
}

function isLowSurrogate(code: number | undefined): boolean {
  return code !== undefined && code >= 0xdc00 && code < 0xe000;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/**
 * How many members the outermost object of a JSON text has, those with equal names counted each. `JSON.parse`
 * keeps the last of them, a proxy in front of us perhaps the first.
 *
 * @throws Refusal 400 for what is nested too deeply
 */
function countMembers(text: string): number {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === colon && depth === 1) members++;
    else if (isOpening(code) && ++depth > maxDepth) throw new Refusal(400, 'The JSON is nested too deeply.');
    else if (isClosing(code)) depth--;
  }
  return members;
}

/** The place of the quote that ends the string which begins at `start`; the end of a text that has none. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    if (!isEscaped(text, at)) return at;
  }
  return text.length;
}

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === backslash) before--;
  return (at - before) % 2 === 1;
}

/** `[` or `{` */
function isOpening(code: number): boolean {
  return code === 0x5b || code === 0x7b;
}

/** `]` or `}` */
function isClosing(code: number): boolean {
  return code === 0x5d || code === 0x7d;
}

function toParameters(json: Readonly<Record<string, unknown>>): GraphQLParameters {
  const { query, operationName, variables, extensions } = json;
  if (query !== undefined && typeof query !== 'string') throw new Refusal(400, '"query" must be a string.');
  if (operationName != null && typeof operationName !== 'string') {
    throw new Refusal(400, '"operationName" must be a string.');
  }
  if (variables != null && !isRecord(variables)) throw notAnObject('variables');
  if (extensions != null && !isRecord(extensions)) throw notAnObject('extensions');
  const ids = documentNames.filter((name) => json[name] != null);
  // Without a query, a name may still stand for one, in an extension too.
  if (!query && extensions == null && ids.length === 0) throw new Refusal(400, 'There is no "query".');
  return {
    ...Object.fromEntries(ids.map((name) => [name, json[name]])),
    ...(query !== undefined && { query }),
    ...(operationName != null && { operationName }),
    ...(variables != null && { variables }),
    ...(extensions != null && { extensions }),
  };
}

function notAnObject(name: string): Refusal {
  return new Refusal(400, `"${name}" must be an object.`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
