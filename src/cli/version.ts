import { readFileSync } from 'node:fs';

/** The version in our package.json, which is one folder further up once we are built. */
export function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const content = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string };
      return content.version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
