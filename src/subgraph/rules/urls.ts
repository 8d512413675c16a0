import type { Problem } from '../../base/problems.js';
import type { Selection } from '../../mapping/syntax.js';
import { outlineUrl } from '../../mapping/url.js';
import type { ConnectDefinition, SourceDefinition, Subgraph, Templated } from '../subgraph.js';
import { inText } from './fault.js';
import { entriesOf, isOnly, kindNames, kindsOf } from './kinds.js';
import { nameOf } from './owner.js';
import { mappingPlaces, readsBody, type MappingPlace } from './places.js';
import type { Rule } from './rule.js';

/** URLs are absolute where they start, relative where a source is before them, and made of scalars. */
export const urls: Rule = {
  check: (subgraph) => [
    ...subgraph.sources.flatMap(checkBase),
    ...subgraph.connects.flatMap(checkUrl),
    ...mappingPlaces(subgraph).flatMap((place) => checkValues(place, subgraph)),
  ],
};

const schemes = ['http', 'https'];
const streamSchemes = [...schemes, 'ws', 'wss'];

function checkBase(source: SourceDefinition): Problem[] {
  switch (source.kind) {
    case 'grpc':
      return [];
    case 'http':
      return checkAddress(source, 'baseURL', source.http.baseURL, schemes);
    case 'graphql': {
      const { url, subscriptions } = source.graphql;
      return [
        ...checkAddress(source, 'url', url, schemes),
        ...(subscriptions === undefined
          ? []
          : checkAddress(source, 'subscriptions', subscriptions, streamSchemes)),
      ];
    }
  }
}

function checkAddress(
  { name }: SourceDefinition,
  option: string,
  url: Templated,
  allowed: readonly string[],
): Problem[] {
  const [first] = url.template.parts;
  if (first?.kind === 'hole') return [];
  const owner = `@source "${name}"`;
  const { scheme } = outlineUrl(url.template);
  if (scheme === undefined || !allowed.includes(scheme)) {
    const beginnings = allowed.map((each) => `${each}://`).join(' or ');
    const message = `${owner} has the ${option} "${url.text.value}", which does not begin with ${beginnings}.`;
    return [inText(url.text, 0, 'INVALID_URL_SCHEME', message)];
  }
  return checkWhole(url, `${owner} has a ${option}`);
}

/** Only a URL without holes can be judged as a whole. */
function checkWhole({ template, text }: Templated, says: string): Problem[] {
  if (template.parts.some(({ kind }) => kind === 'hole')) return [];
  const whole = template.parts.map((part) => (part.kind === 'constant' ? part.text : '')).join('');
  if (!URL.canParse(whole)) return [inText(text, 0, 'INVALID_URL', `${says} that is no URL.`)];
  const { username, password } = new URL(whole);
  if (username === '' && password === '') return [];
  const message = `${says} with a user name or password in it. Send them in a header: { name: "Authorization", value: … }.`;
  return [inText(text, 0, 'INVALID_URL', message)];
}

function checkUrl(connect: ConnectDefinition): Problem[] {
  if (connect.kind !== 'http') return [];
  const { url, method } = connect.http;
  const { scheme, hostHole } = outlineUrl(url.template);
  const says = `${nameOf(connect)} has ${method}: "${url.text.value}"`;
  if (connect.source !== undefined) {
    if (scheme === undefined) return [];
    const message = `${says}, a whole URL; the source "${connect.source.value}" brings the host. Write the path only, or drop the source.`;
    return [inText(url.text, 0, 'ABSOLUTE_CONNECT_URL_WITH_SOURCE', message)];
  }
  if (scheme === undefined) {
    const message = `${says}, which has no host. Name a source, or begin with https://.`;
    return [inText(url.text, 0, 'RELATIVE_CONNECT_URL_WITHOUT_SOURCE', message)];
  }
  if (!schemes.includes(scheme)) {
    const message = `${says}. A request can use http:// and https://, not ${scheme}://.`;
    return [inText(url.text, 0, 'INVALID_URL_SCHEME', message)];
  }
  if (hostHole !== undefined) {
    const message = `${says}. An expression cannot choose the host; put it behind the first "/", or into the baseURL of a source.`;
    return [inText(url.text, hostHole.start, 'INVALID_URL', message)];
  }
  return checkWhole(url, `${nameOf(connect)} has a URL`);
}

/** A mapping that reads from an answer which is not there yet has been refused for that. */
function checkValues(place: MappingPlace, subgraph: Subgraph): Problem[] {
  if (place.selections.some((selection) => !place.hasBody && readsBody(selection))) return [];
  switch (place.role) {
    case 'address':
    case 'url':
    case 'header':
      return place.selections.flatMap((hole) => checkHole(hole, place, subgraph));
    case 'path':
      return place.selections.flatMap((selection) => checkPath(selection, place, subgraph));
    case 'queryParams':
      return place.selections.flatMap((selection) => checkQuery(selection, place, subgraph));
    default:
      return [];
  }
}

/** Also of headers: what goes into a text is a scalar. */
function checkHole({ root }: Selection, place: MappingPlace, subgraph: Subgraph): Problem[] {
  const kinds = kindsOf(root, place, subgraph);
  if (!isOnly(kinds, 'list', 'object')) return [];
  const { text, code, owner } = place;
  const written = text.value.slice(root.range.start, root.range.end).trim();
  const help = kinds.has('list')
    ? ' Join it, as with ->joinNotNull(","), or take one element, as with ->first.'
    : ' Name one of its fields.';
  const message = `${owner} puts {${written}} into a text, but it is ${kindNames(kinds)}.${help}`;
  return [inText(text, root.range.start, code, message)];
}

function checkPath({ root }: Selection, place: MappingPlace, subgraph: Subgraph): Problem[] {
  const kinds = kindsOf(root, place, subgraph);
  if (isOnly(kinds, 'string', 'number', 'boolean', 'object')) {
    const message = `${place.owner}: path needs a list of segments, such as ["users", $args.id]; this gives ${kindNames(kinds)}.`;
    return [inText(place.text, root.range.start, place.code, message)];
  }
  if (root.kind !== 'array') return [];
  return root.items.flatMap((item) => {
    const itemKinds = kindsOf(item, place, subgraph);
    if (!isOnly(itemKinds, 'list', 'object')) return [];
    const message = `${place.owner}: each segment of path is a text or number; this one is ${kindNames(itemKinds)}.`;
    return [inText(place.text, item.range.start, place.code, message)];
  });
}

function checkQuery({ root }: Selection, place: MappingPlace, subgraph: Subgraph): Problem[] {
  const kinds = kindsOf(root, place, subgraph);
  if (isOnly(kinds, 'string', 'number', 'boolean', 'list')) {
    const message = `${place.owner}: queryParams needs an object, such as "limit: $args.first"; this gives ${kindNames(kinds)}.`;
    return [inText(place.text, root.range.start, place.code, message)];
  }
  return entriesOf(root).flatMap(({ name, value }) => {
    const valueKinds = kindsOf(value, place, subgraph);
    if (!isOnly(valueKinds, 'object')) return [];
    const message = `${place.owner}: the query parameter "${name}" needs a text, a number or a list of them; this is an object.`;
    return [inText(place.text, value.range.start, place.code, message)];
  });
}
