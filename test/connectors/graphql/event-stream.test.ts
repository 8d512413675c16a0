import { describe, expect, test } from 'vitest';
import {
  EventStreamReader,
  EventTooLarge,
  type ServerEvent,
} from '../../../src/connectors/graphql/event-stream.js';

/** Reads a stream that comes in pieces of so many bytes. */
function read(stream: string | Buffer, size = Infinity): ServerEvent[] {
  const bytes = Buffer.from(stream);
  const reader = new EventStreamReader();
  const events: ServerEvent[] = [];
  for (let start = 0; start < bytes.length; start += size) {
    events.push(...reader.read(bytes.subarray(start, start + size)));
  }
  return events;
}

const next = (data: string) => ({ type: 'next', data });

describe('an event', () => {
  test.each([
    ['has a type and data', 'event: next\ndata: 1\n\n', [next('1')]],
    ['may end its lines with CR', 'event: next\rdata: 1\r\r', [next('1')]],
    ['may end its lines with CR and LF', 'event: next\r\ndata: 1\r\n\r\n', [next('1')]],
    ['may mix the ends of its lines', 'event: next\ndata: 1\r\ndata: 2\r\n\r', [next('1\n2')]],
    [
      'may have data in many lines',
      'event: next\ndata: {\ndata:  "a": 1\ndata: }\n\n',
      [next('{\n "a": 1\n}')],
    ],
    ['may have empty lines of data', 'event: next\ndata\ndata:\ndata: x\n\n', [next('\n\nx')]],
    ['needs no space behind the colon, and loses only one', 'event:next\ndata:  x\n\n', [next(' x')]],
    ['keeps the colons of its data', 'event: next\ndata: a: b\n\n', [next('a: b')]],
    [
      'has no type unless it says one',
      'data: 1\n\nevent: next\n\ndata: 2\n\n',
      [{ type: '', data: '1' }, next(''), { type: '', data: '2' }],
    ],
    ['with a name alone counts', 'event: complete\n\n', [{ type: 'complete', data: '' }]],
    ['is not ended by the end of the stream', 'event: next\ndata: 1\n\nevent: next\ndata: 2\n', [next('1')]],
    ['stands between comments', ': hi\n\n:\n\nevent: next\n: there\ndata: 1\n\n: bye\n', [next('1')]],
    [
      'has other fields, which mean nothing',
      'id: 7\nretry: 1\nevent: next\nnonsense\ndata: 1\n\n',
      [next('1')],
    ],
    ['may come behind a byte order mark', '\uFEFFevent: next\ndata: 1\n\n', [next('1')]],
    ['keeps later byte order marks', 'event: next\ndata: \uFEFF1\n\n', [next('\uFEFF1')]],
    ['is nothing without any field', '\n\n\n\r\n', []],
  ])('%s', (_, stream, events) => {
    expect(read(stream)).toEqual(events);
  });

  test('is the same wherever the pieces end', () => {
    const stream =
      '\uFEFF: hello\r\n\r\nevent: next\r\ndata: {"name":"Zoë 🧵"}\r\ndata: 縫\r\n\r\nevent: complete\rdata\r\r';
    const whole = read(stream);
    expect(whole).toEqual([next('{"name":"Zoë 🧵"}\n縫'), { type: 'complete', data: '' }]);
    for (let size = 1; size < Buffer.byteLength(stream); size++) expect(read(stream, size)).toEqual(whole);
  });

  test('with bytes that are no UTF-8 has the sign for them', () => {
    expect(read(Buffer.from('646174613a20ff0a0a', 'hex'))).toEqual([{ type: '', data: '\uFFFD' }]);
  });
});

describe('what is kept while the end of an event is awaited has a bound', () => {
  test.each([
    ['in one line', () => 'x'.repeat(100_000)],
    ['in many lines', () => `data: ${'x'.repeat(100_000)}\n`],
    ['in many short lines', () => 'data\n'.repeat(100_000)],
  ])('%s', (_, piece) => {
    const reader = new EventStreamReader();
    [...reader.read(Buffer.from('data: '))].forEach(() => undefined);
    const flood = () => {
      for (let count = 0; count < 200; count++) expect([...reader.read(Buffer.from(piece()))]).toEqual([]);
    };
    expect(flood).toThrow(EventTooLarge);
  });

  test('and comments do not count, however many', () => {
    const reader = new EventStreamReader();
    const comments = Buffer.from(`: ${'x'.repeat(998)}\n`.repeat(1_000));
    expect([...reader.read(Buffer.from('event: next\ndata: 1\n'))]).toEqual([]);
    for (let megabytes = 0; megabytes < 20; megabytes++) expect([...reader.read(comments)]).toEqual([]);
    expect([...reader.read(Buffer.from('\n'))]).toEqual([next('1')]);
  });
});
