/** Counters and tier sets as they are written: which are judged the short way, and what is wrong with others. */
import { describe, expect, it } from 'vitest';
import { checkProgram } from '../../src/program/parse.ts';
import { programOf } from '../scoring/harness.ts';

const GOLD = { id: 'gold', from: 100 };
const PLAIN = { id: 'main', window: 'calendar-year', levels: [GOLD] };
const VISITS = { id: 'visits', of: 'visits', window: 'calendar-month' };

function errorsOf(options: Readonly<Record<string, unknown>>): string[] {
  const earn = { id: 'base', points: 1, per: 1 };
  const result = checkProgram({ program: 'p', version: 1, timezone: 'UTC', currency: 'USD', earn, ...options });
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('one set over spend in one window', () => {
  it.each([[PLAIN], [[PLAIN]], [{ ...PLAIN, window: { months: 3 } }]])('is judged the short way: %j', (tiers) => {
    const program = programOf({ tiers });
    expect(program.qualifying).toBeUndefined();
    expect(program.tiers?.levelFor(10_000)?.id).toBe('gold');
  });

  it.each([
    [{ tiers: { ...PLAIN, window: 'lifetime' } }],
    [{ tiers: { ...PLAIN, grace: { days: 1 } } }],
    [{ tiers: { ...PLAIN, levels: [{ ...GOLD, benefits: ['Lounge'] }] } }],
    [{ tiers: [PLAIN, { ...PLAIN, id: 'other' }] }],
    [{ tiers: PLAIN, counters: [VISITS] }],
  ])('and anything else is not: %j', (options) => {
    const program = programOf(options);
    expect(program.tiers).toBeUndefined();
    expect(program.qualifying?.sets[0]?.levels[0]?.conditions[0]).toMatchObject({ from: 10_000 });
  });
});

describe('what is wrong is said by path', () => {
  it.each([
    [
      { tiers: { id: 'main', levels: [GOLD] } },
      'tiers.window: expected a window such as {days: 365}, {months: 12} or calendar-year, got nothing',
    ],
    [
      { tiers: [{ id: 'main', levels: [GOLD] }] },
      'tiers[0].window: expected a window such as {days: 365}, {months: 12} or calendar-year, got nothing',
    ],
    [{ tiers: [PLAIN, PLAIN] }, 'tiers[1].id: expected a name of its own, got "main" again'],
    [
      { tiers: [PLAIN, { ...PLAIN, id: 'b', levels: [{ ...GOLD, multiplier: 2 }] }] },
      'tiers[1].levels[0].multiplier: expected nothing: only the first tier set multiplies points',
    ],
    [
      { tiers: { ...PLAIN, counter: 'visits' }, counters: [VISITS] },
      'tiers: expected one of window, counter and balance, got 2',
    ],
    [
      { tiers: { id: 'main', counter: 'visit', levels: [GOLD] }, counters: [VISITS] },
      'tiers.counter: expected the id of a counter, got "visit"',
    ],
    [
      { tiers: { id: 'main', counter: 'visits', levels: [{ id: 'gold', from: 1.5 }] }, counters: [VISITS] },
      'tiers.levels[0].from: expected a whole number, as visits counts, got 1.5',
    ],
    [{ tiers: { ...PLAIN, levels: [{ id: 'gold' }] } }, 'tiers.levels[0]: expected either from or when, got neither'],
    [{ counters: [VISITS, VISITS] }, 'counters[1].id: expected a name of its own, got "visits" again'],
    [{ counters: [{ ...VISITS, id: 'balance' }] }, 'counters[0].id: expected a name of its own, got "balance" again'],
    [
      { counters: [{ ...VISITS, window: { from: '2026-02-30', through: '2026-03-01' } }] },
      'counters[0].window.from: expected a date that there is, got "2026-02-30"',
    ],
    [
      { counters: [{ ...VISITS, window: { from: '2026-03-02', through: '2026-03-01' } }] },
      'counters[0].window.through: expected 2026-03-02 or later, got "2026-03-01"',
    ],
    [
      { counters: [{ ...VISITS, window: { years: 1, from: 'tier-start' } }] },
      'counters[0].window.from: expected one tier set to use this counter, with lasts.for: its levels are what starts the years',
    ],
    [{ tiers: { ...PLAIN, lasts: {} } }, 'tiers.lasts: expected either for or until, got neither'],
    [
      { tiers: { ...PLAIN, lasts: { for: { days: 1, months: 1 } } } },
      'tiers.lasts.for: expected one of days, months and years, got 2',
    ],
    [
      { tiers: { ...PLAIN, window: { days: 30 }, lasts: { until: 'period-end' } } },
      'tiers.lasts.until: expected period, since no counter of the set has periods',
    ],
    [
      { tiers: { ...PLAIN, starts: 'next-period', lasts: { until: 'period-end' } } },
      'tiers.lasts.until: expected next-period-end: a level that starts with the next period would end before it',
    ],
    [
      { tiers: { ...PLAIN, downgrade: 'one-level' } },
      'tiers.downgrade: expected lasts or grace: they say when the next level goes',
    ],
    [
      { tiers: { ...PLAIN, downgrade: 'none', grace: { days: 1 } } },
      'tiers.downgrade: expected neither lasts nor grace: a level that never ends has no end to be kept to',
    ],
    [
      { tiers: { ...PLAIN, returns: 'at-period-end' } },
      'tiers.returns: expected lasts: without it a level has no end that a return could wait for',
    ],
    [
      { tiers: { id: 'main', balance: 'points', levels: [{ ...GOLD, entry: { points: 1 } }] } },
      'tiers: expected no entry points: they would count for the very level that gives them',
    ],
    [
      {
        tiers: {
          ...PLAIN,
          levels: [
            { id: 'gold', when: { all: [{ counter: 'visits', from: 1 }], any: [{ counter: 'visits', from: 1 }] } },
          ],
        },
        counters: [VISITS],
      },
      'tiers.levels[0].when: expected one of all, any, and atLeast with of',
    ],
    [
      {
        tiers: { ...PLAIN, levels: [{ id: 'gold', when: { atLeast: 2, of: [{ counter: 'visits', from: 1 }] } }] },
        counters: [VISITS],
      },
      'tiers.levels[0].when.atLeast: expected at most 1, as there are conditions, got 2',
    ],
  ])('%j', (options, message) => {
    expect(errorsOf(options)).toEqual([message]);
  });
});
