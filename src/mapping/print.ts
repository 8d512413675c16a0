import { isIdentifier } from './syntax.js';
import type { Entry, Expression, Key, Path, Root, Selection, SelectionList, Step } from './syntax.js';
import { syntaxOf } from './version.js';
import type { Syntax } from './version.js';

/**
 * Writes a mapping as text in the syntax of its version. Parsing the text gives the same tree again, but for ranges.
 *
 * @example printSelection(parseSelection('id  name :full', '0.4')) // 'id name: full'
 */
export function printSelection(selection: Selection): string {
  const syntax = syntaxOf(selection.version);
  const { root } = selection;
  if (root.kind !== 'list') return printExpression(root, syntax);
  const text = printEntries(root.entries, syntax);
  return syntax.expressions && readsAsExpression(root) ? `{ ${text} }` : text;
}

/** In v0.4 these would be read as one expression if they stood alone at the top. */
function readsAsExpression({ entries }: SelectionList): boolean {
  const [only, ...more] = entries;
  if (only === undefined || more.length > 0) return false;
  if (only.kind !== 'field') return only.kind === 'inline' || only.kind === 'value';
  if (isIdentifier(only.key.name) && !isLiteralWord(only.key.name)) return false;
  // directly before braces even a string is a key
  return only.value.steps.length > 0 || only.value.selection === undefined;
}

function isLiteralWord(name: string): boolean {
  return name === 'true' || name === 'false' || name === 'null';
}

function printEntries(entries: readonly Entry[], syntax: Syntax): string {
  // a number before a spread, or a path before braces, is never misread when commas stand between
  return entries.map((entry) => printEntry(entry, syntax)).join(syntax.commas ? ', ' : ' ');
}

function printEntry(entry: Entry, syntax: Syntax): string {
  switch (entry.kind) {
    case 'field':
    case 'inline':
    case 'value':
      return printPath(entry.value, syntax);
    case 'spread':
      return `...${printExpression(entry.value, syntax)}`;
    case 'alias':
      return `${printKey(entry.key)}: ${printAliased(entry.value, syntax)}`;
  }
}

function printAliased(value: Expression, syntax: Syntax): string {
  if (syntax.expressions || value.kind !== 'path') return printExpression(value, syntax);
  const groups = value.root.kind === 'body' && value.steps.length === 0 && value.selection !== undefined;
  return groups ? printList(value.selection, syntax) : printPath(value, syntax);
}

function printList(list: SelectionList, syntax: Syntax): string {
  return list.entries.length === 0 ? '{}' : `{ ${printEntries(list.entries, syntax)} }`;
}

function printExpression(node: Expression, syntax: Syntax): string {
  switch (node.kind) {
    case 'string':
      return printString(node.value);
    case 'number':
      return printNumber(node.value);
    case 'boolean':
      return String(node.value);
    case 'null':
      return 'null';
    case 'array':
      return `[${printAll(node.items, syntax)}]`;
    case 'object':
      return printObject(node.entries, syntax);
    case 'operators':
      return node.operands.map((operand) => printExpression(operand, syntax)).join(` ${node.operator} `);
    case 'path':
      return printPath(node, syntax);
  }
}

function printObject(entries: readonly Entry[], syntax: Syntax): string {
  if (entries.length === 0) return '{}';
  const texts = entries.map((entry) =>
    entry.kind === 'alias'
      ? `${printKey(entry.key)}: ${printExpression(entry.value, syntax)}`
      : printEntry(entry, syntax),
  );
  return `{ ${texts.join(', ')} }`;
}

function printAll(nodes: readonly Expression[], syntax: Syntax): string {
  return nodes.map((node) => printExpression(node, syntax)).join(', ');
}

function printPath(path: Path, syntax: Syntax): string {
  const steps = path.steps.map((step) => printStep(step, syntax)).join('');
  const selection = path.selection === undefined ? '' : ` ${printList(path.selection, syntax)}`;
  return printRoot(path.root, syntax) + steps + selection;
}

function printRoot(root: Root, syntax: Syntax): string {
  switch (root.kind) {
    case 'key':
      return printKey(root.key);
    case 'body':
      return '$';
    case 'current':
      return '@';
    case 'variable':
      return root.name;
    case 'expression':
      return `$(${printExpression(root.expression, syntax)})`;
  }
}

function printStep(step: Step, syntax: Syntax): string {
  switch (step.kind) {
    case 'key':
      return `.${printKey(step.key)}`;
    case 'question':
      return '?';
    case 'method':
      return `->${step.name}${step.args === undefined ? '' : `(${printAll(step.args, syntax)})`}`;
  }
}

function printKey({ name }: Key): string {
  return isIdentifier(name) ? name : printString(name);
}

function printString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

/** Without exponent, which the language lacks. A double too large to be a safe integer ends in a dot, to stay a double. */
function printNumber(value: number | bigint): string {
  if (typeof value === 'bigint') return value.toString();
  if (Number.isInteger(value)) return Number.isSafeInteger(value) ? String(value) : `${BigInt(value)}.`;
  return plainDecimal(String(value));
}

function plainDecimal(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', head = '', tail = '', exponent] = match;
  return `${sign}0.${'0'.repeat(Number(exponent) - 1)}${head}${tail}`;
}
