import {
  getNamedType,
  getNullableType,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  OperationTypeNode,
  getOperationAST,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { mergeListSizes, type ListSize, type Weights } from './weights.js';

/** One operation of a valid document. */
export interface CostRequest {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What is known of an operation before it is executed. */
export interface Estimate {
  /** Never more than `Number.MAX_SAFE_INTEGER`, which then means "at least". */
  readonly cost: number;
  /** A list whose length the client was to say and did not. */
  readonly fault: string | undefined;
}

/** Says what operations cost. */
export interface Costs {
  readonly estimate: (request: CostRequest) => Estimate;
  /** The number alone; an operation that is not there costs nothing. */
  readonly costOf: (request: CostRequest) => number;
}

/** What every mutation costs by itself. */
const mutationCost = 10;

/** Int arguments that say how long a list may get, where there is no `@listSize` to name others. */
const usualSlicingArguments = ['first', 'last', 'limit'];

/**
 * Says what operations on a schema cost, from the weights and list sizes in the files: the static analysis of the
 * GraphQL Cost Directives specification (https://ibm.github.io/graphql-specs/cost-spec.html), with the weights that
 * Apollo's demand control has by default. Where nothing is said an object costs 1 and a leaf nothing, an input
 * object 1 and a mutation 10; a field costs what it returns, with all that is selected in it, as often as its list is
 * long, and its arguments once. Introspection costs nothing. Of an interface or union the dearest member counts, of
 * fragments on several members all.
 *
 * An operation is compiled once: what does not depend on variables is a number then. Fragments are compiled, and
 * evaluated, once however often they are spread.
 *
 * @param listSize how long a list is taken to be of which nothing is known
 */
export function createCosts(schema: GraphQLSchema, weights: Weights, listSize: number): Costs {
  const scale = new Scale(schema, weights, listSize);
  const compiled = new WeakMap<OperationDefinitionNode, Compiled>();
  const estimate = ({ document, operationName, variables }: CostRequest): Estimate => {
    const operation = getOperationAST(document, operationName);
    if (operation == null) return { cost: 0, fault: undefined };
    const cost = compiled.get(operation) ?? new Compiler(scale, document, operation).compile();
    compiled.set(operation, cost);
    return cost.estimate(variables ?? {});
  };
  return { estimate, costOf: (request) => estimate(request).cost };
}

// What a schema says

type Field = GraphQLField<unknown, unknown>;

/** Looks up weights; asked while operations are compiled. */
class Scale {
  readonly schema: GraphQLSchema;
  readonly listSize: number;
  readonly #weights: Weights;

  constructor(schema: GraphQLSchema, weights: Weights, listSize: number) {
    this.schema = schema;
    this.#weights = weights;
    this.listSize = listSize;
  }

  /** A field and all it may be called: by the members of its interface, too. */
  ofField(owner: GraphQLCompositeType, field: Field): number {
    const own = this.#known(owner, (name) => this.#weights.costs.get(`${name}.${field.name}`));
    return own ?? this.#ofType(getNamedType(field.type));
  }

  ofArgument(owner: GraphQLCompositeType, field: Field, argument: GraphQLArgument): number {
    const own = this.#known(owner, (name) =>
      this.#weights.costs.get(`${name}.${field.name}(${argument.name}:)`),
    );
    return own ?? this.#ofType(getNamedType(argument.type));
  }

  ofInputField(owner: string, name: string, type: GraphQLInputType): number {
    return this.#weights.costs.get(`${owner}.${name}`) ?? this.#ofType(getNamedType(type));
  }

  listSizeOf(owner: GraphQLCompositeType, field: Field): ListSize | undefined {
    const said = this.#names(owner).flatMap(
      (name) => this.#weights.listSizes.get(`${name}.${field.name}`) ?? [],
    );
    if (said.length > 0) return said.reduce(mergeListSizes);
    if (!isListType(getNullableType(field.type))) return undefined;
    const usual = field.args.filter(
      ({ name, type }) => usualSlicingArguments.includes(name) && getNamedType(type).name === 'Int',
    );
    return {
      assumedSize: undefined,
      slicingArguments: usual.map(({ name }) => name),
      sizedFields: [],
      requireOneSlicingArgument: false,
    };
  }

  #known(owner: GraphQLCompositeType, find: (name: string) => number | undefined): number | undefined {
    const known = this.#names(owner).flatMap((name) => find(name) ?? []);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  /** A type, its interfaces, and of an interface its members. */
  #names(owner: GraphQLCompositeType): string[] {
    const members = isAbstractType(owner) ? this.schema.getPossibleTypes(owner) : [];
    const interfaces = isObjectType(owner) || isInterfaceType(owner) ? owner.getInterfaces() : [];
    return [owner, ...interfaces, ...members].map(({ name }) => name);
  }

  #ofType(type: GraphQLNamedType): number {
    if (isAbstractType(type)) {
      return Math.max(0, ...this.schema.getPossibleTypes(type).map((each) => this.#ofType(each)));
    }
    return this.#weights.costs.get(type.name) ?? (isObjectType(type) || isInputObjectType(type) ? 1 : 0);
  }
}

// What an operation costs: a number, and what depends on its variables

/** One evaluation: the values of the variables, and what has come up. */
class Evaluation {
  readonly #variables: Readonly<Record<string, unknown>>;
  readonly #defaults: ReadonlyMap<string, unknown>;
  readonly #fragments = new Map<Cost, number>();
  fault: string | undefined;

  constructor(variables: Readonly<Record<string, unknown>>, defaults: ReadonlyMap<string, unknown>) {
    this.#variables = variables;
    this.#defaults = defaults;
  }

  /** As it was sent: execution refuses what does not fit its type. */
  variable(name: string): unknown {
    const value = Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
    return value === undefined ? this.#defaults.get(name) : value;
  }

  once(cost: Cost): number {
    const known = this.#fragments.get(cost);
    if (known !== undefined) return known;
    const value = valueOf(cost, this);
    this.#fragments.set(cost, value);
    return value;
  }
}

type Amount = number | ((evaluation: Evaluation) => number);

/** A sum. */
interface Cost {
  readonly fixed: number;
  readonly varying: readonly ((evaluation: Evaluation) => number)[];
}

const free: Cost = { fixed: 0, varying: [] };

function valueOf({ fixed, varying }: Cost, evaluation: Evaluation): number {
  return varying.reduce((sum, each) => plus(sum, each(evaluation)), fixed);
}

function sumOf(costs: readonly Cost[]): Cost {
  if (costs.length === 1 && costs[0] !== undefined) return costs[0];
  return {
    fixed: costs.reduce((sum, { fixed }) => plus(sum, fixed), 0),
    varying: costs.flatMap(({ varying }) => varying),
  };
}

function toCost(amount: Amount): Cost {
  return typeof amount === 'number' ? { fixed: amount, varying: [] } : { fixed: 0, varying: [amount] };
}

function product(size: Amount, cost: Cost): Cost {
  if (typeof size === 'number' && cost.varying.length === 0) return toCost(times(size, cost.fixed));
  return toCost((evaluation) =>
    times(typeof size === 'number' ? size : size(evaluation), valueOf(cost, evaluation)),
  );
}

function plus(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

function times(a: number, b: number): number {
  return Math.min(a * b, Number.MAX_SAFE_INTEGER);
}

class Compiled {
  readonly #cost: Cost;
  readonly #defaults: ReadonlyMap<string, unknown>;

  constructor(cost: Cost, defaults: ReadonlyMap<string, unknown>) {
    this.#cost = cost;
    this.#defaults = defaults;
  }

  estimate(variables: Readonly<Record<string, unknown>>): Estimate {
    if (this.#cost.varying.length === 0) return { cost: this.#cost.fixed, fault: undefined };
    const evaluation = new Evaluation(variables, this.#defaults);
    const cost = valueOf(this.#cost, evaluation);
    return { cost, fault: evaluation.fault };
  }
}

/** How long the lists of some fields are, because their parent says so: one object for each parent. */
type Sized = ReadonlyMap<string, Amount>;

const unsized: Sized = new Map();

class Compiler {
  readonly #scale: Scale;
  readonly #operation: OperationDefinitionNode;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #compiled = new Map<Sized, Map<string, Cost>>();

  constructor(scale: Scale, document: DocumentNode, operation: OperationDefinitionNode) {
    this.#scale = scale;
    this.#operation = operation;
    this.#fragments = new Map(
      document.definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [],
      ),
    );
  }

  compile(): Compiled {
    const { operation, selectionSet, variableDefinitions } = this.#operation;
    const root = this.#scale.schema.getRootType(operation);
    const base = operation === OperationTypeNode.MUTATION ? toCost(mutationCost) : free;
    const cost = root == null ? base : sumOf([base, this.#ofSet(selectionSet, root, unsized)]);
    const defaults = (variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
      defaultValue === undefined ? [] : [[variable.name.value, constantOf(defaultValue)] as const],
    );
    return new Compiled(cost, new Map(defaults));
  }

  #ofSet({ selections }: SelectionSetNode, type: GraphQLCompositeType, sized: Sized): Cost {
    return sumOf(selections.map((node) => this.#where(node, this.#ofSelection(node, type, sized))));
  }

  #ofSelection(node: SelectionNode, type: GraphQLCompositeType, sized: Sized): Cost {
    switch (node.kind) {
      case Kind.FIELD:
        return this.#ofField(node, type, sized);
      case Kind.INLINE_FRAGMENT:
        return this.#ofSet(node.selectionSet, this.#typeOr(type, node.typeCondition?.name.value), sized);
      case Kind.FRAGMENT_SPREAD:
        return this.#ofFragment(node.name.value, type, sized);
    }
  }

  /** What stands under `@include` or `@skip` may cost nothing. */
  #where({ directives = [] }: SelectionNode, cost: Cost): Cost {
    return directives.reduce((rest, directive) => guarded(directive, rest), cost);
  }

  #ofFragment(name: string, type: GraphQLCompositeType, sized: Sized): Cost {
    const known = this.#compiled.get(sized) ?? new Map<string, Cost>();
    this.#compiled.set(sized, known);
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    // Until it is known: a fragment within itself, which validation does not let through, adds nothing.
    known.set(name, free);
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return free;
    const cost = this.#ofSet(
      fragment.selectionSet,
      this.#typeOr(type, fragment.typeCondition.name.value),
      sized,
    );
    // As one term, or the terms of fragments in fragments would multiply.
    const once = cost.varying.length === 0 ? cost : toCost((evaluation) => evaluation.once(cost));
    known.set(name, once);
    return once;
  }

  #typeOr(type: GraphQLCompositeType, name: string | undefined): GraphQLCompositeType {
    const found = name === undefined ? undefined : this.#scale.schema.getType(name);
    return isCompositeType(found) ? found : type;
  }

  #ofField(node: FieldNode, owner: GraphQLCompositeType, sized: Sized): Cost {
    const name = node.name.value;
    const field = 'getFields' in owner ? ownEntry(owner.getFields(), name) : undefined;
    // `__typename`, `__schema` and `__type` are fields of no type.
    if (field === undefined) return free;
    const said = this.#scale.listSizeOf(owner, field);
    const size = said === undefined ? this.#scale.listSize : this.#sizeOf(said, node, field, owner);
    const isList = isListType(getNullableType(field.type));
    const type = getNamedType(field.type);
    const inside = new Map((said?.sizedFields ?? []).map((each) => [each, size] as const));
    const below =
      node.selectionSet === undefined || !isCompositeType(type)
        ? free
        : this.#ofSet(node.selectionSet, type, inside.size === 0 ? unsized : inside);
    const one = sumOf([toCost(this.#scale.ofField(owner, field)), below]);
    const length = sized.get(name) ?? (inside.size === 0 ? size : this.#scale.listSize);
    return sumOf([isList ? product(length, one) : one, ...this.#ofArguments(node, field, owner)]);
  }

  #ofArguments(node: FieldNode, field: Field, owner: GraphQLCompositeType): Cost[] {
    return (node.arguments ?? []).flatMap(({ name, value }) => {
      const argument = field.args.find((each) => each.name === name.value);
      if (argument === undefined) return [];
      const weight = this.#scale.ofArgument(owner, field, argument);
      return [this.#ofInput(value, argument.type, weight)];
    });
  }

  /** What is given as an argument: each object of input, and the fields that it has. */
  #ofInput(value: ValueNode, type: GraphQLInputType, weight: number): Cost {
    if (value.kind === Kind.VARIABLE) {
      if (weight === 0 && !isInputObjectType(getNamedType(type))) return free;
      return toCost((evaluation) =>
        this.#ofGiven(evaluation.variable(value.name.value), getNamedType(type), weight),
      );
    }
    if (value.kind === Kind.NULL) return free;
    if (value.kind === Kind.LIST) return sumOf(value.values.map((each) => this.#ofInput(each, type, weight)));
    const named = getNamedType(type);
    if (value.kind !== Kind.OBJECT || !isInputObjectType(named)) return toCost(weight);
    const fields = named.getFields();
    const given = value.fields.flatMap(({ name, value: inner }) => {
      const field = ownEntry(fields, name.value);
      if (field === undefined) return [];
      return [this.#ofInput(inner, field.type, this.#scale.ofInputField(named.name, field.name, field.type))];
    });
    return sumOf([toCost(weight), ...given]);
  }

  /** The same for the value of a variable. */
  #ofGiven(value: unknown, type: GraphQLNamedType, weight: number): number {
    if (value === null || value === undefined) return 0;
    if (Array.isArray(value)) {
      return value.reduce<number>((sum, each) => plus(sum, this.#ofGiven(each, type, weight)), 0);
    }
    if (typeof value !== 'object' || !isInputObjectType(type)) return weight;
    let sum = weight;
    for (const field of Object.values(type.getFields())) {
      if (!Object.hasOwn(value, field.name)) continue;
      const inner = (value as Readonly<Record<string, unknown>>)[field.name];
      const innerWeight = this.#scale.ofInputField(type.name, field.name, field.type);
      sum = plus(sum, this.#ofGiven(inner, getNamedType(field.type), innerWeight));
    }
    return sum;
  }

  /** How long the list of a field may get: the largest that its slicing arguments ask for. */
  #sizeOf(said: ListSize, node: FieldNode, field: Field, owner: GraphQLCompositeType): Amount {
    const unknown = said.assumedSize ?? this.#scale.listSize;
    const slices = said.slicingArguments.map((path) => sliceOf(path.split('.'), node, field));
    if (slices.length === 0) return unknown;
    const names = said.slicingArguments.map((name) => `"${name}"`).join(', ');
    const fault = `${owner.name}.${field.name} takes exactly one of the arguments ${names}.`;
    const decide = (evaluation: Evaluation | undefined): number | undefined => {
      const given = slices.flatMap(({ given: slice }) => known(slice, evaluation) ?? []);
      const sizes = given.length > 0 ? given : slices.flatMap(({ standard }) => standard ?? []);
      const isFault = said.requireOneSlicingArgument && (given.length > 1 || sizes.length === 0);
      if (isFault && evaluation === undefined) return undefined;
      if (isFault && evaluation !== undefined) evaluation.fault ??= fault;
      return sizes.length === 0 ? unknown : Math.max(...sizes);
    };
    const isKnown = slices.every(({ given }) => typeof given !== 'function');
    return (isKnown ? decide(undefined) : undefined) ?? ((evaluation) => decide(evaluation) ?? unknown);
  }
}

/** The cost, or nothing, by the value of `@include` or `@skip`; that of other directives is none of our business. */
function guarded({ name, arguments: args }: DirectiveNode, cost: Cost): Cost {
  const isSkip = name.value === GraphQLSkipDirective.name;
  if (!isSkip && name.value !== GraphQLIncludeDirective.name) return cost;
  const condition = args?.find((each) => each.name.value === 'if')?.value;
  if (condition?.kind === Kind.BOOLEAN) return condition.value === isSkip ? free : cost;
  if (condition?.kind !== Kind.VARIABLE) return cost;
  const variable = condition.name.value;
  return toCost((evaluation) => (evaluation.variable(variable) === isSkip ? 0 : valueOf(cost, evaluation)));
}

/** What an argument says of the length of a list; undefined where it says nothing. */
type Slice = number | undefined | ((evaluation: Evaluation) => number | undefined);

function known(slice: Slice, evaluation: Evaluation | undefined): number | undefined {
  if (typeof slice !== 'function') return slice;
  return evaluation && slice(evaluation);
}

/** What an argument, or a field of one, says: `first`, `page.size`; and what it says where it is not given. */
function sliceOf(
  [first = '', ...rest]: readonly string[],
  node: FieldNode,
  field: Field,
): { readonly given: Slice; readonly standard: number | undefined } {
  const given = node.arguments?.find(({ name }) => name.value === first)?.value;
  const standard = field.args.find(({ name }) => name === first)?.defaultValue;
  return { given: given && sliceIn(given, rest), standard: toSize(reach(standard, rest)) };
}

function sliceIn(value: ValueNode, path: readonly string[]): Slice {
  if (value.kind === Kind.VARIABLE) {
    return (evaluation) => toSize(reach(evaluation.variable(value.name.value), path));
  }
  const [next, ...rest] = path;
  if (next === undefined) return value.kind === Kind.INT ? toSize(Number(value.value)) : undefined;
  const inner = value.kind === Kind.OBJECT ? value.fields.find(({ name }) => name.value === next) : undefined;
  return inner && sliceIn(inner.value, rest);
}

function reach(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null
        ? ownEntry(at as Readonly<Record<string, unknown>>, key)
        : undefined,
    value,
  );
}

function toSize(value: unknown): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined;
  return Math.min(Math.max(0, value), Number.MAX_SAFE_INTEGER);
}

/** A literal that holds no variables, as defaults do. */
function constantOf(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.LIST:
      return node.values.map(constantOf);
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, constantOf(value)]));
    default:
      return null;
  }
}

function ownEntry<T>(entries: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}
