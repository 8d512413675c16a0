import { isObjectType } from 'graphql';
import type { Problem } from '../../base/problems.js';
import { didYouMean } from '../../base/suggest.js';
import { inputPaths, outputShape, type InputTree, type OutputShape } from '../../mapping/shape.js';
import type { Expression, Subgraph } from '../../subgraph/subgraph.js';
import type { Text } from '../../subgraph/text.js';
import type { ConnectOf } from '../transport.js';
import { problemAt } from './files.js';
import { fieldNamed, type Definitions, type Field, type MessageType, type Method } from './messages.js';
import { jsonFormOf } from './special.js';

/** How a method must answer: the fields of queries and mutations need one answer, those of Subscription a stream. */
export type Answers = 'once' | 'with a stream';

/** The method that a connector names, or what is wrong with the name. */
export function findMethod(text: Text, { methods }: Definitions, answers: Answers): Method | Problem {
  const name = text.value.trim().replace(/^\//, '');
  const method = methods.get(name);
  if (method === undefined) return problemAt(text, 'GRPC_METHOD_NOT_FOUND', describeMissing(name, methods));
  const message = describeStreaming(method, answers);
  return message === undefined ? method : problemAt(text, 'GRPC_METHOD_STREAMS', message);
}

function describeStreaming({ name, streaming }: Method, answers: Answers): string | undefined {
  switch (streaming) {
    case 'none':
      return answers === 'once'
        ? undefined
        : `${name} answers with one message. A field of Subscription needs a method that answers with a stream of them.`;
    case 'server':
      return answers === 'with a stream'
        ? undefined
        : `${name} answers with a stream of messages. A field of a query or mutation needs a method with one answer.`;
    case 'client':
    case 'both':
      return `${name} takes a stream of messages, which no field can send.`;
  }
}

function describeMissing(name: string, methods: ReadonlyMap<string, Method>): string {
  const [service = '', method, ...more] = name.split('/');
  if (method === undefined || more.length > 0) {
    return `"${name}" is no method: write package.Service/Method.${didYouMean(name, methods.keys())}`;
  }
  const services = new Set([...methods.keys()].map((known) => known.slice(0, known.indexOf('/'))));
  if (!services.has(service)) {
    return `There is no service "${service}".${didYouMean(name, methods.keys()) || didYouMean(service, services)}`;
  }
  const siblings = [...methods.keys()].filter((known) => known.startsWith(`${service}/`));
  const names = siblings.map((known) => known.slice(service.length + 1));
  return `The service ${service} has no method "${method}".${didYouMean(method, names)}`;
}

/** Finds names in a connector's mappings that its method's messages lack. */
export function checkMappings(definition: ConnectOf<'grpc'>, method: Method, subgraph: Subgraph): Problem[] {
  const { request } = definition.grpc;
  const ofRequest =
    request === undefined ? checkArguments(definition, method, subgraph) : checkRequest(request, method);
  const ofSelection = definition.selection === undefined ? [] : checkSelection(definition.selection, method);
  return [...ofRequest, ...ofSelection];
}

/** Without a request mapping, the field's arguments are the fields of the message. */
function checkArguments(definition: ConnectOf<'grpc'>, { input }: Method, subgraph: Subgraph): Problem[] {
  const type = subgraph.schema.getType(definition.type);
  const fields = isObjectType(type) ? type.getFields() : {};
  const field = definition.field === undefined ? undefined : fields[definition.field];
  const unknown = (field?.args ?? []).filter(({ name }) => fieldNamed(input, name) === undefined);
  return unknown.map(({ name }) => {
    const message = `${noField(input, name)} Without request, the field's arguments are the message's fields.`;
    return problemAt(definition.grpc.method, 'GRPC_FIELD_NOT_FOUND', message);
  });
}

/** Collects problems at characters of one expression. */
type Report = (index: number, message: string) => void;

function collect(expression: Expression, run: (report: Report) => void): Problem[] {
  const problems: Problem[] = [];
  run((index, message) => problems.push(problemAt(expression.text, 'GRPC_FIELD_NOT_FOUND', message, index)));
  return problems;
}

function checkRequest(request: Expression, { input }: Method): Problem[] {
  const { selection } = request;
  return collect(request, (report) =>
    checkMessage(outputShape(selection), input, selection.range.start, report),
  );
}

function checkMessage(shape: OutputShape, type: MessageType, index: number, report: Report): void {
  const form = jsonFormOf(type);
  if (form === 'any') return;
  switch (shape.kind) {
    case 'object':
      if (form === 'scalar') report(index, `${type.name} is one value in JSON; an object does not fit.`);
      else checkFields(shape, type, index, report);
      return;
    case 'oneOf':
      for (const each of shape.shapes) checkMessage(each, type, index, report);
      return;
    case 'literal':
    case 'scalar':
      if (form === 'object' && !isNull(shape))
        report(index, `${type.name} is a message; a scalar does not fit.`);
      return;
    case 'list':
      report(index, `${type.name} is one message; a list does not fit.`);
      return;
    case 'nothing':
    case 'unknown':
      return;
  }
}

function isNull(shape: OutputShape): boolean {
  return shape.kind === 'literal' && shape.value === null;
}

function checkFields(
  shape: Extract<OutputShape, { kind: 'object' }>,
  type: MessageType,
  index: number,
  report: Report,
): void {
  for (const [name, { range, shape: value }] of shape.fields) {
    const field = fieldNamed(type, name);
    if (field === undefined) report(range.start, noField(type, name));
    else checkField(value, field, range.start, report);
  }
  if (shape.open) return;
  const required = type.fields.filter((field) => field.required);
  const given = new Set([...shape.fields.keys()].map((name) => fieldNamed(type, name)));
  for (const field of required) {
    if (!given.has(field)) report(index, `The message ${type.name} needs its field "${field.jsonName}".`);
  }
}

function checkField(shape: OutputShape, field: Field, index: number, report: Report): void {
  if (shape.kind === 'oneOf') {
    for (const each of shape.shapes) checkField(each, field, index, report);
    return;
  }
  switch (field.label) {
    case 'list':
      checkElement(shape.kind === 'list' ? shape.of : shape, field, index, report);
      return;
    case 'map':
      if (shape.kind !== 'object') return;
      for (const { shape: value, range } of shape.fields.values())
        checkValue(value, field, range.start, report);
      return;
    case 'single':
      checkValue(shape, field, index, report);
  }
}

/** An object's shape may stand for a list of such objects; a literal is what it is. */
function checkElement(shape: OutputShape, field: Field, index: number, report: Report): void {
  if (shape.kind === 'oneOf') for (const each of shape.shapes) checkElement(each, field, index, report);
  else checkValue(shape, field, index, report);
}

function checkValue(shape: OutputShape, field: Field, index: number, report: Report): void {
  if (field.type.kind === 'message') {
    checkMessage(shape, field.type.message, index, report);
  } else if (shape.kind === 'object') {
    report(index, `"${field.jsonName}" is a scalar; an object does not fit.`);
  } else if (shape.kind === 'list') {
    report(index, `"${field.jsonName}" is a single value; a list does not fit.`);
  }
}

function checkSelection(selection: Expression, { output }: Method): Problem[] {
  const tree = inputPaths(selection.selection);
  return collect(selection, (report) => checkRead(tree, output, report));
}

/** Every name that is read must be there, in ProtoJSON's spelling. */
function checkRead(tree: InputTree, type: MessageType, report: Report): void {
  if (jsonFormOf(type) === 'any') return;
  for (const [name, { range, needs }] of tree.fields) {
    const field = type.fields.find((each) => each.jsonName === name);
    if (jsonFormOf(type) === 'scalar')
      report(range.start, `${type.name} is one value in JSON and has no "${name}".`);
    else if (field === undefined) report(range.start, noSuchOutput(type, name));
    else checkReadOf(field, needs, report);
  }
}

function checkReadOf(field: Field, needs: InputTree, report: Report): void {
  // the keys of a map are data
  const trees = field.label === 'map' ? [...needs.fields.values()].map((value) => value.needs) : [needs];
  for (const tree of trees) {
    if (field.type.kind === 'message') {
      checkRead(tree, field.type.message, report);
      continue;
    }
    for (const [name, { range }] of tree.fields) {
      report(range.start, `"${field.jsonName}" is a scalar and has no "${name}".`);
    }
  }
}

function noSuchOutput(type: MessageType, name: string): string {
  const respelt = type.fields.find((field) => field.name === name);
  if (respelt === undefined) return noField(type, name);
  return `The answer spells "${name}" as ProtoJSON does. Did you mean "${respelt.jsonName}"?`;
}

function noField(type: MessageType, name: string): string {
  const names = type.fields.map((field) => field.jsonName);
  return `The message ${type.name} has no field "${name}".${didYouMean(name, names)}`;
}
