/** The whole Online Retail data set through the engine's fold, against the bookkeeper, customer by customer. */
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { newTotals, onlineRetailEvents } from '../../load/online-retail.ts';
import { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { engineSays, oracleSays, outcomeOf, passedIn } from './agreement.ts';
import { Fold } from './fold.ts';

const DATA = '../shared/data/online-retail.csv.gz';
const END_MS = Date.parse('2011-08-31T23:00:00+01:00');

const PROGRAMS = {
  'the example: rolling year, floor, unmatched ignored': readFileSync('examples/online-retail.yaml', 'utf8'),
  'calendar year, nearest, unmatched deducted': `
program: retail-b
version: 1
timezone: Europe/London
currency: GBP
earn: { id: spend, points: 3, per: 2.50, rounding: nearest }
tiers:
  id: main
  window: calendar-year
  levels:
    - { id: silver, from: 300, multiplier: 1.1 }
    - { id: gold, from: 1500.50, multiplier: 1.333 }
returns: { unmatched: deduct, matchDays: 60 }`,
  'two months, ceil, unmatched refused, days of another zone': `
program: retail-c
version: 1
timezone: Asia/Kathmandu
currency: GBP
earn: { id: spend, points: 7, per: 10, rounding: ceil }
tiers:
  id: main
  window: { months: 2 }
  levels:
    - { id: silver, from: 200, multiplier: 1.25 }
    - { id: gold, from: 800, multiplier: 1.5 }
    - { id: platinum, from: 5000, multiplier: 2.5 }
returns: { unmatched: refuse, matchDays: 120 }`,
  '90 days, points for two months and to the end of the second': `
program: retail-d
version: 1
timezone: Europe/London
currency: GBP
earn: { id: spend, points: 1, per: 1, rounding: nearest }
expiry: { after: { months: 2 }, through: month }
tiers:
  id: main
  window: { days: 90 }
  levels:
    - { id: bronze, from: 0 }
    - { id: silver, from: 400, multiplier: 1.25 }
    - { id: gold, from: 1500, multiplier: 1.5 }
returns: { unmatched: deduct, matchDays: 365 }`,
  'points for 45 days from the last purchase on': `
program: retail-e
version: 1
timezone: America/New_York
currency: GBP
earn: { id: spend, points: 2, per: 3 }
expiry: { after: { days: 45 }, renew: activity }
tiers:
  id: main
  window: { months: 3 }
  levels: [{ id: gold, from: 1000, multiplier: 2 }]
returns: { unmatched: ignore, matchDays: 365 }`,
  'two wallets, one of them pending for two weeks, baskets, pieces and large orders, shares by price': `
program: retail-f
version: 1
timezone: Europe/London
currency: GBP
wallets:
  - { id: points, rounded: basket, expiry: { after: { months: 1 } }, pending: { days: 14 }, returns: within-balance }
  - { id: cash, rounding: nearest, rounded: line, spend: newest, redeem: { points: 100, worth: 1, automaticAt: 500 } }
earn:
  - { id: base, points: 1, per: 1 }
  - { id: large, points: 50, each: purchase, when: { from: 500 } }
  - { id: abroad, points: 1, per: 7, when: { stores: [Germany, France, EIRE] } }
  - { id: back, wallet: cash, points: 2, per: 1 }
  - { id: pieces, wallet: cash, points: 1, each: piece, when: { skus: [85123A, '22423', 85099B, POST] } }
tiers:
  id: main
  window: { days: 120 }
  levels: [{ id: gold, from: 1000, multiplier: 1.5 }]
returns: { unmatched: deduct, matchDays: 90, back: proportional }`,
};

describe.skipIf(!existsSync(DATA))(`Online Retail (skipped where ${DATA} is absent)`, () => {
  const events: PublicEvent[] = [];
  const totals = newTotals();

  beforeAll(async () => {
    for await (const event of onlineRetailEvents(DATA, totals)) events.push(event);
  });

  it('becomes as many events as the file has invoices with a customer and a price', () => {
    expect({ ...totals, customers: totals.customers.size, members: totals.members.size }).toEqual({
      rows: 320_705,
      invoices: 16_459,
      creditNotes: 2_554,
      purchases: 11_413,
      returns: 2_427,
      lines: 232_032,
      dropped: { 'without a customer': 88_652, 'price not above 0': 21, 'quantity with the wrong sign': 0 },
      customers: 3_360,
      members: 3_360,
    });
    const times = events.map(({ occurredAt = '' }) => occurredAt);
    expect(times).toEqual([...times].sort());
  });

  it.each(Object.entries(PROGRAMS))('scores every customer as the bookkeeper does: %s', (_, program) => {
    const fold = new Fold(program);
    const oracle = new Oracle(program);
    const lastAt = new Map<string, number>();
    const seen = { changes: 0, refused: 0, members: 0, expired: 0, returnedExpired: 0 };
    let month = events[0]?.occurredAt?.slice(0, 7);
    for (const event of events) {
      if (event.occurredAt?.slice(0, 7) !== month) {
        month = event.occurredAt?.slice(0, 7);
        const monthEndMs = Date.parse(`${month}-01T00:00:00Z`);
        for (const id of lastAt.keys()) {
          expect({ id, month, ...engineSays(fold, id, monthEndMs) }).toEqual({
            id,
            month,
            ...oracleSays(oracle, id, monthEndMs),
          });
        }
      }
      const outcome = fold.apply(event);
      const expected = oracle.apply(event);
      // Compared first by eye-catching parts: vitest's equality would take most of the time.
      const passed = passedIn(outcome);
      const hasChanges = outcome.tierChanges.length + expected.changes.length + passed.length + expected.passed.length;
      if (outcome.code !== expected.code || hasChanges > 0) {
        const { code, changes } = outcomeOf(fold, outcome);
        expect({ id: event.id, code, changes, passed }).toEqual({
          id: event.id,
          code: expected.code,
          changes: expected.changes,
          passed: expected.passed,
        });
      }
      seen.expired += passed.length;
      const { entry } = outcome;
      const takes = entry?.kind === 'reversal' ? entry.parts.flatMap((part) => part.takes) : [];
      if (takes.some(({ expired }) => expired > 0)) seen.returnedExpired += 1;
      seen.changes += outcome.tierChanges.length;
      if (outcome.code !== 'scored') seen.refused += 1;
      lastAt.set(event.memberId, Date.parse(event.occurredAt ?? ''));
    }
    for (const [id, at] of lastAt) {
      expect({ id, ...engineSays(fold, id, at) }).toEqual({ id, ...oracleSays(oracle, id, at) });
      expect({ id, ...engineSays(fold, id, END_MS) }).toEqual({ id, ...oracleSays(oracle, id, END_MS) });
      seen.members += 1;
    }
    expect(seen.members).toBe(3_360);
    // Where nothing changes level, nothing was compared.
    expect(seen.changes).toBeGreaterThan(500);
    expect(seen.expired > 500).toBe(program.includes('expiry'));
    expect(seen.returnedExpired > 5).toBe(program.includes('expiry'));
    expect(seen.refused > 0).toBe(program.includes('refuse'));
  });
});
