/** Points that expire: on which day, at which instant, in which order, and what is left for a return to take. */
import { describe, expect, it } from 'vitest';
import { EXPIRED_DAYS_KEPT } from '../../src/limits.ts';
import { ledgerEntryView } from '../../src/wire/ledger-view.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { Desk, programOf } from './harness.ts';
import { check } from './table.ts';

const shop = (expiry: string, { version = 1, zone = 'UTC', tiers = '' } = {}) => `
program: shop
version: ${version}
timezone: ${zone}
currency: USD
earn: {id: base, points: 1, per: 1}
${expiry === '' ? '' : `expiry: ${expiry}`}
${tiers}
---
`;

describe('the last day', () => {
  it('a month later, or the last of a shorter month', () => {
    check(`${shop('{after: {months: 1}}')}
purchase p1 10.00 2026-01-25 -> +10 expires 2026-02-26:10
purchase p2 20.00 2026-01-31 -> +20 expires 2026-02-26:10,2026-03-01:20 due 2026-02-26
read 2026-02-25T23:59:59.999 -> balance 30
read 2026-02-26              -> balance 20
tick 2026-02-28T23:59:59.999 -> expired 2026-02-26:10 balance 20
tick 2026-03-01T00:00        -> expired 2026-03-01:20 balance 0 expires never due never
`);
    check(`${shop('{after: {months: 1}}')}
purchase p1 10.00 2028-01-31 -> expires 2028-03-01:10
tick 2028-02-29T23:59:59.999 -> expired none balance 10
tick 2028-03-01T00:00        -> expired 2028-03-01:10 balance 0
`);
  });

  it.each(['days', 'months', 'years'])('the day itself, for 0 %s', (unit) => {
    check(`${shop(`{after: {${unit}: 0}}`)}
purchase p1 10.00 2026-01-01T00:00        -> expires 2026-01-02:10
purchase p2 5.00 2026-01-01T23:59:59.999  -> expires 2026-01-02:15 balance 15
purchase p3 1.00 2026-01-02T00:00         -> expired 2026-01-02:15 balance 1 expires 2026-01-03:1
`);
  });

  it('days and years later', () => {
    check(`${shop('{after: {days: 30}}')}
purchase p1 10.00 2026-01-05 -> expires 2026-02-05:10
`);
    check(`${shop('{after: {years: 1}}')}
purchase p1 10.00 2028-02-28 -> expires 2029-03-01:10
purchase p2 10.00 2028-02-29 -> expires 2029-03-01:20
tick 2029-03-01T00:00        -> expired 2029-03-01:20
`);
  });

  it('extended to the end of its month, quarter or year', () => {
    check(`${shop('{after: {months: 1}, through: month}')}
purchase p1 10.00 2026-01-01T00:00        -> expires 2026-03-01:10
purchase p2 10.00 2026-01-31T23:59:59.999 -> expires 2026-03-01:20
purchase p3 10.00 2026-02-01T00:00        -> expires 2026-03-01:20,2026-04-01:10
`);
    check(`${shop('{after: {months: 1}, through: quarter}')}
purchase p1 10.00 2026-02-28 -> expires 2026-04-01:10
purchase p2 10.00 2026-03-01 -> expires 2026-04-01:10,2026-07-01:10
purchase p3 10.00 2026-11-30 -> expired 2026-04-01:10,2026-07-01:10 expires 2027-01-01:10
`);
    check(`${shop('{after: {days: 0}, through: year}')}
purchase p1 10.00 2026-01-01 -> expires 2027-01-01:10
purchase p2 10.00 2026-12-31 -> expires 2027-01-01:20
`);
  });

  it('on fixed dates', () => {
    check(`${shop("{on: ['06-30', '12-31']}")}
purchase p1 10.00 2026-06-30T23:59 -> expires 2026-07-01:10
purchase p2 20.00 2026-07-01T00:00 -> expired 2026-07-01:10 expires 2027-01-01:20
purchase p3 5.00 2026-12-31        -> expires 2027-01-01:25
`);
    check(`${shop("{on: ['02-29']}")}
purchase p1 10.00 2026-02-28 -> expires 2026-03-01:10
purchase p2 20.00 2026-03-01 -> expired 2026-03-01:10 expires 2027-03-01:20
purchase p3 5.00 2027-03-01  -> expired 2027-03-01:20 expires 2028-03-01:5
purchase p4 5.00 2028-02-29  -> expires 2028-03-01:10
`);
  });

  it('of points from an adjustment, too', () => {
    check(`${shop('{after: {days: 1}}')}
adjust a1 +7 2026-01-05 -> expires 2026-01-07:7
tick 2026-01-07         -> expired 2026-01-07:7 balance 0
`);
  });
});

describe('a change of clocks moves no expiry by an hour', () => {
  it.each([
    // Clocks go forward and back between earning and expiring, and in the night between.
    ['Europe/London', '2026-03-28', '2026-03-29T00:00Z', '2026-03-29T23:00Z'],
    ['Europe/London', '2026-10-24', '2026-10-24T23:00Z', '2026-10-26T00:00Z'],
    ['America/New_York', '2026-03-07', '2026-03-08T05:00Z', '2026-03-09T04:00Z'],
    ['America/New_York', '2026-10-31', '2026-11-01T04:00Z', '2026-11-02T05:00Z'],
    // Midnight itself is skipped: the day begins at one.
    ['America/Sao_Paulo', '2018-11-02', '2018-11-03T03:00Z', '2018-11-04T03:00Z'],
  ])('%s, earned on %s: gone at %s for 0 days, at %s for 1', (zone, day, sameDay, nextDay) => {
    for (const [days, instant] of [
      [0, sameDay],
      [1, nextDay],
    ] as const) {
      const before = new Date(Date.parse(instant) - 1).toISOString();
      check(`${shop(`{after: {days: ${days}}}`, { zone })}
purchase p1 10.00 ${day}
tick ${before}  -> expired none balance 10
tick ${instant} -> balance 0
`);
    }
  });
});

describe('points are spent', () => {
  it('soonest to expire first, then oldest', () => {
    // The second program gives less time: what is earned later goes first.
    check(`${shop('{after: {months: 6}}')}${shop('{after: {days: 30}}', { version: 2 })}
purchase p1 10.00 2026-01-05 -> expires 2026-07-06:10
program 2
purchase p2 10.00 2026-01-06 -> lots 2026-01-06:10,2026-01-05:10 expires 2026-02-06:10,2026-07-06:10
purchase p3 10.00 2026-01-07
adjust a1 -15                -> lots 2026-01-07:5,2026-01-05:10 expires 2026-02-07:5,2026-07-06:10 due 2026-02-07
adjust a2 -5                 -> lots 2026-01-05:10 due 2026-07-06
`);
  });

  it('before those that never expire', () => {
    check(`${shop('')}${shop('{after: {days: 30}}', { version: 2 })}${shop('', { version: 3 })}
purchase p1 10.00 2026-01-05 -> expires never due never
program 2
purchase p2 10.00 2026-01-06 -> lots 2026-01-06:10,2026-01-05:10 expires 2026-02-06:10
adjust a1 -4                 -> lots 2026-01-06:6,2026-01-05:10
program 3
purchase p3 1.00 2026-01-07  -> lots 2026-01-06:6,2026-01-05:10,2026-01-07:1 expires 2026-02-06:6
tick 2027-01-01              -> expired 2026-02-06:6 balance 11 due never
`);
  });

  it('and what repays a debt does not expire', () => {
    check(`${shop('{after: {days: 1}}')}
adjust a1 -30 2026-01-05
purchase p1 40.00 2026-01-05 -> balance 10 expires 2026-01-07:10
tick 2026-01-07              -> expired 2026-01-07:10 balance 0
`);
  });
});

describe('renewal by activity', () => {
  const renewing = shop('{after: {days: 30}, renew: activity}');

  it('gives all points the last day of what is earned now; renewals do not add up', () => {
    check(`${renewing}
purchase p1 10.00 2026-01-01 -> expires 2026-02-01:10
purchase p2 20.00 2026-01-10 -> lots 2026-01-01:10,2026-01-10:20 expires 2026-02-10:30
purchase p3 0.00 2026-01-11  -> 0 expires 2026-02-11:30
purchase p4 0.00 2026-01-11  -> expires 2026-02-11:30
; an adjustment and a return are no activity
adjust a1 +5 2026-01-20      -> expires 2026-02-11:30,2026-02-20:5
return r1 of p2 2026-01-30   -> expires 2026-02-11:10,2026-02-20:5
tick 2026-02-11              -> expired 2026-02-11:10
purchase p5 1.00 2026-02-12  -> lots 2026-01-20:5,2026-02-12:1 expires 2026-03-15:6
`);
  });

  it('by a late purchase, as far as what is open goes', () => {
    check(`${renewing}
purchase p1 10.00 2026-01-01                -> expires 2026-02-01:10
purchase l1 1.00 2026-01-05 now 2026-01-31  -> expires 2026-02-05:11
purchase l2 1.00 2026-01-03 now 2026-01-31  -> expires 2026-02-03:1,2026-02-05:11
; what the log has seen expire stays expired
purchase l3 1.00 2026-01-20 now 2026-02-10  -> expired 2026-02-03:1,2026-02-05:11 balance 1 expires 2026-02-20:1
`);
  });

  it('never shortens: a longer last day of an older program stays', () => {
    check(`${shop('{after: {years: 1}}')}${shop('{after: {days: 30}, renew: activity}', { version: 2 })}
purchase p1 10.00 2026-01-01 -> expires 2027-01-02:10
program 2
purchase p2 1.00 2026-01-02  -> expires 2026-02-02:1,2027-01-02:10
`);
  });

  it('makes one lot of two that become alike', () => {
    check(`${shop('{after: {days: 60}}')}${shop('{after: {days: 30}, renew: activity}', { version: 2 })}
purchase p1 10.00 2026-01-01 -> expires 2026-03-03:10
program 2
purchase p2 5.00 2026-01-01  -> lots 2026-01-01:5,2026-01-01:10 expires 2026-02-01:5,2026-03-03:10
purchase p3 1.00 2026-01-31  -> lots 2026-01-01:15,2026-01-31:1 expires 2026-03-03:16
`);
  });
});

describe('a return of what has expired', () => {
  const month = shop('{after: {months: 1}}');

  it('does not take the points again', () => {
    check(`${month}
purchase p1 70.00 2026-01-05 -> +70
tick 2026-02-06              -> expired 2026-02-06:70 balance 0
return r1 of p1              -> 0 balance 0 lots none
purchase p2 10.00 2026-02-07 -> balance 10
`);
  });

  it('in part, before and after it expired', () => {
    check(`${month}
purchase p1 70.00 2026-01-05     -> +70
return r1 of p1 20.00 2026-01-20 -> -20 balance 50
tick 2026-02-06                  -> expired 2026-02-06:50
return r2 of p1 30.00            -> 0 balance 0
return r3 of p1                  -> 0 balance 0
`);
  });

  it('takes what had been spent from elsewhere, and the rest becomes debt', () => {
    check(`${month}
purchase p1 70.00 2026-01-05 -> +70
adjust a1 -30 2026-01-06     -> balance 40
purchase p2 10.00 2026-02-05 -> balance 50
tick 2026-02-06              -> expired 2026-02-06:40 balance 10
return r1 of p1              -> -30 balance -20 lots none
`);
  });

  it('takes what is open of its day first', () => {
    check(`${shop('{after: {days: 30}}')}${shop('{after: {days: 60}}', { version: 2 })}
purchase p1 10.00 2026-01-05 -> expires 2026-02-05:10
program 2
purchase p2 20.00 2026-01-05 -> expires 2026-02-05:10,2026-03-07:20
purchase p3 5.00 2026-01-06
tick 2026-02-05              -> expired 2026-02-05:10 balance 25
return r1 of p2 15.00        -> -15 lots 2026-01-05:5,2026-01-06:5
return r2 of p2 10.00        -> return_exceeds_original amount
return r3 of p1              -> -5 lots 2026-01-06:5 balance 5
return r4 of p2              -> 0 balance 5
`);
  });

  it('is remembered for as long as the program says nothing else', () => {
    const dayLater = new Date(Date.UTC(2026, 0, 5 + EXPIRED_DAYS_KEPT)).toISOString().slice(0, 10);
    const tooLate = new Date(Date.UTC(2026, 0, 6 + EXPIRED_DAYS_KEPT)).toISOString().slice(0, 10);
    for (const [day, points] of [
      [dayLater, '0 balance 0'],
      [tooLate, '-10 balance -10'],
    ]) {
      check(`${shop('{after: {days: 0}}')}
purchase p1 10.00 2026-01-05
purchase p2 1.00 ${day}
tick 2030-01-01 -> balance 0
return r1 of p1 -> ${points}
`);
    }
  });

  it('of goods that no purchase was found for takes what there is', () => {
    check(`${shop('{after: {days: 30}}').replace('---', 'returns: {unmatched: deduct}\n---')}
purchase p1 10.00 2026-01-05
tick 2026-02-05              -> balance 0
return r1 10.00 2026-02-05   -> -10 balance -10
`);
  });
});

describe('a late purchase', () => {
  it('whose points are over expires at once, in the same event', () => {
    check(`${shop('{after: {days: 10}}')}
purchase p1 5.00 2026-03-01                 -> balance 5
purchase l1 10.00 2026-02-10 now 2026-03-02 -> +10 expired 2026-02-21:10 balance 5 expires 2026-03-12:5
return r1 of l1                             -> 0 balance 5
purchase l2 10.00 2026-02-20 now 2026-03-02 -> +10 expired none balance 15 expires 2026-03-03:10,2026-03-12:5
`);
  });

  it('repays a debt all the same', () => {
    check(`${shop('{after: {days: 10}}')}
adjust a1 -4 2026-03-01
purchase l1 10.00 2026-02-10 now 2026-03-02 -> +10 expired 2026-02-21:6 balance 0
`);
  });

  it('comes after what was due: it makes no difference whether a tick came before', () => {
    for (const tick of ['', 'tick 2026-03-05']) {
      check(`${shop('{after: {days: 10}}')}
purchase p1 5.00 2026-02-20 -> due 2026-03-03
${tick}
purchase l1 10.00 2026-02-25 now 2026-03-06 -> balance 10 lots 2026-02-25:10 due 2026-03-08
`);
    }
  });

  it('that a skewed clock has overtaken expires at once, too', () => {
    // The log's clock is still before midnight; the member's has passed it, and its points of today are over.
    check(`${shop('{after: {days: 0}}')}
purchase p1 5.00 2026-01-06T00:02 now 2026-01-05T23:58 -> expires 2026-01-07:5
purchase p2 3.00 2026-01-05T23:57 now 2026-01-05T23:58 -> expired 2026-01-06:3 balance 5
`);
  });
});

describe('level and points', () => {
  const tiers = 'tiers: {id: main, window: {days: 30}, levels: [{id: base, from: 0}, {id: gold, from: 100}]}';

  it('go in order of time', () => {
    check(`${shop('{after: {days: 10}}', { tiers })}
purchase p1 100.00 2026-01-05 -> base>gold due 2026-01-16
tick 2026-01-16               -> unchanged expired 2026-01-16:100 tier gold due 2026-02-04
tick 2026-02-04               -> gold>base expired none
`);
  });

  it('at one instant both, in one tick or with the next event', () => {
    for (const line of ['tick 2026-02-04', 'tick 2026-03-01', 'purchase p2 0.00 2026-03-01']) {
      check(`${shop('{after: {days: 29}}', { tiers })}
purchase p1 100.00 2026-01-05 -> base>gold due 2026-02-04
${line} -> gold>base expired 2026-02-04:100 balance 0 due never since 2026-02-04
`);
    }
  });
});

it('the ledger says in words what expired, and what a return did not take again', () => {
  const desk = new Desk(programOf({ expiry: { after: { months: 1 }, through: 'month' } }));
  const at = (day: number) => Date.UTC(2026, 0, day, 12);
  desk.score(purchaseEvent({ id: 'p1', occurredAt: at(5), amount: 40_00 }), at(5));
  desk.score(purchaseEvent({ id: 'p2', occurredAt: at(7), amount: 2_00 }), at(7));
  desk.tick(Date.UTC(2026, 2, 1));
  const sale = { memberId: '42', store: '', terminal: '', currency: '', lines: [] };
  desk.score({ type: 'return', id: 'r1', occurredAt: at(70), amount: 30_00, ...sale, originalId: 'p1' }, at(70));
  const [, , expiration, reversal] = desk.entries().map(ledgerEntryView);
  expect(expiration).toEqual({
    type: 'expiration',
    at: '2026-03-01T00:00:00.000Z',
    programVersion: 1,
    points: -42,
    movements: [{ wallet: 'points', amount: -42, rule: 'expiration' }],
    text: '42 points expired, earned from 2026-01-05 to 2026-01-07',
    earned: [
      { day: '2026-01-05', amount: 40 },
      { day: '2026-01-07', amount: 2 },
    ],
  });
  expect(reversal).toMatchObject({
    points: 0,
    movements: [
      { amount: -30, rule: 'base', originalId: 'p1' },
      { amount: 30, rule: 'expiration', originalId: 'p1' },
    ],
    text: 'Took back 0 points earned with p1; 30 more had expired and are not charged again',
  });
});
