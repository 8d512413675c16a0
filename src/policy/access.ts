import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { Identity } from '../base/context.js';
import { nothingRefused, type Place } from '../supergraph/want.js';
import { argumentName } from './requirements.js';
import type { GuardRule } from './rules.js';

/** The rules of a schema: of fields and arguments by `Type.field` and `Type.field(argument:)`, of objects by type. */
export interface Rules {
  readonly ofField: ReadonlyMap<string, GuardRule>;
  readonly ofType: ReadonlyMap<string, GuardRule>;
}

/** How many different sets of refusals are kept for one operation. */
const mostSets = 64;

/**
 * Says which elements of an operation a caller is refused whatever the objects are, so that they need not be fetched.
 * The same set for callers who are refused the same, so that it can be a key.
 */
export function createRefusals(
  rules: Rules,
): (place: Place, identity: Identity | undefined) => ReadonlySet<string> {
  const touched = new WeakMap<OperationDefinitionNode, Refusals>();
  return (place, identity) => {
    const refusals = touched.get(place.operation) ?? new Refusals(rulesIn(place, rules));
    touched.set(place.operation, refusals);
    return refusals.of(identity);
  };
}

class Refusals {
  readonly #rules: readonly (readonly [string, GuardRule])[];
  readonly #sets = new Map<string, ReadonlySet<string>>();

  constructor(rules: ReadonlyMap<string, GuardRule>) {
    this.#rules = [...rules].filter(([, rule]) => rule.refuses !== undefined);
  }

  of(identity: Identity | undefined): ReadonlySet<string> {
    const names = this.#rules.flatMap(([name, { refuses }]) => (refuses?.(identity) === true ? name : []));
    if (names.length === 0) return nothingRefused;
    const id = names.join(' ');
    const set = this.#sets.get(id) ?? new Set(names);
    if (this.#sets.size >= mostSets) this.#sets.clear();
    this.#sets.set(id, set);
    return set;
  }
}

/** The rules that an operation meets, on whatever members of interfaces and unions. */
function rulesIn({ schema, operation, fragments }: Place, rules: Rules): Map<string, GuardRule> {
  const found = new Map<string, GuardRule>();
  const note = (name: string, rule: GuardRule | undefined) => rule && found.set(name, rule);
  const types = new TypeInfo(schema);
  const visitor = visitWithTypeInfo(types, {
    Field: ({ name, arguments: args = [] }) => {
      for (const owner of objectsOf(types.getParentType() ?? undefined, schema)) {
        const field = `${owner.name}.${name.value}`;
        note(field, rules.ofField.get(field));
        for (const argument of args) {
          const given = argumentName(field, argument.name.value);
          note(given, rules.ofField.get(given));
        }
      }
      for (const { name: type } of objectsOf(getNamedType(types.getType()) ?? undefined, schema)) {
        note(type, rules.ofType.get(type));
      }
    },
  });
  for (const definition of [operation, ...Object.values(fragments)]) visit(definition, visitor);
  return found;
}

/** An object type itself, the members of an interface or union; nothing for other types. */
export function objectsOf(
  type: GraphQLNamedType | undefined,
  schema: GraphQLSchema,
): readonly GraphQLObjectType[] {
  if (!isCompositeType(type)) return [];
  if (isAbstractType(type)) return schema.getPossibleTypes(type);
  return isObjectType(type) ? [type] : [];
}
