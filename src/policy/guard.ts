import {
  getNamedType,
  isAbstractType,
  isLeafType,
  isObjectType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { shield, type IRule } from 'graphql-shield';
import type { RequestContext } from '../base/context.js';
import type { Log } from '../base/log.js';
import { treeOf } from '../connectors/wanted.js';
import type { FieldTree } from '../mapping/shape.js';
import { publicName } from '../subgraph/public-name.js';
import type { Subgraph } from '../subgraph/subgraph.js';
import { Row } from '../supergraph/row.js';
import { givenArguments, nothingRefused, type Facts } from '../supergraph/want.js';
import { createRefusals } from './access.js';
import { readSources, sourcesOf } from './inheritance.js';
import type { RateLimiter } from './rate-limits.js';
import {
  argumentName,
  elementsOver,
  isRoot,
  ownersOf,
  readRequirements,
  type Requirement,
} from './requirements.js';
import { denial, namedPolicies, shieldOptions, toRule, type GuardRule, type PlainFields } from './rules.js';

/** Who may ask for what, compiled from the files. */
export interface Guard {
  /** The fields that rules read. */
  readonly facts: Facts;
  /** Puts the rules and rate limits before the resolvers of a schema. Fields without any are left as they are. */
  protect(schema: GraphQLSchema): void;
}

/** What a guard is made with, beside the files. */
export interface GuardSetting {
  /** graphql-shield rules from the config file, by the names `@policy` uses. */
  readonly policies: Readonly<Record<string, IRule>>;
  /** What becomes of fields that neither have a rule nor are `@public`. */
  readonly defaultAccess: 'allow' | 'deny';
  /** Outlives the guard: new schema files do not set free who has used up a limit. */
  readonly limiter: RateLimiter;
  readonly log: Log;
}

/**
 * Compiles the rules of all files to graphql-shield rules.
 */
export function createGuard(
  subgraphs: readonly Subgraph[],
  { policies: custom, defaultAccess, limiter, log }: GuardSetting,
): Guard {
  const { ofElement, open, limits } = readRequirements(subgraphs);
  const inherited = withInherited(ofElement, readSources(subgraphs));
  const plainFields = createPlainFields(subgraphs, inherited);
  const policies = namedPolicies(
    subgraphs.flatMap((subgraph) => subgraph.policies),
    custom,
    plainFields,
    log,
  );
  const rulesOf = (type: string, requirements: readonly Requirement[]) =>
    toRule(requirements, policies, plainFields(type));
  // Known as soon as the schema is there, before the first request.
  const rules = { ofField: new Map<string, GuardRule>(), ofType: new Map<string, GuardRule>() };
  const refused = createRefusals(rules);
  return {
    facts: {
      ofField: (type, field) => rules.ofField.get(`${type}.${field}`),
      ofType: (type) => rules.ofType.get(type),
      refused: (place, context) =>
        rules.ofField.size + rules.ofType.size === 0 ? nothingRefused : refused(place, context.identity),
    },
    protect: (schema) => {
      limitRates(schema, limits, limiter);
      const isLeftOut = (type: GraphQLObjectType, field: string) =>
        defaultAccess === 'deny' &&
        !ownersOf(type, field).some((name) => open.has(name) || inherited.has(name));
      const ofFields = fieldRules(schema, inherited, rulesOf, isLeftOut);
      const ofArguments = argumentRules(schema, ofElement, rulesOf);
      for (const [name, rule] of ofArguments) rules.ofField.set(name, rule);
      for (const [type, fields] of ofFields) {
        for (const [field, rule] of fields) rules.ofField.set(`${type}.${field}`, rule);
      }
      for (const [type, rule] of typeRules(schema, ofElement, rulesOf)) rules.ofType.set(type, rule);
      guardFields(schema, ofFields);
      guardArguments(schema, ofArguments);
      guardObjects(schema, rules.ofType);
    },
  };
}

/** What is computed from a field must satisfy the rules of that field, too. */
function withInherited(ofElement: ByElement, sources: ReadonlyMap<string, ReadonlySet<string>>): ByElement {
  const all = new Map(ofElement);
  for (const field of sources.keys()) {
    const requirements = [...sourcesOf(field, sources)].flatMap((source) => ofElement.get(source) ?? []);
    if (requirements.length > 0)
      all.set(field, [...new Set([...(ofElement.get(field) ?? []), ...requirements])]);
  }
  return all;
}

/**
 * The leaves of objects that need no argument and no connector of their own, and have no rule: to decide on one thing, a
 * backend is not asked for another that its caller may not have.
 */
function createPlainFields(subgraphs: readonly Subgraph[], ofElement: ByElement): PlainFields {
  const connected = new Set(
    subgraphs.flatMap((subgraph) =>
      [...subgraph.connects, ...subgraph.implied].map(
        ({ type, field = '' }) => `${publicName(subgraph, type)}.${field}`,
      ),
    ),
  );
  const fields = (subgraph: Subgraph, name: string) => {
    const type = subgraph.schema.getType(name);
    return isObjectType(type) ? fieldsOf(type) : [];
  };
  const isPlain = (type: string, { name, args, type: given }: Field) =>
    args.length === 0 &&
    isLeafType(getNamedType(given)) &&
    !connected.has(`${type}.${name}`) &&
    !ofElement.has(`${type}.${name}`);
  const known = new Map<string, FieldTree>();
  return (type) => {
    const found =
      known.get(type) ??
      treeOf(
        subgraphs
          .flatMap((subgraph) => fields(subgraph, type))
          .filter((field) => isPlain(type, field))
          .map(({ name }) => [name]),
      );
    known.set(type, found);
    return found;
  };
}

type ByElement = ReadonlyMap<string, readonly Requirement[]>;
type ToRule = (type: string, requirements: readonly Requirement[]) => GuardRule;

/** Rules of fields, by type and field; those of root types, scalars, enums and interface fields are theirs too. */
function fieldRules(
  schema: GraphQLSchema,
  ofElement: ByElement,
  rule: ToRule,
  isLeftOut: (type: GraphQLObjectType, field: string) => boolean,
): Map<string, Map<string, GuardRule>> {
  const rules = new Map<string, Map<string, GuardRule>>();
  for (const type of objectTypes(schema)) {
    for (const field of fieldsOf(type)) {
      const requirements: Requirement[] = isLeftOut(type, field.name)
        ? [{ kind: 'nobody' }]
        : requirementsOf(type, field, schema, ofElement);
      if (requirements.length === 0) continue;
      const ofType = rules.get(type.name) ?? new Map<string, GuardRule>();
      rules.set(type.name, ofType.set(field.name, rule(type.name, requirements)));
    }
  }
  return rules;
}

/** Rules of arguments, by `Type.field(argument:)`; those of interface fields are theirs too. */
function argumentRules(schema: GraphQLSchema, ofElement: ByElement, rule: ToRule): Map<string, GuardRule> {
  const rules = new Map<string, GuardRule>();
  for (const type of objectTypes(schema)) {
    for (const { name, args } of fieldsOf(type)) {
      for (const argument of args) {
        const requirements = [type, ...type.getInterfaces()].flatMap(
          (owner) => ofElement.get(argumentName(`${owner.name}.${name}`, argument.name)) ?? [],
        );
        if (requirements.length > 0) {
          rules.set(argumentName(`${type.name}.${name}`, argument.name), rule(type.name, requirements));
        }
      }
    }
  }
  return rules;
}

/** A field is refused to who gives an argument that is not theirs to give. */
function guardArguments(schema: GraphQLSchema, rules: ReadonlyMap<string, GuardRule>): void {
  if (rules.size === 0) return;
  for (const type of objectTypes(schema)) {
    for (const field of fieldsOf(type)) {
      const guarded = field.args.flatMap(({ name }) => {
        const rule = rules.get(argumentName(`${type.name}.${field.name}`, name));
        return rule === undefined ? [] : [{ name, rule }];
      });
      if (guarded.length === 0) continue;
      const step = firstStep(field);
      const resolve = resolverOf(field, step);
      field[step] = async (parent, args, context, info) => {
        for (const { name, rule } of guarded) {
          if (!givenArguments(info.fieldNodes).has(name)) continue;
          const verdict = await rule.rule.resolve(
            parent as object,
            args,
            context as never,
            info,
            shieldOptions,
          );
          if (verdict !== true) throw verdict instanceof Error ? verdict : denial(context);
        }
        return resolve(parent, args, context, info);
      };
    }
  }
}

function requirementsOf(
  type: GraphQLObjectType,
  field: Field,
  schema: GraphQLSchema,
  ofElement: ByElement,
): Requirement[] {
  return elementsOver(type, field, schema).flatMap((name) => ofElement.get(name) ?? []);
}

/** Rules of whole objects, by type; those of the interfaces it implements are its own too. */
function typeRules(schema: GraphQLSchema, ofElement: ByElement, rule: ToRule): Map<string, GuardRule> {
  const rules = new Map<string, GuardRule>();
  for (const type of objectTypes(schema)) {
    if (isRoot(type, schema)) continue;
    const requirements = [type, ...type.getInterfaces()].flatMap((each) => ofElement.get(each.name) ?? []);
    if (requirements.length > 0) rules.set(type.name, rule(type.name, requirements));
  }
  return rules;
}

type Resolver = (
  parent: unknown,
  args: Record<string, unknown>,
  context: RequestContext,
  info: GraphQLResolveInfo,
) => unknown;
type Middleware = (
  resolve: Resolver,
  parent: unknown,
  args: Record<string, unknown>,
  context: RequestContext,
  info: GraphQLResolveInfo,
) => unknown;

/** What graphql-shield makes of a rule, or of rules joined by its logic. */
type Generated = Middleware | { readonly resolve: Middleware };

/**
 * graphql-shield's own middleware, but only on the fields that have a rule: applied as it comes it would put an
 * async step before every other field of the same types.
 */
function guardFields(
  schema: GraphQLSchema,
  rules: ReadonlyMap<string, ReadonlyMap<string, GuardRule>>,
): void {
  if (rules.size === 0) return;
  const tree = Object.fromEntries(
    [...rules].map(([type, fields]) => [
      type,
      Object.fromEntries([...fields].map(([field, { rule }]) => [field, rule])),
    ]),
  );
  const generated = shield(tree, shieldOptions).generate(schema) as Record<string, Record<string, Generated>>;
  for (const [type, fields] of rules) {
    for (const [field, rule] of fields) {
      const guarded = fieldOf(schema, type, field);
      const middleware = generated[type]?.[field];
      if (guarded === undefined || middleware === undefined)
        throw new Error(`${type}.${field} cannot be guarded.`);
      const check = typeof middleware === 'function' ? middleware : middleware.resolve;
      const step = firstStep(guarded);
      const resolve = resolverOf(guarded, step);
      guarded[step] = async (parent, args, context, info) =>
        (await isAdmitted(rule, context, info))
          ? resolve(parent, args, context, info)
          : check(resolve, parent, args, context, info);
    }
  }
}

/** Puts a rule of a type behind every field that can give such an object: whatever the path, it is asked. */
function guardObjects(schema: GraphQLSchema, rules: ReadonlyMap<string, GuardRule>): void {
  if (rules.size === 0) return;
  for (const type of objectTypes(schema)) {
    for (const field of fieldsOf(type)) {
      const guards = guardsOf(getNamedType(field.type), rules, schema);
      if (guards.length === 0) continue;
      const resolve = resolverOf(field, 'resolve');
      const isOneType = isObjectType(getNamedType(field.type));
      field.resolve = async (parent, args, context, info) => {
        // Who is refused every such object is refused before anything is asked.
        if (isOneType && guards[0]?.refuses?.(context.identity) === true) throw denial(context);
        const value: unknown = await resolve(parent, args, context, info);
        const admitted = await Promise.all(guards.map((guard) => isAdmitted(guard, context, info)));
        return admitted.includes(false) ? admit(value, rules, context, info) : value;
      };
    }
  }
}

/** The rules of all objects that a field of this type can give. */
function guardsOf(
  type: GraphQLNamedType,
  rules: ReadonlyMap<string, GuardRule>,
  schema: GraphQLSchema,
): GuardRule[] {
  const types = isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
  return types.flatMap((each) => rules.get(each.name) ?? []);
}

/** Whether who calls is enough to be allowed: asked once per request, not for every row. */
function isAdmitted(
  { ofCaller }: GuardRule,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<boolean> {
  if (ofCaller === undefined) return never;
  return context.local(ofCaller, async () => {
    const verdict = await ofCaller.resolve({}, {}, context as never, info, shieldOptions);
    return verdict === true;
  });
}

const never = Promise.resolve(false);

/** Each object that its rule denies becomes one error at its place. */
async function admit(
  value: unknown,
  rules: ReadonlyMap<string, GuardRule>,
  context: RequestContext,
  info: GraphQLResolveInfo,
): Promise<unknown> {
  const given: unknown = await value;
  if (Array.isArray(given)) return given.map((item) => admit(item, rules, context, info));
  const guard = given instanceof Row ? rules.get(given.type.name) : undefined;
  if (!(given instanceof Row) || guard === undefined) return given;
  const verdict = await guard.rule.resolve(given, {}, context as never, info, shieldOptions);
  if (verdict === true) return given;
  return verdict instanceof Error ? verdict : denial(context);
}

function limitRates(
  schema: GraphQLSchema,
  limits: ReturnType<typeof readRequirements>['limits'],
  limiter: RateLimiter,
): void {
  for (const [coordinate, limit] of limits) {
    const [type = '', name = ''] = coordinate.split('.');
    const field = fieldOf(schema, type, name);
    if (field === undefined) continue;
    const step = firstStep(field);
    const resolve = resolverOf(field, step);
    field[step] = async (parent, args, context, info) => {
      const refusal = await limiter.limit(coordinate, limit, { parent, args, context, info });
      if (refusal !== undefined) throw refusal;
      return resolve(parent, args, context, info);
    };
  }
}

/** The part of a field that a guard needs, with the types our resolvers have. */
interface Field {
  readonly name: string;
  readonly type: GraphQLOutputType;
  readonly args: readonly { readonly name: string }[];
  resolve?: Resolver;
  subscribe?: Resolver;
}

/** Where a backend is first asked: a field of Subscription resolves only events that have come. */
function firstStep(field: Field): 'subscribe' | 'resolve' {
  return field.subscribe === undefined ? 'resolve' : 'subscribe';
}

function fieldsOf(type: GraphQLObjectType): Field[] {
  return Object.values(type.getFields()) as Field[];
}

function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
}

function fieldOf(schema: GraphQLSchema, type: string, field: string): Field | undefined {
  const owner = schema.getType(type);
  return isObjectType(owner) ? (owner.getFields()[field] as Field | undefined) : undefined;
}

function resolverOf(field: Field, step: 'subscribe' | 'resolve'): Resolver {
  const resolver = field[step];
  if (resolver === undefined) throw new Error(`${field.name} has no resolver to guard.`);
  return resolver;
}
