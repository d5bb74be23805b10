/**
 * The members of one partition in memory. A member is looked for where it is newest: in the cache, among those changed since
 * the last checkpoint, among those the checkpoint under way is writing, and only then in the store. So a changed member may
 * fall out of the cache at any time and is never read back older than it was.
 */
import { must } from '../lib/assert.ts';
import { addToDigest, copyDigest, type Digest, emptyDigest, fingerprint, hashRecord } from '../lib/hash.ts';
import type { Chunk } from '../scoring/history.ts';
import type { IdBlock } from '../scoring/id-index.ts';
import type { Member } from '../scoring/member.ts';
import { RecordSlabs } from '../wire/bytes.ts';
import {
  CHUNK_HEAD_BYTES,
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
  MEMBER_HEAD_BYTES,
  unstoredMember,
} from '../wire/member-record.ts';
import { Lru } from './lru.ts';
import type { MemberWrite, PartitionStore } from './store.ts';

/** A member, and what the store has of it. Flat, since there is one for every member in memory. */
export interface HeldMember {
  readonly member: Member;
  /** Changed since it was last collected for a checkpoint. */
  dirty: boolean;
  /** Part of the checkpoint under way. */
  writing: boolean;
  /** Collected at least once, or read from the store. */
  stored: boolean;
  /** Hash of the record last collected, as signed 32-bit integers, which take no memory of their own. */
  storedHigh: number;
  storedLow: number;
  /** Timer last collected; Infinity for none. */
  storedDue: number;
}

export function newHeldMember(id: string): HeldMember {
  return heldMember(unstoredMember(id), false, { high: 0, low: 0 }, Infinity);
}

function heldMember(member: Member, stored: boolean, { high, low }: Digest, storedDue: number): HeldMember {
  return { member, dirty: false, writing: false, stored, storedHigh: high | 0, storedLow: low | 0, storedDue };
}

export class MemberCache {
  readonly #store: PartitionStore;
  readonly #cache: Lru<HeldMember>;
  /** Members the cache has let go of before the store had their last change. */
  readonly #evicted = new Map<string, HeldMember>();
  #dirty: HeldMember[] = [];
  #writing: HeldMember[] = [];
  readonly #records = new RecordSlabs();
  readonly #digest: Digest;
  hits = 0;
  misses = 0;

  /** `digest` is that of the store's position. */
  constructor(store: PartitionStore, cacheMembers: number, digest: Digest) {
    this.#store = store;
    this.#cache = new Lru(cacheMembers, (held, id) => {
      if (held.dirty || held.writing) this.#evicted.set(id, held);
    });
    this.#digest = digest;
  }

  get dirtyCount(): number {
    return this.#dirty.length;
  }

  /** The digest of everything collected so far. */
  get digest(): Digest {
    return copyDigest(this.#digest);
  }

  get(id: string): HeldMember | undefined {
    const cached = this.#cache.get(id);
    if (cached !== undefined) {
      this.hits += 1;
      return cached;
    }
    const held = this.#evicted.get(id) ?? this.#load(id);
    if (held === undefined) this.misses += 1;
    else this.#cache.set(id, held);
    return held;
  }

  /** Takes note that a member has changed, or is new. */
  changed(held: HeldMember): void {
    if (held.dirty) return;
    held.dirty = true;
    this.#dirty.push(held);
    if (!held.stored) this.#cache.set(held.member.id, held);
  }

  get unstoredCount(): number {
    return this.#dirty.length + this.#writing.length;
  }

  /** Members in memory only, whose timers the store may not have right. */
  *unstored(): Generator<Member> {
    for (const { member } of this.#dirty) yield member;
    for (const { member, dirty } of this.#writing) if (!dirty) yield member;
  }

  readonly readChunk = (memberId: string, number: number): Chunk => {
    return decodeChunk(number, must(this.#store.chunk(memberId, number), 'a sealed chunk is not in the store'));
  };

  /** Encodes all that changed since the last call; `committed` must follow before the next. */
  collect(): MemberWrite[] {
    this.#writing = this.#dirty;
    this.#dirty = [];
    return this.#writing.map((held) => this.#encode(held));
  }

  /** The store has what was collected last. */
  committed(): void {
    for (const held of this.#writing) {
      held.writing = false;
      const { id, history } = held.member;
      if (this.#evicted.size > 0 && !held.dirty) this.#evicted.delete(id);
      history?.stored();
    }
    this.#writing = [];
    this.#records.release();
  }

  #load(id: string): HeldMember | undefined {
    const bytes = this.#store.member(id);
    if (bytes === undefined) return undefined;
    this.misses += 1;
    const member = decodeMember(id, bytes, this.#readBlocks);
    return heldMember(member, true, memberHash(id, bytes), member.due);
  }

  readonly #readBlocks = (memberId: string, sealed: number): (IdBlock | undefined)[] => {
    const blocks: (IdBlock | undefined)[] = [];
    // Level k holds 2^k chunks or none: the binary digits of the number of chunks.
    for (let level = 0; 2 ** level <= sealed; level++) {
      const full = Math.floor(sealed / 2 ** level) % 2 === 1;
      blocks.push(
        full ? decodeIdBlock(must(this.#store.idBlock(memberId, level), 'an id block is missing')) : undefined,
      );
    }
    return blocks;
  };

  #encode(held: HeldMember): MemberWrite {
    const { member } = held;
    held.dirty = false;
    held.writing = true;
    const bytes = encodeMember(member, this.#records);
    if (held.stored) addToDigest(this.#digest, { high: held.storedHigh, low: held.storedLow }, -1);
    const hash = memberHash(member.id, bytes);
    addToDigest(this.#digest, hash, 1);
    held.stored = true;
    held.storedHigh = hash.high | 0;
    held.storedLow = hash.low | 0;
    const dueBefore = held.storedDue;
    held.storedDue = member.due;
    return { id: member.id, bytes, ...this.#encodeHistory(member), dueBefore, due: member.due };
  }

  #encodeHistory({ id, history }: Member): Pick<MemberWrite, 'chunks' | 'idBlocks'> {
    if (history === undefined) return NO_HISTORY;
    const chunks: { number: number; bytes: Uint8Array }[] = [];
    for (const chunk of history.takeUnstored()) {
      const bytes = encodeChunk(chunk, this.#records);
      const before = this.#store.chunk(id, chunk.number);
      if (before !== undefined) addToDigest(this.#digest, chunkHash(id, chunk.number, before), -1);
      addToDigest(this.#digest, chunkHash(id, chunk.number, bytes), 1);
      chunks.push({ number: chunk.number, bytes });
    }
    const { blocks, dirtyLevels } = history.index;
    const idBlocks = [...dirtyLevels].map((level) => {
      const block = blocks[level];
      return { level, bytes: block === undefined ? undefined : encodeIdBlock(block) };
    });
    dirtyLevels.clear();
    return { chunks, idBlocks };
  }
}

const NO_HISTORY = { chunks: [], idBlocks: [] };

export function memberHash(id: string, bytes: Uint8Array): Digest {
  return hashRecord(fingerprint(id), bytes, MEMBER_HEAD_BYTES);
}

export function chunkHash(memberId: string, number: number, bytes: Uint8Array): Digest {
  return hashRecord(fingerprint(memberId) + number + 1, bytes, CHUNK_HEAD_BYTES);
}

/** The digest as it should be: every record of a store hashed again. */
export function recountDigest(store: PartitionStore): Digest {
  const digest = emptyDigest();
  for (const { id, bytes } of store.members()) addToDigest(digest, memberHash(id, bytes), 1);
  for (const { memberId, number, bytes } of store.chunks()) addToDigest(digest, chunkHash(memberId, number, bytes), 1);
  return digest;
}
