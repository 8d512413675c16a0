import { getIntrospectionQuery, type GraphQLSchema } from 'graphql';
import { isObject, own } from '../../mapping/values.js';
import { variableUses } from '../../mapping/shape.js';
import { selectionsIn } from '../../subgraph/expressions.js';
import type { HeaderDefinition } from '../../subgraph/subgraph.js';
import { compileHeaders } from '../headers.js';
import { defaultCallTimeoutMs, type Setting, type SourceOf } from '../transport.js';
import type { WireReply } from '../wire.js';
import { fromIntrospection } from './schema-file.js';
import type { Service } from './service.js';

/**
 * Asks a service for its schema, with the headers of the source that can be made without a client's request.
 *
 * @throws Error where it gives none
 */
export async function introspect(
  service: Service,
  { graphql }: SourceOf<'graphql'>,
  { environment, config }: Setting,
): Promise<GraphQLSchema> {
  const headersOf = compileHeaders(graphql.headers.filter(needsNoRequest), []);
  const headers = headersOf({ $env: environment, $config: config });
  const limits = { timeoutMs: graphql.timeoutMs ?? defaultCallTimeoutMs };
  const ask = async (query: string) => dataOf(await service.post(JSON.stringify({ query }), headers, limits));
  const data = (await ask(fullQuery)) ?? (await ask(plainQuery));
  if (data === undefined) throw new Error('The backend does not answer introspection queries.');
  return fromIntrospection(data);
}

/** Deprecated arguments can still be given, but older services hide them and do not know the question. */
const fullQuery = getIntrospectionQuery({ descriptions: false, inputValueDeprecation: true });
const plainQuery = getIntrospectionQuery({ descriptions: false });

/**
 * What a service tells; undefined where it does not understand the question.
 *
 * @throws Error where it is in no state to answer
 */
function dataOf({ status, body }: WireReply): object | undefined {
  if (status !== 400 && (status < 200 || status > 299)) {
    throw new Error(`The backend answered an introspection query with status ${status}.`);
  }
  const answer: unknown = JSON.parse(body.toString('utf8'));
  const data = isObject(answer) ? own(answer, 'data') : undefined;
  return isObject(data) ? data : undefined;
}

function needsNoRequest({ from, value }: HeaderDefinition): boolean {
  if (from !== undefined || value === undefined) return false;
  const uses = selectionsIn(value).flatMap((selection) => variableUses(selection));
  return uses.every((use) => use.name === '$env' || use.name === '$config');
}
