import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const docs = new URL('../../docs/', import.meta.url);

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.replace(/^```[^]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)];
  return new Set(headings.map(([, text = '']) => toAnchor(text)));
}

function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

describe.each([
  'mapping.md',
  'connectors.md',
  'grpc.md',
  'graphql.md',
  'subscriptions.md',
  'trusted-documents.md',
  'identity.md',
  'examples/README.md',
])('%s', (name) => {
  const page = new URL(name, docs);
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !target.startsWith('https://'));

  it.each(links)('leads somewhere with %s', (target) => {
    const file = new URL(target, page);
    expect(existsSync(file)).toBe(true);
    if (file.hash !== '') expect(anchorsOf(readFileSync(file, 'utf8'))).toContain(file.hash.slice(1));
  });

  it('leads to other pages', () => {
    expect(links.length).toBeGreaterThan(0);
  });
});
