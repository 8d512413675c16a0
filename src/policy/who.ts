import {
  getNamedType,
  isAbstractType,
  isObjectType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { Subgraph } from '../subgraph/subgraph.js';
import { objectsOf } from './access.js';
import { sourcesOf, readSources } from './inheritance.js';
import {
  argumentName,
  elementsOver,
  ownersOf,
  readRequirements,
  ruleText,
  type Requirements,
} from './requirements.js';

/** Something that not everybody may have, what is asked of callers, and every way to it. */
export interface ProtectedElement {
  /** `User.ssn`, `User` (every object of the type), `Query.users(ssn:)` (giving the argument). */
  readonly element: string;
  readonly rules: readonly AppliedRule[];
  /** `me.ssn`, `search...User.ssn`: for each field that leads to the object, the shortest way through it. */
  readonly paths: readonly string[];
}

/** A rule, and where it stands. */
export interface AppliedRule {
  /** As in a schema file; `denied by default` where nothing allows it. */
  readonly rule: string;
  /** The element that carries it: the protected one, its type or interface, or what it is computed from. */
  readonly from: string;
}

/** Lists all that is protected, in the order of the schema. Nothing is asked of any backend. */
export function describeAccess(
  schema: GraphQLSchema,
  subgraphs: readonly Subgraph[],
  defaultAccess: 'allow' | 'deny',
): ProtectedElement[] {
  const requirements = readRequirements(subgraphs);
  const sources = readSources(subgraphs);
  const ways = waysTo(schema);
  const types = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
  return types
    .flatMap((type) => {
      const paths = ways.get(type.name) ?? [];
      return [ofType(type, requirements, paths), ...ofFields(type, paths)];
    })
    .filter(({ rules }) => rules.length > 0);

  function ofFields(type: GraphQLObjectType, paths: readonly string[]): ProtectedElement[] {
    return Object.values(type.getFields()).flatMap((field) => {
      const element = `${type.name}.${field.name}`;
      const through = paths.map((path) => joined(path, field.name));
      const own = elementsOver(type, field, schema);
      const computed = [...sourcesOf(element, sources)];
      const isDenied =
        defaultAccess === 'deny' &&
        ![...ownersOf(type, field.name), ...computed].some(
          (name) => requirements.open.has(name) || hasRules(name, requirements),
        );
      const rules = isDenied
        ? [{ rule: 'denied by default', from: element }]
        : rulesFrom([...own, ...computed], requirements);
      const args = field.args.map(({ name }) => ({
        element: argumentName(element, name),
        rules: rulesFrom(
          [type, ...type.getInterfaces()].map((owner) => argumentName(`${owner.name}.${field.name}`, name)),
          requirements,
        ),
        paths: through.map((path) => `${path}(${name}:)`),
      }));
      return [{ element, rules, paths: through }, ...args];
    });
  }
}

function ofType(
  type: GraphQLObjectType,
  requirements: Requirements,
  paths: readonly string[],
): ProtectedElement {
  const isRoot = paths.includes('');
  const names = isRoot ? [] : [type, ...type.getInterfaces()].map(({ name }) => name);
  return { element: type.name, rules: rulesFrom(names, requirements), paths };
}

function hasRules(name: string, { ofElement }: Requirements): boolean {
  return (ofElement.get(name) ?? []).length > 0;
}

function rulesFrom(names: readonly string[], { ofElement }: Requirements): AppliedRule[] {
  return names.flatMap((from) => (ofElement.get(from) ?? []).map((each) => ({ rule: ruleText(each), from })));
}

/** For each object type the ways to its objects, one through each field that gives such; a root is there at once. */
function waysTo(schema: GraphQLSchema): Map<string, string[]> {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const shortest = new Map<string, string>();
  const ways = new Map<string, string[]>();
  const queue: GraphQLObjectType[] = [];
  for (const root of roots) {
    if (root == null) continue;
    shortest.set(root.name, '');
    ways.set(root.name, ['']);
    queue.push(root);
  }
  for (const type of queue) {
    for (const field of Object.values(type.getFields())) {
      const returned = getNamedType(field.type);
      for (const object of objectsOf(returned, schema)) {
        const narrowed = isAbstractType(returned) ? `${field.name}...${object.name}` : field.name;
        const path = joined(shortest.get(type.name) ?? '', narrowed);
        ways.set(object.name, [...(ways.get(object.name) ?? []), path]);
        if (shortest.has(object.name)) continue;
        shortest.set(object.name, path);
        queue.push(object);
      }
    }
  }
  return ways;
}

function joined(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

/** The list as text for a terminal. */
export function formatAccess(elements: readonly ProtectedElement[]): string {
  if (elements.length === 0) return 'Everybody may read everything: there are no rules.\n';
  const blocks = elements.map(({ element, rules, paths }) =>
    [
      element,
      ...rules.map(({ rule, from }) => `  ${rule}${from === element ? '' : `  (from ${from})`}`),
      ...paths.filter((path) => path !== '').map((path) => `    ${path}`),
    ].join('\n'),
  );
  return `${blocks.join('\n\n')}\n`;
}
