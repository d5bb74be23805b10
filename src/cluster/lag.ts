/**
 * How far each partition is behind the log. The main thread compares what the log holds with what is scored, on a timer: a
 * worker that is down, or that gets nothing delivered, cannot say so itself.
 */
import { Turns } from '../lib/turns.ts';
import { LAG_LOOKS_AT_ONCE } from '../limits.ts';
import type { Backlog, BacklogReader } from '../log/backlog.ts';
import type { Lag } from '../observe/metrics.ts';

export interface LagWatchOptions {
  readonly partitions: number;
  readonly backlog: BacklogReader;
  /** Last sequence scored of a partition. */
  readonly scored: (partition: number) => number;
  readonly nowMs: () => number;
}

const INTERVAL_MS = 1_000;
/** A look may take this part of the time, so that a log under load is not asked all the time how much load it has. */
const SHARE_MAX = 0.05;
const INTERVAL_MAX_MS = 5_000;

/** Says what was so at the last look, less what has been scored since. */
export class LagWatch implements Lag {
  readonly #options: LagWatchOptions;
  readonly #backlogs: (Backlog | undefined)[];
  readonly #turns = new Turns(LAG_LOOKS_AT_ONCE);
  #lastSequence = 0;
  #newest: ReadonlyMap<number, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: LagWatchOptions) {
    this.#options = options;
    this.#backlogs = new Array(options.partitions).fill(undefined);
  }

  start(): void {
    this.#lookAfter(INTERVAL_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  messages(partition: number): number {
    return this.#backlog(partition)?.messages ?? 0;
  }

  seconds(partition: number): number {
    const backlog = this.#backlog(partition);
    return backlog === undefined ? 0 : Math.max(0, (this.#options.nowMs() - backlog.oldestMs) / 1000);
  }

  async look(): Promise<void> {
    const { backlog, partitions, scored } = this.#options;
    const lastSequence = await backlog.lastSequence();
    if (lastSequence !== this.#lastSequence) {
      this.#newest = await backlog.newest();
      this.#lastSequence = lastSequence;
    }
    const looks = Array.from({ length: partitions }, (_unused, partition) => {
      const position = scored(partition);
      if (position >= this.#newestOf(partition)) {
        this.#backlogs[partition] = undefined;
        return undefined;
      }
      return this.#turns.take(async () => {
        this.#backlogs[partition] = await backlog.after(partition, position);
      });
    });
    await Promise.all(looks);
  }

  #newestOf(partition: number): number {
    return this.#newest.get(partition) ?? 0;
  }

  #backlog(partition: number): Backlog | undefined {
    return this.#options.scored(partition) >= this.#newestOf(partition) ? undefined : this.#backlogs[partition];
  }

  #lookAfter(delayMs: number): void {
    this.#timer = setTimeout(async () => {
      const startMs = performance.now();
      // What the log does not answer stays as it was: what has not been scored only gets older.
      await this.look().catch(() => {});
      const pauseMs = Math.max(INTERVAL_MS, (performance.now() - startMs) / SHARE_MAX);
      if (!this.#stopped) this.#lookAfter(Math.min(pauseMs, INTERVAL_MAX_MS));
    }, delayMs);
  }
}
