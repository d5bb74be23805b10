/**
 * Names on the broker. Partition count and hash decide where every member's history lives: neither may change for the life
 * of a stream, and `partitionOf` must stay what NATS's own `{{partition(P,1)}}` computes.
 */
import { fnv1a32 } from '../lib/hash.ts';

export const PREFIX_PATTERN = /^[a-z][a-z0-9_-]{0,31}$/;

export function partitionOf(memberId: string, partitions: number): number {
  return fnv1a32(memberId) % partitions;
}

export interface Names {
  readonly prefix: string;
  readonly eventsStream: string;
  readonly effectsStream: string;
  /** KV bucket with the topology and the latest program. */
  readonly controlBucket: string;
  readonly allEvents: string;
  readonly allEffects: string;
  events(partition: number): string;
  effects(partition: number): string;
  /** Requests to whoever owns the partition. */
  query(partition: number): string;
  /** Updates of one watched member. */
  live(partition: number, memberId: string): string;
  /** Scored outcomes for one gateway; `ticket` tells its batches apart. */
  scored(gatewayId: string, ticket: string): string;
  /** A worker says that it owns a partition from now on. */
  readonly owners: string;
  /** Figures of the whole engine, once a second. */
  readonly stats: string;
  /** A sample of scored events; sent only while some gateway asks for it on `feedInterest`. */
  readonly feed: string;
  readonly feedInterest: string;
}

export function namesOf(prefix: string): Names {
  const stream = prefix.toUpperCase();
  return {
    prefix,
    eventsStream: `${stream}_EVENTS`,
    effectsStream: `${stream}_EFFECTS`,
    controlBucket: `${prefix}-control`,
    allEvents: `${prefix}.events.*`,
    allEffects: `${prefix}.effects.*`,
    events: (partition) => `${prefix}.events.${partition}`,
    effects: (partition) => `${prefix}.effects.${partition}`,
    query: (partition) => `${prefix}.query.${partition}`,
    live: (partition, memberId) => `${prefix}.live.${partition}.${subjectToken(memberId)}`,
    scored: (gatewayId, ticket) => `${prefix}.scored.${gatewayId}.${ticket}`,
    owners: `${prefix}.owners`,
    stats: `${prefix}.stats`,
    feed: `${prefix}.feed`,
    feedInterest: `${prefix}.feed-interest`,
  };
}

/** Any text as one subject token: what NATS gives a meaning (dots, wildcards, spaces) is percent-encoded. */
export function subjectToken(text: string): string {
  return encodeURIComponent(text).replace(/[.*!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
