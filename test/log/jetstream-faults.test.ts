/** What a real nats-server can do to the log: crash, forget consumers, stall, lose its tail, be replaced. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Msg, NatsConnection, SubscriptionOptions } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NATS_PAYLOAD_BYTES_MAX, PUBLISH_TIMEOUT_MS, READ_BYTES_MAX, READ_MESSAGES_MAX } from '../../src/limits.ts';
import { connectLog } from '../../src/log/connect.ts';
import { type JetStreamLog, openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { LogDiverged, type LogMessage, LogUnavailable } from '../../src/log/log.ts';
import { HEARTBEAT_MS } from '../../src/log/partition-feed.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';
import { bytes, readCount, text, until } from './reading.ts';

const PARTITIONS = 4;
const names = namesOf('faults');

let server: NatsServer;
let connections: NatsConnection[];
let log: JetStreamLog;
/** What the reader reported as survived. */
let troubles: string[];

async function connectAgain(): Promise<{ nc: NatsConnection; log: JetStreamLog }> {
  const nc = await connectLog(server.url, 'faults');
  connections.push(nc);
  return { nc, log: await openJetStreamLog(nc, names, (trouble) => troubles.push(trouble)) };
}

beforeEach(async () => {
  troubles = [];
  connections = [];
  server = await startNatsServer();
  const connected = await connectAgain();
  log = connected.log;
  await prepareTopology(connected.nc, { prefix: 'faults', partitions: PARTITIONS, replicas: 1 });
});

afterEach(async () => {
  server.resume();
  for (const nc of connections) await nc.close();
  await server.stop();
});

/** Reads in the background until stopped; `read` grows. */
function follow(partition: number, afterSequence: number) {
  const stop = new AbortController();
  const read: LogMessage[] = [];
  const ended = (async () => {
    for await (const messages of log.reader.read(partition, afterSequence, stop.signal)) read.push(...messages);
  })();
  // Whoever expects it to fail awaits `ended`.
  ended.catch(() => {});
  return {
    read,
    ended,
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}

/** Publishes until it succeeds, as callers do. Returns the sequence that was acknowledged. */
async function publishSurely(partition: number, payload: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return await log.events.publish(partition, payload);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function consumerNames(): Promise<string[]> {
  const { nc } = await connectAgain();
  const manager = await jetstreamManager(nc);
  const found = (await manager.consumers.list(names.eventsStream).next()).map((consumer) => consumer.name);
  await nc.close();
  return found;
}

async function deleteConsumers(): Promise<void> {
  const { nc } = await connectAgain();
  const manager = await jetstreamManager(nc);
  for (const name of await consumerNames()) await manager.consumers.delete(names.eventsStream, name);
  await nc.close();
}

describe('a crashed and restarted server', () => {
  it('costs readers no message and repeats none, and keeps all that was acknowledged', async () => {
    const followers = Array.from({ length: PARTITIONS }, (_, partition) => follow(partition, 0));
    const acknowledged = new Map<number, string>();
    let done = false;
    const publishers = Array.from({ length: PARTITIONS * 4 }, async (_, index) => {
      const partition = index % PARTITIONS;
      for (let count = 0; !done; count++) {
        const payload = `${index}:${count}`;
        acknowledged.set(await publishSurely(partition, bytes(payload)), payload);
      }
    });
    for (let crash = 1; crash <= 3; crash++) {
      const before = acknowledged.size;
      await until(() => acknowledged.size > before + 500);
      await server.kill('SIGKILL');
      await server.restart();
    }
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 500);
    done = true;
    await Promise.all(publishers);

    const fresh = (await connectAgain()).log;
    for (const [partition, follower] of followers.entries()) {
      const last = await fresh.reader.lastOf(partition);
      await until(() => follower.read.at(-1)?.sequence === last?.sequence);
      await follower.stop();
      const whole = await readCount(fresh.reader, partition, 0, follower.read.length);
      const identity = (message: LogMessage) => [message.sequence, message.timestampMs, text(message)];
      expect(follower.read.map(identity)).toEqual(whole.map(identity));
    }
    const stored = new Map(followers.flatMap(({ read }) => read.map((message) => [message.sequence, text(message)])));
    expect(acknowledged.size).toBeGreaterThan(2_000);
    for (const [sequence, payload] of acknowledged) expect(stored.get(sequence)).toBe(payload);
  });

  it('has the same epoch as before', async () => {
    const { epoch } = await log.reader.state();
    await server.restart();
    await until(() => log.events.isConnected());
    expect((await log.reader.state()).epoch).toBe(epoch);
  });

  it('never gets what was refused while it was down', async () => {
    const before = await log.events.publish(0, bytes('before'));
    await server.kill();
    await until(() => !log.events.isConnected());
    const refused = await Promise.allSettled(
      Array.from({ length: 20 }, () => log.events.publish(0, bytes('while down'))),
    );
    for (const attempt of refused) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
    }
    await expect(log.effects.publish(0, bytes('effects'), 0)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.effects.lastOf(0)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.reader.state()).rejects.toBeInstanceOf(LogUnavailable);
    await server.restart();
    await until(() => log.events.isConnected());
    expect(await log.events.publish(0, bytes('after'))).toBe(before + 1);
    expect(await log.effects.publish(0, bytes('effects'), 0)).toBe(1);
  });

  it('settles publishes that were on their way, without waiting for it to come back', async () => {
    await server.pause();
    const onTheirWay = Promise.allSettled([
      log.events.publish(0, bytes('a')),
      log.effects.publish(0, bytes('b'), 0),
      log.reader.messageAt(1),
    ]);
    await server.kill();
    for (const attempt of await onTheirWay) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
      expect(String(attempt.status === 'rejected' && attempt.reason)).toContain('was lost');
    }
  });
});

describe('a server that does not answer', () => {
  it('makes a publish fail after the timeout, and its late answer does no harm', async () => {
    await server.pause();
    await expect(log.events.publish(0, bytes('stalled'))).rejects.toThrow(`within ${PUBLISH_TIMEOUT_MS} ms`);
    server.resume();
    const sequence = await publishSurely(0, bytes('later'));
    expect(text(await log.reader.messageAt(sequence))).toBe('later');
  });

  it('is given up for another consumer when its heartbeats stay away', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const follower = follow(0, 0);
      await log.events.publish(0, bytes('first'));
      await until(() => follower.read.length === 1);
      const before = await consumerNames();
      await server.pause();
      vi.advanceTimersByTime(10 * HEARTBEAT_MS);
      server.resume();
      await until(async () => {
        const now = await consumerNames();
        return now.length === 1 && now[0] !== before[0];
      });
      await publishSurely(0, bytes('second'));
      await until(() => follower.read.length >= 2);
      await follower.stop();
      expect(follower.read.map(text)).toEqual(['first', 'second']);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('consumers', () => {
  it('may be deleted at any time', async () => {
    const follower = follow(0, 0);
    let published = 0;
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 200; index++) await log.events.publish(0, bytes(String(published++)));
      await deleteConsumers();
    }
    await log.events.publish(0, bytes(String(published++)));
    await until(() => follower.read.length >= published);
    await follower.stop();
    expect(follower.read.map(text)).toEqual(Array.from({ length: published }, (_, index) => String(index)));
    expect(troubles.join('\n')).toContain('the consumer ended');
  });

  it('may vanish while nobody asks for messages', async () => {
    const stop = new AbortController();
    const reading = log.reader.read(0, 0, stop.signal)[Symbol.asyncIterator]();
    await log.events.publish(0, bytes('a'));
    expect((await reading.next()).value.map(text)).toEqual(['a']);
    await deleteConsumers();
    await log.events.publish(0, bytes('b'));
    expect((await reading.next()).value.map(text)).toEqual(['b']);
    await reading.return?.();
  });

  it('are removed from the server when reading ends', async () => {
    const followers = Array.from({ length: PARTITIONS }, (_, partition) => follow(partition, 0));
    await until(async () => (await consumerNames()).length === PARTITIONS);
    for (const follower of followers) await follower.stop();
    await until(async () => (await consumerNames()).length === 0);
  });

  it('send no more than was asked for while their messages are not taken', async () => {
    const count = 3 * READ_MESSAGES_MAX;
    await Promise.all(Array.from({ length: count }, (_, index) => log.events.publish(0, bytes(String(index)))));
    const reading = log.reader.read(0, 0, new AbortController().signal)[Symbol.asyncIterator]();
    await reading.next();
    const { nc } = await connectAgain();
    const manager = await jetstreamManager(nc);
    const [consumer] = await manager.consumers.list(names.eventsStream).next();
    // All that one pull brings has been sent by the time a later request is answered.
    expect(consumer?.delivered.consumer_seq).toBeLessThanOrEqual(READ_MESSAGES_MAX);
    expect(consumer?.num_pending).toBeGreaterThanOrEqual(count - READ_MESSAGES_MAX);
    await reading.return?.();
  });

  it('have one pull open at a time while their messages are taken one by one', async () => {
    const follower = follow(0, 0);
    for (let count = 1; count <= 100; count++) {
      await log.events.publish(0, bytes(String(count)));
      await until(() => follower.read.length === count);
    }
    const { nc } = await connectAgain();
    const [consumer] = await (await jetstreamManager(nc)).consumers.list(names.eventsStream).next();
    expect(consumer?.num_waiting).toBe(1);
    await follower.stop();
  });

  it('go on when messages fill a pull to the last byte', async () => {
    const first = await log.events.publish(0, bytes('to see how long a reply subject is'));
    const { nc } = await connectAgain();
    let overheadBytes = 0;
    const lookAt = ({ subject, reply }: Msg) => {
      if (subject === names.events(0)) overheadBytes = subject.length + (reply?.length ?? 0);
      return false;
    };
    await readCount((await openJetStreamLog(without(nc, lookAt), names)).reader, 0, first - 1, 1);
    const eighth = new Uint8Array(READ_BYTES_MAX / 8 - overheadBytes);
    for (let index = 0; index < 8; index++) await log.events.publish(0, eighth);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      // Without the ticks of the clock nothing but the pull's own end can bring the next message.
      const follower = follow(0, first);
      await until(() => follower.read.length === 8);
      await log.events.publish(0, bytes('next'));
      await until(() => follower.read.length === 9);
      await follower.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  it('deliver a message larger than a pull may be', async () => {
    const largest = new Uint8Array(NATS_PAYLOAD_BYTES_MAX).fill(7);
    await log.events.publish(0, bytes('small'));
    await log.events.publish(0, largest);
    await log.events.publish(0, largest);
    await log.events.publish(0, bytes('small again'));
    const read = await readCount(log.reader, 0, 0, 4);
    expect(read.map(({ payload }) => payload.length)).toEqual([5, largest.length, largest.length, 11]);
  });
});

describe('messages lost on the way', () => {
  const count = 500;

  async function readOver(lossy: NatsConnection): Promise<LogMessage[]> {
    const lossyLog = await openJetStreamLog(lossy, names);
    for (let index = 0; index < count; index++) await log.events.publish(0, bytes(String(index)));
    return await readCount(lossyLog.reader, 0, 0, count);
  }

  it('are noticed by the next one and read again', async () => {
    let deliveries = 0;
    const { nc } = await connectAgain();
    const read = await readOver(without(nc, ({ subject }) => subject === names.events(0) && ++deliveries % 97 === 0));
    expect(read.map(text)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    expect(deliveries).toBeGreaterThan(count);
  });

  it('are noticed by a heartbeat when no next one comes', async () => {
    let dropped = 0;
    const { nc } = await connectAgain();
    const isFirstLast = ({ subject, data }: Msg) =>
      subject === names.events(0) && new TextDecoder().decode(data) === String(count - 1) && ++dropped === 1;
    const read = await readOver(without(nc, isFirstLast));
    expect(read.map(text)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    expect(dropped).toBe(2);
  });
});

/** The same connection, on which some messages never arrive. */
function without(nc: NatsConnection, isLost: (message: Msg) => boolean): NatsConnection {
  return new Proxy(nc, {
    get: (target, key) => {
      if (key === 'subscribe') {
        return (subject: string, { callback, ...options }: SubscriptionOptions) =>
          target.subscribe(subject, {
            ...options,
            callback: (error, message) => {
              if (error !== null || !isLost(message)) callback?.(error, message);
            },
          });
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('a log that is not the one it was', () => {
  it('is refused when the stream was made anew', async () => {
    const follower = follow(0, 0);
    await log.events.publish(0, bytes('a'));
    await until(() => follower.read.length === 1);
    const { nc } = await connectAgain();
    const manager = await jetstreamManager(nc);
    await manager.streams.delete(names.eventsStream);
    await prepareTopology(nc, { prefix: 'faults', partitions: PARTITIONS, replicas: 1 });
    for (let index = 0; index < 5; index++) await publishSurely(0, bytes('other history'));
    await expect(follower.ended).rejects.toThrow(LogDiverged);
    await expect(follower.ended).rejects.toThrow('made anew');
    expect(follower.read).toHaveLength(1);
  });

  it('is refused when the stream is gone', async () => {
    const follower = follow(0, 0);
    await log.events.publish(0, bytes('a'));
    await until(() => follower.read.length === 1);
    const { nc } = await connectAgain();
    await (await jetstreamManager(nc)).streams.delete(names.eventsStream);
    await expect(follower.ended).rejects.toThrow(LogDiverged);
    await expect(log.events.publish(0, bytes('b'))).rejects.toThrow(LogUnavailable);
  });

  it.each([
    ['shorter than what was read', 0],
    ['rewritten where it was read', 20],
  ])('is refused when its tail was lost and it is %s', async (_name, rewritten) => {
    const follower = follow(0, 0);
    for (let index = 0; index < 5; index++) await log.events.publish(0, bytes(`kept ${index}`));
    // What the disk held when the power went.
    const store = join(server.folder, 'jetstream');
    await server.kill('SIGTERM');
    await cp(store, `${store}-synced`, { recursive: true });
    await server.restart();
    for (let index = 0; index < 5; index++) await publishSurely(0, bytes(`lost ${index}`));
    await until(() => follower.read.length === 10);
    await server.kill('SIGKILL');
    await rm(store, { recursive: true });
    await cp(`${store}-synced`, store, { recursive: true });
    await server.restart();
    for (let index = 0; index < rewritten; index++) await publishSurely(0, bytes(`new ${index}`));

    await expect(follower.ended).rejects.toThrow(LogDiverged);
    expect(follower.read).toHaveLength(10);
    await expect(readCount(log.reader, 0, 1_000, 1)).rejects.toThrow(LogDiverged);
  });
});

it('refuses what no longer fits a full stream, and says so', async () => {
  const { nc } = await connectAgain();
  const small = { prefix: 'small', partitions: 1, replicas: 1, maxBytes: 10_000 };
  const { names: smallNames } = await prepareTopology(nc, small);
  const { events, reader } = await openJetStreamLog(nc, smallNames);
  const publishAll = async () => {
    for (;;) await events.publish(0, new Uint8Array(1_000));
  };
  await expect(publishAll()).rejects.toThrow(/maximum bytes/);
  await expect(publishAll()).rejects.toBeInstanceOf(LogUnavailable);
  // Refusing the newest, not dropping the oldest.
  expect((await reader.state()).firstSequence).toBe(1);
});

it('refuses to publish where no stream listens', async () => {
  const { nc } = await connectAgain();
  const { events } = await openJetStreamLog(nc, namesOf('nobody'));
  await expect(events.publish(0, bytes('a'))).rejects.toThrow('no stream takes the message');
});

it('settles everything when the connection is closed', async () => {
  const { nc, log: other } = await connectAgain();
  const stop = new AbortController();
  const reading = readCountUntilStopped(other, stop.signal);
  await nc.close();
  await expect(other.events.publish(0, bytes('a'))).rejects.toBeInstanceOf(LogUnavailable);
  await expect(other.reader.lastOf(0)).rejects.toBeInstanceOf(LogUnavailable);
  expect(other.events.isConnected()).toBe(false);
  stop.abort();
  expect(await reading).toBe(0);
});

async function readCountUntilStopped(of: JetStreamLog, stop: AbortSignal): Promise<number> {
  let count = 0;
  for await (const messages of of.reader.read(0, 0, stop)) count += messages.length;
  return count;
}
