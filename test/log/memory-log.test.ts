/** The faults the memory log can be told to have; all else is in the contract's tests. */
import { beforeEach, describe, expect, it } from 'vitest';
import { LogDiverged, LogUnavailable } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { bytes, readCount, text } from './reading.ts';

let log: MemoryLog;
let now: number;
const never = new AbortController().signal;

beforeEach(() => {
  now = 1_000;
  log = new MemoryLog(() => now);
});

describe('the memory log', () => {
  it('takes its time from the given clock', async () => {
    await log.events.publish(0, bytes('a'));
    now = 5_000;
    await log.events.publish(0, bytes('b'));
    expect((await readCount(log.reader, 0, 0, 2)).map(({ timestampMs }) => timestampMs)).toEqual([1_000, 5_000]);
  });

  it('can lose a message before or after storing it', async () => {
    const fates = ['lost', 'unacknowledged', 'stored'] as const;
    let asked = 0;
    log.faults.fateOf = () => fates[asked++] ?? 'stored';
    await expect(log.events.publish(0, bytes('lost'))).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.events.publish(0, bytes('unacknowledged'))).rejects.toBeInstanceOf(LogUnavailable);
    expect(await log.events.publish(0, bytes('stored'))).toBe(2);
    expect((await readCount(log.reader, 0, 0, 2)).map(text)).toEqual(['unacknowledged', 'stored']);

    log.faults.fateOf = (stream) => (stream === 'effects' ? 'unacknowledged' : 'stored');
    await expect(log.effects.publish(0, bytes('effects'), 0)).rejects.toBeInstanceOf(LogUnavailable);
    expect(text(await log.effects.lastOf(0))).toBe('effects');
  });

  it('can be unreachable for a while, and readers survive it', async () => {
    await log.events.publish(0, bytes('a'));
    const reading = log.reader.read(0, 0, never)[Symbol.asyncIterator]();
    await reading.next();
    const next = reading.next();
    log.faults.setReachable(false);
    expect(log.events.isConnected()).toBe(false);
    await expect(log.events.publish(0, bytes('b'))).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.reader.state()).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.reader.messageAt(1)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.effects.lastOf(0)).rejects.toBeInstanceOf(LogUnavailable);
    await expect(log.effects.publish(0, bytes('b'), 0)).rejects.toBeInstanceOf(LogUnavailable);
    log.faults.setReachable(true);
    await log.events.publish(0, bytes('c'));
    expect((await next).value.map(text)).toEqual(['c']);
  });

  it('can end arrays anywhere', async () => {
    for (const payload of ['a', 'b', 'c']) await log.events.publish(0, bytes(payload));
    const sizes = [2, 1];
    log.faults.arrayMessages = () => sizes.shift() ?? 1;
    const reading = log.reader.read(0, 0, never)[Symbol.asyncIterator]();
    expect((await reading.next()).value.map(text)).toEqual(['a', 'b']);
    expect((await reading.next()).value.map(text)).toEqual(['c']);
  });

  it('can deliver again what a reader has had, and what was before its position', async () => {
    for (const payload of ['a', 'b', 'c', 'd']) await log.events.publish(0, bytes(payload));
    const again = [1, 9, 1, 0];
    log.faults.redelivered = () => again.shift() ?? 0;
    log.faults.arrayMessages = () => 3;
    const reading = log.reader.read(0, 1, never)[Symbol.asyncIterator]();
    expect((await reading.next()).value.map(text)).toEqual(['a', 'b', 'c']);
    // An array may hold nothing new; what is new still comes.
    expect((await reading.next()).value.map(text)).toEqual(['a', 'b', 'c']);
    expect((await reading.next()).value.map(text)).toEqual(['c', 'd']);
    await log.events.publish(0, bytes('e'));
    expect((await reading.next()).value.map(text)).toEqual(['e']);
  });

  it('can lose its newest messages, and readers of those notice', async () => {
    for (const payload of ['a', 'b', 'c']) await log.events.publish(0, bytes(payload));
    await log.events.publish(1, bytes('kept'));
    await log.events.publish(1, bytes('gone'));
    const [reading, behind] = [0, 1].map((partition) => log.reader.read(partition, 0, never)[Symbol.asyncIterator]());
    await reading?.next();
    log.faults.losePower({ events: 3, effects: 0 });
    expect((await log.reader.state()).lastSequence).toBe(2);
    // Given out again: the reader must not take the new messages for the ones it knows.
    for (const payload of ['x', 'y', 'z']) await log.events.publish(0, bytes(payload));
    await expect(reading?.next()).rejects.toBeInstanceOf(LogDiverged);
    const afterwards = behind?.next();
    await log.events.publish(1, bytes('new'));
    expect((await afterwards)?.value.map(text)).toEqual(['new']);
    await expect(readCount(log.reader, 0, 100, 1)).rejects.toBeInstanceOf(LogDiverged);
  });

  it('loses effects independently of events', async () => {
    await log.events.publish(0, bytes('event'));
    await log.effects.publish(0, bytes('effects'), 0);
    log.faults.losePower({ events: 0, effects: 1 });
    expect(await log.effects.lastOf(0)).toBeUndefined();
    expect(text(await log.reader.lastOf(0))).toBe('event');
  });

  it('can be made anew', async () => {
    await log.events.publish(0, bytes('a'));
    const reading = log.reader.read(0, 0, never)[Symbol.asyncIterator]();
    await reading.next();
    const { epoch } = await log.reader.state();
    log.faults.recreate();
    expect(await log.reader.state()).not.toMatchObject({ epoch });
    await expect(reading.next()).rejects.toBeInstanceOf(LogDiverged);
  });
});
