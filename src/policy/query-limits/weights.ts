import { Kind, type ConstDirectiveNode, type ValueNode } from 'graphql';
import { publicName } from '../../subgraph/public-name.js';
import { directivesNamed, option, type Placed } from '../../subgraph/rules/directives.js';
import type { Subgraph } from '../../subgraph/subgraph.js';

/** What `@listSize` says of the lists of a field. */
export interface ListSize {
  readonly assumedSize: number | undefined;
  /** Arguments that say how long the list may get, such as `first`, or `page.size` inside one. */
  readonly slicingArguments: readonly string[];
  /** Fields of the returned object whose lists are meant, in place of the field's own. */
  readonly sizedFields: readonly string[];
  readonly requireOneSlicingArgument: boolean;
}

/** What the files say of costs, under the names that clients see. */
export interface Weights {
  /** Of `@cost`, by `Type`, `Type.field` and `Type.field(argument:)`; fields of input types are fields. */
  readonly costs: ReadonlyMap<string, number>;
  /** Of `@listSize`, by `Type.field`. */
  readonly listSizes: ReadonlyMap<string, ListSize>;
}

/** Collects `@cost` and `@listSize` of all files. Of what several say of one element, the larger holds. */
export function readWeights(subgraphs: readonly Subgraph[]): Weights {
  const costs = new Map<string, number>();
  const listSizes = new Map<string, ListSize>();
  for (const subgraph of subgraphs) {
    for (const placed of directivesNamed(subgraph, 'cost')) {
      const name = coordinateOf(placed, subgraph);
      costs.set(name, Math.max(costs.get(name) ?? 0, intOf(placed.directive, 'weight') ?? 0));
    }
    for (const placed of directivesNamed(subgraph, 'listSize')) {
      const name = coordinateOf(placed, subgraph);
      const size = toListSize(placed.directive);
      listSizes.set(name, mergeListSizes(listSizes.get(name) ?? size, size));
    }
  }
  return { costs, listSizes };
}

function coordinateOf({ type = '', field, argument }: Placed, subgraph: Subgraph): string {
  const owner = publicName(subgraph, type);
  if (field === undefined) return owner;
  return argument === undefined ? `${owner}.${field}` : `${owner}.${field}(${argument}:)`;
}

function toListSize(directive: ConstDirectiveNode): ListSize {
  return {
    assumedSize: intOf(directive, 'assumedSize'),
    slicingArguments: textsOf(directive, 'slicingArguments'),
    sizedFields: textsOf(directive, 'sizedFields'),
    requireOneSlicingArgument: booleanOf(directive, 'requireOneSlicingArgument') ?? true,
  };
}

/** The longer list of the two, and the stricter demand. */
export function mergeListSizes(a: ListSize, b: ListSize): ListSize {
  const assumed = [a.assumedSize, b.assumedSize].filter((size) => size !== undefined);
  return {
    assumedSize: assumed.length === 0 ? undefined : Math.max(...assumed),
    slicingArguments: [...new Set([...a.slicingArguments, ...b.slicingArguments])],
    sizedFields: [...new Set([...a.sizedFields, ...b.sizedFields])],
    requireOneSlicingArgument: a.requireOneSlicingArgument || b.requireOneSlicingArgument,
  };
}

function intOf(directive: ConstDirectiveNode, name: string): number | undefined {
  const value = option(directive, name)?.value;
  return value?.kind === Kind.INT ? Number(value.value) : undefined;
}

function booleanOf(directive: ConstDirectiveNode, name: string): boolean | undefined {
  const value = option(directive, name)?.value;
  return value?.kind === Kind.BOOLEAN ? value.value : undefined;
}

/** As GraphQL coerces lists, `"first"` stands for a list of one. */
function textsOf(directive: ConstDirectiveNode, name: string): string[] {
  const value: ValueNode | undefined = option(directive, name)?.value;
  const values = value?.kind === Kind.LIST ? value.values : value === undefined ? [] : [value];
  return values.flatMap((each) => (each.kind === Kind.STRING ? [each.value] : []));
}
