import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toConfig, type ConfigInput } from '../../src/base/config.js';
import { createLog } from '../../src/base/log.js';
import { createAuthenticator } from '../../src/policy/authenticate.js';
import { blocksOf } from '../support/markdown.js';

const page = readFileSync(new URL('../../docs/identity.md', import.meta.url), 'utf8');
const blocks = blocksOf(page);
const configs = blocks.flatMap(({ language, text }) =>
  language === 'json' ? [JSON.parse(text) as ConfigInput] : [],
);

describe('the page about identities', () => {
  test('shows configurations that are accepted, also all at once', () => {
    expect(configs).toHaveLength(4);
    for (const config of [...configs, Object.assign({}, ...configs) as ConfigInput]) {
      createAuthenticator(toConfig(config), createLog('silent')).close();
    }
  });

  test('shows how a key becomes its digest', () => {
    const command = blocks.find(({ language }) => language === 'sh')?.text ?? '';
    const digest = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).split(' ')[0];
    expect(page).toContain(`"hash": "sha256:${digest}"`);
  });
});
