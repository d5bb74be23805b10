/** One partition over a log and a disk in memory, with a clock that a test sets. */

import type { LogMessage } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { Audience, Feed } from '../../src/partition/audience.ts';
import { Partition, type PartitionOptions } from '../../src/partition/partition.ts';
import type { Adjustment, LogEvent, Purchase } from '../../src/scoring/event.ts';
import { createMemoryDisk, type MemoryDisk, type MemoryFaults, openMemoryStore } from '../../src/store/memory-store.ts';
import type { PartitionStore } from '../../src/store/store.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { decodeEffects, type Effect, type EffectsMessage } from '../../src/wire/effects.ts';
import { decodeLive, type LiveUpdate } from '../../src/wire/live.ts';
import { decodeScored, type ScoredReply } from '../../src/wire/query.ts';
import type { FeedItem } from '../../src/wire/stats.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';

export const DAY_MS = 86_400_000;
export const START_MS = Date.UTC(2026, 0, 10, 12);
export const EPOCH = 'memory@1';
export const NAMES = namesOf('test');

/** A point a dollar; silver from 10 dollars within a week, gold from 20. */
export function programEvent(version = 1, options: Readonly<Record<string, unknown>> = {}): LogEvent {
  const document = JSON.stringify({
    program: 'test',
    version,
    timezone: 'UTC',
    currency: 'USD',
    earn: { id: 'spend', points: 1, per: 1 },
    tiers: {
      id: 'main',
      window: { days: 7 },
      levels: [
        { id: 'silver', from: 10 },
        { id: 'gold', from: 20 },
      ],
    },
    ...options,
  });
  return { type: 'program', document };
}

let numbers = 0;

/** `dollars` spent, when the log receives it. */
export function purchase(memberId: string, dollars: number, more: Partial<Purchase> = {}): Purchase {
  numbers += 1;
  return purchaseEvent({ id: `p${numbers}`, memberId, store: 's1', amount: dollars * 100, ...more });
}

export function adjustment(memberId: string, points: number): Adjustment {
  numbers += 1;
  return adjustmentEvent({ id: `a${numbers}`, memberId, points });
}

export interface DeskOptions {
  readonly log?: MemoryLog;
  readonly disk?: MemoryDisk;
  readonly faults?: MemoryFaults;
  readonly options?: Partial<PartitionOptions>;
}

/** What a worker has of one partition. */
export class Desk {
  readonly clock: { nowMs: number };
  readonly log: MemoryLog;
  readonly disk: MemoryDisk;
  readonly store: PartitionStore;
  readonly audience: Audience;
  readonly counters: WorkerCounters;
  readonly feed: Feed;
  readonly partition: Partition;
  readonly sent: { readonly subject: string; readonly payload: Uint8Array }[];
  readonly fed: FeedItem[];

  private constructor(parts: Omit<Desk, 'write' | 'writeBytes' | 'read' | 'score' | 'replies' | 'updates'>) {
    this.clock = parts.clock;
    this.log = parts.log;
    this.disk = parts.disk;
    this.store = parts.store;
    this.audience = parts.audience;
    this.counters = parts.counters;
    this.feed = parts.feed;
    this.partition = parts.partition;
    this.sent = parts.sent;
    this.fed = parts.fed;
  }

  static async open(given: DeskOptions & { readonly clock?: { nowMs: number } } = {}): Promise<Desk> {
    const clock = given.clock ?? { nowMs: START_MS };
    const nowMs = (): number => clock.nowMs;
    const log = given.log ?? new MemoryLog(nowMs);
    const disk = given.disk ?? createMemoryDisk();
    const store = openMemoryStore(disk, given.faults);
    const sent: { subject: string; payload: Uint8Array }[] = [];
    const fed: FeedItem[] = [];
    const counters = new WorkerCounters(allocateCounters(1));
    const feed = new Feed((item) => fed.push(item), nowMs);
    const send = (subject: string, payload: Uint8Array): void => void sent.push({ subject, payload });
    const audience = new Audience({ partition: 0, epoch: EPOCH, names: NAMES, send, counters, feed, nowMs });
    const partition = await Partition.open({
      partition: 0,
      partitions: 1,
      epoch: EPOCH,
      store,
      effects: log.effects,
      pause: async () => {},
      counters,
      cacheMembers: 100,
      fullLedger: false,
      listener: audience,
      ...given.options,
    });
    audience.attach(partition);
    return new Desk({ clock, log, disk, store, audience, counters, feed, partition, sent, fed });
  }

  /** One message of events; its sequence. */
  write(events: readonly LogEvent[], replyTo = ''): Promise<number> {
    return this.writeBytes(encodeBatch(events, replyTo));
  }

  writeBytes(payload: Uint8Array): Promise<number> {
    return this.log.events.publish(0, payload);
  }

  /** What the log has after the position. */
  async read(): Promise<LogMessage[]> {
    const messages: LogMessage[] = [];
    const last = await this.log.reader.lastOf(0);
    for (let sequence = this.partition.sequence + 1; sequence <= (last?.sequence ?? 0); sequence++) {
      const message = await this.log.reader.messageAt(sequence);
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  /** Writes the events as one message and scores everything up to it. */
  async score(events: readonly LogEvent[] = [], replyTo = ''): Promise<void> {
    if (events.length > 0) await this.write(events, replyTo);
    for (const message of await this.read()) this.partition.apply(message);
  }

  replies(subject: string): ScoredReply[] {
    return this.sent.filter((sent) => sent.subject === subject).map(({ payload }) => decodeScored(payload));
  }

  updates(memberId: string): LiveUpdate[] {
    return this.sent
      .filter(({ subject }) => subject === NAMES.live(0, memberId))
      .map(({ payload }) => decodeLive(payload));
  }
}

/** Of the only wallet; undefined for a member that the partition does not know. */
export function balanceOf({ partition }: Desk, memberId: string): number | undefined {
  return partition.members.get(memberId)?.member.wallets[0]?.balance;
}

/** What is on the effects subject, message by message. */
export async function effectsMessages(log: MemoryLog): Promise<EffectsMessage[]> {
  const messages: EffectsMessage[] = [];
  const { lastSequence } = await log.effectsReader.state();
  for (let sequence = 1; sequence <= lastSequence; sequence++) {
    const message = await log.effectsReader.messageAt(sequence);
    if (message !== undefined) messages.push(decodeEffects(message.payload));
  }
  return messages;
}

export async function effectsOf(log: MemoryLog): Promise<Effect[]> {
  return (await effectsMessages(log)).flatMap(({ effects }) => effects);
}

/** A promise and its end. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Everything that can happen by itself has happened. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
