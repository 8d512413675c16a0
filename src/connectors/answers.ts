import { LRUCache } from 'lru-cache';
import { compileSelection, type Mapping } from '../mapping/compile.js';
import { pruneSelection } from '../mapping/prune.js';
import { inputPaths, type FieldTree, type InputTree } from '../mapping/shape.js';
import type { Entry, Range, Selection, SelectionList } from '../mapping/syntax.js';
import { withRowKey } from './rows.js';
import type { WantedAnswer } from './transport.js';
import { wantedText, type Wanted } from './wanted.js';

/** The part of a selection that some fields need, compiled. */
export interface Answer extends WantedAnswer {
  readonly mapping: Pick<Mapping, 'evaluate'>;
}

/** How many sets of wanted fields one connector keeps compiled. */
const mostAnswers = 500;

/**
 * Gives the pruned and compiled selection of one connector for any set of wanted fields; the same object for the
 * same set.
 *
 * @param selection absent where the names are the same on both sides
 * @param by of `batch.by`, for connectors that group rows
 */
export function answersOf(
  selection: Selection | undefined,
  by: Selection | undefined,
): (wanted: Wanted) => Answer {
  const compile = (wanted: Wanted) => compileAnswer(selection, by, wanted);
  return answersOnce(compile);
}

/** The same for a field that is handed on as it is: what the backend sends is the answer. */
export function answersAsTheyAre(): (wanted: Wanted) => Answer {
  return answersOnce((wanted) => ({ reads: readsOf(wanted), mapping: asItIs }));
}

const asItIs: Answer['mapping'] = { evaluate: (body) => body };

function readsOf(wanted: Wanted): InputTree {
  if (wanted === null) return { fields: new Map(), whole: nowhere };
  const fields = [...wanted].map(
    ([key, nested]) => [key, { range: nowhere, needs: readsOf(nested) }] as const,
  );
  return { fields: new Map(fields), whole: undefined };
}

function answersOnce(compile: (wanted: Wanted) => Answer): (wanted: Wanted) => Answer {
  const byText = new LRUCache<string, Answer>({ max: mostAnswers });
  // Most calls of a request want the very same tree, so that its text need not be made again.
  const byTree = new WeakMap<FieldTree, Answer>();
  return (wanted) => {
    const seen = wanted === null ? undefined : byTree.get(wanted);
    if (seen !== undefined) return seen;
    const text = wantedText(wanted);
    let answer = byText.get(text);
    if (answer === undefined) byText.set(text, (answer = compile(wanted)));
    if (wanted !== null) byTree.set(wanted, answer);
    return answer;
  };
}

function compileAnswer(whole: Selection | undefined, by: Selection | undefined, wanted: Wanted): Answer {
  const pruned =
    whole === undefined ? sameNames(wanted) : wanted === null ? whole : pruneSelection(whole, wanted);
  const selection = by === undefined ? pruned : (withRowKey(pruned, by) ?? pruned);
  return { reads: inputPaths(selection), mapping: compileSelection(selection) };
}

const nowhere: Range = { start: 0, end: 0 };

/** `id name address { city }` for these wanted fields; `$` for a whole value. */
function sameNames(wanted: Wanted): Selection {
  const root =
    wanted === null
      ? ({
          kind: 'path',
          root: { kind: 'body', range: nowhere },
          steps: [],
          selection: undefined,
          range: nowhere,
        } as const)
      : listOf(wanted);
  return { version: '0.4', root, range: nowhere };
}

function listOf(wanted: Exclude<Wanted, null>): SelectionList {
  return {
    kind: 'list',
    entries: [...wanted].map(([name, nested]) => entryOf(name, nested)),
    range: nowhere,
  };
}

function entryOf(name: string, nested: Wanted): Entry {
  const key = { name, range: nowhere };
  return {
    kind: 'field',
    key,
    value: {
      kind: 'path',
      root: { kind: 'key', key, range: nowhere },
      steps: [],
      selection: nested === null ? undefined : listOf(nested),
      range: nowhere,
    },
    range: nowhere,
  };
}
