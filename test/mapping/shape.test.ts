import { describe, expect, test } from 'vitest';
import { parseSelection } from '../../src/mapping/parse.js';
import { printSelection } from '../../src/mapping/print.js';
import { pruneSelection } from '../../src/mapping/prune.js';
import { inputPaths, methodUses, outputShape, variableUses } from '../../src/mapping/shape.js';
import type { FieldTree, InputTree, OutputShape } from '../../src/mapping/shape.js';

const shapeOf = (text: string): string => shapeText(outputShape(parseSelection(text, '0.4')));

/** `{a: string, b: [1 | ?]}`; `...` in open objects. */
function shapeText(shape: OutputShape): string {
  switch (shape.kind) {
    case 'object':
      return `{${[...[...shape.fields].map(([name, field]) => `${name}: ${shapeText(field.shape)}`), ...(shape.open ? ['...'] : [])].join(', ')}}`;
    case 'literal':
      return JSON.stringify(shape.value);
    case 'scalar':
      return shape.type;
    case 'list':
      return `[${shapeText(shape.of)}]`;
    case 'oneOf':
      return shape.shapes.map(shapeText).join(' | ');
    case 'nothing':
      return 'nothing';
    case 'unknown':
      return '?';
  }
}

describe('outputShape', () => {
  test.each([
    ['id name: full', '{id: ?, name: ?}'],
    ['$.a', '?'],
    ['$', '?'],
    ['a { b c: d { e } }', '{a: {b: ?, c: {e: ?}}}'],
    ['x: { a b }', '{x: {a: ?, b: ?}}'],
    ['kind: "user" n: 1 ok: true none: null', '{kind: "user", n: 1, ok: true, none: null}'],
    ['x: [1, a]', '{x: [1 | ?]}'],
    ['x: a ?? "b"', '{x: ? | "b"}'],
    ['x: null ?? "b"', '{x: "b"}'],
    ['x: null ?! "b"', '{x: null | "b"}'],
    ['id ...a', '{id: ?, ...}'],
    ['id ...a { b }', '{id: ?, b: ?}'],
    ['id a.b { c }', '{id: ?, c: ?}'],
    ['a { $.b->size }', '{a: number}'],
    [
      '...t->match(["b", {__typename: "B", x}], ["c", {__typename: "C"}], [@, null]) id',
      '{__typename: "B", x: ?, id: ?} | {__typename: "C", id: ?} | null',
    ],
    ['x: a->match(["b", 1], [@, "z"])', '{x: 1 | "z"}'],
    ['x: a->map({ n: @.m })', '{x: [{n: ?}]}'],
    ['x: a->map({ n: 1 })->first', '{x: {n: 1}}'],
    ['x: a->map({ n: 1 }).n', '{x: [1]}'],
    ['x: a->map({ n: 1 })->filter(@.n->eq(1))', '{x: [{n: 1}]}'],
    ['x: a->map({ n: 1 })->find(@.n->eq(1)) { n }', '{x: {n: 1}}'],
    ['x: a->size', '{x: number}'],
    ['x: a->joinNotNull(",")', '{x: string}'],
    ['x: a->eq(1)', '{x: boolean}'],
    ['x: a->split(",")', '{x: [string]}'],
    ['x: a->split(",")->first', '{x: string}'],
    ['x: a->entries', '{x: [{key: string, value: ?}]}'],
    ['x: a->entries { k: key }', '{x: [{k: string}]}'],
    ['x: a->jsonParse', '{x: ?}'],
    ['x: a->keysToCamelCase', '{x: {...}}'],
    ['x: a->echo({ b: 1 })->get("b")', '{x: 1}'],
    ['x: a->as($v, "t")->echo($v)', '{x: "t"}'],
    ['x: $args.id', '{x: ?}'],
    ['x: a->nowhere', '{x: nothing}'],
    ['x: a->size()', '{x: nothing}'],
    ['$status->in([200, 404])', 'boolean'],
    ['"text"', '"text"'],
    ['$(true) { is: $ }', '{is: true}'],
    ['$([1, 2]) { is: $ }', '[{is: 1} | {is: 2}]'],
    ['a { x } a: b { y }', '{a: {x: ?, y: ?}}'],
  ])('%s gives %s', (text, expected) => {
    expect(shapeOf(text)).toBe(expected);
  });

  test('every field knows where its key is written', () => {
    const text = 'id full: name { first }';
    const shape = outputShape(parseSelection(text, '0.4'));
    if (shape.kind !== 'object') throw new Error('no object');
    const full = shape.fields.get('full');
    expect(text.slice(full?.range.start, full?.range.end)).toBe('full');
    const first = full?.shape.kind === 'object' ? full.shape.fields.get('first') : undefined;
    expect(text.slice(first?.range.start, first?.range.end)).toBe('first');
  });

  test('many unions do not multiply without end', () => {
    const spread = '...a->match([1, {x: 1}], [2, {y: 1}], [3, {z: 1}])';
    const shape = outputShape(parseSelection(Array(12).fill(spread).join(' '), '0.4'));
    expect(shape.kind === 'oneOf' && shape.shapes.length).toBeLessThanOrEqual(100);
  });
});

/** `a!` is taken whole, `a` is only looked at. */
function pathsText(tree: InputTree): string {
  return [...tree.fields]
    .map(
      ([name, { needs }]) =>
        `${name}${needs.whole ? '!' : ''}${needs.fields.size > 0 ? `{${pathsText(needs)}}` : ''}`,
    )
    .join(' ');
}

describe('inputPaths', () => {
  test.each([
    ['id name: full', 'id! full!'],
    ['$.a.b', 'a{b!}'],
    ['a { b c { d } }', 'a{b! c{d!}}'],
    ['x: { a b }', 'a! b!'],
    ['a.b { c } d', 'a{b{c!}} d!'],
    ['...a { b } ...c', 'a{b!} c!'],
    ['a {}', 'a'],
    ['x: a->map(@.b)', 'a{b!}'],
    ['x: a->map({ n: @.b, m: $.c })', 'a{b!} c!'],
    ['x: a->map(b)', 'a b!'],
    ['x: a->filter(@.on->eq(true)) { b }', 'a{on! b!}'],
    ['x: a->find(@.on).b', 'a{on! b!}'],
    ['x: a->first { b }', 'a{b!}'],
    ['x: a->slice(0, n).b', 'a{b!} n!'],
    ['x: a->get("b").c', 'a{b{c!}}'],
    ['x: a->get(0).c', 'a{c!}'],
    ['x: a->get(k)', 'a! k!'],
    ['x: a->jsonStringify', 'a!'],
    ['x: a.b->joinNotNull(",")', 'a{b!}'],
    ['x: a->size', 'a'],
    ['x: a->echo(1)', 'a'],
    ['x: a->as($r)->echo($r.b)', 'a{b!}'],
    ['x: a->as($r, @.b)->echo($r.c)', 'a{b{c!}}'],
    ['x: a.b ?? c.d', 'a{b!} c{d!}'],
    ['x: $(a ?? b) { c }', 'a{c!} b{c!}'],
    ['x: $({ p: a }).p.b', 'a{b!}'],
    ['x: t->match(["b", a.x], [@, c])', 't! a{x!} c!'],
    ['x: $args.id', ''],
    ['x: a { y: $.b z: @.c }', 'a{b! c!}'],
    ['x: a->keysToCamelCase', 'a!'],
    ['a? { b? }', 'a{b!}'],
  ])('%s reads %s', (text, expected) => {
    expect(pathsText(inputPaths(parseSelection(text, '0.4')))).toBe(expected);
  });

  test('the whole body is told', () => {
    expect(inputPaths(parseSelection('$', '0.4')).whole).toBeDefined();
    expect(inputPaths(parseSelection('x: $->jsonStringify', '0.4')).whole).toBeDefined();
    expect(inputPaths(parseSelection('$.a', '0.4')).whole).toBeUndefined();
  });

  test('every path knows where it is written first', () => {
    const text = 'x: a.b y: a.c';
    const { fields } = inputPaths(parseSelection(text, '0.4'));
    expect(fields.get('a')?.range).toEqual({ start: 3, end: 4 });
    expect(fields.get('a')?.needs.fields.get('c')?.range).toEqual({ start: 12, end: 13 });
    expect(fields.get('a')?.needs.fields.get('c')?.needs.whole).toEqual({ start: 12, end: 13 });
  });

  test('values that are doubled at every step do not multiply without end', () => {
    const doubling = '->echo({ p: @.p ?? @.q, q: @.q ?? @.p })';
    expect(inputPaths(parseSelection(`x: $${doubling.repeat(60)}.p.z`, '0.4')).fields.size).toBeGreaterThan(
      0,
    );
    const matching = '->match([1, @.x], [2, @.x])';
    expect(inputPaths(parseSelection(`x: $${matching.repeat(60)}`, '0.4')).fields.size).toBe(1);
  });
});

describe('variableUses', () => {
  const usesOf = (text: string): string[] =>
    variableUses(parseSelection(text, '0.4')).map(
      ({ name, path, whole }) => [name, ...path].join('.') + (whole ? '!' : ''),
    );

  test.each([
    ['x: $args.id', ['$args.id!']],
    ['x: $args', ['$args!']],
    ['x: $this { a b { c } }', ['$this.a!', '$this.b.c!']],
    ['x: $args.a y: $args.a', ['$args.a!', '$args.a!']],
    ['x: $batch.id->joinNotNull(",")', ['$batch.id!']],
    ['x: $batch->map({ id: @.id, n: @.name })', ['$batch.id!', '$batch.name!']],
    ['x: $args.a?.b', ['$args.a.b!']],
    ['x: a->eq($this.id)', ['$this.id!']],
    ['x: $this.id->eq($claims.sub)', ['$this.id!', '$claims.sub!']],
    ['x: a->as($row)->echo($row.b)', []],
    ['x: $args->as($a)->echo($a.b)', ['$args.b!']],
    ['x: a->as($row)->first y: $row', ['$row!']],
    ['x: $this->echo(1)', ['$this']],
    ['x: $request.headers.authorization->first', ['$request.headers.authorization!']],
    ['x: $(a ?? $env.A ?? $config.a)', ['$env.A!', '$config.a!']],
    ['a { x: $args.x }', ['$args.x!']],
  ])('%s uses %j', (text, expected) => {
    expect(usesOf(text)).toEqual(expected);
  });

  test('a use knows where its name and its keys are written', () => {
    const text = 'x: $this { a }  y: $args . b';
    const [first, second] = variableUses(parseSelection(text, '0.4'));
    expect(text.slice(first?.range.start, first?.range.end)).toBe('$this');
    expect(first?.pathRanges).toEqual([{ start: 11, end: 12 }]);
    expect(text.slice(second?.range.start, second?.range.end)).toBe('$args');
    expect(second?.pathRanges).toEqual([{ start: 27, end: 28 }]);
  });
});

describe('methodUses', () => {
  test('tells every method, and what is wrong with it', () => {
    const uses = methodUses(parseSelection('x: a->frist y: b->map(@->size())', '0.4'));
    expect(uses.map(({ name, problem }) => [name, problem])).toEqual([
      ['frist', 'there is no method "frist". Did you mean "first", "find", or "last"?'],
      ['map', undefined],
      ['size', '->size is written without parentheses'],
    ]);
  });
});

describe('pruneSelection', () => {
  const wantedOf = (text: string): FieldTree =>
    new Map(
      text
        .split(' ')
        .filter(Boolean)
        .map((path) => tree(path.split('.'))),
    );
  const tree = ([first = '', ...rest]: readonly string[]): [string, FieldTree | null] => [
    first,
    rest.length === 0 ? null : new Map([tree(rest)]),
  ];

  test.each([
    ['id name age', 'id age', 'id, age'],
    ['id name: full', 'name', 'name: full'],
    ['a { b c } d', 'a.b', 'a { b }'],
    ['x: a { b c } y', 'x.c', 'x: a { c }'],
    ['x: { b c }', 'x.c', 'x: { c }'],
    ['id a.b { c d }', 'd', 'a.b { d }'],
    ['id ...a { c d }', 'id c', 'id, ...a { c }'],
    ['id ...a', 'id', 'id, ...a'],
    ['__typename: "A" id name', 'id', '__typename: "A", id'],
    ['a { __typename: "A", b, c }', 'a.b', 'a { __typename: "A", b }'],
    [
      '...t->match(["b", {__typename: "B", x, y}], [@, null]) id',
      'x',
      '...t->match(["b", { __typename: "B", x }], [@, null])',
    ],
    ['x: a->map({ b: @.b, c: @.c })', 'x.b', 'x: a->map({ b: @.b })'],
    ['x: a->map({ b: @.b, c: @.c })->first', 'x.b', 'x: a->map({ b: @.b })->first'],
    ['x: a->map({ b: @.b, c: @.c })->size', 'x.b', 'x: a->map({ b: @.b, c: @.c })->size'],
    ['x: a->echo(@ { b c })', 'x.b', 'x: a->echo(@ { b })'],
    ['x: a { b c } ?? d { b c }', 'x.b', 'x: a { b } ?? d { b }'],
    ['x: [{ b, c }]', 'x.b', 'x: [{ b }]'],
    ['x: $({ b, c })?', 'x.b', 'x: $({ b })?'],
    ['x: a.b', 'x.c', 'x: a.b'],
    ['x: a { b c }', 'x', 'x: a { b, c }'],
    ['x: a { b c }', 'y', ''],
    ['$.a { b c }', 'b', '$.a { b }'],
    ['$->first { id name }', 'id', '$->first { id }'],
  ])('of %s, %j wants %s', (text, wanted, expected) => {
    const pruned = printSelection(pruneSelection(parseSelection(text, '0.4'), wantedOf(wanted)));
    expect(pruned.replace(/^\{ (.*) \}$/, '$1')).toBe(expected);
  });
});
