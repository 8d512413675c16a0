import {
  getNamedType,
  isLeafType,
  Kind,
  type ConstDirectiveNode,
  type ConstValueNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { publicName } from '../subgraph/public-name.js';
import type { Subgraph } from '../subgraph/subgraph.js';

/** One thing a caller must satisfy. Several on one element must all hold. */
export type Requirement =
  | { readonly kind: 'authenticated' }
  /** Any of the outer lists; of an inner one, all. */
  | { readonly kind: 'scopes'; readonly anyOf: readonly (readonly string[])[] }
  | { readonly kind: 'policies'; readonly anyOf: readonly (readonly string[])[] }
  /** Nobody satisfies this: where access is denied unless a rule allows it. */
  | { readonly kind: 'nobody' };

/** `@rateLimit` of one field. */
export interface RateLimitDefinition {
  readonly max: number;
  readonly window: string;
  readonly message?: string | undefined;
  readonly identityArgs?: readonly string[] | undefined;
  readonly arrayLengthField?: string | undefined;
}

/** What the files ask of callers, by `Type`, `Type.field` and `Type.field(argument:)` as clients see them. */
export interface Requirements {
  readonly ofElement: ReadonlyMap<string, readonly Requirement[]>;
  /** What is for everybody. */
  readonly open: ReadonlySet<string>;
  readonly limits: ReadonlyMap<string, RateLimitDefinition>;
}

/** Collects the rules of all files. What two files ask of one element must both hold. */
export function readRequirements(subgraphs: readonly Subgraph[]): Requirements {
  const ofElement = new Map<string, Requirement[]>();
  const open = new Set<string>();
  const limits = new Map<string, RateLimitDefinition>();
  for (const { name, directives } of subgraphs.flatMap(elementsOf)) {
    for (const directive of directives) {
      const requirement = toRequirement(directive);
      if (requirement !== undefined) ofElement.set(name, [...(ofElement.get(name) ?? []), requirement]);
      if (directive.name.value === 'rateLimit') limits.set(name, toLimit(directive));
      if (directive.name.value === 'public') open.add(name);
    }
  }
  return { ofElement, open, limits };
}

/** The elements whose rules hold for a field: itself, as its interfaces call it, a root type, a scalar or enum. */
export function elementsOver(
  type: GraphQLObjectType,
  field: { readonly name: string; readonly type: GraphQLOutputType },
  schema: GraphQLSchema,
): string[] {
  const returned = getNamedType(field.type);
  return [
    ...[type, ...type.getInterfaces()].map((each) => `${each.name}.${field.name}`),
    ...(isRoot(type, schema) ? [type.name] : []),
    ...(isLeafType(returned) ? [returned.name] : []),
  ];
}

/** What a field and its object are called in the files: by their type, and by its interfaces. */
export function ownersOf(type: GraphQLObjectType, field: string): string[] {
  return [type, ...type.getInterfaces()].flatMap(({ name }) => [name, `${name}.${field}`]);
}

/** Whether a type is the Query, Mutation or Subscription of a schema. */
export function isRoot(type: GraphQLObjectType, schema: GraphQLSchema): boolean {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].includes(type);
}

/** A requirement as a schema file says it. */
export function ruleText(requirement: Requirement): string {
  switch (requirement.kind) {
    case 'authenticated':
      return '@authenticated';
    case 'scopes':
      return `@requiresScopes(scopes: ${JSON.stringify(requirement.anyOf)})`;
    case 'policies':
      return `@policy(policies: ${JSON.stringify(requirement.anyOf)})`;
    case 'nobody':
      return 'denied by default';
  }
}

/** `Query.users(ssn:)` */
export function argumentName(field: string, argument: string): string {
  return `${field}(${argument}:)`;
}

interface Element {
  readonly name: string;
  readonly directives: readonly ConstDirectiveNode[];
}

function elementsOf(subgraph: Subgraph): Element[] {
  return subgraph.document.definitions.flatMap((node) => {
    if (!('name' in node) || node.name === undefined) return [];
    const type = publicName(subgraph, node.name.value);
    const fields = 'fields' in node ? (node.fields ?? []) : [];
    return [
      { name: type, directives: (node.directives ?? []) as readonly ConstDirectiveNode[] },
      ...fields.flatMap((field): Element[] => {
        const name = `${type}.${field.name.value}`;
        const args = 'arguments' in field ? (field.arguments ?? []) : [];
        return [
          { name, directives: field.directives ?? [] },
          ...args.map((arg) => ({
            name: argumentName(name, arg.name.value),
            directives: arg.directives ?? [],
          })),
        ];
      }),
    ];
  });
}

function toRequirement(directive: ConstDirectiveNode): Requirement | undefined {
  switch (directive.name.value) {
    case 'authenticated':
      return { kind: 'authenticated' };
    case 'requiresScopes':
      return { kind: 'scopes', anyOf: namesOf(argument(directive, 'scopes')) };
    case 'policy':
      return { kind: 'policies', anyOf: namesOf(argument(directive, 'policies')) };
    default:
      return undefined;
  }
}

function toLimit(directive: ConstDirectiveNode): RateLimitDefinition {
  const text = (name: string) => {
    const value = argument(directive, name);
    return value?.kind === Kind.STRING ? value.value : undefined;
  };
  const max = argument(directive, 'max');
  const identityArgs = argument(directive, 'identityArgs');
  return {
    max: max?.kind === Kind.INT ? Number(max.value) : 0,
    window: text('window') ?? '',
    message: text('message'),
    identityArgs: identityArgs === undefined ? undefined : strings(identityArgs),
    arrayLengthField: text('arrayLengthField'),
  };
}

function argument(directive: ConstDirectiveNode, name: string): ConstValueNode | undefined {
  return directive.arguments?.find((each) => each.name.value === name)?.value;
}

/** `[["a", "b"], ["c"]]`; as GraphQL coerces lists, `["a"]` and `"a"` stand for lists of one. */
function namesOf(value: ConstValueNode | undefined): string[][] {
  if (value === undefined) return [];
  return value.kind === Kind.LIST ? value.values.map(strings) : [strings(value)];
}

function strings(value: ConstValueNode): string[] {
  if (value.kind === Kind.LIST) return value.values.flatMap(strings);
  return value.kind === Kind.STRING ? [value.value] : [];
}
