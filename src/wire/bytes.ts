/**
 * Records written and read by hand, field after field: several times faster than a general format, because nothing is built
 * on the way - no arrays to describe the record, no buffer a record. Numbers are varints (seven bits a byte, lowest first),
 * signed ones with the sign in the first byte and so only six bits there, texts their length in bytes and UTF-8.
 */
import { assert } from '../lib/assert.ts';

const SLAB_BYTES = 256 * 1024;
/** No unsigned number takes more. */
const NUMBER_BYTES_MAX = 8;

/** Writes records one behind the other into slabs that live as long as a record in them. */
export class ByteWriter {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #position = 0;

  /** The record written since the last call. */
  finish(): Uint8Array {
    const record = this.#slab.subarray(this.#start, this.#position);
    this.#start = this.#position;
    return record;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#slab[this.#position++] = value;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#position = this.#slab.writeDoubleBE(value, this.#position);
  }

  /** A safe integer >= 0. */
  uint(value: number): void {
    this.#reserve(NUMBER_BYTES_MAX);
    const slab = this.#slab;
    let position = this.#position;
    // Bit operations hold 31 bits, so what is above them goes first by division.
    while (value > 0x7fff_ffff) {
      slab[position++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    while (value > 127) {
      slab[position++] = (value & 127) | 128;
      value >>>= 7;
    }
    slab[position++] = value;
    this.#position = position;
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
    const before = this.#position;
    this.uint(length);
    const slab = this.#slab;
    let position = this.#position;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) {
        this.#position = before;
        this.#wideText(value);
        return;
      }
      slab[position++] = code;
    }
    this.#position = position;
  }

  #wideText(value: string): void {
    this.uint(Buffer.byteLength(value));
    this.#position += this.#slab.write(value, this.#position);
  }

  /** Makes room; a record that has begun moves to the new slab whole. */
  #reserve(bytes: number): void {
    if (this.#position + bytes <= this.#slab.length) return;
    const begun = this.#slab.subarray(this.#start, this.#position);
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (begun.length + bytes)));
    this.#slab.set(begun);
    this.#start = 0;
    this.#position = begun.length;
  }
}

/** Reads what ByteWriter wrote. Throws on bytes that end too early: our own records are not hostile, but disks rot. */
export class ByteReader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
  }

  double(): number {
    const value = this.#bytes.readDoubleBE(this.#position);
    this.#position += 8;
    return value;
  }

  uint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[this.#position++];
      assert(byte !== undefined, 'a record ends too early');
      if (byte < 128) return value + byte * scale;
      value += (byte & 127) * scale;
      scale *= 128;
    }
  }

  int(): number {
    const first = this.#bytes[this.#position++];
    assert(first !== undefined, 'a record ends too early');
    const size = first < 128 ? first & 63 : (first & 63) + 64 * this.uint();
    return first & 64 ? -size : size;
  }

  text(): string {
    const length = this.uint();
    if (length === 0) return '';
    const end = this.#position + length;
    assert(end <= this.#bytes.length, 'a record ends too early');
    const value = this.#bytes.toString('utf8', this.#position, end);
    this.#position = end;
    return value;
  }
}
