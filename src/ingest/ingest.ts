/**
 * Events from whoever sends them - HTTP, WebSocket, NATS, MQTT, a bulk load - into the log: each in its member's partition,
 * batched with what else goes there, acknowledged once durable. One per process, so that one bound holds for all ways in.
 *
 * A call is stored as a whole or fails as a whole. Some events of a failed call may be in the log; the caller sends all of
 * it again, and what is already there is recognised by its id when it is scored.
 */
import { assert } from '../lib/assert.ts';
import { INGEST_QUEUE_BYTES_MAX, INGEST_QUEUE_EVENTS_MAX, PARTITIONS_MAX, PUBLISHES_IN_FLIGHT_MAX } from '../limits.ts';
import { type EventWriter, LogUnavailable } from '../log/log.ts';
import type { MemberEvent } from '../scoring/event.ts';
import { partitionOf } from '../wire/subjects.ts';
import { BATCH_POLICY, type BatchPolicy, type BatchReason } from './batch-policy.ts';
import { Batcher, type Call, PublishSlots, type ReplyTo } from './batcher.ts';

/** Where an event stands in the log, for good. */
export interface StoredEvent {
  readonly id: string;
  readonly partition: number;
  readonly sequence: number;
}

export interface IngestOptions {
  readonly writer: EventWriter;
  readonly partitions: number;
  readonly policy?: BatchPolicy;
  readonly publishesInFlightMax?: number;
  readonly queueEventsMax?: number;
  readonly queueBytesMax?: number;
  /** A batch is being published; for metrics. */
  readonly onBatch?: (reason: BatchReason, events: number, payloadBytes: number) => void;
}

export interface SubmitOptions {
  /**
   * Asks for outcomes: called for each message as it is made, with the places in this call of the events in it. Such events
   * share their messages with nobody, so a reply's outcomes are exactly those events, in that order.
   */
  readonly replyTo?: ReplyTo;
}

export class Ingest {
  readonly #writer: EventWriter;
  readonly #batchers: readonly Batcher[];
  readonly #queueEventsMax: number;
  readonly #queueBytesMax: number;
  /** Accepted and not yet acknowledged or given up. */
  #queueEvents = 0;
  #queueBytes = 0;
  #draining = false;
  #drained: (() => void)[] = [];

  constructor(options: IngestOptions) {
    const { writer, partitions, policy = BATCH_POLICY, onBatch = () => undefined } = options;
    assert(partitions >= 1 && partitions <= PARTITIONS_MAX, `${partitions} partitions`);
    this.#writer = writer;
    this.#queueEventsMax = options.queueEventsMax ?? INGEST_QUEUE_EVENTS_MAX;
    this.#queueBytesMax = options.queueBytesMax ?? INGEST_QUEUE_BYTES_MAX;
    const slots = new PublishSlots(options.publishesInFlightMax ?? PUBLISHES_IN_FLIGHT_MAX);
    const onDone = (events: number, bytes: number): void => this.#leaveQueue(events, bytes);
    this.#batchers = Array.from(
      { length: partitions },
      (_, partition) => new Batcher({ partition, writer, policy, slots, onBatch, onDone }),
    );
  }

  /** Events accepted and not yet acknowledged by the log. */
  get queueEvents(): number {
    return this.#queueEvents;
  }

  /** The same in bytes, as `estimateBytes` counts them. */
  get queueBytes(): number {
    return this.#queueBytes;
  }

  /**
   * Resolves with each event's place once all are durable. Events of one partition are stored in the order given, and after
   * those of earlier calls. Rejects with LogUnavailable when that is not known of all of them, and at once, with nothing
   * published, with LogUnavailable, IngestOverloaded or IngestStopping; whichever it is, the same call may be made again.
   */
  async submit(events: readonly MemberEvent[], { replyTo }: SubmitOptions = {}): Promise<readonly StoredEvent[]> {
    if (this.#draining) throw new IngestStopping('this process is stopping; send the events to another or again later');
    if (!this.#writer.isConnected()) throw new LogUnavailable('the log cannot be reached; nothing was stored');
    if (this.#queueEvents + events.length > this.#queueEventsMax || this.#queueBytes > this.#queueBytesMax) {
      throw new IngestOverloaded(`${this.#queueEvents} events are waiting to be stored; nothing was taken`);
    }
    if (events.length === 0) return [];
    return new Promise((resolve, reject) => {
      const call = new SubmitCall(events, replyTo, resolve, reject);
      this.#queueEvents += events.length;
      for (const [index, event] of events.entries()) {
        const batcher = this.#batchers[partitionOf(event.memberId, this.#batchers.length)] as Batcher;
        this.#queueBytes += batcher.add(event, call, index);
      }
    });
  }

  /** Takes nothing more and resolves once everything taken is stored or has failed, and every caller knows. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const batcher of this.#batchers) batcher.drain();
    if (this.#queueEvents > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #leaveQueue(events: number, bytes: number): void {
    this.#queueEvents -= events;
    this.#queueBytes -= bytes;
    if (this.#queueEvents > 0) return;
    for (const resolve of this.#drained) resolve();
    this.#drained = [];
  }
}

class SubmitCall implements Call {
  readonly replyTo: ReplyTo | undefined;
  readonly #events: readonly MemberEvent[];
  readonly #stored: StoredEvent[];
  readonly #resolve: (stored: readonly StoredEvent[]) => void;
  readonly #reject: (error: Error) => void;
  #left: number;
  #failed = false;

  constructor(
    events: readonly MemberEvent[],
    replyTo: ReplyTo | undefined,
    resolve: (stored: readonly StoredEvent[]) => void,
    reject: (error: Error) => void,
  ) {
    this.replyTo = replyTo;
    this.#events = events;
    this.#stored = new Array(events.length);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#left = events.length;
  }

  get failed(): boolean {
    return this.#failed;
  }

  eventStored(index: number, partition: number, sequence: number): void {
    const { id } = this.#events[index] as MemberEvent;
    this.#stored[index] = { id, partition, sequence };
    if (--this.#left === 0) this.#resolve(this.#stored);
  }

  fail(error: Error): void {
    this.#failed = true;
    this.#reject(error);
  }
}

/** More is waiting for the log than may: send again later. */
export class IngestOverloaded extends Error {
  override readonly name = 'IngestOverloaded';
}

/** The process is going down: send elsewhere, or again later. */
export class IngestStopping extends Error {
  override readonly name = 'IngestStopping';
}
