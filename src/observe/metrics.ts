/**
 * Prometheus metrics of one engine. Workers count in shared memory; what they counted is read and given its names when a
 * scrape asks, so nothing here costs anything per event.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { OUTCOMES, type OutcomeCode } from '../scoring/outcome.ts';
import {
  EVENT_TYPES,
  HISTOGRAMS,
  type HistogramCounts,
  type HistogramName,
  type HistogramShape,
  LATENCY_BUCKETS,
  type PartitionCell,
  SCALARS,
  type ScalarName,
  type WorkerCounters,
} from './counters.ts';

const GAUGES: ReadonlySet<ScalarName> = new Set(['leases']);
const OUTCOME_CODES = Object.keys(OUTCOMES) as OutcomeCode[];

export interface EngineSource {
  readonly counters: readonly WorkerCounters[];
  readonly partitions: number;
  readonly restarts: number;
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
  readonly socketsClosed: Counter<'reason'>;
  readonly socketsOpen: Gauge;
  readonly pushSeconds: Histogram;
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
    add(name, SCALARS[name], GAUGES.has(name) ? 'gauge' : 'counter', () => [
      { value: sum(source.counters, (counters) => counters.readScalar(name)), labels: {} },
    ]);
  }
  for (const name of Object.keys(HISTOGRAMS) as HistogramName[]) {
    registry.registerMetric(
      histogram(`tidemark_${name}`, HISTOGRAMS[name], () => mergeHistograms(source.counters, name)),
    );
  }
  const perPartition = (
    name: string,
    help: string,
    read: (counters: WorkerCounters, partition: number) => number,
  ): void =>
    add(name, help, 'gauge', () =>
      Array.from({ length: source.partitions }, (_unused, partition) => ({
        value: read(source.ownerOf(partition), partition),
        labels: { partition: `${partition}` },
      })),
    );
  const cell = (name: PartitionCell) => (counters: WorkerCounters, partition: number) =>
    counters.readPartition(partition, name);
  perPartition('lag_messages', 'Messages of a partition not yet scored.', cell('pending'));
  perPartition('lag_seconds', 'Age of the last message scored while more wait; 0 when none do.', lagSeconds);
  perPartition('position_sequence', 'Last stream sequence scored.', cell('sequence'));
  perPartition(
    'partition_caught_up',
    '1 once a partition has scored what was there when it started.',
    cell('caughtUp'),
  );
  const total = (name: string, help: string, type: 'counter' | 'gauge', of: PartitionCell): void =>
    add(name, help, type, () => [{ value: sumPartitions(source, of), labels: {} }]);
  total('dirty_members', 'Members changed since they were last stored.', 'gauge', 'dirtyMembers');
  total('cache_hits_total', 'Members found in memory.', 'counter', 'cacheHits');
  total('cache_misses_total', 'Members read from the store, or new.', 'counter', 'cacheMisses');
  total('effects_suppressed_total', 'Effects not published again after a restart.', 'counter', 'effectsSuppressed');
  add('worker_restarts_total', 'Workers started again after a failure.', 'counter', () => [
    { value: source.restarts, labels: {} },
  ]);

  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name: `tidemark_${name}`, help, labelNames, registers: [registry] });
  const histogramOf = <L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> =>
    new Histogram({ name: `tidemark_${name}`, help, labelNames, buckets: LATENCY_BUCKETS, registers: [registry] });
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
    pushSeconds: histogramOf(
      'publish_to_push_seconds',
      'From the log receiving a message to its update being handed to sockets.',
      [],
    ),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

/** Seconds a partition is behind; 0 when it has scored all it knows of. */
export function lagSeconds(counters: WorkerCounters, partition: number): number {
  const since = counters.readPartition(partition, 'behindSinceMs');
  return since === 0 ? 0 : Math.max(0, (Date.now() - since) / 1000);
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

export function sumPartitions(source: EngineSource, cell: PartitionCell): number {
  let total = 0;
  for (let partition = 0; partition < source.partitions; partition++) {
    total += source.ownerOf(partition).readPartition(partition, cell);
  }
  return total;
}

function mergeHistograms(counters: readonly WorkerCounters[], name: HistogramName): HistogramCounts {
  const all = counters.map((worker) => worker.readHistogram(name));
  return {
    buckets: Array.from({ length: HISTOGRAMS[name].buckets.length + 1 }, (_unused, index) =>
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

function histogram(name: string, shape: HistogramShape, read: () => HistogramCounts): Metric {
  return metric(name, shape.help, 'histogram', () => {
    const { buckets, sum: total, count } = read();
    let cumulative = 0;
    const samples: Sample[] = shape.buckets.map((le, index) => {
      cumulative += buckets[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le }, value: cumulative };
    });
    samples.push({ metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count });
    samples.push({ metricName: `${name}_sum`, labels: {}, value: total });
    samples.push({ metricName: `${name}_count`, labels: {}, value: count });
    return samples;
  });
}
