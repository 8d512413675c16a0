import type { Problem } from '../../base/problems.js';
import type { Selection } from '../../mapping/syntax.js';
import type { Subgraph } from '../subgraph.js';
import { inText } from './fault.js';
import { entriesOf, isOnly, kindNames, kindsOf, type Kind } from './kinds.js';
import { mappingPlaces, readsBody, type MappingPlace, type Role } from './places.js';
import type { Rule } from './rule.js';

/** Messages can be texts; what decides can be true or false. */
export const results: Rule = {
  check: (subgraph) => mappingPlaces(subgraph).flatMap((place) => checkPlace(place, subgraph)),
};

/** What the result of a mapping has to be, and how a message says so. */
const wanted: Partial<Record<Role, { readonly kind: Kind; readonly says: string }>> = {
  message: { kind: 'string', says: 'errors.message must give a text' },
  isSuccess: { kind: 'boolean', says: 'isSuccess must give true or false' },
  policy: { kind: 'boolean', says: 'allow must give true or false' },
};

const allKinds: readonly Kind[] = ['string', 'number', 'boolean', 'list', 'object'];

function checkPlace(place: MappingPlace, subgraph: Subgraph): Problem[] {
  const want = wanted[place.role];
  const [selection] = place.selections;
  if (want === undefined || selection === undefined) return [];
  if (!place.hasBody && readsBody(selection)) return [];
  const kinds = kindsOf(selection.root, place, subgraph);
  if (!isOnly(kinds, ...allKinds.filter((kind) => kind !== want.kind))) return [];
  const message = `${place.owner}: ${want.says}; this gives ${kindNames(kinds)}.${hint(selection)}`;
  return [inText(place.text, selection.root.range.start, place.code, message)];
}

/** A lone name at the top is an object with that name in it, which surprises everybody once. */
function hint({ root }: Selection): string {
  const [only, ...more] = entriesOf(root);
  return only === undefined || more.length > 0
    ? ''
    : ` To read the value of "${only.name}" write $.${only.name}.`;
}
