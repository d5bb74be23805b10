/**
 * What a worker counts while it works: plain numbers in shared memory, one writer a worker, read by the main thread when
 * Prometheus asks. Counting an event is an addition in a typed array; nothing is allocated and no message is sent.
 *
 * Totals belong to the slot of a worker and outlive it: a worker that is started again goes on where the one before ended,
 * and what it scores for a second time is not counted for a second time. Figures of a partition are set, not added to.
 *
 * The layout is the tables below; both sides derive it from the same tables, so they cannot disagree.
 */
import { OUTCOMES, type OutcomeCode } from '../scoring/outcome.ts';

export const EVENT_TYPES = [
  'purchase',
  'return',
  'void',
  'confirmation',
  'redemption',
  'authorisation',
  'capture',
  'release',
  'reversal',
  'adjustment',
  'exception',
  'exception_end',
  'enrolment',
  'tick',
  'program',
  'malformed',
] as const;
export type CountedType = (typeof EVENT_TYPES)[number];
/** Which bound made a checkpoint due, or that its worker stops. */
export const CHECKPOINT_REASONS = ['events', 'bytes', 'members', 'delay', 'stop'] as const;
export type CheckpointReason = (typeof CHECKPOINT_REASONS)[number];
const OUTCOME_CODES = Object.keys(OUTCOMES) as OutcomeCode[];

/** Upper edges in seconds, from a microsecond on. */
export const LATENCY_BUCKETS = [
  1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10,
];
const FOLD_BUCKETS = [1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 0.01];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export interface HistogramShape {
  readonly help: string;
  readonly buckets: readonly number[];
}

export const HISTOGRAMS = {
  batch_events: { help: 'Events in one message of the log.', buckets: BATCH_BUCKETS },
  fold_seconds: {
    help: 'Scoring of one event: look-up, fold and bookkeeping, averaged over its message.',
    buckets: FOLD_BUCKETS,
  },
  publish_to_scored_seconds: {
    help: 'From the log receiving an event to the last event of its message being scored.',
    buckets: LATENCY_BUCKETS,
  },
  checkpoint_seconds: { help: 'One checkpoint: effects published and the store committed.', buckets: LATENCY_BUCKETS },
} as const satisfies Record<string, HistogramShape>;

/** Of the worker's thread, and shown for each worker by itself. */
export const THREAD_HISTOGRAMS = {
  event_loop_delay_seconds: {
    help: "How much later than due a timer of a worker's event loop runs.",
    buckets: LATENCY_BUCKETS,
  },
  gc_minor_seconds: { help: '', buckets: LATENCY_BUCKETS },
  gc_major_seconds: { help: '', buckets: LATENCY_BUCKETS },
  gc_incremental_seconds: { help: '', buckets: LATENCY_BUCKETS },
  gc_weakcb_seconds: { help: '', buckets: LATENCY_BUCKETS },
} as const satisfies Record<string, HistogramShape>;

const ALL_HISTOGRAMS = { ...HISTOGRAMS, ...THREAD_HISTOGRAMS };
export type HistogramName = keyof typeof ALL_HISTOGRAMS;

/** Of events: added to once for each, however often a worker that starts again scores it. Points are those of the first wallet. */
const EVENT_SCALARS = {
  points_accrued_total: 'Points credited by purchases.',
  points_reversed_total: 'Points taken back by returns and voids.',
  points_redeemed_total: 'Points spent by redemptions and captures.',
  points_restored_total: 'Points that were spent and came back.',
  points_adjusted_up_total: 'Points added by adjustments.',
  points_adjusted_down_total: 'Points taken by adjustments.',
  points_expired_total: 'Points that expired.',
  tier_ups_total: 'Members that moved up a level.',
  tier_downs_total: 'Members that moved down a level.',
} as const;

export const SCALARS = {
  ...EVENT_SCALARS,
  events_repeated_total: 'Events scored again after a worker failed, which the other totals have once.',
  checkpoint_members_total: 'Member records written by checkpoints.',
  effects_total: 'Effects published.',
  effects_suppressed_total: 'Effects not published again after a restart.',
  live_updates_total: 'Live updates sent for watched members.',
  ticks_total: 'Ticks published for timers that came due.',
  cache_hits_total: 'Members found in memory.',
  cache_misses_total: 'Members read from the store, or new.',
} as const;
export type ScalarName = keyof typeof SCALARS;

/** A row a partition: what it is at. */
export const PARTITION_CELLS = ['sequence', 'caughtUp', 'dirtyMembers', 'leases', 'countedSequence'] as const;
export type PartitionCell = (typeof PARTITION_CELLS)[number];

const SCALAR_NAMES = Object.keys(SCALARS) as ScalarName[];
const HISTOGRAM_NAMES = Object.keys(ALL_HISTOGRAMS) as HistogramName[];

const EVENTS_START = 0;
const SCALARS_START = EVENTS_START + EVENT_TYPES.length * OUTCOME_CODES.length;
const EVENT_SCALARS_END = SCALARS_START + Object.keys(EVENT_SCALARS).length;
const CHECKPOINTS_START = SCALARS_START + SCALAR_NAMES.length;
const histogramStarts = new Map<HistogramName, number>();
let next = CHECKPOINTS_START + CHECKPOINT_REASONS.length;
for (const name of HISTOGRAM_NAMES) {
  histogramStarts.set(name, next);
  next += ALL_HISTOGRAMS[name].buckets.length + 3;
}
const PARTITIONS_START = next;

const scalarIndex = new Map(SCALAR_NAMES.map((name, index) => [name, SCALARS_START + index]));
const typeIndex = new Map(EVENT_TYPES.map((type, index) => [type, index]));
const codeIndex = new Map(OUTCOME_CODES.map((code, index) => [code, index]));
const cellIndex = new Map(PARTITION_CELLS.map((cell, index) => [cell, index]));

export function allocateCounters(partitions: number): SharedArrayBuffer {
  return new SharedArrayBuffer(
    (PARTITIONS_START + partitions * PARTITION_CELLS.length) * Float64Array.BYTES_PER_ELEMENT,
  );
}

export interface HistogramCounts {
  /** Not cumulative; one more than there are bucket edges, the last for what is above them. */
  readonly buckets: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export class WorkerCounters {
  readonly #cells: Float64Array;
  /** The message being scored was counted before: by the worker that failed. */
  #isRepeat = false;

  constructor(shared: SharedArrayBuffer) {
    this.#cells = new Float64Array(shared);
  }

  /** What is counted until `endMessage` is of this message. */
  beginMessage(partition: number, sequence: number): void {
    this.#isRepeat = sequence <= this.readPartition(partition, 'countedSequence');
  }

  /** False: the message had been counted before. */
  endMessage(partition: number, sequence: number): boolean {
    const isFirst = !this.#isRepeat;
    this.#isRepeat = false;
    if (isFirst) this.setPartition(partition, 'countedSequence', sequence);
    return isFirst;
  }

  event(type: CountedType, code: OutcomeCode): void {
    if (this.#isRepeat) {
      this.add('events_repeated_total', 1);
      return;
    }
    const index = (typeIndex.get(type) as number) * OUTCOME_CODES.length + (codeIndex.get(code) as number);
    this.#cells[index] = (this.#cells[index] as number) + 1;
  }

  add(name: ScalarName, amount: number): void {
    const index = scalarIndex.get(name) as number;
    if (this.#isRepeat && index < EVENT_SCALARS_END) return;
    this.#cells[index] = (this.#cells[index] as number) + amount;
  }

  checkpoint(reason: CheckpointReason): void {
    const index = CHECKPOINTS_START + CHECKPOINT_REASONS.indexOf(reason);
    this.#cells[index] = (this.#cells[index] as number) + 1;
  }

  /** `weight` observations of the same value at once. */
  observe(name: HistogramName, value: number, weight = 1): void {
    if (this.#isRepeat && name === 'batch_events') return;
    const { buckets } = ALL_HISTOGRAMS[name];
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] as number)) bucket += 1;
    const start = histogramStarts.get(name) as number;
    const cells = this.#cells;
    cells[start + bucket] = (cells[start + bucket] as number) + weight;
    const sum = start + buckets.length + 1;
    cells[sum] = (cells[sum] as number) + value * weight;
    cells[sum + 1] = (cells[sum + 1] as number) + weight;
  }

  setPartition(partition: number, cell: PartitionCell, value: number): void {
    this.#cells[PARTITIONS_START + partition * PARTITION_CELLS.length + (cellIndex.get(cell) as number)] = value;
  }

  readEvents(type: CountedType, code: OutcomeCode): number {
    return this.#cells[
      (typeIndex.get(type) as number) * OUTCOME_CODES.length + (codeIndex.get(code) as number)
    ] as number;
  }

  readScalar(name: ScalarName): number {
    return this.#cells[scalarIndex.get(name) as number] as number;
  }

  readCheckpoints(reason: CheckpointReason): number {
    return this.#cells[CHECKPOINTS_START + CHECKPOINT_REASONS.indexOf(reason)] as number;
  }

  readHistogram(name: HistogramName): HistogramCounts {
    const start = histogramStarts.get(name) as number;
    const edges = ALL_HISTOGRAMS[name].buckets.length;
    return {
      buckets: Array.from(this.#cells.subarray(start, start + edges + 1)),
      sum: this.#cells[start + edges + 1] as number,
      count: this.#cells[start + edges + 2] as number,
    };
  }

  readPartition(partition: number, cell: PartitionCell): number {
    return this.#cells[
      PARTITIONS_START + partition * PARTITION_CELLS.length + (cellIndex.get(cell) as number)
    ] as number;
  }
}
