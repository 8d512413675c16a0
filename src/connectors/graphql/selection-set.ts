import {
  getNamedType,
  isAbstractType,
  isLeafType,
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
import type { Fault } from './fault.js';

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
  readonly faults: readonly Fault[];
}

/** The most fields a mapping that takes whole objects may stand for. */
const mostFields = 500;

/**
 * Writes the selection set that fetches what a mapping reads, and nothing else, from the mapping's own field names:
 * nothing a client writes gets into it. A value that is taken whole is asked with all it holds, level by level, but
 * for fields that need arguments; where that has no end, it is a fault. What the schema does not have is left out,
 * and is a fault too.
 */
export function writeSelectionSet(
  schema: GraphQLSchema,
  type: GraphQLOutputType,
  needs: InputTree,
): SelectionSet {
  const writer = new Writer(schema);
  const { text, renames } = writer.write(getNamedType(type), needs, []);
  return { text, renames, faults: writer.faults };
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
  readonly #schema: GraphQLSchema;
  /** Fields that are asked as part of a whole. */
  #taken = 0;

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
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
    const fields = wanted(needs, askable(type));
    return block([...fields].flatMap(([name, need]) => this.#field(type, name, need, inside)));
  }

  /** One field, or none where it cannot be asked. */
  #field(
    type: Composite,
    name: string,
    need: InputField,
    inside: readonly string[],
    alias = name,
  ): WrittenField[] {
    if (name === '__typename') return [typename];
    const field = type.getFields()[name];
    if (field === undefined) return this.#unknown(type, name, Object.keys(type.getFields()), need.range);
    if (!this.#canAsk(type, field, need.range)) return [];
    if (inside.length > 0 && !this.#hasRoom(need.range)) return [];
    const below = this.write(getNamedType(field.type), need.needs, inside);
    const text = `${alias === name ? '' : `${alias}: `}${name}${below.text}`;
    return [{ text, responseName: alias, rename: { name, below: below.renames } }];
  }

  /** `__typename`, the fields all members have, then those of each member. */
  #abstract(type: GraphQLAbstractType, needs: InputTree, inside: readonly string[]): Written {
    const members = this.#schema.getPossibleTypes(type);
    const shared = isUnionType(type) ? new Set<string>() : new Set(Object.keys(type.getFields()));
    const known = new Set([...shared, ...members.flatMap((member) => Object.keys(member.getFields()))]);
    const whole = new Set(members.flatMap(askable));
    const parts: WrittenField[] = [typename];
    const special = new Map<string, InputField>();
    for (const [name, need] of wanted(needs, whole)) {
      if (name === '__typename') continue;
      if (!known.has(name)) this.#unknown(type, name, known, need.range);
      else if (!isUnionType(type) && shared.has(name)) parts.push(...this.#field(type, name, need, inside));
      else special.set(name, need);
    }
    const names = new ResponseNames(members, known);
    const fragments = members.map((member) => this.#member(member, special, names, inside));
    return block(parts, fragments);
  }

  #member(
    member: GraphQLObjectType,
    needs: ReadonlyMap<string, InputField>,
    names: ResponseNames,
    inside: readonly string[],
  ): Fragment {
    const fields = [...needs]
      .filter(([name]) => Object.hasOwn(member.getFields(), name))
      .flatMap(([name, need]) => this.#field(member, name, need, inside, names.of(member, name)));
    return { type: member.name, fields };
  }

  #canAsk(type: Composite, field: GraphQLField<unknown, unknown>, range: Range): boolean {
    const required = field.args.find(isRequiredArgument);
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

function renamesOf(fields: readonly WrittenField[]): Renames {
  const renames = fields.filter(
    ({ responseName, rename }) => responseName !== rename.name || rename.below.size > 0,
  );
  return new Map(renames.map(({ responseName, rename }) => [responseName, rename]));
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
