/**
 * The members somebody watches. For each there is one subscription and one lease, shared by all its sockets: first we
 * subscribe to its updates, then we ask its owner for the member and thereby lease them, so nothing falls between. The lease
 * is renewed in time, at once when the partition gets a new owner or the broker comes back; each renewal answers with the
 * member, so an update that was lost on the way is made good.
 */
import type { Subscription } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { LEASE_ASKS_IN_FLIGHT_MAX } from '../limits.ts';
import { decodeLive } from '../wire/live.ts';
import { decodeOwner } from '../wire/query.ts';
import { type Names, partitionOf } from '../wire/subjects.ts';
import type { BrokerLink } from './broker-link.ts';
import { Refusal } from './errors.ts';
import { errorFrame } from './live-messages.ts';
import type { LiveSocket } from './live-socket.ts';
import { type LivePosition, type Topic, TopicState, Watch } from './live-topic.ts';
import type { GatewayLog, GatewayTimings } from './ports.ts';
import type { AnswerTo, Queries } from './queries.ts';

export const MEMBER_TOPIC_PREFIX = 'member:';

export interface MemberTopicsDeps {
  readonly link: BrokerLink;
  readonly names: Names;
  readonly partitions: number;
  readonly epoch: string;
  readonly queries: Queries;
  readonly timings: GatewayTimings;
  readonly log: GatewayLog;
}

/** Renewals are spread over this many turns of the lease interval. */
const RENEW_SLOTS = 10;

interface MemberTopic extends Topic {
  state: TopicState | undefined;
  readonly memberId: string;
  readonly partition: number;
  readonly subscription: Subscription;
  /** Of the live updates, which do not say. */
  epoch: string;
  isBeingAsked: boolean;
  /** Which turn renews it. */
  readonly slot: number;
}

export class MemberTopics {
  readonly #deps: MemberTopicsDeps;
  /** By member id. Bounded by sockets times subscriptions. */
  readonly #topics = new Map<string, MemberTopic>();
  readonly #byPartition: readonly Set<MemberTopic>[];
  readonly #slots: readonly Set<MemberTopic>[] = Array.from({ length: RENEW_SLOTS }, () => new Set<MemberTopic>());
  #nextSlot = 0;
  #turn = 0;
  /** To be asked for as soon as it is their turn. */
  readonly #due = new Set<MemberTopic>();
  #asksInFlight = 0;
  /** Their owner could not be reached; asked for again after a pause. */
  readonly #failed = new Set<MemberTopic>();
  readonly #owners: Subscription;
  readonly #renewTimer: NodeJS.Timeout;
  readonly #askAgainTimer: NodeJS.Timeout;

  constructor(deps: MemberTopicsDeps) {
    this.#deps = deps;
    const { link, names, partitions, timings } = deps;
    this.#byPartition = Array.from({ length: partitions }, () => new Set<MemberTopic>());
    this.#owners = link.nc.subscribe(names.owners, {
      callback: (error, message) => {
        if (error === null) this.#onOwner(message.data);
      },
    });
    link.onUp(() => this.#askFor(this.#topics.values()));
    this.#renewTimer = setInterval(() => this.#renewNextSlot(), timings.leaseRenewMs / RENEW_SLOTS);
    this.#askAgainTimer = setInterval(() => {
      this.#askFor(this.#failed);
      this.#failed.clear();
    }, timings.askAgainMs);
  }

  watch(socket: LiveSocket, memberId: string, resume: LivePosition | undefined): void {
    const known = this.#topics.get(memberId);
    const topic = known ?? this.#openTopic(memberId);
    const watch = socket.watches.get(topic.name) ?? new Watch(socket, topic);
    watch.start(resume);
    topic.watches.add(watch);
    socket.watches.set(topic.name, watch);
    if (known === undefined || watch.isAhead) this.#askFor([topic]);
    else socket.deliver(watch);
  }

  unwatch(watch: Watch): void {
    watch.socket.forget(watch);
    const topic = this.#topics.get(watch.topic.name.slice(MEMBER_TOPIC_PREFIX.length));
    if (topic?.watches.delete(watch) === true && topic.watches.size === 0) this.#closeTopic(topic);
  }

  close(): void {
    clearInterval(this.#renewTimer);
    clearInterval(this.#askAgainTimer);
    this.#owners.unsubscribe();
    for (const topic of this.#topics.values()) this.#closeTopic(topic);
  }

  #openTopic(memberId: string): MemberTopic {
    const { link, names, partitions, epoch } = this.#deps;
    const partition = partitionOf(memberId, partitions);
    const subscription = link.nc.subscribe(names.live(partition, memberId), {
      callback: (error, message) => {
        if (error === null) this.#onLive(topic, message.data);
      },
    });
    const topic: MemberTopic = {
      name: MEMBER_TOPIC_PREFIX + memberId,
      state: undefined,
      watches: new Set(),
      conflates: true,
      memberId,
      partition,
      subscription,
      epoch,
      isBeingAsked: false,
      slot: this.#nextSlot,
    };
    this.#nextSlot = (this.#nextSlot + 1) % RENEW_SLOTS;
    this.#topics.set(memberId, topic);
    this.#byPartition[partition]?.add(topic);
    this.#slots[topic.slot]?.add(topic);
    return topic;
  }

  #closeTopic(topic: MemberTopic): void {
    topic.subscription.unsubscribe();
    this.#topics.delete(topic.memberId);
    this.#byPartition[topic.partition]?.delete(topic);
    this.#slots[topic.slot]?.delete(topic);
    this.#due.delete(topic);
    this.#failed.delete(topic);
  }

  #renewNextSlot(): void {
    this.#turn = (this.#turn + 1) % RENEW_SLOTS;
    this.#askFor(this.#slots[this.#turn] ?? []);
  }

  #onOwner(data: Uint8Array): void {
    try {
      this.#askFor(this.#byPartition[decodeOwner(data).partition] ?? []);
    } catch (error) {
      this.#deps.log.error({ err: toError(error) }, 'an owner notice cannot be read');
    }
  }

  #askFor(topics: Iterable<MemberTopic>): void {
    for (const topic of topics) this.#due.add(topic);
    this.#askNext();
  }

  #askNext(): void {
    for (const topic of this.#due) {
      if (this.#asksInFlight >= LEASE_ASKS_IN_FLIGHT_MAX) return;
      // One that is being asked for stays due: what made it due came after the question.
      if (topic.isBeingAsked) continue;
      this.#due.delete(topic);
      void this.#ask(topic);
    }
  }

  async #ask(topic: MemberTopic): Promise<void> {
    const { queries } = this.#deps;
    this.#asksInFlight++;
    topic.isBeingAsked = true;
    const waiting = [...topic.watches].filter((watch) => !watch.isServed);
    const { partition, memberId } = topic;
    const answer = await queries.ask<'member'>(partition, { op: 'member', memberId, lease: true });
    topic.isBeingAsked = false;
    this.#asksInFlight--;
    if (this.#topics.get(memberId) === topic) {
      if (answer instanceof Refusal) this.#onRefused(topic, answer);
      else this.#onAnswer(topic, answer, waiting);
    }
    this.#askNext();
  }

  #onAnswer(topic: MemberTopic, { member, epoch }: AnswerTo<'member'>, waiting: readonly Watch[]): void {
    const { state } = topic;
    const version = member?.version ?? 0;
    topic.epoch = epoch;
    if (state === undefined || state.epoch !== epoch || version > state.version) {
      topic.state = new TopicState(topic.name, { epoch, version }, JSON.stringify(member));
    }
    // This is later than whatever they saw before we asked.
    for (const watch of waiting) watch.distrustResume();
    for (const watch of topic.watches) {
      if (topic.state !== state || !watch.isServed) watch.socket.deliver(watch);
    }
  }

  #onRefused(topic: MemberTopic, refusal: Refusal): void {
    if (refusal.code === 'too_many_leases') {
      const frame = errorFrame(refusal.code, `${refusal.message} The topic is no longer watched.`, topic.name);
      for (const watch of topic.watches) {
        watch.socket.forget(watch);
        watch.socket.reply(frame);
      }
      topic.watches.clear();
      this.#closeTopic(topic);
      return;
    }
    this.#failed.add(topic);
    const frame = errorFrame(refusal.code, `${refusal.message} The topic stays watched.`, topic.name);
    for (const watch of topic.watches) {
      if (watch.isServed || watch.toldOfDelay) continue;
      watch.toldOfDelay = true;
      watch.socket.reply(frame);
    }
  }

  #onLive(topic: MemberTopic, bytes: Uint8Array): void {
    const { log } = this.#deps;
    try {
      const { version, loggedAtMs, json } = decodeLive(bytes);
      const { epoch, state } = topic;
      if (state !== undefined && state.epoch === epoch && version <= state.version) return;
      topic.state = new TopicState(topic.name, { epoch, version }, json, { loggedAtMs });
      for (const watch of topic.watches) watch.socket.deliver(watch);
    } catch (error) {
      log.error({ err: toError(error) }, 'a live update cannot be read');
    }
  }
}
