/**
 * One partition's events on their way into the log: gathered into batches in the order they came, published in that order,
 * and told their sequence. `batch-policy.ts` says when a batch goes.
 *
 * Several publishes of a partition may be on the way at once; the connection keeps their order. Should one be lost, those
 * behind it may still be stored, and the resend of the lost one comes after them: only a failed call can be out of order,
 * and what of it had not been sent yet is not sent any more.
 */
import { assert, toError } from '../lib/assert.ts';
import { MESSAGE_OVERHEAD_BYTES_MAX, NATS_PAYLOAD_BYTES_MAX } from '../limits.ts';
import type { EventWriter } from '../log/log.ts';
import type { MemberEvent } from '../scoring/event.ts';
import { encodeBatch, estimateBytes } from '../wire/batch.ts';
import { type BatchPolicy, type BatchReason, type FullReason, whyFull, whySend } from './batch-policy.ts';

/** One call of `Ingest.submit` as its events see it. */
export interface Call {
  readonly replyTo: ReplyTo | undefined;
  /** Already told its caller to send everything again. */
  readonly failed: boolean;
  eventStored(index: number, partition: number, sequence: number): void;
  fail(error: Error): void;
}

/** Called once for each message as it is made: the subject for its outcomes, which come in the order of `eventIndexes`. */
export type ReplyTo = (partition: number, eventIndexes: readonly number[]) => string;

export interface BatcherOptions {
  readonly partition: number;
  readonly writer: EventWriter;
  readonly policy: BatchPolicy;
  readonly slots: PublishSlots;
  readonly onBatch: (reason: BatchReason, events: number, payloadBytes: number) => void;
  /** These many events and estimated bytes are no longer the batcher's: stored or given up. */
  readonly onDone: (events: number, bytes: number) => void;
}

interface Entry {
  readonly event: MemberEvent;
  /** As `estimateBytes` counts them. */
  readonly bytes: number;
  readonly call: Call;
  /** The event's place in its call. */
  readonly index: number;
}

interface Draft {
  entries: Entry[];
  bytes: number;
  /** Set: it takes no more. */
  full: FullReason | undefined;
  /** The only call whose events may be in it, if that call waits for scores. */
  readonly only: Call | undefined;
  next: Draft | undefined;
}

export class Batcher {
  readonly #options: BatcherOptions;
  /** Oldest first; all but the last are closed to further events. Bounded by what Ingest admits. */
  #head: Draft | undefined;
  #tail: Draft | undefined;
  #inFlight = 0;
  #turn: NodeJS.Immediate | undefined;
  #delay: NodeJS.Timeout | undefined;
  /** The head's delay is over. */
  #waited = false;
  #draining = false;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Takes an event; returns its estimated bytes. Sends nothing before the end of this event-loop turn. */
  add(event: MemberEvent, call: Call, index: number): number {
    const { policy } = this.#options;
    const bytes = estimateBytes(event);
    let draft = this.#openDraft(call);
    if (draft.entries.length > 0 && draft.bytes + bytes > policy.bytesMax) {
      draft.full = 'bytes';
      draft = this.#openDraft(call);
    }
    draft.entries.push({ event, bytes, call, index });
    draft.bytes += bytes;
    draft.full = whyFull(policy, draft.entries.length, draft.bytes);
    this.#turn ??= setImmediate(this.#turnOver);
    return bytes;
  }

  /** From now on nothing waits for company. */
  drain(): void {
    this.#draining = true;
    this.#send();
  }

  #openDraft(call: Call): Draft {
    const only = call.replyTo === undefined ? undefined : call;
    const last = this.#tail;
    if (last !== undefined && last.full === undefined && last.only === only) return last;
    const draft: Draft = { entries: [], bytes: 0, full: undefined, only, next: undefined };
    if (last === undefined) this.#head = draft;
    else last.next = draft;
    this.#tail = draft;
    return draft;
  }

  readonly #turnOver = (): void => {
    this.#turn = undefined;
    this.#send();
  };

  readonly #delayOver = (): void => {
    this.#delay = undefined;
    this.#waited = true;
    this.#send();
  };

  /** Publishes what is ready. Whatever ends early here is called again: by an acknowledgement, the delay, or a free slot. */
  readonly #send = (): void => {
    const { policy, slots, onBatch } = this.#options;
    for (let draft = this.#head; draft !== undefined; draft = this.#head) {
      this.#dropFailed(draft);
      if (draft.entries.length === 0) {
        this.#removeHead(draft);
        continue;
      }
      const reason = whySend({
        full: draft.full,
        draining: this.#draining,
        inFlight: this.#inFlight,
        // What came after it could not join it, so neither can anything else.
        alone: draft.only !== undefined || draft.next !== undefined,
        waited: this.#waited,
      });
      if (reason === undefined) {
        this.#delay ??= setTimeout(this.#delayOver, policy.delayMs);
        return;
      }
      if (this.#inFlight >= policy.inFlightMax || !slots.isFree(this.#send)) return;
      const payload = this.#encode(draft);
      if (payload === undefined) {
        this.#split(draft);
        continue;
      }
      this.#removeHead(draft);
      onBatch(reason, draft.entries.length, payload.length);
      void this.#publish(draft, payload);
    }
  };

  async #publish(draft: Draft, payload: Uint8Array): Promise<void> {
    const { partition, writer, slots } = this.#options;
    this.#inFlight++;
    slots.take();
    try {
      const sequence = await writer.publish(partition, payload);
      for (const { call, index } of draft.entries) call.eventStored(index, partition, sequence);
    } catch (thrown) {
      const error = toError(thrown);
      for (const { call } of draft.entries) call.fail(error);
    }
    this.#inFlight--;
    this.#options.onDone(draft.entries.length, draft.bytes);
    slots.release();
    this.#send();
  }

  /** The message, or undefined if it would not fit. */
  #encode({ entries, only }: Draft): Uint8Array | undefined {
    const events = entries.map(({ event }) => event);
    if (only?.replyTo === undefined) {
      const payload = encodeBatch(events);
      return fits(payload) ? payload : undefined;
    }
    // A subject stands for one message, so it is not asked for before it is sure that this will be one.
    if (events.length > 1 && !fits(encodeBatch(events))) return undefined;
    const indexes = entries.map(({ index }) => index);
    return encodeBatch(events, only.replyTo(this.#options.partition, indexes));
  }

  /** Estimates are rough, and the bounds are an operator's: a batch can be larger than a message may be. */
  #split(draft: Draft): void {
    assert(draft.entries.length > 1, 'one event alone fits a message');
    const entries = draft.entries.splice(Math.ceil(draft.entries.length / 2));
    const bytes = bytesOf(entries);
    draft.bytes -= bytes;
    const rest: Draft = { entries, bytes, full: 'bytes', only: draft.only, next: draft.next };
    draft.full = 'bytes';
    draft.next = rest;
    if (this.#tail === draft) this.#tail = rest;
  }

  #dropFailed(draft: Draft): void {
    if (!draft.entries.some(({ call }) => call.failed)) return;
    const dropped = draft.entries.filter(({ call }) => call.failed);
    const bytes = bytesOf(dropped);
    draft.entries = draft.entries.filter(({ call }) => !call.failed);
    draft.bytes -= bytes;
    this.#options.onDone(dropped.length, bytes);
  }

  #removeHead(draft: Draft): void {
    this.#head = draft.next;
    if (this.#head === undefined) this.#tail = undefined;
    clearTimeout(this.#delay);
    this.#delay = undefined;
    this.#waited = false;
  }
}

function fits(payload: Uint8Array): boolean {
  return payload.length <= NATS_PAYLOAD_BYTES_MAX - MESSAGE_OVERHEAD_BYTES_MAX;
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The publishes on the way of all partitions together. Who found none free is called in the order of asking. */
export class PublishSlots {
  #free: number;
  /** At most one entry a partition. */
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#free = max;
  }

  /** If not, `retry` is called once there may be one. */
  isFree(retry: () => void): boolean {
    if (this.#free > 0) return true;
    this.#waiting.add(retry);
    return false;
  }

  take(): void {
    assert(this.#free > 0, 'a slot is taken only when one is free');
    this.#free--;
  }

  release(): void {
    this.#free++;
    for (const retry of this.#waiting) {
      if (this.#free === 0) return;
      this.#waiting.delete(retry);
      retry();
    }
  }
}
