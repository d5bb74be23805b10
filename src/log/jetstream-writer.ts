/** Writing to the two streams: events without conditions, effects only on top of the newest one known. */
import { JetStreamApiCodes, type JetStreamManager, PubHeaders } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { Names } from '../wire/subjects.ts';
import { AckedPublisher, PublishRefused } from './acked-publisher.ts';
import { storedMessage } from './jetstream-message.ts';
import type { Link } from './link.ts';
import { EffectsConflict, type EffectsWriter, type EventWriter, type LogMessage } from './log.ts';

const CONFLICTS: readonly number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
];

export class JetStreamEventWriter implements EventWriter {
  readonly #link: Link;
  readonly #names: Names;
  readonly #publisher: AckedPublisher;

  constructor(link: Link, names: Names) {
    this.#link = link;
    this.#names = names;
    this.#publisher = new AckedPublisher(link, names.eventsStream);
  }

  publish(partition: number, payload: Uint8Array): Promise<number> {
    return this.#publisher.publish(this.#names.events(partition), payload);
  }

  isConnected(): boolean {
    return this.#link.isUp();
  }
}

export class JetStreamEffectsWriter implements EffectsWriter {
  readonly #link: Link;
  readonly #manager: JetStreamManager;
  readonly #names: Names;
  readonly #publisher: AckedPublisher;

  constructor(link: Link, manager: JetStreamManager, names: Names) {
    this.#link = link;
    this.#manager = manager;
    this.#names = names;
    this.#publisher = new AckedPublisher(link, names.effectsStream);
  }

  lastOf(partition: number): Promise<LogMessage | undefined> {
    const { effectsStream, effects } = this.#names;
    return storedMessage(this.#link, this.#manager, effectsStream, { last_by_subj: effects(partition) });
  }

  async publish(partition: number, payload: Uint8Array, expectedLast: number): Promise<number> {
    const condition = headers();
    condition.set(PubHeaders.ExpectedLastSubjectSequenceHdr, String(expectedLast));
    try {
      return await this.#publisher.publish(this.#names.effects(partition), payload, condition);
    } catch (error) {
      if (error instanceof PublishRefused && CONFLICTS.includes(error.code)) {
        const text = `partition ${partition}: effects after sequence ${expectedLast} were written by somebody else`;
        throw new EffectsConflict(text, { cause: error });
      }
      throw error;
    }
  }
}
