import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BATCH_POLICY, type BatchReason, whyFull, whySend } from '../../src/ingest/batch-policy.ts';
import { Ingest, type IngestOptions, IngestOverloaded, IngestStopping } from '../../src/ingest/ingest.ts';
import { must } from '../../src/lib/assert.ts';
import { BATCH_BYTES_MAX, BATCH_EVENTS_MAX, LINES_PER_EVENT_MAX, NATS_PAYLOAD_BYTES_MAX } from '../../src/limits.ts';
import { type EventWriter, LogUnavailable } from '../../src/log/log.ts';
import type { MemberEvent, Purchase } from '../../src/scoring/event.ts';
import { decodeBatch, estimateBytes } from '../../src/wire/batch.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { purchaseEvent } from '../helpers/events.ts';

/** A log whose acknowledgements the test gives by hand. */
class HandWriter implements EventWriter {
  connected = true;
  readonly messages: Message[] = [];

  isConnected(): boolean {
    return this.connected;
  }

  publish(partition: number, payload: Uint8Array): Promise<number> {
    const sequence = this.messages.length + 1;
    const { replyTo, events } = decodeBatch(payload);
    return new Promise((resolve, reject) => {
      const message: Message = {
        partition,
        sequence,
        replyTo,
        ids: events.map((event) => ('id' in event ? event.id : event.type)),
        payloadBytes: payload.length,
        settled: false,
        ack: () => {
          message.settled = true;
          resolve(sequence);
        },
        lose: () => {
          message.settled = true;
          reject(new LogUnavailable('no answer'));
        },
      };
      this.messages.push(message);
    });
  }

  get unsettled(): Message[] {
    return this.messages.filter(({ settled }) => !settled);
  }
}

interface Message {
  readonly partition: number;
  readonly sequence: number;
  readonly replyTo: string;
  readonly ids: readonly string[];
  readonly payloadBytes: number;
  settled: boolean;
  ack(): void;
  lose(): void;
}

function purchase(id: string, memberId = '42'): Purchase {
  return purchaseEvent({ id, memberId });
}

function purchases(count: number, prefix = 'p'): MemberEvent[] {
  return Array.from({ length: count }, (_, index) => purchase(`${prefix}${index}`));
}

function ids(events: readonly MemberEvent[]): string[] {
  return events.map(({ id }) => id);
}

/** Everything that was to happen at the end of this event-loop turn has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const NEVER_MS = 1_000_000;

function start(options: Partial<IngestOptions> = {}) {
  const writer = new HandWriter();
  const reasons: BatchReason[] = [];
  const ingest = new Ingest({
    writer,
    partitions: 1,
    policy: { ...BATCH_POLICY, delayMs: NEVER_MS },
    onBatch: (reason) => reasons.push(reason),
    ...options,
  });
  return { writer, ingest, reasons };
}

/** Two members of different partitions of two. */
const EVEN = must(['a', 'b', 'c', 'd'].find((memberId) => partitionOf(memberId, 2) === 0));
const ODD = must(['a', 'b', 'c', 'd'].find((memberId) => partitionOf(memberId, 2) === 1));

afterEach(() => {
  vi.useRealTimers();
});

describe('when a batch goes', () => {
  it('sends what came in one turn as one message when nothing is on the way', async () => {
    const { writer, ingest, reasons } = start();
    const calls = [ingest.submit([purchase('a'), purchase('b')]), ingest.submit([purchase('c')])];
    expect(writer.messages).toEqual([]);
    await turn();
    expect(writer.messages.map((message) => message.ids)).toEqual([['a', 'b', 'c']]);
    writer.messages[0]?.ack();
    expect(await Promise.all(calls)).toEqual([
      [
        { id: 'a', partition: 0, sequence: 1 },
        { id: 'b', partition: 0, sequence: 1 },
      ],
      [{ id: 'c', partition: 0, sequence: 1 }],
    ]);
    expect(reasons).toEqual(['idle']);
  });

  it('gathers while a publish is on the way and sends at its acknowledgement', async () => {
    const { writer, ingest, reasons } = start();
    const calls = [ingest.submit([purchase('a')])];
    await turn();
    for (const id of ['b', 'c', 'd']) {
      calls.push(ingest.submit([purchase(id)]));
      await turn();
    }
    expect(writer.messages).toHaveLength(1);
    writer.messages[0]?.ack();
    await turn();
    expect(writer.messages.map((message) => message.ids)).toEqual([['a'], ['b', 'c', 'd']]);
    expect(reasons).toEqual(['idle', 'idle']);
    writer.messages[1]?.ack();
    expect((await Promise.all(calls)).flat().map(({ sequence }) => sequence)).toEqual([1, 2, 2, 2]);
  });

  it('waits no longer than the delay', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { writer, ingest, reasons } = start({ policy: { ...BATCH_POLICY, delayMs: 7 } });
    const first = ingest.submit([purchase('a')]);
    await turn();
    const second = ingest.submit([purchase('b')]);
    await turn();
    vi.advanceTimersByTime(6);
    expect(writer.messages).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(writer.messages.map((message) => message.ids)).toEqual([['a'], ['b']]);
    expect(reasons).toEqual(['idle', 'delay']);
    for (const message of writer.messages) message.ack();
    await Promise.all([first, second]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts the delay from each batch on, whatever became of the one before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { writer, ingest, reasons } = start({ policy: { ...BATCH_POLICY, delayMs: 7 } });
    for (const id of ['a', 'b']) {
      void ingest.submit([purchase(id)]);
      await turn();
    }
    vi.advanceTimersByTime(5);
    writer.messages[0]?.ack();
    await turn();
    expect(reasons).toEqual(['idle', 'idle']);
    for (const id of ['c', 'd']) {
      void ingest.submit([purchase(id)]);
      await turn();
      vi.advanceTimersByTime(6);
      expect(writer.messages.map((message) => message.ids)).not.toContainEqual([id]);
      vi.advanceTimersByTime(1);
      expect(writer.messages.at(-1)?.ids).toEqual([id]);
    }
    expect(reasons).toEqual(['idle', 'idle', 'delay', 'delay']);
  });

  it('sends full batches without waiting, and no more of them than may be on the way', async () => {
    const { writer, ingest, reasons } = start({ policy: { ...BATCH_POLICY, delayMs: NEVER_MS, inFlightMax: 3 } });
    const events = purchases(4 * BATCH_EVENTS_MAX + 10);
    const call = ingest.submit(events);
    await turn();
    expect(writer.messages.map((message) => message.ids.length)).toEqual(Array(3).fill(BATCH_EVENTS_MAX));
    while (writer.unsettled.length > 0) {
      expect(writer.unsettled.length).toBeLessThanOrEqual(3);
      writer.unsettled[0]?.ack();
      await turn();
    }
    expect(writer.messages.flatMap((message) => message.ids)).toEqual(ids(events));
    expect(reasons).toEqual(['count', 'count', 'count', 'count', 'idle']);
    const stored = await call;
    expect(stored.map(({ id }) => id)).toEqual(ids(events));
    expect(stored.map(({ sequence }) => sequence)).toEqual(
      events.map((_, index) => Math.floor(index / BATCH_EVENTS_MAX) + 1),
    );
  });

  it('closes a batch by bytes, and lets an event that is larger go alone', async () => {
    const bytesMax = 3 * estimateBytes(purchase('p'));
    const { writer, ingest, reasons } = start({ policy: { ...BATCH_POLICY, delayMs: NEVER_MS, bytesMax } });
    const lines = Array.from({ length: 100 }, () => ({ sku: 'A', category: '', quantity: 1, amount: 1 }));
    const large: MemberEvent = { ...purchase('large'), amount: 100, lines };
    void ingest.submit([purchase('a'), purchase('b'), large, ...['c', 'd', 'e', 'f'].map((id) => purchase(id))]);
    await turn();
    expect(writer.messages.map((message) => message.ids)).toEqual([['a', 'b'], ['large'], ['c', 'd', 'e']]);
    expect(reasons).toEqual(['bytes', 'bytes', 'bytes']);
  });

  it('keeps partitions apart: one that waits holds up no other', async () => {
    const { writer, ingest } = start({ partitions: 2 });
    void ingest.submit([purchase('a', EVEN)]);
    await turn();
    void ingest.submit([purchase('b', EVEN), purchase('c', ODD)]);
    await turn();
    expect(writer.messages.map(({ partition, ids: sent }) => [partition, ...sent])).toEqual([
      [0, 'a'],
      [1, 'c'],
    ]);
  });

  it('shares the publishes on the way among partitions, in the order of asking', async () => {
    const { writer, ingest } = start({ partitions: 4, publishesInFlightMax: 1 });
    const members = [0, 1, 2, 3].map((partition) =>
      must(Array.from({ length: 50 }, (_, index) => `m${index}`).find((id) => partitionOf(id, 4) === partition)),
    );
    const calls = [3, 1, 2, 0].map((partition) => ingest.submit([purchase('p', members[partition])]));
    for (let sent = 1; sent <= 4; sent++) {
      await turn();
      expect(writer.unsettled).toHaveLength(1);
      writer.unsettled[0]?.ack();
    }
    expect(writer.messages.map(({ partition }) => partition)).toEqual([3, 1, 2, 0]);
    await Promise.all(calls);
  });

  it('names its reasons in order of precedence', () => {
    const quiet = { full: undefined, draining: false, inFlight: 1, alone: false, waited: false };
    expect(whySend(quiet)).toBeUndefined();
    expect(whySend({ ...quiet, waited: true })).toBe('delay');
    expect(whySend({ ...quiet, waited: true, alone: true })).toBe('alone');
    expect(whySend({ ...quiet, alone: true, inFlight: 0 })).toBe('idle');
    expect(whySend({ ...quiet, inFlight: 0, draining: true })).toBe('drain');
    expect(whySend({ ...quiet, full: 'bytes', draining: true })).toBe('bytes');
    expect(whyFull(BATCH_POLICY, BATCH_EVENTS_MAX - 1, BATCH_BYTES_MAX - 1)).toBeUndefined();
    expect(whyFull(BATCH_POLICY, BATCH_EVENTS_MAX, BATCH_BYTES_MAX)).toBe('count');
    expect(whyFull(BATCH_POLICY, 1, BATCH_BYTES_MAX)).toBe('bytes');
  });
});

describe('a message never outgrows the broker', () => {
  // Estimates count UTF-16 units and these take three bytes each; the bound on bytes is out of the way.
  const wide = '\u20ac'.repeat(42);
  const lines = Array.from({ length: LINES_PER_EVENT_MAX }, () => ({
    sku: wide,
    category: wide,
    quantity: 1,
    amount: 1,
  }));
  const events = Array.from({ length: 7 }, (_, index) =>
    purchaseEvent({ id: `wide${index}`, amount: LINES_PER_EVENT_MAX, lines }),
  );
  const policy = { ...BATCH_POLICY, bytesMax: 10_000_000 };

  it('splits a batch whose estimate was too low', async () => {
    const { writer, ingest, reasons } = start({ policy });
    const call = ingest.submit(events);
    await turn();
    expect(writer.messages.flatMap((message) => message.ids)).toEqual(ids(events));
    expect(writer.messages.length).toBeGreaterThan(1);
    for (const { payloadBytes } of writer.messages) expect(payloadBytes).toBeLessThan(NATS_PAYLOAD_BYTES_MAX);
    expect(new Set(reasons)).toEqual(new Set(['bytes']));
    for (const message of writer.messages) message.ack();
    expect((await call).map(({ id }) => id)).toEqual(ids(events));
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
  });

  it('keeps what was behind a batch that had to be split, and what comes after', async () => {
    const { writer, ingest } = start({ policy: { ...policy, inFlightMax: 1 } });
    void ingest.submit(events.slice(0, 5));
    void ingest.submit(events.slice(5), { replyTo: () => 'reply' });
    void ingest.submit([purchase('after')]);
    for (let sent = 1; ingest.queueEvents > 0; sent++) {
      await turn();
      if (sent === 1) void ingest.submit([purchase('late')]);
      writer.unsettled[0]?.ack();
    }
    expect(writer.messages.flatMap((message) => message.ids)).toEqual([...ids(events), 'after', 'late']);
  });

  it('keeps what comes after a split batch that was the last', async () => {
    const { writer, ingest } = start({ policy: { ...policy, inFlightMax: 1 } });
    void ingest.submit(events);
    await turn();
    void ingest.submit([purchase('late')]);
    for (; ingest.queueEvents > 0; await turn()) writer.unsettled[0]?.ack();
    expect(writer.messages.flatMap((message) => message.ids)).toEqual([...ids(events), 'late']);
  });

  it('asks for a subject once for each message it really makes', async () => {
    const { writer, ingest } = start({ policy });
    const tickets: (readonly number[])[] = [];
    void ingest.submit(events, { replyTo: (_partition, indexes) => `ticket.${tickets.push(indexes) - 1}` });
    await turn();
    expect(writer.messages.map(({ replyTo }) => replyTo)).toEqual(writer.messages.map((_, index) => `ticket.${index}`));
    expect(tickets.flat()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { payloadBytes } of writer.messages) expect(payloadBytes).toBeLessThan(NATS_PAYLOAD_BYTES_MAX);
    expect(writer.messages.map((message) => message.ids)).toEqual(
      tickets.map((indexes) => indexes.map((i) => `wide${i}`)),
    );
  });
});

describe('callers who wait for scores', () => {
  it('get messages of their own, one a partition, with the places of their events', async () => {
    const { writer, ingest } = start({ partitions: 2 });
    const asked: [number, readonly number[]][] = [];
    void ingest.submit([purchase('x', EVEN)]);
    const call = ingest.submit([purchase('a', EVEN), purchase('b', ODD), purchase('c', EVEN)], {
      replyTo: (partition, indexes) => {
        asked.push([partition, indexes]);
        return `reply.${partition}`;
      },
    });
    void ingest.submit([purchase('y', EVEN)]);
    await turn();
    const even = writer.messages.filter(({ partition }) => partition === 0);
    // x could not be joined by what came after, so there is nothing to wait for; y can wait for company.
    expect(even.map(({ ids: sent, replyTo }) => [replyTo, ...sent])).toEqual([
      ['', 'x'],
      ['reply.0', 'a', 'c'],
    ]);
    expect(asked.toSorted(([left], [right]) => left - right)).toEqual([
      [0, [0, 2]],
      [1, [1]],
    ]);
    for (const message of writer.messages) message.ack();
    expect((await call).map(({ id, partition }) => [id, partition])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ]);
  });

  it('do not wait for the acknowledgement of others, nor share with each other', async () => {
    const { writer, ingest, reasons } = start();
    for (const id of ['a', 'b', 'c']) void ingest.submit([purchase(id)], { replyTo: () => `reply.${id}` });
    await turn();
    expect(writer.messages.map(({ replyTo }) => replyTo)).toEqual(['reply.a', 'reply.b', 'reply.c']);
    expect(reasons).toEqual(['idle', 'alone', 'alone']);
  });

  it('take with them at once what was waiting before them', async () => {
    const { writer, ingest, reasons } = start();
    void ingest.submit([purchase('a')]);
    await turn();
    void ingest.submit([purchase('b')]);
    void ingest.submit([purchase('c')], { replyTo: () => 'reply' });
    void ingest.submit([purchase('d')]);
    await turn();
    expect(writer.messages.map((message) => message.ids)).toEqual([['a'], ['b'], ['c']]);
    expect(reasons).toEqual(['idle', 'alone', 'alone']);
  });

  it('get several messages for more events than one holds', async () => {
    const { writer, ingest } = start();
    const asked: number[] = [];
    void ingest.submit(purchases(BATCH_EVENTS_MAX + 1), {
      replyTo: (_partition, indexes) => `r${asked.push(indexes.length)}`,
    });
    await turn();
    expect(asked).toEqual([BATCH_EVENTS_MAX, 1]);
    expect(writer.messages.map(({ replyTo }) => replyTo)).toEqual(['r1', 'r2']);
  });
});

describe('when the log is lost', () => {
  it('refuses at once while it cannot be reached', async () => {
    const { writer, ingest } = start();
    writer.connected = false;
    await expect(ingest.submit([purchase('a')])).rejects.toThrow(LogUnavailable);
    await turn();
    expect(writer.messages).toEqual([]);
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
  });

  it('fails the whole call for one partition, and only the calls that had a part in it', async () => {
    const { writer, ingest } = start({ partitions: 2 });
    const both = ingest.submit([purchase('a', EVEN), purchase('b', ODD)]);
    const even = ingest.submit([purchase('c', EVEN)]);
    await turn();
    writer.messages.find(({ partition }) => partition === 1)?.lose();
    writer.messages.find(({ partition }) => partition === 0)?.ack();
    await expect(both).rejects.toThrow(LogUnavailable);
    expect(await even).toHaveLength(1);
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
  });

  it('does not send the rest of a failed call, and sends what others put beside it', async () => {
    const { writer, ingest } = start({ policy: { ...BATCH_POLICY, delayMs: NEVER_MS, inFlightMax: 1 } });
    const failing = ingest.submit(purchases(2 * BATCH_EVENTS_MAX + 5));
    const other = ingest.submit([purchase('other')]);
    await turn();
    writer.messages[0]?.lose();
    await expect(failing).rejects.toThrow(LogUnavailable);
    await turn();
    expect(writer.messages.slice(1).map((message) => message.ids)).toEqual([['other']]);
    writer.messages[1]?.ack();
    expect(await other).toMatchObject([{ id: 'other', sequence: 2 }]);
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
    // And is ready for the resend.
    const resend = ingest.submit([purchase('p0')]);
    await turn();
    writer.messages[2]?.ack();
    expect(await resend).toMatchObject([{ id: 'p0', sequence: 3 }]);
  });

  it('refuses what would pass the bound and takes it once there is room', async () => {
    const { writer, ingest } = start({ queueEventsMax: 10 });
    const first = ingest.submit(purchases(8));
    await expect(ingest.submit(purchases(3, 'q'))).rejects.toThrow(IngestOverloaded);
    await turn();
    await expect(ingest.submit(purchases(3, 'q'))).rejects.toThrow(IngestOverloaded);
    expect(ingest.queueEvents).toBe(8);
    const fits = ingest.submit(purchases(2, 'r'));
    writer.messages[0]?.ack();
    await first;
    await turn();
    expect(writer.messages.map((message) => message.ids.length)).toEqual([8, 2]);
    writer.messages[1]?.ack();
    await fits;
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
  });

  it('bounds the bytes that wait, too', async () => {
    const { writer, ingest } = start({ queueBytesMax: 10 });
    const first = ingest.submit(purchases(2));
    await expect(ingest.submit([purchase('q')])).rejects.toThrow(IngestOverloaded);
    await turn();
    writer.messages[0]?.ack();
    await first;
    void ingest.submit([purchase('q')]);
    await turn();
    expect(writer.messages).toHaveLength(2);
  });
});

describe('drain', () => {
  it('takes nothing more, sends what waits, and resolves when all of it is stored', async () => {
    const { writer, ingest, reasons } = start();
    const first = ingest.submit([purchase('a')]);
    await turn();
    const second = ingest.submit([purchase('b')]);
    let drained = false;
    const done = ingest.drain().then(() => {
      drained = true;
    });
    expect(writer.messages.map((message) => message.ids)).toEqual([['a'], ['b']]);
    expect(reasons).toEqual(['idle', 'drain']);
    await expect(ingest.submit([purchase('c')])).rejects.toThrow(IngestStopping);
    writer.messages[0]?.ack();
    await first;
    await turn();
    expect(drained).toBe(false);
    writer.messages[1]?.ack();
    await Promise.all([second, done]);
    await ingest.drain();
  });

  it('ends also when the log does not answer', async () => {
    const { writer, ingest } = start();
    const call = ingest.submit([purchase('a')]);
    const done = ingest.drain();
    writer.messages[0]?.lose();
    await expect(call).rejects.toThrow(LogUnavailable);
    await done;
  });

  it('of nothing is done at once', async () => {
    await start().ingest.drain();
  });
});

describe('for any traffic and any slowness of the log', () => {
  const PARTITIONS = 3;

  interface Step {
    readonly members: readonly number[];
    readonly waits: boolean;
    /** Which of the unsettled publishes are settled after this call, and how. */
    readonly settle: readonly { readonly pick: number; readonly lose: boolean }[];
    readonly turns: boolean;
  }

  interface Bounds {
    readonly eventsMax: number;
    readonly bytesMax: number;
    readonly inFlightMax: number;
    readonly publishesInFlightMax: number;
  }

  const stepsOf = (loses: fc.Arbitrary<boolean>): fc.Arbitrary<Step[]> =>
    fc.array(
      fc.record({
        members: fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 12 }),
        waits: fc.boolean(),
        settle: fc.array(fc.record({ pick: fc.nat(), lose: loses }), { maxLength: 3 }),
        turns: fc.boolean(),
      }),
      { minLength: 1, maxLength: 25 },
    );

  const limits: fc.Arbitrary<Bounds> = fc.record({
    eventsMax: fc.integer({ min: 1, max: 8 }),
    bytesMax: fc.integer({ min: 1, max: 800 }),
    inFlightMax: fc.integer({ min: 1, max: 3 }),
    publishesInFlightMax: fc.integer({ min: 1, max: 5 }),
  });

  async function run(steps: readonly Step[], { publishesInFlightMax, ...policy }: Bounds) {
    const { writer, ingest } = start({
      partitions: PARTITIONS,
      policy: { ...policy, delayMs: 0 },
      publishesInFlightMax,
    });
    const checkBounds = () => {
      expect(writer.unsettled.length).toBeLessThanOrEqual(publishesInFlightMax);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const own = writer.unsettled.filter((message) => message.partition === partition);
        expect(own.length).toBeLessThanOrEqual(policy.inFlightMax);
      }
    };
    const tickets = new Map<string, readonly string[]>();
    const calls: { readonly events: readonly MemberEvent[]; readonly stored: Promise<unknown> }[] = [];
    for (const [number, step] of steps.entries()) {
      const events = step.members.map((member, index) => purchase(`${number}.${index}`, `m${member}`));
      const replyTo = (partition: number, indexes: readonly number[]) => {
        const ticket = `t${tickets.size}`;
        tickets.set(
          ticket,
          indexes.map((index) => must(events[index]).id),
        );
        expect(indexes.every((index) => partitionOf(must(events[index]).memberId, PARTITIONS) === partition)).toBe(
          true,
        );
        return ticket;
      };
      const stored = ingest.submit(events, step.waits ? { replyTo } : {}).catch((error: unknown) => error);
      calls.push({ events, stored });
      if (step.turns) await turn();
      for (const { pick, lose } of step.settle) {
        const message = writer.unsettled[pick % Math.max(1, writer.unsettled.length)];
        if (lose) message?.lose();
        else message?.ack();
        if (step.turns) await turn();
        checkBounds();
      }
    }
    const drained = ingest.drain();
    for (; ingest.queueEvents > 0; await turn()) {
      checkBounds();
      writer.unsettled[0]?.ack();
    }
    await drained;
    expect([ingest.queueEvents, ingest.queueBytes]).toEqual([0, 0]);
    const results = await Promise.all(calls.map(({ stored }) => stored));
    for (const { ids: sent, replyTo } of writer.messages) {
      expect(sent.length).toBeLessThanOrEqual(policy.eventsMax);
      if (replyTo !== '') expect(sent).toEqual(tickets.get(replyTo));
    }
    expect(writer.messages.filter(({ replyTo }) => replyTo !== '')).toHaveLength(tickets.size);
    return { writer, calls, results };
  }

  it('loses nothing, doubles nothing, keeps order within each partition, and answers with the right sequence', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf(fc.constant(false)), limits, async (steps, bounds) => {
        const { writer, calls, results } = await run(steps, bounds);
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const sent = writer.messages.filter((message) => message.partition === partition);
          const given = calls
            .flatMap(({ events }) => events)
            .filter(({ memberId }) => partitionOf(memberId, PARTITIONS) === partition);
          expect(sent.flatMap((message) => message.ids)).toEqual(ids(given));
        }
        const sequenceOf = new Map(
          writer.messages.flatMap(({ ids: sent, sequence }) => sent.map((id) => [id, sequence])),
        );
        expect(results).toEqual(
          calls.map(({ events }) =>
            events.map(({ id, memberId }) => ({
              id,
              partition: partitionOf(memberId, PARTITIONS),
              sequence: sequenceOf.get(id),
            })),
          ),
        );
      }),
      { numRuns: 150, verbose: 1 },
    );
  });

  it('with losses: a call succeeds only if every event of it was stored, and nothing is sent twice', async () => {
    const rarely = fc.nat({ max: 4 }).map((roll) => roll === 0);
    await fc.assert(
      fc.asyncProperty(stepsOf(rarely), limits, async (steps, bounds) => {
        const { writer, calls, results } = await run(steps, bounds);
        const sent = writer.messages.flatMap((message) => message.ids);
        expect(new Set(sent).size).toBe(sent.length);
        for (const [index, { events }] of calls.entries()) {
          const result = results[index];
          if (Array.isArray(result)) {
            expect(result.map(({ id }: { id: string }) => id)).toEqual(ids(events));
            expect(ids(events).every((id) => sent.includes(id))).toBe(true);
          } else {
            expect(result).toBeInstanceOf(LogUnavailable);
          }
        }
      }),
      { numRuns: 150, verbose: 1 },
    );
  });
});
