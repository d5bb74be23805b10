/**
 * One partition as it arrives: an ephemeral consumer without acknowledgements that lives in the server's memory, and one pull
 * request at a time.
 *
 * Such a consumer is cheap and may vanish at any moment (a restarted server, a lost connection, somebody's clean-up). That is
 * no loss, because the position is ours: whenever anything looks wrong, the consumer is dropped and a new one starts after
 * the last message we accepted. A message is accepted only as the very next one its consumer sent, so nothing is skipped and
 * nothing comes twice. Before a new consumer is believed, the stream must prove to be the one we were reading.
 *
 * One loop (`messages`) does everything that takes time; the callbacks only store messages, drop the consumer, and wake it.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { createInbox, type Msg, nanos, nuid, type Subscription } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { READ_BYTES_MAX, READ_MESSAGES_MAX } from '../limits.ts';
import { deliveryOf, storedMessage } from './jetstream-message.ts';
import type { Link, LinkListener } from './link.ts';
import { LogDiverged, type LogMessage, type LogState } from './log.ts';

/** The server speaks at least this often while a pull is open. */
export const HEARTBEAT_MS = 2_000;
/** Ticks without a word after which the consumer counts as gone. Ticks, not time: a busy thread must not suspect the server. */
const QUIET_TICKS_MAX = 3;
/** A pull that found nothing is asked again after this. */
const PULL_EXPIRES_MS = 30_000;
/** The server forgets a consumer nobody has pulled from for this long. */
const CONSUMER_IDLE_MS = 30_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;
/** How long a stream may be missing or shorter than what we have read before we believe it; a new leader needs a moment. */
const DIVERGED_AFTER_MS = 3_000;

const PULL = JSON.stringify({
  batch: READ_MESSAGES_MAX,
  max_bytes: READ_BYTES_MAX,
  expires: nanos(PULL_EXPIRES_MS),
  idle_heartbeat: nanos(HEARTBEAT_MS),
});
/** For a message that alone is larger than a whole pull may be. */
const PULL_ONE = JSON.stringify({ batch: 1, expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) });

interface Consumer {
  readonly name: string;
  /** Statuses of pull n come to `<inbox>.<n>`. */
  readonly inbox: string;
  readonly subscription: Subscription;
  /** Of the last message accepted. */
  deliverySequence: number;
  /** Number of the newest pull. */
  pull: number;
  /** Messages the newest pull may still bring; 0 when it is over. */
  open: number;
  /** Bytes it may still bring, as the server counts them. A pull filled to the last byte ends without a status. */
  openBytes: number;
  /** Messages the newest pull has brought. */
  received: number;
  quietTicks: number;
}

export class PartitionFeed {
  readonly #link: Link;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #subject: string;
  readonly #checkStream: () => Promise<LogState>;
  readonly #report: (trouble: string) => void;
  readonly #listener: LinkListener = { down: () => this.#drop(), up: () => this.#drop() };
  /** Sequence of the last message accepted. */
  #last: number;
  /** Log time of that message, to know it again; undefined until one was seen. */
  #lastTimestampMs: number | undefined;
  #arrived: LogMessage[] = [];
  #consumer: Consumer | undefined;
  #opening = false;
  #ended = false;
  /** The next pull asks for one message without a limit on its bytes. */
  #pullOne = false;
  /** Attempts since a consumer was last heard of: makes further ones slower. */
  #fruitless = 0;
  #doubtSinceMs: number | undefined;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  /** `checkStream` rejects with LogDiverged if the stream is another than before. */
  constructor(
    link: Link,
    manager: JetStreamManager,
    stream: string,
    subject: string,
    afterSequence: number,
    checkStream: () => Promise<LogState>,
    report: (trouble: string) => void,
  ) {
    this.#link = link;
    this.#manager = manager;
    this.#stream = stream;
    this.#subject = subject;
    this.#last = afterSequence;
    this.#checkStream = checkStream;
    this.#report = report;
  }

  async *messages(stop: AbortSignal): AsyncGenerator<readonly LogMessage[]> {
    const onAbort = () => this.#wake();
    // One signal stops all partitions of a thread; Node would take so many listeners for a leak.
    setMaxListeners(0, stop);
    stop.addEventListener('abort', onAbort);
    this.#link.listen(this.#listener);
    try {
      while (!stop.aborted) {
        if (this.#arrived.length > 0) {
          const messages = this.#arrived;
          this.#arrived = [];
          yield messages;
          continue;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#consumer !== undefined) this.#pull(this.#consumer);
        else if (!this.#opening && this.#link.isUp()) void this.#open();
        await this.#change();
      }
    } finally {
      this.#ended = true;
      stop.removeEventListener('abort', onAbort);
      this.#link.unlisten(this.#listener);
      this.#drop();
    }
  }

  /** Called every HEARTBEAT_MS. */
  tick(): void {
    const consumer = this.#consumer;
    if (consumer === undefined || consumer.open === 0) return;
    consumer.quietTicks += 1;
    if (consumer.quietTicks > QUIET_TICKS_MAX) this.#drop();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pull(consumer: Consumer): void {
    if (consumer.open > 0) return;
    consumer.pull += 1;
    consumer.open = this.#pullOne ? 1 : READ_MESSAGES_MAX;
    consumer.openBytes = this.#pullOne ? Infinity : READ_BYTES_MAX;
    consumer.received = 0;
    consumer.quietTicks = 0;
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#stream}.${consumer.name}`;
    this.#link.nc.publish(subject, this.#pullOne ? PULL_ONE : PULL, { reply: `${consumer.inbox}.${consumer.pull}` });
    this.#pullOne = false;
  }

  #onMessage(consumer: Consumer, message: Msg): void {
    if (consumer !== this.#consumer) return;
    consumer.quietTicks = 0;
    this.#fruitless = 0;
    const reply = message.reply ?? '';
    const delivery = deliveryOf(reply);
    if (delivery === undefined) {
      this.#onStatus(consumer, message);
      return;
    }
    const { sequence, deliverySequence, timestampMs, fractionMs, pending } = delivery;
    if (deliverySequence !== consumer.deliverySequence + 1) {
      this.#drop();
      return;
    }
    if (sequence <= this.#last) {
      // A consumer asked to start past the end of the stream starts at its end instead.
      this.#fail(`${this.#subject}: the log sent sequence ${sequence} after ${this.#last}: its tail was lost`);
      return;
    }
    consumer.deliverySequence = deliverySequence;
    consumer.received += 1;
    consumer.openBytes -= this.#subject.length + reply.length + message.data.length;
    if (consumer.open > 0) consumer.open = consumer.openBytes > 0 ? consumer.open - 1 : 0;
    this.#last = sequence;
    this.#lastTimestampMs = timestampMs;
    this.#arrived.push({ sequence, timestampMs, fractionMs, payload: message.data, pending });
    // All messages of one network read are parsed in one go, so the loop wakes up to all of them.
    if (this.#arrived.length === 1) this.#wake();
  }

  #onStatus(consumer: Consumer, message: Msg): void {
    const status = message.headers;
    const code = status?.code ?? 0;
    if (code === 100) {
      // A heartbeat says what the consumer sent last: a message lost at the tail is noticed here.
      if (Number(status?.get('Nats-Last-Consumer')) > consumer.deliverySequence) this.#drop();
      return;
    }
    if (message.subject !== `${consumer.inbox}.${consumer.pull}`) return;
    const tooLarge = code === 409 && status?.description.toLowerCase() === 'message size exceeds maxbytes';
    if (tooLarge || code === 404 || code === 408) {
      this.#pullOne = tooLarge && consumer.received === 0;
      consumer.open = 0;
      this.#wake();
      return;
    }
    // 503: the consumer is not there; 409: it was deleted or has lost its leader. Whatever else there is, a new one may do better.
    this.#report(`${this.#subject}: the consumer ended (${code} ${status?.description})`);
    this.#fruitless += 1;
    this.#drop();
  }

  /** Forgets the consumer, and asks the server to do the same. */
  #drop(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) this.#remove(consumer.name, consumer.subscription);
    this.#wake();
  }

  #remove(name: string, subscription: Subscription): void {
    if (this.#link.nc.isClosed()) return;
    subscription.unsubscribe();
    if (this.#link.isUp()) this.#link.nc.publish(`$JS.API.CONSUMER.DELETE.${this.#stream}.${name}`);
  }

  #fail(reason: string): void {
    this.#failure = new LogDiverged(reason);
    this.#drop();
  }

  /** Makes a consumer after the last accepted message; never rejects. */
  async #open(): Promise<void> {
    this.#opening = true;
    try {
      if (this.#fruitless > 0) await sleep(retryDelayMs(this.#fruitless));
      if (this.#ended) return;
      this.#fruitless += 1;
      const consumer = await this.#newConsumer();
      if (this.#ended) this.#remove(consumer.name, consumer.subscription);
      else this.#consumer = consumer;
      this.#doubtSinceMs = undefined;
    } catch (error) {
      this.#judge(toError(error));
    } finally {
      this.#opening = false;
      this.#wake();
    }
  }

  async #newConsumer(): Promise<Consumer> {
    const name = nuid.next();
    const inbox = createInbox();
    const subscription = this.#link.nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) this.#drop();
        else this.#onMessage(consumer, message);
      },
    });
    const fresh = { deliverySequence: 0, pull: 0, open: 0, openBytes: 0, received: 0, quietTicks: 0 };
    const consumer: Consumer = { name, inbox, subscription, ...fresh };
    try {
      await this.#link.ask(() => this.#manager.consumers.add(this.#stream, this.#config(name)));
      // Only now, so that a stream made anew before the consumer is noticed; if it is made anew later, the consumer goes with it.
      await this.#checkHistory();
      return consumer;
    } catch (error) {
      this.#remove(name, subscription);
      throw error;
    }
  }

  #config(name: string): Partial<ConsumerConfig> {
    return {
      name,
      filter_subject: this.#subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#last + 1,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(CONSUMER_IDLE_MS),
    };
  }

  /** The stream must be the one we know, reach as far as we have read, and hold there what we have read. */
  async #checkHistory(): Promise<void> {
    const { lastSequence } = await this.#checkStream();
    if (lastSequence < this.#last) {
      throw new Doubt(`${this.#subject}: read up to sequence ${this.#last}, but the log ends at ${lastSequence}`);
    }
    if (this.#last === 0) return;
    const stored = await storedMessage(this.#link, this.#manager, this.#stream, { seq: this.#last });
    // What was deleted since it was read is no contradiction.
    if (stored === undefined) return;
    this.#lastTimestampMs ??= stored.timestampMs;
    if (stored.timestampMs !== this.#lastTimestampMs) {
      throw new LogDiverged(
        `${this.#subject}: the log has another message at sequence ${this.#last} than it had before`,
      );
    }
  }

  /** What a failed attempt to open means: the end, a doubt that becomes the end if it stays, or nothing but another try. */
  #judge(error: Error): void {
    const gone = error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
    if (error instanceof LogDiverged) {
      this.#failure = error;
    } else if (gone || error instanceof Doubt) {
      this.#doubtSinceMs ??= performance.now();
      if (performance.now() - this.#doubtSinceMs < DIVERGED_AFTER_MS) return;
      this.#failure = new LogDiverged(error.message, { cause: error });
    } else {
      this.#doubtSinceMs = undefined;
      this.#report(`${this.#subject}: cannot read, will try again: ${error.message}`);
    }
  }
}

class Doubt extends Error {}

function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_MIN_MS * 2 ** (attempts - 1), RETRY_MAX_MS) * (0.5 + Math.random() / 2);
}
