#!/usr/bin/env node
/**
 * Does what a newcomer does: `npm start` on a free port, then the README's first query, and stops it again.
 * Fails within 30 s where the screen never comes, or the answer is not the one that the README shows.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const limitMs = 30_000;
const token = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;
const root = fileURLToPath(new URL('..', import.meta.url));

const port = await freePort();
const gateway = start(port);
const limit = setTimeout(() => fail(`not done within ${limitMs / 1000} s`), limitMs);
try {
  const screen = await gateway.screen;
  const [origin] = new RegExp(`https?://[^\\s/]+:${port}`).exec(screen) ?? [];
  if (!origin) throw new Error(`the screen names no URL with port ${port}`);
  const url = `${origin}/graphql`;
  const answer = await ask(
    url,
    readFileSync(`${root}demo/operations/shop-front.graphql`, 'utf8'),
    tokenOn(screen),
  );
  if (answer.errors) throw new Error(`the answer has errors: ${JSON.stringify(answer.errors)}`);
  const orders = answer.data?.me?.orders?.length;
  if (orders !== 3) throw new Error(`expected 3 orders, got ${orders}: ${JSON.stringify(answer)}`);
  await compareWithReadme(url);
  await gateway.stop();
  clearTimeout(limit);
  console.log(`smoke: npm start answers the README's query at ${url}`);
} catch (error) {
  fail(error.message);
}

/** @param {string} reason */
function fail(reason) {
  gateway.kill();
  console.error(`smoke: ${reason}\n--- output of npm start ---\n${gateway.output()}`);
  process.exit(1);
}

/**
 * Starts the real script in a process group of its own, so that npm, its shell and the gateway can be stopped
 * together.
 *
 * @param {number} port
 */
function start(port) {
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, PORT: String(port), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const screen = new Promise((resolve, reject) => {
    const read = (chunk) => {
      text += chunk;
      // The last thing on the screen is a token; wait for the whole of it.
      if (text.includes(`:${port}`) && token.test(text)) setTimeout(() => resolve(text), 200);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    void exited.then((code) => reject(new Error(`npm start ended with code ${code}`)));
  });
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  return {
    screen,
    output: () => text,
    kill: () => signal('SIGKILL'),
    stop: () => {
      signal('SIGTERM');
      return closed;
    },
  };
}

/**
 * The customer's token, or the first one where the screen names none.
 *
 * @param {string} screen
 */
function tokenOn(screen) {
  const [, customer] = new RegExp(`customer.*?(${token.source})`, 'i').exec(screen) ?? [];
  return customer ?? token.exec(screen)[0];
}

/**
 * @param {string} url
 * @param {string} query
 * @param {string} token
 */
async function ask(url, query, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

/**
 * Runs the first curl of the README as it stands, but for the port, and compares with the first JSON that
 * follows it.
 *
 * @param {string} url
 */
async function compareWithReadme(url) {
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const [block, command] = /```(?:sh|bash|console)\n((?:\$ )?curl [^`]*)```/.exec(readme) ?? [];
  if (!command) throw new Error('README.md has no curl to run');
  const [, shown] = /```json\n([^`]*)```/.exec(readme.slice(readme.indexOf(block))) ?? [];
  if (!shown) throw new Error('README.md shows no JSON behind its curl');
  const here = command.replace(/^\$ /, '').replace(/(localhost|127\.0\.0\.1):\d+/, `$1:${new URL(url).port}`);
  const answer = await run(here);
  if (!isDeepStrictEqual(JSON.parse(answer), JSON.parse(shown))) {
    throw new Error(`README.md shows another answer than its curl gets: ${answer}`);
  }
}

/** @param {string} command */
async function run(command) {
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the README's curl ended with code ${code}`);
  return text;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
