/**
 * In which sealed chunk a member's event id is, if it is in one: a log-structured merge of sorted fingerprints. Level k holds
 * the ids of 2^k chunks or nothing, and a new chunk merges full levels upwards like a carry in a binary counter. So a member
 * with n entries costs O(log n) amortised to remember an id for ever, some 14 bytes an id in memory and 12 on disk, and hardly
 * anything to find that an id is new.
 */

/** Sorted fingerprints of the event ids of 2^level chunks, and the chunk each is in. */
export interface IdBlock {
  readonly fingerprints: Float64Array;
  readonly chunks: Uint32Array;
}

const NOWHERE: readonly number[] = [];

export class IdIndex {
  /** By level; undefined where the level is empty. */
  readonly blocks: (IdBlock | undefined)[];
  /** Levels changed since they were last stored. */
  readonly dirtyLevels = new Set<number>();
  /** Made when first needed: a member that is only read needs none. */
  #filter: IdFilter | undefined;
  /** The last question and its answer: the fold asks again what recall asked for the same event. */
  #asked = Number.NaN;
  #answer = NOWHERE;

  constructor(blocks: (IdBlock | undefined)[]) {
    this.blocks = blocks;
  }

  /** Takes in the ids of a chunk, whose order is lost. */
  add(chunk: number, fingerprints: Float64Array): void {
    this.#asked = Number.NaN;
    this.#filter?.add(fingerprints);
    let block: IdBlock = {
      fingerprints: fingerprints.sort(),
      chunks: new Uint32Array(fingerprints.length).fill(chunk),
    };
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
  chunksWith(fingerprint: number): readonly number[] {
    if (fingerprint !== this.#asked) {
      this.#answer = this.#search(fingerprint);
      this.#asked = fingerprint;
    }
    return this.#answer;
  }

  copy(): IdIndex {
    return new IdIndex(this.blocks.slice());
  }

  #search(fingerprint: number): readonly number[] {
    if (this.#filter === undefined || this.#filter.isFull) this.#filter = new IdFilter(this.blocks);
    if (!this.#filter.mayHold(fingerprint)) return NOWHERE;
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
}

const FILTER_BITS_PER_ID = 16;

/**
 * Says of an event id that it is surely new, as nearly all are, or that the index must be asked: a Bloom filter with two bits
 * an id, which errs for one new id in some sixty and saves the others a search in each level.
 */
class IdFilter {
  readonly #words: Uint32Array;
  /** One less than the number of bits, a power of two. */
  readonly #mask: number;
  #room: number;

  constructor(blocks: readonly (IdBlock | undefined)[]) {
    let ids = 0;
    for (const block of blocks) ids += block?.fingerprints.length ?? 0;
    const bits = 2 ** Math.ceil(Math.log2(ids * FILTER_BITS_PER_ID + 32));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
    this.#room = (2 * bits) / FILTER_BITS_PER_ID;
    for (const block of blocks) if (block !== undefined) this.add(block.fingerprints);
  }

  /** Half as many bits an id as meant. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  add(fingerprints: Float64Array): void {
    this.#room -= fingerprints.length;
    for (const fingerprint of fingerprints) {
      this.#set(fingerprint >>> 0);
      this.#set(secondHash(fingerprint));
    }
  }

  mayHold(fingerprint: number): boolean {
    return this.#has(fingerprint >>> 0) && this.#has(secondHash(fingerprint));
  }

  #set(hash: number): void {
    const bit = hash & this.#mask;
    this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | (1 << (bit & 31));
  }

  #has(hash: number): boolean {
    const bit = hash & this.#mask;
    return ((this.#words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }
}

/** From the bits of a fingerprint that the first one leaves out. */
function secondHash(fingerprint: number): number {
  return Math.imul(Math.floor(fingerprint / 0x1_0000_0000), 0x9e3779b1);
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

/** The first index whose value is not below `value`; the length if there is none. */
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
