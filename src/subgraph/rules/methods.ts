import type { Problem } from '../../base/problems.js';
import { METHODS } from '../../mapping/methods/index.js';
import { methodUses } from '../../mapping/shape.js';
import { inText } from './fault.js';
import { mappingPlaces, type MappingPlace } from './places.js';
import type { Rule } from './rule.js';

/** Methods are known, and called with as many arguments as they take. */
export const methods: Rule = {
  check: (subgraph) => mappingPlaces(subgraph).flatMap(checkPlace),
};

function checkPlace({ selections, owner, text }: MappingPlace): Problem[] {
  return selections.flatMap(methodUses).flatMap(({ name, range, problem }) => {
    if (problem === undefined) return [];
    const code = METHODS.has(name) ? 'INVALID_METHOD_CALL' : 'UNKNOWN_METHOD';
    const end = problem.endsWith('?') || problem.endsWith('.') ? '' : '.';
    return [inText(text, range.start, code, `${owner} uses ->${name}, but ${problem}${end}`)];
  });
}
