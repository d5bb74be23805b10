/**
 * What a worker counts while it works: plain numbers in shared memory, one writer a worker, read by the main thread when
 * Prometheus asks. Counting an event is an addition in a typed array; nothing is allocated and no message is sent.
 *
 * The layout is the table below; both sides derive it from the same table, so they cannot disagree.
 */
import { OUTCOMES, type OutcomeCode } from '../scoring/outcome.ts';

export const EVENT_TYPES = ['purchase', 'return', 'adjustment', 'enrolment', 'tick', 'program', 'malformed'] as const;
export type CountedType = (typeof EVENT_TYPES)[number];
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
    help: 'From the log receiving a message to its last event being scored.',
    buckets: LATENCY_BUCKETS,
  },
  checkpoint_seconds: { help: 'One checkpoint: effects published and the store committed.', buckets: LATENCY_BUCKETS },
} as const satisfies Record<string, HistogramShape>;
export type HistogramName = keyof typeof HISTOGRAMS;

export const SCALARS = {
  points_accrued_total: 'Points credited by purchases.',
  points_reversed_total: 'Points taken back by returns.',
  points_adjusted_up_total: 'Points added by adjustments.',
  points_adjusted_down_total: 'Points taken by adjustments.',
  tier_ups_total: 'Members that moved up a level.',
  tier_downs_total: 'Members that moved down a level.',
  checkpoint_members_total: 'Member records written by checkpoints.',
  effects_total: 'Effects published.',
  live_updates_total: 'Live updates sent for watched members.',
  ticks_total: 'Ticks published for timers that came due.',
  leases: 'Members somebody watches.',
} as const;
export type ScalarName = keyof typeof SCALARS;

/** A row a partition: what it is at, and totals since it was opened. */
export const PARTITION_CELLS = [
  'sequence',
  'pending',
  'caughtUp',
  'behindSinceMs',
  'dirtyMembers',
  'cacheHits',
  'cacheMisses',
  'effectsSuppressed',
] as const;
export type PartitionCell = (typeof PARTITION_CELLS)[number];

const SCALAR_NAMES = Object.keys(SCALARS) as ScalarName[];
const HISTOGRAM_NAMES = Object.keys(HISTOGRAMS) as HistogramName[];

const EVENTS_START = 0;
const SCALARS_START = EVENTS_START + EVENT_TYPES.length * OUTCOME_CODES.length;
const histogramStarts = new Map<HistogramName, number>();
let next = SCALARS_START + SCALAR_NAMES.length;
for (const name of HISTOGRAM_NAMES) {
  histogramStarts.set(name, next);
  next += HISTOGRAMS[name].buckets.length + 3;
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

  constructor(shared: SharedArrayBuffer) {
    this.#cells = new Float64Array(shared);
  }

  event(type: CountedType, code: OutcomeCode): void {
    const index = (typeIndex.get(type) as number) * OUTCOME_CODES.length + (codeIndex.get(code) as number);
    this.#cells[index] = (this.#cells[index] as number) + 1;
  }

  add(name: ScalarName, amount: number): void {
    const index = scalarIndex.get(name) as number;
    this.#cells[index] = (this.#cells[index] as number) + amount;
  }

  /** `weight` observations of the same value at once. */
  observe(name: HistogramName, value: number, weight = 1): void {
    const { buckets } = HISTOGRAMS[name];
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

  readHistogram(name: HistogramName): HistogramCounts {
    const start = histogramStarts.get(name) as number;
    const edges = HISTOGRAMS[name].buckets.length;
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
