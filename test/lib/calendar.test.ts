import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addMonths, civilOfDay, dayOfCivil, daysInMonth, endOfMonths } from '../../src/lib/calendar.ts';

const DAY_MS = 86_400_000;
/** Every day that a Date can hold, in both directions. */
const anyDay = fc.integer({ min: -100_000_000, max: 100_000_000 });

/** Date.UTC, without its own meaning for the years 0 to 99. */
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS;
}

describe('days and dates', () => {
  it('agree with Date', () => {
    fc.assert(
      fc.property(anyDay, (day) => {
        const date = new Date(day * DAY_MS);
        const civil = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
        expect(civilOfDay(day)).toEqual(civil);
        expect(dayOfCivil(civil.year, civil.month, civil.day)).toBe(day);
      }),
    );
  });

  it('agree on every day from 1895 to 2105', () => {
    const last = utc(2105, 1, 1);
    for (let day = utc(1895, 1, 1); day < last; day++) {
      const { year, month, day: dayOfMonth } = civilOfDay(day);
      if (utc(year, month, dayOfMonth) !== day || dayOfCivil(year, month, dayOfMonth) !== day) {
        expect.fail(`day ${day} is not ${year}-${month}-${dayOfMonth}`);
      }
    }
  });

  it.each([
    [2024, 2, 29],
    [2025, 2, 28],
    [2000, 2, 29],
    [1900, 2, 28],
    [2100, 2, 28],
    [2026, 4, 30],
    [2026, 12, 31],
  ])('%d-%d has %d days', (year, month, days) => {
    expect(daysInMonth(year, month)).toBe(days);
  });
});

describe('addMonths', () => {
  const text = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
  it.each([
    ['2026-01-25', 1, '2026-02-25'],
    ['2026-01-31', 1, '2026-02-28'],
    ['2028-01-31', 1, '2028-02-29'],
    ['2026-03-31', -1, '2026-02-28'],
    ['2024-02-29', 12, '2025-02-28'],
    ['2024-02-29', -12, '2023-02-28'],
    ['2026-12-31', 2, '2027-02-28'],
    ['2026-01-15', -1, '2025-12-15'],
    ['2026-05-31', 0, '2026-05-31'],
    ['2026-11-30', 120, '2036-11-30'],
  ])('%s and %d months is %s', (from, months, to) => {
    expect(text(addMonths(Date.parse(from) / DAY_MS, months))).toBe(to);
  });

  it('keeps the day of the month, or takes the last one; and never runs backwards', () => {
    const day = fc.integer({ min: 0, max: 50_000 });
    fc.assert(
      fc.property(day, day, fc.integer({ min: -240, max: 240 }), (one, other, months) => {
        const from = civilOfDay(one);
        const to = civilOfDay(addMonths(one, months));
        expect(to.year * 12 + to.month - from.year * 12 - from.month).toBe(months);
        expect(to.day).toBe(Math.min(from.day, daysInMonth(to.year, to.month)));
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        expect(addMonths(early, months)).toBeLessThanOrEqual(addMonths(late, months));
      }),
    );
  });
});

it('a month, a quarter and a year end on the day before the next begins', () => {
  fc.assert(
    fc.property(anyDay, fc.constantFrom(1, 3, 12), (day, months) => {
      const end = endOfMonths(day, months);
      expect(end).toBeGreaterThanOrEqual(day);
      const [now, next] = [civilOfDay(day), civilOfDay(end + 1)];
      expect(next.day).toBe(1);
      expect((next.month - 1) % months).toBe(0);
      const ahead = next.year * 12 + next.month - (now.year * 12 + now.month);
      expect(ahead).toBeGreaterThan(0);
      expect(ahead).toBeLessThanOrEqual(months);
    }),
  );
});
