import { parse, print, Source } from 'graphql';
import { expect, test } from 'vitest';
import { readLinks, withCanonicalNames } from '../../src/subgraph/links.js';

function linksOf(text: string) {
  const source = new Source(text, 'a.graphql');
  return readLinks(parse(source), source);
}

function canonical(text: string): string {
  return print(withCanonicalNames(parse(text), linksOf(text).links));
}

const connect = (version: string, rest = '') =>
  `extend schema @link(url: "https://specs.apollo.dev/connect/${version}"${rest})`;

test('a file without a link has the newest grammar and our additions', () => {
  expect(linksOf('type Query { a: Int }')).toMatchObject({
    links: { version: '0.4', strict: false },
    problems: [],
  });
});

test('a link to Federation alone does not hold a file to the connect specification', () => {
  const text = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key"])';
  expect(linksOf(text)).toMatchObject({ links: { version: '0.4', strict: false }, problems: [] });
});

test.each(['0.1', '0.2', '0.3', '0.4'])('a link to v%s has its grammar', (version) => {
  expect(linksOf(connect(`v${version}`))).toMatchObject({ links: { version, strict: true }, problems: [] });
  expect(linksOf(connect(`v${version}/`))).toMatchObject({ links: { version, strict: true }, problems: [] });
});

test.each(['v0.5', 'v1', 'v0.4.1', 'latest', ''])('a link to %j is refused', (version) => {
  const { problems } = linksOf(connect(version));
  expect(problems).toMatchObject([
    { code: 'UNKNOWN_CONNECTORS_VERSION', offset: 'extend schema @link(url: '.length },
  ]);
});

test('what is imported under another name is known by its own', () => {
  const text = `${connect('v0.3', ', import: ["@source", { name: "@connect", as: "@rest" }]')}\ntype Query { a: Int @rest }`;
  expect(canonical(text)).toContain('a: Int @connect');
});

test('a single import needs no list', () => {
  const text = `${connect('v0.3', ', import: { name: "@connect", as: "@rest" }')}\ntype Query { a: Int @rest }`;
  expect(canonical(text)).toContain('a: Int @connect');
});

test('what is not imported goes by the name of the specification, or the name the link gives it', () => {
  expect(canonical(`${connect('v0.3')}\ntype Query { a: Int @connect__connect }`)).toContain(
    'a: Int @connect',
  );
  expect(canonical(`${connect('v0.3', ', as: "c"')}\ntype Query { a: Int @c__connect }`)).toContain(
    'a: Int @connect',
  );
});

test('directives of Federation are known under any name, too', () => {
  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: [{ name: "@key", as: "@id" }])';
  const text = `${link}\ntype A @id(fields: "a") @federation__shareable { a: Int }`;
  expect(canonical(text)).toContain('type A @key(fields: "a") @shareable');
});

test('a link to another specification is nobody’s business', () => {
  const text = 'extend schema @link(url: "https://example.com/specs/other/v1.0", import: ["@connect"])';
  expect(linksOf(text)).toMatchObject({ links: { strict: false }, problems: [] });
});
