/**
 * Publishing with JetStream's acknowledgement. The client's own `js.publish` makes a request object, a timer and a decoded
 * JSON reply for every message; here a publish is one entry in a map, replies come over one wildcard inbox, and one slow
 * timer looks for those that never came.
 */
import { createInbox, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { assert, toError } from '../lib/assert.ts';
import { NATS_PAYLOAD_BYTES_MAX, PUBLISH_TIMEOUT_MS } from '../limits.ts';
import type { Link, LinkListener } from './link.ts';
import { LogUnavailable } from './log.ts';

/** Timeouts are late by up to this. */
const SWEEP_INTERVAL_MS = 250;

/** JetStream stored nothing and says why. */
export class PublishRefused extends LogUnavailable {
  /** JetStream's own number of the reason. */
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`JetStream refused the message: ${reason}`);
    this.code = code;
  }
}

interface Waiting {
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
  readonly deadlineMs: number;
}

export class AckedPublisher {
  readonly #link: Link;
  readonly #stream: string;
  readonly #replyPrefix: string;
  /** `{"stream":"NAME","seq":`, as which every good acknowledgement begins. */
  readonly #ackStart: Uint8Array;
  /** By ticket, oldest first: all wait equally long, so the first is the next to time out. */
  readonly #waiting = new Map<number, Waiting>();
  #nextTicket = 1;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(link: Link, stream: string) {
    this.#link = link;
    this.#stream = stream;
    this.#ackStart = new TextEncoder().encode(`{"stream":${JSON.stringify(stream)},"seq":`);
    const inbox = createInbox();
    this.#replyPrefix = `${inbox}.`;
    link.nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#onReply(message);
        else this.#rejectAll(`replies cannot be received: ${error.message}`);
      },
    });
    const listener: LinkListener = {
      down: () => this.#rejectAll('the connection was lost before the acknowledgement'),
    };
    link.listen(listener);
  }

  /** Resolves with the sequence. Rejects with PublishRefused or LogUnavailable. */
  publish(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<number> {
    return new Promise((resolve, reject) => {
      // No retry would make it smaller, so this is not the log's fault.
      assert(payload.length <= NATS_PAYLOAD_BYTES_MAX, () => `a message of ${payload.length} bytes for ${subject}`);
      // The client would keep the message and send it after reconnecting, long after we have said that it failed.
      if (!this.#link.isUp()) {
        reject(new LogUnavailable('NATS is not connected'));
        return;
      }
      const ticket = this.#nextTicket++;
      const reply = this.#replyPrefix + ticket;
      try {
        this.#link.nc.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      } catch (error) {
        reject(new LogUnavailable(`the message could not be sent: ${toError(error).message}`, { cause: error }));
        return;
      }
      this.#waiting.set(ticket, { resolve, reject, deadlineMs: performance.now() + PUBLISH_TIMEOUT_MS });
      this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    });
  }

  #onReply(message: Msg): void {
    const ticket = Number(message.subject.slice(this.#replyPrefix.length));
    const waiting = this.#waiting.get(ticket);
    // Absent: it has timed out or the connection was lost meanwhile; the caller was told so.
    if (waiting === undefined) return;
    this.#waiting.delete(ticket);
    const sequence = this.#sequenceOf(message.data);
    if (sequence > 0) waiting.resolve(sequence);
    else this.#settleSlowly(waiting, message);
  }

  /** Refusals, and acknowledgements written in another order than today's servers write them. */
  #settleSlowly({ resolve, reject }: Waiting, message: Msg): void {
    // An empty reply with a status comes from the server itself: nothing listens on the subject.
    if (message.data.length === 0) {
      reject(new LogUnavailable(`no stream takes the message (status ${message.headers?.code})`));
      return;
    }
    const { stream, seq, error } = ackOf(message);
    if (error !== undefined) reject(new PublishRefused(error.err_code ?? 0, error.description ?? 'no reason given'));
    else if (stream === this.#stream && seq !== undefined && seq > 0) resolve(seq);
    else reject(new LogUnavailable(`unexpected acknowledgement: ${message.string().slice(0, 200)}`));
  }

  /** The sequence in a good acknowledgement; 0 for anything else. */
  #sequenceOf(data: Uint8Array): number {
    const start = this.#ackStart;
    for (let index = 0; index < start.length; index++) if (data[index] !== start[index]) return 0;
    let sequence = 0;
    for (let index = start.length; index < data.length; index++) {
      const digit = (data[index] as number) - 48;
      if (digit < 0 || digit > 9) break;
      sequence = sequence * 10 + digit;
    }
    return sequence;
  }

  #sweep(): void {
    const now = performance.now();
    for (const [ticket, waiting] of this.#waiting) {
      if (waiting.deadlineMs > now) break;
      this.#waiting.delete(ticket);
      waiting.reject(new LogUnavailable(`no acknowledgement within ${PUBLISH_TIMEOUT_MS} ms`));
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  #rejectAll(reason: string): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(new LogUnavailable(reason));
  }
}

interface Ack {
  readonly stream?: string;
  readonly seq?: number;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

function ackOf(message: Msg): Ack {
  try {
    return message.json<Ack>();
  } catch {
    return {};
  }
}
