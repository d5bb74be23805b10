/** Ingest on a real nats-server: what a caller was told is what the log holds, also when the server dies in between. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ingest, type StoredEvent } from '../../src/ingest/ingest.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { connectLog } from '../../src/log/connect.ts';
import { openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { type EventReader, LogUnavailable } from '../../src/log/log.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { decodeBatch } from '../../src/wire/batch.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

const PARTITIONS = 4;
const MEMBERS = 20;
const CALLERS = 8;
const CALLS = 40;

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

/** In the order of the log. */
async function everythingIn(reader: EventReader): Promise<Pick<StoredEvent, 'id' | 'sequence'>[]> {
  const { lastSequence } = await reader.state();
  const found: Pick<StoredEvent, 'id' | 'sequence'>[] = [];
  for (let sequence = 1; sequence <= lastSequence; sequence++) {
    const message = await reader.messageAt(sequence);
    for (const event of decodeBatch(message?.payload ?? new Uint8Array()).events) {
      if (event.type === 'purchase') found.push({ id: event.id, sequence });
    }
  }
  return found;
}

function eventsOf(caller: number, call: number) {
  const { events, rejected } = parseEvents(
    Array.from({ length: 1 + ((caller + call) % 30) }, (_, index) => ({
      id: `${caller}-${call}-${index}`,
      type: 'purchase',
      memberId: `m${(caller * 7 + call * 3 + index) % MEMBERS}`,
      amount: 100,
    })),
  );
  expect(rejected).toEqual([]);
  return events;
}

it('stores every event once, in order, where it says', async () => {
  const nc = await connectLog(server.url, 'ingest-test');
  const { names } = await prepareTopology(nc, { prefix: 'plain', partitions: PARTITIONS, replicas: 1 });
  const log = await openJetStreamLog(nc, names);
  const ingest = new Ingest({ writer: log.events, partitions: PARTITIONS });
  const told = new Map<string, number>();
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let call = 0; call < CALLS; call++) {
        for (const { id, sequence } of await ingest.submit(eventsOf(caller, call))) told.set(id, sequence);
      }
    }),
  );
  await ingest.drain();
  const found = await everythingIn(log.reader);
  expect(new Map(found.map(({ id, sequence }) => [id, sequence]))).toEqual(told);
  expect(found).toHaveLength(told.size);

  const place = new Map(found.map(({ id }, index) => [id, index]));
  for (let caller = 0; caller < CALLERS; caller++) {
    const latest = new Map<string, number>();
    for (const { id, memberId } of Array.from({ length: CALLS }, (_, call) => eventsOf(caller, call)).flat()) {
      const at = place.get(id) ?? -1;
      expect(at).toBeGreaterThan(latest.get(memberId) ?? -1);
      latest.set(memberId, at);
    }
  }
  await nc.close();
});

it('loses nothing that it acknowledged, and what it did not may be sent again', async () => {
  const nc = await connectLog(server.url, 'ingest-test');
  const { names } = await prepareTopology(nc, { prefix: 'crash', partitions: PARTITIONS, replicas: 1 });
  const log = await openJetStreamLog(nc, names);
  const ingest = new Ingest({ writer: log.events, partitions: PARTITIONS });
  const told = new Set<string>();
  let refused = 0;
  let crash: Promise<void> | undefined;
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let call = 0; call < CALLS; call++) {
        if (caller === 0 && call === CALLS / 2) crash = server.restart();
        const events = eventsOf(caller, call);
        for (let stored = false; !stored; ) {
          try {
            await ingest.submit(events);
            stored = true;
          } catch (error) {
            if (!(error instanceof LogUnavailable)) throw error;
            refused++;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
        for (const { id } of events) told.add(id);
      }
    }),
  );
  await crash;
  expect(refused).toBeGreaterThan(0);
  expect(ingest.queueEvents).toBe(0);
  const found = new Set((await everythingIn(log.reader)).map(({ id }) => id));
  expect(found).toEqual(told);
  await nc.close();
});
