import { getNamedType, isInputObjectType, isNonNullType, type GraphQLInputType } from 'graphql';
import { didYouMean } from '../../base/suggest.js';
import type { Entry, Expression, Path, Range, Selection, SelectionList } from '../../mapping/syntax.js';
import type { Fault } from './fault.js';

/** An argument, or a field of an input object. */
interface Slot {
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly defaultValue?: unknown;
}

/** What takes the values: a field with its arguments, or an input object with its fields. */
export interface Taker {
  /** As messages name it: `Query.order`, `OrderInput`. */
  readonly name: string;
  readonly noun: 'argument' | 'field';
  readonly slots: readonly Slot[];
}

/**
 * Finds names that a mapping gives and the backend does not take, and those it must have and does not get, in
 * input objects too. What cannot be told from the text passes.
 *
 * @param args the names that `$args` has
 */
export function checkArguments(selection: Selection, taker: Taker, args: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  checkObject(selection.root, taker, { args, faults });
  return faults;
}

/** What is missing where nothing is given at all. */
export function checkNoArguments(taker: Taker, range: Range): Fault[] {
  return missing(taker, new Set(), range);
}

/** The arguments that a mapping can give, of those a field takes. */
export function givenArguments<Argument extends Slot>(
  selection: Selection,
  declared: readonly Argument[],
  args: readonly string[],
): readonly Argument[] {
  const { known, open } = membersOf(selection.root, { args, faults: [] });
  const names = new Set(known.map((member) => member.name));
  return open ? declared : declared.filter((argument) => names.has(argument.name));
}

interface Check {
  readonly args: readonly string[];
  readonly faults: Fault[];
}

/** One name that an object will have. */
interface Member {
  readonly name: string;
  readonly range: Range;
  readonly value?: Expression | undefined;
}

interface Members {
  readonly known: readonly Member[];
  /** Whether there may be others. */
  readonly open: boolean;
}

function checkObject(value: SelectionList | Expression, taker: Taker, check: Check): void {
  const { known, open } = membersOf(value, check);
  for (const member of known) checkMember(member, taker, check);
  if (!open) check.faults.push(...missing(taker, new Set(known.map((member) => member.name)), value.range));
}

function checkMember({ name, range, value }: Member, taker: Taker, check: Check): void {
  const slot = taker.slots.find((each) => each.name === name);
  if (slot !== undefined) {
    if (value !== undefined) checkValue(value, slot.type, check);
    return;
  }
  const known = taker.slots.map((each) => each.name);
  const message = `The backend's ${taker.name} has no ${taker.noun} "${name}".${didYouMean(name, known)}`;
  check.faults.push({ code: 'GRAPHQL_ARGUMENT_NOT_FOUND', message, range });
}

function checkValue(value: Expression, type: GraphQLInputType, check: Check): void {
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return;
  if (value.kind === 'array') return value.items.forEach((item) => checkValue(item, type, check));
  checkObject(value, { name: named.name, noun: 'field', slots: Object.values(named.getFields()) }, check);
}

function missing(taker: Taker, given: ReadonlySet<string>, range: Range): Fault[] {
  return taker.slots
    .filter(
      ({ name, type, defaultValue }) => isNonNullType(type) && defaultValue === undefined && !given.has(name),
    )
    .map(({ name, type }) => ({
      code: 'GRAPHQL_ARGUMENT_MISSING',
      message: `The backend's ${taker.name} needs the ${taker.noun} "${name}: ${String(type)}", which is not given.`,
      range,
    }));
}

/** The names of the object that an expression gives. */
function membersOf(value: SelectionList | Expression, check: Check): Members {
  switch (value.kind) {
    case 'list':
    case 'object':
      return joined(value.entries.map((entry) => membersOfEntry(entry, check)));
    case 'path':
      return membersOfPath(value, check);
    default:
      return anything;
  }
}

const anything: Members = { known: [], open: true };

function membersOfEntry(entry: Entry, check: Check): Members {
  switch (entry.kind) {
    case 'field':
      return { known: [{ name: entry.key.name, range: entry.key.range }], open: false };
    case 'alias':
      return { known: [{ name: entry.key.name, range: entry.key.range, value: entry.value }], open: false };
    case 'spread':
    case 'inline':
    case 'value':
      return membersOf(entry.value, check);
  }
}

function membersOfPath(path: Path, check: Check): Members {
  if (path.selection !== undefined) return membersOf(path.selection, check);
  const isArgs = path.root.kind === 'variable' && path.root.name === '$args' && path.steps.length === 0;
  return isArgs ? { known: check.args.map((name) => ({ name, range: path.range })), open: false } : anything;
}

function joined(all: readonly Members[]): Members {
  return { known: all.flatMap((each) => each.known), open: all.some((each) => each.open) };
}
