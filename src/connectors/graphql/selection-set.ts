import {
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  isSpecifiedScalarType,
  isUnionType,
  isEnumType,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLNamedOutputType,
  type GraphQLObjectType,
  type GraphQLInterfaceType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { didYouMean } from '../../base/suggest.js';
import type { InputField, InputTree } from '../../mapping/shape.js';
import type { Range } from '../../mapping/syntax.js';
import { put, type JsonObject } from '../../mapping/values.js';
import type { FieldArguments } from '../connector.js';
import { readFieldKey, readMemberKey } from '../field-keys.js';
import { toVariables, variableType } from './arguments.js';
import type { Fault } from './fault.js';
import { joined, noNeeds } from './needs.js';

/** Fields that were asked under another name, because two types of a union give one name different types. */
export type Renames = ReadonlyMap<string, Rename>;

/** What becomes of one property of the answer. */
export interface Rename {
  readonly name: string;
  readonly below: Renames;
}

/** What has to be asked of a value, as GraphQL text. */
export interface SelectionSet {
  /** ` { id name }`, with the space in front; empty for scalars. */
  readonly text: string;
  readonly renames: Renames;
  /** `$first_1: Int`: the arguments of the fields in it, … */
  readonly definitions: readonly string[];
  /** … and their values, by the names of the variables. */
  readonly variables: JsonObject;
  readonly faults: readonly Fault[];
}

/** The most fields a mapping that takes whole objects may stand for. */
const mostFields = 500;

/**
 * Writes the selection set that fetches what a mapping reads, and nothing else, from the mapping's own field names:
 * nothing a client writes gets into it. A value that is taken whole is asked with all it holds, level by level, but
 * for fields that need arguments; where that has no end, it is a fault. What the schema does not have is left out,
 * and is a fault too. A field that stands under a `fieldKey` is asked with its arguments, under a name of its own; what
 * stands under a `memberKey` is asked of that member alone.
 *
 * @param taken names of variables that the document has already
 */
export function writeSelectionSet(
  schema: GraphQLSchema,
  type: GraphQLOutputType,
  needs: InputTree,
  taken: readonly string[] = [],
): SelectionSet {
  const writer = new Writer(schema, taken);
  const { text, renames } = writer.write(getNamedType(type), needs, []);
  const { definitions, variables, faults } = writer;
  return { text, renames, definitions, variables, faults };
}

interface Written {
  readonly text: string;
  readonly renames: Renames;
}

/** A field as it stands in the document. */
interface WrittenField {
  readonly text: string;
  readonly responseName: string;
  readonly rename: Rename;
}

type Composite = GraphQLObjectType | GraphQLInterfaceType;

const nothing: Written = { text: '', renames: new Map() };

class Writer {
  readonly faults: Fault[] = [];
  readonly definitions: string[] = [];
  readonly variables: JsonObject = {};
  readonly #schema: GraphQLSchema;
  readonly #names: Set<string>;
  /** Fields that are asked as part of a whole. */
  #taken = 0;

  constructor(schema: GraphQLSchema, taken: readonly string[]) {
    this.#schema = schema;
    this.#names = new Set(taken);
  }

  /** @param inside the types whose whole is being written */
  write(type: GraphQLNamedOutputType, needs: InputTree, inside: readonly string[]): Written {
    if (isLeafType(type)) return this.#leaf(type, needs);
    if (needs.whole !== undefined && inside.includes(type.name)) return this.#endless(type, needs.whole);
    const around = needs.whole === undefined ? inside : [...inside, type.name];
    return isAbstractType(type) ? this.#abstract(type, needs, around) : this.#object(type, needs, around);
  }

  /** A scalar of the service's own may hold anything. */
  #leaf(type: GraphQLNamedOutputType, needs: InputTree): Written {
    if (!isEnumType(type) && !isSpecifiedScalarType(type)) return nothing;
    for (const [name, field] of needs.fields) {
      const message = `"${name}" is read from a value of the backend's type ${type.name}, which has no fields.`;
      this.#fault('GRAPHQL_FIELD_NOT_FOUND', message, field.range);
    }
    return nothing;
  }

  #endless(type: GraphQLNamedOutputType, range: Range): Written {
    const message = `This takes a whole ${type.name}, which holds a ${type.name} again. Name the fields: "{ … }".`;
    this.#fault('GRAPHQL_SELECTION_ENDLESS', message, range);
    return { text: ' { __typename }', renames: new Map() };
  }

  #object(type: GraphQLObjectType, needs: InputTree, inside: readonly string[]): Written {
    const fields = wanted(ofMember(needs, type.name), askable(type));
    return block([...fields].flatMap(([key, need]) => this.#field(type, key, need, inside)));
  }

  /** One field, or none where it cannot be asked. */
  #field(
    type: Composite,
    key: string,
    need: InputField,
    inside: readonly string[],
    alias?: string,
  ): WrittenField[] {
    const { name, args } = readFieldKey(key);
    if (name === '__typename') return [typename];
    const fields = type.getFields();
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return this.#unknown(type, name, Object.keys(fields), need.range);
    if (!this.#canAsk(type, field, args, need.range)) return [];
    if (inside.length > 0 && !this.#hasRoom(need.range)) return [];
    const given = this.#arguments(field, args);
    const below = this.write(getNamedType(field.type), need.needs, inside);
    const responseName = key === name ? (alias ?? name) : this.#newName(name);
    const text = `${responseName === name ? '' : `${responseName}: `}${name}${given}${below.text}`;
    return [{ text, responseName, rename: { name: key, below: below.renames } }];
  }

  /** `(first: $first_1)` */
  #arguments(field: GraphQLField<unknown, unknown>, args: FieldArguments): string {
    const given = Object.entries(toVariables(args, field.args)).map(([name, value]) => {
      const argument = field.args.find((each) => each.name === name);
      if (argument === undefined) return '';
      const variable = this.#newName(name);
      this.definitions.push(`$${variable}: ${variableType(argument)}`);
      put(this.variables, variable, value);
      return `${name}: $${variable}`;
    });
    return given.length === 0 ? '' : `(${given.join(', ')})`;
  }

  /** A name that nothing in the document has, nor any field of the service. */
  #newName(name: string): string {
    for (let count = 1; ; count++) {
      const made = `${name}__${count}`;
      if (this.#names.has(made) || fieldNamesOf(this.#schema).has(made)) continue;
      this.#names.add(made);
      return made;
    }
  }

  /** `__typename`, the fields all members have, then those of each member. */
  #abstract(type: GraphQLAbstractType, needs: InputTree, inside: readonly string[]): Written {
    const members = this.#schema.getPossibleTypes(type);
    const [common, ofEach] = withoutMembers(needs);
    const shared = isUnionType(type) ? new Set<string>() : new Set(Object.keys(type.getFields()));
    const known = new Set([...shared, ...members.flatMap((member) => Object.keys(member.getFields()))]);
    const whole = new Set(members.flatMap(askable));
    const parts: WrittenField[] = [typename];
    const special = new Map<string, InputField>();
    for (const [key, need] of wanted(common, whole)) {
      const { name } = readFieldKey(key);
      if (name === '__typename') continue;
      if (!known.has(name)) this.#unknown(type, name, known, need.range);
      else if (!isUnionType(type) && shared.has(name)) parts.push(...this.#field(type, key, need, inside));
      else special.set(key, need);
    }
    const names = new ResponseNames(members, known);
    const fragments = members.map((member) => {
      const own = joined({ fields: special, whole: undefined }, ofEach.get(member.name) ?? noNeeds);
      return this.#member(member, own.fields, names, inside);
    });
    return block(parts, fragments);
  }

  #member(
    member: GraphQLObjectType,
    needs: ReadonlyMap<string, InputField>,
    names: ResponseNames,
    inside: readonly string[],
  ): Fragment {
    const fields = [...needs]
      .filter(([key]) => Object.hasOwn(member.getFields(), readFieldKey(key).name))
      .flatMap(([key, need]) => this.#field(member, key, need, inside, names.of(member, key)));
    return { type: member.name, fields };
  }

  #canAsk(
    type: Composite,
    field: GraphQLField<unknown, unknown>,
    args: FieldArguments,
    range: Range,
  ): boolean {
    const required = field.args.find((each) => isRequiredArgument(each) && !Object.hasOwn(args, each.name));
    if (required === undefined) return true;
    const message = `${type.name}.${field.name} needs the argument "${required.name}", which a mapping cannot give.`;
    this.#fault('GRAPHQL_ARGUMENT_MISSING', message, range);
    return false;
  }

  /** Types that hold one another without end are found by name; types that fan out are found by counting. */
  #hasRoom(range: Range): boolean {
    this.#taken++;
    if (this.#taken === mostFields + 1) {
      const message = `This takes more than ${mostFields} fields. Name those that are needed: "{ … }".`;
      this.#fault('GRAPHQL_SELECTION_ENDLESS', message, range);
    }
    return this.#taken <= mostFields;
  }

  #unknown(type: GraphQLNamedOutputType, name: string, known: Iterable<string>, range: Range): [] {
    const message = `The backend's type ${type.name} has no field "${name}".${didYouMean(name, known)}`;
    this.#fault('GRAPHQL_FIELD_NOT_FOUND', message, range);
    return [];
  }

  #fault(code: string, message: string, range: Range): void {
    this.faults.push({ code, message, range });
  }
}

const fieldNames = new WeakMap<GraphQLSchema, ReadonlySet<string>>();

function fieldNamesOf(schema: GraphQLSchema): ReadonlySet<string> {
  const known = fieldNames.get(schema);
  if (known !== undefined) return known;
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) || isInterfaceType(type),
  );
  const names = new Set(types.flatMap((type) => Object.keys(type.getFields())));
  fieldNames.set(schema, names);
  return names;
}

const typename: WrittenField = {
  text: '__typename',
  responseName: '__typename',
  rename: { name: '__typename', below: new Map() },
};

interface Fragment {
  readonly type: string;
  readonly fields: readonly WrittenField[];
}

/** The fields that no argument is needed for: the others are no part of any whole. */
function askable(type: GraphQLObjectType): string[] {
  const fields = Object.values(type.getFields());
  return fields.filter((field) => !field.args.some(isRequiredArgument)).map((field) => field.name);
}

/** The needs of an object that is of this type for certain. */
function ofMember(needs: InputTree, type: string): InputTree {
  const [common, ofEach] = withoutMembers(needs);
  const own = ofEach.get(type);
  return own === undefined ? common : joined(common, own);
}

/** What is read of an object of any type, and what only of one of a certain type, by its name. */
function withoutMembers(needs: InputTree): [InputTree, ReadonlyMap<string, InputTree>] {
  const common = new Map<string, InputField>();
  const ofEach = new Map<string, InputTree>();
  for (const [key, need] of needs.fields) {
    const member = readMemberKey(key);
    if (member === undefined) common.set(key, need);
    else ofEach.set(member, need.needs);
  }
  return [{ fields: common, whole: needs.whole }, ofEach];
}

/** What is named, and where the whole is taken, all these names with all they hold. */
function wanted(needs: InputTree, all: Iterable<string>): ReadonlyMap<string, InputField> {
  const { whole, fields } = needs;
  if (whole === undefined) return fields;
  const taken = [...all].map(
    (name) => [name, { range: whole, needs: { whole, fields: new Map() } }] as const,
  );
  return new Map<string, InputField>([...fields, ...taken]);
}

function block(fields: readonly WrittenField[], fragments: readonly Fragment[] = []): Written {
  const texts = fields.map((field) => field.text);
  for (const fragment of fragments) {
    if (fragment.fields.length === 0) continue;
    texts.push(`... on ${fragment.type} { ${fragment.fields.map((field) => field.text).join(' ')} }`);
  }
  const all = [...fields, ...fragments.flatMap((fragment) => fragment.fields)];
  return { text: ` { ${texts.join(' ') || '__typename'} }`, renames: renamesOf(all) };
}

/** Members may have asked for the same field, each with other fields in it. */
function renamesOf(fields: readonly WrittenField[]): Renames {
  const renames = new Map<string, Rename>();
  for (const { responseName, rename } of fields) {
    if (responseName === rename.name && rename.below.size === 0) continue;
    renames.set(responseName, eitherRename(renames.get(responseName), rename));
  }
  return renames;
}

function eitherRename(known: Rename | undefined, { name, below }: Rename): Rename {
  if (known === undefined) return { name, below };
  const either = new Map(known.below);
  for (const [key, rename] of below) either.set(key, eitherRename(either.get(key), rename));
  return { name, below: either };
}

/**
 * One response name must have one type, whichever member answers
 * (https://spec.graphql.org/October2021/#SameResponseShape()): a member whose field differs from the first one's is
 * asked under a name of its own.
 */
class ResponseNames {
  readonly #types = new Map<string, string>();
  readonly #taken: ReadonlySet<string>;

  constructor(members: readonly GraphQLObjectType[], taken: ReadonlySet<string>) {
    this.#taken = taken;
    for (const field of members.flatMap((member) => Object.values(member.getFields()))) {
      if (!this.#types.has(field.name)) this.#types.set(field.name, String(field.type));
    }
  }

  of(member: GraphQLObjectType, name: string): string {
    if (String(member.getFields()[name]?.type) === this.#types.get(name)) return name;
    let alias = `${name}_${member.name}`;
    while (this.#taken.has(alias)) alias += '_';
    return alias;
  }
}
