import {
  Kind,
  type ArgumentNode,
  type ConstDirectiveNode,
  type DirectiveNode,
  type ObjectFieldNode,
  type ValueNode,
} from 'graphql';
import type { Subgraph } from '../subgraph.js';
import { isString, textOf, type Text } from '../text.js';

/** A directive, and what it stands on. */
export interface Placed {
  readonly directive: ConstDirectiveNode;
  /** The type that it stands on or in; absent on the schema. */
  readonly type?: string | undefined;
  /** The field that it stands on. */
  readonly field?: string | undefined;
  /** The argument of the field that it stands on. */
  readonly argument?: string | undefined;
}

const known = new WeakMap<Subgraph, ReadonlyMap<string, readonly Placed[]>>();

/** The directives of one name on the schema, on types, their fields and the arguments of those, in the order of the file. */
export function directivesNamed(subgraph: Subgraph, name: string): readonly Placed[] {
  const all = known.get(subgraph) ?? byName(directivesOf(subgraph));
  known.set(subgraph, all);
  return all.get(name) ?? [];
}

function byName(directives: readonly Placed[]): Map<string, Placed[]> {
  const names = new Map<string, Placed[]>();
  for (const placed of directives) {
    const { value: name } = placed.directive.name;
    const same = names.get(name);
    if (same === undefined) names.set(name, [placed]);
    else same.push(placed);
  }
  return names;
}

function directivesOf({ document }: Subgraph): Placed[] {
  return document.definitions.flatMap((node): Placed[] => {
    const type = 'name' in node ? node.name?.value : undefined;
    const own = 'directives' in node ? ((node.directives ?? []) as readonly ConstDirectiveNode[]) : [];
    const fields = 'fields' in node ? (node.fields ?? []) : [];
    return [
      ...own.map((directive) => ({ directive, type })),
      ...fields.flatMap((node): Placed[] => {
        const field = node.name.value;
        const args = 'arguments' in node ? (node.arguments ?? []) : [];
        return [
          ...(node.directives ?? []).map((directive) => ({ directive, type, field })),
          ...args.flatMap(({ name, directives = [] }) =>
            directives.map((directive) => ({ directive, type, field, argument: name.value })),
          ),
        ];
      }),
    ];
  });
}

/** An argument of a directive, or an option of an object among them. */
export type Option = ArgumentNode | ObjectFieldNode;

/** The argument of a directive, or the option at a path: `option(connect, 'batch', 'by')`. */
export function option(directive: DirectiveNode, ...path: readonly string[]): Option | undefined {
  let options: readonly Option[] = directive.arguments ?? [];
  let found: Option | undefined;
  for (const name of path) {
    found = options.find((each) => each.name.value === name);
    options = found?.value.kind === Kind.OBJECT ? found.value.fields : [];
  }
  return found;
}

/** The text of an argument or option, if it has one. */
export function optionText(
  subgraph: Subgraph,
  directive: DirectiveNode,
  ...path: string[]
): Text | undefined {
  const value = option(directive, ...path)?.value;
  return isString(value) ? textOf(value, subgraph.source) : undefined;
}

/** All strings in a value, however nested its lists. */
export function textsIn(value: ValueNode | undefined, subgraph: Subgraph): Text[] {
  if (value?.kind === Kind.LIST) return value.values.flatMap((each) => textsIn(each, subgraph));
  return isString(value) ? [textOf(value, subgraph.source)] : [];
}

/** Whether a type or field has a directive. */
export function hasDirective(
  element: { readonly astNode?: Annotated | null | undefined },
  name: string,
): boolean {
  return (element.astNode?.directives ?? []).some((directive) => directive.name.value === name);
}

interface Annotated {
  readonly directives?: readonly DirectiveNode[] | undefined;
}
