import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

/** Rows of tables whose last cell names a file and the beginning of a test in it. */
const claims = [...page.matchAll(/^\| (?!claim|-)(.+?) +\| (.+?) +\|$/gm)].map(
  ([, claim = '', shown = '']) => ({
    claim,
    shown,
  }),
);

describe('the page about security', () => {
  test('has claims', () => {
    expect(claims.length).toBeGreaterThan(20);
  });

  test.each(claims)('$claim', ({ shown }) => {
    const [, path = '', name = ''] = /^`(test\/[^`]+)` "(.+)"$/.exec(shown) ?? [];
    expect(name, 'The last cell names a test: `test/…` "its name".').not.toBe('');
    const source = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(source.includes(name), `${path} has no "${name}"`).toBe(true);
  });
});
