import fc from 'fast-check';
import {
  getDirectiveValues,
  getNamedType,
  getNullableType,
  getOperationAST,
  getVariableValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionNode,
} from 'graphql';

/** One operation that a client may ask. */
export interface Asked {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Names that mean something to somebody, for aliases. */
const odd = [
  '__proto',
  'constructor',
  'toString',
  'then',
  'toJSON',
  '_0',
  '_1',
  'id__1',
  'a',
  'b',
  'c',
  'representations',
];

/** What operations may be like. */
export interface Manner {
  readonly kind: 'query' | 'mutation';
  /** Whether the objects of one field may stand under several names, with different selections. */
  readonly repeats: boolean;
}

/** Valid operations of a schema: aliases, fragments, directives, arguments and variables of all kinds. */
export function operationsOf(schema: GraphQLSchema, { kind, repeats }: Manner): fc.Arbitrary<Asked> {
  const names = fieldNames(schema);
  return fc.gen().map((gen) => {
    const writer = new Writer(schema, names, repeats, gen);
    const { query, plain, variables } = writer.operation(kind);
    // Fragments that are spread a second time may clash with what is there.
    if (validate(schema, parse(query)).length === 0) return { query, variables };
    const [fault] = validate(schema, parse(plain));
    if (fault !== undefined) throw new Error(`${fault.message}\n${plain}`);
    return { query: plain, variables };
  });
}

/** The fields (`Product.title`) that an operation asks for, of whatever object. */
export function coordinatesOf(schema: GraphQLSchema, { query, variables }: Asked): Set<string> {
  const coordinates = new Set<string>();
  const types = new TypeInfo(schema);
  const document = parse(query);
  const definitions = getOperationAST(document)?.variableDefinitions ?? [];
  const { coerced = {} } = getVariableValues(schema, definitions, variables);
  const isOff = (node: SelectionNode) =>
    getDirectiveValues(GraphQLSkipDirective, node, coerced)?.['if'] === true ||
    getDirectiveValues(GraphQLIncludeDirective, node, coerced)?.['if'] === false;
  const enter = (node: SelectionNode) => {
    if (isOff(node)) return false;
    const parent = types.getParentType();
    if (node.kind !== Kind.FIELD || !parent) return undefined;
    for (const member of membersOf(schema, parent)) coordinates.add(`${member.name}.${node.name.value}`);
    return undefined;
  };
  const visitor = { Field: enter, InlineFragment: enter, FragmentSpread: enter };
  visit(document, visitWithTypeInfo(types, visitor));
  return coordinates;
}

function fieldNames(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type));
  const ofClients = types.filter((type) => !type.name.startsWith('__'));
  return [...new Set(ofClients.flatMap((type) => Object.keys(type.getFields())))];
}

type Draw = fc.GeneratorValue;

/** What stands under one name of the answer. */
interface Taken {
  readonly parent: GraphQLCompositeType;
  readonly what: string;
  readonly type: string;
}

/** A fragment that may be spread once more. */
interface Fragment {
  readonly name: string;
  readonly on: GraphQLCompositeType;
}

/** A second spread stands between these, so that it can be taken out again. */
const [start, end] = ['#<', '\n#>'];

class Writer {
  readonly #schema: GraphQLSchema;
  readonly #names: readonly string[];
  readonly #draw: Draw;
  readonly #definitions: string[] = [];
  readonly #variables: Record<string, unknown> = {};
  readonly #fragments: string[] = [];
  readonly #known: Fragment[] = [];
  /** By the path in the answer, and the name there. */
  readonly #taken = new Map<string, Taken[]>();
  /** The composite fields, by their place, where each may stand but once. */
  readonly #once = new Map<
    string,
    { readonly text: string; readonly alias: string; readonly type: string }
  >();
  readonly #repeats: boolean;
  #room = 40;

  constructor(schema: GraphQLSchema, names: readonly string[], repeats: boolean, draw: Draw) {
    this.#schema = schema;
    this.#names = names;
    this.#repeats = repeats;
    this.#draw = draw;
  }

  operation(kind: 'query' | 'mutation'): {
    query: string;
    plain: string;
    variables: Record<string, unknown>;
  } {
    const root = kind === 'query' ? this.#schema.getQueryType() : this.#schema.getMutationType();
    const selection = this.#selection(root!, '', 4);
    const head = this.#definitions.length === 0 ? kind : `${kind} (${this.#definitions.join(', ')})`;
    const marked = `${head} ${selection}\n${this.#fragments.join('\n')}`;
    return {
      query: marked.replaceAll(/#<(.*)\n#>/g, '$1'),
      plain: marked.replaceAll(/#<(.*)\n#>/g, ''),
      variables: this.#variables,
    };
  }

  #chance(percent: number): boolean {
    return this.#draw(fc.integer, { min: 0, max: 99 }) < percent;
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#draw(fc.nat, { max: list.length - 1 })]!;
  }

  /** @param path where in the answer */
  #selection(type: GraphQLCompositeType, path: string, depth: number): string {
    const parts: string[] = [];
    const count = this.#draw(fc.integer, { min: 1, max: 5 });
    for (let index = 0; index < count; index++) parts.push(this.#part(type, path, depth));
    const text = parts.filter((each) => each !== '');
    // What is switched off, or spread a second time, may not be all there is.
    if (text.every((each) => each.startsWith(start))) text.push(this.#typename(type, path));
    return `{ ${text.join(' ')} }`;
  }

  #part(type: GraphQLCompositeType, path: string, depth: number): string {
    this.#room--;
    const fields = 'getFields' in type ? Object.values(type.getFields()) : [];
    if (depth > 0 && this.#chance(fields.length === 0 ? 85 : 22)) return this.#fragment(type, path, depth);
    if (fields.length === 0 || this.#chance(8)) return this.#typename(type, path);
    const leaves = fields.filter((field) => !isCompositeType(getNamedType(field.type)));
    const isFull = depth <= 0 || this.#room < 0;
    const able = isFull ? leaves : fields;
    return able.length === 0 ? this.#typename(type, path) : this.#field(type, this.#one(able), path, depth);
  }

  #typename(parent: GraphQLCompositeType, path: string): string {
    const alias = this.#responseName({ parent, what: '__typename', type: 'String!' }, path, '__typename');
    return `${alias === '__typename' ? '' : `${alias}: `}__typename${this.#directives()}`;
  }

  #field(
    parent: GraphQLCompositeType,
    field: GraphQLField<unknown, unknown>,
    path: string,
    depth: number,
  ): string {
    const returned = getNamedType(field.type);
    if (!isCompositeType(returned)) return `${this.#named(parent, field, path).text}${this.#directives()}`;
    const place = `${path}.${field.name}`;
    const named = (this.#repeats ? undefined : this.#once.get(place)) ?? this.#named(parent, field, path);
    if (named.type !== String(field.type)) return this.#typename(parent, path);
    this.#once.set(place, named);
    return `${named.text}${this.#directives()} ${this.#selection(returned, `${path}.${named.alias}`, depth - 1)}`;
  }

  /** A field with its arguments, and the name it has got. */
  #named(
    parent: GraphQLCompositeType,
    field: GraphQLField<unknown, unknown>,
    path: string,
  ): { text: string; alias: string; type: string } {
    const what = `${field.name}${this.#arguments(field.args)}`;
    const type = String(field.type);
    const alias = this.#responseName({ parent, what, type }, path, field.name);
    return { text: `${alias === field.name ? '' : `${alias}: `}${what}`, alias, type };
  }

  /** A name under which the field may stand there: its own, that of another, or any. */
  #responseName(taken: Taken, path: string, name: string): string {
    const drawn = this.#chance(45) ? name : this.#one(this.#chance(75) ? this.#names : odd);
    for (let count = 0; ; count++) {
      const alias = count === 0 ? drawn : count === 1 ? name : `${name}_${count}`;
      const there = this.#taken.get(`${path}.${alias}`) ?? [];
      if (!there.every((other) => canStandTogether(taken, other))) continue;
      this.#taken.set(`${path}.${alias}`, [...there, taken]);
      return alias;
    }
  }

  #fragment(type: GraphQLCompositeType, path: string, depth: number): string {
    const again = this.#known.filter(({ on }) => this.#meet(on, type));
    if (again.length > 0 && this.#chance(25)) return `${start} ...${this.#one(again).name}${end}`;
    const others = Object.values(this.#schema.getTypeMap()).filter(
      (each) => isCompositeType(each) && !each.name.startsWith('__') && this.#meet(each, type),
    );
    const on = this.#one(others as GraphQLCompositeType[]);
    if (this.#chance(60)) {
      const condition = on === type && this.#chance(50) ? '' : ` on ${on.name}`;
      return `...${condition}${this.#directives()} ${this.#selection(on, path, depth - 1)}`;
    }
    const directives = this.#directives();
    const selection = this.#selection(on, path, depth - 1);
    const name = `F${this.#fragments.length}`;
    this.#fragments.push(`fragment ${name} on ${on.name} ${selection}`);
    this.#known.push({ name, on });
    return `...${name}${directives}`;
  }

  #meet(a: GraphQLCompositeType, b: GraphQLCompositeType): boolean {
    const ofA = membersOf(this.#schema, a);
    return membersOf(this.#schema, b).some((member) => ofA.includes(member));
  }

  #directives(): string {
    const written = ['skip', 'include'].filter(() => this.#chance(7));
    return written.map((name) => ` @${name}(if: ${this.#condition(name)})`).join('');
  }

  #condition(directive: string): string {
    const isOn = this.#chance(directive === 'skip' ? 25 : 75);
    if (this.#chance(50)) return String(isOn);
    if (this.#chance(30)) return this.#variable(`Boolean = ${String(isOn)}`);
    return this.#variable('Boolean!', isOn);
  }

  #arguments(declared: readonly GraphQLArgument[]): string {
    const given = declared.filter((each) => isRequired(each) || this.#chance(50));
    const values = given.map(
      (each) => `${each.name}: ${this.#value(each.type, each.defaultValue !== undefined, 3)}`,
    );
    return values.length === 0 ? '' : `(${values.join(', ')})`;
  }

  #variable(definition: string, ...values: readonly unknown[]): string {
    const name = this.#draw(fc.boolean)
      ? `v${this.#definitions.length}`
      : `${this.#one(this.#names)}_${this.#definitions.length}`;
    this.#definitions.push(`$${name}: ${definition}`);
    if (values.length > 0) this.#variables[name] = values[0];
    return `$${name}`;
  }

  /** The text of a value: a literal, or with some of it in variables. */
  #value(type: GraphQLInputType, hasDefault: boolean, depth: number): string {
    if (this.#chance(35)) return this.#anyVariable(type, hasDefault);
    if (!isNonNullType(type) && this.#chance(8)) return 'null';
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      // One value stands for a list of one, unless it is a variable.
      const single = getNullableType(nullable.ofType);
      if (isEnumType(single) && this.#chance(30)) return toLiteral(this.#plain(single, 0), true);
      const length = depth > 0 ? this.#draw(fc.nat, { max: 2 }) : 0;
      const items = Array.from({ length }, () => this.#value(nullable.ofType, false, depth - 1));
      return `[${items.join(', ')}]`;
    }
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields());
      const given = fields.filter((each) => isRequired(each) || (depth > 0 && this.#chance(50)));
      const texts = given.map(
        (each) => `${each.name}: ${this.#value(each.type, each.defaultValue !== undefined, depth - 1)}`,
      );
      return `{ ${texts.join(', ')} }`;
    }
    return toLiteral(this.#plain(nullable, depth), isEnumType(nullable));
  }

  #anyVariable(type: GraphQLInputType, hasDefault: boolean): string {
    const isSure = isNonNullType(type);
    // A variable that may be missing is allowed where the place has a default.
    if (isSure && hasDefault && this.#chance(50)) {
      const nullable = String(getNullableType(type));
      return this.#chance(50)
        ? this.#variable(nullable)
        : this.#variable(nullable, this.#chance(15) ? null : this.#plain(getNullableType(type), 2));
    }
    if (!isSure && this.#chance(15)) return this.#variable(String(type));
    if (!isSure && this.#chance(15)) return this.#variable(String(type), null);
    if (this.#chance(20)) {
      const value = toLiteral(this.#plain(type, 2), isEnumType(getNullableType(type)), type);
      return this.#variable(`${String(type)} = ${value}`);
    }
    const sure = isSure || this.#chance(30) ? `${String(getNullableType(type))}!` : String(type);
    return this.#variable(sure, this.#plain(type, 2));
  }

  /** A value as it stands in JSON. */
  #plain(type: GraphQLInputType, depth: number): unknown {
    const nullable = getNullableType(type);
    const below = (each: GraphQLInputType) =>
      !isNonNullType(each) && this.#chance(10) ? null : this.#plain(each, depth - 1);
    if (isListType(nullable)) {
      const length = depth > 0 ? this.#draw(fc.nat, { max: 2 }) : 0;
      return Array.from({ length }, () => below(nullable.ofType));
    }
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields());
      const given = fields.filter((each) => isRequired(each) || (depth > 0 && this.#chance(50)));
      return Object.fromEntries(given.map((each) => [each.name, below(each.type)]));
    }
    if (isEnumType(nullable)) return this.#one(nullable.getValues()).name;
    return this.#leaf(String(nullable));
  }

  #leaf(type: string): unknown {
    const number = this.#draw(fc.integer, { min: -1, max: 4 });
    switch (type) {
      case 'Int':
        return number;
      case 'Float':
        return this.#one([number, number / 4, 1e30]);
      case 'Boolean':
        return number % 2 === 0;
      case 'ID':
        return this.#one<unknown>([String(number), number]);
      case 'String':
        return this.#one([String(number), '$v0', '"quoted" \\ { } é 😀', '']);
      default:
        return type.startsWith('Big')
          ? this.#one([9007199254740993n, 123456789012345678901234567890n, number])
          : type.startsWith('JSON')
            ? this.#one<unknown>([number, [number, { a: null }], { a: { b: [true, 'x'] } }, 'text'])
            : `2025-01-0${number + 2}`;
    }
  }
}

function canStandTogether(a: Taken, b: Taken): boolean {
  if (a.what === b.what && a.type === b.type) return true;
  const apart = isObjectType(a.parent) && isObjectType(b.parent) && a.parent !== b.parent;
  return apart && a.type === b.type;
}

function membersOf(schema: GraphQLSchema, type: GraphQLCompositeType): readonly GraphQLObjectType[] {
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
}

function isRequired({ type, defaultValue }: Pick<GraphQLArgument, 'type' | 'defaultValue'>): boolean {
  return isNonNullType(type) && defaultValue === undefined;
}

/** GraphQL text of a JSON value. */
function toLiteral(value: unknown, isEnum: boolean, type?: GraphQLInputType): string {
  const nullable = type && getNullableType(type);
  if (Array.isArray(value)) {
    const item = nullable && isListType(nullable) ? nullable.ofType : undefined;
    return `[${value.map((each) => toLiteral(each, item !== undefined && isEnumType(getNullableType(item)), item)).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = nullable && isInputObjectType(nullable) ? nullable.getFields() : {};
    const entries = Object.entries(value).map(([name, each]) => {
      const below = fields[name]?.type;
      return `${name}: ${toLiteral(each, below !== undefined && isEnumType(getNullableType(below)), below)}`;
    });
    return `{ ${entries.join(', ')} }`;
  }
  if (isEnum && typeof value === 'string') return value;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
