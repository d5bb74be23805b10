/** How the thread that scores is doing: how late its event loop is, and how long garbage collection stops it. */
import {
  constants,
  monitorEventLoopDelay,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import type { HistogramName, WorkerCounters } from './counters.ts';

const RESOLUTION_MS = 10;
const READ_INTERVAL_MS = 1_000;
const NS_PER_MS = 1e6;

const GC_KINDS: Readonly<Record<number, HistogramName>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'gc_minor_seconds',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'gc_major_seconds',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'gc_incremental_seconds',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'gc_weakcb_seconds',
};

interface GcEntry extends PerformanceEntry {
  readonly detail?: NodeGCPerformanceDetail;
}

/** Counts the thread it is called in until the returned function is called. */
export function watchThread(counters: WorkerCounters): () => void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const timer = setInterval(() => {
    // Read one by one, because a share of the number of samples is what the histogram tells exactly.
    const samples = delays.count;
    for (let rank = 1; rank <= samples; rank++) {
      const intervalMs = delays.percentile((100 * rank) / samples) / NS_PER_MS;
      counters.observe('event_loop_delay_seconds', Math.max(0, intervalMs - RESOLUTION_MS) / 1000);
    }
    delays.reset();
  }, READ_INTERVAL_MS);
  const collections = new PerformanceObserver((list) => {
    // The typings do not know that entries of this type say which kind of collection it was.
    for (const { duration, detail } of list.getEntries() as GcEntry[]) {
      const name = GC_KINDS[detail?.kind ?? 0];
      if (name !== undefined) counters.observe(name, duration / 1000);
    }
  });
  collections.observe({ entryTypes: ['gc'] });
  return () => {
    clearInterval(timer);
    delays.disable();
    collections.disconnect();
  };
}
