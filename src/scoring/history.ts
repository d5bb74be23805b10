/**
 * A member's older ledger entries, in sealed chunks of CHUNK_ENTRIES, and the index that finds an event id among them.
 *
 * The entries stay in the store; the fold sees only the chunks that recall.ts brought in for the event at hand. The index
 * is a log-structured merge of sorted fingerprints: level k holds the ids of 2^k chunks or nothing, and sealing a chunk
 * merges full levels upwards like a carry in a binary counter. So a member with n entries costs O(log n) amortised to
 * remember an id for ever, some 12 bytes an id in memory and on disk, and one binary search a level to ask.
 */
import { assert } from '../lib/assert.ts';
import { CHUNK_ENTRIES, RETURN_MATCH_ENTRIES_MAX } from '../limits.ts';
import type { Entry } from './entry.ts';

export interface Chunk {
  /** 0 is the oldest. */
  readonly number: number;
  /** CHUNK_ENTRIES of them, oldest first. */
  readonly entries: readonly Entry[];
  /** `clean`: as the store has it; `dirty`: changed since; `writing`: on its way there, and not to be read from it yet. */
  state: 'clean' | 'dirty' | 'writing';
}

/** Sorted fingerprints of the event ids of 2^level chunks, and the chunk each is in. */
export interface IdBlock {
  readonly fingerprints: Float64Array;
  readonly chunks: Uint32Array;
}

export class History {
  /** Chunks sealed so far. */
  sealed: number;
  /** Chunks in memory: recalled for the event at hand, or dirty until the checkpoint has them. */
  readonly recalled: Map<number, Chunk>;
  /** By level; undefined where the level is empty. */
  readonly blocks: (IdBlock | undefined)[];
  /** Levels changed since they were last stored. */
  readonly dirtyLevels: Set<number>;

  constructor(sealed: number, blocks: (IdBlock | undefined)[]) {
    this.sealed = sealed;
    this.recalled = new Map();
    this.blocks = blocks;
    this.dirtyLevels = new Set();
  }

  /** Moves entries into a new chunk. */
  seal(entries: readonly Entry[]): void {
    const number = this.sealed;
    this.sealed += 1;
    this.recalled.set(number, { number, entries, state: 'dirty' });
    let block = blockOf(number, entries);
    let level = 0;
    for (let full = this.blocks[level]; full !== undefined; full = this.blocks[level]) {
      block = merge(full, block);
      this.blocks[level] = undefined;
      this.dirtyLevels.add(level);
      level += 1;
    }
    this.blocks[level] = block;
    this.dirtyLevels.add(level);
  }

  /** Numbers of the chunks that may hold the event id: it is in one of them, or in none. */
  chunksWith(fingerprint: number): number[] {
    const found: number[] = [];
    for (const block of this.blocks) {
      if (block === undefined) continue;
      const { fingerprints, chunks } = block;
      for (let index = lowerBound(fingerprints, fingerprint); fingerprints[index] === fingerprint; index++) {
        found.push(chunks[index] as number);
      }
    }
    return found;
  }

  /** The chunk that holds the entry has changed (a return was counted on a purchase in it). */
  touch(entry: Entry): void {
    for (const chunk of this.recalled.values()) {
      if (chunk.entries.includes(entry)) {
        chunk.state = 'dirty';
        return;
      }
    }
    assert(false, () => `entry ${entry.eventId} is in no chunk that was recalled`);
  }

  /** Lets go of what was recalled and has not changed. */
  forget(): void {
    for (const { number, state } of this.recalled.values()) if (state === 'clean') this.recalled.delete(number);
  }

  copy(copyEntry: (entry: Entry) => Entry): History {
    const copy = new History(this.sealed, this.blocks.slice());
    for (const { number, entries, state } of this.recalled.values()) {
      copy.recalled.set(number, { number, entries: entries.map(copyEntry), state });
    }
    return copy;
  }
}

/** A return that names no purchase looks no further back than this chunk. */
export function oldestMatchedChunk(history: History): number {
  return Math.max(0, history.sealed - RETURN_MATCH_ENTRIES_MAX / CHUNK_ENTRIES);
}

function blockOf(chunk: number, entries: readonly Entry[]): IdBlock {
  const fingerprints = Float64Array.from(entries, (entry) => entry.fingerprint).sort();
  return { fingerprints, chunks: new Uint32Array(fingerprints.length).fill(chunk) };
}

function merge(left: IdBlock, right: IdBlock): IdBlock {
  const length = left.fingerprints.length + right.fingerprints.length;
  const fingerprints = new Float64Array(length);
  const chunks = new Uint32Array(length);
  let fromLeft = 0;
  let fromRight = 0;
  for (let index = 0; index < length; index++) {
    const nextLeft = left.fingerprints[fromLeft] ?? Infinity;
    const nextRight = right.fingerprints[fromRight] ?? Infinity;
    if (nextLeft <= nextRight) {
      fingerprints[index] = nextLeft;
      chunks[index] = left.chunks[fromLeft] as number;
      fromLeft += 1;
    } else {
      fingerprints[index] = nextRight;
      chunks[index] = right.chunks[fromRight] as number;
      fromRight += 1;
    }
  }
  return { fingerprints, chunks };
}

function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
