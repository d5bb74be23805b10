/**
 * A member as stored. Layout: version byte, eight bytes of sequence (the message that last changed the member), then its
 * fields (bytes.ts) in the order of `encodeMember`. The digest leaves the head out: two logs with the same events in another
 * packing give the same digest, though their sequences differ.
 *
 * Member record version 3, chunk version 1, id block version 1. Version 2 of a member has no standing (tier-record.ts), and
 * version 1 has besides a day and points for each lot, no last day, and nothing that has expired. Both are read, and still
 * written for a member of whom there is no more to say, so that where a program asks for no more a store, its digest and a fold
 * of its log stay alike. An entry says by its code how it is laid out (entry-record.ts).
 */
import { assert } from '../lib/assert.ts';
import type { Entries } from '../scoring/entries.ts';
import { type Chunk, History } from '../scoring/history.ts';
import { type IdBlock, IdIndex } from '../scoring/id-index.ts';
import { type Lots, NEVER } from '../scoring/lots.ts';
import { type Member, newMember } from '../scoring/member.ts';
import { ByteReader, ByteWriter, type RecordSlabs } from './bytes.ts';
import { UnknownVersion } from './pack.ts';
import { PackedEntries } from './packed-entries.ts';
import { readDays, readStanding, writeDays, writeStanding } from './tier-record.ts';

const MEMBER_VERSION = 3;
const MEMBER_VERSION_WITHOUT_STANDING = 2;
const MEMBER_VERSION_WITHOUT_EXPIRY = 1;
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
  const { standing } = member;
  const expires = standing !== undefined || (member.lots[0] ?? NEVER) !== NEVER || member.expired.length > 0;
  out.start();
  out.byte(
    standing !== undefined ? MEMBER_VERSION : expires ? MEMBER_VERSION_WITHOUT_STANDING : MEMBER_VERSION_WITHOUT_EXPIRY,
  );
  out.double(member.version);
  out.uint(member.enrolledAt);
  out.int(member.balance);
  writeLots(member.lots, expires);
  if (expires) writeDays(out, member.expired);
  writeDays(out, member.spend);
  out.text(member.levelId);
  out.uint(member.levelSince);
  if (standing !== undefined) writeStanding(out, standing);
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
  const version = bytes[0];
  const isKnown = version !== undefined && version >= MEMBER_VERSION_WITHOUT_EXPIRY && version <= MEMBER_VERSION;
  if (!isKnown) throw new UnknownVersion('member record', version);
  const expires = version !== MEMBER_VERSION_WITHOUT_EXPIRY;
  const from = new ByteReader(bytes, 1);
  const member = unstoredMember(id);
  member.version = from.double();
  member.enrolledAt = from.uint();
  member.balance = from.int();
  member.lots = readLots(from, expires);
  if (expires) member.expired = readDays(from);
  member.spend = readDays(from);
  member.levelId = from.text();
  member.levelSince = from.uint();
  if (version === MEMBER_VERSION) member.standing = readStanding(from);
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

/** The last day as a distance from the day earned, which is short; 0 for never. */
function writeLots(lots: Lots, expires: boolean): void {
  out.uint(lots.length / 3);
  for (let index = 0; index < lots.length; index += 3) {
    const lastDay = lots[index] as number;
    const earnedDay = lots[index + 1] as number;
    if (expires) out.uint(lastDay === NEVER ? 0 : lastDay - earnedDay + 1);
    out.int(earnedDay);
    out.int(lots[index + 2] as number);
  }
}

function readLots(from: ByteReader, expires: boolean): Lots {
  const count = from.uint();
  const lots: Lots = [];
  for (let index = 0; index < count; index++) {
    const span = expires ? from.uint() : 0;
    const earnedDay = from.int();
    lots.push(span === 0 ? NEVER : earnedDay + span - 1, earnedDay, from.int());
  }
  return lots;
}

function writeEntries(entries: Entries): void {
  assert(entries instanceof PackedEntries, 'entries that are stored are packed');
  entries.writeTo(out);
}
