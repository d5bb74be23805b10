/** Programs that wait for their instant, and those of the past that late purchases are scored by. */
import { describe, expect, it } from 'vitest';
import { Desk, programEvent, purchase, START_MS } from './harness.ts';

const HOUR_MS = 3_600_000;
const from = (hours: number): { effectiveFrom: string } => ({
  effectiveFrom: new Date(START_MS + hours * HOUR_MS).toISOString(),
});
const earn = (points: number): Record<string, unknown> => ({ earn: { id: 'base', points, per: 1 } });

async function balanceAfter(desk: Desk, ...amounts: readonly number[]): Promise<number> {
  for (const amount of amounts) await desk.score([purchase('m', amount)]);
  return desk.partition.members.get('m')?.member.wallets[0]?.balance ?? 0;
}

describe('a program with an instant of its own', () => {
  it('is in force from then on, in a partition that is started again too', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, earn(1)), programEvent(2, { ...earn(10), ...from(2) })]);
    expect(await balanceAfter(desk, 1)).toBe(1);
    expect(desk.partition.nextDue).toBeLessThanOrEqual(START_MS + 2 * HOUR_MS);
    await desk.partition.checkpoint();

    const { log, disk, clock } = desk;
    const next = await Desk.open({ log, disk, clock });
    expect(next.partition.program?.version).toBe(1);
    clock.nowMs = START_MS + 2 * HOUR_MS - 1;
    expect(await balanceAfter(next, 1)).toBe(2);
    clock.nowMs = START_MS + 2 * HOUR_MS;
    expect(await balanceAfter(next, 1)).toBe(12);
    expect(next.partition.program).toMatchObject({ version: 2, since: START_MS + 2 * HOUR_MS });
  });

  it('is followed by the next in the order of versions', async () => {
    const desk = await Desk.open();
    await desk.score([
      programEvent(1, earn(1)),
      programEvent(2, { ...earn(10), ...from(2) }),
      programEvent(3, { ...earn(100), ...from(1) }),
    ]);
    desk.clock.nowMs = START_MS + 1.5 * HOUR_MS;
    expect(await balanceAfter(desk, 1)).toBe(1);
    desk.clock.nowMs = START_MS + 2 * HOUR_MS;
    expect(await balanceAfter(desk, 1)).toBe(101);
    // The second was in force for no time.
    expect(desk.partition.program?.earlier?.version).toBe(1);
    expect(desk.store.position()?.programs).toBeUndefined();
    await desk.partition.checkpoint();
    expect(desk.store.position()?.programs?.map(({ since }) => since)).toEqual([START_MS, START_MS + 2 * HOUR_MS]);
  });

  it('cannot be followed by an older one while it waits', async () => {
    const desk = await Desk.open();
    await desk.score([
      programEvent(1, earn(1)),
      programEvent(3, { ...earn(10), ...from(2) }),
      programEvent(2, earn(5)),
    ]);
    expect(desk.partition.program?.version).toBe(1);
  });
});

it('purchases of the time of an earlier program earn by it, in a partition that is started again too', async () => {
  const desk = await Desk.open();
  await desk.score([programEvent(1, earn(1))]);
  desk.clock.nowMs += HOUR_MS;
  await desk.score([programEvent(2, earn(10))]);
  await desk.partition.checkpoint();
  const { log, disk, clock } = desk;
  const next = await Desk.open({ log, disk, clock });
  await next.score([
    purchase('m', 1, { occurredAt: START_MS + HOUR_MS - 1 }),
    purchase('m', 1, { occurredAt: START_MS + HOUR_MS }),
  ]);
  expect(next.partition.members.get('m')?.member.wallets[0]?.balance).toBe(11);
});
