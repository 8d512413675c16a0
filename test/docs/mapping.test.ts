import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileSelection, VARIABLE_NAMES, type Variables } from '../../src/mapping/compile.js';
import { parseJson, stringifyJson } from '../../src/mapping/json.js';
import { METHODS } from '../../src/mapping/methods/index.js';
import { MappingSyntaxError, parseSelection } from '../../src/mapping/parse.js';
import { compileHeader, parseTemplate } from '../../src/mapping/template.js';
import { compileUrl } from '../../src/mapping/url.js';
import { SPEC_VERSIONS, type SpecVersion } from '../../src/mapping/version.js';
import { blocksOf, type Block } from '../support/markdown.js';
import { expectExchange, expectFaults, schemaExamples } from './schema-examples.js';
import { rowsWith, type Row } from './tables.js';

const page = readFileSync(new URL('../../docs/mapping.md', import.meta.url), 'utf8');
const blocks = blocksOf(page);

/** What a selection makes of an answer; missing is undefined. */
function mapped(selection: string, answer: unknown, variables: Variables = {}, version: SpecVersion = '0.4') {
  return compileSelection(parseSelection(selection, version)).evaluate(answer, variables);
}

/** The value that a cell or block shows. */
function value(text: string): unknown {
  return text === 'missing' ? undefined : parseJson(text);
}

function show(result: unknown): string {
  return result === undefined ? 'missing' : stringifyJson(result);
}

interface Example {
  readonly heading: string;
  readonly selection: string;
  readonly answer: string;
  readonly variables: string;
  readonly result: string;
}

/** A selection is a block without a language, with a JSON block before and behind it; variables come first. */
function blockExamples(): Example[] {
  return blocks.flatMap((block, i) => {
    const [answer, result] = [blocks[i - 1], blocks[i + 1]];
    if (block.language !== '' || answer?.language !== 'json' || result?.language !== 'json') return [];
    const before = blocks[i - 2];
    const variables = isVariables(before) ? before.text : '{}';
    return [
      { heading: block.heading, selection: block.text, answer: answer.text, variables, result: result.text },
    ];
  });
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function isVariables(block: Block | undefined): block is Block {
  return block?.language === 'json' && block.text.trimStart().startsWith('{\n  "$');
}

describe('the mapping page', () => {
  it.each(
    blockExamples().map((example) => [example.heading, inOneLine(example.selection), example] as const),
  )('%s: "%s" gives what the page shows', (_heading, _line, { selection, answer, variables, result }) => {
    expect(mapped(selection, value(answer), value(variables) as Variables)).toStrictEqual(value(result));
  });

  it.each(rowsWith(page, 'answer', 'selection', 'result').map(cells('answer', 'selection', 'result')))(
    '%s -> %s gives %s',
    (answer, selection, result) => {
      expect(show(mapped(selection, value(answer)))).toBe(show(value(result)));
    },
  );

  it.each(rowsWith(page, 'variables', 'selection', 'result').map(cells('variables', 'selection', 'result')))(
    'with %s %s gives %s',
    (variables, selection, result) => {
      expect(show(mapped(selection, {}, value(variables) as Variables))).toBe(show(value(result)));
    },
  );

  it.each(rowsWith(page, 'URL', 'variables').map(cells('URL', 'variables', 'is called')))(
    'the URL %s with %s calls %s',
    (template, variables, called) => {
      const url = compileUrl({ base: 'https://api.example.com', url: parseTemplate(template, '0.4') });
      const made = url(value(variables) as Variables);
      expect(made.kind === 'url' ? made.path : `no call: ${made.reason}`).toBe(called);
    },
  );

  it.each(rowsWith(page, 'header', 'variables').map(cells('header', 'variables', 'is sent')))(
    'the header %s with %s sends %s',
    (template, variables, sent) => {
      const text = compileHeader(parseTemplate(template, '0.4'))(value(variables) as Variables);
      expect(typeof text === 'string' ? text : `no call: ${text.reason}`).toBe(sent);
    },
  );

  it('shows no selection that is not run', () => {
    const ofSchemas = schemaExamples(blocks).flatMap(({ faults, questions }) => [
      faults,
      ...questions.map(({ calls }) => calls),
    ]);
    const run = [...blockExamples().map(({ selection }) => selection), ...ofSchemas];
    expect(blocks.filter(({ language, text }) => language === '' && !run.includes(text))).toEqual([]);
  });

  it('has a row for every method', () => {
    const shown = rowsWith(page, 'method').map((row) => /^`?(\w+)/.exec(row.get('method') ?? '')?.[1]);
    expect([...new Set(shown)].toSorted()).toEqual([...METHODS.keys()].toSorted());
  });

  it.each(rowsWith(page, 'method').map(cells('method', 'selection')))(
    '%s is used in its row: %s',
    (method, selection) => {
      expect(selection).toContain(`->${/^`?(\w+)/.exec(method)?.[1] ?? ''}`);
    },
  );

  it('has a row for every variable', () => {
    const shown = rowsWith(page, 'variable').map((row) => row.get('variable'));
    expect(shown.toSorted()).toEqual(['$', ...VARIABLE_NAMES].toSorted());
  });
});

describe('the versions', () => {
  const columns: Readonly<Record<SpecVersion, string>> = {
    '0.1': 'v0.1, v0.2',
    '0.2': 'v0.1, v0.2',
    '0.3': 'v0.3',
    '0.4': 'v0.4',
  };
  const rows = rowsWith(page, 'v0.3', 'v0.4');

  it.each(SPEC_VERSIONS.flatMap((version) => rows.map((row) => [version, row] as const)).map(inVersion))(
    'in v%s %s -> %s gives %s',
    (version, answer, selection, result) => {
      const make = () => mapped(selection, value(answer), {}, version);
      if (result === 'refused') expect(make).toThrow(MappingSyntaxError);
      else expect(show(make())).toBe(show(value(result)));
    },
  );

  function inVersion([version, row]: readonly [SpecVersion, Row]) {
    return [
      version,
      row.get('answer') ?? '',
      row.get('selection') ?? '',
      row.get(columns[version]) ?? '',
    ] as const;
  }
});

describe('errors', () => {
  const examples = schemaExamples(blocks);

  it.each(examples.filter(({ faults }) => faults !== undefined))(
    'a fault is printed with its place',
    expectFaults,
  );

  it.each(examples.flatMap((example) => example.questions.map((question) => ({ example, question }))))(
    'what a mapping misses is told in development',
    ({ example, question }) => expectExchange(example, question, { mode: 'development' }),
  );

  it('shows one of each', () => {
    expect(examples.map(({ faults, questions }) => [faults !== undefined, questions.length])).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });
});

function cells<const Names extends readonly string[]>(...names: Names) {
  return (row: Row) => names.map((name) => row.get(name) ?? '') as { [K in keyof Names]: string };
}
