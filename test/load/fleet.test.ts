/** The simulated fleet: the same again for a seed, and in shape what it was asked to be. */
import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import {
  type Arrival,
  FLAT_DAY,
  FLEET_DEFAULTS,
  type FleetOptions,
  fleet,
  HOT_MEMBER,
  SHOP_DAY,
} from '../../load/fleet.ts';
import { Oracle } from '../../load/oracle.ts';
import { Random, Zipf } from '../../load/random.ts';
import { runDemo } from '../../src/cli/demo.ts';
import { createLogger } from '../../src/observe/log.ts';
import { agreeOn, engineSays, oracleSays } from './agreement.ts';
import { Fold } from './fold.ts';

function take(count: number, options: Partial<FleetOptions> = {}): Arrival[] {
  const arrivals: Arrival[] = [];
  for (const arrival of fleet(options)) {
    arrivals.push(arrival);
    if (arrivals.length === count) break;
  }
  return arrivals;
}

function countBy<T>(things: readonly T[], key: (thing: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const thing of things) counts.set(key(thing), (counts.get(key(thing)) ?? 0) + 1);
  return counts;
}

it('a seed gives the same stream again, another seed another', () => {
  expect(take(2_000, { seed: 7 })).toEqual(take(2_000, { seed: 7 }));
  expect(take(10, { seed: 8 })).not.toEqual(take(10, { seed: 7 }));
});

it('shares of returns, voids, points spent, resends and the hot member are as asked', () => {
  const count = 20_000;
  const arrivals = take(count, {
    returnShare: 0.1,
    unnamedReturnShare: 0.3,
    voidShare: 0.03,
    redemptionShare: 0.04,
    holdShare: 0.05,
    resendShare: 0.05,
    hotMemberShare: 0.02,
  });
  const fresh = arrivals.filter(({ isResend }) => !isResend).map(({ event }) => event);
  const returns = fresh.filter((event) => event.type === 'return');
  const purchases = fresh.filter((event) => event.type === 'purchase');
  expect((count - fresh.length) / count).toBeCloseTo(0.05, 2);
  expect(returns.length / count).toBeCloseTo(0.1, 2);
  expect(returns.filter(({ originalId }) => originalId === undefined).length / returns.length).toBeCloseTo(0.3, 1);
  expect(purchases.filter(({ memberId }) => memberId === HOT_MEMBER).length / purchases.length).toBeCloseTo(0.02, 2);
  const shares = countBy(fresh, ({ type }) => type);
  for (const [share, ...types] of [
    [0.03, 'void'],
    [0.04, 'redemption'],
    [0.05, 'authorisation', 'capture', 'release'],
  ] as const) {
    expect(types.reduce((sum, type) => sum + (shares.get(type) ?? 0), 0) / count).toBeCloseTo(share, 2);
  }
  // Named ones come by line with and without money, by amount, and whole.
  const shapes = countBy(returns, (event) => Object.keys(event).slice(6).join(' '));
  expect([...shapes.keys()].sort()).toEqual([
    'type lines',
    'type originalId',
    'type originalId amount',
    'type originalId lines',
  ]);
  const line = countBy(returns, ({ lines = [] }) => Object.keys(lines[0] ?? {}).join(' '));
  expect([...line.keys()].sort()).toEqual(['', 'sku quantity', 'sku quantity amount']);
});

it('ids are new but for resends, which repeat an event to the letter', () => {
  const seen = new Map<string, string>();
  for (const { event, isResend } of take(5_000)) {
    expect(seen.has(event.id)).toBe(isResend);
    if (isResend) expect(JSON.stringify(event)).toBe(seen.get(event.id));
    seen.set(event.id, JSON.stringify(event));
  }
});

it('a return names a purchase of the same member that came before, and no more than it had', () => {
  const purchases = new Map<string, Extract<Arrival['event'], { type: 'purchase' }>>();
  for (const { event } of take(5_000)) {
    if (event.type === 'purchase') purchases.set(event.id, event);
    if (event.type !== 'return' || event.originalId === undefined) continue;
    const original = purchases.get(event.originalId);
    expect(original?.memberId).toBe(event.memberId);
    for (const line of event.lines ?? []) {
      expect(original?.lines?.some(({ sku, quantity }) => sku === line.sku && quantity >= line.quantity)).toBe(true);
    }
  }
});

it('arrivals come at the average rate, at random distances', () => {
  const arrivals = take(20_000, { eventsPerSecond: 2_000, dayCurve: FLAT_DAY });
  const seconds = (arrivals.at(-1)?.dueMs ?? 0) / 1000;
  expect(20_000 / seconds / 2_000).toBeCloseTo(1, 1);
  const gaps = arrivals.map(({ dueMs }, index) => dueMs - (arrivals[index - 1]?.dueMs ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  // Of an exponential distribution the deviation is the mean.
  expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
});

it('the day has its rush hours, and its average is still the rate', () => {
  const dayMs = 24_000;
  const arrivals = take(30_000, { eventsPerSecond: 1_000, dayCurve: SHOP_DAY, dayMs, startHour: 0 });
  const wholeDays = arrivals.filter(({ dueMs }) => dueMs < dayMs);
  expect(wholeDays.length / 24_000).toBeCloseTo(1, 1);
  const byHour = countBy(wholeDays, ({ dueMs }) => String(Math.round(dueMs / 1000) % 24));
  const rush = byHour.get('8') ?? 0;
  expect(rush).toBeGreaterThan(2_000);
  expect((byHour.get('12') ?? 0) / rush).toBeCloseTo(38 / 60, 1);
  expect((byHour.get('2') ?? 0) / rush).toBeLessThan(0.05);
});

it('the demo stream is as busy as a shop at this hour', async () => {
  const seconds = 200;
  const perSecond = async (hour: number): Promise<number> => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: new Date(2026, 0, 5, hour) });
    try {
      const submit = vi.fn(async () => []);
      const stop = runDemo({ submit }, 20, createLogger({ level: 'silent' }));
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      stop();
      return submit.mock.calls.length / seconds;
    } finally {
      vi.useRealTimers();
    }
  };
  expect((await perSecond(8)) / (20 * (60 / 21.2))).toBeCloseTo(1, 1);
  expect(await perSecond(2)).toBeLessThan(2);
});

it('occurredAt is the due time, from the start on', () => {
  const startMs = Date.UTC(2026, 5, 1);
  for (const { dueMs, event, isResend } of take(1_000, { startMs })) {
    if (!isResend) expect(Date.parse(event.occurredAt ?? '')).toBe(startMs + Math.floor(dueMs));
  }
});

it.each([0, 0.6, 1, 1.4])('Zipf with exponent %d gives each rank its probability', (exponent) => {
  const count = 1_000;
  const draws = 200_000;
  const zipf = new Zipf(count, exponent);
  const random = new Random(11);
  const drawn = new Array<number>(count + 1).fill(0);
  for (let draw = 0; draw < draws; draw++) {
    const rank = zipf.rank(random);
    drawn[rank] = (drawn[rank] ?? 0) + 1;
  }
  const weight = (rank: number): number => rank ** -exponent;
  let all = 0;
  for (let rank = 1; rank <= count; rank++) all += weight(rank);
  for (const rank of [1, 2, 3, 10, 100, 999]) {
    const expected = (draws * weight(rank)) / all;
    // Five standard deviations of a count.
    expect(Math.abs((drawn[rank] ?? 0) - expected), `rank ${rank}`).toBeLessThan(5 * Math.sqrt(expected) + 1);
  }
  expect(drawn[0]).toBe(0);
});

it('draws evenly from the whole interval', () => {
  const random = new Random(3);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 100_000; draw++) {
    const tenth = random.below(10);
    counts[tenth] = (counts[tenth] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

// Of weeks, with holds that run out, and of a busy hour, in which they are captured.
it.each([0.005, 2])('the engine and the bookkeeper agree on what a fleet does, at %d events a second', (rate) => {
  const program = readFileSync('examples/coffee.yaml', 'utf8');
  const fold = new Fold(program);
  const oracle = new Oracle(program);
  const members = new Set<string>();
  const codes = new Map<string, number>();
  const scored = new Set<string>();
  const arrivals = take(6_000, { members: 300, eventsPerSecond: rate, returnShare: 0.1, hotMemberShare: 0.05 });
  for (const { dueMs, event } of arrivals) {
    const receivedMs = FLEET_DEFAULTS.startMs + dueMs;
    const { code } = agreeOn(fold, oracle, event, receivedMs);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (code === 'scored') scored.add(event.type);
    members.add(event.memberId);
  }
  const endMs = FLEET_DEFAULTS.startMs + (arrivals.at(-1)?.dueMs ?? 0);
  for (const id of members) expect(engineSays(fold, id, endMs), id).toEqual(oracleSays(oracle, id, endMs));
  expect((codes.get('scored') ?? 0) / arrivals.length).toBeGreaterThan(0.96);
  // A return or a void can be too late: a return that named no purchase had the goods already. Not everybody has points, and
  // then there is no hold.
  const rare = ['return_exceeds_original', 'purchase_returned', 'purchase_settled'];
  const broke = ['insufficient_points', 'hold_over', 'original_not_found'];
  const others = [...codes.keys()].filter((code) => !['scored', 'duplicate', ...rare, ...broke].includes(code));
  expect(others).toEqual([]);
  const types = ['purchase', 'return', 'void', 'redemption', 'authorisation', 'capture', 'release'];
  if (rate > 1) expect([...scored].sort()).toEqual(types.sort());
});
