import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findLayerFaults } from './support/layers.js';

test('the imports of src/ point only upwards', () => {
  const files = readSources('src');
  expect(files.size).toBeGreaterThan(0);
  expect(findLayerFaults(files)).toEqual([]);
});

describe('the checker finds', () => {
  test('an upward import, with file, line and what is allowed instead', () => {
    expect(
      faultsOf({
        'src/subgraph/read.ts':
          "import { a } from 'graphql';\n\nimport { stitch } from '../supergraph/stitch.js';",
      }),
    ).toEqual([
      'src/subgraph/read.ts:3 imports src/supergraph/stitch.ts: imports point only upwards; subgraph may import base, mapping',
    ]);
  });

  test('any import of ours in base', () => {
    expect(faultsOf({ 'src/base/log.ts': "import '../mapping/parse.js';" })).toEqual([
      'src/base/log.ts:1 imports src/mapping/parse.ts: imports point only upwards; base may import nothing of ours',
    ]);
  });

  test.each([
    ['a type import', "import type { Gateway } from '../gateway.js';"],
    ['an inline type import', "import { type Gateway } from '../gateway.js';"],
    ['a re-export', "export { start } from '../gateway.js';"],
    ['a re-export of everything', "export * from '../gateway.js';"],
    ['a dynamic import', "const later = async () => await import('../gateway.js');"],
    ['an import in a type', "let gateway: import('../gateway.js').Gateway;"],
    ['an import for its effect', "import '../gateway.js';"],
    ['a require', "const { start } = require('../gateway.js');"],
    ['an import assignment', "import gateway = require('../gateway.js');"],
  ])('%s', (_, text) => {
    expect(faultsOf({ 'src/server/http.ts': text })).toEqual([
      expect.stringContaining('src/server/http.ts:1 imports src/gateway.ts: imports point only upwards'),
    ]);
  });

  test('a connector that imports its sibling', () => {
    expect(faultsOf({ 'src/connectors/http/request.ts': "import { a } from '../grpc/request.js';" })).toEqual(
      [
        'src/connectors/http/request.ts:1 imports src/connectors/grpc/request.ts: siblings never meet; what http and grpc share lies beside them in src/connectors/',
      ],
    );
  });

  test('a protocol imported past the list of protocols', () => {
    const text = "import { a } from '../connectors/http/request.js';";
    expect(faultsOf({ 'src/supergraph/stitch.ts': text })).toEqual([
      'src/supergraph/stitch.ts:1 imports src/connectors/http/request.ts: only src/connectors/protocols.ts may import the folder of a protocol',
    ]);
  });

  test('a cycle, also one of types alone', () => {
    expect(
      faultsOf({
        'src/mapping/a.ts': "import type { B } from './b.js';",
        'src/mapping/b.ts': "import { c } from './c.js';",
        'src/mapping/c.ts': "\nexport * from './a.js';",
      }),
    ).toEqual([
      'src/mapping/c.ts:2 imports src/mapping/a.ts: no import cycles; this one is src/mapping/a.ts -> src/mapping/b.ts -> src/mapping/c.ts -> src/mapping/a.ts',
    ]);
  });

  test.each([
    '../../demo/data.js',
    '../../test/support/layers.js',
    '../../bench/run.js',
    '../../package.json',
  ])('an import of %s', (specifier) => {
    expect(faultsOf({ 'src/cli/dev.ts': `import '${specifier}';` })).toEqual([
      expect.stringContaining('src imports nothing of this repository outside src'),
    ]);
  });

  test('an import of our own package by its name', () => {
    expect(faultsOf({ 'src/cli/dev.ts': "import { start } from 'backstitch';" })).toEqual([
      'src/cli/dev.ts:1 imports backstitch: src imports its own files by their path',
    ]);
  });

  test('a folder that is in no layer', () => {
    expect(faultsOf({ 'src/utils/misc.ts': '' })).toEqual([
      'src/utils/misc.ts:1: "utils" is no layer of src/. Move the file, or add the layer where it belongs',
    ]);
  });
});

test('the checker is content with imports that keep the rule', () => {
  expect(
    faultsOf({
      'src/mapping/parse.ts':
        "import { fail } from '../base/errors.js';\nimport { tokens } from './lexer.js';",
      'src/connectors/http/request.ts': "import { call } from '../call.js';\nimport { a } from './body.js';",
      'src/connectors/protocols.ts': "export { http } from './http/connector.js';",
      'src/index.ts': "export { start } from './gateway.js';",
      'src/cli/dev.ts':
        "import { start } from '../gateway.js';\n// import '../main.js'\nconst text = \"import '../main.js'\";",
      'src/main.ts': "#!/usr/bin/env node\nimport { run } from './cli/run.js';",
    }),
  ).toEqual([]);
});

function faultsOf(files: Record<string, string>): string[] {
  return findLayerFaults(new Map(Object.entries(files)));
}

function readSources(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return new Map(
    names
      .map((name) => join(folder, name))
      .map((file) => [file.replaceAll('\\', '/'), readFileSync(file, 'utf8')]),
  );
}
