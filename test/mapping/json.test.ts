import { expect, test, vi } from 'vitest';
import { compileSelection } from '../../src/mapping/compile.js';
import { hasMoreValues, parseJson, stringifyJson } from '../../src/mapping/json.js';
import { MappingSyntaxError, parseSelection } from '../../src/mapping/parse.js';

test('integers outside the safe range keep all digits', () => {
  const text = '{"a":9007199254740992,"b":[-9223372036854775808,123456789012345678901234567890],"c":1}';
  const value = parseJson(text);
  expect(value).toEqual({
    a: 9007199254740992n,
    b: [-9223372036854775808n, 123456789012345678901234567890n],
    c: 1,
  });
  expect(stringifyJson(value)).toBe(text);
});

test('safe integers, fractions and exponents are numbers', () => {
  expect(
    parseJson(
      '[9007199254740991, -9007199254740991, 1234567890123456.5, 12345678901234567e3, 0.12345678901234567890]',
    ),
  ).toEqual([
    9007199254740991, -9007199254740991, 1234567890123456.5, 12345678901234567e3, 0.12345678901234568,
  ]);
});

test('long digits in strings stay strings', () => {
  expect(parseJson('{"12345678901234567": "12345678901234567\\n\\"\\u0041"}')).toEqual({
    '12345678901234567': '12345678901234567\n"A',
  });
});

test('__proto__ stays an own property on both paths', () => {
  for (const id of ['1', '12345678901234567']) {
    const value = parseJson(`{"__proto__": {"x": 1}, "id": ${id}}`) as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'id']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(stringifyJson(value)).toBe(`{"__proto__":{"x":1},"id":${id}}`);
  }
});

test('the last of two equal keys wins on both paths', () => {
  expect(parseJson('{"a": 12345678901234567, "a": 2}')).toEqual({ a: 2 });
});

test('any depth is read and written', () => {
  const depth = 100_000;
  const text = `${'[{"a":'.repeat(depth)}12345678901234567${'}]'.repeat(depth)}`;
  expect(stringifyJson(parseJson(text)) === text).toBe(true);
});

test('what has no JSON form is null or left out', () => {
  expect(stringifyJson(undefined)).toBe('null');
  expect(stringifyJson([undefined, 1n])).toBe('[null,1]');
  expect(stringifyJson({ a: undefined, b: 1n })).toBe('{"b":1}');
  expect(stringifyJson([Infinity, 1n])).toBe('[null,1]');
});

test('a wrong text is refused as JSON.parse refuses it', () => {
  expect(() => parseJson('{"a": 12345678901234567')).toThrow(SyntaxError);
  expect(() => parseJson('')).toThrow(SyntaxError);
});

test('->jsonParse tells what is wrong with a text', () => {
  const problems: { message: string }[] = [];
  expect(
    compileSelection(parseSelection('$->jsonParse', '0.4')).evaluate('{', {}, problems as never[]),
  ).toBeUndefined();
  expect(problems[0]?.message).toMatch(/^->jsonParse got a text that is no JSON: /);
});

test('a polluted Object.prototype is not read, and a polluting key does not pollute', () => {
  const mapping = compileSelection(parseSelection('id name: full { x } __proto__', '0.4'));
  const prototype = Object.prototype as Record<string, unknown>;
  prototype['id'] = 'stranger';
  prototype['x'] = 'stranger';
  try {
    expect(mapping.evaluate([{ full: {} }, { id: 1, full: { x: 2 } }], {})).toEqual([
      { name: {} },
      { id: 1, name: { x: 2 } },
    ]);
  } finally {
    delete prototype['id'];
    delete prototype['x'];
  }
  mapping.evaluate(parseJson('{"__proto__": {"evil": 1}}'), {});
  expect(({} as Record<string, unknown>)['evil']).toBeUndefined();
});

test('texts nested deeper than 200 levels are refused at the level too deep', () => {
  for (const [open, close] of [
    ['{a', '}'],
    ['$(', ')'],
    ['[', ']'],
    ['a->echo(', ')'],
    ['{a:', '}'],
  ] as const) {
    const text = (depth: number): string =>
      `x: ${open.repeat(depth)}1${close.repeat(depth)}`.replace('{a1', '{a');
    expect(() => compileSelection(parseSelection(text(200), '0.4')).evaluate({}, {})).not.toThrow();
    const deep = text(201);
    expect(() => parseSelection(deep, '0.4')).toThrow(MappingSyntaxError);
    expect(() => parseSelection(text(100_000), '0.4')).toThrow('nested deeper than 200 levels');
  }
});

test('lists nested too deep to follow are missing, with a problem', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(5000)}{"a":1}${']'.repeat(5000)}`);
  for (const text of ['$.a', 'a', '$ { a }']) {
    const mapping = compileSelection(parseSelection(text, '0.4'));
    const problems: { message: string }[] = [];
    expect(stringifyJson(mapping.evaluate(deep, {}, problems as never[]))).toBe(
      stringifyJson(mapping.evaluate(deep, {})),
    );
    expect(problems.map(({ message }) => message)).toEqual(['lists are nested deeper than 500 levels']);
  }
});

test('a mapping gives up, with a problem, where the stack is used up', () => {
  const mapping = compileSelection(parseSelection(`x: ${'{a:'.repeat(150)}b${'}'.repeat(150)}`, '0.4'));
  const under = (frames: number, run: () => unknown): unknown =>
    frames === 0 ? run() : [under(frames - 1, run)];
  for (let frames = 30_000; frames > 0; frames -= 10) {
    const problems: { message: string }[] = [];
    try {
      under(frames, () => mapping.evaluate({ b: 1 }, {}, problems as never[]));
    } catch {
      continue; // not even the call itself had room
    }
    expect(problems.map(({ message }) => message)).toEqual([
      'the mapping was given up: not enough stack is left',
    ]);
    return;
  }
});

test('where code may not be generated, mappings give the same', () => {
  const selection = parseSelection('id name: full.first n: a ?? "x" o: { b, c: 1 }', '0.4');
  const rows = [{ id: 1, full: { first: 'A' }, b: 2 }, { id: null, a: 3 }, 5, null];
  const generated = compileSelection(selection).evaluate(rows, {});
  let refused = 0;
  const refuse = function (): never {
    refused++;
    throw new EvalError('Code generation from strings disallowed for this context');
  };
  vi.stubGlobal('Function', refuse);
  const mapping = compileSelection(selection);
  vi.unstubAllGlobals();
  expect(refused).toBeGreaterThan(0);
  expect(mapping.evaluate(rows, {})).toEqual(generated);
});

test('a value that contains itself is refused, beside a bigint too', () => {
  const circle: Record<string, unknown> = { big: 2n ** 60n };
  circle['self'] = [circle];
  expect(() => stringifyJson(circle)).toThrow(TypeError);
  const shared = { n: 2n ** 60n };
  expect(stringifyJson([shared, shared])).toBe('[{"n":1152921504606846976},{"n":1152921504606846976}]');
});

test('values are counted without being read', () => {
  const texts: [string, number][] = [
    ['[]', 1],
    ['[1,2,3]', 3],
    ['{"a":[{},{}],"b":{"c":[]}}', 8],
    ['["[,{\\",[", "\\\\", ","]', 3],
    ['{"a,b[":"{"}', 1],
  ];
  for (const [text, values] of texts) {
    // Spaces, for a text is only looked at if it is long enough.
    const long = text + ' '.repeat(20);
    expect([text, hasMoreValues(long, values), hasMoreValues(long, values - 1)]).toEqual([text, false, true]);
  }
  expect(hasMoreValues('["no end,,,,,,,,,,,', 5)).toBe(false);
});
