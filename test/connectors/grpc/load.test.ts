import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Metadata, status, type MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import protobuf from 'protobufjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folder, kitchenSdl, openSource, problemsOf, send, startKitchen } from './support.js';

/** A folder with these files; the test's end removes it. */
function folderWith(files: Record<string, string | Buffer>): string {
  const home = mkdtempSync(join(tmpdir(), 'grpc-load-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), content);
  }
  return home;
}

/** A schema on one line per thing, so that places are easy to read. */
function sdl(source: string, connect = 'method: "a.S/Get", request: "{}"', selection = ''): string {
  return [
    `extend schema @source(name: "s", grpc: {address: "127.0.0.1:1", ${source}})`,
    'scalar JSON',
    'input In { id: ID }',
    'type Query {',
    '  get(id: ID, in: In): JSON',
    `    @connect(source: "s", grpc: {${connect}}${selection})`,
    '}',
  ].join('\n');
}

const service = `
syntax = "proto3";
package a;
service S {
  rpc Get(Request) returns (Reply);
  rpc List(Request) returns (stream Reply);
  rpc Put(stream Request) returns (Reply);
}
message Request { string id = 1; }
message Reply { string id = 1; }
`;

const problemsWith = (files: Record<string, string>, source = 'proto: "a.proto"') =>
  problemsOf(sdl(source), { folder: folderWith(files) });

describe('proto files', () => {
  test('are found with their imports, from the schema folder and from folders on the way', async () => {
    const files = {
      'protos/shop/a.proto':
        'syntax = "proto3"; package a; import "shop/b.proto"; import "c.proto"; service S { rpc Get(B) returns (C); }',
      'protos/shop/b.proto': 'syntax = "proto3"; package a; message B { string id = 1; }',
      'c.proto': 'syntax = "proto3"; package a; import public "protos/shop/b.proto"; message C { B b = 1; }',
    };
    expect(await problemsWith(files, 'proto: "protos/shop/a.proto"')).toEqual([]);
  });

  test('may import one another, and what Google brings along', async () => {
    const files = {
      'a.proto': service.replace(
        'package a;',
        'package a; import "b.proto"; import "google/api/annotations.proto"; import "google/protobuf/descriptor.proto";',
      ),
      'b.proto':
        'syntax = "proto3"; import "a.proto"; import "google/protobuf/any.proto"; message B { google.protobuf.Any any = 1; a.Request r = 2; }',
    };
    expect(await problemsWith(files)).toEqual([]);
  });

  test('may be links within the folder, as Kubernetes makes them', async () => {
    const home = folderWith({ '..data/a.proto': service });
    symlinkSync(join('..data', 'a.proto'), join(home, 'a.proto'));
    expect(await problemsOf(sdl('proto: "a.proto"'), { folder: home })).toEqual([]);
  });

  test.each([
    ['that is not there', 'nope.proto', 'is not there'],
    ['above the folder', '../a.proto', 'leads out of the folder of the schema file'],
    ['above the folder on the way', 'x/../../a.proto', 'leads out of the folder of the schema file'],
    ['with an absolute path', '/etc/passwd', 'is an absolute path'],
    ['on the network', 'https://example.com/a.proto', 'is a URL'],
    ['by a file URL', 'file:///etc/passwd', 'is a URL'],
    ['that is a folder', 'folder', 'is no file'],
    ['without a name', ' ', 'is no path'],
  ])('refuses a file %s', async (_, path, reason) => {
    const problems = await problemsWith({ 'folder/a.proto': service }, `proto: "${path}"`);
    expect(problems).toEqual([expect.stringMatching(/^INVALID_PROTO 1:\d+ The file/)]);
    expect(problems[0]).toContain(reason);
  });

  test('refuses a link that leads out of the folder', async () => {
    const outside = folderWith({ 'a.proto': service });
    const home = folderWith({});
    symlinkSync(join(outside, 'a.proto'), join(home, 'a.proto'));
    symlinkSync(outside, join(home, 'linked'));
    for (const path of ['a.proto', 'linked/a.proto']) {
      const problems = await problemsOf(sdl(`proto: "${path}"`), { folder: home });
      expect(problems).toEqual([expect.stringContaining('leads out of the folder of the schema file')]);
    }
  });

  test.each([
    [
      'an import that is not there',
      'import "x/nope.proto";',
      'a.proto:3 imports "x/nope.proto", which is not there.',
    ],
    [
      'an import from above',
      'import "../../etc/passwd";',
      'a.proto:3 imports "../../etc/passwd", which leads out of the folder',
    ],
    [
      'a type that nothing declares',
      'message A { /* Requst */\n  Requst r = 1; }',
      'a.proto:4 "r" uses the type "Requst", which nothing declares. Did you mean "Request"?',
    ],
    [
      'a type in a map',
      'message A { map<string, Repli> m = 1; }',
      'a.proto:3 "m" uses the type "Repli", which nothing declares. Did you mean "Reply"?',
    ],
    [
      'a message of a method',
      'service T { rpc X(Nope) returns (Reply); }',
      'a.proto:3 "X" uses the message "Nope", which nothing declares.',
    ],
    ['a syntax error', 'message A { string x = }', 'a.proto:3 cannot be read: illegal id "}".'],
    ['an end too early', 'message A {', 'a.proto:4 cannot be read: it ends too early.'],
    [
      'a message declared twice',
      'message A {}\nmessage A {}',
      'a.proto:4 cannot be used: duplicate name "A"',
    ],
    [
      'a number used twice',
      'message A { string x = 1;\n string y = 1; }',
      'a.proto:4 cannot be used: duplicate id 1',
    ],
    ['the name __proto__', 'message A { string __proto__ = 1; }', 'a.proto:3 uses the name __proto__'],
  ])('names file and line of %s', async (_, text, expected) => {
    const [head, rest] = text.startsWith('import') ? [text, ''] : ['', text];
    const declared =
      'message Request {string id = 1;} message Reply {string id = 1;} service S {rpc Get(Request) returns (Reply);}';
    const file = `// a\nsyntax = "proto3"; package a;\n${head}${rest}\n${declared}\n`;
    const [first] = await problemsWith({ 'a.proto': file });
    expect(first).toContain('INVALID_PROTO 1:');
    expect(first).toContain(expected);
  });

  test('are refused with groups, editions and unknown syntaxes', async () => {
    const group =
      'syntax = "proto2"; package a; service S {rpc Get(R) returns (R);}\nmessage R {\n  optional group G = 1 { optional string x = 2; }\n}';
    expect((await problemsWith({ 'a.proto': group }))[0]).toContain('a.proto:3 uses a group ("G")');
    const edition = '// new\nedition = "2023";\npackage a;';
    expect((await problemsWith({ 'a.proto': edition }))[0]).toContain('a.proto:2 is written in an edition');
    expect((await problemsWith({ 'a.proto': 'syntax = "proto4";' }))[0]).toContain(
      'a.proto:1 has the syntax "proto4"',
    );
  });

  test('with several faults tell them all, at the entry they come from', async () => {
    const files = {
      'a.proto': service.replace(
        'string id = 1; }\nmessage Reply',
        'Nope a = 1; Nada b = 2; }\nmessage Reply',
      ),
      'b.proto': 'syntax = "proto3";\nmessage B { Niente c = 1; }',
    };
    const problems = await problemsOf(sdl('proto: ["a.proto", "b.proto"]'), { folder: folderWith(files) });
    expect(problems.map((problem) => problem.slice(0, 24))).toEqual([
      'INVALID_PROTO 1:74 a.pro',
      'INVALID_PROTO 1:74 a.pro',
      'INVALID_PROTO 1:85 b.pro',
    ]);
  });

  test('of a schema held in memory cannot be read', async () => {
    const { parseSubgraph } = await import('../../../src/subgraph/parse.js');
    const { toSchemaFile } = await import('../../../src/subgraph/read.js');
    const { grpc } = await import('../../../src/connectors/grpc/protocol.js');
    const { createLog } = await import('../../../src/base/log.js');
    const { subgraph } = parseSubgraph(toSchemaFile('a.graphql', sdl('proto: "a.proto"')));
    const setting = { subgraph: subgraph!, environment: {}, config: {}, log: createLog('silent') };
    await expect(grpc.open(subgraph!.sources[0] as never, setting)).rejects.toThrow('nothing lies beside it');
  });
});

describe('a source', () => {
  test('tells all its faults at once', async () => {
    const source = 'proto: "nope.proto", tls: {ca: "nope.pem", cert: "c.pem"}';
    const text = sdl(source).replace('127.0.0.1:1', '{$env.NOWHERE}');
    const problems = await problemsOf(text, {
      folder: folderWith({ 'c.pem': 'no pem' }),
      address: undefined as never,
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'INVALID_URL',
      'INVALID_TLS',
      'INVALID_TLS',
      'INVALID_TLS',
      'INVALID_PROTO',
    ]);
  });

  test.each(['', 'nowhere', 'host:port', 'http://', 'a b:1', '1.2.3.4:1/path'])(
    'refuses the address %j',
    async (address) => {
      const problems = await problemsOf(sdl('proto: "a.proto"'), {
        folder: folderWith({ 'a.proto': service }),
        address,
      });
      expect(problems).toEqual([expect.stringMatching(/^INVALID_URL 1:15 The address of source "s"/)]);
    },
  );

  test.each(['localhost:1', '[::1]:50051', 'grpc://shop.test:443', 'a.test:1, b.test:2', 'unix:/tmp/x.sock'])(
    'takes the address %j',
    async (address) => {
      expect(
        await problemsOf(sdl('proto: "a.proto"'), { folder: folderWith({ 'a.proto': service }), address }),
      ).toEqual([]);
    },
  );
});

describe('a method', () => {
  test.each([
    ['a.S/Gett', 'The service a.S has no method "Gett". Did you mean "Get"?'],
    ['a.Z/Get', 'There is no service "a.Z". Did you mean "a.S/Get"'],
    ['a.S.Get', '"a.S.Get" is no method: write package.Service/Method. Did you mean "a.S/Get"'],
    ['a.S/constructor', 'The service a.S has no method "constructor".'],
    ['a.S/List', 'a.S/List answers with a stream of messages'],
    ['a.S/Put', 'a.S/Put takes a stream of messages'],
  ])('%s is refused at its place', async (method, expected) => {
    const problems = await problemsOf(sdl('proto: "a.proto"', `method: "${method}", request: "{}"`), {
      folder: folderWith({ 'a.proto': service }),
    });
    expect(problems).toEqual([expect.stringMatching(/^GRPC_METHOD_\w+ 6:43 /)]);
    expect(problems[0]).toContain(expected);
  });
});

describe('a method of a field of Subscription', () => {
  const ofSubscription = (method: string, selection: string) =>
    problemsOf(
      [
        'extend schema @source(name: "s", grpc: {address: "127.0.0.1:1", proto: "a.proto"})',
        'scalar JSON',
        'type Query { none: JSON }',
        'type Subscription { field: JSON @connect(source: "s", grpc: {',
        `method: "${method}"`,
        `request: "{}"}, selection: "${selection}") }`,
      ].join('\n'),
      { folder: folderWith({ 'a.proto': service }) },
    );

  test.each([
    ['a.S/Get', 'a.S/Get answers with one message. A field of Subscription needs'],
    ['a.S/Put', 'a.S/Put takes a stream of messages'],
  ])('%s is refused at its place', async (method, expected) => {
    const problems = await ofSubscription(method, '$');
    expect(problems).toEqual([expect.stringMatching(/^GRPC_METHOD_STREAMS 5:10 /)]);
    expect(problems[0]).toContain(expected);
  });

  test('is checked like any other where it answers with a stream', async () => {
    expect(await ofSubscription('a.S/List', '$')).toEqual([]);
    expect(await ofSubscription('a.S/List', 'nope')).toEqual([
      expect.stringMatching(/^GRPC_FIELD_NOT_FOUND 6:29 .* has no field "nope"/),
    ]);
  });
});

describe('names in mappings', () => {
  const kitchen = (request: string, selection = '') =>
    problemsOf(
      [
        'extend schema @source(name: "k", grpc: {address: "127.0.0.1:1", proto: "kitchen-sink.proto"})',
        'scalar JSON',
        'type Query { echo(stringField: String, nope: Int): JSON @connect(source: "k", grpc: {',
        'method: "kitchen.v1.Kitchen/Echo"',
        request === '' ? '' : `request: """\n${request}\n"""`,
        `}${selection === '' ? '' : `, selection: """\n${selection}\n"""`}) }`,
      ].join('\n'),
    );

  test.each([
    [
      'a field',
      'int32Feld: 1',
      ['6:1 The message kitchen.v1.Sink has no field "int32Feld". Did you mean "int32Field"'],
    ],
    [
      'a nested field',
      'self: {self: {boolFields: true}}',
      ['6:15 The message kitchen.v1.Sink has no field "boolFields".'],
    ],
    [
      'a field in a list',
      'selves: [{int32Field: 1}, {x: 1}]',
      ['6:28 The message kitchen.v1.Sink has no field "x".'],
    ],
    [
      'a field of rows',
      'selves: $args.rows { y: 1 }',
      ['6:22 The message kitchen.v1.Sink has no field "y".'],
    ],
    ['a field in a map', 'sinkMap: {any: {z: 1}}', ['6:17 The message kitchen.v1.Sink has no field "z".']],
    ['all of several', 'a1: 1 b2: 2', ['6:1 ', '6:7 ']],
    [
      'an object for a scalar',
      'int32Field: {a: 1}',
      ['6:1 "int32Field" is a scalar; an object does not fit.'],
    ],
    ['a scalar for a message', 'self: 5', ['6:1 kitchen.v1.Sink is a message; a scalar does not fit.']],
    ['a list for one message', 'self: [{}]', ['6:1 kitchen.v1.Sink is one message; a list does not fit.']],
    [
      'an object for a time',
      'timestamp: {seconds: 1}',
      ['6:1 google.protobuf.Timestamp is one value in JSON'],
    ],
    ['a whole that is no object', '"text"', ['6:1 kitchen.v1.Sink is a message']],
  ])('finds in a request %s', async (_, request, expected) => {
    const problems = await kitchen(request);
    expect(problems).toEqual(expected.map((text) => expect.stringContaining(`GRPC_FIELD_NOT_FOUND ${text}`)));
  });

  test.each([
    'int32_field: 1 stringField: $args.stringField',
    'self: $args.x?->first selves: $args.rows { int32Field: a } ints: $args.ids',
    'struct: {anything: {at: "all"}} value: [1, {a: 2}] any: {x: 1} listValue: [1] valueMap: {a: {b: 1}} textMap: {k: "v"}',
    'timestamp: $args.at int64Value: 5 empty: {} self: null',
    '$args.input',
    'called: "x" renamed: "y"',
    '...$args.input color: "RED"',
    'self: $args.x->match(["a", {int32Field: 1}], [@, null])',
  ])('takes the request %s', async (request) => {
    expect(await kitchen(request)).toEqual([]);
  });

  test('without request are those of the arguments', async () => {
    expect(await kitchen('')).toEqual([
      expect.stringMatching(
        /^GRPC_FIELD_NOT_FOUND 4:10 The message kitchen.v1.Sink has no field "nope".* Without request/,
      ),
    ]);
  });

  test.each([
    [
      'a field',
      'int32Feld',
      ['9:1 The message kitchen.v1.Sink has no field "int32Feld". Did you mean "int32Field"'],
    ],
    [
      'an original name',
      'int32_field',
      ['9:1 The answer spells "int32_field" as ProtoJSON does. Did you mean "int32Field"?'],
    ],
    [
      'a nested field',
      'self { a: selves.boolFeld }',
      ['9:18 The message kitchen.v1.Sink has no field "boolFeld".'],
    ],
    ['a field of a scalar', 'x: int32Field.y', ['9:15 "int32Field" is a scalar and has no "y".']],
    [
      'a field of a time',
      'timestamp { seconds }',
      ['9:13 google.protobuf.Timestamp is one value in JSON and has no "seconds".'],
    ],
    [
      "a field of a map's value",
      'x: sinkMap.key.nope',
      ['9:16 The message kitchen.v1.Sink has no field "nope".'],
    ],
    [
      'a field in an argument',
      'x: texts->map(bogus)',
      ['9:15 The message kitchen.v1.Sink has no field "bogus".'],
    ],
  ])('finds in a selection %s', async (_, selection, expected) => {
    const problems = await kitchen('{}', selection);
    expect(problems).toEqual(expected.map((text) => expect.stringContaining(`GRPC_FIELD_NOT_FOUND ${text}`)));
  });

  test.each([
    '$',
    'int32Field texts->first',
    'a: struct.any.thing b: value.x { y } c: any."@type" d: textMap.key e: sinkMap.k.int32Field f: textMap->entries { key value }',
    'timestamp x: selves->filter(@.boolField)->map(@.int32Field)',
  ])('takes the selection %s', async (selection) => {
    expect(
      await kitchen('{}', selection.includes('->first') ? `int32Field x: texts->first` : selection),
    ).toEqual([]);
  });
});

describe('hostile definitions', () => {
  test('of thousands of nested messages are refused, not crashed on', async () => {
    const text = `syntax = "proto3"; package a;\n${'message A {'.repeat(5_000)}${'}'.repeat(5_000)}`;
    expect((await problemsWith({ 'a.proto': text }))[0]).toContain('INVALID_PROTO');
  });

  test('with names of JavaScript do nothing but name', async () => {
    const names = [
      'constructor',
      'hasOwnProperty',
      'toString',
      'prototype',
      'rpcCall',
      'encode',
      'decode',
      'create',
      'lookup',
    ];
    const text = `syntax = "proto3"; package a;
      service S { rpc Get(Request) returns (Request); rpc constructor(Request) returns (Request); }
      message Request { ${names.map((name, i) => `string ${name} = ${i + 1};`).join(' ')} }
      ${names.map((name) => `message ${name} { enum toString { A_${name} = 0; } }`).join('\n')}`;
    const problems = await problemsOf(
      sdl(
        'proto: "a.proto"',
        'method: "a.S/constructor", request: "constructor: $args.id hasOwnProperty: $args.id"',
      ),
      {
        folder: folderWith({ 'a.proto': text }),
      },
    );
    expect(problems).toEqual([]);
  });

  test('of bytes that are no descriptor set are refused', async () => {
    for (const bytes of [
      Buffer.from('no descriptors'),
      Buffer.from([0x0a, 0xff, 0xff, 0x7f]),
      Buffer.from(service),
    ]) {
      const [problem] = await problemsOf(sdl('descriptors: "a.binpb"'), {
        folder: folderWith({ 'a.binpb': bytes }),
      });
      expect(problem).toContain('INVALID_PROTO 1:');
    }
  });
});

/** The kitchen as a compiled descriptor set. */
function descriptorSet(): Buffer {
  const definitions = loadSync('kitchen-sink.proto', { includeDirs: [folder] });
  const sink = definitions['kitchen.v1.Sink'] as MessageTypeDefinition<object, object>;
  return toSet(sink.fileDescriptorProtos);
}

function toSet(files: readonly Buffer[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const file of files) writer.uint32((1 << 3) | 2).bytes(file);
  return Buffer.from(writer.finish());
}

/** A descriptor set of one file, from its JSON. */
async function compiled(file: object): Promise<Buffer> {
  const { default: json } = (await import('protobufjs/google/protobuf/descriptor.json', {
    with: { type: 'json' },
  })) as {
    default: protobuf.INamespace;
  };
  const type = protobuf.Root.fromJSON(json).lookupType('google.protobuf.FileDescriptorSet');
  return Buffer.from(type.encode(type.fromObject({ file: [file] })).finish());
}

const wholeInput = {
  int32Field: 1,
  maybeInt: 0,
  longs: ['-5'],
  numberMap: { '-1': '9007199254740993' },
  colors: ['RED', 9],
  timestamp: '2026-11-22T00:00:00Z',
  choiceText: '',
};

describe('a descriptor set', () => {
  test('says the same as the files it was made of', async () => {
    const { address } = await startKitchen({}, { raw: true });
    const home = folderWith({ 'kitchen.binpb': descriptorSet() });
    const ofFiles = await openSource(kitchenSdl(), { address });
    const ofSet = await openSource(kitchenSdl('descriptors: "kitchen.binpb"'), { address, folder: home });
    const variables = { $args: { input: wholeInput } };
    const expected = await send(ofFiles.transports.get('echo'), variables);
    const { called: _, ...body } = expected.body as Record<string, unknown>;
    // protobufjs forgets json_name when it writes descriptors
    expect((await send(ofSet.transports.get('echo'), variables)).body).toEqual({ ...body, renamed: '' });
  });

  const file = (fields: object[], more: object = {}) => ({
    name: 'a.proto',
    package: 'a',
    syntax: 'proto3',
    service: [{ name: 'S', method: [{ name: 'Get', inputType: '.a.Request', outputType: '.a.Request' }] }],
    messageType: [{ name: 'Request', field: fields }],
    ...more,
  });
  const text = (name: string, number: number, more: object = {}) => ({
    name,
    number,
    label: 'LABEL_OPTIONAL',
    type: 'TYPE_STRING',
    ...more,
  });

  const echoOf = async (descriptor: object, input: object) => {
    const { address } = await startKitchen({}, { raw: true });
    const home = folderWith({ 'a.binpb': await compiled(descriptor) });
    const connect = 'method: "a.S/Get", request: "$args.in"';
    const { transports } = await openSource(sdl('descriptors: "a.binpb"', connect), {
      address,
      folder: home,
    });
    const { compileDecoder } = await import('../../../src/connectors/grpc/decode.js');
    const { compileEncoder } = await import('../../../src/connectors/grpc/encode.js');
    const { readDescriptorSet } = await import('../../../src/connectors/grpc/descriptors.js');
    const type = readDescriptorSet(await compiled(descriptor)).definitions.messages.get('a.Request')!;
    expect(transports.size).toBe(1);
    return compileDecoder(type)(compileEncoder(type)(input));
  };

  test('keeps json_name and proto3 optional', async () => {
    const fields = [
      text('a_b', 1, { jsonName: 'zip' }),
      text('c', 2, { proto3Optional: true, oneofIndex: 0 }),
      text('d', 3),
    ];
    const descriptor = file(fields);
    Object.assign(descriptor.messageType[0]!, { oneofDecl: [{ name: '_c' }] });
    expect(await echoOf(descriptor, { zip: 'x' })).toEqual({ zip: 'x', d: '' });
    expect(await echoOf(descriptor, { a_b: 'x', c: '' })).toEqual({ zip: 'x', c: '', d: '' });
  });

  test('knows the presence of editions, by feature', async () => {
    const features = { options: { features: { fieldPresence: 'IMPLICIT' } } };
    const descriptor = file([text('plain', 1), text('bare', 2, features)], {
      syntax: 'editions',
      edition: 1000,
    });
    expect(await echoOf(descriptor, {})).toEqual({ bare: '' });
  });

  test('without its imports names what is missing', async () => {
    const descriptor = file([text('m', 1, { type: 'TYPE_MESSAGE', typeName: '.b.Other' })]);
    const problems = await problemsOf(sdl('descriptors: "a.binpb"'), {
      folder: folderWith({ 'a.binpb': await compiled(descriptor) }),
    });
    expect(problems).toEqual([
      expect.stringContaining(
        'a.binpb: a.Request.m uses the type b.Other, which is not among the descriptors',
      ),
    ]);
  });

  test('needs no copies of the well-known types', async () => {
    const descriptor = file([
      text('at', 1, { type: 'TYPE_MESSAGE', typeName: '.google.protobuf.Timestamp' }),
    ]);
    expect(await echoOf(descriptor, { at: '2026-11-22T00:00:00Z' })).toEqual({ at: '2026-11-22T00:00:00Z' });
  });

  test('with groups is refused', async () => {
    const descriptor = file([text('g', 1, { type: 'TYPE_GROUP', typeName: '.a.Request' })], {
      syntax: 'proto2',
    });
    const problems = await problemsOf(sdl('descriptors: "a.binpb"'), {
      folder: folderWith({ 'a.binpb': await compiled(descriptor) }),
    });
    expect(problems[0]).toContain('a.Request.g is a group');
  });
});

describe('reflection', () => {
  const packages = () => loadSync('kitchen-sink.proto', { includeDirs: [folder] });

  /** A kitchen that tells what it offers, by the versions given. */
  async function startTalking(versions: readonly string[], seen: Metadata[] = []) {
    const kitchen = await startKitchen({}, { raw: true });
    const reflection = new ReflectionService(packages());
    const server = kitchen.server;
    const add = server.addService.bind(server);
    server.addService = (definition: Record<string, MethodDefinition<unknown, unknown>>, handlers: never) => {
      const [method] = Object.values(definition);
      const version = method?.path.includes('v1alpha') === true ? 'v1alpha' : 'v1';
      if (versions.includes(version)) add(definition, listening(handlers, seen));
    };
    reflection.addToServer(server);
    return kitchen;
  }

  function listening(
    handlers: Record<string, (call: { metadata: Metadata }) => void>,
    seen: Metadata[],
  ): never {
    return Object.fromEntries(
      Object.entries(handlers).map(([name, handle]) => [
        name,
        (call: { metadata: Metadata }) => {
          seen.push(call.metadata);
          handle(call);
        },
      ]),
    ) as never;
  }

  test.each([[['v1', 'v1alpha']], [['v1']], [['v1alpha']]])('by %j is as good as files', async (versions) => {
    const { address } = await startTalking(versions);
    const { transports } = await openSource(kitchenSdl('reflection: true'), { address });
    const reply = await send(transports.get('echo'), {
      $args: { input: { int64Field: '9007199254740993' } },
    });
    expect(reply.body).toMatchObject({ int64Field: '9007199254740993' });
  });

  test('sends the metadata of the source', async () => {
    const seen: Metadata[] = [];
    const { address } = await startTalking(['v1'], seen);
    const source = 'reflection: true, metadata: {name: "authorization", value: "Bearer {$env.TOKEN}"}';
    await openSource(kitchenSdl(source), { address, environment: { TOKEN: 't' } });
    expect(seen.map((metadata) => metadata.get('authorization'))).toEqual([['Bearer t']]);
  });

  test('checks names as files do', async () => {
    const { address } = await startTalking(['v1']);
    const text = kitchenSdl('reflection: true').replace('Kitchen/Echo"', 'Kitchen/Ecko"');
    expect(await problemsOf(text, { address })).toEqual([expect.stringContaining('Did you mean "Echo"')]);
  });

  test('that a server lacks, or does not answer, is said at the source', async () => {
    const { address } = await startTalking([]);
    expect(await problemsOf(kitchenSdl('reflection: true'), { address })).toEqual([
      expect.stringMatching(/^INVALID_PROTO 2:19 The gRPC source "kitchen" has no reflection service/),
    ]);
    const [away] = await problemsOf(kitchenSdl('reflection: true'), { address: '127.0.0.1:1' });
    expect(away).toContain('did not answer to reflection (UNAVAILABLE)');
  });

  test('that never ends is given up', async () => {
    const kitchen = await startKitchen();
    const silent = {
      path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      requestStream: true,
      responseStream: true,
      requestDeserialize: (b: Buffer) => b,
      requestSerialize: (b: Buffer) => b,
      responseSerialize: (b: Buffer) => b,
      responseDeserialize: (b: Buffer) => b,
    };
    kitchen.server.addService({ ServerReflectionInfo: silent }, { ServerReflectionInfo: () => undefined });
    const [problem] = await problemsOf(kitchenSdl('reflection: true, deadline: "200ms"'), {
      address: kitchen.address,
    });
    expect(problem).toContain(`did not answer to reflection (${status[status.DEADLINE_EXCEEDED]})`);
  });
});
