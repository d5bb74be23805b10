/**
 * Keeps one partition going: feeds it what the log has, asks for a checkpoint when one is due, holds back reading when
 * checkpoints cannot keep up, and writes a tick to the log when a timer has come due and nothing else moves time on.
 *
 * The only place of a partition that looks at a clock.
 */
import type { Turns } from '../lib/turns.ts';
import { type EventReader, type EventWriter, type LogMessage, LogUnavailable } from '../log/log.ts';
import type { CheckpointReason, WorkerCounters } from '../observe/counters.ts';
import { FineClock } from '../observe/fine-clock.ts';
import type { Logger } from '../observe/log.ts';
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
  /** Absent: the system's. */
  readonly clock?: Clock;
  /** Hears of checkpoints. */
  readonly logger?: Pick<Logger, 'debug'>;
}

export interface Clock {
  /** Epoch ms. */
  wallMs(): number;
  /** Ms, never back, and above 0. */
  monotonicMs(): number;
}

const SYSTEM_CLOCK: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

export class PartitionRun {
  readonly #options: RunOptions;
  readonly #clock: Clock;
  readonly #fineClock: FineClock;
  readonly #stop = new AbortController();
  #pending = 0;
  /** When the oldest event that no checkpoint has was scored; 0 when there is none. */
  #unwrittenSinceMs = 0;
  #lastTickMs: number;
  #caughtUp = false;
  #beating = false;
  #failure: Error | undefined;
  /** A checkpoint that waits for its turn or is being written. */
  #checkpoint: Promise<void> | undefined;
  #onCaughtUp: () => void = () => {};
  /** The partition's own totals, as far as they are in the counters. */
  #cacheHits = 0;
  #cacheMisses = 0;
  #effectsSuppressed = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    const { wallMs, monotonicMs } = this.#clock;
    this.#fineClock = new FineClock(wallMs, monotonicMs);
    this.#lastTickMs = wallMs();
    this.#report();
  }

  /** Resolves after `stop`, when everything scored is in the store. Rejects when the partition cannot go on. */
  async run(onCaughtUp: () => void): Promise<void> {
    const { partition, reader } = this.#options;
    this.#onCaughtUp = onCaughtUp;
    this.#noteCaughtUp();
    for await (const messages of reader.read(partition.number, partition.sequence, this.#stop.signal)) {
      const startMs = this.#clock.monotonicMs();
      let doneMs = startMs;
      for (const message of messages) {
        doneMs = this.#apply(message, doneMs);
        this.#pending = message.pending;
      }
      if (this.#unwrittenSinceMs === 0) this.#unwrittenSinceMs = startMs;
      await this.#checkpointIfDue();
      this.#noteCaughtUp();
      this.#report();
      if (this.#failure !== undefined) throw this.#failure;
    }
    if (this.#failure !== undefined) throw this.#failure;
    // One may be under way; what was scored since needs another.
    await this.#checkpoint;
    await this.#writeCheckpoint('stop');
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
      if (this.#isFarBehind()) await this.#checkpoint;
      return;
    }
    const unwritten = {
      events: partition.eventsSince,
      bytes: partition.bytesSince,
      members: partition.members.dirtyCount,
      waitedMs: this.#unwrittenSinceMs === 0 ? 0 : this.#clock.monotonicMs() - this.#unwrittenSinceMs,
      behind: this.#pending > 0,
    };
    const reason = checkpointDue(policy, unwritten);
    if (reason === undefined) return;
    // Not awaited: scoring goes on while the checkpoint waits for its turn and is written.
    this.#checkpoint = this.#writeCheckpoint(reason).then(
      () => {
        this.#checkpoint = undefined;
      },
      (error: Error) => {
        this.#failure = error;
        this.#stop.abort();
      },
    );
  }

  /** Has as much been scored since the checkpoint under way as the next one may hold, twice over? */
  #isFarBehind(): boolean {
    const { partition, policy } = this.#options;
    return (
      partition.eventsSince >= policy.eventsBehindMax ||
      partition.bytesSince >= 2 * policy.bytes ||
      partition.members.dirtyCount >= 2 * policy.members
    );
  }

  #writeCheckpoint(reason: CheckpointReason): Promise<void> {
    const { checkpoints, counters, partition, logger } = this.#options;
    return checkpoints.take(async () => {
      this.#unwrittenSinceMs = 0;
      const startMs = this.#clock.monotonicMs();
      const { number, sequence } = partition;
      await partition.checkpoint();
      const seconds = (this.#clock.monotonicMs() - startMs) / 1000;
      counters.observe('checkpoint_seconds', seconds);
      counters.checkpoint(reason);
      logger?.debug({ partition: number, sequence, reason, seconds }, 'checkpoint');
    });
  }

  async #tickIfDue(): Promise<void> {
    const { partition, writer, counters } = this.#options;
    const nowMs = this.#clock.wallMs();
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

  /** Scores a message and measures it. `startMs` and the result are monotonic. */
  #apply(message: LogMessage, startMs: number): number {
    const { counters, partition } = this.#options;
    const eventsBefore = partition.eventsSince;
    counters.beginMessage(partition.number, message.sequence);
    partition.apply(message);
    const isFirst = counters.endMessage(partition.number, message.sequence);
    const doneMs = this.#clock.monotonicMs();
    const events = partition.eventsSince - eventsBefore;
    if (events === 0) return doneMs;
    counters.observe('fold_seconds', (doneMs - startMs) / 1000 / events, events);
    if (isFirst) {
      const ageMs = this.#fineClock.nowMs() - message.timestampMs - (message.fractionMs ?? 0);
      counters.observe('publish_to_scored_seconds', Math.max(0, ageMs) / 1000, events);
    }
    return doneMs;
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
    counters.setPartition(number, 'caughtUp', this.#caughtUp ? 1 : 0);
    counters.setPartition(number, 'dirtyMembers', members.dirtyCount);
    // Totals outlive the partition, which a worker that starts again opens anew.
    counters.add('cache_hits_total', members.hits - this.#cacheHits);
    counters.add('cache_misses_total', members.misses - this.#cacheMisses);
    counters.add('effects_suppressed_total', partition.effectsSuppressed - this.#effectsSuppressed);
    this.#cacheHits = members.hits;
    this.#cacheMisses = members.misses;
    this.#effectsSuppressed = partition.effectsSuppressed;
  }
}
