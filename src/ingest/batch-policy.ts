/**
 * When a batch is sent, and why: the reason is a metric label. After Nagle: an event that finds nothing of its partition on
 * the way goes at the end of the event-loop turn, together with what else arrived in it; while something is on the way,
 * events gather until their batch is full, the publish before them is acknowledged, or they have waited long enough.
 */
import { BATCH_BYTES_MAX, BATCH_DELAY_MS, BATCH_EVENTS_MAX, PUBLISHES_IN_FLIGHT_PER_PARTITION_MAX } from '../limits.ts';

export interface BatchPolicy {
  readonly eventsMax: number;
  /** As `estimateBytes` counts them; one event alone may be larger. */
  readonly bytesMax: number;
  /** How long an event waits for company while others of its partition are on the way. */
  readonly delayMs: number;
  /** Publishes of one partition not yet acknowledged. */
  readonly inFlightMax: number;
}

export const BATCH_POLICY: BatchPolicy = {
  eventsMax: BATCH_EVENTS_MAX,
  bytesMax: BATCH_BYTES_MAX,
  delayMs: BATCH_DELAY_MS,
  inFlightMax: PUBLISHES_IN_FLIGHT_PER_PARTITION_MAX,
};

/**
 * `count`, `bytes`: full. `drain`: the process stops. `idle`: nothing of the partition was on the way, so there was no
 * reason to wait. `alone`: its caller waits for scores, so nobody else's events may join it. `delay`: waited long enough.
 */
export type BatchReason = 'count' | 'bytes' | 'drain' | 'idle' | 'alone' | 'delay';

export type FullReason = Extract<BatchReason, 'count' | 'bytes'>;

/** Why the batch can take no more; undefined while it can. */
export function whyFull(policy: BatchPolicy, events: number, bytes: number): FullReason | undefined {
  if (events >= policy.eventsMax) return 'count';
  return bytes >= policy.bytesMax ? 'bytes' : undefined;
}

export interface Readiness {
  readonly full: FullReason | undefined;
  readonly draining: boolean;
  /** Publishes of the partition not yet acknowledged. */
  readonly inFlight: number;
  readonly alone: boolean;
  /** Its delay is over. */
  readonly waited: boolean;
}

/** Why the batch goes now; undefined while it should wait. */
export function whySend({ full, draining, inFlight, alone, waited }: Readiness): BatchReason | undefined {
  if (full !== undefined) return full;
  if (draining) return 'drain';
  if (inFlight === 0) return 'idle';
  if (alone) return 'alone';
  return waited ? 'delay' : undefined;
}
