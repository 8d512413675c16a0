import {
  buildSchema,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type ValidationRule,
} from 'graphql';
import { describe, expect, test, vi } from 'vitest';
import { RequestContext } from '../../../src/base/context.js';
import type { Log } from '../../../src/base/log.js';
import { createQueryLimits, type QueryLimits } from '../../../src/policy/query-limits/query-limits.js';

const schema = buildSchema('type Query { a: Query b(v: [[Int]]): Int }');

function check(limits: QueryLimits, text: string, others: readonly ValidationRule[] = specifiedRules) {
  const document = parse(text, { maxTokens: limits.maxTokens });
  return { document, errors: validate(schema, document, [...others, limits.rule]) };
}

function codes(limits: QueryLimits, text: string): unknown[] {
  return check(limits, text).errors.map(({ extensions }) => extensions['code']);
}

function spyLog(): Log {
  return { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
}

function operation(document: DocumentNode) {
  return { document, context: new RequestContext() };
}

const cheap = { cost: 0, fault: undefined };
const nested = (levels: number): string => `{ ${'a { '.repeat(levels - 1)} b ${'} '.repeat(levels)}`;

describe('a limit', () => {
  test.each<[string, Parameters<typeof createQueryLimits>[0], string, string]>([
    ['of depth', { limits: { maxDepth: 3 } }, nested(4), 'QUERY_TOO_DEEP'],
    [
      'of fragments in fragments',
      { limits: { maxDepth: 1 } },
      '{ ...{ ...{ ...{ ...{ b } } } } }',
      'QUERY_TOO_DEEP',
    ],
    ['of values in values', { limits: { maxDepth: 1 } }, '{ b(v: [[[[1]]]]) }', 'QUERY_TOO_DEEP'],
    ['of aliases', { limits: { maxAliases: 1 } }, '{ x: b y: b }', 'QUERY_TOO_MANY_ALIASES'],
    [
      'of directives',
      { limits: { maxDirectives: 1 } },
      '{ b @skip(if: false) @include(if: true) }',
      'QUERY_TOO_MANY_DIRECTIVES',
    ],
    ['of root fields', { limits: { maxRootFields: 2 } }, '{ b b b }', 'QUERY_TOO_MANY_ROOT_FIELDS'],
    ['of fields', { limits: { maxFields: 2 } }, '{ a { b b } }', 'QUERY_TOO_MANY_FIELDS'],
    [
      'of definitions',
      { limits: { maxDefinitions: 1 } },
      '{ b ...F } fragment F on Query { b }',
      'QUERY_TOO_MANY_DEFINITIONS',
    ],
  ])('%s refuses what is beyond it, and nothing else', (_, options, text, code) => {
    expect(codes(createQueryLimits(options), text).filter((each) => each === code)).toEqual([code]);
    expect(codes(createQueryLimits(), text).filter((each) => each === code)).toEqual([]);
  });

  test('takes what is at it', () => {
    expect(codes(createQueryLimits(), nested(15))).toEqual([]);
    expect(codes(createQueryLimits(), nested(16))).toEqual(['QUERY_TOO_DEEP']);
  });

  test('of tokens is kept by the parser, and its error known again', () => {
    const limits = createQueryLimits({ limits: { maxTokens: 10 } });
    expect(check(limits, '{ b b b b b b b b }').errors).toEqual([]);
    const error = thrownBy(() => check(limits, '{ b b b b b b b b b }'));
    expect(limits.readParserError(error)).toMatchObject({ code: 'QUERY_TOO_LONG' });
    expect(limits.readParserError(thrownBy(() => parse('{')))).toBeUndefined();
    expect(limits.readParserError(new Error('Syntax Error'))).toBeUndefined();
  });

  test('of tokens leaves each of them room for 50 characters', () => {
    const limits = createQueryLimits({ limits: { maxTokens: 10 } });
    limits.checkText(' '.repeat(500));
    expect(() => limits.checkText(' '.repeat(501))).toThrow(
      expect.objectContaining({ code: 'QUERY_TOO_LONG' }),
    );
  });

  test('of cost refuses before execution', () => {
    const limits = createQueryLimits({ limits: { maxCost: 5 } });
    const { document } = check(limits, '{ b }');
    expect(limits.checkCost(operation(document), { cost: 5, fault: undefined })).toBeUndefined();
    expect(limits.checkCost(operation(document), { cost: 6, fault: undefined })).toMatchObject({
      code: 'QUERY_TOO_COSTLY',
    });
    const fault = 'Say how many.';
    expect(limits.checkCost(operation(document), { cost: 1, fault })).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: fault,
    });
  });

  test('counts what it has refused', () => {
    const limits = createQueryLimits({ limits: { maxAliases: 1, maxDepth: 1, maxCost: 1 } });
    const text = '{ x: b y: a { b } }';
    expect([codes(limits, text), codes(limits, text)].flat()).toHaveLength(4);
    limits.checkCost(operation(parse('{ b }')), { cost: 2, fault: undefined });
    expect(Object.fromEntries(limits.counts())).toEqual({ maxDepth: 2, maxAliases: 2, maxCost: 1 });
  });
});

describe('what is refused', () => {
  test('is kept from all other rules, whatever their order', () => {
    const looks = vi.fn();
    const other: ValidationRule = () => ({ Field: looks, FragmentSpread: looks, OperationDefinition: looks });
    const limits = createQueryLimits({ limits: { maxDepth: 1 } });
    for (const text of ['{ a { nothing } }', '{ a { ...Nowhere } }']) {
      expect(check(limits, text, [other]).errors).toHaveLength(text.includes('...') ? 0 : 1);
    }
    expect(looks).toHaveBeenCalledTimes(3);
  });

  test('leaves nothing that the rules of GraphQL have to say', () => {
    const text = 'query A { a { nothing } } query A { a { ...F } } fragment F on Query { a { ...F } x: y }';
    const limits = createQueryLimits({ limits: { maxDepth: 1 } });
    expect(codes(limits, text)).toEqual(['QUERY_TOO_DEEP']);
  });

  test('is told by its limit alone in production, and with numbers in development', () => {
    const text = nested(5);
    const messages = (['production', 'development', undefined] as const).map((mode) => {
      const limits = createQueryLimits({ limits: { maxDepth: 4 }, ...(mode && { mode }) });
      return check(limits, text).errors[0]?.message;
    });
    expect(messages).toEqual([
      'The query has more levels than it may have (maxDepth).',
      'The query has 5 levels and may have 4 (maxDepth).',
      'The query has more levels than it may have (maxDepth).',
    ]);
  });
});

describe('where limits are only measured', () => {
  const limits = {
    mode: 'measure',
    maxDepth: 2,
    maxAliases: 1,
    maxCost: 5,
    maxTokens: 8,
    maxRows: 3,
  } as const;

  test('what is beyond them is let through, and logged once for each limit and operation', () => {
    const log = spyLog();
    const measuring = createQueryLimits({ limits, log });
    for (let round = 0; round < 3; round++) {
      const { document, errors } = check(measuring, '{ x: b y: a { a { b b b } } }');
      expect(errors).toEqual([]);
      const asked = operation(document);
      expect(measuring.checkCost(asked, { cost: 6, fault: 'none' })).toBeUndefined();
      expect(measuring.checkRows(asked.context, 4)).toBeUndefined();
    }
    const other = operation(check(measuring, '{ x: b y: b }').document);
    expect(measuring.checkCost(other, cheap)).toBeUndefined();
    const lines = vi.mocked(log.warn).mock.calls;
    expect(lines.map(([, message]) => message)).toEqual([
      'an operation is beyond maxTokens, which is only measured: it has 16, and may have 8',
      'an operation is beyond maxDepth, which is only measured: it has 3, and may have 2',
      'an operation is beyond maxAliases, which is only measured: it has 2, and may have 1',
      'an operation is beyond maxCost, which is only measured: it has 6, and may have 5',
      'an operation is beyond maxRows, which is only measured: it has 4, and may have 3',
      'an operation is beyond maxAliases, which is only measured: it has 2, and may have 1',
    ]);
    expect(new Set(lines.map(([facts]) => facts.document)).size).toBe(2);
    expect(lines[0]?.[0]).toEqual({
      code: 'QUERY_TOO_LONG',
      document: expect.stringMatching(/^[\da-f]{64}$/) as string,
    });
    expect(Object.fromEntries(measuring.counts())).toEqual({
      maxTokens: 3,
      maxDepth: 3,
      maxAliases: 4,
      maxCost: 3,
      maxRows: 3,
    });
  });

  test('an operation that does not fit the schema is not counted', () => {
    const measuring = createQueryLimits({ limits });
    expect(check(measuring, '{ x: b y: nothing }').errors).toHaveLength(1);
    expect(measuring.counts().size).toBe(0);
  });

  test('the log is not told of more operations than can be remembered', () => {
    const log = spyLog();
    const measuring = createQueryLimits({ limits: { ...limits, maxAliases: 1 }, log });
    const ask = (name: number) => {
      const { document } = check(measuring, `query Q${name} { x: b y: b }`);
      measuring.checkCost(operation(document), cheap);
    };
    for (let name = 0; name < 1_500; name++) ask(name);
    for (let name = 0; name < 10; name++) ask(name);
    expect(
      vi.mocked(log.warn).mock.calls.filter(([facts]) => facts.code === 'QUERY_TOO_MANY_ALIASES'),
    ).toHaveLength(1_510);
  });

  test.each([
    ['a fragment bomb', bomb(30), 'QUERY_TOO_MANY_FIELDS'],
    ['what no stack is deep enough for', nested(201), 'QUERY_TOO_DEEP'],
  ])('%s is refused all the same', (_, text, code) => {
    expect(codes(createQueryLimits({ limits: { mode: 'measure' } }), text)).toEqual([code]);
  });
});

function bomb(levels: number): string {
  const fragments = Array.from({ length: levels }, (_, at) => {
    const next = at === levels - 1 ? 'b' : `...F${at + 1} ...F${at + 1}`;
    return `fragment F${at} on Query { ${next} }`;
  });
  return `{ ...F0 } ${fragments.join(' ')}`;
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
