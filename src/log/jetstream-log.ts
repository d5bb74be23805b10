/** The log on NATS JetStream: reader and writers over one connection. A thread makes one of these. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Names } from '../wire/subjects.ts';
import { JetStreamReader } from './jetstream-reader.ts';
import { JetStreamEffectsWriter, JetStreamEventWriter } from './jetstream-writer.ts';
import { Link } from './link.ts';
import type { EffectsWriter, EventReader, EventWriter } from './log.ts';

export interface JetStreamLog {
  readonly events: EventWriter;
  readonly reader: EventReader;
  readonly effects: EffectsWriter;
}

/** `report` hears what the log survives by trying again; it is for a log line, nothing needs doing. */
export async function openJetStreamLog(
  nc: NatsConnection,
  names: Names,
  report: (trouble: string) => void = () => {},
): Promise<JetStreamLog> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const link = new Link(nc);
  link.listen({
    // Also said when we close it ourselves, which is no trouble.
    down: () => nc.isClosed() || report('the connection to NATS is lost'),
    up: () => report('NATS is connected again'),
  });
  return {
    events: new JetStreamEventWriter(link, names),
    reader: new JetStreamReader(link, manager, names, report),
    effects: new JetStreamEffectsWriter(link, manager, names),
  };
}
