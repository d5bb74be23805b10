/** The figures of the whole engine, once a second on the stats subject, for dashboards that watch live. */

import { EVENT_TYPES, type ScalarName } from '../observe/counters.ts';
import { type EngineSource, sumPartitions } from '../observe/metrics.ts';
import { OUTCOMES, type OutcomeCode } from '../scoring/outcome.ts';
import type { EngineStats } from '../wire/stats.ts';

const INTERVAL_MS = 1_000;

/** Totals of the four member event types. */
interface Totals {
  readonly events: number;
  readonly rejected: number;
  readonly points: number;
  readonly tierChanges: number;
}

/** Calls `send` once a second until the returned function is called. */
export function publishStats(
  source: EngineSource,
  ready: () => boolean,
  send: (stats: EngineStats) => void,
): () => void {
  let before = totals(source);
  let beforeMs = performance.now();
  const timer = setInterval(() => {
    const now = totals(source);
    const nowMs = performance.now();
    const perSecond = (of: keyof Totals): number =>
      Math.max(0, Math.round(((now[of] - before[of]) / (nowMs - beforeMs)) * 1000));
    send({
      at: new Date().toISOString(),
      eventsTotal: now.events,
      eventsPerSecond: perSecond('events'),
      pointsPerSecond: perSecond('points'),
      tierChangesPerSecond: perSecond('tierChanges'),
      rejectedTotal: now.rejected,
      lagMessages: sumPartitions(source, (partition) => source.lag.messages(partition)),
      lagSeconds: maxLagSeconds(source),
      partitions: source.partitions,
      ready: ready(),
    });
    before = now;
    beforeMs = nowMs;
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

function totals({ counters }: EngineSource): Totals {
  let events = 0;
  let rejected = 0;
  for (const worker of counters) {
    for (const type of EVENT_TYPES) {
      if (type === 'tick' || type === 'program') continue;
      for (const code of Object.keys(OUTCOMES) as OutcomeCode[]) {
        const count = worker.readEvents(type, code);
        events += count;
        if (OUTCOMES[code].refused) rejected += count;
      }
    }
  }
  const scalar = (name: ScalarName): number => counters.reduce((sum, worker) => sum + worker.readScalar(name), 0);
  return {
    events,
    rejected,
    points: scalar('points_accrued_total'),
    tierChanges: scalar('tier_ups_total') + scalar('tier_downs_total'),
  };
}

function maxLagSeconds(source: EngineSource): number {
  let max = 0;
  for (let partition = 0; partition < source.partitions; partition++) {
    max = Math.max(max, source.lag.seconds(partition));
  }
  return max;
}
