/** A program as it is scored with: minor units, defaults, windows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { checkProgram } from '../../src/program/parse.ts';
import type { AccrualTerms, Expiry, Program, Window } from '../../src/program/program.ts';
import { programSchema } from '../../src/program/schema.ts';
import { successionIssues } from '../../src/program/succession.ts';
import { programOf } from '../scoring/harness.ts';

const DAY_MS = 86_400_000;

/** Of the only rule, on a level. */
function termsOf({ earn }: Program, levelId = ''): AccrualTerms {
  expect(earn.rules).toHaveLength(1);
  return must(earn.rules[0]?.terms.get(levelId), `there are no terms for ${levelId}`);
}

/** Of the only wallet. */
function expiryOf(options: Readonly<Record<string, unknown>>): Expiry | undefined {
  const { wallets } = programOf(options);
  expect(wallets).toHaveLength(1);
  return wallets[0]?.expiry;
}

describe('money', () => {
  it.each([
    ['USD', 0.01, 1],
    ['USD', 19.99, 1_999],
    ['USD', 1.005e4, 1_005_000],
    ['USD', 1_234_567.89, 123_456_789],
    ['JPY', 100, 100],
    ['KWD', 1.005, 1_005],
    ['HUF', 4.35, 435],
    ['CLF', 0.0001, 1],
  ])('%s %d is %d minor units', (currency, per, minor) => {
    expect(termsOf(programOf({ currency, earn: { id: 'base', points: 1, per } })).rate.perMinor).toBe(minor);
  });

  it('takes every amount that has the decimals of its currency, exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000_000_000 }), (cents) => {
        const program = programOf({ earn: { id: 'base', points: 1, per: Number((cents / 100).toFixed(2)) } });
        expect(termsOf(program).rate.perMinor).toBe(cents);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('defaults', () => {
  it('are filled in', () => {
    const program = programOf({});
    expect(program).toMatchObject({
      enrolmentRequired: false,
      unmatchedReturns: 'ignore',
      returnMatchDays: 365,
      earnOn: 'net-of-points',
      wallets: [
        {
          id: 'points',
          expiry: undefined,
          pending: undefined,
          returns: 'unlimited',
          spend: 'soonest',
          redeem: undefined,
        },
      ],
    });
    expect(termsOf(program)).toEqual({
      programVersion: 1,
      ruleId: 'base',
      walletId: 'points',
      rate: { points: 1, perMinor: 100, rounding: 'floor' },
      per: 'money',
      rounded: 'rule',
      back: 'earned',
      levelId: '',
      multiplierMilli: 1_000,
    });
    expect(program.tiers).toBeUndefined();
    expect(programOf({ returns: {} })).toMatchObject({ unmatchedReturns: 'ignore', returnMatchDays: 365 });
  });

  it('make a document that compiles to the same again', () => {
    const { document } = programOf({ tiers: { id: 'main', window: 'calendar-year', levels: [{ id: 'a', from: 1 }] } });
    const again = checkProgram(JSON.parse(JSON.stringify(document)));
    expect(again.ok && again.program.document).toEqual(document);
    expect(programSchema.parse(document)).toEqual(document);
  });

  it('a rule rounds as its wallet, or as the first', () => {
    const earn = [{ wallet: 'b' }, {}, { wallet: 'b', rounding: 'floor' }];
    const program = programOf({
      wallets: [
        { id: 'a', rounding: 'nearest' },
        { id: 'b', rounding: 'ceil' },
      ],
      earn: earn.map((rule, index) => ({ id: `rule-${index}`, points: 1, per: 1, ...rule })),
    });
    const roundings = ['ceil', 'nearest', 'floor'];
    expect(program.earn.rules.map(({ terms }) => terms.get('')?.rate.rounding)).toEqual(roundings);
    expect(program.document.earn.map(({ rounding }) => rounding)).toEqual(roundings);
  });
});

describe('levels', () => {
  const program = programOf({
    tiers: {
      id: 'main',
      window: { days: 30 },
      levels: [
        { id: 'a', from: 0 },
        { id: 'b', from: 10.5, multiplier: 1.005 },
        { id: 'c', from: 100, multiplier: 99.999 },
      ],
    },
  });

  it.each([
    [0, 'a'],
    [1_049, 'a'],
    [1_050, 'b'],
    [9_999, 'b'],
    [10_000, 'c'],
    [7e15, 'c'],
  ])('%d minor units hold %s', (spend, id) => {
    expect(program.tiers?.levelFor(spend)?.id).toBe(id);
  });

  it('have terms of their own', () => {
    expect(termsOf(program, 'b')).toMatchObject({ levelId: 'b', multiplierMilli: 1_005 });
    expect(termsOf(program, 'c').multiplierMilli).toBe(99_999);
    expect(termsOf(program)).toMatchObject({ levelId: '', multiplierMilli: 1_000 });
    expect(program.earn.rules.map(({ terms }) => [...terms.keys()])).toEqual([['', 'a', 'b', 'c']]);
    expect(program.tiers?.level('')).toBeUndefined();
    expect(program.tiers?.level('d')).toBeUndefined();
  });

  it('multipliers of up to three decimals are exact', () => {
    for (let milli = 1_000; milli <= 100_000; milli++) {
      const levels = [{ id: 'a', from: 0, multiplier: milli / 1_000 }];
      if (milli % 7 !== 0) continue;
      const program = programOf({ tiers: { id: 'main', window: { days: 1 }, levels } });
      if (termsOf(program, 'a').multiplierMilli !== milli) expect.fail(`multiplier ${milli / 1_000}`);
    }
  });
});

describe('windows', () => {
  const windowOf = (window: unknown): Window => {
    const { tiers } = programOf({ tiers: { id: 'main', window, levels: [{ id: 'a', from: 1 }] } });
    return (tiers as NonNullable<Program['tiers']>).window;
  };
  const day = (date: string): number => Date.parse(date) / DAY_MS;
  const date = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

  it.each([
    [{ days: 1 }, '2026-01-05', '2026-01-06'],
    [{ days: 365 }, '2025-03-01', '2026-03-01'],
    [{ months: 1 }, '2026-01-25', '2026-02-26'],
    [{ months: 1 }, '2026-01-28', '2026-03-01'],
    [{ months: 1 }, '2026-01-31', '2026-03-01'],
    [{ months: 1 }, '2028-01-31', '2028-03-01'],
    [{ months: 12 }, '2024-02-29', '2025-03-01'],
    ['calendar-year', '2026-01-01', '2027-01-01'],
    ['calendar-year', '2026-12-31', '2027-01-01'],
  ])('%j: %s leaves on %s', (window, bought, leaves) => {
    expect(date(windowOf(window).leavesOn(day(bought)))).toBe(leaves);
  });

  const windows = [
    { days: 1 },
    { days: 365 },
    { months: 1 },
    { months: 2 },
    { months: 11 },
    { months: 120 },
    'calendar-year',
  ];
  it.each(windows)(
    '%j: what has not left is exactly what lies on or after the first day; both only go forward',
    (spec) => {
      const window = windowOf(spec);
      const first = day('2019-12-01');
      for (let today = first; today < day('2024-04-01'); today++) {
        const start = window.firstDay(today);
        if (window.leavesOn(start) <= today || window.leavesOn(start - 1) > today || start > today) {
          expect.fail(`first day on ${date(today)} is ${date(start)}`);
        }
        if (start < window.firstDay(today - 1) || window.leavesOn(today) < window.leavesOn(today - 1)) {
          expect.fail(`runs backwards on ${date(today)}`);
        }
      }
    },
  );
});

describe('a new version', () => {
  const document = (options: Readonly<Record<string, unknown>>) => programOf(options).document;

  it('may change all but name, currency and time zone, and must count up', () => {
    expect(
      successionIssues(
        document({}),
        document({ version: 2, earn: { id: 'x', points: 9, per: 2 }, enrolment: 'required' }),
      ),
    ).toEqual([]);
    expect(successionIssues(document({ version: 3 }), document({ version: 3 }))).toEqual([
      { path: 'version', message: 'expected more than 3, got 3' },
    ]);
    expect(
      successionIssues(document({}), document({ version: 2, program: 'b', currency: 'EUR', timezone: 'Asia/Tokyo' })),
    ).toEqual([
      { path: 'program', message: 'expected "test" as in version 1, got "b"' },
      { path: 'currency', message: 'expected "USD" as in version 1, got "EUR"' },
      { path: 'timezone', message: 'expected "UTC" as in version 1, got "Asia/Tokyo"' },
    ]);
  });
});

describe('expiry', () => {
  const dayOf = (text: string): number => Date.parse(text) / DAY_MS;
  const lastDay = (expiry: object, earned: string): string => {
    const day = expiryOf({ expiry })?.lastDay(dayOf(earned)) ?? Number.NaN;
    return new Date(day * DAY_MS).toISOString().slice(0, 10);
  };

  it('is there only if it is written', () => {
    expect(expiryOf({})).toBeUndefined();
    expect(expiryOf({ expiry: { after: { days: 1 } } })?.isRenewed).toBe(false);
    expect(expiryOf({ expiry: { after: { days: 1 }, renew: 'activity' } })?.isRenewed).toBe(true);
  });

  it.each([
    [{ after: { months: 1 } }, '2026-01-31', '2026-02-28'],
    [{ after: { months: 13 } }, '2026-12-31', '2028-01-31'],
    [{ after: { years: 1 } }, '2028-02-29', '2029-02-28'],
    [{ after: { days: 365 } }, '2027-03-01', '2028-02-29'],
    [{ after: { days: 0 }, through: 'month' }, '2028-02-01', '2028-02-29'],
    [{ after: { months: 1 }, through: 'month' }, '2026-01-31', '2026-02-28'],
    [{ after: { months: 2 }, through: 'quarter' }, '2026-11-15', '2027-03-31'],
    [{ after: { years: 2 }, through: 'year' }, '2026-07-01', '2028-12-31'],
    [{ on: ['12-31', '06-30'] }, '2026-06-30', '2026-06-30'],
    [{ on: ['12-31', '06-30'] }, '2026-07-01', '2026-12-31'],
    [{ on: ['06-30'] }, '2026-07-01', '2027-06-30'],
    [{ on: ['02-29'] }, '2027-03-01', '2028-02-29'],
    [{ on: ['02-29'] }, '2026-03-01', '2027-02-28'],
  ])('%o: earned on %s, until %s', (expiry, earned, last) => {
    expect(lastDay(expiry, earned)).toBe(last);
  });

  it('is never before the day, and never earlier for a later day', () => {
    const day = fc.integer({ min: dayOf('1980-01-01'), max: dayOf('2060-01-01') });
    const period = fc.nat({ max: 40 }).chain((n) => fc.constantFrom({ days: n }, { months: n }, { years: n }));
    const expiry = fc.oneof(
      fc.record({ after: period, through: fc.constantFrom('day', 'month', 'quarter', 'year') }),
      fc.record({ on: fc.subarray(['01-01', '02-28', '02-29', '03-01', '12-31'], { minLength: 1 }) }),
    );
    fc.assert(
      fc.property(expiry, day, fc.nat({ max: 40 }), (expiry, day, later) => {
        const { lastDay = () => 0 } = expiryOf({ expiry }) ?? {};
        expect(lastDay(day)).toBeGreaterThanOrEqual(day);
        expect(lastDay(day + later)).toBeGreaterThanOrEqual(lastDay(day));
      }),
    );
  });
});
