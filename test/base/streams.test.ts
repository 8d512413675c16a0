import { expect, test } from 'vitest';
import { mapStream } from '../../src/base/streams.js';

/** A source that gives what a test hands it, and notes what it is asked. */
function openSource<T>() {
  const waiting: {
    resolve: (step: IteratorResult<T>) => void;
    reject: (error: Error) => void;
  }[] = [];
  let asked = 0;
  let returned = 0;
  const source: AsyncIterator<T> = {
    next: () => {
      asked++;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return: async () => {
      returned++;
      return { done: true, value: undefined };
    },
  };
  return {
    source,
    asked: () => asked,
    returned: () => returned,
    give: (value: T) => waiting.shift()?.resolve({ done: false, value }),
    end: () => waiting.shift()?.resolve({ done: true, value: undefined }),
    fail: (error: Error) => waiting.shift()?.reject(error),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const end = { done: true, value: undefined };

test('the source is asked once for each event that somebody waits for', async () => {
  const { source, asked, give } = openSource<number>();
  const stream = mapStream(source, { next: async (event) => event * 2 });
  await settled();
  expect(asked()).toBe(0);
  const [first, second] = [stream.next(), stream.next()];
  await settled();
  expect(asked()).toBe(1);
  give(1);
  expect(await first).toEqual({ done: false, value: 2 });
  await settled();
  expect(asked()).toBe(2);
  give(2);
  expect(await second).toEqual({ done: false, value: 4 });
});

test('return() ends the source and whoever waits, also while an event is made', async () => {
  for (const isMaking of [false, true]) {
    const { source, returned, give } = openSource<number>();
    let left = 0;
    const stream = mapStream(source, { next: () => new Promise<number>(() => undefined) }, () => left++);
    const waiting = [stream.next(), stream.next()];
    await settled();
    if (isMaking) give(1);
    await settled();
    expect(await stream.return?.()).toEqual(end);
    expect([returned(), left]).toEqual([1, 1]);
    expect(await Promise.all(waiting)).toEqual([end, end]);
    expect(await stream.next()).toEqual(end);
  }
});

test('a failure of the source is the last event, or thrown, and then the stream is at its end', async () => {
  const told = openSource<number>();
  const telling = mapStream<number, string>(told.source, {
    next: String,
    failed: (error) => `failed: ${String(error)}`,
  });
  const last = telling.next();
  await settled();
  told.fail(new Error('gone'));
  expect(await last).toEqual({ done: false, value: 'failed: Error: gone' });
  expect(await telling.next()).toEqual(end);

  const thrown = openSource<number>();
  const throwing = mapStream(thrown.source, { next: String });
  const rejected = expect(throwing.next()).rejects.toThrow('gone');
  await settled();
  thrown.fail(new Error('gone'));
  await rejected;
  expect(await throwing.next()).toEqual(end);
  expect(thrown.asked()).toBe(1);
});

test('an event that cannot be made ends the stream and its source', async () => {
  const { source, returned, give } = openSource<number>();
  const stream = mapStream(source, {
    next: () => {
      throw new Error('unreadable');
    },
  });
  const rejected = expect(stream.next()).rejects.toThrow('unreadable');
  await settled();
  give(1);
  await rejected;
  expect(returned()).toBe(1);
  expect(await stream.next()).toEqual(end);
});

test('the end of the source is the end', async () => {
  const source = openSource<number>();
  const stream = mapStream(source.source, { next: String });
  const last = stream.next();
  await settled();
  source.end();
  expect(await last).toEqual(end);
  expect(await stream.next()).toEqual(end);
  expect(source.asked()).toBe(1);
});
