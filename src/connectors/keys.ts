import type { FieldTree } from '../mapping/shape.js';
import { isObject, own } from '../mapping/values.js';

/**
 * The text by which keys are compared: two objects have the same key if these texts are equal. Scalars compare as
 * text, so a backend may send as number what a client wrote as string.
 */
export function keyText(object: unknown, fields: FieldTree): string {
  let text = '';
  for (const [name, nested] of fields) {
    const value = isObject(object) ? own(object, name) : undefined;
    text += nested === null ? leafText(value) : `{${keyText(value, nested)}}`;
  }
  return text;
}

/** Lengths keep `"a" + "bc"` apart from `"ab" + "c"`. */
function leafText(value: unknown): string {
  if (value === null || value === undefined) return '~';
  const text = typeof value === 'string' ? value : canonicalText(value);
  return `${text.length}:${text}`;
}

/** JSON text that does not depend on the order of keys; `bigint` as digits. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (isObject(value)) return objectText(value);
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value ?? null);
}

function objectText(object: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalText(value)}`;
  }
  return `{${text}}`;
}

/** Whether every leaf of a key is null or missing: such an object is nobody. */
export function isNobody(object: unknown, fields: FieldTree): boolean {
  for (const [name, nested] of fields) {
    const value = isObject(object) ? own(object, name) : undefined;
    if (value === null || value === undefined) continue;
    if (nested === null || !isNobody(value, nested)) return false;
  }
  return fields.size > 0;
}
