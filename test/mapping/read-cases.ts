import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One behaviour: a claim, and named fields as written. A field that is repeated has several values. */
export interface Case {
  readonly file: string;
  readonly line: number;
  readonly claim: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Reads every case file of a folder. */
export function readCases(folder: string): Case[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  return files.flatMap((name) => casesOf(basename(name, '.txt'), readFileSync(join(folder, name), 'utf8')));
}

/**
 * A case begins with `## claim`; its fields are `name: value`, and a line that is indented by two spaces goes on with the
 * value before. Everything before the first claim is prose.
 */
function casesOf(file: string, text: string): Case[] {
  const cases: { file: string; line: number; claim: string; fields: Map<string, string[]> }[] = [];
  let last: string[] | undefined;
  text.split('\n').forEach((line, index) => {
    if (line.startsWith('## ')) {
      cases.push({ file, line: index + 1, claim: line.slice(3), fields: new Map() });
      last = undefined;
      return;
    }
    const current = cases.at(-1);
    if (current === undefined || line.trim() === '') return;
    if (line.startsWith('  ') && last !== undefined) {
      last.push(`${last.pop() ?? ''}\n${line.slice(2)}`);
      return;
    }
    const match = /^([a-z-]+):(?: (.*))?$/.exec(line);
    if (match?.[1] === undefined) throw new Error(`${file}.txt:${index + 1} is no field: ${line}`);
    last = current.fields.get(match[1]) ?? [];
    last.push(match[2] ?? '');
    current.fields.set(match[1], last);
  });
  return cases;
}
