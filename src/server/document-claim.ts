import { GatewayError } from '../base/errors.js';
import { isObject, own } from '../mapping/values.js';
import type { DocumentClaim } from '../policy/admission.js';
import type { GraphQLParameters } from './read-request.js';

/**
 * Which document a request means: by its text, by `documentId` (GraphQL over HTTP, appendix A), by the hash of the
 * protocol of automatic persisted queries or, beside no text, by what Relay and others call `doc_id` and `id`.
 *
 * @throws GatewayError `BAD_REQUEST`
 */
export function readClaim(parameters: GraphQLParameters): DocumentClaim {
  const text = own(parameters, 'query');
  const isThere = typeof text === 'string' && text !== '';
  const persisted = readPersisted(own(parameters, 'extensions'));
  const documentId = readId(own(parameters, 'documentId'));
  if (documentId !== undefined && persisted !== undefined && !isSameId(documentId, persisted)) {
    throw new GatewayError('BAD_REQUEST', '"documentId" and the hash in the extensions name two documents.');
  }
  const id = documentId ?? persisted ?? (isThere ? undefined : readOtherId(parameters));
  return { text: isThere ? text : undefined, id, isAutomatic: persisted !== undefined };
}

function isSameId(documentId: string, hash: string): boolean {
  return documentId === hash || documentId === `sha256:${hash}`;
}

function readId(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new GatewayError('BAD_REQUEST', '"documentId" must be a text that is not empty.');
}

/** Members of these names may be somebody else's, so that other values than texts mean nothing. */
function readOtherId(parameters: GraphQLParameters): string | undefined {
  return [own(parameters, 'doc_id'), own(parameters, 'id')].find(
    (value): value is string => typeof value === 'string' && value !== '',
  );
}

/** https://www.apollographql.com/docs/apollo-server/performance/apq */
function readPersisted(extensions: unknown): string | undefined {
  const persisted = isObject(extensions) ? own(extensions, 'persistedQuery') : undefined;
  if (persisted === undefined || persisted === null) return undefined;
  const hash = isObject(persisted) ? own(persisted, 'sha256Hash') : undefined;
  if (isObject(persisted) && own(persisted, 'version') === 1 && typeof hash === 'string' && hash !== '') {
    return hash;
  }
  throw new GatewayError(
    'BAD_REQUEST',
    '"persistedQuery" must have the version 1 and a text as "sha256Hash".',
  );
}

/** The parameters with the text of the document in place of its names. */
export function withText(parameters: GraphQLParameters, text: string): GraphQLParameters {
  const { operationName, variables, extensions } = parameters;
  return {
    query: text,
    ...(operationName != null && { operationName }),
    ...(variables != null && { variables }),
    ...(extensions != null && { extensions: withoutHash(extensions) }),
  };
}

/** The query string of a GET with the text of the document in place of its names. */
export function searchWithText(search: string, { extensions }: GraphQLParameters, text: string): string {
  const given = new URLSearchParams(search);
  given.set('query', text);
  if (extensions != null) given.set('extensions', JSON.stringify(withoutHash(extensions)));
  return `?${given.toString()}`;
}

function withoutHash(extensions: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(extensions).filter(([name]) => name !== 'persistedQuery'));
}
