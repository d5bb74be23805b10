/**
 * A member as stored. Layout: version byte, eight bytes of sequence (the message that last changed the member), then its
 * fields (bytes.ts) in the order of `encodeMember`. The digest leaves the head out: two logs with the same events in another
 * packing give the same digest, though their sequences differ.
 *
 * Member record version 4, chunk version 1, id block version 1. Version 4 has exceptions (exception-record.ts). Version 3 has
 * wallets, holds and a standing (tier-record.ts).
 * Version 2 has one wallet, `points`, in place, nothing pending, held or counted; version 1 also has no last days of lots and
 * nothing that has expired.
 * All are read, and still written for a member of whom there is no more to say, so that where a program uses no more of it a
 * store, its digest and a fold of its log stay alike. An entry says by its code how it is laid out (entry-record.ts).
 */
import { assert } from '../lib/assert.ts';
import { NEVER } from '../program/expiry.ts';
import { POINTS_WALLET } from '../program/wallets.ts';
import type { Entries } from '../scoring/entries.ts';
import { type Chunk, History } from '../scoring/history.ts';
import { type IdBlock, IdIndex } from '../scoring/id-index.ts';
import { type Member, newMember } from '../scoring/member.ts';
import { ByteReader, ByteWriter, type RecordSlabs } from './bytes.ts';
import { readExceptions, writeExceptions } from './exception-record.ts';
import { readDays, writeDays } from './lots-record.ts';
import { UnknownVersion } from './pack.ts';
import { PackedEntries } from './packed-entries.ts';
import { readStanding, writeStanding } from './tier-record.ts';
import { readOnlyWallet, readWallets, writeOnlyWallet, writeWallets } from './wallet-record.ts';

const WITHOUT_EXPIRY = 1;
const WITH_ONE_WALLET = 2;
const IN_FULL = 3;
const WITH_EXCEPTIONS = 4;
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
  const version = versionFor(member);
  const [only] = member.wallets;
  out.start();
  out.byte(version);
  out.double(member.version);
  out.uint(member.enrolledAt);
  if (version >= IN_FULL) writeWallets(out, member);
  else writeOnlyWallet(out, only, version === WITH_ONE_WALLET);
  writeDays(out, member.spend);
  out.text(member.levelId);
  out.uint(member.levelSince);
  if (version >= IN_FULL) writeStanding(out, member.standing);
  if (version === WITH_EXCEPTIONS) writeExceptions(out, member);
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
  const version = bytes[0] ?? 0;
  if (version < WITHOUT_EXPIRY || version > WITH_EXCEPTIONS) throw new UnknownVersion('member record', bytes[0]);
  const from = new ByteReader(bytes, 1);
  const member = unstoredMember(id);
  member.version = from.double();
  member.enrolledAt = from.uint();
  if (version >= IN_FULL) readWallets(from, member);
  else member.wallets = [readOnlyWallet(from, version === WITH_ONE_WALLET)];
  member.spend = readDays(from);
  member.levelId = from.text();
  member.levelSince = from.uint();
  if (version >= IN_FULL) member.standing = readStanding(from);
  if (version === WITH_EXCEPTIONS) readExceptions(from, member);
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

/** The oldest that can hold what there is of the member. */
function versionFor({ wallets, holds, exceptions, standing }: Member): number {
  const [only] = wallets;
  if (exceptions.length > 0) return WITH_EXCEPTIONS;
  if (standing !== undefined) return IN_FULL;
  if (only === undefined) return holds.length > 0 ? IN_FULL : WITHOUT_EXPIRY;
  if (wallets.length > 1 || only.id !== POINTS_WALLET || only.pending.length > 0 || holds.length > 0) return IN_FULL;
  return (only.lots[0] ?? NEVER) !== NEVER || only.expired.length > 0 ? WITH_ONE_WALLET : WITHOUT_EXPIRY;
}

function writeEntries(entries: Entries): void {
  assert(entries instanceof PackedEntries, 'entries that are stored are packed');
  entries.writeTo(out);
}
