import fc from 'fast-check';
import { METHODS } from '../../src/mapping/methods/index.js';
import type { FieldTree } from '../../src/mapping/shape.js';
import { isSingleKey } from '../../src/mapping/syntax.js';
import type {
  Entry,
  Expression,
  Key,
  Path,
  Root,
  Selection,
  SelectionList,
  Step,
} from '../../src/mapping/syntax.js';
import { put } from '../../src/mapping/values.js';
import type { JsonObject } from '../../src/mapping/values.js';
import { syntaxOf } from '../../src/mapping/version.js';
import type { SpecVersion } from '../../src/mapping/version.js';

const range = { start: 0, end: 0 };

const plainNames = fc.constantFrom('a', 'b', 'c', 'id');
const anyNames = fc.oneof(
  { weight: 6, arbitrary: plainNames },
  fc.constantFrom(
    'true',
    'null',
    'nullable',
    '__proto__',
    '__typename',
    'constructor',
    'x y',
    '',
    'say "hi"',
    'back\\slash',
    'new\nline',
    'ż💡',
    '# no',
  ),
);

const keyOf = (name: string): Key => ({ name, range });

/** Few names, so that selections meet data; all kinds of values, own `__proto__` among the keys. */
export const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, 1, -7, 1.5, 2n ** 60n, 'a', 'text', '', 'ż💡', '\ud800'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'id', '__proto__', 'x y', 'user_name'), tie('value')), {
        maxLength: 4,
      })
      .map(objectOf),
  ),
})).value;

function objectOf(members: readonly (readonly [string, unknown])[]): JsonObject {
  const object: JsonObject = {};
  for (const [key, value] of members) put(object, key, value);
  return object;
}

/** Some wanted output fields. */
export const fieldTree: fc.Arbitrary<FieldTree> = fc.letrec<{ tree: FieldTree; below: FieldTree | null }>(
  (tie) => ({
    tree: fc.array(fc.tuple(anyNames, tie('below')), { maxLength: 4 }).map((fields) => new Map(fields)),
    below: fc.oneof({ maxDepth: 3 }, fc.constant(null), tie('tree')),
  }),
).tree;

/** A type, not an interface: fast-check wants an index signature. */
type Nodes = {
  expression: Expression;
  operand: Expression;
  /** A path where an expression may stand: its first key is not quoted and no literal's name. */
  innerPath: Path;
  /** A path where a selection may stand. */
  path: Path;
  list: SelectionList;
  entries: Entry[];
  objectEntries: Entry[];
  steps: Step[];
};

/** Syntax trees as the parser makes them, but for ranges. */
export function selections(version: SpecVersion): fc.Arbitrary<Selection> {
  const nodes = nodesOf(version);
  const root = syntaxOf(version).expressions
    ? fc.oneof(nodes.list, nodes.expression.map(asRoot))
    : nodes.list.map(({ entries }): Selection['root'] => alone(entries) ?? { kind: 'list', entries, range });
  return root.map((each) => ({ version, root: each, range }));
}

/** v0.4 reads an object literal or a lone key at the top as a list of selections. */
function asRoot(expression: Expression): Selection['root'] {
  if (expression.kind === 'object') return { kind: 'list', entries: expression.entries, range };
  if (expression.kind !== 'path' || !isSingleKey(expression)) return expression;
  return {
    kind: 'list',
    entries: [{ kind: 'field', key: expression.root.key, value: expression, range }],
    range,
  };
}

function alone(entries: readonly Entry[]): Path | undefined {
  const [only] = entries;
  return entries.length === 1 && (only?.kind === 'value' || only?.kind === 'inline') ? only.value : undefined;
}

function nodesOf(version: SpecVersion): {
  list: fc.Arbitrary<SelectionList>;
  expression: fc.Arbitrary<Expression>;
} {
  const syntax = syntaxOf(version);
  return fc.letrec<Nodes>((tie) => ({
    expression: syntax.questions
      ? fc.oneof(
          { weight: 5, arbitrary: tie('operand') },
          fc
            .tuple(
              fc.constantFrom('??' as const, '?!' as const),
              fc.array(tie('operand'), { minLength: 2, maxLength: 3 }),
            )
            .map(([operator, operands]): Expression => ({ kind: 'operators', operator, operands, range })),
        )
      : tie('operand'),
    operand: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      literal,
      tie('innerPath'),
      fc
        .array(tie('expression'), { maxLength: 3 })
        .map((items): Expression => ({ kind: 'array', items, range })),
      tie('objectEntries').map((entries): Expression => ({ kind: 'object', entries, range })),
    ),
    innerPath: fc
      .tuple(
        roots(plainNames, tie('expression')),
        tie('steps'),
        fc.option(tie('list'), { nil: undefined, maxDepth: 3 }),
      )
      .map(pathOf),
    path: fc
      .tuple(
        roots(anyNames, tie('expression')),
        tie('steps'),
        fc.option(tie('list'), { nil: undefined, maxDepth: 3 }),
      )
      .map(pathOf),
    list: tie('entries').map((entries): SelectionList => ({ kind: 'list', entries, range })),
    entries: fc.oneof(
      {
        weight: 6,
        arbitrary: fc
          .array(entry(tie('path'), tie('expression')), { maxLength: 4 })
          .map((list) => list.filter(({ kind }) => kind !== 'value')),
      },
      ...(syntax.innerValues ? [tie('path').map((path) => [unaliased(path)])] : []),
    ),
    objectEntries: syntax.expressions
      ? tie('entries')
      : fc
          .array(fc.tuple(anyNames, tie('expression')), { maxLength: 3 })
          .map((members) =>
            members.map(([name, value]): Entry => ({ kind: 'alias', key: keyOf(name), value, range })),
          ),
    steps: fc
      .array(step(tie('expression')), { maxLength: 3 })
      .map((steps) =>
        steps.filter(
          (each, i) => each.kind !== 'question' || (syntax.questions && steps[i - 1]?.kind !== 'question'),
        ),
      ),
  }));

  function entry(path: fc.Arbitrary<Path>, expression: fc.Arbitrary<Expression>): fc.Arbitrary<Entry> {
    const value: fc.Arbitrary<Expression> = syntax.expressions ? expression : path;
    const spread = expression.map((each): Entry => ({ kind: 'spread', value: each, range }));
    return fc.oneof(
      path.map(unaliased),
      fc
        .tuple(anyNames, value)
        .map(([name, each]): Entry => ({ kind: 'alias', key: keyOf(name), value: each, range })),
      ...(syntax.spread ? [spread] : []),
    );
  }
}

function unaliased(path: Path): Entry {
  if (isSingleKey(path)) return { kind: 'field', key: path.root.key, value: path, range };
  return path.selection === undefined
    ? { kind: 'value', value: path, range }
    : { kind: 'inline', value: path, range };
}

function pathOf([root, steps, selection]: readonly [Root, readonly Step[], SelectionList | undefined]): Path {
  return { kind: 'path', root, steps, selection, range };
}

function roots(names: fc.Arbitrary<string>, expression: fc.Arbitrary<Expression>): fc.Arbitrary<Root> {
  return fc.oneof(
    { weight: 4, arbitrary: names.map((name): Root => ({ kind: 'key', key: keyOf(name), range })) },
    { weight: 2, arbitrary: fc.constantFrom<Root>({ kind: 'body', range }, { kind: 'current', range }) },
    fc
      .constantFrom('$args', '$this', '$row', '$nowhere')
      .map((name): Root => ({ kind: 'variable', name, range })),
    expression.map((each): Root => ({ kind: 'expression', expression: each, range })),
  );
}

function step(expression: fc.Arbitrary<Expression>): fc.Arbitrary<Step> {
  const names = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('map', 'echo', 'match', 'first') },
    fc.constantFrom('nowhere', ...METHODS.keys()),
  );
  const args = fc.option(fc.array(expression, { maxLength: 3 }), { nil: undefined, maxDepth: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: anyNames.map((name): Step => ({ kind: 'key', key: keyOf(name), range })) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'question', range }) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(names, args)
        .map(([name, given]): Step => ({ kind: 'method', name, nameRange: range, args: given, range })),
    },
  );
}

const literal: fc.Arbitrary<Expression> = fc.oneof(
  fc
    .oneof(fc.constantFrom('a', 'text', ''), fc.string())
    .map((value): Expression => ({ kind: 'string', value, range })),
  fc
    .oneof(
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
      fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    )
    .map((value): Expression => ({ kind: 'number', value: value === 0 ? 0 : value, range })),
  fc.constantFrom<Expression>(
    { kind: 'boolean', value: true, range },
    { kind: 'boolean', value: false, range },
    { kind: 'null', range },
  ),
);
