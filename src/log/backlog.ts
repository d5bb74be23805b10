/**
 * How far the log goes beyond what has been scored, asked from outside: for figures that must also be right while nobody
 * reads. Every question is a consumer of the moment that sends headers only, so no payload moves.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  jetstreamManager,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos, nuid } from '@nats-io/transport-node';
import type { Names } from '../wire/subjects.ts';
import { type Delivery, deliveryOf } from './jetstream-message.ts';
import { Link } from './link.ts';

/** What a partition holds after a position. */
export interface Backlog {
  readonly messages: number;
  /** The first of them: its sequence, and when the log received it, epoch ms. */
  readonly sequence: number;
  readonly oldestMs: number;
}

export interface BacklogReader {
  /** Last sequence of the whole stream. */
  lastSequence(): Promise<number>;
  /** Last sequence of each partition that has messages. */
  newest(): Promise<ReadonlyMap<number, number>>;
  /** Undefined if there is nothing after `afterSequence`. */
  after(partition: number, afterSequence: number): Promise<Backlog | undefined>;
}

/** How long the server is waited for; a consumer whose deletion got lost goes by itself after the same time. */
const PATIENCE_MS = 2_000;

interface Seen extends Delivery {
  readonly subject: string;
}

export async function openBacklogReader(nc: NatsConnection, names: Names): Promise<BacklogReader> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const link = new Link(nc);
  const stream = names.eventsStream;
  return {
    lastSequence: async () => {
      const info = await link.askLog(`cannot look at stream ${stream}`, () => manager.streams.info(stream));
      return info.state.last_seq;
    },
    newest: async () => {
      const config = { filter_subject: names.allEvents, deliver_policy: DeliverPolicy.LastPerSubject };
      const seen = await link.askLog('cannot find the newest messages', () => peek(nc, manager, stream, config));
      return new Map(
        seen.map(({ subject, sequence }) => [Number(subject.slice(subject.lastIndexOf('.') + 1)), sequence]),
      );
    },
    after: async (partition, afterSequence) => {
      const config = {
        filter_subject: names.events(partition),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: afterSequence + 1,
      };
      const [oldest] = await link.askLog('cannot count a backlog', () => peek(nc, manager, stream, config, 1));
      // A consumer asked to start past the end of the stream starts at its end instead.
      if (oldest === undefined || oldest.sequence <= afterSequence) return undefined;
      return { messages: oldest.pending + 1, sequence: oldest.sequence, oldestMs: oldest.timestampMs };
    },
  };
}

/** The first messages of a new consumer: all there are, or `most`. */
async function peek(
  nc: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  config: Partial<ConsumerConfig>,
  most: number = Number.POSITIVE_INFINITY,
): Promise<Seen[]> {
  const name = nuid.next();
  const { num_pending } = await manager.consumers.add(stream, {
    name,
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(PATIENCE_MS),
    ...config,
  });
  const batch = Math.min(num_pending, most);
  const seen: Seen[] = [];
  if (batch > 0) {
    const pull = JSON.stringify({ batch, no_wait: true });
    // Not over the shared inbox: a pulled message comes under its own subject, which tells no request from another.
    const options = { strategy: 'count', maxMessages: batch, maxWait: PATIENCE_MS, noMux: true } as const;
    for await (const message of await nc.requestMany(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, pull, options)) {
      const delivery = deliveryOf(message.reply ?? '');
      if (delivery !== undefined) seen.push({ ...delivery, subject: message.subject });
    }
    if (seen.length < batch) throw new Error(`${seen.length} of ${batch} messages came`);
  }
  nc.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`);
  return seen;
}
