import { getIntrospectionQuery, type GraphQLSchema } from 'graphql';
import { isObject, own } from '../../mapping/values.js';
import { variableUses } from '../../mapping/shape.js';
import { selectionsIn } from '../../subgraph/expressions.js';
import type { HeaderDefinition } from '../../subgraph/subgraph.js';
import { compileHeaders } from '../headers.js';
import { defaultCallTimeoutMs, type Setting, type SourceOf } from '../transport.js';
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
  setting: Setting,
): Promise<GraphQLSchema> {
  const headers = compileHeaders(
    graphql.headers.filter(needsNoRequest),
    [],
  )({
    $env: setting.environment,
    $config: setting.config,
  });
  const body = JSON.stringify({ query: getIntrospectionQuery({ descriptions: false }) });
  const limits = { timeoutMs: graphql.timeoutMs ?? defaultCallTimeoutMs };
  const { status, body: answer } = await service.post(body, headers, limits);
  if (status < 200 || status > 299)
    throw new Error(`The backend answered an introspection query with status ${status}.`);
  return toSchema(JSON.parse(answer.toString('utf8')));
}

function toSchema(answer: unknown): GraphQLSchema {
  const data = isObject(answer) ? own(answer, 'data') : undefined;
  if (!isObject(data)) throw new Error('The backend does not answer introspection queries.');
  return fromIntrospection(data);
}

function needsNoRequest({ from, value }: HeaderDefinition): boolean {
  if (from !== undefined || value === undefined) return false;
  const uses = selectionsIn(value).flatMap((selection) => variableUses(selection));
  return uses.every((use) => use.name === '$env' || use.name === '$config');
}
