/** One fenced block of a markdown file, with the heading it stands under. */
export interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a markdown text, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const title = /^#+ (.*)$/.exec(line)?.[1];
    const fence = /^```(\w*)$/.exec(line)?.[1];
    if (title !== undefined) heading = title.trim();
    if (fence === undefined) continue;
    const end = lines.indexOf('```', i + 1);
    if (end < 0) throw new Error(`The block below "${heading}" is not closed.`);
    blocks.push({ heading, language: fence, text: lines.slice(i + 1, end).join('\n') });
    i = end;
  }
  return blocks;
}
