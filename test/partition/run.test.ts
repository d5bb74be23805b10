/** What keeps a partition going: reading, checkpoints when they are due, waiting when they cannot keep up, ticks. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Turns } from '../../src/lib/turns.ts';
import type { CheckpointPolicy } from '../../src/partition/checkpoint-policy.ts';
import { PartitionRun } from '../../src/partition/run.ts';
import { decodeBatch } from '../../src/wire/batch.ts';
import { DAY_MS, Desk, gate, programEvent, purchase, quiet, START_MS } from './harness.ts';

const NEVER_DUE: CheckpointPolicy = {
  events: 1_000,
  bytes: 1e9,
  members: 1e9,
  delayMs: 1e9,
  backlogDelayMs: 1e9,
  eventsBehindMax: 2_000,
};
const TICK_INTERVAL_MS = 1_000;

// The run looks at clocks; the test moves them.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: START_MS });
  // As in a process that has been running: its clock is past 0.
  vi.advanceTimersByTime(1_000);
});
afterEach(() => {
  vi.useRealTimers();
});

function runOf(
  desk: Desk,
  policy: Partial<CheckpointPolicy> = {},
  catchUpTo = 0,
  checkpoints = new Turns(1),
): PartitionRun {
  const { partition, log, counters } = desk;
  const { reader, events: writer } = log;
  const tickIntervalMs = TICK_INTERVAL_MS;
  return new PartitionRun({
    partition,
    reader,
    writer,
    policy: { ...NEVER_DUE, ...policy },
    checkpoints,
    counters,
    catchUpTo,
    tickIntervalMs,
  });
}

/** Both clocks, those of the run and that of the log. */
function pass(desk: Desk, ms: number): void {
  vi.advanceTimersByTime(ms);
  desk.clock.nowMs += ms;
}

it('scores what comes, and writes it all down when it is stopped', async () => {
  const desk = await Desk.open();
  const run = runOf(desk);
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  await desk.write([purchase('m', 3)]);
  await quiet();
  expect(desk.partition.sequence).toBe(2);
  expect(desk.store.position()).toBeUndefined();
  run.stop();
  await running;
  expect(desk.store.position()?.sequence).toBe(2);
});

it('writes down what was scored while the last checkpoint was written', async () => {
  const first = gate();
  const gates = [first.passed];
  const desk = await Desk.open({ faults: { beforeCommit: () => gates.shift() ?? Promise.resolve() } });
  const run = runOf(desk, { events: 1 });
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  await quiet();
  await desk.write([purchase('m', 3)]);
  await quiet();
  expect(desk.partition.sequence).toBe(2);
  run.stop();
  first.open();
  await running;
  expect(desk.store.position()?.sequence).toBe(2);
});

it('says once that it has caught up', async () => {
  const desk = await Desk.open();
  await desk.write([programEvent()]);
  await desk.write([purchase('m', 1)]);
  desk.log.faults.arrayMessages = () => 1;
  const seen: number[] = [];
  const run = runOf(desk, {}, 2);
  const running = run.run(() => seen.push(desk.partition.sequence));
  await desk.write([purchase('m', 1)]);
  await quiet();
  expect(seen).toEqual([2]);
  expect(desk.counters.readPartition(0, 'caughtUp')).toBe(1);
  run.stop();
  await running;

  const nothing: number[] = [];
  const idle = runOf(await Desk.open());
  const idling = idle.run(() => nothing.push(0));
  expect(nothing).toEqual([0]);
  idle.stop();
  await idling;
});

it.each([
  ['events', { events: 3 }],
  ['bytes', { bytes: 200 }],
  ['members', { members: 1 }],
] as const)('checkpoints while it reads: %s', async (_, policy) => {
  const desk = await Desk.open();
  const run = runOf(desk, policy);
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  for (let number = 0; number < 3; number++) {
    await desk.write([purchase('m', 1)]);
    await quiet();
  }
  expect(desk.store.position()?.sequence).toBeGreaterThan(0);
  run.stop();
  await running;
});

it('checkpoints after a delay though nothing more comes', async () => {
  const desk = await Desk.open();
  const run = runOf(desk, { delayMs: 500 });
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  await quiet();
  pass(desk, 499);
  await run.beat();
  await quiet();
  expect(desk.store.position()).toBeUndefined();
  pass(desk, 1);
  await run.beat();
  await quiet();
  expect(desk.store.position()?.sequence).toBe(1);
  run.stop();
  await running;
});

it('waits for a checkpoint that does not keep up', async () => {
  const { passed, open } = gate();
  const desk = await Desk.open({ faults: { beforeCommit: () => passed } });
  desk.log.faults.arrayMessages = () => 1;
  const run = runOf(desk, { events: 2, eventsBehindMax: 4 });
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  for (let number = 0; number < 20; number++) await desk.write([purchase('m', 1)]);
  await quiet();
  // Two that the checkpoint has taken, and four behind it.
  expect(desk.partition.sequence).toBe(6);
  open();
  await quiet();
  expect(desk.partition.sequence).toBe(21);
  run.stop();
  await running;
  expect(desk.store.position()?.sequence).toBe(21);
});

it('scores on while its checkpoint waits for its turn, and then writes all of it', async () => {
  const { passed, open } = gate();
  const checkpoints = new Turns(1);
  const before = await Desk.open({ faults: { beforeCommit: () => passed } });
  const after = await Desk.open();
  const runs = [before, after].map((desk) => runOf(desk, { events: 1 }, 0, checkpoints));
  const running = runs.map((run) => run.run(() => {}));
  await before.write([programEvent()]);
  await quiet();
  expect(before.partition.checkpointing).toBe(true);
  await after.write([programEvent()]);
  await quiet();
  await after.write([purchase('m', 3)]);
  await quiet();
  expect(after.partition.sequence).toBe(2);
  expect(after.partition.checkpointing).toBe(false);
  expect(after.store.position()).toBeUndefined();
  open();
  await quiet();
  expect(before.store.position()?.sequence).toBe(1);
  expect(after.store.position()?.sequence).toBe(2);
  expect(after.partition.eventsSince).toBe(0);
  for (const run of runs) run.stop();
  await Promise.all(running);
});

it('waits for its turn, too, when it is stopped', async () => {
  const { passed, open } = gate();
  const checkpoints = new Turns(1);
  const other = checkpoints.take(() => passed);
  const desk = await Desk.open();
  const run = runOf(desk, {}, 0, checkpoints);
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  await quiet();
  run.stop();
  await quiet();
  expect(desk.store.position()).toBeUndefined();
  open();
  await Promise.all([other, running]);
  expect(desk.store.position()?.sequence).toBe(1);
});

it('leaves the turn to others when its checkpoint fails', async () => {
  const checkpoints = new Turns(1);
  const broken = await Desk.open({ faults: { beforeCommit: () => Promise.reject(new Error('disk full')) } });
  const desk = await Desk.open();
  const failing = expect(runOf(broken, { events: 1 }, 0, checkpoints).run(() => {})).rejects.toThrow('disk full');
  await broken.write([programEvent()]);
  await failing;
  const run = runOf(desk, { events: 1 }, 0, checkpoints);
  const running = run.run(() => {});
  await desk.write([programEvent()]);
  await quiet();
  expect(desk.store.position()?.sequence).toBe(1);
  run.stop();
  await running;
});

it('ends with the failure of a checkpoint, though nothing more comes', async () => {
  const desk = await Desk.open({ faults: { beforeCommit: () => Promise.reject(new Error('disk full')) } });
  const run = runOf(desk, { events: 1 });
  const running = expect(run.run(() => {})).rejects.toThrow('disk full');
  await desk.write([programEvent()]);
  await running;
  expect(desk.store.position()).toBeUndefined();
  // Nothing is left that a beat could do.
  await run.beat();
});

it('ends with the failure of the log', async () => {
  const desk = await Desk.open();
  const run = runOf(desk);
  const running = expect(run.run(() => {})).rejects.toThrow('made anew');
  await desk.write([programEvent()]);
  await quiet();
  desk.log.faults.recreate();
  await running;
});

/** A running partition with a level that ends at `due`. */
async function withTimer(
  catchUpTo = 0,
  policy: Partial<CheckpointPolicy> = {},
): Promise<{ desk: Desk; run: PartitionRun; running: Promise<void>; due: number }> {
  const desk = await Desk.open({ clock: { nowMs: Date.now() } });
  await desk.write([programEvent()]);
  await desk.write([purchase('m', 10)]);
  const run = runOf(desk, policy, catchUpTo);
  const running = run.run(() => {});
  await quiet();
  return { desk, run, running, due: Date.UTC(2026, 0, 17) };
}

async function ticksOf({ log }: Desk): Promise<number> {
  const { lastSequence } = await log.reader.state();
  let ticks = 0;
  for (let sequence = 1; sequence <= lastSequence; sequence++) {
    const message = await log.reader.messageAt(sequence);
    const events = message === undefined ? [] : decodeBatch(message.payload).events;
    ticks += events.filter(({ type }) => type === 'tick').length;
  }
  return ticks;
}

it('writes a tick when a timer has come due, and not before', async () => {
  const { desk, run, running, due } = await withTimer();
  pass(desk, due - Date.now() - 1);
  await run.beat();
  expect(await ticksOf(desk)).toBe(0);
  pass(desk, 1);
  await run.beat();
  await quiet();
  expect(await ticksOf(desk)).toBe(1);
  expect(desk.partition.members.get('m')?.member.levelId).toBe('');
  pass(desk, DAY_MS);
  await run.beat();
  expect(await ticksOf(desk)).toBe(1);
  run.stop();
  await running;
});

it('writes one tick for a timer that is in the store', async () => {
  const { desk, run, running, due } = await withTimer(0, { events: 1 });
  expect(desk.store.nextDue()).toBe(due);
  pass(desk, due - Date.now());
  for (let second = 0; second < 3; second++) {
    await run.beat();
    await quiet();
    pass(desk, TICK_INTERVAL_MS);
  }
  expect(desk.store.nextDue()).toBe(Infinity);
  expect(await ticksOf(desk)).toBe(1);
  run.stop();
  await running;
});

it('writes no tick while it has not caught up', async () => {
  const { desk, run, running, due } = await withTimer(3);
  pass(desk, due - Date.now());
  await run.beat();
  expect(await ticksOf(desk)).toBe(0);
  run.stop();
  await running;
});

it('asks again, but not at once, when the log did not take a tick', async () => {
  const { desk, run, running, due } = await withTimer();
  pass(desk, due - Date.now());
  desk.log.faults.fateOf = () => 'lost';
  await run.beat();
  desk.log.faults.fateOf = undefined;
  pass(desk, TICK_INTERVAL_MS - 1);
  await run.beat();
  expect(await ticksOf(desk)).toBe(0);
  pass(desk, 1);
  await run.beat();
  expect(await ticksOf(desk)).toBe(1);
  run.stop();
  await running;
});

it('beats once at a time', async () => {
  const { desk, run, running, due } = await withTimer();
  pass(desk, due - Date.now());
  await Promise.all([run.beat(), run.beat(), run.beat()]);
  expect(await ticksOf(desk)).toBe(1);
  run.stop();
  await running;
});
