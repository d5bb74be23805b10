/** The two topics that are about everybody: figures once a second, and a sample of what is being scored. JSON. */
import type { MemberEvent } from '../scoring/event.ts';

/** On `<prefix>.stats`, once a second. Totals count since the engine started. */
export interface EngineStats {
  readonly at: string;
  readonly eventsTotal: number;
  readonly eventsPerSecond: number;
  readonly pointsPerSecond: number;
  readonly tierChangesPerSecond: number;
  readonly rejectedTotal: number;
  /** Messages behind the log, all partitions. */
  readonly lagMessages: number;
  /** Age of the oldest message not yet scored, all partitions. */
  readonly lagSeconds: number;
  readonly partitions: number;
  readonly ready: boolean;
}

/** On `<prefix>.feed`, sampled. */
export interface FeedItem {
  readonly at: string;
  readonly memberId: string;
  readonly type: MemberEvent['type'];
  readonly store: string;
  /** Minor units. */
  readonly amount: number;
  readonly points: number;
  readonly level: string | null;
  /** Level reached or lost with this event; absent when it stayed. */
  readonly tierChange?: { readonly from: string | null; readonly to: string | null };
}
