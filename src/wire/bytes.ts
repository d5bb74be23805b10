/**
 * Records written and read by hand, field after field: several times faster than a general format, because nothing is built
 * on the way - no arrays to describe the record, no buffer a record. Numbers are varints (seven bits a byte, lowest first),
 * signed ones with the sign in the first byte and so only six bits there, texts their length in bytes and UTF-8.
 */
import { assert } from '../lib/assert.ts';

const SCRATCH_BYTES = 64 * 1024;
/** No unsigned number takes more. */
const NUMBER_BYTES_MAX = 8;

/** Writes one record at a time into a buffer of its own, from which whoever asked for the record copies it. */
export class ByteWriter {
  /** Valid up to `length`, until the next `start`. */
  bytes = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  length = 0;

  start(): this {
    this.length = 0;
    return this;
  }

  copy(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.bytes, 0, this.length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Bytes of a record written earlier. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const { bytes } = this;
    let position = this.length;
    // Most are a few dozen bytes, for which a call of `set` would take longer.
    for (let index = start; index < end; index++) bytes[position++] = source[index] as number;
    this.length = position;
  }

  double(value: number): void {
    this.#reserve(8);
    this.length = this.bytes.writeDoubleBE(value, this.length);
  }

  /** A safe integer >= 0. */
  uint(value: number): void {
    this.#reserve(NUMBER_BYTES_MAX);
    const { bytes } = this;
    let position = this.length;
    // Bit operations hold 31 bits: instants and the like are written in two parts.
    if (value > 0x7fff_ffff) {
      const high = Math.floor(value / 0x1000_0000);
      const low = value - high * 0x1000_0000;
      bytes[position] = low | 128;
      bytes[position + 1] = (low >>> 7) | 128;
      bytes[position + 2] = (low >>> 14) | 128;
      bytes[position + 3] = (low >>> 21) | 128;
      position += 4;
      value = high;
    }
    while (value > 127) {
      bytes[position++] = (value & 127) | 128;
      value >>>= 7;
    }
    bytes[position++] = value;
    this.length = position;
  }

  /** A safe integer of either sign. Zigzag would double it, and past 2^52 that is no safe integer any more. */
  int(value: number): void {
    const sign = value < 0 ? 64 : 0;
    const size = Math.abs(value);
    if (size < 64) {
      this.byte(sign | size);
      return;
    }
    this.byte(128 | sign | (size % 64));
    this.uint(Math.floor(size / 64));
  }

  text(value: string): void {
    const { length } = value;
    this.#reserve(length * 3 + NUMBER_BYTES_MAX);
    const before = this.length;
    this.uint(length);
    const { bytes } = this;
    let position = this.length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) {
        this.length = before;
        this.#wideText(value);
        return;
      }
      bytes[position++] = code;
    }
    this.length = position;
  }

  #wideText(value: string): void {
    this.uint(Buffer.byteLength(value));
    this.length += this.bytes.write(value, this.length);
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * needed);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const SLAB_BYTES = 256 * 1024;
/** Of this thread, to be written to again: memory that comes and goes by the hundred megabytes is what the garbage collector waits for. */
const freeSlabs: Uint8Array[] = [];
const FREE_SLABS_MAX = 64;

/** Keeps the records of one checkpoint, until all are released at once. */
export class RecordSlabs {
  #slabs: Uint8Array[] = [];
  #used = SLAB_BYTES;

  keep({ bytes, length }: ByteWriter): Uint8Array {
    if (length > SLAB_BYTES / 4) return Uint8Array.prototype.slice.call(bytes, 0, length);
    let slab = this.#slabs[this.#slabs.length - 1];
    if (slab === undefined || this.#used + length > SLAB_BYTES) {
      slab = freeSlabs.pop() ?? new Uint8Array(SLAB_BYTES);
      this.#slabs.push(slab);
      this.#used = 0;
    }
    const start = this.#used;
    for (let index = 0; index < length; index++) slab[start + index] = bytes[index] as number;
    this.#used += length;
    return new Uint8Array(slab.buffer, start, length);
  }

  /** Nobody looks at a record any more. */
  release(): void {
    for (const slab of this.#slabs) if (freeSlabs.length < FREE_SLABS_MAX) freeSlabs.push(slab);
    this.#slabs = [];
    this.#used = SLAB_BYTES;
  }
}

/** Reads what ByteWriter wrote. Throws on bytes that end too early: our own records are not hostile, but disks rot. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** The same bytes with a method for texts; made when the first is read. */
  #texts: Buffer | undefined;
  /** Of the next byte to read. */
  position: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.position = start;
  }

  double(): number {
    const { buffer, byteOffset } = this.#bytes;
    const value = new DataView(buffer, byteOffset).getFloat64(this.position);
    this.position += 8;
    return value;
  }

  uint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[this.position++];
      assert(byte !== undefined, 'a record ends too early');
      if (byte < 128) return value + byte * scale;
      value += (byte & 127) * scale;
      scale *= 128;
    }
  }

  int(): number {
    const first = this.#bytes[this.position++];
    assert(first !== undefined, 'a record ends too early');
    const size = first < 128 ? first & 63 : (first & 63) + 64 * this.uint();
    return first & 64 ? -size : size;
  }

  text(): string {
    const length = this.uint();
    if (length === 0) return '';
    const bytes = this.#bytes;
    const start = this.position;
    this.position += length;
    assert(this.position <= bytes.length, 'a record ends too early');
    this.#texts ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#texts.toString('utf8', start, this.position);
  }
}
