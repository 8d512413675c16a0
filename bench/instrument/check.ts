import type { Query } from '../queries/query.js';

/** A query as it goes over the wire. */
export interface Request {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Words a query for one caller. */
export function toRequest({ name, document, variables }: Query, token: string): Request {
  return {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: document, operationName: name, ...(variables && { variables }) }),
  };
}

/**
 * Asks once and gives the bytes of the answer.
 *
 * @throws Error where the answer is not whole: another status than 200, not JSON, or with errors
 */
export async function askOnce(url: string, { headers, body }: Request): Promise<Buffer> {
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(15_000) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const excerpt = bytes.toString('utf8', 0, 500);
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${excerpt}`);
  const answer = JSON.parse(bytes.toString()) as { data?: unknown; errors?: unknown };
  if (answer.data == null || answer.errors !== undefined) throw new Error(`answered with errors: ${excerpt}`);
  return bytes;
}

/** Where two JSON values first differ, in words; undefined where they are equal. The order of keys counts for nothing. */
export function firstDifference(left: unknown, right: unknown, path = 'answer'): string | undefined {
  if (Object.is(left, right)) return undefined;
  if (!isTree(left) || !isTree(right) || Array.isArray(left) !== Array.isArray(right)) {
    return `${path} is ${show(left)} and ${show(right)}`;
  }
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const difference = firstDifference(left[key], right[key], `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 100);
}
