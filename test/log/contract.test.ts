/** What every log must do, in memory and on a real nats-server alike. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READ_MESSAGES_MAX } from '../../src/limits.ts';
import { connectLog } from '../../src/log/connect.ts';
import { openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { EffectsConflict, type EffectsWriter, type EventReader, type EventWriter } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';
import { bytes, readCount, text } from './reading.ts';

interface Log {
  readonly events: EventWriter;
  readonly reader: EventReader;
  readonly effects: EffectsWriter;
}

interface Fixture {
  /** A log never written to. */
  open(): Promise<Log>;
  close(): Promise<void>;
}

function memoryFixture(): Fixture {
  return { open: async () => new MemoryLog(() => Date.now()), close: async () => {} };
}

function jetStreamFixture(): Fixture {
  let server: NatsServer | undefined;
  const closers: (() => Promise<void>)[] = [];
  let logs = 0;
  return {
    open: async () => {
      server ??= await startNatsServer();
      const nc = await connectLog(server.url, 'contract');
      closers.push(() => nc.close());
      const { names } = await prepareTopology(nc, { prefix: `contract${++logs}`, partitions: 8, replicas: 1 });
      return await openJetStreamLog(nc, names);
    },
    close: async () => {
      for (const close of closers) await close();
      await server?.stop();
    },
  };
}

describe.each([
  ['in memory', memoryFixture, 100],
  ['on JetStream', jetStreamFixture, 8],
] as const)('the log %s', (_name, makeFixture, propertyRuns) => {
  const fixture = makeFixture();
  let log: Log;
  const never = new AbortController().signal;

  beforeAll(async () => {
    log = await fixture.open();
  });
  afterAll(() => fixture.close());

  it('says what it holds', async () => {
    const empty = await fixture.open();
    const before = await empty.reader.state();
    expect(before.lastSequence).toBe(0);
    expect(before.epoch).not.toBe('');
    expect(await empty.reader.lastOf(0)).toBeUndefined();
    expect(await empty.reader.messageAt(1)).toBeUndefined();
    expect(await empty.effects.lastOf(0)).toBeUndefined();

    expect(await empty.events.publish(0, bytes('a'))).toBe(1);
    expect(await empty.events.publish(1, bytes('b'))).toBe(2);
    expect(await empty.reader.state()).toEqual({ epoch: before.epoch, firstSequence: 1, lastSequence: 2 });
    expect(empty.events.isConnected()).toBe(true);
  });

  it('gives one stored message by sequence, and the newest of a partition', async () => {
    const first = await log.events.publish(0, bytes('first'));
    const second = await log.events.publish(0, bytes('second'));
    await log.events.publish(1, bytes('elsewhere'));

    const stored = await log.reader.messageAt(first);
    expect(text(stored)).toBe('first');
    expect(stored?.sequence).toBe(first);
    const last = await log.reader.lastOf(0);
    expect(text(last)).toBe('second');
    expect(last?.sequence).toBe(second);
    expect(await log.reader.messageAt(1_000_000)).toBeUndefined();

    const [readFirst, readSecond] = await readCount(log.reader, 0, first - 1, 2);
    expect(readFirst?.timestampMs).toBe(stored?.timestampMs);
    expect(readSecond?.timestampMs).toBe(last?.timestampMs);
  });

  it('stamps messages with whole milliseconds of its own clock', async () => {
    const before = Date.now();
    const sequence = await log.events.publish(0, bytes('now'));
    const after = Date.now();
    const [message] = await readCount(log.reader, 0, sequence - 1, 1);
    expect(Number.isInteger(message?.timestampMs)).toBe(true);
    expect(message?.timestampMs).toBeGreaterThanOrEqual(before);
    expect(message?.timestampMs).toBeLessThanOrEqual(after);
  });

  it('counts the messages of the partition that are still to come', async () => {
    const empty = await fixture.open();
    for (const payload of ['a', 'b', 'c']) {
      await empty.events.publish(2, bytes(payload));
      await empty.events.publish(3, bytes('other'));
    }
    const messages = await readCount(empty.reader, 2, 0, 3);
    expect(messages.map((message) => message.pending)).toEqual([2, 1, 0]);
  });

  it('keeps a payload as it was, also an empty one', async () => {
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    const sequence = await log.events.publish(4, every);
    await log.events.publish(4, new Uint8Array(0));
    const [full, none] = await readCount(log.reader, 4, sequence - 1, 2);
    expect([...(full?.payload ?? [])]).toEqual([...every]);
    expect(none?.payload).toHaveLength(0);
  });

  it('waits at the tail for what comes', async () => {
    const sequence = await log.events.publish(5, bytes('old'));
    const reading = readCount(log.reader, 5, sequence, 2);
    const third = await log.events.publish(5, bytes('new'));
    const fourth = await log.events.publish(5, bytes('newer'));
    const messages = await reading;
    expect(messages.map((message) => [message.sequence, text(message)])).toEqual([
      [third, 'new'],
      [fourth, 'newer'],
    ]);
  });

  it('ends when it is told to stop, also while it waits', async () => {
    const stop = new AbortController();
    const reading = (async () => {
      const { lastSequence } = await log.reader.state();
      for await (const messages of log.reader.read(6, lastSequence, stop.signal)) return messages;
      return 'ended';
    })();
    await log.reader.state();
    stop.abort();
    expect(await reading).toBe('ended');

    for await (const messages of log.reader.read(6, 0, stop.signal)) expect.unreachable(String(messages));
  });

  it('hands out no more than it may hold, and loses nothing while nobody asks', async () => {
    const count = 3 * READ_MESSAGES_MAX;
    const { lastSequence } = await log.reader.state();
    await Promise.all(Array.from({ length: count }, (_, index) => log.events.publish(7, bytes(String(index)))));

    const reading = log.reader.read(7, lastSequence, never)[Symbol.asyncIterator]();
    const read: string[] = [];
    while (read.length < count) {
      const { value } = await reading.next();
      expect(value.length).toBeGreaterThan(0);
      expect(value.length).toBeLessThanOrEqual(READ_MESSAGES_MAX);
      for (const message of value) read.push(text(message));
      // A slow owner: others use the log meanwhile.
      await log.reader.state();
    }
    await reading.return?.();
    expect(read).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  it('serves readers of one partition independently of each other', async () => {
    const first = await log.events.publish(6, bytes('x'));
    const second = await log.events.publish(6, bytes('y'));
    const [whole, tail] = await Promise.all([
      readCount(log.reader, 6, first - 1, 2),
      readCount(log.reader, 6, second - 1, 1),
    ]);
    expect(whole.map(text)).toEqual(['x', 'y']);
    expect(tail.map(text)).toEqual(['y']);
  });

  it('appends effects only after the newest ones', async () => {
    const first = await log.effects.publish(0, bytes('1'), 0);
    const elsewhere = await log.effects.publish(1, bytes('other partition'), 0);
    const second = await log.effects.publish(0, bytes('2'), first);
    expect(elsewhere).toBeGreaterThan(first);
    expect(second).toBeGreaterThan(elsewhere);

    await expect(log.effects.publish(0, bytes('late'), first)).rejects.toBeInstanceOf(EffectsConflict);
    await expect(log.effects.publish(0, bytes('late'), 0)).rejects.toBeInstanceOf(EffectsConflict);
    await expect(log.effects.publish(2, bytes('early'), second)).rejects.toBeInstanceOf(EffectsConflict);

    const last = await log.effects.lastOf(0);
    expect(last?.sequence).toBe(second);
    expect(text(last)).toBe('2');
    expect(text(await log.effects.lastOf(1))).toBe('other partition');
    expect(await log.effects.lastOf(2)).toBeUndefined();
  });

  it('lets exactly one of several writers append after the same message', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) => log.effects.publish(3, bytes(String(index)), 0)),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('reads each partition from any position exactly as it was written', async () => {
    const write = fc.record({ partition: fc.integer({ min: 0, max: 2 }), payload: fc.uint8Array({ maxLength: 300 }) });
    const property = fc.asyncProperty(
      fc.array(write, { minLength: 1, maxLength: 80 }),
      fc.nat(),
      async (writes, at) => {
        const { lastSequence } = await log.reader.state();
        const position = lastSequence + (at % writes.length);
        const sequences: number[] = [];
        for (const { partition, payload } of writes) sequences.push(await log.events.publish(partition, payload));

        for (const partition of [0, 1, 2]) {
          const expected = writes
            .map((each, index) => ({ ...each, sequence: sequences[index] ?? 0 }))
            .filter((each) => each.partition === partition && each.sequence > position);
          const read = await readCount(log.reader, partition, position, expected.length);
          expect(read.map(({ sequence, payload }) => [sequence, [...payload]])).toEqual(
            expected.map(({ sequence, payload }) => [sequence, [...payload]]),
          );
        }
      },
    );
    await fc.assert(property, { numRuns: propertyRuns });
  });
});
