/** Qualifying counters: what is counted, on which days, and what a return takes back. */
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/lib/zone.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { Desk, programOf } from './harness.ts';
import { check } from './table.ts';

const shop = (counters: string, tiers = '', options = 'timezone: UTC\ncurrency: USD') => `
program: shop
version: 1
${options}
earn: {id: base, points: 1, per: 1}
counters: [${counters}]
${tiers}
---
`;
const EVERYTHING = ['spend', 'transactions', 'visits', 'points', 'categories', 'activity']
  .map((of) => `{id: ${of}, of: ${of}, window: calendar-month}`)
  .join(', ');

describe('what is counted', () => {
  it('three receipts of a store and a business day are three transactions and one visit', () => {
    check(`${shop(EVERYTHING, '', 'timezone: America/New_York\ncurrency: USD')}
purchase p1 1.00 2026-01-05T00:00 store=a     -> counter:transactions 1 counter:visits 1
purchase p2 1.00 2026-01-05T12:00 store=a     -> counter:transactions 2 counter:visits 1
purchase p3 1.00 2026-01-05T23:59:59 store=a  -> counter:transactions 3 counter:visits 1
purchase p4 1.00 2026-01-05T23:59:59 store=b  -> counter:transactions 4 counter:visits 2
purchase p5 1.00 2026-01-06T00:00 store=a     -> counter:transactions 5 counter:visits 3
; a visit is over when the last of its receipts has come back
return r1 of p1 -> counter:transactions 4 counter:visits 3
return r2 of p3 -> counter:visits 3
return r3 of p2 -> counter:transactions 2 counter:visits 2
`);
  });

  it('categories are different ones, of goods that are kept', () => {
    check(`${shop(EVERYTHING)}
purchase p1 6.00 (A/tea x2 4.00, B x1 2.00) 2026-01-05    -> counter:categories 1
purchase p2 6.00 (C/food x1 4.00, D/tea x1 2.00)          -> counter:categories 2
return r1 of p1 (A x1)                                    -> counter:categories 2
return r2 of p2 (D x1)                                    -> counter:categories 2
return r3 of p1 (A x1)                                    -> counter:categories 1 counter:transactions 2
return r4 of p2 (C x1)                                    -> counter:categories 0 counter:transactions 1
`);
  });

  it('points earned count, whatever is spent of them or added; enrolment is activity', () => {
    check(`${shop(EVERYTHING)}
enrol e1 2026-01-04             -> counter:activity 1 counter:transactions 0
purchase p1 100.50 2026-01-05   -> counter:points 100 counter:spend 100.50 counter:activity 2
adjust a1 -100                  -> counter:points 100 balance 0
adjust a2 500                   -> counter:points 100
return r1 of p1 0.51            -> counter:points 99 counter:spend 99.99
return r2 of p1                 -> counter:points 0 counter:spend 0.00 counter:activity 1 counter:transactions 0
`);
  });
});

describe('which days', () => {
  it.each([
    ['calendar-month', '2026-05-31T23:59:59.999', '2026-06-01T00:00'],
    ['calendar-quarter', '2026-06-30T23:59:59.999', '2026-07-01T00:00'],
    ['calendar-half-year', '2026-06-30T23:59:59.999', '2026-07-01T00:00'],
    ['calendar-year', '2026-12-31T23:59:59.999', '2027-01-01T00:00'],
    ['{days: 10}', '2026-05-14T23:59:59.999', '2026-05-15T00:00'],
    ['{months: 1}', '2026-06-05T23:59:59.999', '2026-06-06T00:00'],
    ['{from: 2026-05-01, through: 2026-05-20}', '2026-05-20T23:59:59.999', '2026-05-21T00:00'],
    ['{years: 1, from: enrolment}', '2027-02-27T23:59:59.999', '2027-02-28T00:00'],
  ])('in %s', (window, last, next) => {
    check(`${shop(`{id: some, of: transactions, window: ${window}}, {id: all, of: transactions, window: lifetime}`)}
enrol e1 2024-02-29
purchase p1 1.00 2026-05-05 -> counter:some 1
read ${last}                -> counter:some 1
read ${next}                -> counter:some 0 counter:all 1
`);
  });

  it('outside a promotion nothing counts', () => {
    check(`${shop('{id: promo, of: spend, window: {from: 2026-05-10, through: 2026-05-20}}')}
purchase p1 1.00 2026-05-09T23:59:59.999 -> counter:promo 0.00
purchase p2 2.00 2026-05-10T00:00        -> counter:promo 2.00
purchase l1 4.00 2026-05-09              -> counter:promo 2.00
purchase p3 8.00 2026-05-20T23:59:59.999 -> counter:promo 10.00
purchase p4 16.00 2026-05-21T00:00       -> counter:promo 0.00
`);
  });

  it('years from the first event, until enrolment says better', () => {
    check(`${shop('{id: year, of: spend, window: {years: 1, from: enrolment}}')}
purchase p1 1.00 2026-03-10 -> counter:year 1.00
read 2027-03-09             -> counter:year 1.00
read 2027-03-10             -> counter:year 0.00
enrol e1 2026-05-10         -> counter:year 0.00
purchase p2 2.00 2026-06-01 -> counter:year 2.00
`);
  });

  it('a lifetime is kept as one sum, from which returns still take', () => {
    check(`${shop('{id: ever, of: spend, window: lifetime}, {id: times, of: transactions, window: lifetime}')}
purchase p1 100.00 2020-01-01 -> counter:ever 100.00
purchase p2 10.00 2023-01-01  -> counter:ever 110.00 counter:times 2
purchase p3 1.00 2026-01-01   -> counter:ever 111.00
return r1 of p1 2026-02-01    -> counter:ever 11.00 counter:times 2
return r2 of p2 5.00          -> counter:ever 6.00 counter:times 2
`);
  });
});

describe('years from the start of a level', () => {
  const club = shop(
    '{id: year, of: spend, window: {years: 1, from: tier-start}}',
    `tiers:
  id: main
  counter: year
  lasts: {for: {years: 1}}
  levels: [{id: silver, from: 100}, {id: gold, from: 300}]`,
  );

  it('begin the day after, so that what reached it does not renew it', () => {
    check(`${club}
purchase p1 100.00 2026-03-10 -> none>silver until 2027-03-11 projected none keep all:year=0.00/100.00
purchase p2 99.00 2026-06-01  -> keep all:year=99.00/100.00 counter:year 99.00
tick 2027-03-11               -> silver>none
`);
    check(`${club}
purchase p1 100.00 2026-03-10 -> none>silver
purchase p2 100.00 2027-03-10 -> projected silver
tick 2027-03-11               -> unchanged tier silver until 2028-03-11 projected none
`);
  });

  it('begin again with an upgrade, and go back with it', () => {
    check(`${club}
purchase p1 100.00 2026-03-10 -> none>silver
purchase p2 300.00 2026-06-01 -> silver>gold until 2027-06-02 counter:year 0.00
return r1 of p2 2026-06-20    -> gold>silver until 2027-03-11 counter:year 0.00
`);
  });
});

describe('what is remembered by day', () => {
  const NOON = Date.UTC(2026, 0, 1, 12);
  const counting = (of: string): Desk => new Desk(programOf({ counters: [{ id: 'x', of, window: { days: 30 } }] }));

  it('is forgotten with time, also of somebody who only takes free goods', () => {
    const desk = counting('visits');
    for (let day = 0; day < 1_000; day++) {
      desk.score(purchaseEvent({ id: `p${day}`, amount: 0, store: 's1' }), NOON + day * DAY_MS);
    }
    expect((desk.member.standing?.visits.length ?? 0) / 3).toBeLessThan(200);
  });

  it('has a bound, past which a purchase brings no new categories', () => {
    const desk = counting('categories');
    for (let each = 0; each < 20; each++) {
      const lines = Array.from({ length: 1_000 }, (_, index) => ({
        sku: 's',
        category: `c${1_000 * each + index}`,
        quantity: 1,
        amount: 1,
      }));
      desk.score(purchaseEvent({ id: `p${each}`, amount: 1_000, lines }), NOON);
    }
    expect((desk.member.standing?.categories.length ?? 0) / 3).toBe(16_000);
  });
});
