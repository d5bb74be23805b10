/**
 * Ledger entries as the bytes they are stored in. A member's entries are written once, when they happen, and are nothing but
 * memory to copy from then on: the garbage collector has two objects a member to look at instead of ten an entry, a checkpoint
 * copies instead of encoding all of them again, and a member read from the store decodes none.
 *
 * Layout: the number of entries, then for each the fingerprint of its event id (eight bytes, to pass over entries by), the
 * length of its record, and the record (entry-record.ts).
 */
import { assert } from '../lib/assert.ts';
import type { Entries } from '../scoring/entries.ts';
import type { Entry } from '../scoring/entry.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { isRecordOf, readEntry, writeEntry } from './entry-record.ts';

const FINGERPRINT_BYTES = 8;
const LOW = 0x1_0000_0000;
/** More than the fingerprint and the length of a record take. */
const HEAD_BYTES_MAX = FINGERPRINT_BYTES + 8;

const scratch = new ByteWriter();
const EMPTY_SLAB: Uint8Array = new Uint8Array(0);

export class PackedEntries implements Entries {
  count = 0;
  /** Shared with other members: a typed array each would weigh more than what is in it. */
  #slab = EMPTY_SLAB;
  /** Entries lie from `#start` to `#end` of the slab, with room up to `#limit`. */
  #start = 0;
  #end = 0;
  #limit = 0;

  /** Reads what `writeTo` wrote, to the end of `bytes`, of which it keeps a copy. */
  static read(bytes: Uint8Array, start: number): PackedEntries {
    const from = new ByteReader(bytes, start);
    const entries = new PackedEntries();
    entries.count = from.uint();
    const first = from.position;
    for (let left = entries.count; left > 0; left--) {
      from.position += FINGERPRINT_BYTES;
      const length = from.uint();
      from.position += length;
    }
    // Entries are looked at when they are asked for; one that is cut off would be found missing and scored again.
    assert(from.position === bytes.length, 'a record ends too early');
    entries.#allot(bytes.length - first);
    entries.#put(bytes, first, bytes.length);
    return entries;
  }

  writeTo(out: ByteWriter): void {
    out.uint(this.count);
    out.raw(this.#slab, this.#start, this.#end);
  }

  append(entry: Entry, print: number): void {
    writeEntry(scratch.start(), entry);
    const needed = this.#end - this.#start + HEAD_BYTES_MAX + scratch.length;
    if (needed > this.#limit - this.#start) this.#move(2 * needed);
    this.#putEntry(print);
    this.count += 1;
  }

  find(eventId: string, print: number): Entry | undefined {
    const start = this.#locate(eventId, print);
    return start < 0 ? undefined : this.#read(start);
  }

  replace(entry: Entry, print: number): boolean {
    const place = this.#locate(entry.eventId, print);
    if (place < 0) return false;
    writeEntry(scratch.start(), entry);
    const slab = this.#slab;
    const start = this.#start;
    const end = this.#end;
    const after = this.#endOf(place);
    this.#allot(end - start + HEAD_BYTES_MAX + scratch.length);
    this.#put(slab, start, place);
    this.#putEntry(print);
    this.#put(slab, after, end);
    return true;
  }

  all(): Entry[] {
    const entries: Entry[] = [];
    const from = new ByteReader(this.#slab, this.#start);
    while (from.position < this.#end) {
      from.position += FINGERPRINT_BYTES;
      from.uint();
      entries.push(readEntry(from));
    }
    return entries;
  }

  fingerprints(): Float64Array {
    const prints = new Float64Array(this.count);
    let start = this.#start;
    for (let index = 0; index < prints.length; index++) {
      prints[index] = word(this.#slab, start + 4) * LOW + word(this.#slab, start);
      start = this.#endOf(start);
    }
    return prints;
  }

  empty(): Entries {
    return new PackedEntries();
  }

  copy(): Entries {
    const copy = new PackedEntries();
    copy.count = this.count;
    copy.#allot(this.#end - this.#start);
    copy.#put(this.#slab, this.#start, this.#end);
    return copy;
  }

  /** Where the entry of an event begins; -1 for nowhere. */
  #locate(eventId: string, print: number): number {
    const slab = this.#slab;
    const low = print >>> 0;
    for (let start = this.#start; start < this.#end; start = this.#endOf(start)) {
      if (word(slab, start) !== low) continue;
      const is = isRecordOf(slab, this.#recordOf(start), eventId) ?? this.#read(start).eventId === eventId;
      if (is) return start;
    }
    return -1;
  }

  #read(start: number): Entry {
    return readEntry(new ByteReader(this.#slab, this.#recordOf(start)));
  }

  /** Where the record of the entry that begins at `start` begins. */
  #recordOf(start: number): number {
    let position = start + FINGERPRINT_BYTES;
    while ((this.#slab[position] as number) > 127) position += 1;
    return position + 1;
  }

  /** Where the entry that begins at `start` ends. Its length is read here, since every event of a member passes here. */
  #endOf(start: number): number {
    const slab = this.#slab;
    let position = start + FINGERPRINT_BYTES;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = slab[position++] as number;
      length |= (byte & 127) << shift;
      if (byte < 128) return position + length;
    }
  }

  /** The entry in the writer. */
  #putEntry(print: number): void {
    const slab = this.#slab;
    let position = putWord(slab, this.#end, print >>> 0);
    position = putWord(slab, position, Math.floor(print / LOW));
    let { length } = scratch;
    while (length > 127) {
      slab[position++] = (length & 127) | 128;
      length >>>= 7;
    }
    slab[position++] = length;
    this.#end = position;
    this.#put(scratch.bytes, 0, scratch.length);
  }

  #put(source: Uint8Array, start: number, end: number): void {
    if (end - start > SET_BYTES_MIN) {
      this.#slab.set(source.subarray(start, end), this.#end);
      this.#end += end - start;
      return;
    }
    const slab = this.#slab;
    let position = this.#end;
    for (let index = start; index < end; index++) slab[position++] = source[index] as number;
    this.#end = position;
  }

  #move(bytes: number): void {
    const slab = this.#slab;
    const start = this.#start;
    const end = this.#end;
    this.#allot(bytes);
    this.#put(slab, start, end);
  }

  /** New room, with nothing in it. What was there before is free once the slab is. */
  #allot(bytes: number): void {
    if (bytes > SLAB_BYTES / 8) {
      this.#slab = new Uint8Array(bytes);
      this.#start = 0;
    } else {
      if (openUsed + bytes > SLAB_BYTES) {
        openSlab = newSlab();
        openUsed = 0;
      }
      this.#slab = openSlab;
      this.#start = openUsed;
      openUsed += bytes;
    }
    this.#end = this.#start;
    this.#limit = this.#start + bytes;
  }
}

/** Fewer bytes are copied faster one by one than by a call. */
const SET_BYTES_MIN = 200;
const SLAB_BYTES = 256 * 1024;
/** The slab of this thread that has room at its end. */
let openSlab = newSlab();
let openUsed = 0;

/** Shared with nobody; but V8 starts to collect garbage for every 64 MB of buffers that are not, and finds all of them in use. */
function newSlab(): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(SLAB_BYTES));
}

function putWord(bytes: Uint8Array, position: number, value: number): number {
  bytes[position] = value;
  bytes[position + 1] = value >>> 8;
  bytes[position + 2] = value >>> 16;
  bytes[position + 3] = value >>> 24;
  return position + 4;
}

function word(bytes: Uint8Array, position: number): number {
  return (
    ((bytes[position] as number) |
      ((bytes[position + 1] as number) << 8) |
      ((bytes[position + 2] as number) << 16) |
      ((bytes[position + 3] as number) << 24)) >>>
    0
  );
}
