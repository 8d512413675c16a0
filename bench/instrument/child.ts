import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Ask } from './parent.js';

/** A process of the bench. */
export interface Child {
  readonly name: string;
  /** Asks it something; fails if it ends, or says nothing in time. */
  ask<T>(question: string, argument?: unknown): Promise<T>;
  /** Ends it, by its own id; done when it is gone. May be called twice. */
  stop(): Promise<void>;
}

/** How a {@link Child} starts. */
export interface ChildOptions {
  /** What people know it by. */
  readonly name: string;
  /** The JavaScript to run, and its arguments. */
  readonly program: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** The core it may use; any, unless given. */
  readonly core?: number | undefined;
}

const answerMs = 20_000;
const stopMs = 3_000;

/** Starts a Node process with the flags, environment and core given. It ends with this one, whatever happens. */
export function startChild({ name, program, nodeFlags = [], core }: ChildOptions): Child {
  const pinned = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [command = '', ...words] = [...pinned, process.execPath, ...nodeFlags, ...program];
  const child = spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' },
  });
  const lastWords = keepTail(child);
  const waiting = new Map<number, (answer: Answer) => void>();
  let ended: string | undefined;
  let lastId = 0;

  const end = (why: string): void => {
    ended ??= `${name} ${why}${lastWords()}`;
    for (const [id, settle] of waiting) settle({ id, error: ended });
    waiting.clear();
  };
  child.on('message', (message) => {
    const answer = message as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.once('error', (error) => end(`could not be started: ${error.message}`));
  child.once('close', (code, signal) => end(`ended (${signal ?? `exit ${code ?? '?'}`})`));

  return {
    name,
    ask: async <T>(question: string, argument?: unknown) => {
      if (ended !== undefined) throw new Error(ended);
      const id = ++lastId;
      const answer = await new Promise<Answer>((resolve) => {
        const late = setTimeout(() => settle({ id, error: `said nothing to "${question}"` }), answerMs);
        const settle = (value: Answer): void => {
          clearTimeout(late);
          waiting.delete(id);
          resolve(value);
        };
        waiting.set(id, settle);
        child.send({ id, ask: question, argument } satisfies Ask, (error) => {
          if (error) settle({ id, error: error.message });
        });
      });
      if ('error' in answer) throw new Error(`${name}: ${answer.error}`);
      return answer.value as T;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'close');
  const force = setTimeout(() => child.kill('SIGKILL'), stopMs);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(force);
}

const tailLength = 4_000;

/** What it wrote last, to say why it ended. */
function keepTail(child: ChildProcess): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-tailLength)));
  }
  return () => (tail === '' ? '' : `; it wrote:\n${tail.trimEnd()}`);
}
