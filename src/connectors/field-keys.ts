import { parseJson } from '../mapping/json.js';
import { isObject } from '../mapping/values.js';
import type { FieldArguments } from './connector.js';
import { canonicalText } from './keys.js';

/**
 * In the tree of what is wanted of a service that answers fields as they are, a field stands under its name and its
 * arguments, `posts({"first":3})`, and so does its value in the answer. Nothing of it is a client's choice but the
 * values of arguments, and no name of a field can look so.
 */
export function fieldKey(name: string, args: FieldArguments): string {
  for (const argument in args) {
    if (args[argument] !== undefined) return `${name}(${canonicalText(args)})`;
  }
  return name;
}

/** What {@link fieldKey} was made from. */
export function readFieldKey(key: string): { readonly name: string; readonly args: FieldArguments } {
  const at = key.indexOf('(');
  if (at < 0) return { name: key, args: {} };
  const args = parseJson(key.slice(at + 1, -1));
  return { name: key.slice(0, at), args: isObject(args) ? args : {} };
}

const member = '...';

/** Under this key stands what is wanted of an object only if it is of this type: one of an interface or union. */
export function memberKey(type: string): string {
  return member + type;
}

/** The type of a {@link memberKey}; undefined for the key of a field. */
export function readMemberKey(key: string): string | undefined {
  return key.startsWith(member) ? key.slice(member.length) : undefined;
}
