/** Reading partitions of the events stream, all over one connection. */
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Names } from '../wire/subjects.ts';
import { storedMessage } from './jetstream-message.ts';
import type { Link } from './link.ts';
import { type EventReader, LogDiverged, type LogMessage, type LogState } from './log.ts';
import { HEARTBEAT_MS, PartitionFeed } from './partition-feed.ts';

export class JetStreamReader implements EventReader {
  readonly #link: Link;
  readonly #manager: JetStreamManager;
  readonly #names: Names;
  readonly #report: (trouble: string) => void;
  readonly #feeds = new Set<PartitionFeed>();
  #ticker: NodeJS.Timeout | undefined;
  /** The history this reader reads; set by the first look at the stream. */
  #epoch: string | undefined;

  /** `report` hears what the reader survives by trying again. */
  constructor(link: Link, manager: JetStreamManager, names: Names, report: (trouble: string) => void) {
    this.#link = link;
    this.#manager = manager;
    this.#names = names;
    this.#report = report;
  }

  async *read(partition: number, afterSequence: number, stop: AbortSignal): AsyncGenerator<readonly LogMessage[]> {
    const { eventsStream, events } = this.#names;
    const feed = new PartitionFeed(
      this.#link,
      this.#manager,
      eventsStream,
      events(partition),
      afterSequence,
      () => this.#sameStream(),
      this.#report,
    );
    this.#feeds.add(feed);
    this.#ticker ??= setInterval(() => this.#tick(), HEARTBEAT_MS);
    try {
      yield* feed.messages(stop);
    } finally {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) {
        clearInterval(this.#ticker);
        this.#ticker = undefined;
      }
    }
  }

  messageAt(sequence: number): Promise<LogMessage | undefined> {
    return storedMessage(this.#link, this.#manager, this.#names.eventsStream, { seq: sequence });
  }

  lastOf(partition: number): Promise<LogMessage | undefined> {
    const { eventsStream, events } = this.#names;
    return storedMessage(this.#link, this.#manager, eventsStream, { last_by_subj: events(partition) });
  }

  async state(): Promise<LogState> {
    const { eventsStream } = this.#names;
    const info = await this.#link.askLog(`cannot look at stream ${eventsStream}`, () =>
      this.#manager.streams.info(eventsStream),
    );
    return {
      epoch: `${eventsStream}@${info.created}`,
      firstSequence: info.state.first_seq,
      lastSequence: info.state.last_seq,
    };
  }

  /** The stream's state; throws LogDiverged if it is not the stream this reader began with. */
  async #sameStream(): Promise<LogState> {
    const state = await this.state();
    this.#epoch ??= state.epoch;
    if (state.epoch === this.#epoch) return state;
    throw new LogDiverged(`the stream was made anew while it was read: it was ${this.#epoch} and is ${state.epoch}`);
  }

  #tick(): void {
    for (const feed of this.#feeds) feed.tick();
  }
}
