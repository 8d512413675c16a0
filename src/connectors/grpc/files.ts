import { readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Problem } from '../../base/problems.js';
import type { Text } from '../../subgraph/text.js';

/** A file beside a schema file. */
export interface NearbyFile {
  /** Its path from the schema file's folder, with slashes. */
  readonly name: string;
  readonly content: Buffer;
}

/** A file that may not be read, or is not there. The message begins after the file's name. */
export class FileFault extends Error {
  override readonly name = 'FileFault';
}

/** The largest file that is read, in bytes. */
const largest = 16_000_000;

/**
 * Reads a file in or below the folder of a schema file, and nowhere else: no absolute path, no `..`, no URL, and no
 * symbolic link that leads out. A ConfigMap of Kubernetes, whose links stay inside, is fine.
 *
 * @throws FileFault
 */
export async function readNearby(folder: string | undefined, path: string): Promise<NearbyFile> {
  if (folder === undefined)
    throw new FileFault('cannot be read: this schema is no file, so nothing lies beside it');
  checkPath(path);
  const home = await realpath(folder);
  const file = await realpath(join(home, path)).catch(() => undefined);
  if (file === undefined) throw new FileFault('is not there');
  const name = relative(home, file);
  if (name === '..' || name.startsWith(`..${sep}`) || isAbsolute(name))
    throw new FileFault('leads out of the folder of the schema file');
  const facts = await stat(file);
  if (!facts.isFile()) throw new FileFault('is no file');
  if (facts.size > largest) throw new FileFault(`is larger than ${largest / 1e6} MB`);
  // the path as written names the file; its target is only where a link led
  return {
    name: path
      .split('/')
      .filter((part) => part !== '.' && part !== '')
      .join('/'),
    content: await read(file),
  };
}

function checkPath(path: string): void {
  if (/^[a-z][a-z\d+.-]*:/i.test(path) || path.startsWith('//')) {
    throw new FileFault('is a URL; only files beside the schema file are read');
  }
  if (isAbsolute(path)) throw new FileFault('is an absolute path; write one relative to the schema file');
  if (path.split(/[\\/]/).includes('..')) throw new FileFault('leads out of the folder of the schema file');
  if (path.trim() === '' || path.includes('\0') || (sep === '/' && path.includes('\\'))) {
    throw new FileFault('is no path');
  }
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new FileFault(`cannot be read${code}`);
  }
}

/** A problem at a character of a string in the schema file. */
export function problemAt(text: Text, code: string, message: string, index = 0): Problem {
  return { code, message, source: text.source, offset: text.offsetOf(index) };
}
