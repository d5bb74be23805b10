/**
 * Prometheus metrics of one engine. Workers count in shared memory; what they counted is read and given its names when a
 * scrape asks, so nothing here costs anything per event.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { OUTCOMES, type OutcomeCode } from '../scoring/outcome.ts';
import {
  CHECKPOINT_REASONS,
  EVENT_TYPES,
  HISTOGRAMS,
  type HistogramCounts,
  type HistogramName,
  type HistogramShape,
  LATENCY_BUCKETS,
  type PartitionCell,
  SCALARS,
  type ScalarName,
  THREAD_HISTOGRAMS,
  type WorkerCounters,
} from './counters.ts';

const OUTCOME_CODES = Object.keys(OUTCOMES) as OutcomeCode[];
const GC_KINDS = ['minor', 'major', 'incremental', 'weakcb'] as const;

/** How far partitions are behind the log. */
export interface Lag {
  /** Messages not yet scored. */
  messages(partition: number): number;
  /** Age of the oldest of them; 0 when there is none. */
  seconds(partition: number): number;
}

export interface EngineSource {
  readonly counters: readonly WorkerCounters[];
  readonly partitions: number;
  readonly restarts: number;
  readonly lag: Lag;
  ownerOf(partition: number): WorkerCounters;
}

export interface EngineMetrics {
  /** What the main thread itself counts. */
  readonly batches: Counter<'reason'>;
  readonly batchBytes: Counter;
  readonly requests: Counter<'route' | 'status'>;
  readonly requestSeconds: Histogram<'route'>;
  readonly scoredWaits: Counter<'result'>;
  readonly scoredWaitSeconds: Histogram;
  readonly framesSent: Counter;
  readonly framesConflated: Counter;
  readonly framesDropped: Counter;
  readonly socketsClosed: Counter<'reason'>;
  readonly socketsOpen: Gauge;
  readonly pushSeconds: LocalHistogram;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createMetrics(source: EngineSource): EngineMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'tidemark_' });
  const add = (name: string, help: string, type: 'counter' | 'gauge', values: () => Sample[]): void => {
    registry.registerMetric(metric(`tidemark_${name}`, help, type, values));
  };

  add('events_total', 'Events scored, by type and outcome.', 'counter', () => eventSamples(source));
  add('rejected_events_total', 'Events refused, by outcome.', 'counter', () => rejectedSamples(source));
  for (const name of Object.keys(SCALARS) as ScalarName[]) {
    add(name, SCALARS[name], 'counter', () => [
      { value: sum(source.counters, (counters) => counters.readScalar(name)), labels: {} },
    ]);
  }
  add('checkpoints_total', 'Checkpoints, by what made them due.', 'counter', () =>
    CHECKPOINT_REASONS.map((reason) => ({
      value: sum(source.counters, (counters) => counters.readCheckpoints(reason)),
      labels: { reason },
    })),
  );
  for (const name of Object.keys(HISTOGRAMS) as (keyof typeof HISTOGRAMS)[]) {
    const shape: HistogramShape = HISTOGRAMS[name];
    registry.registerMetric(
      histogram(`tidemark_${name}`, shape, () => [
        { labels: {}, counts: mergeHistograms(shape, source.counters, name) },
      ]),
    );
  }
  registerThreads(registry, source);
  const perPartition = (name: string, help: string, read: (partition: number) => number): void =>
    add(name, help, 'gauge', () =>
      Array.from({ length: source.partitions }, (_unused, partition) => ({
        value: read(partition),
        labels: { partition: `${partition}` },
      })),
    );
  const cell = (name: PartitionCell) => (partition: number) => source.ownerOf(partition).readPartition(partition, name);
  const { lag } = source;
  perPartition('lag_messages', 'Messages of a partition not yet scored.', (partition) => lag.messages(partition));
  perPartition('lag_seconds', 'Age of the oldest message not yet scored; 0 when there is none.', (partition) =>
    lag.seconds(partition),
  );
  perPartition('position_sequence', 'Last stream sequence scored.', cell('sequence'));
  perPartition(
    'partition_caught_up',
    '1 once a partition has scored what was there when it started.',
    cell('caughtUp'),
  );
  const overall = (name: string, help: string, of: PartitionCell): void =>
    add(name, help, 'gauge', () => [{ value: sumPartitions(source, cell(of)), labels: {} }]);
  overall('dirty_members', 'Members changed since they were last stored.', 'dirtyMembers');
  overall('leases', 'Members somebody watches.', 'leases');
  add('worker_restarts_total', 'Workers started again after a failure.', 'counter', () => [
    { value: source.restarts, labels: {} },
  ]);

  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name: `tidemark_${name}`, help, labelNames, registers: [registry] });
  const histogramOf = <L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> =>
    new Histogram({ name: `tidemark_${name}`, help, labelNames, buckets: LATENCY_BUCKETS, registers: [registry] });
  const pushSeconds = new LocalHistogram({
    help: 'From the log receiving a message to its update being handed to a socket that watches.',
    buckets: LATENCY_BUCKETS,
  });
  registry.registerMetric(
    histogram('tidemark_publish_to_push_seconds', pushSeconds.shape, () => [
      { labels: {}, counts: pushSeconds.read() },
    ]),
  );
  return {
    batches: counter('ingest_batches_total', 'Batches published, by what closed them.', ['reason']),
    batchBytes: counter('ingest_batch_bytes_total', 'Payload bytes published.', []),
    requests: counter('http_requests_total', 'HTTP requests, by route and status.', ['route', 'status']),
    scoredWaits: counter('scored_waits_total', 'Callers that waited for an outcome, by result.', ['result']),
    framesSent: counter('websocket_frames_total', 'Frames sent to WebSocket clients.', []),
    framesConflated: counter(
      'websocket_frames_conflated_total',
      'Updates a slow client got later, as its latest state.',
      [],
    ),
    framesDropped: counter(
      'websocket_frames_dropped_total',
      'Frames of statistics and feed that a slow client never gets.',
      [],
    ),
    socketsClosed: counter('websocket_closed_total', 'WebSocket connections ended, by reason.', ['reason']),
    socketsOpen: new Gauge({
      name: 'tidemark_websocket_clients',
      help: 'WebSocket clients connected.',
      registers: [registry],
    }),
    requestSeconds: histogramOf('http_request_seconds', 'HTTP requests from first byte to answer, by route.', [
      'route',
    ]),
    scoredWaitSeconds: histogramOf('scored_wait_seconds', 'Callers that waited for an outcome and got it.', []),
    pushSeconds,
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** Counts on the main thread without allocating: one observation may come for each of thousands of sockets. */
export class LocalHistogram {
  readonly shape: HistogramShape;
  readonly #buckets: number[];
  #sum = 0;
  #count = 0;

  constructor(shape: HistogramShape) {
    this.shape = shape;
    this.#buckets = new Array(shape.buckets.length + 1).fill(0);
  }

  observe(value: number): void {
    const { buckets } = this.shape;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] as number)) bucket += 1;
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#sum += value;
    this.#count += 1;
  }

  read(): HistogramCounts {
    return { buckets: this.#buckets, sum: this.#sum, count: this.#count };
  }
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

function eventSamples({ counters }: EngineSource): Sample[] {
  const samples: Sample[] = [];
  for (const type of EVENT_TYPES) {
    for (const outcome of OUTCOME_CODES) {
      const value = sum(counters, (worker) => worker.readEvents(type, outcome));
      // Only pairs that occur, but always the ordinary one, so that rates start at 0.
      if (value > 0 || outcome === 'scored') samples.push({ value, labels: { type, outcome } });
    }
  }
  return samples;
}

function rejectedSamples({ counters }: EngineSource): Sample[] {
  return OUTCOME_CODES.filter((code) => OUTCOMES[code].refused).map((outcome) => ({
    value: sum(counters, (worker) => EVENT_TYPES.reduce((total, type) => total + worker.readEvents(type, outcome), 0)),
    labels: { outcome },
  }));
}

function sum(counters: readonly WorkerCounters[], read: (counters: WorkerCounters) => number): number {
  return counters.reduce((total, worker) => total + read(worker), 0);
}

export function sumPartitions({ partitions }: EngineSource, read: (partition: number) => number): number {
  let total = 0;
  for (let partition = 0; partition < partitions; partition++) total += read(partition);
  return total;
}

/** What only means something for one thread: an average over workers would hide the one that stands still. */
function registerThreads(registry: Registry, { counters }: EngineSource): void {
  const perWorker = (name: HistogramName, labels: Sample['labels']): LabelledCounts[] =>
    counters.map((worker, number) => ({ labels: { worker: number, ...labels }, counts: worker.readHistogram(name) }));
  const delay = THREAD_HISTOGRAMS.event_loop_delay_seconds;
  registry.registerMetric(
    histogram('tidemark_worker_event_loop_delay_seconds', delay, () => perWorker('event_loop_delay_seconds', {})),
  );
  const help = 'Garbage collections in a worker, by kind.';
  registry.registerMetric(
    histogram('tidemark_worker_gc_seconds', { help, buckets: LATENCY_BUCKETS }, () =>
      GC_KINDS.flatMap((kind) => perWorker(`gc_${kind}_seconds`, { kind })),
    ),
  );
}

function mergeHistograms(
  { buckets: edges }: HistogramShape,
  counters: readonly WorkerCounters[],
  name: HistogramName,
): HistogramCounts {
  const all = counters.map((worker) => worker.readHistogram(name));
  return {
    buckets: Array.from({ length: edges.length + 1 }, (_unused, index) =>
      all.reduce((total, { buckets }) => total + (buckets[index] ?? 0), 0),
    ),
    sum: all.reduce((total, one) => total + one.sum, 0),
    count: all.reduce((total, one) => total + one.count, 0),
  };
}

/** prom-client renders whatever `get` gives; it has no public class for values that were counted elsewhere. */
function metric(name: string, help: string, type: 'counter' | 'gauge' | 'histogram', values: () => Sample[]): Metric {
  const rendered = {
    name,
    help,
    get: async () => ({ name, help, type, values: values(), aggregator: 'sum' }),
    reset: () => {},
  };
  return rendered as object as Metric;
}

interface LabelledCounts {
  readonly labels: Sample['labels'];
  readonly counts: HistogramCounts;
}

function histogram(name: string, { help, buckets: edges }: HistogramShape, read: () => LabelledCounts[]): Metric {
  return metric(name, help, 'histogram', () =>
    read().flatMap(({ labels, counts: { buckets, sum: total, count } }) => {
      let cumulative = 0;
      const samples: Sample[] = edges.map((le, index) => {
        cumulative += buckets[index] ?? 0;
        return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: cumulative };
      });
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
      samples.push({ metricName: `${name}_sum`, labels, value: total });
      samples.push({ metricName: `${name}_count`, labels, value: count });
      return samples;
    }),
  );
}
