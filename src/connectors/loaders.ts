import DataLoader from 'dataloader';
import type { RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { FieldTree } from '../mapping/shape.js';
import { isObject, own } from '../mapping/values.js';
import type { Connector, FieldArguments, ParentObject } from './connector.js';
import { failureOf } from './failed-values.js';
import { canonicalText, keyText } from './keys.js';
import { rowKeyField } from './rows.js';
import { covers, unionOf, type Wanted } from './wanted.js';

/** What one object needs of a connector. */
export interface Load {
  readonly args: FieldArguments;
  /** The fields that the connector reads through `$this` or `$batch`; absent for a root field. */
  readonly parent?: ParentObject | undefined;
  readonly wanted: Wanted;
  /** Asks are answered together only with others of the same group: a batch asks for the same fields of all its keys. */
  readonly group?: string | undefined;
}

/**
 * Asks a connector for one object's answer. Within a request, equal asks share one call, and a connector that
 * takes many keys gets all that are waiting. What changes something is never shared.
 *
 * @returns the mapped answer; for a connector that takes many keys, the row with this object's key, or null
 */
export function load(connector: Connector, context: RequestContext, ask: Load): Promise<unknown> {
  if (connector.changes) return connector.fetch({ args: ask.args, parent: ask.parent }, ask.wanted, context);
  const argumentSet = connector.usesArguments ? canonicalText(ask.args) : '';
  const key = keyText(ask.parent, connector.key);
  if (!connector.takesMany) return loaderOf(connector, context, '').load(argumentSet + key, ask);
  // A call has one set of arguments, and each row that it brings is found by the text of its key alone.
  return loaderOf(connector, context, `${argumentSet} ${ask.group ?? ''}`).load(key, ask);
}

function loaderOf(connector: Connector, context: RequestContext, id: string): KeyedLoader {
  const loaders = context.local(connector, () => new Map<string, KeyedLoader>());
  let loader = loaders.get(id);
  if (loader === undefined) loaders.set(id, (loader = new KeyedLoader(connector, context)));
  return loader;
}

/** One key that is waiting, or has been answered. */
interface Entry {
  readonly key: string;
  readonly args: FieldArguments;
  readonly parent: ParentObject | undefined;
  wanted: Wanted;
  sent: boolean;
  answer: Promise<unknown>;
  /** The same key, asked for earlier and sent without some of the fields wanted here. */
  readonly before: Entry | undefined;
}

/** The keys of one request that can wait together. */
class KeyedLoader {
  readonly #connector: Connector;
  readonly #context: RequestContext;
  readonly #entries = new Map<string, Entry>();
  readonly #loader: DataLoader<Entry, unknown>;

  constructor(connector: Connector, context: RequestContext) {
    this.#connector = connector;
    this.#context = context;
    // Entries are de-duplicated here and not by DataLoader: a later ask may want more fields of the same key.
    this.#loader = new DataLoader((entries) => this.#send(entries), {
      cache: false,
      ...(connector.maxSize === undefined ? {} : { maxBatchSize: connector.maxSize }),
    });
  }

  load(key: string, ask: Load): Promise<unknown> {
    const latest = this.#entries.get(key);
    for (let entry = latest; entry !== undefined; entry = entry.before) {
      if (covers(entry.wanted, ask.wanted)) return entry.answer;
    }
    if (latest === undefined || latest.sent) return this.#enqueue(key, ask, latest);
    latest.wanted = unionOf(latest.wanted, ask.wanted);
    return latest.answer;
  }

  #enqueue(key: string, { args, parent, wanted }: Load, before: Entry | undefined): Promise<unknown> {
    const entry: Entry = { key, args, parent, wanted, sent: false, answer: pending, before };
    this.#entries.set(key, entry);
    entry.answer = this.#loader.load(entry);
    return entry.answer;
  }

  /** Called by DataLoader with the entries of one chunk; one value or error for each, in their order. */
  async #send(entries: readonly Entry[]): Promise<unknown[]> {
    if (this.#connector.takesMany) return this.#sendTogether(entries);
    const answers = entries.map((entry) => {
      entry.sent = true;
      return this.#fetch(entry);
    });
    return Promise.all(answers);
  }

  async #sendTogether(entries: readonly Entry[]): Promise<unknown[]> {
    const wanted = entries.map((entry) => entry.wanted).reduce(unionOf);
    for (const entry of entries) {
      entry.sent = true;
      entry.wanted = wanted;
    }
    const parents = entries.map((entry) => entry.parent ?? {});
    const args = entries[0]?.args ?? {};
    const rows = await this.#connector.fetch({ args, parents }, wanted, this.#context);
    return rowsByKey(this.#connector, rows, entries);
  }

  /** An error is a value here, so that one failing key leaves the others of its chunk alone. */
  async #fetch({ args, parent, wanted }: Entry): Promise<unknown> {
    try {
      return await this.#connector.fetch({ args, parent }, wanted, this.#context);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

const pending = Promise.resolve();

function rowsByKey(connector: Connector, answer: unknown, entries: readonly Entry[]): unknown[] {
  const rows = answer ?? [];
  if (!Array.isArray(rows)) {
    throw new GatewayError('CONNECTOR_RESPONSE_INVALID', 'The backend must answer many keys with a list.', {
      extensions: connector.facts,
    });
  }
  if (connector.inOrder)
    return entries.map((_, index): unknown => failureOf(rows[index])?.error ?? rows[index] ?? null);
  return connector.groups === undefined
    ? matched(rows, entries, connector.key)
    : grouped(rows, entries, connector.key, connector.groups);
}

/** The row with each key; of two with one key the last one wins, a key without a row is null. */
function matched(rows: readonly unknown[], entries: readonly Entry[], key: FieldTree): unknown[] {
  const byKey = new Map(rows.map((row) => [keyText(row, key), row]));
  return entries.map((entry) => byKey.get(entry.key) ?? null);
}

/** The rows that name each parent, as a list or as the first of them. */
function grouped(
  rows: readonly unknown[],
  entries: readonly Entry[],
  key: FieldTree,
  groups: 'list' | 'first',
): unknown[] {
  const byKey = new Map<string, unknown[]>();
  for (const row of rows) {
    const text = keyText(isObject(row) ? own(row, rowKeyField) : undefined, key);
    const group = byKey.get(text);
    if (group === undefined) byKey.set(text, [row]);
    else group.push(row);
  }
  return entries.map((entry) => {
    const group = byKey.get(entry.key) ?? [];
    return groups === 'list' ? group : (group[0] ?? null);
  });
}
