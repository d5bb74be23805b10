/**
 * A member's older ledger entries, in sealed chunks of CHUNK_ENTRIES. They are in the store; the fold sees only those that
 * recall.ts brought in for the event at hand, and those that no checkpoint has yet.
 */
import { assert } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import { CHUNK_ENTRIES, RETURN_MATCH_ENTRIES_MAX } from '../limits.ts';
import type { Entries } from './entries.ts';
import type { Entry } from './entry.ts';
import type { IdIndex } from './id-index.ts';

export interface Chunk {
  /** 0 is the oldest. */
  readonly number: number;
  /** CHUNK_ENTRIES of them. */
  readonly entries: Entries;
}

export class History {
  /** Chunks sealed so far. */
  sealed: number;
  /** Of the event ids in them. */
  readonly index: IdIndex;
  /** Changed since they were last taken to be stored. */
  #unstored = new Map<number, Chunk>();
  /** On their way to the store, and not to be read from it yet. */
  #writing = new Map<number, Chunk>();
  /** As the store has them, for the event at hand. */
  readonly #recalled = new Map<number, Chunk>();

  constructor(sealed: number, index: IdIndex) {
    this.sealed = sealed;
    this.index = index;
  }

  /** Moves entries into a new chunk. */
  seal(entries: Entries): void {
    const number = this.sealed;
    this.sealed += 1;
    this.#unstored.set(number, { number, entries });
    this.index.add(number, entries.fingerprints());
  }

  /** The entry an event id left behind, in the chunks recalled for it. */
  find(eventId: string, fingerprint: number): Entry | undefined {
    for (const number of this.index.chunksWith(fingerprint)) {
      const found = this.chunk(number)?.entries.find(eventId, fingerprint);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Puts back an entry of a recalled chunk that has changed: a return was counted on a purchase in it. */
  replace(entry: Entry): void {
    const print = fingerprint(entry.eventId);
    for (const number of this.index.chunksWith(print)) {
      const chunk = this.chunk(number);
      if (chunk?.entries.replace(entry, print)) {
        this.#unstored.set(number, chunk);
        return;
      }
    }
    assert(false, () => `entry ${entry.eventId} is in no chunk that was recalled`);
  }

  /** A chunk that is in memory. */
  chunk(number: number): Chunk | undefined {
    return this.#unstored.get(number) ?? this.#writing.get(number) ?? this.#recalled.get(number);
  }

  /** Takes a chunk read from the store, until `forget`. */
  recall(chunk: Chunk): void {
    this.#recalled.set(chunk.number, chunk);
  }

  forget(): void {
    if (this.#recalled.size > 0) this.#recalled.clear();
  }

  /** Chunks for the store; they stay readable here until `stored`, which must come before the next call. */
  takeUnstored(): Iterable<Chunk> {
    this.#writing = this.#unstored;
    this.#unstored = new Map();
    return this.#writing.values();
  }

  stored(): void {
    this.#writing.clear();
  }

  copy(): History {
    const copy = new History(this.sealed, this.index.copy());
    for (const chunks of [this.#recalled, this.#writing, this.#unstored]) {
      for (const { number, entries } of chunks.values()) copy.recall({ number, entries: entries.copy() });
    }
    return copy;
  }
}

/** A return that names no purchase looks no further back than this chunk. */
export function oldestMatchedChunk(history: History): number {
  return Math.max(0, history.sealed - RETURN_MATCH_ENTRIES_MAX / CHUNK_ENTRIES);
}
