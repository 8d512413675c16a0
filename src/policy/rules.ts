import type { GraphQLResolveInfo } from 'graphql';
import { allow, and, or, rule, type IRule } from 'graphql-shield';
import type { Identity, RequestContext } from '../base/context.js';
import { GatewayError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { compileSelection, type Mapping } from '../mapping/compile.js';
import { variableUses, type FieldTree } from '../mapping/shape.js';
import { treeOf, unionOf } from '../connectors/wanted.js';
import type { PolicyDefinition } from '../subgraph/subgraph.js';
import { Row } from '../supergraph/row.js';
import type { Requirement } from './requirements.js';

/** A graphql-shield rule, or several joined by its `and`, `or`, `not`, `chain` and `race`. */
export type ShieldRule = IRule | ReturnType<typeof and> | ReturnType<typeof or>;

/** A named policy: a graphql-shield rule, and the fields of the guarded object that it reads. */
export interface Policy {
  readonly rule: ShieldRule;
  /** Absent where only the rule itself knows: it is given all plain fields. */
  readonly facts: FieldTree | undefined;
  /** Present where it asks only who calls, so that one verdict holds for the whole request. */
  readonly ofCaller?: CallerCheck | undefined;
}

/** The fields of a type that a rule from the config file is given, whatever the client has selected. */
export type PlainFields = (type: string) => FieldTree;

/** Whether a caller meets what is asked of callers. */
export type CallerCheck = (identity: Identity | undefined) => boolean;

/** What guards a field or an object. */
export interface GuardRule {
  readonly rule: ShieldRule;
  /** Suffices, where it allows: it asks only who calls. Absent where every way to be allowed asks for more. */
  readonly ofCaller: ShieldRule | undefined;
  /** Refuses callers whatever the object is; absent where every caller has to be asked about an object. */
  readonly refuses: CallerCheck | undefined;
  /** Fields of the guarded object that the rule reads. */
  readonly facts: FieldTree | undefined;
}

/**
 * The policies by their names: expressions from the schema files, and graphql-shield rules from the config file.
 *
 * @param custom rules whose `parent` is the plain object as it was mapped
 * @param plainFields the fields of an object that such a rule can rely on
 */
export function namedPolicies(
  definitions: readonly PolicyDefinition[],
  custom: Readonly<Record<string, IRule>>,
  plainFields: PlainFields,
  log: Log,
): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  for (const [name, each] of Object.entries(custom)) {
    policies.set(name, { rule: onPlainParent(name, each, plainFields, log), facts: undefined });
  }
  for (const { name, allow: allowed } of definitions) {
    policies.set(name, expressionPolicy(compileSelection(allowed.selection)));
  }
  return policies;
}

/**
 * All of these requirements as one rule.
 *
 * @param plain the plain fields of the object that the rule is asked about
 */
export function toRule(
  requirements: readonly Requirement[],
  policies: ReadonlyMap<string, Policy>,
  plain: FieldTree,
): GuardRule {
  const ofCaller = requirements.map((requirement) => ofCallerAlone(requirement, policies));
  const checks = requirements.flatMap((requirement) => callerCheck(requirement, policies) ?? []);
  const facts = factsOf(requirements, policies, plain);
  return {
    rule: allOf(requirements, policies),
    ofCaller: ofCaller.every((each) => each !== undefined) ? allOf(ofCaller, policies) : undefined,
    refuses: checks.length === 0 ? undefined : (identity) => checks.some((meets) => !meets(identity)),
    facts: facts.length === 0 ? undefined : facts.reduce((all, each) => unionOf(all, each) ?? all),
  };
}

/** What a requirement asks of every caller; undefined where an object may settle it. */
function callerCheck(
  requirement: Requirement,
  policies: ReadonlyMap<string, Policy>,
): CallerCheck | undefined {
  switch (requirement.kind) {
    case 'authenticated':
      return isSomebody;
    case 'nobody':
      return () => false;
    case 'scopes':
      return (identity) => holdsAny(scopesOf(identity), requirement.anyOf);
    case 'policies': {
      // Of each list, those that the caller alone decides have to hold, whatever becomes of the others.
      const anyOf = requirement.anyOf.map((names) =>
        names.flatMap((name) => policies.get(name)?.ofCaller ?? []),
      );
      if (anyOf.some((checks) => checks.length === 0)) return undefined;
      return (identity) => anyOf.some((checks) => checks.every((meets) => meets(identity)));
    }
  }
}

function isSomebody(identity: Identity | undefined): boolean {
  return identity !== undefined;
}

function allOf(requirements: readonly Requirement[], policies: ReadonlyMap<string, Policy>): ShieldRule {
  const rules = requirements.map((requirement) => requirementRule(requirement, policies));
  return rules.length === 1 && rules[0] !== undefined ? rules[0] : and(...rules);
}

/** The ways to meet a requirement that ask only who calls; undefined where there are none. */
function ofCallerAlone(
  requirement: Requirement,
  policies: ReadonlyMap<string, Policy>,
): Requirement | undefined {
  if (requirement.kind !== 'policies') return requirement;
  const anyOf = requirement.anyOf.filter((names) =>
    names.every((name) => policies.get(name)?.ofCaller !== undefined),
  );
  return anyOf.length === 0 ? undefined : { ...requirement, anyOf };
}

/** The fields that some requirements read. */
function factsOf(
  requirements: readonly Requirement[],
  policies: ReadonlyMap<string, Policy>,
  plain: FieldTree,
): FieldTree[] {
  return requirements
    .flatMap((requirement) => (requirement.kind === 'policies' ? requirement.anyOf.flat() : []))
    .flatMap((name) => policies.get(name) ?? [])
    .map(({ facts }) => facts ?? plain);
}

function requirementRule(requirement: Requirement, policies: ReadonlyMap<string, Policy>): ShieldRule {
  switch (requirement.kind) {
    case 'authenticated':
      return authenticated;
    case 'nobody':
      return nobody;
    case 'scopes':
      return callerRule((identity) => holdsAny(scopesOf(identity), requirement.anyOf));
    case 'policies':
      return or(...requirement.anyOf.map((names) => and(...names.map((name) => policyRule(name, policies)))));
  }
}

function policyRule(name: string, policies: ReadonlyMap<string, Policy>): ShieldRule {
  const policy = policies.get(name);
  if (policy === undefined) throw new Error(`The policy "${name}" is not defined.`);
  return policy.rule;
}

const authenticated = callerRule(isSomebody);
const nobody = callerRule(() => false);

/** A rule that asks only who calls. */
function callerRule(allows: CallerCheck): ShieldRule {
  return uncached((_parent, _args, context) => allows(context.identity));
}

function expressionPolicy(mapping: Mapping): Policy {
  const uses = variableUses(mapping.selection);
  const facts = treeOf(uses.filter((use) => use.name === '$this').map((use) => use.path));
  const decide = async (parent: unknown, args: unknown, context: RequestContext) => {
    const $this = parent instanceof Row ? await parent.facts(facts) : {};
    return mapping.evaluate(undefined, { $this, $args: args, $claims: context.identity?.claims }) === true;
  };
  const ofCaller: CallerCheck = (identity) =>
    mapping.evaluate(undefined, { $claims: identity?.claims }) === true;
  const asksCallerAlone = uses.every((use) => use.name === '$claims');
  return { rule: uncached(decide), facts, ofCaller: asksCallerAlone ? ofCaller : undefined };
}

/**
 * A rule from the config file sees the mapped object by field names that no client can choose: its plain fields always,
 * since one that is missing could be taken for a no, and what else has come with it. Only `true` allows: one that throws, that says anything else, or that takes longer than a second, denies. What it says of that is
 * shown to nobody, unless it is a {@link GatewayError}.
 */
function onPlainParent(name: string, custom: ShieldRule, plainFields: PlainFields, log: Log): ShieldRule {
  const fresh = withoutCaches(custom);
  return uncached(async (parent, args, context, info) => {
    const plain =
      parent instanceof Row ? { ...parent.data, ...(await parent.facts(plainFields(parent.type.name))) } : {};
    try {
      // As graphql-shield would hide what a rule throws, it is told not to.
      const options = { ...shieldOptions, debug: true };
      const verdict = await inTime(fresh.resolve(plain, args as object, context as never, info, options));
      return verdict instanceof GatewayError ? verdict : verdict === true;
    } catch (error) {
      if (error instanceof GatewayError) return error;
      log.error({ requestId: context.id, policy: name, error }, 'A policy failed, and denies.');
      return false;
    }
  });
}

const longestRuleMs = 1_000;

async function inTime<T>(verdict: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${longestRuleMs} ms.`)), longestRuleMs);
  });
  try {
    return await Promise.race([verdict, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * graphql-shield's caches are never used: `contextual` keeps one verdict for all arguments and parents of a
 * request, so that one allowed call would open the next.
 */
function withoutCaches(custom: ShieldRule): ShieldRule {
  const copy = Object.create(
    Object.getPrototypeOf(custom) as object,
    Object.getOwnPropertyDescriptors(custom),
  ) as ShieldRule & { cache?: string; rules?: ShieldRule[] };
  if ('cache' in copy) copy.cache = 'no_cache';
  if (copy.rules !== undefined) copy.rules = copy.rules.map(withoutCaches);
  return copy;
}

type Decide = (parent: unknown, args: unknown, context: RequestContext, info: GraphQLResolveInfo) => unknown;

function uncached(decide: Decide): ShieldRule {
  return rule({ cache: 'no_cache' })(decide as Parameters<ReturnType<typeof rule>>[0]);
}

/** What a token calls its scopes: a text with spaces, or a list. */
function scopesOf(identity: Identity | undefined): Set<string> {
  const claims = identity?.claims ?? {};
  const scopes = ['scope', 'scp', 'scopes'].map((name) =>
    Object.hasOwn(claims, name) ? claims[name] : undefined,
  );
  return new Set(
    scopes
      .flatMap((scope) => (typeof scope === 'string' ? scope.split(' ') : toTexts(scope)))
      .filter((scope) => scope !== ''),
  );
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function holdsAny(scopes: ReadonlySet<string>, anyOf: readonly (readonly string[])[]): boolean {
  return anyOf.some((all) => all.every((scope) => scopes.has(scope)));
}

/** A denied caller learns whether to sign in, and nothing else. */
export function denial(context: RequestContext): GatewayError {
  return context.identity === undefined
    ? new GatewayError('UNAUTHENTICATED', 'You need to sign in to have this.')
    : new GatewayError('FORBIDDEN', 'You may not have this.');
}

type ShieldOptions = Parameters<IRule['resolve']>[4];

/** How graphql-shield is run: a failing backend stays a failing backend, and is not "Not Authorised!". */
export const shieldOptions: ShieldOptions = {
  debug: false,
  allowExternalErrors: true,
  fallbackRule: allow,
  fallbackError: (_error: unknown, _parent: object, _args: object, context: unknown) =>
    denial(context as RequestContext),
  hashFunction: () => '',
};
