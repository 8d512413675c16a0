/**
 * Writes the fields of a message, or one value of it.
 *
 * @throws Misfit
 */
export type WriteMessage = (to: Writer, value: unknown, depth: number) => void;

/** Writes protobuf's wire format into one growing buffer. */
export class Writer {
  private bytes = Buffer.allocUnsafe(1_024);
  private pos = 0;

  reset(): void {
    this.pos = 0;
    if (this.bytes.length > 1_000_000) this.bytes = Buffer.allocUnsafe(1_024);
  }

  /** A copy of what was written. */
  finish(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.pos));
  }

  /** A 32-bit integer, unsigned, as a varint. */
  uint32(value: number): void {
    this.reserve(5);
    this.pos = putVarint(this.bytes, this.pos, value);
  }

  /** A 64-bit integer, as its two unsigned halves, as a varint. */
  varint64(lo: number, hi: number): void {
    this.reserve(10);
    while (hi !== 0) {
      this.bytes[this.pos++] = (lo & 127) | 128;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    this.pos = putVarint(this.bytes, this.pos, lo);
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.pos = this.bytes.writeUInt32LE(value, this.pos);
  }

  fixed64(lo: number, hi: number): void {
    this.fixed32(lo);
    this.fixed32(hi);
  }

  float(value: number): void {
    this.reserve(4);
    this.pos = this.bytes.writeFloatLE(value, this.pos);
  }

  double(value: number): void {
    this.reserve(8);
    this.pos = this.bytes.writeDoubleLE(value, this.pos);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.uint32(length);
    this.reserve(length);
    this.pos += this.bytes.write(value, this.pos, 'utf8');
  }

  chunk(value: Uint8Array): void {
    this.uint32(value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.pos);
    this.pos += value.length;
  }

  /** Begins a length-delimited value; `close` takes what this gives. */
  open(): number {
    this.reserve(1);
    return ++this.pos;
  }

  /** Ends it: writes the length before it, for which one byte was left. */
  close(start: number): void {
    const length = this.pos - start;
    const more = varintSize(length) - 1;
    if (more > 0) {
      this.reserve(more);
      this.bytes.copyWithin(start + more, start, this.pos);
      this.pos += more;
    }
    putVarint(this.bytes, start - 1, length);
  }

  private reserve(size: number): void {
    if (this.pos + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.pos + size));
    this.bytes.copy(larger, 0, 0, this.pos);
    this.bytes = larger;
  }
}

function putVarint(bytes: Buffer, pos: number, value: number): number {
  while (value > 127) {
    bytes[pos++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[pos++] = value;
  return pos;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}
