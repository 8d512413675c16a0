import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  type GraphQLAbstractType,
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLObjectType,
} from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { outputShape, type ObjectShape, type OutputField, type OutputShape } from '../../mapping/shape.js';
import type { Range, Selection } from '../../mapping/syntax.js';
import type { ConnectDefinition, Expression, Subgraph } from '../subgraph.js';
import { bareKeys, isBarePath } from './bare-keys.js';
import { atNode, inText, unique } from './fault.js';
import { fieldOf, nameOf, ownerOf } from './owner.js';
import type { Rule, Scope } from './rule.js';

/** What a connector selects is what its type has: the same fields, braces for objects and none for scalars. */
export const selections: Rule = {
  check: (subgraph, scope) => subgraph.connects.flatMap((connect) => checkConnect(connect, subgraph, scope)),
};

function checkConnect(connect: ConnectDefinition, subgraph: Subgraph, scope: Scope): Problem[] {
  const { selection } = connect;
  if (selection === undefined) return connect.kind === 'none' ? [nothingToDo(connect, subgraph)] : [];
  if (isEmpty(selection.selection)) {
    const message = `${nameOf(connect)} has an empty selection. Select fields, or write "$" for the answer itself.`;
    return [inText(selection.text, 0, 'INVALID_SELECTION', message)];
  }
  const type = returnedBy(connect, subgraph);
  return type === undefined ? [] : unique(new Walk(connect, selection, subgraph, scope).top(type));
}

function nothingToDo(connect: ConnectDefinition, subgraph: Subgraph): Problem {
  const message = `${nameOf(connect)} neither makes a call nor selects anything. Add http, grpc or graphql, or a selection.`;
  return atNode(subgraph.source, connect.node, 'INVALID_SELECTION', message);
}

function isEmpty({ root }: Selection): boolean {
  return root.kind === 'list' && root.entries.length === 0;
}

function returnedBy(connect: ConnectDefinition, subgraph: Subgraph): GraphQLNamedType | undefined {
  if (connect.field === undefined) return ownerOf(subgraph, connect);
  const field = fieldOf(subgraph, connect);
  return field && getNamedType(field.type);
}

/** Walks what a selection can produce beside the type it is for. Lists are looked through. */
class Walk {
  readonly #connect: ConnectDefinition;
  readonly #selection: Expression;
  readonly #subgraph: Subgraph;
  readonly #scope: Scope;
  readonly #bare: ReadonlySet<number>;

  constructor(connect: ConnectDefinition, selection: Expression, subgraph: Subgraph, scope: Scope) {
    this.#connect = connect;
    this.#selection = selection;
    this.#subgraph = subgraph;
    this.#scope = scope;
    this.#bare = bareKeys(selection.selection);
  }

  top(type: GraphQLNamedType): Problem[] {
    const { root } = this.#selection.selection;
    // In our own dialect a whole answer may have the names of the type: it need not be written out.
    if (this.#subgraph.strict && isCompositeType(type) && isBarePath(root))
      return [this.#needsBraces(root.range, type, 'the selection')];
    return this.#value(outputShape(this.#selection.selection), type, { range: root.range, name: undefined });
  }

  #value(shape: OutputShape, type: GraphQLNamedType, at: Position): Problem[] {
    switch (shape.kind) {
      case 'list':
        return this.#value(shape.of, type, at);
      case 'oneOf':
        return shape.shapes.flatMap((each) => this.#value(each, type, at));
      case 'object':
        return isCompositeType(type) ? this.#object(shape, type, at) : this.#braces(shape, type, at);
      case 'literal':
      case 'scalar':
        return isCompositeType(type) && !isNull(shape)
          ? [this.#needsBraces(at.range, type, subject(at))]
          : [];
      case 'unknown':
        return isCompositeType(type) && at.name !== undefined && this.#bare.has(at.range.start)
          ? [this.#needsBraces(at.range, type, subject(at))]
          : [];
      case 'nothing':
        return [];
    }
  }

  /** What a scalar of the schema's own holds is nobody's business. */
  #braces({ fields }: ObjectShape, type: GraphQLNamedType, { name, range }: Position): Problem[] {
    if (!isSpecifiedScalarType(type) && !isEnumType(type)) return [];
    const [only, ...more] = fields.keys();
    const help =
      name === undefined && only !== undefined && more.length === 0
        ? ` To read the value of "${only}" write $.${only}.`
        : ' Select the value itself, without braces.';
    const what = name === undefined ? 'gives an object' : `gives an object for "${name}"`;
    const message = `${nameOf(this.#connect)} ${what}, but its type is ${type.name}.${help}`;
    return [this.#problem(range, 'GROUP_SELECTION_IS_NOT_OBJECT', message)];
  }

  #needsBraces(range: Range, type: GraphQLCompositeType, what: string): Problem {
    const names = isUnionType(type) ? ['__typename'] : Object.keys(type.getFields()).slice(0, 2);
    const message =
      `${nameOf(this.#connect)}: ${what} is for the type ${type.name}, so its fields must be selected:` +
      ` write { ${names.join(' ')} } behind it.`;
    return this.#problem(range, 'GROUP_SELECTION_REQUIRED_FOR_OBJECT', message);
  }

  #object(shape: ObjectShape, type: GraphQLCompositeType, at: Position): Problem[] {
    if (isObjectType(type)) return this.#fields(shape, type);
    const typename = shape.fields.get('__typename');
    const named = typename && typenamesOf(typename.shape);
    if (typename === undefined) return shape.open ? [] : [this.#withoutTypename(type, at)];
    if (named === undefined) return [];
    const possible = this.#subgraph.schema.getPossibleTypes(type);
    return named.flatMap((name) => {
      const member = possible.find((each) => each.name === name);
      return member === undefined
        ? [this.#wrongTypename(name, typename.range, type, possible)]
        : this.#fields(shape, member);
    });
  }

  #withoutTypename(type: GraphQLAbstractType, { range }: Position): Problem {
    const kind = isUnionType(type) ? 'union' : 'interface';
    const message =
      `${nameOf(this.#connect)} gives an object for the ${kind} ${type.name} without saying of which type it is.` +
      ' Add __typename, such as ...kind->match(["a", { __typename: "A" }]).';
    return this.#problem(range, 'INVALID_TYPENAME', message);
  }

  #wrongTypename(
    name: string,
    range: Range,
    type: GraphQLCompositeType,
    possible: readonly GraphQLObjectType[],
  ): Problem {
    const names = possible.map((each) => each.name);
    const message =
      `${nameOf(this.#connect)} gives the __typename "${name}", which is no type of ${type.name}.` +
      (didYouMean(name, names) || ` There are: ${names.join(', ')}.`);
    return this.#problem(range, 'INVALID_TYPENAME', message);
  }

  #fields({ fields }: ObjectShape, type: GraphQLObjectType): Problem[] {
    return [...fields].flatMap(([name, field]) =>
      name === '__typename' ? this.#typename(field, type) : this.#field(name, field, type),
    );
  }

  #typename({ shape, range }: OutputField, type: GraphQLObjectType): Problem[] {
    const wrong = (typenamesOf(shape) ?? []).filter((name) => name !== type.name);
    return wrong.map((name) => this.#wrongTypename(name, range, type, [type]));
  }

  #field(name: string, { range, shape }: OutputField, type: GraphQLObjectType): Problem[] {
    const field = type.getFields()[name];
    if (field === undefined) return [this.#notFound(name, range, type)];
    const withArguments = field.args.length > 0 && this.#connect.kind !== 'graphql';
    return [
      ...(withArguments ? [this.#hasArguments(name, range, type)] : []),
      ...this.#value(shape, getNamedType(field.type), { range, name }),
    ];
  }

  #notFound(name: string, range: Range, type: GraphQLObjectType): Problem {
    const other = this.#scope.subgraphs.find((each) => {
      const same = each.schema.getType(type.name);
      return each !== this.#subgraph && isObjectType(same) && same.getFields()[name] !== undefined;
    });
    const help =
      other === undefined
        ? didYouMean(name, Object.keys(type.getFields()))
        : ` It is declared in ${other.source.name}; declare it here, too.`;
    const message = `${nameOf(this.#connect)} selects "${name}", but the type ${type.name} has no field of that name.${help}`;
    return this.#problem(range, 'SELECTED_FIELD_NOT_FOUND', message);
  }

  #hasArguments(name: string, range: Range, type: GraphQLObjectType): Problem {
    const message =
      `${nameOf(this.#connect)} selects "${name}", but ${type.name}.${name} has arguments, which nothing would read.` +
      ` Give ${type.name}.${name} a @connect of its own.`;
    return this.#problem(range, 'CONNECTORS_FIELD_WITH_ARGUMENTS', message);
  }

  #problem(range: Range, code: string, message: string): Problem {
    return inText(this.#selection.text, range.start, code, message);
  }
}

/** Where a value is selected: under a name, or at the top. */
interface Position {
  readonly range: Range;
  readonly name: string | undefined;
}

function subject({ name }: Position): string {
  return name === undefined ? 'the selection' : `"${name}"`;
}

function isNull(shape: OutputShape): boolean {
  return shape.kind === 'literal' && shape.value === null;
}

/** The names that a `__typename` can have; undefined where only the data can tell. */
function typenamesOf(shape: OutputShape): string[] | undefined {
  const shapes = shape.kind === 'oneOf' ? shape.shapes : [shape];
  const names = shapes.map((each) => (each.kind === 'literal' ? String(each.value) : undefined));
  return names.every((name) => name !== undefined) ? names : undefined;
}
