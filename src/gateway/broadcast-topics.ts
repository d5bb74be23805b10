/**
 * The topics that are about everybody: `stats`, whose latest figures greet a new watcher, and `feed`, which workers send only
 * while some gateway says that somebody watches. Both come again soon, so a socket that is behind simply misses some. They
 * have versions of this gateway's own counting, under its own id as epoch.
 */
import type { Subscription } from '@nats-io/transport-node';
import type { Names } from '../wire/subjects.ts';
import type { BrokerLink } from './broker-link.ts';
import type { LiveSocket } from './live-socket.ts';
import { type LivePosition, type Topic, TopicState, Watch } from './live-topic.ts';

class BroadcastTopic implements Topic {
  readonly name: string;
  readonly watches = new Set<Watch>();
  readonly conflates = false;
  readonly #epoch: string;
  /** A new watcher gets nothing of what was before it. */
  readonly #hasNoPast: boolean;
  state: TopicState;

  constructor(name: string, epoch: string, hasNoPast: boolean) {
    this.name = name;
    this.#epoch = epoch;
    this.#hasNoPast = hasNoPast;
    this.state = new TopicState(name, { epoch, version: 0 }, 'null');
  }

  /** `data` is JSON text. */
  put(data: string): void {
    const position = { epoch: this.#epoch, version: this.state.version + 1 };
    this.state = new TopicState(this.name, position, data, this.#hasNoPast ? { snapshotData: 'null' } : {});
    for (const watch of this.watches) watch.socket.deliver(watch);
  }
}

export interface BroadcastTopicsDeps {
  readonly link: BrokerLink;
  readonly names: Names;
  readonly gatewayId: string;
  readonly leaseRenewMs: number;
}

export class BroadcastTopics {
  readonly #link: BrokerLink;
  readonly #names: Names;
  readonly #stats: BroadcastTopic;
  readonly #feed: BroadcastTopic;
  readonly #statsSubscription: Subscription;
  /** While somebody watches the feed. */
  #feedSubscription: Subscription | undefined;
  readonly #interestTimer: NodeJS.Timeout;

  constructor({ link, names, gatewayId, leaseRenewMs }: BroadcastTopicsDeps) {
    this.#link = link;
    this.#names = names;
    this.#stats = new BroadcastTopic('stats', gatewayId, false);
    this.#feed = new BroadcastTopic('feed', gatewayId, true);
    this.#statsSubscription = this.#forward(names.stats, this.#stats);
    this.#interestTimer = setInterval(() => this.#sayInterest(), leaseRenewMs);
    link.onUp(() => this.#sayInterest());
  }

  has(topicName: string): boolean {
    return topicName === this.#stats.name || topicName === this.#feed.name;
  }

  watch(socket: LiveSocket, topicName: string, resume: LivePosition | undefined): void {
    const topic = this.#topic(topicName);
    const watch = socket.watches.get(topicName) ?? new Watch(socket, topic);
    watch.start(resume);
    topic.watches.add(watch);
    socket.watches.set(topicName, watch);
    // There is nobody to ask whether the client is right.
    watch.distrustResume();
    socket.deliver(watch);
    if (topic !== this.#feed || this.#feedSubscription !== undefined) return;
    this.#feedSubscription = this.#forward(this.#names.feed, this.#feed);
    this.#sayInterest();
  }

  unwatch(watch: Watch): void {
    watch.socket.forget(watch);
    this.#topic(watch.topic.name).watches.delete(watch);
    if (this.#feed.watches.size > 0) return;
    this.#feedSubscription?.unsubscribe();
    this.#feedSubscription = undefined;
  }

  close(): void {
    clearInterval(this.#interestTimer);
    this.#statsSubscription.unsubscribe();
    this.#feedSubscription?.unsubscribe();
  }

  #topic(name: string): BroadcastTopic {
    return name === this.#feed.name ? this.#feed : this.#stats;
  }

  #forward(subject: string, topic: BroadcastTopic): Subscription {
    return this.#link.nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) topic.put(message.string());
      },
    });
  }

  #sayInterest(): void {
    if (this.#feedSubscription !== undefined && this.#link.isUp()) this.#link.nc.publish(this.#names.feedInterest);
  }
}
