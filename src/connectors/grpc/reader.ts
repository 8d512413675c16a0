import { isUtf8 } from 'node:buffer';

/** An answer that is not protobuf, or not of the message it should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** What `toString` comes to after it has looked at its arguments, which costs as much as reading a short text. */
interface FastBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
}

/** How deep messages may be nested, both ways. */
export const deepest = 64;

/**
 * Reads a message that ends at `end`. `into` is what was read before, where a field comes twice: messages are merged.
 */
export type ReadMessage = (reader: Reader, end: number, depth: number, into?: unknown) => unknown;

/**
 * Reads protobuf's wire format: https://protobuf.dev/programming-guides/encoding/.
 * 64-bit integers come as two halves in `lo` and `hi`, so that no digit passes through a double.
 */
export class Reader {
  readonly bytes: Buffer;
  pos = 0;
  /** The lower half of the last 64-bit integer, unsigned, … */
  lo = 0;
  /** … and the upper one. */
  hi = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A varint cut to 32 bits, unsigned. */
  uint32(): number {
    const first = this.bytes[this.pos];
    if (first !== undefined && first < 128) {
      this.pos++;
      return first;
    }
    this.varint64();
    return this.lo;
  }

  varint64(): void {
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.pos++];
      if (byte === undefined) throw new MalformedMessage('the message is cut short');
      const bits = byte & 127;
      if (shift < 28) lo |= bits << shift;
      else if (shift === 28) {
        lo |= bits << 28;
        hi = bits >>> 4;
      } else hi |= bits << (shift - 32);
      if (byte < 128) {
        this.lo = lo >>> 0;
        this.hi = hi >>> 0;
        return;
      }
    }
    throw new MalformedMessage('a varint has more than ten bytes');
  }

  fixed32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  fixed64(): void {
    const at = this.take(8);
    this.lo = this.bytes.readUInt32LE(at);
    this.hi = this.bytes.readUInt32LE(at + 4);
  }

  float(): number {
    return this.bytes.readFloatLE(this.take(4));
  }

  double(): number {
    return this.bytes.readDoubleLE(this.take(8));
  }

  /** Where the length-delimited value that follows ends. */
  end(): number {
    const end = this.uint32() + this.pos;
    if (end > this.bytes.length) throw new MalformedMessage('the message is cut short');
    return end;
  }

  text(): string {
    const end = this.end();
    const start = this.pos;
    this.pos = end;
    const text = (this.bytes as FastBuffer).utf8Slice(start, end);
    // What is no UTF-8 has become this character; it may also have been sent.
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(start, end)))
      throw new MalformedMessage('a text is not UTF-8');
    return text;
  }

  chunk(): Buffer {
    const end = this.end();
    const start = this.pos;
    this.pos = end;
    return this.bytes.subarray(start, end);
  }

  /** Passes over a value nobody asked for. */
  skip(wire: number, depth = 0): void {
    switch (wire) {
      case 0:
        this.varint64();
        return;
      case 1:
        this.take(8);
        return;
      case 2:
        this.pos = this.end();
        return;
      case 3:
        this.skipGroup(depth);
        return;
      case 5:
        this.take(4);
        return;
      default:
        throw new MalformedMessage(`there is no wire type ${wire}`);
    }
  }

  private skipGroup(depth: number): void {
    if (depth > 64) throw new MalformedMessage('groups are nested too deep');
    for (let tag = this.uint32(); (tag & 7) !== 4; tag = this.uint32()) this.skip(tag & 7, depth + 1);
  }

  private take(size: number): number {
    const at = this.pos;
    this.pos += size;
    if (this.pos > this.bytes.length) throw new MalformedMessage('the message is cut short');
    return at;
  }
}
