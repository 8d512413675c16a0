import { misuse } from './methods/index.js';
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

export { inputPaths, methodUses, variableUses } from './flow.js';
export type { InputField, InputTree, MethodUse, VariableUse } from './flow.js';

/** Which fields of an object are wanted or named, at any list depth; null is the whole value. */
export type FieldTree = ReadonlyMap<string, FieldTree | null>;

/**
 * What a selection can produce, seen from its text alone. Lists are looked through, because keys and sub-selections map
 * over them: an `object` may as well be a list of such objects. `list` stands where a list is certain. What the data alone
 * decides is not told: null and missing anywhere (except null that is written in the text), and a scalar that stands for
 * itself because nothing could be selected from it.
 */
export type OutputShape =
  | ObjectShape
  | { readonly kind: 'literal'; readonly value: string | number | bigint | boolean | null }
  | { readonly kind: 'scalar'; readonly type: 'string' | 'number' | 'boolean' }
  | { readonly kind: 'list'; readonly of: OutputShape }
  | { readonly kind: 'oneOf'; readonly shapes: readonly OutputShape[] }
  /** No value can come of it. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown' };

/** An object with these fields; `open` means that the data may bring more. */
export interface ObjectShape {
  readonly kind: 'object';
  readonly fields: ReadonlyMap<string, OutputField>;
  readonly open: boolean;
}

/** One field that a selection can produce. */
export interface OutputField {
  /** Of its key in the text. */
  readonly range: Range;
  readonly shape: OutputShape;
}

/** What a selection can produce. */
export function outputShape(selection: Selection): OutputShape {
  const scope: ShapeScope = { body: UNKNOWN, current: UNKNOWN, locals: new Map() };
  return selection.root.kind === 'list'
    ? entriesShape(selection.root.entries, scope)
    : expressionShape(selection.root, scope);
}

const UNKNOWN: OutputShape = { kind: 'unknown' };
const NOTHING: OutputShape = { kind: 'nothing' };
const STRING: OutputShape = { kind: 'scalar', type: 'string' };
const NUMBER: OutputShape = { kind: 'scalar', type: 'number' };
const BOOLEAN: OutputShape = { kind: 'scalar', type: 'boolean' };
const NULL: OutputShape = { kind: 'literal', value: null };

interface ShapeScope {
  readonly body: OutputShape;
  readonly current: OutputShape;
  readonly locals: ReadonlyMap<string, OutputShape>;
}

function expressionShape(node: Expression, scope: ShapeScope): OutputShape {
  switch (node.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return { kind: 'literal', value: node.value };
    case 'null':
      return NULL;
    case 'array':
      return listOf(oneOf(node.items.map((item) => orNull(expressionShape(item, scope)))));
    case 'object':
      return entriesShape(node.entries, scope);
    case 'operators': {
      const shapes = node.operands.map((operand) => expressionShape(operand, scope));
      return oneOf(
        node.operator === '?!'
          ? shapes
          : shapes.map((shape, i) => (i < shapes.length - 1 ? withoutNull(shape) : shape)),
      );
    }
    case 'path':
      return pathShape(node, scope);
  }
}

// Objects

/** How many combinations of alternatives are kept apart before they are told as one open object. */
const MAX_ALTERNATIVES = 100;

function entriesShape(entries: readonly Entry[], scope: ShapeScope): OutputShape {
  let alternatives: OutputShape[] = [{ kind: 'object', fields: new Map(), open: false }];
  for (const entry of entries) {
    const shape = expressionShape(entry.value, scope);
    if (entry.kind === 'value') return shape;
    const additions =
      entry.kind === 'field' || entry.kind === 'alias'
        ? [fieldShape(entry.key, shape)]
        : alternativesOf(shape);
    alternatives = alternatives.flatMap((before) => additions.map((addition) => mergeInto(before, addition)));
    if (alternatives.length > MAX_ALTERNATIVES) alternatives = [openObject(alternatives)];
  }
  return oneOf(alternatives);
}

function fieldShape(key: Key, shape: OutputShape): OutputShape {
  return { kind: 'object', fields: new Map([[key.name, { range: key.range, shape }]]), open: false };
}

function alternativesOf(shape: OutputShape): readonly OutputShape[] {
  return shape.kind === 'oneOf' ? shape.shapes : [shape];
}

/** What the surrounding object becomes when a shape is merged into it: only objects add to it, and null is the end of it. */
function mergeInto(object: OutputShape, addition: OutputShape): OutputShape {
  if (object.kind !== 'object') return object;
  if (addition.kind === 'literal' && addition.value === null) return addition;
  if (addition.kind === 'unknown') return { ...object, open: true };
  return addition.kind === 'object' ? mergeObjects(object, addition) : object;
}

function mergeObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const fields = new Map(a.fields);
  for (const [name, field] of b.fields) {
    const before = fields.get(name);
    fields.set(
      name,
      before === undefined ? field : { range: before.range, shape: mergeShapes(before.shape, field.shape) },
    );
  }
  return { kind: 'object', fields, open: a.open || b.open };
}

function mergeShapes(a: OutputShape, b: OutputShape): OutputShape {
  return a.kind === 'object' && b.kind === 'object' ? mergeObjects(a, b) : oneOf([a, b]);
}

function openObject(shapes: readonly OutputShape[]): OutputShape {
  const objects = shapes.filter((shape) => shape.kind === 'object');
  return objects.reduce(mergeObjects, { kind: 'object', fields: new Map(), open: true });
}

function selectionShape(list: SelectionList, value: OutputShape, scope: ShapeScope): OutputShape {
  switch (value.kind) {
    case 'list':
      return listOf(selectionShape(list, value.of, scope));
    case 'oneOf':
      return oneOf(value.shapes.map((shape) => selectionShape(list, shape, scope)));
    case 'nothing':
      return value;
    default:
      return entriesShape(list.entries, { ...scope, body: value, current: value });
  }
}

// Unions

function oneOf(shapes: readonly OutputShape[]): OutputShape {
  const kept = new Map<unknown, OutputShape>();
  for (const shape of shapes.flatMap(alternativesOf)) {
    if (shape.kind !== 'nothing') kept.set(identityOf(shape), shape);
  }
  const [first, ...more] = kept.values();
  if (first === undefined) return NOTHING;
  return more.length === 0 ? first : { kind: 'oneOf', shapes: [first, ...more] };
}

/** In a list, null stands for what is missing. */
function listOf(shape: OutputShape): OutputShape {
  return { kind: 'list', of: orNull(shape) };
}

function orNull(shape: OutputShape): OutputShape {
  return shape.kind === 'nothing' ? NULL : shape;
}

function identityOf(shape: OutputShape): unknown {
  if (shape.kind === 'scalar') return shape.type;
  if (shape.kind === 'literal') return `${typeof shape.value} ${String(shape.value)}`;
  return shape.kind === 'unknown' ? 'unknown' : shape;
}

function withoutNull(shape: OutputShape): OutputShape {
  if (shape.kind === 'oneOf') return oneOf(shape.shapes.map(withoutNull));
  return shape.kind === 'literal' && shape.value === null ? NOTHING : shape;
}

function mapAlternatives(shape: OutputShape, each: (shape: OutputShape) => OutputShape): OutputShape {
  return shape.kind === 'oneOf' ? oneOf(shape.shapes.map(each)) : each(shape);
}

// Paths

function pathShape(path: Path, scope: ShapeScope): OutputShape {
  let shape = rootShape(path.root, scope);
  let inner = scope;
  for (const step of path.steps) {
    const before = shape;
    shape = stepShape(step, before, inner);
    const name = declaredName(step);
    if (name !== undefined && step.kind === 'method')
      inner = { ...inner, locals: new Map(inner.locals).set(name, localShape(step, before, inner)) };
  }
  return path.selection === undefined ? shape : selectionShape(path.selection, shape, inner);
}

function rootShape(root: Root, scope: ShapeScope): OutputShape {
  switch (root.kind) {
    case 'key':
      return keyShape(scope.body, root.key.name);
    case 'body':
      return scope.body;
    case 'current':
      return scope.current;
    case 'variable':
      return scope.locals.get(root.name) ?? UNKNOWN;
    case 'expression':
      return expressionShape(root.expression, scope);
  }
}

function stepShape(step: Step, shape: OutputShape, scope: ShapeScope): OutputShape {
  switch (step.kind) {
    case 'key':
      return keyShape(shape, step.key.name);
    case 'question':
      return withoutNull(shape);
    case 'method':
      return misuse(step) === undefined ? methodShape(step, shape, scope) : NOTHING;
  }
}

function keyShape(shape: OutputShape, name: string): OutputShape {
  switch (shape.kind) {
    case 'object':
      // a list in hiding would have null where its objects lack the key
      return shape.fields.get(name)?.shape ?? (shape.open ? UNKNOWN : NULL);
    case 'list':
      return listOf(mapAlternatives(shape.of, (each) => orNull(keyShape(each, name))));
    case 'oneOf':
      return oneOf(shape.shapes.map((each) => keyShape(each, name)));
    case 'unknown':
      return shape;
    default:
      return NOTHING;
  }
}

function localShape(step: MethodStep, input: OutputShape, scope: ShapeScope): OutputShape {
  const value = step.args?.[1];
  return value === undefined ? input : expressionShape(value, { ...scope, current: input });
}

// Methods

const ENTRIES: OutputShape = {
  kind: 'list',
  of: {
    kind: 'object',
    fields: new Map([
      ['key', { range: { start: 0, end: 0 }, shape: STRING }],
      ['value', { range: { start: 0, end: 0 }, shape: UNKNOWN }],
    ]),
    open: false,
  },
};

/** Methods whose result is of one kind, whatever they are given. */
const fixedShapes: ReadonlyMap<string, OutputShape> = new Map<string, OutputShape>([
  ['size', NUMBER],
  ['add', NUMBER],
  ['sub', NUMBER],
  ['mul', NUMBER],
  ['div', NUMBER],
  ['mod', NUMBER],
  ['parseInt', NUMBER],
  ['eq', BOOLEAN],
  ['ne', BOOLEAN],
  ['gt', BOOLEAN],
  ['gte', BOOLEAN],
  ['lt', BOOLEAN],
  ['lte', BOOLEAN],
  ['and', BOOLEAN],
  ['or', BOOLEAN],
  ['not', BOOLEAN],
  ['in', BOOLEAN],
  ['contains', BOOLEAN],
  ['joinNotNull', STRING],
  ['jsonStringify', STRING],
  ['toString', STRING],
  ['trim', STRING],
  ['trimStart', STRING],
  ['trimEnd', STRING],
  ['split', { kind: 'list', of: STRING }],
  ['entries', ENTRIES],
  ['jsonParse', UNKNOWN],
  ['keysToCamelCase', { kind: 'object', fields: new Map(), open: true }],
  ['keysToCamelCaseDeep', { kind: 'object', fields: new Map(), open: true }],
]);

function methodShape(step: MethodStep, input: OutputShape, scope: ShapeScope): OutputShape {
  const fixed = fixedShapes.get(step.name);
  if (fixed !== undefined) return fixed;
  const [arg] = step.args ?? [];
  switch (step.name) {
    case 'as':
    case 'slice':
      return input;
    case 'echo':
      return arg === undefined ? NOTHING : expressionShape(arg, { ...scope, current: input });
    case 'map':
      return arg === undefined
        ? NOTHING
        : listOf(expressionShape(arg, { ...scope, current: elementShape(input) }));
    case 'match':
      return oneOf((step.args ?? []).flatMap((branch) => branchShapes(branch, input, scope)));
    case 'first':
    case 'last':
    case 'find':
      return elementShape(input);
    case 'filter':
      return listOf(elementShape(input));
    case 'get':
      return arg?.kind === 'string'
        ? mapAlternatives(input, (shape) => propertyShape(shape, arg.value))
        : elementShape(input);
    default:
      return UNKNOWN;
  }
}

/** A list of unknown length in hiding is looked through: an object may as well be one. */
function elementShape(shape: OutputShape): OutputShape {
  return mapAlternatives(shape, (each) => (each.kind === 'list' ? each.of : each));
}

function propertyShape(shape: OutputShape, name: string): OutputShape {
  return shape.kind === 'list' ? NOTHING : keyShape(shape, name);
}

function branchShapes(branch: Expression, input: OutputShape, scope: ShapeScope): OutputShape[] {
  const [, result, ...more] = branch.kind === 'array' ? branch.items : [];
  return result === undefined || more.length > 0
    ? []
    : [expressionShape(result, { ...scope, current: input })];
}
