/**
 * `npm run fuzz -- [seconds] [seed]`: throws broken texts at the parsers of mappings and templates. Whatever the
 * text, they answer with a tree or a `MappingSyntaxError` whose range lies in it, and within a second.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { compileSelection } from '../src/mapping/compile.js';
import { MappingSyntaxError, parseSelection } from '../src/mapping/parse.js';
import { parseTemplate } from '../src/mapping/template.js';
import { SPEC_VERSIONS } from '../src/mapping/version.js';

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const slowestMs = 1_000;

/** mulberry32, by Tommy Ettinger (public domain). */
function createRandom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = createRandom(seed);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

const folder = new URL('../test/mapping/cases/', import.meta.url);
const corpus = readdirSync(folder)
  .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
  .filter((line) => line.trim() !== '');
const pieces = [
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  '->',
  '.',
  '...',
  '?',
  '??',
  '?!',
  '$',
  '@',
  '"',
  "'",
  '\\',
  ':',
  ',',
  '#',
  '\n',
];
const words = [
  ...pieces,
  'a',
  'b->as($x)',
  '$args.id',
  '1',
  '-',
  'null',
  '\u{1F600}',
  '\uD800',
  '->match([@, 1])',
];

function text(): string {
  const start = random() < 0.7 ? pick(corpus) : '';
  let made = start;
  const edits = Math.floor(random() * 12);
  for (let edit = 0; edit < edits; edit++) {
    const at = Math.floor(random() * (made.length + 1));
    const cut = Math.floor(random() * 4);
    made = made.slice(0, at) + (random() < 0.7 ? pick(words) : pick(corpus)) + made.slice(at + cut);
  }
  return random() < 0.05 ? made.repeat(1 + Math.floor(random() * 200)) : made;
}

function parse(source: string): void {
  for (const version of SPEC_VERSIONS) {
    for (const parser of [parseSelection, parseTemplate]) {
      const start = performance.now();
      try {
        const tree = parser(source, version);
        if ('root' in tree && random() < 0.2)
          compileSelection(tree).evaluate({ a: [1, { b: null }] }, { $args: {} });
      } catch (error) {
        const { range } = error as MappingSyntaxError;
        const isFine =
          error instanceof MappingSyntaxError && range.start >= 0 && range.end <= source.length + 1;
        if (!isFine) fail(`${parser.name} v${version} threw ${String(error)}`, source);
      }
      if (performance.now() - start > slowestMs) fail(`${parser.name} v${version} took too long`, source);
    }
  }
}

function fail(what: string, source: string): never {
  console.error(`fuzz: ${what}\nseed ${seed}\n${JSON.stringify(source)}`);
  process.exit(1);
}

const end = performance.now() + seconds * 1_000;
let texts = 0;
for (; performance.now() < end; texts++) parse(text());
console.log(`fuzz: ${texts} texts in ${seconds} s, seed ${seed}: no crash, nothing slow`);
