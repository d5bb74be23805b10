/** What a running partition says of itself: how long things took, why it wrote checkpoints, and nothing twice. */
import { expect, it } from 'vitest';
import { Turns } from '../../src/lib/turns.ts';
import type { EventReader } from '../../src/log/log.ts';
import { DEFAULT_CHECKPOINT_POLICY } from '../../src/partition/checkpoint-policy.ts';
import { PartitionRun, type RunOptions } from '../../src/partition/run.ts';
import { Desk, programEvent, purchase, quiet, START_MS } from './harness.ts';

function runOf(desk: Desk, options: Partial<RunOptions> = {}): PartitionRun {
  const { partition, log, counters } = desk;
  return new PartitionRun({
    partition,
    reader: log.reader,
    writer: log.events,
    policy: { ...DEFAULT_CHECKPOINT_POLICY, delayMs: 1e9 },
    checkpoints: new Turns(1),
    counters,
    catchUpTo: 0,
    tickIntervalMs: 1_000,
    ...options,
  });
}

/** Runs over what the log has, and stops. */
async function runThrough(desk: Desk, options: Partial<RunOptions> = {}): Promise<void> {
  const run = runOf(desk, options);
  const running = run.run(() => {});
  await quiet();
  run.stop();
  await running;
}

it('takes the age of each message for its own events', async () => {
  const desk = await Desk.open();
  await desk.write([programEvent()]);
  desk.clock.nowMs += 1_000;
  await desk.write([purchase('m', 1), purchase('n', 1), purchase('o', 1)]);
  const nowMs = START_MS + 2_000;
  await runThrough(desk, { clock: { wallMs: () => nowMs, monotonicMs: () => 1_000 } });
  const { sum, count } = desk.counters.readHistogram('publish_to_scored_seconds');
  expect(count).toBe(4);
  expect(sum).toBeCloseTo(2 + 3 * 1, 9);
});

it('tells ages of less than a millisecond', async () => {
  const desk = await Desk.open();
  await desk.write([programEvent()]);
  const { reader } = desk.log;
  const precise: EventReader = {
    ...reader,
    read: async function* (partition, afterSequence, stop) {
      for await (const messages of reader.read(partition, afterSequence, stop)) {
        yield messages.map((message) => ({ ...message, fractionMs: 0.5 }));
      }
    },
  };
  let monotonicMs = 1_000;
  const clock = { wallMs: () => START_MS, monotonicMs: () => monotonicMs };
  const run = runOf(desk, { reader: precise, clock });
  monotonicMs += 0.875;
  const running = run.run(() => {});
  await quiet();
  run.stop();
  await running;
  const { sum, count } = desk.counters.readHistogram('publish_to_scored_seconds');
  expect(count).toBe(1);
  expect(sum * 1_000).toBeCloseTo(0.375, 2);
});

it('says why it wrote a checkpoint, where, and up to which message', async () => {
  const desk = await Desk.open();
  const lines: unknown[] = [];
  const logger = { debug: (...line: unknown[]) => void lines.push(line) };
  await desk.write([programEvent()]);
  await desk.write([purchase('m', 1)]);
  await runThrough(desk, { policy: { ...DEFAULT_CHECKPOINT_POLICY, events: 2 }, logger });
  expect(desk.counters.readCheckpoints('events')).toBe(1);
  expect(desk.counters.readCheckpoints('stop')).toBe(1);
  expect(desk.counters.readCheckpoints('delay')).toBe(0);
  expect(desk.counters.readHistogram('checkpoint_seconds').count).toBe(2);
  expect(lines).toMatchObject([
    [{ partition: 0, sequence: 2, reason: 'events' }, 'checkpoint'],
    [{ partition: 0, sequence: 2, reason: 'stop' }, 'checkpoint'],
  ]);
});

it('counts an event once, though it is scored again after a failure, and takes nothing back', async () => {
  const failing = await Desk.open({ faults: { beforeCommit: () => Promise.reject(new Error('disk full')) } });
  const { log, counters } = failing;
  await log.events.publish(0, new Uint8Array([0xff]));
  await failing.write([programEvent()]);
  await failing.write([purchase('m', 12), purchase('m', 1)]);
  const run = runOf(failing, { policy: { ...DEFAULT_CHECKPOINT_POLICY, events: 3 } });
  await expect(run.run(() => {})).rejects.toThrow('disk full');
  const totals = () => ({
    purchases: counters.readEvents('purchase', 'scored'),
    programs: counters.readEvents('program', 'scored'),
    malformed: counters.readEvents('malformed', 'malformed'),
    points: counters.readScalar('points_accrued_total'),
    tierUps: counters.readScalar('tier_ups_total'),
    batches: counters.readHistogram('batch_events').count,
    ages: counters.readHistogram('publish_to_scored_seconds').count,
  });
  const before = totals();
  expect(before).toEqual({ purchases: 2, programs: 1, malformed: 1, points: 13, tierUps: 1, batches: 2, ages: 3 });
  const [hits, misses] = [counters.readScalar('cache_hits_total'), counters.readScalar('cache_misses_total')];
  expect([hits, misses]).toEqual([1, 1]);

  const again = await Desk.open({ log, disk: failing.disk, options: { counters } });
  const more = await again.write([purchase('m', 5)]);
  await runThrough(again, { counters });
  expect(again.store.position()?.sequence).toBe(more);
  expect(totals()).toEqual({ ...before, purchases: 3, points: 18, batches: 3, ages: 4 });
  expect(counters.readScalar('events_repeated_total')).toBe(4);
  expect(counters.readScalar('cache_hits_total')).toBe(hits + 2);
  expect(counters.readScalar('cache_misses_total')).toBe(misses + 1);
});

it('counts what a partition has left out, over all its lives', async () => {
  const first = await Desk.open();
  const { log, counters } = first;
  await first.write([programEvent()]);
  await first.write([purchase('m', 12)]);
  await runThrough(first);
  expect(counters.readScalar('effects_suppressed_total')).toBe(0);
  // Stores that are empty again: the effect of the level won is on its subject.
  for (const life of [1, 2]) {
    const again = await Desk.open({ log, options: { counters } });
    await runThrough(again, { counters });
    expect(counters.readScalar('effects_suppressed_total')).toBe(life);
  }
});

it('counts as published what it has published, not what another owner had', async () => {
  const first = await Desk.open();
  const { log } = first;
  const second = await Desk.open({ log });
  await first.write([programEvent()]);
  await first.write([purchase('m', 12)]);
  await runThrough(first);
  await runThrough(second);
  const figures = ({ counters, partition }: Desk) => [
    counters.readScalar('effects_total'),
    partition.effectsSuppressed,
  ];
  expect(figures(first)).toEqual([1, 0]);
  expect(figures(second)).toEqual([0, 1]);
});
