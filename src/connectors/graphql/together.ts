import type { RequestContext } from '../../base/context.js';
import { stringifyJson } from '../../mapping/json.js';
import { isObject, own, put, type JsonObject } from '../../mapping/values.js';
import type { HeaderEntry } from '../headers.js';
import type { CallLimits } from '../transport.js';
import type { RemoteDocument } from './operation.js';
import {
  errorsOf,
  fromPayload,
  fromResponse,
  parsed,
  pathOf,
  type Expected,
  type RemoteReply,
} from './response.js';
import type { Service } from './service.js';

/** A call in the backend's own words. */
export interface Written {
  readonly document: RemoteDocument;
  readonly variables: JsonObject;
  /** The GraphQL request, as JSON. */
  readonly body: string;
  /** What the answer is read with. */
  readonly expected: Expected;
}

/** A query that waits for others of its operation that leave in the same moment. */
interface Waiting {
  readonly written: Written;
  readonly headers: readonly HeaderEntry[];
  readonly limits: CallLimits;
  readonly resolve: (reply: RemoteReply | Promise<RemoteReply>) => void;
  readonly reject: (error: unknown) => void;
}

/** The most queries that go into one request. */
const mostTogether = 50;

/** Sends queries to a service; those that one operation sends in the same moment, with the same headers, as one. */
export class Together {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** @throws GatewayError as {@link fromResponse} */
  send(
    written: Written,
    headers: readonly HeaderEntry[],
    limits: CallLimits,
    operation: RequestContext,
  ): Promise<RemoteReply> {
    const waiting = operation.local(this, () => new Map<string, Waiting[]>());
    const key = JSON.stringify(headers);
    return new Promise((resolve, reject) => {
      const one: Waiting = { written, headers, limits, resolve, reject };
      const queue = waiting.get(key);
      if (queue !== undefined && queue.length < mostTogether) return void queue.push(one);
      const first = [one];
      waiting.set(key, first);
      // DataLoader sends its batches on ticks that have been planned by now, so this one comes after all of them.
      process.nextTick(() => {
        if (waiting.get(key) === first) waiting.delete(key);
        this.#leave(first);
      });
    });
  }

  #leave(queries: readonly Waiting[]): void {
    const [only] = queries;
    if (only !== undefined && queries.length === 1) only.resolve(this.#sendAlone(only));
    else
      this.#sendTogether(queries).catch((error: unknown) => queries.forEach(({ reject }) => reject(error)));
  }

  async #sendAlone({ written, headers, limits }: Waiting): Promise<RemoteReply> {
    return fromResponse(await this.#service.post(written.body, headers, limits), written.expected);
  }

  /**
   * An answer without data says which queries are to blame, if any: a field that cannot be null takes its neighbours
   * along. Those that are not are asked again; where nobody is to blame, each by itself. A service in trouble is left
   * alone.
   */
  async #sendTogether(queries: readonly Waiting[]): Promise<void> {
    const [first] = queries;
    if (first === undefined) return;
    const timeoutMs = Math.min(...queries.map(({ limits }) => limits.timeoutMs));
    const start = performance.now();
    const limits = { ...first.limits, timeoutMs };
    const response = await this.#service.post(mergedBody(queries), first.headers, limits);
    const head = { status: response.status, headers: response.headers };
    const payload = parsed(response.body.toString('utf8'));
    const settle = ({ written, resolve, reject }: Waiting, index: number) => {
      try {
        resolve(fromPayload({ ...head, payload: partOf(payload, index, written) }, written.expected));
      } catch (error) {
        reject(error);
      }
    };
    const blamed = new Set(errorsOf(payload).map((error) => pathOf(error)[0]));
    const hasData = isObject(payload) && isObject(own(payload, 'data'));
    const isInTrouble = response.status >= 500 || response.status === 429;
    if (hasData || isInTrouble) return queries.forEach(settle);
    const spent = performance.now() - start;
    const again = queries.filter((query, index) => {
      if (!blamed.has(aliasOf(index))) return true;
      settle(query, index);
      return false;
    });
    const later = again.map((query) => withLess(query, spent));
    if (again.length < queries.length) this.#leave(later);
    else later.forEach((query) => query.resolve(this.#sendAlone(query)));
  }
}

function withLess(query: Waiting, spentMs: number): Waiting {
  const timeoutMs = Math.max(1, query.limits.timeoutMs - spentMs);
  return { ...query, limits: { ...query.limits, timeoutMs } };
}

function aliasOf(index: number): string {
  return `_${index}`;
}

/** `query ($_0_id: ID!) { _0: order(id: $_0_id) { total } … }`; every value is a variable, so a `$` is one, too. */
function mergedBody(queries: readonly Waiting[]): string {
  const variables: JsonObject = {};
  const definitions: string[] = [];
  const fields = queries.map(({ written: { document, variables: own } }, index) => {
    const alias = aliasOf(index);
    const renamed = (text: string) => text.replaceAll('$', `$${alias}_`);
    for (const [name, value] of Object.entries(own)) put(variables, `${alias}_${name}`, value);
    definitions.push(...document.definitions.map(renamed));
    return `${alias}: ${renamed(document.field)}`;
  });
  const head = definitions.length === 0 ? 'query' : `query (${definitions.join(', ')})`;
  return `{"query":${JSON.stringify(`${head} { ${fields.join(' ')} }`)},"variables":${stringifyJson(variables)}}`;
}

/** What of an answer is one query's, as if it had been asked alone. Errors that say no path are everybody's. */
function partOf(payload: unknown, index: number, { expected }: Written): unknown {
  if (!isObject(payload)) return payload;
  const alias = aliasOf(index);
  const data = own(payload, 'data');
  const errors = errorsOf(payload).flatMap((error) => {
    const [root, ...below] = pathOf(error);
    if (root === undefined) return error;
    return root === alias ? { ...error, path: [expected.field, ...below] } : [];
  });
  if (!isObject(data)) return { ...payload, errors };
  return { data: Object.hasOwn(data, alias) ? { [expected.field]: data[alias] } : {}, errors };
}
