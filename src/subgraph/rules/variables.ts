import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { VARIABLE_NAMES } from '../../mapping/scope.js';
import { inputPaths, variableUses, type VariableUse } from '../../mapping/shape.js';
import type { Range, Selection } from '../../mapping/syntax.js';
import type { Subgraph } from '../subgraph.js';
import { inText, unique } from './fault.js';
import { follow, knownOf, type Missing } from './known.js';
import { isRoot, ownerOf } from './owner.js';
import { mappingPlaces, type MappingPlace } from './places.js';
import type { Rule, Scope } from './rule.js';

/** Mappings use the variables that are there where they stand, and names that these have. */
export const variables: Rule = {
  check: (subgraph, scope) =>
    mappingPlaces(subgraph).flatMap((place) =>
      unique(place.selections.flatMap((selection) => checkSelection(selection, place, subgraph, scope))),
    ),
};

function checkSelection(
  selection: Selection,
  place: MappingPlace,
  subgraph: Subgraph,
  scope: Scope,
): Problem[] {
  const uses = variableUses(selection).flatMap((use) => checkUse(use, place, subgraph, scope) ?? []);
  return place.hasBody ? uses : [...uses, ...checkBodyUses(selection, place, subgraph)];
}

function checkUse(
  use: VariableUse,
  place: MappingPlace,
  subgraph: Subgraph,
  scope: Scope,
): Problem | undefined {
  if (!place.variables.has(use.name))
    return problem(place, use.range, `${says(use, place)}${whyNot(use.name, place, subgraph)}`);
  const found = follow(use, knownOf(use.name, place, subgraph));
  if (found.kind === 'missing') return notThere(found, use, place, subgraph, scope);
  if (
    (use.name !== '$this' && use.name !== '$batch') ||
    use.path.length > 0 ||
    !use.whole ||
    place.role === 'policy'
  ) {
    return undefined;
  }
  return problem(
    place,
    use.range,
    `${says(use, place)} as a whole. Name the fields it needs, as in ${use.name}.id.`,
  );
}

/** The place of a first name is the variable's: there the eye begins to read. */
function notThere(
  missing: Missing,
  use: VariableUse,
  place: MappingPlace,
  subgraph: Subgraph,
  scope: Scope,
): Problem {
  const { index, name, within } = missing;
  const range = index === 0 ? use.range : (use.pathRanges[index] ?? use.range);
  if (within.kind === 'scalar') {
    return problem(
      place,
      range,
      `${says(use, place)}, but "${use.path[index - 1] ?? use.name}" is ${within.called} and has no fields.`,
    );
  }
  const elsewhere = index === 0 ? otherFileWith(name, use.name, place, subgraph, scope) : undefined;
  const help =
    elsewhere === undefined
      ? didYouMean(name, within.names)
      : ` It is a field of the type in ${elsewhere}; repeat it here, with @external.`;
  return problem(
    place,
    range,
    `${says(use, place)}, but ${within.called} has no ${within.noun} "${name}".${help}`,
  );
}

function otherFileWith(
  name: string,
  variable: string,
  { connect }: MappingPlace,
  subgraph: Subgraph,
  { subgraphs }: Scope,
): string | undefined {
  if (connect === undefined || variable === '$args') return undefined;
  return subgraphs.find(
    (each) => each !== subgraph && ownerOf(each, connect)?.getFields()[name] !== undefined,
  )?.source.name;
}

function says(use: VariableUse, { owner, isTemplate }: MappingPlace): string {
  const written = [use.name, ...use.path].join('.');
  return `${owner} uses ${isTemplate ? `{${written}}` : written}`;
}

function whyNot(name: string, place: MappingPlace, subgraph: Subgraph): string {
  if (!(VARIABLE_NAMES as readonly string[]).includes(name)) {
    return `, but there is no variable ${name}.${didYouMean(name, place.variables)}`;
  }
  return `, but ${reasonAgainst(name, place, subgraph)}. There are: ${[...place.variables].join(', ')}.`;
}

function reasonAgainst(name: string, { role, connect }: MappingPlace, subgraph: Subgraph): string {
  if (name === '$claims' && subgraph.strict)
    return 'it is an addition of Backstitch, and this file links the connect specification';
  switch (name) {
    case '$status':
    case '$response':
      return connect?.kind === 'none'
        ? 'this connector makes no request'
        : 'there is no answer yet where this is evaluated';
    case '$args':
      return connect?.field === undefined
        ? 'there is no field with arguments here'
        : 'arguments are not seen here';
    case '$this':
      if (connect !== undefined && isRoot(subgraph, connect.type)) return 'a root field has no parent object';
      return role === 'isSuccess'
        ? 'the parent object is not seen in isSuccess'
        : 'there is no parent object here';
    case '$batch':
      if (connect !== undefined && isRoot(subgraph, connect.type)) return 'a root field has no parent object';
      return connect === undefined
        ? 'there are no parent objects here'
        : 'the batch is seen only where the request is made';
    default:
      return 'it is not seen here';
  }
}

/** Where there is no answer yet, everything starts from a variable or a literal. */
function checkBodyUses(selection: Selection, place: MappingPlace, subgraph: Subgraph): Problem[] {
  const { fields, whole } = inputPaths(selection);
  const help =
    place.connect?.kind === 'none' && place.role === 'selection'
      ? 'this connector makes no request, so there is no answer to read from'
      : 'there is no answer to read from here: everything starts from a variable or a literal';
  const names = [...fields].map(([name, { range }]) => {
    const hint = toSentence(meantBy(name, place, subgraph));
    return problem(place, range, `${place.owner} reads "${name}", but ${help}.${hint}`);
  });
  if (whole === undefined) return names;
  return [...names, problem(place, wholeRange(place, whole), `${place.owner} reads $, but ${help}.`)];
}

function toSentence(meant: readonly string[]): string {
  return meant.length === 0 ? '' : ` Did you mean ${meant.join(' or ')}?`;
}

/** The variables, or names of them, that a bare name could stand for. */
function meantBy(name: string, place: MappingPlace, subgraph: Subgraph): string[] {
  return [...place.variables].flatMap((variable) => {
    if (variable === `$${name}`) return [variable];
    const known = knownOf(variable, place, subgraph);
    return known.kind === 'object' && known.names.includes(name) ? [`${variable}.${name}`] : [];
  });
}

/** The range of a whole body is that of the expression; the dollar sign stands somewhere in it. */
function wholeRange({ text }: MappingPlace, range: Range): Range {
  const at = /[$@](?![A-Za-z_(])/.exec(text.value.slice(range.start, range.end))?.index ?? 0;
  return { ...range, start: range.start + at };
}

function problem(place: MappingPlace, range: Range, message: string): Problem {
  return inText(place.text, range.start, place.code, message);
}
