import fc from 'fast-check';
import { getIntrospectionQuery, Kind, parse, type SelectionSetNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { sizesOf, type DocumentSizes } from '../../../src/policy/query-limits/sizes.js';

/** In a test's name is the seed it ran with: `FC_SEED=…` runs it again, `FC_RUNS=…` sets how often. */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000_000);
const numRuns = Number(process.env['FC_RUNS'] ?? 100);

function sizes(text: string): DocumentSizes {
  return sizesOf(parse(text));
}

describe('a document has', () => {
  test.each<[string, string, Partial<DocumentSizes>]>([
    ['one level', '{ a b c }', { depth: 1, fields: 3, rootFields: 3, tokens: 5, definitions: 1 }],
    ['levels', '{ a { b { c } } d }', { depth: 3, nesting: 3, fields: 4, rootFields: 2 }],
    ['no levels for inline fragments', '{ ... { ... on T { a { ... { b } } } } }', { depth: 2, nesting: 5 }],
    [
      'the levels of named fragments',
      '{ a { ...F } } fragment F on T { b { ...G } } fragment G on T { c }',
      { depth: 3, nesting: 5, fields: 3, definitions: 3 },
    ],
    ['aliases at each use', '{ a { ...F } b: a { ...F } } fragment F on T { x: c y: c }', { aliases: 5 }],
    [
      'directives at each place, and at each use of a fragment',
      `query ($v: Int @d) @d { a @d @d ... @d { b } ...F @d c: b { ...F } } fragment F on T @d { e @d }`,
      { directives: 10 },
    ],
    [
      'root fields, those of fragments among them',
      '{ a { x } ...F ... on Query { b ...F } } fragment F on Query { c { y } d }',
      { rootFields: 6, fields: 9 },
    ],
    ['the most that one operation has', 'query A { a { b } } query B { x: a y: a }', { depth: 2, fields: 2 }],
    ['what an unused fragment has', '{ a } fragment F on T { x: a { y: b } }', { depth: 2, aliases: 2 }],
    ['no root fields in a fragment', '{ a } fragment F on T { x y z }', { rootFields: 1, fields: 3 }],
    ['nested values', '{ a(b: [[{ c: [1] }]]) }', { depth: 1, nesting: 5 }],
    ['nested values of variables', 'query ($v: I = { a: { b: 1 } }) { a(v: $v) }', { nesting: 2 }],
    ['nested values of directives', '{ a @d(v: [[[[[1]]]]]) }', { nesting: 5 }],
    ['nested types', 'query ($v: [[[Int!]!]!]!) { a(v: $v) }', { nesting: 7 }],
    ['what a missing fragment leaves', '{ a { ...Nowhere } }', { depth: 1, fields: 1 }],
    [
      'names of JavaScript',
      '{ ...__proto__ } fragment __proto__ on T { constructor { toString } }',
      { depth: 2 },
    ],
    ['a name that looks like introspection', 'query __schema { __schema: a { __type: b } }', { depth: 2 }],
    [
      'definitions of types, not looked into',
      'type T { a(b: [Int] = [[1]]): Int } { a }',
      { definitions: 2 },
    ],
  ])('%s', (_, text, expected) => {
    expect(sizes(text)).toMatchObject(expected);
  });

  test.each([
    ['itself', '{ ...A } fragment A on T { a ...A }'],
    ['another that spreads it', '{ ...A } fragment A on T { a ...B } fragment B on T { b { ...A } }'],
    [
      'a circle of three, entered in the middle',
      '{ ...B } fragment A on T { a ...B } fragment B on T { b ...C } fragment C on T { c ...A x: c { ...B } }',
    ],
  ])('finite numbers where a fragment spreads %s', (_, text) => {
    const { fields, depth } = sizes(text);
    expect(fields).toBeGreaterThan(0);
    expect(fields).toBeLessThan(20);
    expect(depth).toBeLessThan(5);
  });
});

/** `width` spreads a level, `levels` levels. */
function bomb(levels: number, width: number, between: (spread: string) => string): string {
  const name = (level: number) => `F${level}`;
  const body = (level: number) =>
    level === levels
      ? 'leaf'
      : Array.from({ length: width }, () => between(`...${name(level + 1)}`)).join(' ');
  return `{ ...F0 } ${Array.from({ length: levels + 1 }, (_, level) => `fragment ${name(level)} on T { ${body(level)} }`).join(' ')}`;
}

describe('a fragment bomb', () => {
  test.each([
    ['of 2^18 nested fields', bomb(18, 2, (spread) => `a { ${spread} }`), 3 * 2 ** 18 - 2],
    ['of 2^18 on one level', bomb(18, 2, (spread) => spread), 2 ** 18],
    ['of 2^100 on one level', bomb(100, 2, (spread) => spread), Number.MAX_SAFE_INTEGER],
    ['of 10^200', bomb(200, 10, (spread) => `... { ${spread} }`), Number.MAX_SAFE_INTEGER],
  ])('%s is measured by looking at each node once', (_, text, fields) => {
    const measured = sizes(text);
    expect(measured.fields).toBe(fields);
    expect(measured.visited).toBe(nodesOf(text));
  });

  test('of many fragments that each spread all later ones takes a look at each spread', () => {
    const count = 150;
    const text = `{ ...F0 } ${Array.from({ length: count }, (_, at) => {
      const spreads = Array.from({ length: count - at - 1 }, (_, more) => `...F${at + more + 1}`).join(' ');
      return `fragment F${at} on T { a ${spreads} }`;
    }).join(' ')}`;
    expect(sizes(text)).toMatchObject({ fields: Number.MAX_SAFE_INTEGER, visited: nodesOf(text) });
  });
});

test('depth is no matter of the stack', () => {
  // Not from the parser, which would end its own.
  let selectionSet: SelectionSetNode | undefined;
  for (let level = 0; level < 100_000; level++) {
    const field = {
      kind: Kind.FIELD,
      name: { kind: Kind.NAME, value: 'a' },
      ...(selectionSet && { selectionSet }),
    } as const;
    selectionSet = { kind: Kind.SELECTION_SET, selections: [field] };
  }
  const operation = { kind: Kind.OPERATION_DEFINITION, operation: 'query', selectionSet } as never;
  expect(sizesOf({ kind: Kind.DOCUMENT, definitions: [operation] })).toMatchObject({ depth: 100_000 });
  const chain = Array.from({ length: 5_000 }, (_, at) => `fragment F${at} on T { ...F${at + 1} }`).join('');
  expect(sizes(`{ ...F0 } ${chain} fragment F5000 on T { a }`)).toMatchObject({ depth: 1, nesting: 5_002 });
});

test('the query by which tools ask for a schema is small enough for the defaults', () => {
  const all = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true };
  const query = getIntrospectionQuery({ ...all, inputValueDeprecation: true, oneOf: true });
  const { depth, nesting, fields, tokens, rootFields } = sizes(query);
  expect([depth <= 15, nesting <= 60, fields <= 1_000, tokens <= 2_000, rootFields]).toEqual([
    true,
    true,
    true,
    true,
    1,
  ]);
});

describe(`on random documents, seed ${seed}`, () => {
  test('the numbers are those of the document with its fragments written out', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const { depth, aliases, directives, rootFields, fields } = sizes(text);
        expect({ depth, aliases, directives, rootFields, fields }).toEqual(naiveSizes(text));
      }),
      { seed, numRuns },
    );
  });

  test('each node is looked at once', () => {
    fc.assert(
      fc.property(documents, (text) => {
        expect(sizes(text).visited).toBe(nodesOf(text));
      }),
      { seed, numRuns },
    );
  });
});

// Random documents: fragment F2 may spread F3 and F4, so that there are no circles.

const fragmentCount = 5;

function selections(from: number): fc.Arbitrary<string> {
  const spreadable = Array.from({ length: fragmentCount - from }, (_, index) => `...F${from + index}`);
  const { set } = fc.letrec<{ set: string; one: string }>((tie) => ({
    set: fc.array(tie('one'), { minLength: 1, maxLength: 4 }).map((each) => `{ ${each.join(' ')} }`),
    one: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('a', 'b', 'x: a', '__schema: b', 'c @d', 'y: c @d(v: [1]) @d', ...spreadable),
      tie('set').map((set) => `f ${set}`),
      tie('set').map((set) => `z: f(a: { b: [] }) ${set}`),
      tie('set').map((set) => `... @d ${set}`),
    ),
  }));
  return set;
}

const documents = fc
  .tuple(
    fc.array(selections(0), { minLength: 1, maxLength: 2 }),
    ...Array.from({ length: fragmentCount }, (_, index) => selections(index + 1)),
  )
  .map(([operations, ...fragments]) =>
    [
      ...operations.map((set, index) => `query Q${index} ${set}`),
      ...fragments.map((set, index) => `fragment F${index} on T ${set}`),
    ].join('\n'),
  );

/** The same by writing every fragment out, and counting. */
function naiveSizes(text: string) {
  const { definitions } = parse(text);
  const fragments = new Map(
    definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );
  const result = { depth: 0, aliases: 0, directives: 0, rootFields: 0, fields: 0 };
  for (const definition of definitions) {
    if (!('selectionSet' in definition)) continue;
    const own = {
      depth: 0,
      aliases: 0,
      directives: definition.directives?.length ?? 0,
      rootFields: 0,
      fields: 0,
    };
    const visit = ({ selections }: SelectionSetNode, depth: number): void => {
      for (const node of selections) {
        own.directives += node.directives?.length ?? 0;
        if (node.kind === Kind.FIELD) {
          own.fields++;
          own.depth = Math.max(own.depth, depth);
          if (node.alias) own.aliases++;
          if (depth === 1 && definition.kind === Kind.OPERATION_DEFINITION) own.rootFields++;
          if (node.selectionSet) visit(node.selectionSet, depth + 1);
        } else if (node.kind === Kind.INLINE_FRAGMENT) {
          visit(node.selectionSet, depth);
        } else {
          const fragment = fragments.get(node.name.value);
          if (!fragment) continue;
          own.directives += fragment.directives?.length ?? 0;
          visit(fragment.selectionSet, depth);
        }
      }
    };
    visit(definition.selectionSet, 1);
    for (const key of Object.keys(result) as (keyof typeof result)[]) {
      result[key] = Math.max(result[key], own[key]);
    }
  }
  return result;
}

/** The nodes of a text that can hold others, and the leaves among values and types: names and sets are parts of those. */
function nodesOf(text: string): number {
  let count = 0;
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    const { kind } = value as { readonly kind?: unknown };
    const isPart = [Kind.DOCUMENT, Kind.NAME, Kind.SELECTION_SET].includes(kind as Kind);
    if (kind !== undefined && !isPart) count++;
    for (const [key, inner] of Object.entries(value)) {
      if (!['loc', 'name', 'alias', 'typeCondition', 'variable'].includes(key)) visit(inner);
    }
  };
  visit(parse(text));
  return count;
}
