/**
 * Keeps one partition going: feeds it what the log has, asks for a checkpoint when one is due, holds back reading when
 * checkpoints cannot keep up, and writes a tick to the log when a timer has come due and nothing else moves time on.
 *
 * The only place of a partition that looks at a clock.
 */
import type { Turns } from '../lib/turns.ts';
import { type EventReader, type EventWriter, LogUnavailable } from '../log/log.ts';
import type { WorkerCounters } from '../observe/counters.ts';
import { encodeBatch } from '../wire/batch.ts';
import { type CheckpointPolicy, checkpointDue } from './checkpoint-policy.ts';
import type { Partition } from './partition.ts';

export interface RunOptions {
  readonly partition: Partition;
  readonly reader: EventReader;
  /** For ticks. */
  readonly writer: EventWriter;
  readonly policy: CheckpointPolicy;
  /** Shared by the partitions of a thread: encoding a large checkpoint holds up all of them. */
  readonly checkpoints: Turns;
  readonly counters: WorkerCounters;
  /** Sequence at which the partition has caught up with what was there when it started. */
  readonly catchUpTo: number;
  readonly tickIntervalMs: number;
}

export class PartitionRun {
  readonly #options: RunOptions;
  readonly #stop = new AbortController();
  #pending = 0;
  /** When the oldest event that no checkpoint has was scored; 0 when there is none. */
  #unwrittenSinceMs = 0;
  #lastTickMs = Date.now();
  #caughtUp = false;
  #beating = false;
  #failure: Error | undefined;
  /** A checkpoint that waits for its turn or is being written. */
  #checkpoint: Promise<void> | undefined;
  #onCaughtUp: () => void = () => {};

  constructor(options: RunOptions) {
    this.#options = options;
    this.#report();
  }

  /** Resolves after `stop`, when everything scored is in the store. Rejects when the partition cannot go on. */
  async run(onCaughtUp: () => void): Promise<void> {
    const { partition, reader } = this.#options;
    this.#onCaughtUp = onCaughtUp;
    this.#noteCaughtUp();
    for await (const messages of reader.read(partition.number, partition.sequence, this.#stop.signal)) {
      const startMs = performance.now();
      const eventsBefore = partition.eventsSince;
      for (const message of messages) {
        partition.apply(message);
        this.#pending = message.pending;
      }
      this.#measure(startMs, partition.eventsSince - eventsBefore);
      if (this.#unwrittenSinceMs === 0) this.#unwrittenSinceMs = startMs;
      await this.#checkpointIfDue();
      this.#noteCaughtUp();
      this.#report();
      if (this.#failure !== undefined) throw this.#failure;
    }
    if (this.#failure !== undefined) throw this.#failure;
    // One may be under way; what was scored since needs another.
    await this.#checkpoint;
    await this.#writeCheckpoint();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Called a few times a second, for what must happen though no message comes. */
  async beat(): Promise<void> {
    if (this.#beating || this.#stop.signal.aborted) return;
    this.#beating = true;
    try {
      await this.#checkpointIfDue();
      await this.#tickIfDue();
      this.#report();
    } finally {
      this.#beating = false;
    }
  }

  async #checkpointIfDue(): Promise<void> {
    const { partition, policy } = this.#options;
    if (this.#checkpoint !== undefined) {
      if (partition.eventsSince >= policy.eventsBehindMax) await this.#checkpoint;
      return;
    }
    const unwritten = {
      events: partition.eventsSince,
      bytes: partition.bytesSince,
      members: partition.members.dirtyCount,
      waitedMs: this.#unwrittenSinceMs === 0 ? 0 : performance.now() - this.#unwrittenSinceMs,
      behind: this.#pending > 0,
    };
    if (checkpointDue(policy, unwritten) === undefined) return;
    // Not awaited: scoring goes on while the checkpoint waits for its turn and is written.
    this.#checkpoint = this.#writeCheckpoint().then(
      () => {
        this.#checkpoint = undefined;
      },
      (error: Error) => {
        this.#failure = error;
        this.#stop.abort();
      },
    );
  }

  #writeCheckpoint(): Promise<void> {
    const { checkpoints, counters, partition } = this.#options;
    return checkpoints.take(async () => {
      this.#unwrittenSinceMs = 0;
      const startMs = performance.now();
      await partition.checkpoint();
      counters.observe('checkpoint_seconds', (performance.now() - startMs) / 1000);
    });
  }

  async #tickIfDue(): Promise<void> {
    const { partition, writer, counters } = this.#options;
    const nowMs = Date.now();
    const due = partition.nextDue <= nowMs && this.#pending === 0 && this.#caughtUp;
    if (!due || nowMs - this.#lastTickMs < this.#options.tickIntervalMs) return;
    this.#lastTickMs = nowMs;
    try {
      await writer.publish(partition.number, encodeBatch([{ type: 'tick' }]));
      counters.add('ticks_total', 1);
    } catch (error) {
      // The timer is still due; the next beat asks again.
      if (!(error instanceof LogUnavailable)) throw error;
    }
  }

  #measure(startMs: number, events: number): void {
    if (events === 0) return;
    const { counters, partition } = this.#options;
    const endMs = performance.now();
    counters.observe('fold_seconds', (endMs - startMs) / 1000 / events, events);
    const ageMs = Math.max(0, performance.timeOrigin + endMs - partition.timestampMs);
    counters.observe('publish_to_scored_seconds', ageMs / 1000, events);
  }

  #noteCaughtUp(): void {
    const { partition, catchUpTo } = this.#options;
    if (this.#caughtUp || partition.sequence < catchUpTo) return;
    this.#caughtUp = true;
    this.#onCaughtUp();
  }

  #report(): void {
    const { counters, partition } = this.#options;
    const { number, members } = partition;
    counters.setPartition(number, 'sequence', partition.sequence);
    counters.setPartition(number, 'pending', this.#pending);
    counters.setPartition(number, 'caughtUp', this.#caughtUp ? 1 : 0);
    counters.setPartition(number, 'behindSinceMs', this.#pending > 0 ? partition.timestampMs : 0);
    counters.setPartition(number, 'dirtyMembers', members.dirtyCount);
    counters.setPartition(number, 'cacheHits', members.hits);
    counters.setPartition(number, 'cacheMisses', members.misses);
    counters.setPartition(number, 'effectsSuppressed', partition.effectsSuppressed);
  }
}
