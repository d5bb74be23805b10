/**
 * The wall clock finer than its milliseconds, to tell how long ago another process did something. The monotonic clock gives
 * what is below a millisecond; whatever steps either of them makes, the result stays within the wall clock's millisecond.
 */
export class FineClock {
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  /** Wall less monotonic time, as far as is known. */
  #offsetMs: number;

  constructor(wallMs: () => number = Date.now, monotonicMs: () => number = () => performance.now()) {
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    this.#offsetMs = wallMs() - monotonicMs();
  }

  /** Epoch ms. */
  nowMs(): number {
    const floorMs = this.#wallMs();
    const fineMs = this.#monotonicMs() + this.#offsetMs;
    // Every reading outside the millisecond says something about the offset, so that it gets better with use.
    const keptMs = Math.min(Math.max(fineMs, floorMs), floorMs + 1);
    if (keptMs !== fineMs) this.#offsetMs += keptMs - fineMs;
    return keptMs;
  }
}
