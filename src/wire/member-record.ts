/**
 * A member as stored. Layout: version byte, eight bytes of sequence (the message that last changed the member), then its
 * fields (bytes.ts) in the order of `encodeMember`. The digest leaves the head out: two logs with the same events in another
 * packing give the same digest, though their sequences differ.
 *
 * Member record version 1, chunk version 1, id block version 1.
 */
import { assert } from '../lib/assert.ts';
import type { Days } from '../scoring/days.ts';
import type { Entries } from '../scoring/entries.ts';
import { type Chunk, History } from '../scoring/history.ts';
import { type IdBlock, IdIndex } from '../scoring/id-index.ts';
import { type Member, newMember } from '../scoring/member.ts';
import { ByteReader, ByteWriter, type RecordSlabs } from './bytes.ts';
import { UnknownVersion } from './pack.ts';
import { PackedEntries } from './packed-entries.ts';

const MEMBER_VERSION = 1;
const CHUNK_VERSION = 1;
const ID_BLOCK_VERSION = 1;
const SEQUENCE_BYTES = 8;
export const MEMBER_HEAD_BYTES = 1 + SEQUENCE_BYTES;
export const CHUNK_HEAD_BYTES = 1;

const out = new ByteWriter();

/** A member that has no record yet. */
export function unstoredMember(id: string): Member {
  return newMember(id, new PackedEntries());
}

/** `records` keeps the bytes; without it they are the caller's own. */
export function encodeMember(member: Member, records?: RecordSlabs): Uint8Array {
  out.start();
  out.byte(MEMBER_VERSION);
  out.double(member.version);
  out.uint(member.enrolledAt);
  out.int(member.balance);
  writeDays(member.lots);
  writeDays(member.spend);
  out.text(member.levelId);
  out.uint(member.levelSince);
  out.uint(member.programVersion);
  out.uint(member.asOf);
  out.uint(member.due === Infinity ? 0 : member.due);
  out.uint(member.history?.sealed ?? 0);
  writeEntries(member.recent);
  return records === undefined ? out.copy() : records.keep(out);
}

/** `readBlocks` brings the id index of a member that has sealed chunks. */
export function decodeMember(
  id: string,
  bytes: Uint8Array,
  readBlocks: (memberId: string, sealed: number) => (IdBlock | undefined)[],
): Member {
  if (bytes[0] !== MEMBER_VERSION) throw new UnknownVersion('member record', bytes[0]);
  const from = new ByteReader(bytes, 1);
  const member = unstoredMember(id);
  member.version = from.double();
  member.enrolledAt = from.uint();
  member.balance = from.int();
  member.lots = readDays(from);
  member.spend = readDays(from);
  member.levelId = from.text();
  member.levelSince = from.uint();
  member.programVersion = from.uint();
  member.asOf = from.uint();
  member.due = from.uint() || Infinity;
  const sealed = from.uint();
  if (sealed > 0) member.history = new History(sealed, new IdIndex(readBlocks(id, sealed)));
  member.recent = PackedEntries.read(bytes, from.position);
  return member;
}

/** `records` keeps the bytes; without it they are the caller's own. */
export function encodeChunk(chunk: Chunk, records?: RecordSlabs): Uint8Array {
  out.start();
  out.byte(CHUNK_VERSION);
  writeEntries(chunk.entries);
  return records === undefined ? out.copy() : records.keep(out);
}

export function decodeChunk(number: number, bytes: Uint8Array): Chunk {
  if (bytes[0] !== CHUNK_VERSION) throw new UnknownVersion('chunk record', bytes[0]);
  return { number, entries: PackedEntries.read(bytes, CHUNK_HEAD_BYTES) };
}

/** Fixed width: eight bytes of fingerprint, four of chunk number, each little-endian as typed arrays are here. */
export function encodeIdBlock({ fingerprints, chunks }: IdBlock): Uint8Array {
  const bytes = new Uint8Array(8 + fingerprints.byteLength + chunks.byteLength);
  bytes[0] = ID_BLOCK_VERSION;
  bytes.set(new Uint8Array(fingerprints.buffer, fingerprints.byteOffset, fingerprints.byteLength), 8);
  bytes.set(new Uint8Array(chunks.buffer, chunks.byteOffset, chunks.byteLength), 8 + fingerprints.byteLength);
  return bytes;
}

export function decodeIdBlock(bytes: Uint8Array): IdBlock {
  if (bytes[0] !== ID_BLOCK_VERSION) throw new UnknownVersion('id block', bytes[0]);
  // Copied: typed arrays need their own alignment, and the store reuses its buffers.
  const own = bytes.slice(8);
  const length = own.length / 12;
  return {
    fingerprints: new Float64Array(own.buffer, own.byteOffset, length),
    chunks: new Uint32Array(own.buffer, own.byteOffset + length * 8, length),
  };
}

function writeDays(days: Days): void {
  out.uint(days.length / 2);
  for (let index = 0; index < days.length; index++) out.int(days[index] as number);
}

function readDays(from: ByteReader): Days {
  const count = 2 * from.uint();
  const days: Days = [];
  for (let index = 0; index < count; index++) days.push(from.int());
  return days;
}

function writeEntries(entries: Entries): void {
  assert(entries instanceof PackedEntries, 'entries that are stored are packed');
  entries.writeTo(out);
}
