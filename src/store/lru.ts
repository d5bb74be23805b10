/**
 * A least-recently-used cache in two generations. What is asked for is found among the young or moves there from the old;
 * when the young are half of what may be kept, they become the old, and whatever nobody asked for meanwhile goes.
 *
 * An exact list would move its links at every hit, in four places of memory that are in no cache of the processor. With a
 * million members that took as long as scoring the purchase; here a hit touches the member and nothing else.
 */
export class Lru<Value> {
  readonly #generationMax: number;
  readonly #onEvict: (value: Value, key: string) => void;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** Keeps at least half of `max` entries and never more than `max`; one of each generation at least. */
  constructor(max: number, onEvict: (value: Value, key: string) => void) {
    this.#generationMax = Math.max(1, Math.floor(max / 2));
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, old);
    return old;
  }

  /** Adds an entry that is not there yet. */
  set(key: string, value: Value): void {
    if (this.#young.size >= this.#generationMax) {
      for (const [oldKey, oldValue] of this.#old) this.#onEvict(oldValue, oldKey);
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
