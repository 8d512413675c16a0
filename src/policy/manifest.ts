import type { Source } from 'graphql';
import type { Problem } from '../base/problems.js';
import { JsonFault, readPlacedJson, type Member, type PlacedJson } from './placed-json.js';

/** A document as somebody wrote it down, not yet understood. */
export interface WrittenDocument {
  /** What clients send in its place. */
  readonly id: string;
  readonly text: string;
  /** The file it stands in, and where. */
  readonly source: Source;
  readonly offset: number;
}

/** What a manifest holds, and what is wrong with it. */
export interface Manifest {
  readonly documents: readonly WrittenDocument[];
  readonly problems: readonly Problem[];
}

const apolloFormat = 'apollo-persisted-query-manifest';

/**
 * Reads a manifest in either of the formats that tools write: Apollo's, with `format`, `version` and `operations`
 * (https://www.apollographql.com/docs/kotlin/advanced/persisted-queries), or an object of texts by id, as of Relay's
 * compiler and of the client preset of GraphQL Code Generator.
 */
export function readManifest(source: Source): Manifest {
  try {
    const json = readPlacedJson(source.body);
    if (json.kind !== 'object') throw new ManifestFault('A manifest is an object', json.offset);
    const isApollo = json.members.some(({ name }) => name === 'format' || name === 'operations');
    const documents = isApollo ? readApollo(json.members, json.offset) : json.members.map(readPair);
    return { documents: documents.map((each) => ({ ...each, source })), problems: [] };
  } catch (error) {
    if (error instanceof ManifestFault)
      return failed(source, 'INVALID_MANIFEST', `${error.message}.`, error.offset);
    if (error instanceof JsonFault) return failed(source, 'INVALID_JSON', error.message, error.offset);
    throw error;
  }
}

class ManifestFault extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

function failed(source: Source, code: string, message: string, offset: number): Manifest {
  return { documents: [], problems: [{ code, message, source, offset }] };
}

type Unplaced = Omit<WrittenDocument, 'source'>;

function readApollo(members: readonly Member[], offset: number): Unplaced[] {
  const format = find(members, 'format', offset);
  if (scalarOf(format) !== apolloFormat)
    throw new ManifestFault(`"format" must be "${apolloFormat}"`, format.offset);
  const version = find(members, 'version', offset);
  if (scalarOf(version) !== 1) throw new ManifestFault('"version" must be 1', version.offset);
  const operations = find(members, 'operations', offset);
  if (operations.kind !== 'list') throw new ManifestFault('"operations" must be a list', operations.offset);
  return operations.items.map(readOperation);
}

function readOperation(operation: PlacedJson): Unplaced {
  const { offset } = operation;
  if (operation.kind !== 'object') {
    throw new ManifestFault('An operation must be an object with "id" and "body"', offset);
  }
  const id = find(operation.members, 'id', offset);
  const body = find(operation.members, 'body', offset);
  return { id: textOf(id, '"id"'), text: textOf(body, '"body"'), offset: body.offset };
}

function readPair({ name, offset, value }: Member): Unplaced {
  if (name === '') throw new ManifestFault('The id of a document is empty', offset);
  return { id: name, text: textOf(value, 'A document'), offset: value.offset };
}

function find(members: readonly Member[], name: string, offset: number): PlacedJson {
  const [found, another] = members.filter((member) => member.name === name);
  if (found === undefined) throw new ManifestFault(`"${name}" is missing here`, offset);
  if (another !== undefined) throw new ManifestFault(`"${name}" comes twice`, another.offset);
  return found.value;
}

function scalarOf(json: PlacedJson): unknown {
  return json.kind === 'scalar' ? json.value : undefined;
}

function textOf(json: PlacedJson, what: string): string {
  const value = scalarOf(json);
  if (typeof value === 'string' && value !== '') return value;
  throw new ManifestFault(`${what} must be a text that is not empty`, json.offset);
}
