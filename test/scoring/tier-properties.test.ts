/** What must hold for every history under counters and tier sets of every kind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Program } from '../../src/program/program.ts';
import type { WrittenCounter } from '../../src/program/schema.ts';
import { NOT_GIVEN, type Return } from '../../src/scoring/event.ts';
import { sumOfLots } from '../../src/scoring/lots.ts';
import type { Member } from '../../src/scoring/member.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import { phaseNow } from '../../src/scoring/standing.ts';
import { decodeMember, encodeMember } from '../../src/wire/member-record.ts';
import { memberView } from '../../src/wire/member-view.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { countAt } from './bookkeeper.ts';
import { DAY_MS, FUZZ_TIMES, HOUR_MS, type Step } from './generator.ts';
import { Desk, firstWallet, MODES } from './harness.ts';
import { LEVELS, tierPrograms, visits } from './tier-generator.ts';

const SIZE = { maxLength: 30 };

function deskAfter(program: Program, steps: readonly Step[]): Desk {
  const desk = new Desk(program);
  for (const { event, now } of steps) desk.score(event, now);
  return desk;
}

function lastNow(steps: readonly Step[]): number {
  return steps.at(-1)?.now ?? Date.UTC(2026, 3, 1);
}

it('P3 stored after every event or never, a member is the same, and P4 its ledger adds up', () => {
  fc.assert(
    fc.property(
      tierPrograms(2),
      visits({ maxLength: 60, excepts: LEVELS }),
      fc.nat({ max: 60 }),
      ([first, second], steps, changeAt) => {
        const desks = MODES.map((mode) => new Desk(first as Program, mode));
        for (const [index, { event, now }] of steps.entries()) {
          if (index === changeAt) for (const desk of desks) desk.change(second as Program, now);
          const [outcome, ...others] = desks.map((desk) => structuredClone(desk.score(event, now)));
          for (const other of others) expect(other).toEqual(outcome);
          const [records, ...otherRecords] = desks.map((desk) => desk.records());
          for (const other of otherRecords) expect(other).toBe(records);
          const [desk] = desks as [Desk];
          const { balance, lots } = firstWallet(desk.member);
          expect(desk.entries().reduce((sum, entry) => sum + pointsOf(entry, 'points'), 0)).toBe(balance);
          expect(sumOfLots(lots)).toBe(Math.max(0, balance));
          const bytes = encodeMember(desk.member);
          if (desk.member.history === undefined)
            expect(encodeMember(decodeMember('42', bytes, () => []))).toEqual(bytes);
        }
      },
    ),
    { numRuns: 50 * FUZZ_TIMES },
  );
});

describe('P7 time passes alike', () => {
  it('whether or not ticks came between the events, late events and new programs among them', () => {
    fc.assert(
      fc.property(
        tierPrograms(2),
        visits({ maxLength: 40, excepts: LEVELS }),
        fc.nat({ max: 30 }),
        (versions, steps, changeAt) => {
          const lazy = new Desk(versions[0] as Program);
          const ticked = new Desk(versions[0] as Program);
          for (const [index, { event, now, tickAt }] of steps.entries()) {
            const program = versions[index < changeAt ? 0 : 1] as Program;
            lazy.change(program, now);
            ticked.change(program, now);
            ticked.tick(tickAt);
            ticked.tick(now);
            expect(ticked.score(event, now).code).toBe(lazy.score(event, now).code);
          }
          const end = lastNow(steps) + 200 * DAY_MS;
          expect(encodeMember(ticked.read(end))).toEqual(encodeMember(lazy.read(end)));
        },
      ),
      { numRuns: 200 * FUZZ_TIMES },
    );
  });

  it('levels change at the timer and never in between', () => {
    fc.assert(
      fc.property(tierPrograms(1), visits({ ...SIZE, excepts: LEVELS }), ([program], steps) => {
        const desk = deskAfter(program as Program, steps);
        const levels = (member: Member) => member.standing?.sets.map(({ level }) => level);
        for (let edges = 0; edges < 20 && desk.member.due !== Infinity; edges++) {
          const { due } = desk.member;
          const { balance } = firstWallet(desk.member);
          expect(due).toBeGreaterThan(desk.member.asOf);
          expect(firstWallet(desk.read(due - 1)).balance).toBe(balance);
          expect(levels(desk.read(due - 1))).toEqual(levels(desk.member));
          desk.tick(due);
        }
      }),
      { numRuns: 100 * FUZZ_TIMES },
    );
  });
});

describe('P10 a counter', () => {
  it('equals a scan of the whole ledger, at every instant', () => {
    fc.assert(
      fc.property(
        tierPrograms(1, { balance: false, entry: false }),
        visits({ maxLength: 40 }),
        fc.nat({ max: 100 * DAY_MS }),
        ([program], steps, later) => {
          const desk = new Desk(program as Program);
          for (const { event, now } of steps) {
            desk.score(event, now);
            const entries = desk.entries();
            if (entries.length === 0) continue;
            for (const at of [now, now + later]) {
              const instant = Math.max(at, desk.member.asOf);
              const { counters } = memberView(desk.program, desk.read(instant), 'e');
              for (const counter of (desk.program.document.counters ?? []) as WrittenCounter[]) {
                expect(counters[counter.id], counter.id).toBe(countAt(desk.program, counter, entries, instant));
              }
            }
          }
        },
      ),
      { numRuns: 150 * FUZZ_TIMES },
    );
  });
});

describe('P1 a purchase and its full return', () => {
  const sale = { memberId: '42', terminal: '', currency: '' };
  const piece = fc.oneof(
    fc.record({ amount: fc.integer({ min: 0, max: 9_000 }), lines: fc.constant([]) }),
    fc.record({
      amount: fc.constant(NOT_GIVEN),
      lines: fc.constant([{ sku: 'X', quantity: 1, amount: NOT_GIVEN }]),
    }),
  );

  it('are as if neither had happened: counters, levels and their terms, balance and timer', () => {
    fc.assert(
      fc.property(
        tierPrograms(1, { balance: true, entry: true }),
        visits({ minLength: 1, maxLength: 25 }),
        fc.record({ amount: fc.integer({ min: 1, max: 30_000 }), lag: fc.nat({ max: 30 * DAY_MS }) }),
        fc.array(fc.tuple(piece, fc.nat({ max: 15 * DAY_MS })), { maxLength: 3 }),
        fc.nat({ max: 15 * DAY_MS }),
        ([program], all, { amount, lag }, pieces, wait) => {
          // What else a day took hides how high its balance had been without the purchase.
          const steps = all.filter(
            ({ event }) =>
              event.type === 'purchase' ||
              event.type === 'enrolment' ||
              (event.type === 'adjustment' && event.points > 0),
          );
          let now = lastNow(steps);
          const desk = deskAfter(program as Program, steps);
          const without = deskAfter(program as Program, steps);
          // Who has done nothing before joins with the purchase, and has joined though it comes back.
          fc.pre(without.entries().length > 0);
          const bought = purchaseEvent({
            ...sale,
            id: 'x',
            occurredAt: now - lag,
            store: 's1',
            amount,
            lines: [{ sku: 'X', category: 'tea', quantity: 3, amount }],
          });
          fc.pre(desk.score(bought, now).code === 'scored');
          const back = (id: string, part: Pick<Return, 'amount' | 'lines'>): void => {
            const event: Return = { ...sale, type: 'return', id, occurredAt: 0, store: '', originalId: 'x', ...part };
            desk.score(event, now);
          };
          for (const [index, [part, gap]] of pieces.entries()) {
            now += gap;
            back(`x${index}`, part);
          }
          now += wait;
          back('rest', { amount: NOT_GIVEN, lines: [] });
          const end = Math.max(desk.member.asOf, without.member.asOf, now) + HOUR_MS;
          expect(standing(desk, end)).toEqual(standing(without, end));
        },
      ),
      { numRuns: 300 * FUZZ_TIMES },
    );
  });

  function standing(desk: Desk, at: number) {
    const member = desk.read(at);
    const { counters } = memberView(desk.program, member, 'e');
    const phases = member.standing?.sets.map((own) => {
      const { day: _day, reward: _reward, ...phase } = phaseNow(own);
      return phase;
    });
    // Where a period's end decides, a timer may be set for one that then has nothing to decide.
    const isExact = desk.program.qualifying?.sets.every((set) => !set.beginsWithPeriods);
    return { counters, phases, balance: firstWallet(member).balance, due: isExact && member.due };
  }
});
