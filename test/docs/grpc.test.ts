import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { createGateway } from '../../src/index.js';
import { blocksOf } from '../support/markdown.js';
import { listen, startGrpc } from './grpc-backend.js';
import { expectPageExchange, expectPageFaults, inFolder, pageExamples } from './page-backend.js';
import { rowsWith } from './tables.js';

const page = readFileSync(new URL('../../docs/grpc.md', import.meta.url), 'utf8');
const examples = pageExamples(blocksOf(page));

describe('the page about gRPC', () => {
  const asked = examples.flatMap((example) =>
    example.questions.map((question) => [example.heading, example, question] as const),
  );
  const needsOpenssl = (heading: string) => heading === 'TLS' && !hasOpenssl();

  it.each(asked.filter(([heading]) => !needsOpenssl(heading)))(
    '%s: the query makes these calls and gets this answer',
    (_heading, example, question) => expectPageExchange(example, question, startGrpc),
  );

  it.each(
    examples
      .filter(({ faults }) => faults !== undefined)
      .map((example) => [example.heading, example] as const),
  )('%s: the faults are printed like this', (_heading, example) => expectPageFaults(example));

  it('asks something of every schema, or shows its faults', () => {
    expect(examples.length).toBeGreaterThan(12);
    expect(
      examples.filter(({ faults, questions }) => faults === undefined && questions.length === 0),
    ).toEqual([]);
  });

  it('several addresses take turns', async () => {
    const example = examples.find(({ heading }) => heading === 'Addresses');
    const [question] = example?.questions ?? [];
    if (example === undefined || question === undefined) throw new Error('The page shows no addresses.');
    let counts: number[] = [];
    await expectPageExchange(example, question, async (...given) => {
      const backend = await startGrpc(...given);
      const close = () => {
        counts = backend.callsOf.map((calls) => calls.length);
        return backend.close();
      };
      return { addresses: backend.addresses, calls: backend.calls, close };
    });
    expect(counts).toEqual([1, 1]);
  });
});

describe('the table of values', () => {
  const rows = rowsWith(page, 'proto', 'value in a mapping').flatMap((row) => {
    const cell = (name: string) => (row.get(name) ?? '').replaceAll('`', '');
    return cell('proto')
      .split(/, (?![^<]*>)/)
      .map((proto) => [proto, cell('value in a mapping'), cell('not set'), cell('GraphQL type')] as const);
  });

  it('has a row for every scalar of proto', () => {
    const scalars = 'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64';
    expect(rows.map(([proto]) => proto)).toEqual(
      expect.arrayContaining([...scalars.split(' '), 'bool', 'string', 'bytes']),
    );
  });

  it.each(rows)('%s is %s, or %s where it is not set, and fits %s', async (proto, value, unset, type) => {
    const files = {
      'schemas/values.proto': valuesProto(proto),
      'schemas/values.graphql': valuesSchema(type),
    };
    await inFolder({ heading: '', files, questions: [] }, async (folder) => {
      const schemas = join(folder, 'schemas');
      const packages = loadSync('values.proto', { includeDirs: [schemas], longs: String, enums: String });
      const server = await listen(
        packages,
        ServerCredentials.createInsecure(),
        false,
        (_, call) => call.request,
      );
      const gateway = await createGateway({
        config: { schemas, log: 'silent' },
        environment: { SOURCE_VALUES_URL: server.address },
      });
      try {
        const selected = type === 'Point' ? 'value { x y }' : 'value';
        const result = await gateway.ask({
          query: `query ($value: JSON) { set: echo(value: $value) { raw ${selected} } unset: echo { raw } }`,
          variables: { value: JSON.parse(value) as unknown },
        });
        expect(JSON.parse(JSON.stringify(result))).toEqual({
          data: {
            set: { raw: { value: JSON.parse(value) as unknown }, value: JSON.parse(value) as unknown },
            unset: { raw: unset === 'missing' ? {} : { value: JSON.parse(unset) as unknown } },
          },
        });
      } finally {
        await gateway.close();
        server.close();
      }
    });
  });
});

/** A service that sends back a message with one field of this type. */
function valuesProto(type: string): string {
  const files = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'];
  return `// schemas/values.proto
    syntax = "proto3";
    package values;
    ${files.map((file) => `import "google/protobuf/${file}.proto";`).join('\n')}
    service Values { rpc Echo(Holder) returns (Holder); }
    message Holder { ${type} value = 1; }
    message Point { int32 x = 1; int32 y = 2; }
    enum Color { COLOR_ANY = 0; RED = 1; }`;
}

/** A field that gives the message as a whole, and its value as a type of its own. */
function valuesSchema(type: string): string {
  return `
    extend schema @source(name: "values", grpc: { address: "values.internal:1", proto: ["values.proto"] })
    scalar JSON
    type Point { x: Int, y: Int }
    enum Color { COLOR_ANY RED }
    type Holder { raw: JSON, value: ${type} }
    type Query {
      echo(value: JSON): Holder
        @connect(source: "values", grpc: { method: "values.Values/Echo", request: "value: $args.value" }, selection: "raw: $, ${type === 'Point' ? 'value { x y }' : 'value'}")
    }`;
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
