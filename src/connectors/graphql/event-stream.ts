/** One event of a stream of server-sent events. */
export interface ServerEvent {
  /** Empty where the server names none. */
  readonly type: string;
  readonly data: string;
}

/** Thrown where an event has no end in sight. */
export class EventTooLarge extends Error {}

/** The most characters of an event that are kept while its end is awaited. */
const largestEvent = 8_000_000;

/**
 * Reads server-sent events, in pieces that may end anywhere
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation). Two liberties are
 * taken: `id` and `retry` mean nothing here, since a GraphQL subscription is never taken up again; and an event that
 * has a name needs no data, because older servers say `complete` without any.
 */
export class EventStreamReader {
  /** It drops the byte order mark. */
  readonly #decoder = new TextDecoder();
  /** The line that has begun. */
  #line = '';
  /** Whether the last line ended in CR, to which an LF may belong that has not come yet. */
  #endedInReturn = false;
  #type = '';
  #data: string[] = [];
  #dataLength = 0;

  /**
   * The events that a piece completes.
   *
   * @throws EventTooLarge
   */
  *read(piece: Uint8Array): Generator<ServerEvent, void, void> {
    const text = this.#decoder.decode(piece, { stream: true });
    if (text === '') return;
    let start = this.#endedInReturn && text.startsWith('\n') ? 1 : 0;
    this.#endedInReturn = text.endsWith('\r');
    for (const { index, 0: ending } of text.matchAll(/\r\n?|\n/g)) {
      if (index < start) continue;
      const event = this.#endLine(this.#line + text.slice(start, index));
      this.#line = '';
      start = index + ending.length;
      if (event !== undefined) yield event;
    }
    this.#line += text.slice(start);
    this.#checkLength();
  }

  /** @returns the event that this line, if it is empty, completes */
  #endLine(line: string): ServerEvent | undefined {
    if (line === '') return this.#endEvent();
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'event') this.#type = value;
    if (name === 'data') this.#addData(value, line.length + 1);
    return undefined;
  }

  #addData(value: string, length: number): void {
    this.#data.push(value);
    this.#dataLength += length;
    this.#checkLength();
  }

  #endEvent(): ServerEvent | undefined {
    const event = { type: this.#type, data: this.#data.join('\n') };
    const isEmpty = this.#type === '' && this.#data.length === 0;
    this.#type = '';
    this.#data = [];
    this.#dataLength = 0;
    return isEmpty ? undefined : event;
  }

  #checkLength(): void {
    if (this.#dataLength + this.#line.length > largestEvent) throw new EventTooLarge();
  }
}
