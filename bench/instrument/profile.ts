import { readFileSync } from 'node:fs';

/** What had a share of the time itself, what it called left out. */
export interface Cost {
  readonly name: string;
  /** Of the time in which anything ran: 0 to 1. */
  readonly share: number;
}

/** Where the time of a CPU profile went, the dearest first. */
export interface Profile {
  readonly functions: readonly Cost[];
  readonly packages: readonly Cost[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
}

/** Sums up a `.cpuprofile`: self time by function and by package. Time in which nothing ran counts for nothing. */
export function readProfile(file: string, most = 25): Profile {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const packages = new Map<string, number>();
  let total = 0;
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    const time = timeDeltas[index] ?? 0;
    if (!frame || isNoCost(frame)) return;
    total += time;
    add(functions, nameOf(frame), time);
    add(packages, packageOf(frame), time);
  });
  return { functions: dearest(functions, total, most), packages: dearest(packages, total, most) };
}

type Frame = ProfileNode['callFrame'];

/** Nothing ran, or the inspector did: it is what starts and ends the profile. */
function isNoCost({ functionName, url }: Frame): boolean {
  return functionName === '(idle)' || (functionName === 'dispatch' && url === '');
}

function add(sums: Map<string, number>, name: string, time: number): void {
  sums.set(name, (sums.get(name) ?? 0) + time);
}

function dearest(sums: ReadonlyMap<string, number>, total: number, most: number): Cost[] {
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => ({ name, share: time / total }));
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  if (url === '') return functionName === '' ? '(native)' : functionName;
  return `${functionName === '' ? '(anonymous)' : functionName} ${placeOf(url)}:${lineNumber + 1}`;
}

function placeOf(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^.*\/dist\/(?=src\/)/, '');
}

/** The package a function is from, `node:` for Node's own JavaScript, or the folder of ours. */
function packageOf({ functionName, url }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return 'node:';
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (name !== undefined) return name;
  const [, folder] = /\/(src\/[^/]+)\/[^/]*/.exec(url) ?? [];
  return folder ?? url.slice(url.lastIndexOf('/') + 1);
}
