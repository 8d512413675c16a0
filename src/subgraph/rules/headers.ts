import type { Problem } from '../../base/problems.js';
import type { HeaderDefinition, Subgraph } from '../subgraph.js';
import { inText } from './fault.js';
import { nameOf } from './owner.js';
import type { Rule } from './rule.js';

/** Headers and gRPC metadata have legal names that are ours to set, each once in one directive. */
export const headers: Rule = {
  check: (subgraph) => listsOf(subgraph).flatMap(checkList),
};

/** The headers of one directive. */
interface HeaderList {
  readonly owner: string;
  readonly noun: 'header' | 'metadata';
  readonly entries: readonly HeaderDefinition[];
}

function listsOf(subgraph: Subgraph): HeaderList[] {
  const lists: HeaderList[] = [];
  for (const source of subgraph.sources) {
    const owner = `@source "${source.name}"`;
    if (source.kind === 'http') lists.push({ owner, noun: 'header', entries: source.http.headers });
    if (source.kind === 'graphql') lists.push({ owner, noun: 'header', entries: source.graphql.headers });
    if (source.kind === 'grpc') lists.push({ owner, noun: 'metadata', entries: source.grpc.metadata });
  }
  for (const connect of subgraph.connects) {
    const owner = nameOf(connect);
    if (connect.kind === 'http') lists.push({ owner, noun: 'header', entries: connect.http.headers });
    if (connect.kind === 'graphql') lists.push({ owner, noun: 'header', entries: connect.graphql.headers });
    if (connect.kind === 'grpc') lists.push({ owner, noun: 'metadata', entries: connect.grpc.metadata });
  }
  return lists;
}

function checkList(list: HeaderList): Problem[] {
  return list.entries.flatMap((entry, index) => [
    ...checkEntry(entry, list),
    ...checkRepeat(entry, index, list),
  ]);
}

function checkEntry(entry: HeaderDefinition, { owner, noun }: HeaderList): Problem[] {
  const reason = noun === 'header' ? againstHeader(entry) : againstMetadata(entry);
  if (reason === undefined) return checkConstants(entry, { owner, noun });
  return [inText(entry.node, 0, 'INVALID_HEADER', `${owner} sets the ${noun} "${entry.name}", ${reason}.`)];
}

/** Whitespace that templates drop, as they may be folded, is no fault. */
const unsendable = {
  header: /[^\t\n\f\r\x20-\x7e\x80-\xff]/u,
  metadata: /[^\t\n\f\r\x20-\x7e]/u,
} as const;

const sendable = { header: 'printable Latin-1', metadata: 'printable ASCII' } as const;

/** Constant text that cannot be sent would fail every call; what values bring is judged when they are there. */
function checkConstants(
  { name, value }: HeaderDefinition,
  { owner, noun }: Pick<HeaderList, 'owner' | 'noun'>,
): Problem[] {
  for (const { kind, range } of value?.template.parts ?? []) {
    if (value === undefined || kind === 'hole') continue;
    const found = unsendable[noun].exec(value.text.value.slice(range.start, range.end));
    if (found === null) continue;
    const says = `has the character ${JSON.stringify(found[0])}, which cannot be sent: only ${sendable[noun]} can.`;
    const message = `${owner}: the value of the ${noun} "${name}" ${says}`;
    return [inText(value.text, range.start + found.index, 'INVALID_HEADER', message)];
  }
  return [];
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const reservedHeaders: ReadonlySet<string> = new Set([
  'connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'content-encoding',
  'accept-encoding',
  'keep-alive',
]);

/** They describe our own request, not that of the client. */
const neverCopied: ReadonlySet<string> = new Set(['content-type', 'accept', 'host']);

function againstHeader({ name, from }: HeaderDefinition): string | undefined {
  const lower = name.toLowerCase();
  if (!token.test(name)) return 'which is no name for a header: letters, digits and "-" may stand in it';
  if (reservedHeaders.has(lower)) return 'which belongs to the connection and cannot be set';
  if (from === undefined) return undefined;
  if (neverCopied.has(lower)) return 'which cannot be copied from the client; write value instead of from';
  return token.test(from) ? undefined : `copied from "${from}", which is no name for a header`;
}

const reservedMetadata: ReadonlySet<string> = new Set([
  ...reservedHeaders,
  'content-type',
  'host',
  'user-agent',
  'proxy-connection',
]);

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
function againstMetadata({ name, from }: HeaderDefinition): string | undefined {
  const lower = name.toLowerCase();
  if (lower.startsWith('grpc-') || reservedMetadata.has(lower)) return 'which gRPC and HTTP/2 set themselves';
  if (!/^[0-9a-z_.-]+$/.test(lower)) {
    return 'which is no name for metadata: letters, digits, "_", "-" and "." may stand in it';
  }
  return from === undefined || token.test(from)
    ? undefined
    : `copied from "${from}", which is no name for a header`;
}

function checkRepeat(
  entry: HeaderDefinition,
  index: number,
  { owner, noun, entries }: HeaderList,
): Problem[] {
  const first = entries.findIndex(({ name }) => name.toLowerCase() === entry.name.toLowerCase());
  if (first === index) return [];
  const message = `${owner} sets the ${noun} "${entry.name}" twice. Names are the same in upper and lower case; keep one.`;
  return [inText(entry.node, 0, 'HTTP_HEADER_NAME_COLLISION', message)];
}
