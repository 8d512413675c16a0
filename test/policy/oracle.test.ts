import {
  buildSchema,
  execute,
  parse,
  validate,
  type ExecutionResult,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql';
import { expect, onTestFinished, test } from 'vitest';
import { createGateway } from '../../src/index.js';
import { startService } from '../connectors/graphql/service.js';

/**
 * Random schemas with random rules, random operations by six callers: each answer must be what a plain loop over the rules
 * gives, and no backend is asked for what its caller is refused. In the test's name is the seed it ran with: `SEED=…` runs
 * it again, `DOCUMENTS=5000` sets how many operations.
 */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const documents = Number(process.env['DOCUMENTS'] ?? 200);
const documentsPerSchema = 50;

type Random = () => number;

/** mulberry32, by Tommy Ettinger, in the public domain. */
function randomFrom(start: number): Random {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

interface Caller {
  readonly sub: string;
  readonly scope: string;
  readonly tier: string;
}

const callers: readonly (Caller | undefined)[] = [
  undefined,
  { sub: 'u1', scope: '', tier: '' },
  { sub: 'u1', scope: 'a', tier: '' },
  { sub: 'u2', scope: 'a b', tier: 'tin' },
  { sub: 'u3', scope: 'c', tier: 'gold' },
  { sub: 'u1', scope: 'b', tier: 'gold' },
];

/** A rule as the files say it, and as a plain function: of the caller alone, and of an object too. */
interface PlainRule {
  readonly text: string;
  /** Refuses whatever the object is. */
  readonly refuses: (caller: Caller | undefined) => boolean;
  readonly allows: (caller: Caller | undefined, owner: string) => boolean;
}

const has = (caller: Caller | undefined, ...scopes: string[]) =>
  scopes.every((scope) => caller?.scope.split(' ').includes(scope) === true);
const isGold = (caller: Caller | undefined) => caller?.tier === 'gold';
const isOwner = (caller: Caller | undefined, owner: string) => caller?.sub === owner;

const ofCaller = (text: string, allows: (caller: Caller | undefined) => boolean): PlainRule => ({
  text,
  refuses: (caller) => !allows(caller),
  allows,
});

const ofObject = (text: string, allows: PlainRule['allows'], refuses: PlainRule['refuses']): PlainRule => ({
  text,
  refuses,
  allows,
});

const rulePool: readonly PlainRule[] = [
  ofCaller('@authenticated', (caller) => caller !== undefined),
  ofCaller('@requiresScopes(scopes: [["a"]])', (caller) => has(caller, 'a')),
  ofCaller(
    '@requiresScopes(scopes: [["a", "b"], ["c"]])',
    (caller) => has(caller, 'a', 'b') || has(caller, 'c'),
  ),
  ofCaller('@policy(policies: [["gold"]])', isGold),
  ofObject('@policy(policies: [["owner"]])', isOwner, () => false),
  ofObject(
    '@policy(policies: [["owner"], ["gold"]])',
    (c, owner) => isOwner(c, owner) || isGold(c),
    () => false,
  ),
  ofObject(
    '@policy(policies: [["owner", "gold"]])',
    (c, owner) => isOwner(c, owner) && isGold(c),
    (c) => !isGold(c),
  ),
];

interface PlainField {
  readonly name: string;
  /** Of the first service, which has the objects, or of the second, which has more of them by their key. */
  readonly at: 'first' | 'second';
  /** The type of a link; a scalar has none. */
  readonly to: string | undefined;
  readonly isList: boolean;
  readonly rules: readonly PlainRule[];
}

interface PlainType {
  readonly name: string;
  readonly rules: readonly PlainRule[];
  readonly fields: readonly PlainField[];
}

interface World {
  readonly types: readonly PlainType[];
  /** Of the interface that all types implement, and of its field. */
  readonly ofThing: readonly PlainRule[];
  readonly ofName: readonly PlainRule[];
}

function makeWorld(random: Random): World {
  const names = ['A', 'B', 'C', 'D'];
  const rules = (likely: number) => (random() < likely ? [pick(random, rulePool)] : []);
  const scalar = (name: string, at: PlainField['at']): PlainField => ({
    name,
    at,
    to: undefined,
    isList: false,
    rules: rules(0.35),
  });
  const link = (name: string): PlainField => ({
    name,
    at: 'first',
    to: pick(random, [...names, 'Thing', 'Any']),
    isList: random() < 0.5,
    rules: rules(0.15),
  });
  const types = names.map((name) => ({
    name,
    rules: rules(0.2),
    fields: [
      scalar('name', 'first'),
      scalar('x', 'first'),
      scalar('y', 'second'),
      scalar('z', 'second'),
      link('one'),
      link('two'),
    ],
  }));
  return { types, ofThing: rules(0.1), ofName: rules(0.15) };
}

const texts = (rules: readonly PlainRule[]) => rules.map(({ text }) => text).join(' ');

function sdlOf(
  { types, ofThing, ofName }: World,
  at: 'first' | 'second' | 'all',
  withRules: boolean,
): string {
  const rules = (some: readonly PlainRule[]) => (withRules ? texts(some) : '');
  const typeSdl = (type: PlainType) => {
    const fields = type.fields
      .filter((field) => at === 'all' || field.at === at)
      .map(
        ({ name, to = 'String', isList, rules: own }) => `${name}: ${isList ? `[${to}]` : to} ${rules(own)}`,
      );
    const owner = at === 'second' ? '' : 'owner: String';
    const implemented = at === 'second' ? '' : 'implements Thing';
    return `type ${type.name} ${implemented} ${at === 'all' ? '' : '@key(fields: "id")'} ${at === 'second' ? '' : rules(type.rules)}
      { id: ID! ${owner} ${fields.join(' ')} }`;
  };
  const all = types.map(typeSdl).join('\n');
  if (at === 'second') return all;
  return `type Query { ${types.map(({ name }) => `get${name}(id: ID!): ${name} all${name}: [${name}]`).join(' ')} thing: Thing any: [Any] }
    interface Thing ${rules(ofThing)} { id: ID! owner: String name: String ${rules(ofName)} }
    union Any = ${types.map(({ name }) => name).join(' | ')}
    ${all}`;
}

// The data: three objects of each type, owned by u1, u2 and u3; links lead to what the numbers say.

interface Thing {
  readonly __typename: string;
  readonly id: string;
  readonly owner: string;
}

const thing = (type: string, id: string): Thing => ({ __typename: type, id, owner: `u${id}` });

function linked({ types }: World, from: Thing, { name, to, isList }: PlainField): Thing | Thing[] {
  const start = Number(from.id) + name.length + from.__typename.charCodeAt(0);
  const typeAt = (step: number) =>
    to === 'Thing' || to === 'Any' ? types[(start + step) % types.length]!.name : (to ?? '');
  const at = (step: number) => thing(typeAt(step), String(((start + step) % 3) + 1));
  return isList ? [at(0), at(1)] : at(2);
}

function valueOf(world: World, from: Thing, name: string): unknown {
  const field = world.types
    .find((type) => type.name === from.__typename)
    ?.fields.find((each) => each.name === name);
  if (field?.to !== undefined) return linked(world, from, field);
  return name === 'id' || name === 'owner' ? from[name] : `${from.__typename}${from.id}.${name}`;
}

function rootValueOf({ types }: World, name: string, id: string): unknown {
  if (name === 'thing') return thing(types[0]!.name, '2');
  if (name === 'any') return types.map((type, index) => thing(type.name, String((index % 3) + 1)));
  const type = name.slice(3);
  return name.startsWith('get') ? thing(type, id) : ['1', '2', '3'].map((each) => thing(type, each));
}

// Operations

/** Names and aliases are thrown together until the result is GraphQL. */
function makeValidDocument(random: Random, world: World): string {
  const schema = plainSchema(world);
  for (;;) {
    const source = makeDocument(random, world);
    if (validate(schema, parse(source)).length === 0) return source;
  }
}

function makeDocument(random: Random, world: World): string {
  const fragments: string[] = [];
  const aliased = (name: string) =>
    random() < 0.4
      ? `${pick(random, ['id', 'owner', 'name', 'x', 'y', 'z', 'one', 'k1', 'k2', 'k3'])}: ${name}`
      : name;
  const selection = (type: string, depth: number): string => {
    const plain = world.types.find((each) => each.name === type);
    if (plain === undefined) {
      const shared = type === 'Thing' && random() < 0.6 ? ['id', 'name'] : [];
      const members = world.types
        .filter(() => random() < 0.6)
        .map((each) => `... on ${each.name} ${selection(each.name, depth)}`);
      return `{ __typename ${[...shared, ...members].join(' ')} }`;
    }
    const used = new Set<string>();
    const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const links = depth > 0 ? plain.fields : plain.fields.filter(({ to }) => to === undefined);
      const field = pick(random, [...links, { name: 'id', to: undefined }, { name: 'owner', to: undefined }]);
      const text = aliased(field.name);
      const responseName = text.split(':')[0] ?? '';
      if (used.has(responseName)) return '';
      used.add(responseName);
      return field.to === undefined ? text : `${text} ${selection(field.to, depth - 1)}`;
    });
    const body = `{ __typename ${parts.join(' ')} }`;
    if (random() > 0.2) return body;
    const name = `F${fragments.length}`;
    fragments.push(`fragment ${name} on ${type} ${body}`);
    return `{ ...${name} }`;
  };
  const roots = Array.from({ length: 1 + Math.floor(random() * 2) }, (_, index) => {
    const { name } = pick(random, world.types);
    const [field, type] = pick(random, [
      [`get${name}(id: ${1 + Math.floor(random() * 3)})`, name],
      [`all${name}`, name],
      ['thing', 'Thing'],
      ['any', 'Any'],
    ] as const);
    return `r${index}: ${field} ${selection(type, 3)}`;
  });
  return `{ ${roots.join(' ')} } ${fragments.join(' ')}`;
}

// The oracle

const schemas = new WeakMap<World, GraphQLSchema>();

function plainSchema(world: World): GraphQLSchema {
  const schema = schemas.get(world) ?? buildSchema(sdlOf(world, 'all', false));
  schemas.set(world, schema);
  return schema;
}

class Refused extends Error {}

/** graphql-js on all the data, with each rule as a plain condition. */
async function plainAnswer(
  world: World,
  caller: Caller | undefined,
  source: string,
): Promise<ExecutionResult> {
  const schema = plainSchema(world);
  const typeRules = (name: string) => [
    ...(world.types.find((type) => type.name === name)?.rules ?? []),
    ...world.ofThing,
  ];
  const resolve: GraphQLFieldResolver<unknown, unknown, { id?: string }> = (from, { id }, _, info) => {
    const parent = from as Thing | undefined;
    if (parent !== undefined) {
      for (const rule of fieldRules(world, parent.__typename, info.fieldName)) {
        if (!rule.allows(caller, parent.owner)) throw new Refused();
      }
    }
    const named = String(info.returnType).replace(/[![\]]/g, '');
    if (world.types.some(({ name }) => name === named)) {
      // Who is refused every object of the type is refused the field.
      if (typeRules(named).some((rule) => rule.refuses(caller))) throw new Refused();
    }
    const value =
      parent === undefined
        ? rootValueOf(world, info.fieldName, id ?? '')
        : valueOf(world, parent, info.fieldName);
    const admitted = (object: Thing) =>
      typeRules(object.__typename).every((rule) => rule.allows(caller, object.owner))
        ? object
        : new Refused();
    if (Array.isArray(value)) return value.map((each) => admitted(each as Thing));
    return typeof value === 'object' && value !== null ? admitted(value as Thing) : value;
  };
  return execute({ schema, document: parse(source), fieldResolver: resolve });
}

function fieldRules({ types, ofName }: World, type: string, field: string): readonly PlainRule[] {
  const own = types.find(({ name }) => name === type)?.fields.find(({ name }) => name === field)?.rules ?? [];
  return field === 'name' ? [...own, ...ofName] : own;
}

// The test

interface Asked {
  readonly type: string;
  readonly field: string;
  readonly owner: string;
  readonly at: 'first' | 'second';
}

async function serve(world: World) {
  const asked: Asked[] = [];
  const objectAt = (at: Asked['at'], object: Thing): object =>
    Object.fromEntries([
      ['__typename', object.__typename],
      ...['id', 'owner', 'name', 'x', 'y', 'z', 'one', 'two'].map((field) => [
        field,
        () => {
          asked.push({ type: object.__typename, field, owner: object.owner, at });
          const value = valueOf(world, object, field);
          if (Array.isArray(value)) return value.map((each) => objectAt(at, each as Thing));
          return typeof value === 'object' && value !== null ? objectAt(at, value as Thing) : value;
        },
      ]),
    ]);
  const first = Object.fromEntries(
    ['thing', 'any', ...world.types.flatMap(({ name }) => [`get${name}`, `all${name}`])].map((name) => [
      name,
      ({ id = '' }: { id?: string }) => {
        const value = rootValueOf(world, name, id);
        return Array.isArray(value)
          ? value.map((each) => objectAt('first', each as Thing))
          : objectAt('first', value as Thing);
      },
    ]),
  );
  const entities = ({ representations }: { representations: { __typename: string; id: string }[] }) =>
    representations.map(({ __typename, id }) => objectAt('second', thing(__typename, id)));
  const union = `scalar _Any union _Entity = ${world.types.map(({ name }) => name).join(' | ')}`;
  const directive = 'directive @key(fields: String!) on OBJECT';
  const services = {
    first: await startService(`${sdlOf(world, 'first', false)} ${directive}`, first),
    second: await startService(
      `type Query { _entities(representations: [_Any!]!): [_Entity]! } ${union} ${sdlOf(world, 'second', false)} ${directive}`,
      { _entities: entities },
    ),
  };
  const source = (name: keyof typeof services) =>
    `extend schema @source(name: "${name}", graphql: { url: "${services[name].url}" })`;
  const gateway = await createGateway({
    files: {
      'first.graphql': `${source('first')}
        @definePolicy(name: "owner", allow: "$this.owner->eq($claims.sub)")
        @definePolicy(name: "gold", allow: "$claims.tier->eq('gold')")
        ${sdlOf(world, 'first', true)}`,
      // A rule reads the owner, which only the other file has.
      'second.graphql': `${source('second')} ${sdlOf(world, 'second', true).replaceAll('id: ID!', 'id: ID! owner: String @external')}`,
    },
    config: { log: 'silent' },
  });
  return { gateway, asked };
}

/** What may be asked of a backend only by who may have it. A rule that reads the object needs the object first. */
function mayAsk(world: World, caller: Caller | undefined, { type, field, owner, at }: Asked): boolean {
  const rules = fieldRules(world, type, field);
  return at === 'second'
    ? rules.every((rule) => rule.allows(caller, owner))
    : rules.every((rule) => !rule.refuses(caller));
}

test(
  `answers are those of a plain loop over the rules, and nothing is asked for who is refused it (SEED=${seed})`,
  { timeout: 20_000 + documents * 100 },
  async () => {
    const random = randomFrom(seed);
    let withErrors = 0;
    for (let made = 0; made < documents; made += documentsPerSchema) {
      const world = makeWorld(random);
      const { gateway, asked } = await serve(world);
      onTestFinished(() => gateway.close());
      for (let index = 0; index < documentsPerSchema; index++) {
        const caller = pick(random, callers);
        const query = makeValidDocument(random, world);
        const identity = caller && { identity: { subject: caller.sub, claims: { ...caller } } };
        asked.length = 0;
        const [answer, expected] = await Promise.all([
          gateway.ask({ query, ...identity }),
          plainAnswer(world, caller, query),
        ]);
        const context = `${query}\nby ${JSON.stringify(caller)}\n${sdlOf(world, 'all', true)}`;
        expect(JSON.parse(JSON.stringify(answer.data)), context).toEqual(
          JSON.parse(JSON.stringify(expected.data)),
        );
        const paths = (result: ExecutionResult) =>
          (result.errors ?? []).map(({ path }) => path?.join('.')).sort();
        expect(paths(answer), context).toEqual(paths(expected));
        expect(
          answer.errors?.every(({ extensions }) =>
            /^(FORBIDDEN|UNAUTHENTICATED)$/.test(String(extensions['code'])),
          ) ?? true,
        ).toBe(true);
        expect(
          asked.filter((each) => !mayAsk(world, caller, each)),
          context,
        ).toEqual([]);
        if (answer.errors !== undefined) withErrors++;
      }
      await gateway.close();
    }
    // Rules that never refuse, or always do, would show nothing.
    expect(withErrors / documents).toBeGreaterThan(0.2);
    expect(withErrors / documents).toBeLessThan(0.95);
  },
);
