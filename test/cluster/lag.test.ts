/** What is behind is seen without anybody reading: on a real log, with positions that the test sets. */
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LagWatch } from '../../src/cluster/lag.ts';
import { openBacklogReader } from '../../src/log/backlog.ts';
import { connectLog } from '../../src/log/connect.ts';
import { openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

const PARTITIONS = 12;
const PAYLOAD = new Uint8Array([1]);

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(() => nats.stop());

async function setUp(prefix: string) {
  const nc = await connectLog(nats.url, 'test');
  const { names } = await prepareTopology(nc, { prefix, partitions: PARTITIONS, replicas: 1 });
  const { events, reader } = await openJetStreamLog(nc, names);
  const scored = new Array<number>(PARTITIONS).fill(0);
  const clock = { nowMs: 0 };
  const backlog = await openBacklogReader(nc, names);
  const asked = { newest: 0, after: 0 };
  const watch = new LagWatch({
    partitions: PARTITIONS,
    backlog: {
      ...backlog,
      newest: () => {
        asked.newest += 1;
        return backlog.newest();
      },
      after: (partition, afterSequence) => {
        asked.after += 1;
        return backlog.after(partition, afterSequence);
      },
    },
    scored: (partition) => scored[partition] ?? 0,
    nowMs: () => clock.nowMs,
  });
  const messages = () => scored.map((_position, partition) => watch.messages(partition));
  return { nc, names, events, reader, scored, clock, watch, asked, messages };
}

it('counts what is not scored, of each partition, and knows how old it is', async () => {
  const { nc, events, reader, scored, clock, watch, messages } = await setUp('counted');
  await watch.look();
  expect(messages()).toEqual(new Array(PARTITIONS).fill(0));

  const first = await events.publish(3, PAYLOAD);
  const second = await events.publish(3, PAYLOAD);
  const third = await events.publish(3, PAYLOAD);
  const other = await events.publish(11, PAYLOAD);
  await watch.look();
  expect([watch.messages(3), watch.messages(11), watch.messages(0)]).toEqual([3, 1, 0]);
  const loggedAtMs = async (sequence: number) => (await reader.messageAt(sequence))?.timestampMs ?? Number.NaN;
  clock.nowMs = (await loggedAtMs(first)) + 5_000;
  expect([watch.seconds(3), watch.seconds(0)]).toEqual([5, 0]);

  // The oldest of those that are left, however much has been published elsewhere.
  scored[3] = first;
  scored[11] = other;
  await watch.look();
  expect([watch.messages(3), watch.messages(11)]).toEqual([2, 0]);
  clock.nowMs = (await loggedAtMs(second)) + 7_000;
  expect([watch.seconds(3), watch.seconds(11)]).toEqual([7, 0]);

  // Scored since the last look.
  scored[3] = third;
  expect([watch.messages(3), watch.seconds(3)]).toEqual([0, 0]);
  await watch.look();
  expect(messages()).toEqual(new Array(PARTITIONS).fill(0));
  await nc.close();
});

it('asks for no more than has changed, and leaves nothing on the server', async () => {
  const { nc, names, events, scored, watch, asked } = await setUp('cheap');
  const sequences = await Promise.all(scored.map((_position, partition) => events.publish(partition, PAYLOAD)));
  for (const [partition, sequence] of sequences.entries()) scored[partition] = sequence;
  await watch.look();
  await watch.look();
  expect(asked).toEqual({ newest: 1, after: 0 });
  scored[5] = 0;
  await watch.look();
  expect(asked).toEqual({ newest: 1, after: 1 });
  expect(watch.messages(5)).toBe(1);
  const manager = await jetstreamManager(nc);
  expect((await manager.streams.info(names.eventsStream)).state.consumer_count).toBe(0);
  await nc.close();
});

it('says what it knew, and that it gets older, while the log is away', async () => {
  const { nc, events, clock, watch } = await setUp('away');
  await events.publish(2, PAYLOAD);
  await watch.look();
  await nats.kill();
  await expect(watch.look()).rejects.toThrow();
  expect(watch.messages(2)).toBe(1);
  clock.nowMs = 1e15;
  expect(watch.seconds(2)).toBeGreaterThan(1);
  await nc.close();
  await nats.restart();
});
