/**
 * What must hold for every history. fast-check prints seed and path of a failure; pass them as a second argument to
 * `fc.assert` to see it again.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXPIRED_DAYS_KEPT } from '../../src/limits.ts';
import { NEVER } from '../../src/program/expiry.ts';
import type { Program } from '../../src/program/program.ts';
import { NOT_GIVEN, type Purchase, type Return } from '../../src/scoring/event.ts';
import { sumOfLots } from '../../src/scoring/lots.ts';
import { copyMember, type Member } from '../../src/scoring/member.ts';
import { sumOfPending } from '../../src/scoring/pending.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import { settle } from '../../src/scoring/settle.ts';
import { encodeMember } from '../../src/wire/member-record.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { levelOf, spendAt } from './bookkeeper.ts';
import { DAY_MS, FUZZ_TIMES, HOUR_MS, histories, programs, type Step } from './generator.ts';
import { Desk, firstWallet, isRefused, MODES, pairsOf, triplesOf } from './harness.ts';

const ANY = { multipliers: true, unmatched: ['ignore', 'deduct', 'refuse'] } as const;
const SHORT = { maxLength: 25 };
const LEVELS = ['level-0', 'level-1', 'level-2'];
/** Long enough for several sealed chunks. */
const LONG = { minLength: 60, maxLength: 140 };

function deskAfter(program: Program, steps: readonly Step[]): Desk {
  const desk = new Desk(program);
  for (const { event, now } of steps) desk.score(event, now);
  return desk;
}

function lastNow(steps: readonly Step[]): number {
  return steps.at(-1)?.now ?? Date.UTC(2026, 0, 1);
}

describe.each([
  ['short', SHORT, 150],
  ['long', LONG, 25],
] as const)('%s histories', (_name, size, numRuns) => {
  it('P3 a cache of size none, chunks stored after every event or on their way, and a cache without bound are one', () => {
    fc.assert(
      fc.property(
        programs(2, ANY),
        histories({ ...size, excepts: LEVELS }),
        fc.nat({ max: 100 }),
        ([first, second], steps, changeAt) => {
          const desks = MODES.map((mode) => new Desk(first as Program, mode));
          for (const [index, { event, now }] of steps.entries()) {
            if (index === changeAt) for (const desk of desks) desk.change(second as Program, now);
            const [outcome, ...others] = desks.map((desk) => structuredClone(desk.score(event, now)));
            for (const other of others) expect(other).toEqual(outcome);
            const [records, ...otherRecords] = desks.map((desk) => desk.records());
            for (const other of otherRecords) expect(other).toBe(records);
          }
        },
      ),
      { numRuns: numRuns * FUZZ_TIMES },
    );
  });

  it('P4 ledger movements add up to the balance, lots to what can be spent; nothing goes out of shape', () => {
    fc.assert(
      fc.property(programs(1, ANY), histories(size), ([program], steps) => {
        const desk = new Desk(program as Program, 'flushed');
        let firedBy = 0;
        for (const { event, now } of steps) {
          // A refused event lets no time pass.
          if (desk.score(event, now).code === 'scored') firedBy = now;
          const { spend, holds } = desk.member;
          const { balance, lots, pending, expired } = firstWallet(desk.member);
          const moved = desk.entries().reduce((sum, entry) => sum + pointsOf(entry, 'points'), 0);
          expect(moved).toBe(balance + sumOfPending(pending));
          for (let index = 0; index < pending.length; index += 4) {
            expect(pending[index + 3]).toBeGreaterThan(0);
            // None waits whose day has come.
            if (pending[index] === NEVER) continue;
            expect(desk.program.zone.startOfDay(pending[index] as number)).toBeGreaterThan(firedBy);
          }
          for (const hold of holds) {
            expect(sumOfLots(hold.taken)).toBeGreaterThan(0);
            expect(hold.until).toBeGreaterThan(firedBy);
            expect(hold.until).toBeGreaterThanOrEqual(desk.member.due);
          }
          for (const entry of desk.entries()) {
            if (entry.kind !== 'redemption' && entry.kind !== 'capture') continue;
            expect(sumOfLots(entry.taken)).toBe(entry.points);
            expect(entry.reversed).toBeLessThanOrEqual(entry.points);
          }
          expect(sumOfLots(lots)).toBe(Math.max(0, balance));
          for (const days of [pairsOf(expired), pairsOf(spend)]) {
            expect(days.every(([, amount]) => amount > 0)).toBe(true);
            expect(days.every(([day], index) => index === 0 || day > (days[index - 1]?.[0] ?? day))).toBe(true);
          }
          const inOrder = triplesOf(lots).sort((one, other) => one.last - other.last || one.earned - other.earned);
          expect(triplesOf(lots)).toEqual(inOrder);
          expect(new Set(inOrder.map(({ last, earned }) => `${last} ${earned}`)).size).toBe(inOrder.length);
          for (const { last, earned, open } of inOrder) {
            expect(open).toBeGreaterThan(0);
            expect(last).toBeGreaterThanOrEqual(earned);
            // None is left that is over.
            const end = last === NEVER ? Infinity : desk.program.zone.startOfDay(last + 1);
            expect(end).toBeGreaterThan(Math.max(desk.member.asOf, firedBy));
            expect(end).toBeGreaterThanOrEqual(desk.member.due);
          }
          for (const entry of desk.entries()) {
            if (entry.kind !== 'accrual') continue;
            expect(entry.returnedAmount).toBeLessThanOrEqual(entry.amount);
            const byLine = entry.lines.reduce((sum, line) => sum + line.returnedAmount, 0);
            expect(byLine).toBeLessThanOrEqual(entry.returnedAmount);
            for (const line of entry.lines) {
              expect(line.returnedAmount).toBeLessThanOrEqual(line.amount);
              expect(line.returnedQuantity).toBeLessThanOrEqual(line.quantity);
            }
          }
        }
      }),
      { numRuns: numRuns * FUZZ_TIMES },
    );
  });

  it('P2 a refused event and a duplicate, at any age, change nothing; a duplicate gets the first answer', () => {
    fc.assert(
      fc.property(
        programs(1, ANY),
        histories({ ...size, excepts: LEVELS }),
        fc.nat({ max: 800 * DAY_MS }),
        ([program], steps, later) => {
          const desk = new Desk(program as Program, 'flushed');
          const first = new Map<string, number>();
          for (const { event, now } of steps) {
            const before = desk.records();
            const outcome = desk.score(event, now);
            if (isRefused(outcome)) expect(desk.records()).toBe(before);
            else if (outcome.entry !== undefined && !first.has(event.id))
              first.set(event.id, pointsOf(outcome.entry, 'points'));
          }
          const before = desk.records();
          const seen = new Set<string>();
          for (const { event } of steps) {
            if (!first.has(event.id) || seen.has(event.id)) continue;
            seen.add(event.id);
            const outcome = desk.score(event, lastNow(steps) + later);
            expect(outcome.code).toBe('duplicate');
            expect(outcome.entry && pointsOf(outcome.entry, 'points')).toBe(first.get(event.id));
            const other = desk.score({ ...event, occurredAt: event.occurredAt + 1 }, lastNow(steps) + later);
            expect(other).toMatchObject({ code: 'duplicate_with_different_content', field: 'occurredAt' });
          }
          expect(desk.records()).toBe(before);
        },
      ),
      { numRuns: numRuns * FUZZ_TIMES },
    );
  });
});

describe('P10 the rolling window', () => {
  it('equals a scan of the whole ledger, and the level what the ladder and exceptions say of it, at every instant', () => {
    const soon = fc.nat({ max: 3 * DAY_MS });
    const later = fc.nat({ max: 500 * DAY_MS });
    const named = { multipliers: true, unmatched: ['ignore', 'refuse'] } as const;
    fc.assert(
      fc.property(
        programs(1, named),
        histories({ maxLength: 40, excepts: LEVELS }),
        soon,
        later,
        ([program], steps, soon, later) => {
          const desk = new Desk(program as Program);
          for (const { event, now } of steps) {
            desk.score(event, now);
            const entries = desk.entries();
            // A member nobody has scored has no level yet.
            if (entries.length === 0) continue;
            for (const at of [now, now + soon, now + later]) {
              const instant = Math.max(at, desk.member.asOf);
              const shown = desk.read(instant);
              const spend = spendAt(desk.program, entries, instant);
              expect(shown.windowSpend).toBe(spend);
              expect(shown.levelId).toBe(levelOf(desk.program, entries, instant, spend));
            }
          }
        },
      ),
      { numRuns: 150 * FUZZ_TIMES },
    );
  });

  it('changes the level, and points expire, at the timer and never in between', () => {
    fc.assert(
      fc.property(programs(1, ANY), histories({ ...SHORT, excepts: LEVELS }), ([program], steps) => {
        const desk = deskAfter(program as Program, steps);
        for (let edges = 0; edges < 40 && desk.member.due !== Infinity; edges++) {
          const { due, levelId } = desk.member;
          const held = (member: Member): number => {
            const { balance, pending } = firstWallet(member);
            return balance + sumOfPending(pending);
          };
          const before = held(desk.member);
          expect(due).toBeGreaterThan(desk.member.asOf);
          expect(desk.read(due - 1).levelId).toBe(levelId);
          expect(held(desk.read(due - 1))).toBe(before);
          const { tierChanges, entries } = settle(desk.program, desk.member, due);
          const gone = entries.reduce((sum, entry) => sum + pointsOf(entry, 'points'), 0);
          expect(held(desk.member)).toBe(before + gone);
          for (const { at } of entries) expect(at).toBe(due);
          for (const change of tierChanges)
            expect(change).toEqual({ set: '', from: levelId, to: desk.member.levelId, at: due });
        }
      }),
    );
  });
});

describe('P7 time passes alike', () => {
  it('in one step, at every edge, and at any instants between', () => {
    fc.assert(
      fc.property(
        programs(1, ANY),
        histories({ ...SHORT, excepts: LEVELS }),
        fc.array(fc.nat({ max: 800 * DAY_MS }), { maxLength: 5 }),
        ([program], steps, waits) => {
          const desk = deskAfter(program as Program, steps);
          const end = Math.max(desk.member.asOf, lastNow(steps)) + Math.max(HOUR_MS, ...waits);
          const settled = (instants: readonly number[]) => {
            const member = copyMember(desk.member);
            const passed = instants.map((instant) => settle(desk.program, member, instant));
            const changes = passed.flatMap(({ tierChanges }) => tierChanges);
            const entries = passed.flatMap((one) => one.entries);
            return { bytes: encodeMember(member), changes, entries };
          };
          const edges: number[] = [];
          for (const probe = copyMember(desk.member); probe.due <= end; settle(desk.program, probe, probe.due)) {
            edges.push(probe.due);
          }
          const atOnce = settled([end]);
          expect(settled([...edges, end])).toEqual(atOnce);
          const between = waits.map((wait) => end - wait).filter((instant) => instant >= desk.member.asOf);
          expect(settled([...between.sort((left, right) => left - right), end])).toEqual(atOnce);
        },
      ),
    );
  });

  it('whether or not ticks came between the events, late events and new programs among them', () => {
    fc.assert(
      fc.property(
        programs(3, ANY),
        histories({ maxLength: 40, excepts: LEVELS }),
        fc.integer({ min: 1, max: 20 }),
        (versions, steps, every) => {
          const lazy = new Desk(versions[0] as Program);
          const ticked = new Desk(versions[0] as Program);
          for (const [index, { event, now, tickAt }] of steps.entries()) {
            const program = versions[Math.min(2, Math.floor(index / every))] as Program;
            lazy.change(program, now);
            ticked.change(program, now);
            ticked.tick(tickAt);
            ticked.tick(now);
            expect(ticked.score(event, now).code).toBe(lazy.score(event, now).code);
          }
          const end = lastNow(steps) + 50 * DAY_MS;
          expect(encodeMember(ticked.read(end))).toEqual(encodeMember(lazy.read(end)));
        },
      ),
      { numRuns: 200 * FUZZ_TIMES },
    );
  });
});

describe('P1 a purchase and its full return', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.record({ amount: fc.integer({ min: 0, max: 3_000 }), lines: fc.constant([]) }),
      fc.record({
        amount: fc.constant(NOT_GIVEN),
        lines: fc.array(
          fc.record({
            sku: fc.constant('X'),
            quantity: fc.integer({ min: 1, max: 2 }),
            amount: fc.oneof(fc.constant(NOT_GIVEN), fc.integer({ min: 0, max: 3_000 })),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      }),
    ),
    { maxLength: 4 },
  );
  const paid = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 30_000 }), fc.nat({ max: 60 * DAY_MS }));

  const sale = { memberId: '42', store: '', terminal: '', currency: '' };
  const purchaseOf = (quantity: number, amount: number, occurredAt: number): Purchase =>
    purchaseEvent({ id: 'x', occurredAt, amount, lines: [{ sku: 'X', category: '', quantity, amount }] });
  const returnOf = (id: string, part: Pick<Return, 'amount' | 'lines'>): Return => ({
    ...sale,
    type: 'return',
    id,
    occurredAt: 0,
    originalId: 'x',
    ...part,
  });
  /** What two members must agree on to be as good as one. */
  const standing = (member: Member) => ({
    balance: firstWallet(member).balance,
    lots: firstWallet(member).lots,
    pending: firstWallet(member).pending,
    holds: member.holds,
    // What is remembered of what has expired is let go of by what expires later.
    expired: pairsOf(firstWallet(member).expired).filter(([day]) => day >= member.asOfDay - EXPIRED_DAYS_KEPT),
    windowSpend: member.windowSpend,
    spend: pairsOf(member.spend).filter(([day]) => day >= member.windowFirstDay),
    levelId: member.levelId,
    due: member.due,
  });

  it('are as if neither had happened: balance, lots, spend, level and timer', () => {
    fc.assert(
      fc.property(
        // Without renewal: somebody was there, though the goods came back.
        programs(1, { ...ANY, expiry: 'lasting', wallets: 'unlimited' }),
        histories(SHORT),
        paid,
        pieces,
        fc.array(fc.nat({ max: 200 * DAY_MS }), { minLength: 5, maxLength: 5 }),
        ([program], steps, [quantity, amount, lag], parts, waits) => {
          let now = lastNow(steps);
          const desk = deskAfter(program as Program, steps);
          const without = deskAfter(program as Program, steps);
          // What repaid a debt and would be over by now cannot be told from what else has expired of its day.
          fc.pre(firstWallet(without.read(now)).balance >= 0);
          const bought = desk.score(purchaseOf(quantity, amount, now - lag), now);
          expect(bought.code).toBe('scored');
          // Time enough for what was earned to expire, in part or whole, before it goes back.
          for (const [index, part] of parts.entries()) {
            now += waits[index] ?? 0;
            desk.score(returnOf(`x${index}`, part), now);
          }
          now += waits[4] ?? 0;
          desk.score(returnOf('rest', { amount: NOT_GIVEN, lines: [] }), now);
          const end = Math.max(desk.member.asOf, without.member.asOf, now);
          expect(standing(desk.read(end))).toEqual(standing(without.read(end)));
        },
      ),
      { numRuns: 200 * FUZZ_TIMES },
    );
  });

  it('with other events in between: balance, spend, level', () => {
    // Without multipliers, since the level that the purchase gave for a while may have paid.
    // Nor with expiry, since it may have paid for what would have been paid with points that have expired instead.
    // Nor are points spent, which might not have been there.
    const plain = {
      multipliers: false,
      unmatched: ['ignore', 'refuse'],
      expiry: 'none',
      wallets: 'unlimited',
    } as const;
    const unspent = { ...SHORT, spends: false };
    fc.assert(
      fc.property(
        programs(1, plain),
        histories(unspent, 'before'),
        histories(unspent, 'after'),
        paid,
        ([program], before, rest, [quantity, amount, lag]) => {
          const desk = deskAfter(program as Program, before);
          const without = deskAfter(program as Program, before);
          const middle = lastNow(before);
          desk.score(purchaseOf(quantity, amount, middle - lag), middle);
          const shift = Math.max(0, middle - (rest[0]?.now ?? middle));
          for (const { event, now } of rest) {
            desk.score(event, now + shift);
            without.score(event, now + shift);
          }
          const end = Math.max(middle, lastNow(rest) + shift);
          desk.score(returnOf('rest', { amount: NOT_GIVEN, lines: [] }), end);
          const { lots: _lots, ...standingWith } = standing(desk.read(end + HOUR_MS));
          const { lots: _without, ...standingWithout } = standing(without.read(end + HOUR_MS));
          expect(standingWith).toEqual(standingWithout);
        },
      ),
      { numRuns: 200 * FUZZ_TIMES },
    );
  });
});
