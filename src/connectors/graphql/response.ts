import { getNullableType, isLeafType, isListType, type GraphQLOutputType } from 'graphql';
import { GatewayError } from '../../base/errors.js';
import { isObject, own, put, type JsonObject } from '../../mapping/values.js';
import { readAnswer } from '../read-answer.js';
import type { PartialFailure, Reply } from '../transport.js';
import type { WireReply } from '../wire.js';
import type { Rename, Renames } from './selection-set.js';

/** What a reply is read with. */
export interface Expected {
  /** The root field that was asked, … */
  readonly field: string;
  /** … and its type. */
  readonly type: GraphQLOutputType;
  readonly renames: Renames;
  /** Whether errors keep the codes that the service gave them: it is the service's own field that is shown. */
  readonly keepsCodes: boolean;
}

/** A reply, with the errors that left some of its data standing. */
export interface RemoteReply extends Reply {
  readonly partialErrors: readonly JsonObject[];
}

/**
 * Reads an answer of a GraphQL service (https://graphql.github.io/graphql-over-http/draft/). `$` becomes the value of
 * the root field. Errors beside a value leave it standing; where they took it, the reply is a failure and `$` is
 * `{ errors, message }`.
 *
 * @throws GatewayError `CONNECTOR_RESPONSE_INVALID` where a success cannot be read
 */
export function fromResponse({ status, headers, body }: WireReply, expected: Expected): RemoteReply {
  return fromPayload({ status, headers, payload: parsed(body.toString('utf8')) }, expected);
}

/** An answer that has been parsed: what came as a response of its own, or as one event of a stream. */
export interface RemoteAnswer extends Head {
  /** `{ data, errors }`; undefined where it was no JSON. */
  readonly payload: unknown;
}

type Head = Pick<WireReply, 'status' | 'headers'>;

/** The same as {@link fromResponse}, for what has been parsed. */
export function fromPayload({ payload, ...head }: RemoteAnswer, expected: Expected): RemoteReply {
  const { status, headers } = head;
  const succeeded = status >= 200 && status < 300;
  const answer = toAnswer(payload);
  const { keepsCodes } = expected;
  if (!succeeded) return failure(head, answer?.errors ?? [], keepsCodes);
  if (answer === undefined) throw unreadable('is no answer to a GraphQL request', status);
  const value = isObject(answer.data) ? own(answer.data, expected.field) : undefined;
  const isGone = value === undefined || value === null;
  if (isGone && answer.errors.length > 0) return failure(head, answer.errors, keepsCodes);
  const misfit = misfitOf(value, answer.data, expected);
  if (misfit !== undefined) throw unreadable(misfit, status);
  const body = restoreNames(value, expected.renames);
  const failures = answer.errors.flatMap((error) => partialFailure(error, status, expected) ?? []);
  const facts = { http: { status } };
  return { status, headers, succeeded, body, facts, failures, partialErrors: answer.errors };
}

interface Answer {
  readonly data: unknown;
  readonly errors: readonly JsonObject[];
}

/** What the text says, or undefined where it is no JSON, or too much. */
export function parsed(text: string): unknown {
  try {
    return readAnswer(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof GatewayError) return undefined;
    throw error;
  }
}

function toAnswer(payload: unknown): Answer | undefined {
  if (!isObject(payload)) return undefined;
  const errors = own(payload, 'errors') ?? [];
  return Array.isArray(errors) ? { data: own(payload, 'data'), errors: errorsOf(payload) } : undefined;
}

/** The errors of an answer, if it is one. */
export function errorsOf(payload: unknown): JsonObject[] {
  const errors = isObject(payload) ? own(payload, 'errors') : undefined;
  return Array.isArray(errors) ? errors.map(toError) : [];
}

/** Some services send bare texts. */
function toError(error: unknown): JsonObject {
  return isObject(error) ? error : { message: typeof error === 'string' ? error : '' };
}

function failure(head: Head, errors: readonly JsonObject[], keepsCodes: boolean): RemoteReply {
  return { ...head, succeeded: false, ...told(errors, head.status, keepsCodes), partialErrors: [] };
}

/** What error mappings see of some errors, and what an error says without them. */
function told(
  errors: readonly JsonObject[],
  status: number,
  keepsCodes: boolean,
): Pick<Reply, 'body' | 'facts'> {
  const message =
    errors.map((error) => own(error, 'message')).find((text) => typeof text === 'string') ?? null;
  const code = errors.map(codeOf).find((each) => each !== undefined);
  const ofService = code === undefined ? {} : { graphql: { code }, ...(keepsCodes ? { code } : {}) };
  return { body: { errors, message }, facts: { http: { status }, ...ofService } };
}

/** The error of a value below the root field, with its path in the names that the body has in the end. */
function partialFailure(
  error: JsonObject,
  status: number,
  { field, renames, keepsCodes }: Expected,
): PartialFailure | undefined {
  const [root, ...below] = pathOf(error);
  if (root !== field || below.length === 0) return undefined;
  return { path: restoredPath(below, renames), ...told([error], status, keepsCodes) };
}

/** Where an error says to be; nothing if it does not. */
export function pathOf(error: JsonObject): (string | number)[] {
  const path = own(error, 'path');
  const isKey = (key: unknown) => typeof key === 'string' || typeof key === 'number';
  return Array.isArray(path) && path.every(isKey) ? path : [];
}

function restoredPath(path: readonly (string | number)[], renames: Renames): (string | number)[] {
  let names: Renames | undefined = renames;
  return path.map((key) => {
    if (typeof key === 'number') return key;
    const rename: Rename | undefined = names?.get(key);
    names = rename?.below;
    return rename?.name ?? key;
  });
}

/** A remote code is shown to clients, so it may be nothing but a name in capitals. */
function codeOf(error: JsonObject): string | undefined {
  const extensions = own(error, 'extensions');
  const code = isObject(extensions) ? own(extensions, 'code') : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : undefined;
}

/** What is wrong with the first level; deeper values meet the types of our own schema. */
function misfitOf(value: unknown, data: unknown, { field, type }: Expected): string | undefined {
  if (!isObject(data)) return 'has no data';
  if (value === undefined) return `has no "${field}" in its data`;
  const expected = getNullableType(type);
  if (value === null || isLeafType(expected)) return undefined;
  if (isListType(expected)) return Array.isArray(value) ? undefined : `has no list in "${field}"`;
  return isObject(value) ? undefined : `has no object in "${field}"`;
}

function unreadable(fault: string, status: number): GatewayError {
  return new GatewayError('CONNECTOR_RESPONSE_INVALID', "The backend's answer cannot be read.", {
    extensions: { http: { status } },
    cause: new Error(`The answer ${fault}.`),
  });
}

/** Puts fields that were asked under another name back under their own. */
function restoreNames(value: unknown, renames: Renames): unknown {
  if (renames.size === 0) return value;
  if (Array.isArray(value)) return value.map((element) => restoreNames(element, renames));
  if (!isObject(value)) return value;
  const restored: JsonObject = {};
  for (const [key, nested] of Object.entries(value)) {
    const rename = renames.get(key);
    put(restored, rename?.name ?? key, rename === undefined ? nested : restoreNames(nested, rename.below));
  }
  return restored;
}
