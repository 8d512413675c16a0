import { variableUses, type VariableUse } from '../../mapping/shape.js';
import { requestTextsOf, selectionsIn } from '../expressions.js';
import type { ConnectDefinition, Expression, Templated } from '../subgraph.js';
import type { Text } from '../text.js';

/** A use of a variable, and the text it stands in. */
export interface PlacedUse extends VariableUse {
  readonly text: Text;
}

/** The uses of the parent object, or of many, by which a connector knows what to fetch. */
export function parentUses(connect: ConnectDefinition): PlacedUse[] {
  return usesOf(connect).filter(({ name }) => name === '$this' || name === '$batch');
}

/** The batch is seen where the request is made, or in the selection of a connector that makes none. */
function usesOf(connect: ConnectDefinition): PlacedUse[] {
  const { selection, kind } = connect;
  const own = selection === undefined ? [] : usesIn(selection);
  const seen = kind === 'none' ? own : own.filter(({ name }) => name !== '$batch');
  return [...requestTextsOf(connect).flatMap(usesIn), ...seen];
}

function usesIn(each: Expression | Templated): PlacedUse[] {
  return selectionsIn(each)
    .flatMap((selection) => variableUses(selection))
    .map((use) => ({ ...use, text: each.text }));
}
