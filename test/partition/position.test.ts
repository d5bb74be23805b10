/** Which stores, and which effects, may be continued from which logs. */
import { describe, expect, it } from 'vitest';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { checkEffects, checkPosition, messageFingerprint, PositionMismatch } from '../../src/partition/position.ts';
import type { StoredPosition } from '../../src/store/store.ts';
import { decodeEffects } from '../../src/wire/effects.ts';
import { Desk, EPOCH, programEvent, purchase, START_MS } from './harness.ts';

const TICK = Uint8Array.of(1, 2, 3);

/** A log of five messages, a second apart. */
async function fiveMessages(): Promise<{ log: MemoryLog; clock: { nowMs: number } }> {
  const clock = { nowMs: START_MS };
  const log = new MemoryLog(() => clock.nowMs);
  for (let number = 1; number <= 5; number++) {
    clock.nowMs += 1_000;
    await log.events.publish(0, Uint8Array.of(number));
  }
  return { log, clock };
}

async function positionAt(log: MemoryLog, sequence: number): Promise<StoredPosition> {
  const message = await log.reader.messageAt(sequence);
  return {
    epoch: EPOCH,
    sequence,
    messageFingerprint: message === undefined ? 0 : messageFingerprint(message.payload),
    timestampMs: message?.timestampMs ?? 0,
    digest: '0000000000000000',
    program: '',
  };
}

async function check(log: MemoryLog, position: StoredPosition | undefined, firstSequence?: number): Promise<void> {
  const state = await log.reader.state();
  await checkPosition(0, position, { ...state, firstSequence: firstSequence ?? state.firstSequence }, log.reader);
}

describe('a store', () => {
  it('that is new is continued from the beginning of a log', async () => {
    const { log } = await fiveMessages();
    await check(log, undefined);
    await check(new MemoryLog(() => 0), undefined);
  });

  it('that is new is refused by a log whose beginning is gone', async () => {
    const { log } = await fiveMessages();
    await expect(check(log, undefined, 2)).rejects.toThrow(/store is empty, and the log begins only at sequence 2/);
  });

  it('is continued from anywhere in its log', async () => {
    const { log } = await fiveMessages();
    for (let sequence = 0; sequence <= 5; sequence++) await check(log, await positionAt(log, sequence));
  });

  it('that was written before the log had a message is continued', async () => {
    const log = new MemoryLog(() => 0);
    await check(log, await positionAt(log, 0));
  });

  it('is continued where the log has dropped what the store has scored, up to the last message of it', async () => {
    const { log } = await fiveMessages();
    await check(log, await positionAt(log, 2), 4).then(
      () => expect.unreachable(),
      (error) => expect(error.message).toMatch(/store is at sequence 2, but the log begins at 4/),
    );
    await check(log, await positionAt(log, 3), 4);
  });

  it('of another log is refused', async () => {
    const { log } = await fiveMessages();
    const position = { ...(await positionAt(log, 3)), epoch: 'memory@0' };
    await expect(check(log, position)).rejects.toThrow(
      /store belongs to the log "memory@0", but this one is "memory@1"/,
    );
  });

  it('that is ahead of the log is refused, with what can be done', async () => {
    const { log } = await fiveMessages();
    const position = await positionAt(log, 5);
    log.faults.losePower({ events: 2, effects: 0 });
    const refused = expect(check(log, position)).rejects;
    await refused.toBeInstanceOf(PositionMismatch);
    await expect(check(log, position)).rejects.toThrow(/store is at sequence 5, but the log ends at 3.*move the store/);
    await check(log, await positionAt(log, 3));
  });

  it('whose message was replaced is refused', async () => {
    const { log, clock } = await fiveMessages();
    const position = await positionAt(log, 5);
    log.faults.losePower({ events: 1, effects: 0 });
    await log.events.publish(0, Uint8Array.of(99));
    expect((await log.reader.messageAt(5))?.timestampMs).toBe(clock.nowMs);
    await expect(check(log, position)).rejects.toThrow(/another message at sequence 5/);
  });

  it('whose message was replaced by one of the same bytes, as ticks have, is refused', async () => {
    const { log, clock } = await fiveMessages();
    await log.events.publish(0, TICK);
    const position = await positionAt(log, 6);
    log.faults.losePower({ events: 2, effects: 0 });
    clock.nowMs += 1;
    await log.events.publish(0, Uint8Array.of(98));
    await log.events.publish(0, TICK);
    await expect(check(log, position)).rejects.toThrow(/another message at sequence 6/);
  });
});

describe('effects', () => {
  /** A partition that has sent the effects of its message 3 and whose store is at 2. */
  async function effectsAhead(): Promise<Desk> {
    const desk = await Desk.open();
    await desk.score([programEvent()]);
    await desk.score([purchase('m', 5)]);
    await desk.partition.checkpoint();
    const { log, clock } = desk;
    const dying = await Desk.open({ log, clock, faults: { beforeCommit: () => new Promise(() => {}) } });
    await desk.write([purchase('m', 10)]);
    await dying.score();
    void dying.partition.checkpoint();
    await new Promise(setImmediate);
    return desk;
  }

  async function checkAll({ log, store }: Desk): Promise<void> {
    const state = await log.reader.state();
    await checkPosition(0, store.position(), state, log.reader);
    await checkEffects(0, store.position(), log.effects, state, log.reader);
  }

  it('that were never sent fit every log', async () => {
    const { log } = await fiveMessages();
    await checkEffects(0, undefined, log.effects, await log.reader.state(), log.reader);
  });

  it('that are ahead of the store fit', async () => {
    await checkAll(await effectsAhead());
  });

  it('of events that the log has lost are refused, though the store fits', async () => {
    const desk = await effectsAhead();
    desk.log.faults.losePower({ events: 1, effects: 0 });
    await expect(checkAll(desk)).rejects.toThrow(/effects have been sent up to sequence 3, but the log ends at 2/);
    await expect(checkAll(desk)).rejects.toBeInstanceOf(PositionMismatch);
  });

  it('are refused also once another event has taken the place of the lost one', async () => {
    const desk = await effectsAhead();
    desk.log.faults.losePower({ events: 1, effects: 0 });
    desk.clock.nowMs += 1;
    await desk.write([purchase('n', 20)]);
    await expect(checkAll(desk)).rejects.toThrow(/sequence 3, but the log holds another message there/);
  });

  it('of another history say nothing', async () => {
    const desk = await effectsAhead();
    const state = await desk.log.reader.state();
    await checkEffects(
      0,
      undefined,
      desk.log.effects,
      { ...state, epoch: 'memory@2', lastSequence: 0 },
      desk.log.reader,
    );
  });

  it('that the store counts as sent and the stream has lost are refused', async () => {
    const { log } = await effectsAhead();
    const state = await log.reader.state();
    const last = decodeEffects((await log.effects.lastOf(0))?.payload ?? new Uint8Array(0)).to;
    const positionWith = async (ordinal: number): Promise<StoredPosition> => {
      return { ...(await positionAt(log, 3)), effects: { sequence: last.sequence, ordinal } };
    };
    await checkEffects(0, await positionWith(last.ordinal), log.effects, state, log.reader);
    const refused = checkEffects(0, await positionWith(last.ordinal + 1), log.effects, state, log.reader);
    await expect(refused).rejects.toThrow(/the effects stream ends at 3\.\d+: it has lost its end/);
  });
});
