/** Each effect once on the subject, whatever becomes of messages, answers and other owners. */
import { describe, expect, it } from 'vitest';
import { EFFECTS_BYTES_MAX, NATS_PAYLOAD_BYTES_MAX } from '../../src/limits.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { EffectsQueue } from '../../src/partition/effects-queue.ts';
import { BEFORE_ALL_EFFECTS, type EffectBody, encodeEffects } from '../../src/wire/effects.ts';
import { effectsMessages, effectsOf } from './harness.ts';

function open(log: MemoryLog, pause = async (): Promise<void> => {}, epoch = 'e1'): Promise<EffectsQueue> {
  return EffectsQueue.open({ partition: 0, epoch, writer: log.effects, pause, asked: BEFORE_ALL_EFFECTS });
}

function push(queue: EffectsQueue, ...sequences: readonly number[]): void {
  for (const sequence of sequences) {
    queue.push(
      { sequence, timestampMs: sequence * 1_000, payload: new Uint8Array(), pending: 0 },
      body(`s${sequence}`),
    );
  }
}

function body(message: string): EffectBody {
  return { type: 'rejected', code: 'malformed', message, bytes: '', bytesTotal: 0 };
}

function flush(queue: EffectsQueue): Promise<number> {
  return queue.publish(queue.take());
}

async function placesOn(log: MemoryLog): Promise<string[]> {
  return (await effectsOf(log)).map(({ sequence, ordinal }) => `${sequence}.${ordinal}`);
}

const newLog = (): MemoryLog => new MemoryLog(() => 0);

describe('a queue', () => {
  it('numbers the effects of a message, and says with each when the log received it', async () => {
    const log = newLog();
    const queue = await open(log);
    push(queue, 3, 3, 7);
    await flush(queue);
    expect(await effectsMessages(log)).toEqual([
      {
        version: 2,
        partition: 0,
        epoch: 'e1',
        to: { sequence: 7, ordinal: 1 },
        effects: [
          { sequence: 3, ordinal: 1, loggedAt: '1970-01-01T00:00:03.000Z', ...body('s3') },
          { sequence: 3, ordinal: 2, loggedAt: '1970-01-01T00:00:03.000Z', ...body('s3') },
          { sequence: 7, ordinal: 1, loggedAt: '1970-01-01T00:00:07.000Z', ...body('s7') },
        ],
      },
    ]);
  });

  it('sends no message without effects', async () => {
    const log = newLog();
    await flush(await open(log));
    expect(await effectsMessages(log)).toEqual([]);
  });

  it('fills messages up to their limit, and one effect past it has a message of its own', async () => {
    const log = newLog();
    const queue = await open(log);
    const large = body('x'.repeat(EFFECTS_BYTES_MAX / 9));
    for (let sequence = 1; sequence <= 5; sequence++) {
      queue.push({ sequence, timestampMs: 0, payload: new Uint8Array(), pending: 0 }, large);
    }
    queue.push(
      { sequence: 6, timestampMs: 0, payload: new Uint8Array(), pending: 0 },
      body('y'.repeat(EFFECTS_BYTES_MAX)),
    );
    await flush(queue);
    const messages = await effectsMessages(log);
    expect(messages.map(({ effects }) => effects.map(({ sequence }) => sequence))).toEqual([[1, 2], [3, 4], [5], [6]]);
    for (const message of messages) {
      const last = message.effects.at(-1);
      expect(message.to).toEqual({ sequence: last?.sequence, ordinal: last?.ordinal });
      expect(encodeEffects(message).length).toBeLessThan(NATS_PAYLOAD_BYTES_MAX);
    }
  });
});

describe('a restarted queue', () => {
  it('does not send again what is on the subject, to the effect', async () => {
    const log = newLog();
    const first = await open(log);
    push(first, 1, 2, 2);
    await flush(first);
    const second = await open(log);
    push(second, 1, 2, 2, 2, 3);
    expect(second.suppressed).toBe(3);
    await flush(second);
    expect(await placesOn(log)).toEqual(['1.1', '2.1', '2.2', '2.3', '3.1']);
  });

  it('sends everything behind effects of another history', async () => {
    const log = newLog();
    const first = await open(log);
    push(first, 9);
    await flush(first);
    const second = await open(log, undefined, 'e2');
    push(second, 1);
    await flush(second);
    expect(second.suppressed).toBe(0);
    expect(await placesOn(log)).toEqual(['9.1', '1.1']);
  });

  it('does not open while the log is away', async () => {
    const log = newLog();
    log.faults.setReachable(false);
    await expect(open(log)).rejects.toBeInstanceOf(LogUnavailable);
  });
});

describe('a queue whose log', () => {
  it.each(['lost', 'unacknowledged'] as const)('answers nothing (%s) sends once', async (fate) => {
    const log = newLog();
    const queue = await open(log);
    const fates = [fate, fate, 'stored' as const];
    log.faults.fateOf = () => fates.shift() ?? 'stored';
    push(queue, 1, 2);
    await flush(queue);
    push(queue, 3);
    await flush(queue);
    expect(await placesOn(log)).toEqual(['1.1', '2.1', '3.1']);
  });

  it('is away for a while waits, and looks again before it sends again', async () => {
    const log = newLog();
    let pauses = 0;
    const queue = await open(log, async () => {
      pauses += 1;
      if (pauses === 3) log.faults.setReachable(true);
    });
    // The first one is stored, its answer is lost, and then the log is away.
    log.faults.fateOf = () => {
      log.faults.fateOf = undefined;
      log.faults.setReachable(false);
      return 'unacknowledged';
    };
    push(queue, 1);
    await flush(queue);
    expect(pauses).toBe(3);
    expect(await placesOn(log)).toEqual(['1.1']);
  });

  it('is away gives up when it is told to', async () => {
    const log = newLog();
    const queue = await open(log, () => Promise.reject(new Error('stopped')));
    log.faults.setReachable(false);
    push(queue, 1);
    await expect(flush(queue)).rejects.toThrow('stopped');
  });

  it('breaks for another reason breaks, too', async () => {
    const writer = { lastOf: async () => undefined, publish: () => Promise.reject(new Error('bug')) };
    const queue = await EffectsQueue.open({
      partition: 0,
      epoch: 'e1',
      writer,
      pause: async () => {},
      asked: BEFORE_ALL_EFFECTS,
    });
    push(queue, 1);
    await expect(flush(queue)).rejects.toThrow('bug');
  });
});

describe('two owners', () => {
  it('that are equally far send each effect once', async () => {
    const log = newLog();
    const [one, other] = [await open(log), await open(log)];
    for (const queue of [one, other]) push(queue, 1, 2);
    await flush(one);
    await flush(other);
    for (const queue of [other, one]) {
      push(queue, 3);
      await flush(queue);
    }
    expect(await placesOn(log)).toEqual(['1.1', '2.1', '3.1']);
  });

  it('of which one is ahead send each effect once', async () => {
    const log = newLog();
    const [ahead, behind] = [await open(log), await open(log)];
    push(ahead, 1, 2, 2, 3);
    push(behind, 1, 2);
    await flush(ahead);
    await flush(behind);
    push(behind, 2, 3, 4);
    await flush(behind);
    expect(await placesOn(log)).toEqual(['1.1', '2.1', '2.2', '3.1', '4.1']);
  });

  it('do not repeat what was queued while the other was found to be ahead', async () => {
    const log = newLog();
    const [ahead, behind] = [await open(log), await open(log)];
    push(ahead, 1, 2, 3);
    push(behind, 1);
    const taken = behind.take();
    await flush(ahead);
    // Scored while the checkpoint that has taken the first is under way.
    push(behind, 2, 3, 4);
    await behind.publish(taken);
    await flush(behind);
    expect(await placesOn(log)).toEqual(['1.1', '2.1', '3.1', '4.1']);
  });
});
