import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSelection } from '../../src/mapping/compile.js';
import { parseJson, stringifyJson } from '../../src/mapping/json.js';
import { MappingSyntaxError, parseSelection } from '../../src/mapping/parse.js';
import { printSelection } from '../../src/mapping/print.js';
import { pruneSelection } from '../../src/mapping/prune.js';
import { inputPaths, methodUses, outputShape, variableUses } from '../../src/mapping/shape.js';
import type { FieldTree, OutputShape, VariableUse } from '../../src/mapping/shape.js';
import type { Selection } from '../../src/mapping/syntax.js';
import { parseTemplate } from '../../src/mapping/template.js';
import { compileUrl } from '../../src/mapping/url.js';
import { isObject, put } from '../../src/mapping/values.js';
import type { JsonObject } from '../../src/mapping/values.js';
import { SPEC_VERSIONS } from '../../src/mapping/version.js';
import type { SpecVersion } from '../../src/mapping/version.js';
import { fieldTree, json, selections } from './arbitraries.js';
import { withoutRanges } from './trees.js';

/** Set `SEED` to search elsewhere and `RUNS` to search longer; a failure names the seed it happened with. */
const seed = Number(process.env['SEED'] ?? 20261);
const runs = Number(process.env['RUNS'] ?? 1);

function holds<T extends unknown[]>(property: fc.IProperty<T>, numRuns = 300): void {
  fc.assert(property, { seed, numRuns: numRuns * runs });
}

/** As `toStrictEqual`, but quick on large values, and not misled by own properties named `constructor`. */
function expectSame(actual: unknown, expected: unknown, note = ''): void {
  if (!isDeepStrictEqual(actual, expected))
    expect.fail(`${note}\n${stringifyJson(actual)}\nis not\n${stringifyJson(expected)}`);
}

const versions = fc.constantFrom<SpecVersion>(...SPEC_VERSIONS);
const versioned = versions.chain((version) => selections(version));
const variables = fc.record({ $args: json, $this: json }, { requiredKeys: [] });

describe('printing', () => {
  for (const version of SPEC_VERSIONS) {
    test(`what is printed is parsed as the same tree (v${version})`, () => {
      holds(
        fc.property(selections(version), (selection) => {
          const text = printSelection(selection);
          expectSame(withoutRanges(parseSelection(text, version)), withoutRanges(selection), text);
        }),
        150,
      );
    });
  }

  test('every range of a parsed text lies in it, and inside that of its parent', () => {
    holds(
      fc.property(versioned, (selection) => {
        const text = printSelection(selection);
        expectNested(parseSelection(text, selection.version), { start: 0, end: text.length });
      }),
      100,
    );
  });
});

function expectNested(node: unknown, outer: { start: number; end: number }): void {
  if (Array.isArray(node)) return node.forEach((each) => expectNested(each, outer));
  if (typeof node !== 'object' || node === null) return;
  const range = 'range' in node ? (node.range as typeof outer) : outer;
  if (range.start < outer.start || range.end > outer.end || range.start > range.end)
    expect.fail(`${stringifyJson(range)} is not in ${stringifyJson(outer)}`);
  for (const [name, value] of Object.entries(node))
    if (name !== 'range' && name !== 'nameRange') expectNested(value, range);
}

describe('evaluation', () => {
  test('never throws, never changes its input, and gives the same with and without problems', () => {
    holds(
      fc.property(versioned, json, variables, (selection, body, values) => {
        const mapping = compileSelection(selection);
        const before = stringifyJson([body, values]);
        const quick = mapping.evaluate(body, values);
        const problems: unknown[] = [];
        expectSame(mapping.evaluate(body, values, problems as never[]), quick, printSelection(selection));
        expect(stringifyJson([body, values])).toBe(before);
        expect(new Set(problems.map((problem) => JSON.stringify(problem))).size).toBe(problems.length);
      }),
      400,
    );
  });

  test('never throws on values nested 5,000 deep', () => {
    const deepList: unknown = JSON.parse(`${'['.repeat(5000)}{"a":1}${']'.repeat(5000)}`);
    const deepObject: unknown = JSON.parse(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`);
    const bodies = [deepList, deepObject, { a: deepList, b: deepList, id: deepObject }];
    holds(
      fc.property(versioned, fc.constantFrom(...bodies), (selection, body) => {
        const mapping = compileSelection(selection);
        mapping.evaluate(body, { $args: body });
        mapping.evaluate(body, { $args: body }, []);
      }),
      200,
    );
  });

  test('static analysis never throws', () => {
    holds(
      fc.property(versioned, (selection) => {
        outputShape(selection);
        inputPaths(selection);
        variableUses(selection);
        methodUses(selection);
      }),
    );
  });
});

describe('static analysis', () => {
  test('nothing is produced that the output shape does not tell', () => {
    holds(
      fc.property(versioned, json, variables, (selection, body, values) => {
        fc.pre(!hasInnerValue(selection));
        const shape = outputShape(selection);
        const output = compileSelection(selection).evaluate(body, values);
        if (!fits(output, shape))
          expect.fail(
            `${printSelection(selection)} gives ${stringifyJson(output)}, not ${stringifyJson(shape)}`,
          );
      }),
      200,
    );
  });

  test('what the input paths do not name can be taken away from the body', () => {
    holds(
      fc.property(versioned, json, (selection, body) => {
        fc.pre(!countsKeys(selection));
        const mapping = compileSelection(selection);
        expectSame(
          mapping.evaluate(restrict(body, inputPaths(selection)), {}),
          mapping.evaluate(body, {}),
          printSelection(selection),
        );
      }),
      200,
    );
  });

  test('what no use names can be taken away from a variable', () => {
    holds(
      fc.property(versioned, json, json, (selection, body, $args) => {
        fc.pre(!countsKeys(selection));
        const mapping = compileSelection(selection);
        const needed = treeOf(variableUses(selection).filter(({ name }) => name === '$args'));
        expectSame(
          mapping.evaluate(body, { $args: restrict($args, needed) }),
          mapping.evaluate(body, { $args }),
          printSelection(selection),
        );
      }),
      200,
    );
  });
});

/** Where a bare value in braces is missing, a scalar stands for itself, which no shape tells. */
function hasInnerValue(selection: Selection): boolean {
  return stringifyJson(selection).includes('"kind":"value"');
}

/** Null may come from anywhere, and so may lists of what is told. */
function fits(value: unknown, shape: OutputShape): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value) && shape.kind !== 'list' && shape.kind !== 'oneOf')
    return value.every((each) => fits(each, shape));
  switch (shape.kind) {
    case 'unknown':
      return true;
    case 'nothing':
      return false;
    case 'literal':
      // a merged null makes the object null, unless the null is missing after all
      return shape.value === null || isDeepStrictEqual(value, shape.value);
    case 'scalar':
      return shape.type === (typeof value === 'bigint' ? 'number' : typeof value);
    case 'list':
      return Array.isArray(value) && value.every((each) => fits(each, shape.of));
    case 'oneOf':
      return shape.shapes.some((each) => fits(value, each));
    case 'object':
      return fitsObject(value, shape);
  }
}

/** A scalar of which nothing could be selected stands for itself. */
function fitsObject(value: unknown, shape: OutputShape & { kind: 'object' }): boolean {
  if (!isObject(value)) return true;
  return Object.entries(value).every(([key, member]) =>
    fits(member, shape.fields.get(key)?.shape ?? { kind: shape.open ? 'unknown' : 'nothing' }),
  );
}

/** `->size` of an object counts keys that it does not name. */
function countsKeys(selection: Selection): boolean {
  return methodUses(selection).some(({ name }) => name === 'size');
}

interface Needed {
  readonly fields: ReadonlyMap<string, { readonly needs: Needed }>;
  readonly whole: unknown;
}

function restrict(value: unknown, needed: Needed): unknown {
  if (needed.whole !== undefined) return value;
  if (Array.isArray(value)) return value.map((each) => restrict(each, needed));
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const field = needed.fields.get(key);
    if (field !== undefined) put(kept, key, restrict(member, field.needs));
  }
  return kept;
}

function treeOf(uses: readonly VariableUse[]): Needed {
  const firsts = [...new Set(uses.flatMap(({ path }) => path.slice(0, 1)))];
  const below = (first: string): VariableUse[] =>
    uses.filter(({ path }) => path[0] === first).map((use) => ({ ...use, path: use.path.slice(1) }));
  return {
    whole: uses.some(({ path, whole }) => path.length === 0 && whole) ? true : undefined,
    fields: new Map(firsts.map((first) => [first, { needs: treeOf(below(first)) }])),
  };
}

describe('pruning', () => {
  test('evaluating the pruned part and picking gives what evaluating all and picking gives', () => {
    holds(
      fc.property(versioned, fieldTree, json, variables, (selection, wanted, body, values) => {
        const pruned = pruneSelection(selection, wanted);
        const part = compileSelection(pruned).evaluate(body, values);
        const whole = compileSelection(selection).evaluate(body, values);
        expectSame(pick(part, wanted), pick(whole, wanted), printSelection(selection));
      }),
      700,
    );
  });

  test('pruning a pruned selection changes nothing', () => {
    holds(
      fc.property(versioned, fieldTree, (selection, wanted) => {
        const pruned = pruneSelection(selection, wanted);
        expectSame(pruneSelection(pruned, wanted), pruned);
      }),
    );
  });
});

function pick(value: unknown, wanted: FieldTree | null): unknown {
  if (wanted === null) return value;
  if (Array.isArray(value)) return value.map((each) => pick(each, wanted));
  if (!isObject(value)) return value;
  const picked: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__typename' || wanted.has(key)) put(picked, key, pick(member, wanted.get(key) ?? null));
  }
  return picked;
}

describe('parsing anything', () => {
  const tokens = [
    'a',
    'b',
    'true',
    'null',
    '1',
    '.5',
    '-',
    '->',
    '->as($x)',
    '.',
    '...',
    '?',
    '??',
    '?!',
    '$',
    '@',
    '$args',
    '$(',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"x"',
    "'y'",
    '"',
    '\\',
    '#',
    '\n',
    ' ',
    'ż',
    '\ud83d',
    '\0',
  ];
  const soup = fc.array(fc.constantFrom(...tokens), { maxLength: 25 }).map((parts) => parts.join(''));

  for (const [name, parse] of [
    ['selections', parseSelection],
    ['templates', parseTemplate],
  ] as const) {
    test(`${name} are parsed, or refused with a place in the text`, () => {
      holds(
        fc.property(
          fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 40 })),
          versions,
          (text, version) => {
            try {
              parse(text, version);
            } catch (error) {
              if (!(error instanceof MappingSyntaxError)) throw error;
              expect(error.range.start).toBeGreaterThanOrEqual(0);
              expect(error.range.end).toBeLessThanOrEqual(text.length);
              expect(error.range.start).toBeLessThanOrEqual(error.range.end);
            }
          },
        ),
        1500,
      );
    });
  }

  test('what is parsed can be printed and parsed again', () => {
    holds(
      fc.property(soup, versions, (text, version) => {
        let selection;
        try {
          selection = parseSelection(text, version);
        } catch {
          return;
        }
        const printed = printSelection(selection);
        expectSame(withoutRanges(parseSelection(printed, version)), withoutRanges(selection), printed);
      }),
      1500,
    );
  });
});

describe('URLs', () => {
  test('no value adds a segment, a parameter, or reaches the host', () => {
    const url = parseTemplate(
      '/users/{$args.a}/x{$args.b}/{$args.a}{$args.b}?p={$args.a}&q={$args.b}',
      '0.4',
    );
    const urlOf = compileUrl({
      base: 'https://api.example.com/v1',
      url,
      path: parseSelection('$([$args.a, "end"])', '0.4'),
      queryParams: parseSelection('r: $args.b', '0.4'),
    });
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('.', '/', '%2e', '%2F', '?', '#', '&', '=', '\\', '@', ':'), { maxLength: 4 })
        .map((parts) => parts.join('')),
    );
    holds(
      fc.property(text, text, (a, b) => {
        // an empty element right behind a slash adds nothing
        fc.pre(a !== '');
        const result = urlOf({ $args: { a, b } });
        if (result.kind === 'failure') return;
        const parsed = new URL(result.origin + result.path);
        expect(parsed.origin).toBe('https://api.example.com');
        expect(parsed.pathname.split('/').map(decodeURIComponent)).toEqual([
          '',
          'v1',
          'users',
          a,
          `x${b}`,
          a + b,
          a,
          'end',
        ]);
        expect([...parsed.searchParams]).toEqual([
          ['p', a],
          ['q', b],
          ['r', b],
        ]);
      }),
      500,
    );
  });
});

describe('JSON', () => {
  test('what is written is read as the same value', () => {
    holds(
      fc.property(json, (value) => {
        expectSame(parseJson(stringifyJson(value)), value);
      }),
    );
  });

  test('texts without large integers are read as JSON.parse reads them', () => {
    holds(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (text, space) => {
        fc.pre(!/\d{16}/.test(text));
        const spaced = `[${space}"1234567890123456"${space},${space}${text}${space}]`;
        expectSame(parseJson(spaced), JSON.parse(spaced));
      }),
    );
  });

  test('what JSON.parse refuses is refused in the same words', () => {
    holds(
      fc.property(
        fc.array(
          fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', '12345678901234567', 'null', '\\', ' '),
          { maxLength: 8 },
        ),
        (parts) => {
          const text = parts.join('');
          expect(outcome(() => parseJson(text.replaceAll('12345678901234567', '1')))).toEqual(
            outcome(() => JSON.parse(text.replaceAll('12345678901234567', '1')) as unknown),
          );
          expect(outcome(() => parseJson(text)).error).toEqual(
            outcome(() => JSON.parse(text) as unknown).error,
          );
        },
      ),
      1000,
    );
  });
});

function outcome(run: () => unknown): { value?: unknown; error?: string } {
  try {
    return { value: run() };
  } catch (error) {
    return { error: String(error) };
  }
}
