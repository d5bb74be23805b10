/**
 * A partition's state in memory, for the simulator, tests and refolding. The disk outlives the store that writes to it, as it
 * would outlive a process: abandon the store at any point, open another on the same disk, and find what was committed.
 */
import { assert } from '../lib/assert.ts';
import type { CheckpointWrite, Due, MemberWrite, PartitionStore, StoredPosition } from './store.ts';

/** Made by createMemoryDisk; its fields are for the store alone. */
export interface MemoryDisk {
  position: StoredPosition | undefined;
  readonly members: Map<string, Uint8Array>;
  readonly chunks: Map<string, Numbered>;
  readonly idBlocks: Map<string, Numbered>;
  /** By time and member. */
  readonly timers: Map<string, Due>;
  /** The store opened last. What an earlier one has not written by then, it never will. */
  owner: object | undefined;
}

interface Numbered {
  readonly memberId: string;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Where a commit can be made to fail (by throwing) or to be cut off (by a promise that stays open). */
export interface MemoryFaults {
  /** Nothing of the checkpoint is on the disk. */
  readonly beforeCommit?: () => Promise<void>;
  /** All of it is, but nobody has been told. */
  readonly afterCommit?: () => Promise<void>;
}

export function createMemoryDisk(): MemoryDisk {
  return {
    position: undefined,
    members: new Map(),
    chunks: new Map(),
    idBlocks: new Map(),
    timers: new Map(),
    owner: undefined,
  };
}

export function openMemoryStore(disk: MemoryDisk, faults: MemoryFaults = {}): PartitionStore {
  return new MemoryStore(disk, faults);
}

class MemoryStore implements PartitionStore {
  readonly #disk: MemoryDisk;
  readonly #faults: MemoryFaults;
  /** The commit under way. */
  #writing: Promise<void> | undefined;
  /** The disk's earliest timer; undefined when it must be looked for. */
  #nextDue: number | undefined;

  constructor(disk: MemoryDisk, faults: MemoryFaults) {
    this.#disk = disk;
    this.#faults = faults;
    disk.owner = this;
  }

  position(): StoredPosition | undefined {
    return this.#disk.position;
  }

  member(id: string): Uint8Array | undefined {
    return this.#disk.members.get(id)?.slice();
  }

  chunk(memberId: string, number: number): Uint8Array | undefined {
    return this.#disk.chunks.get(numberedKey(memberId, number))?.bytes.slice();
  }

  idBlock(memberId: string, level: number): Uint8Array | undefined {
    return this.#disk.idBlocks.get(numberedKey(memberId, level))?.bytes.slice();
  }

  due(until: number): Iterable<Due> {
    if (until < this.nextDue()) return [];
    return [...this.#disk.timers.values()].filter(({ at }) => at <= until).sort(compareDue);
  }

  nextDue(): number {
    if (this.#nextDue === undefined) {
      this.#nextDue = Infinity;
      for (const { at } of this.#disk.timers.values()) this.#nextDue = Math.min(this.#nextDue, at);
    }
    return this.#nextDue;
  }

  async commit(checkpoint: CheckpointWrite): Promise<void> {
    assert(this.#writing === undefined, 'a store writes one checkpoint at a time');
    this.#writing = this.#write(checkpoint);
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }

  members(): Iterable<{ id: string; bytes: Uint8Array }> {
    return Array.from(this.#disk.members, ([id, bytes]) => ({ id, bytes: bytes.slice() }));
  }

  chunks(): Iterable<{ memberId: string; number: number; bytes: Uint8Array }> {
    return Array.from(this.#disk.chunks.values(), (chunk) => ({ ...chunk, bytes: chunk.bytes.slice() }));
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#writing]);
  }

  async #write({ position, members }: CheckpointWrite): Promise<void> {
    await this.#faults.beforeCommit?.();
    assert(this.#disk.owner === this, 'another store has opened this disk since');
    for (const member of members) this.#writeMember(member);
    this.#disk.position = position;
    this.#nextDue = undefined;
    await this.#faults.afterCommit?.();
  }

  #writeMember({ id, bytes, chunks, idBlocks, dueBefore, due }: MemberWrite): void {
    const disk = this.#disk;
    disk.members.set(id, bytes.slice());
    for (const chunk of chunks) putNumbered(disk.chunks, id, chunk.number, chunk.bytes);
    for (const block of idBlocks) {
      if (block.bytes === undefined) disk.idBlocks.delete(numberedKey(id, block.level));
      else putNumbered(disk.idBlocks, id, block.level, block.bytes);
    }
    if (due === dueBefore) return;
    if (dueBefore !== Infinity) disk.timers.delete(timerKey(dueBefore, id));
    if (due !== Infinity) disk.timers.set(timerKey(due, id), { at: due, memberId: id });
  }
}

function putNumbered(target: Map<string, Numbered>, memberId: string, number: number, bytes: Uint8Array): void {
  target.set(numberedKey(memberId, number), { memberId, number, bytes: bytes.slice() });
}

// The number comes first: it holds no space, whatever the id holds.

function numberedKey(memberId: string, number: number): string {
  return `${number} ${memberId}`;
}

function timerKey(at: number, memberId: string): string {
  return `${at} ${memberId}`;
}

/** Ids by their UTF-8, as they are sorted on a real disk: UTF-16 would put some characters elsewhere. */
function compareDue(left: Due, right: Due): number {
  return left.at - right.at || Buffer.compare(Buffer.from(left.memberId), Buffer.from(right.memberId));
}
