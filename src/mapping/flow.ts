import { METHODS, misuse } from './methods/index.js';
import { declaredName } from './syntax.js';
import type {
  Entry,
  Expression,
  Key,
  MethodStep,
  Path,
  Range,
  Root,
  Selection,
  SelectionList,
  Step,
} from './syntax.js';

/**
 * Where values come from. A selection is walked as if it were evaluated, but every value is only the set of places it
 * may have been read from (`$`, `$args`, ... and the keys behind them). What a place is read for shows which paths
 * of the body and of the variables a selection needs.
 */

/** What is read of a value, at any list depth. */
export interface InputTree {
  readonly fields: ReadonlyMap<string, InputField>;
  /** Set where the value is taken with all it holds; it is where the text does so. */
  readonly whole: Range | undefined;
}

/** One property that is read. Without fields and `whole` only its presence matters. */
export interface InputField {
  /** Where the text names it first. */
  readonly range: Range;
  readonly needs: InputTree;
}

/** One use of a variable from outside: its name and the static keys behind it. */
export interface VariableUse {
  /** With the dollar sign. */
  readonly name: string;
  readonly path: readonly string[];
  /** Of the name in the text. */
  readonly range: Range;
  /** Of each key in the text. */
  readonly pathRanges: readonly Range[];
  /** Whether the value is taken with all it holds, and not only looked at. */
  readonly whole: boolean;
}

/** One use of a method. */
export interface MethodUse {
  readonly name: string;
  /** Of the name in the text. */
  readonly range: Range;
  /** What is wrong with it, seen from the text alone: an unknown name, a wrong number of arguments. */
  readonly problem: string | undefined;
}

/** Everything that a selection reads of the body `$`. */
export function inputPaths(selection: Selection): InputTree {
  const tree = new MutableTree();
  for (const place of walk(selection).places) {
    if (place.root.name === '$') tree.insert(place);
  }
  return tree;
}

/** Every use of a variable from outside, in the order of evaluation; names bound by `->as` are none. */
export function variableUses(selection: Selection): VariableUse[] {
  const ends = walk(selection).places.filter(
    (place) => place.root.name !== '$' && (place.whole || !place.extended),
  );
  return ends.map((place) => {
    const keys = keysOf(place);
    return {
      name: place.root.name,
      path: keys.map(({ name }) => name),
      range: place.root.range,
      pathRanges: keys.map(({ range }) => range),
      whole: place.whole,
    };
  });
}

/** Every use of a method, in the order of evaluation. */
export function methodUses(selection: Selection): MethodUse[] {
  return walk(selection).methods;
}

function walk(selection: Selection): Walk {
  const walker = new Walk();
  const body: Flow = { places: [walker.root('$', selection.range)], fields: undefined };
  const scope: FlowScope = { body, current: body, locals: new Map() };
  const { root } = selection;
  walker.consume(root.kind === 'list' ? walker.list(root, body, scope) : walker.expression(root, scope));
  return walker;
}

/** A place that a value was read from. */
interface Place {
  readonly root: { readonly name: string; readonly range: Range };
  readonly parent: Place | undefined;
  readonly key: Key | undefined;
  /** The same for all places of the same root and path, so that unions do not grow without end. */
  readonly address: Address;
  extended: boolean;
  whole: boolean;
}

/** A node of the tree of all paths met. */
class Address {
  private readonly children = new Map<string, Address>();

  child(name: string): Address {
    const known = this.children.get(name) ?? new Address();
    this.children.set(name, known);
    return known;
  }
}

/** Where a value may come from: places, or properties that were put together in the text. */
interface Flow {
  readonly places: readonly Place[];
  readonly fields: ReadonlyMap<string, Flow> | undefined;
}

const NOWHERE: Flow = { places: [], fields: undefined };

interface FlowScope {
  readonly body: Flow;
  readonly current: Flow;
  readonly locals: ReadonlyMap<string, Flow>;
}

/** Far beyond what any honest mapping needs; behind it, values are taken as a whole instead of being followed. */
const MAX_UNIONS = 20_000;

class Walk {
  readonly places: Place[] = [];
  readonly methods: MethodUse[] = [];
  private readonly roots = new Map<string, Address>();
  private readonly consumed = new Set<Flow>();
  private unions = 0;

  root(name: string, range: Range): Place {
    const address = this.roots.get(name) ?? new Address();
    this.roots.set(name, address);
    return this.place({
      root: { name, range },
      parent: undefined,
      key: undefined,
      address,
      extended: false,
      whole: false,
    });
  }

  private place(place: Place): Place {
    this.places.push(place);
    return place;
  }

  /** The value is used with all it holds. */
  consume(flow: Flow): void {
    if (this.consumed.has(flow)) return;
    this.consumed.add(flow);
    for (const place of flow.places) place.whole = true;
    for (const field of flow.fields?.values() ?? []) this.consume(field);
  }

  expression(node: Expression, scope: FlowScope): Flow {
    switch (node.kind) {
      case 'array':
        return this.union(node.items.map((item) => this.expression(item, scope)));
      case 'object':
        return this.entries(node.entries, scope);
      case 'operators':
        return this.union(node.operands.map((operand) => this.expression(operand, scope)));
      case 'path':
        return this.path(node, scope);
      default:
        return NOWHERE;
    }
  }

  /** A sub-selection of a value. */
  list(node: SelectionList, value: Flow, scope: FlowScope): Flow {
    for (const unseen of node.unseen ?? [])
      this.expression(unseen, { ...scope, body: NOWHERE, current: NOWHERE });
    return this.entries(node.entries, { ...scope, body: value, current: value });
  }

  private entries(entries: readonly Entry[], scope: FlowScope): Flow {
    return this.union(
      entries.map((entry) => {
        const flow = this.expression(entry.value, scope);
        return entry.kind === 'field' || entry.kind === 'alias'
          ? { places: [], fields: new Map([[entry.key.name, flow]]) }
          : flow;
      }),
    );
  }

  private union(flows: readonly Flow[]): Flow {
    if (flows.length <= 1) return flows[0] ?? NOWHERE;
    const places = new Map<Address, Place>();
    const fields = new Map<string, Flow>();
    for (const flow of flows) {
      for (const place of flow.places) if (!places.has(place.address)) places.set(place.address, place);
      for (const [name, field] of flow.fields ?? []) fields.set(name, this.either(fields.get(name), field));
    }
    return { places: [...places.values()], fields: fields.size === 0 ? undefined : fields };
  }

  private either(known: Flow | undefined, flow: Flow): Flow {
    if (known === undefined || known === flow) return flow;
    if (++this.unions <= MAX_UNIONS) return this.union([known, flow]);
    this.consume(known);
    this.consume(flow);
    return NOWHERE;
  }

  private path(path: Path, scope: FlowScope): Flow {
    let flow = this.pathRoot(path.root, scope);
    let inner = scope;
    for (const step of path.steps) {
      const before = flow;
      flow = this.step(step, before, inner);
      const name = declaredName(step);
      if (name !== undefined)
        inner = { ...inner, locals: new Map(inner.locals).set(name, this.local(step, before, inner)) };
    }
    return path.selection === undefined ? flow : this.list(path.selection, flow, inner);
  }

  private local(step: Step, input: Flow, scope: FlowScope): Flow {
    const value = step.kind === 'method' ? step.args?.[1] : undefined;
    return value === undefined ? input : this.expression(value, { ...scope, current: input });
  }

  private pathRoot(root: Root, scope: FlowScope): Flow {
    switch (root.kind) {
      case 'key':
        return this.key(scope.body, root.key);
      case 'body':
        return scope.body;
      case 'current':
        return scope.current;
      case 'variable':
        return (
          scope.locals.get(root.name) ?? { places: [this.root(root.name, root.range)], fields: undefined }
        );
      case 'expression':
        return this.expression(root.expression, scope);
    }
  }

  private step(step: Step, flow: Flow, scope: FlowScope): Flow {
    switch (step.kind) {
      case 'key':
        return this.key(flow, step.key);
      case 'question':
        return flow;
      case 'method':
        return this.method(step, flow, scope);
    }
  }

  private key(flow: Flow, key: Key): Flow {
    const read = flow.places.map((parent) => {
      parent.extended = true;
      const address = parent.address.child(key.name);
      return this.place({ root: parent.root, parent, key, address, extended: false, whole: false });
    });
    const field = flow.fields?.get(key.name);
    const places: Flow = { places: read, fields: undefined };
    return field === undefined ? places : this.union([places, field]);
  }

  private method(step: MethodStep, input: Flow, scope: FlowScope): Flow {
    const problem = misuse(step);
    this.methods.push({ name: step.name, range: step.nameRange, problem });
    const args = step.args ?? [];
    const [arg] = args;
    const inner = { ...scope, current: input };
    if (problem !== undefined && METHODS.has(step.name)) return NOWHERE;
    switch (step.name) {
      case 'as':
      case 'first':
      case 'last':
        return input;
      case 'echo':
      case 'map':
        return arg === undefined ? NOWHERE : this.expression(arg, inner);
      case 'slice':
      case 'find':
      case 'filter':
        for (const each of args) this.consume(this.expression(each, inner));
        return input;
      case 'match':
        this.consume(input);
        return this.union(args.flatMap((branch) => this.branch(branch, inner)));
      case 'get':
        return this.get(arg, input, inner);
      case 'size':
        return NOWHERE;
      default:
        this.consume(input);
        for (const each of args) this.consume(this.expression(each, inner));
        return NOWHERE;
    }
  }

  private branch(branch: Expression, scope: FlowScope): Flow[] {
    const [candidate, result, ...more] = branch.kind === 'array' ? branch.items : [];
    if (candidate === undefined || result === undefined || more.length > 0) return [];
    this.consume(this.expression(candidate, scope));
    return [this.expression(result, scope)];
  }

  private get(arg: Expression | undefined, input: Flow, scope: FlowScope): Flow {
    if (arg?.kind === 'string') return this.key(input, { name: arg.value, range: arg.range });
    if (arg?.kind === 'number') return input;
    this.consume(input);
    if (arg !== undefined) this.consume(this.expression(arg, scope));
    return NOWHERE;
  }
}

function keysOf(place: Place): Key[] {
  const keys: Key[] = [];
  for (let at: Place | undefined = place; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
}

class MutableTree implements InputTree {
  readonly fields = new Map<string, { readonly range: Range; readonly needs: MutableTree }>();
  whole: Range | undefined;

  insert(place: Place): void {
    const at = keysOf(place).reduce((tree: MutableTree, key) => tree.child(key), this);
    if (place.whole) at.whole ??= place.key?.range ?? place.root.range;
  }

  private child({ name, range }: Key): MutableTree {
    const known = this.fields.get(name) ?? { range, needs: new MutableTree() };
    this.fields.set(name, known);
    return known.needs;
  }
}
