/**
 * Worked examples from the public documents of loyalty products, and defects that other systems have had, as the engine
 * answers them. In brackets: where the numbers are from. Rules stand in the tests of their own files; here are the cases people quote.
 */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const shop = (rest: string) => `
program: shop
version: 1
timezone: UTC
currency: USD
${rest}
---
`;
const BASE = 'earn: {id: base, points: 1, per: 1}';

describe('partial return, two policies [Open Loyalty]', () => {
  const basket = (back: string) =>
    shop(`
earn:
  - {id: base, points: 1, per: 1}
  - {id: a, points: 10, each: piece, when: {skus: [A]}}
  - {id: b, points: 20, each: piece, when: {skus: [B]}}
returns: {back: ${back}}`);

  it('proportional takes the share of the price, by line takes what the line earned; the rest comes to nothing', () => {
    check(`${basket('proportional')}
purchase p1 (A x1 10.00, B x1 10.00, C x1 20.00) 2026-01-05 -> +70
return r1 of p1 (C x1)                                      -> -35 balance 35
return r2 of p1 (A x1, B x1)                                -> -35 balance 0
`);
    check(`${basket('earned')}
purchase p1 (A x1 10.00, B x1 10.00, C x1 20.00) 2026-01-05 -> +70
return r1 of p1 (C x1)                                      -> -20 balance 50
return r2 of p1 (A x1, B x1)                                -> -50 balance 0
`);
  });
});

describe('discounts and partial return [Smile]', () => {
  it('earn on what is left after the coupon, which is not counted twice', () => {
    check(`${shop(BASE)}
purchase p1 (A x1 50.00) discount=10.00 2026-01-05              -> +40
return r1 of p1                                                 -> -40 balance 0
purchase p2 (A x1 50.00, B x1 20.00) discount=10.00             -> +60
return r2 of p2 (B x1 20.00)                                    -> -20 balance 40
return r3 of p2                                                 -> -40 balance 0
`);
  });
});

describe('partial refund with floor and tier [NOBULL]', () => {
  it('floors on the way in and on the way back, and the two cancel', () => {
    check(`${shop(`${BASE}\ntiers: {id: main, window: calendar-year, levels: [{id: vip, from: 100}]}`)}
purchase p1 100.00 2026-01-05 -> +100 none>vip
return r1 of p1 75.00         -> -75 balance 25 vip>none
purchase p2 0.99              -> 0
purchase p3 10.99             -> +10
return r2 of p3 0.50          -> 0
return r3 of p3 0.50          -> -1
return r4 of p3               -> -9 balance 25
`);
  });
});

describe('return into the negative [Talon.One]', () => {
  const wallet = (returns: string) =>
    shop(
      `${BASE}\nwallets: [{id: points, returns: ${returns}}]\ntiers: {id: main, window: calendar-year, levels: [{id: vip, from: 1}]}`,
    );
  const spent = `purchase p1 70.00 2026-01-05 -> +70
adjust a1 -20                -> balance 50
purchase p2 10.00            -> +10
adjust a2 -10                -> balance 50`;

  it('unlimited leaves a debt, which does not touch the tier and is repaid first', () => {
    check(`${wallet('unlimited')}
${spent}
return r1 of p1              -> -70 balance -20 tier vip
purchase p3 30.00            -> +30 balance 10
`);
  });

  it('within-balance leaves none', () => {
    check(`${wallet('within-balance')}
${spent}
return r1 of p1              -> -50 balance 0
`);
  });

  it('only-pending takes nothing where nothing is pending', () => {
    check(`${wallet('only-pending')}
${spent}
return r1 of p1              -> 0 balance 50
`);
  });
});

describe('expiry arithmetic [Voucherify]', () => {
  it('adds months to the day, to the last of a shorter one, and 0 months to the day itself', () => {
    check(`${shop(`${BASE}\nexpiry: {after: {months: 1}}`)}
purchase p1 1.00 2026-01-25   -> expires 2026-02-26:1
purchase p2 1.00 2026-01-31   -> expires 2026-02-26:1,2026-03-01:1
purchase p3 1.00 2028-01-31   -> expires 2028-03-01:1
`);
    check(`${shop(`${BASE}\nexpiry: {after: {months: 0}}`)}
purchase p1 1.00 2026-01-01   -> expires 2026-01-02:1
`);
    check(`${shop(`${BASE}\nexpiry: {after: {months: 1}, through: month}`)}
purchase p1 1.00 2026-01-01   -> expires 2026-03-01:1
purchase p2 1.00 2026-01-31   -> expires 2026-03-01:2
`);
  });

  it('is moved by no change of clocks', () => {
    check(`${shop(`${BASE}\nexpiry: {after: {days: 1}}`).replace('UTC', 'Europe/London')}
purchase p1 1.00 2026-03-28   -> expires 2026-03-30:1
tick 2026-03-29T23:59:59.999  -> balance 1
tick 2026-03-30T00:00         -> balance 0 expired 2026-03-30:1
purchase p2 1.00 2026-10-24   -> expires 2026-10-26:1
`);
  });
});

describe('auto-redeem and tier [Voucherify]', () => {
  it('earn, qualify, tier, redeem: both happen', () => {
    check(`${shop(`${BASE}
wallets: [{id: points, redeem: {points: 100, worth: 5.00, automaticAt: 100}}]
tiers: {id: main, window: calendar-year, levels: [{id: vip, from: 100}]}`)}
purchase p1 100.00 2026-01-05 -> +100 none>vip redeemed 100 balance 0 tier vip
`);
  });
});

describe('late claim [Capillary]', () => {
  it('counts receipts from three hours before the enrolment on', () => {
    check(`${shop(`${BASE}\nenrolment: required\nenrolmentBufferHours: 3`)}
enrol e1 2026-05-20T09:00
purchase p1 1.00 2026-05-20T06:00 -> +1
purchase p2 1.00 2026-05-20T05:59 -> before_enrolment occurredAt
`);
  });

  it('scores a receipt of May, claimed in August, by the rules and the tier of May', () => {
    const version = (number: number, points: number) =>
      shop(`earn: {id: base, points: ${points}, per: 1}
tiers: {id: main, window: {days: 60}, levels: [{id: base, from: 0}, {id: gold, from: 100, multiplier: 2}]}`).replace(
        'version: 1',
        `version: ${number}`,
      );
    check(`${version(1, 1)}${version(2, 7)}
purchase p1 100.00 2026-05-10                  -> +100 base>gold
tick 2026-08-01
program 2
purchase p2 10.00 2026-05-20 now 2026-08-17    -> +20
purchase p3 10.00 now 2026-08-17               -> +70
`);
  });
});

describe('defects that other systems have had', () => {
  it('an order that is delivered again, at any age, pays once and gets the first answer', () => {
    check(`${shop(BASE)}
purchase p99 500.00 2026-01-05  -> +500
resend p99                      -> duplicate +500 balance 500
repeat 100 purchase f# 1.00     -> +1
resend p99 now 2026-01-08       -> duplicate +500 balance 600
resend p99 now 2027-06-01       -> duplicate +500 balance 600
`);
  });

  it('a rate that begins at a large amount does not pay for smaller ones', () => {
    check(`${shop(`
earn:
  - {id: large, points: 1, per: 1000, when: {from: 100000, below: 300000}}
  - {id: huge, points: 1, per: 900, when: {from: 300000}}`)}
purchase p1 196000.00 2026-01-05 -> +196
purchase p2 20000.00             -> 0
purchase p3 300000.00            -> +333
`);
  });

  it('a return of a part leaves the points of the rest', () => {
    check(`${shop(BASE)}
purchase p1 1000.00 2026-01-05 -> +1000
return r1 of p1 100.00         -> -100 balance 900
`);
  });

  it('spending every point leaves the tier', () => {
    check(`${shop(`${BASE}
wallets: [{id: points, redeem: {points: 100, worth: 1.00}}]
tiers: {id: main, window: calendar-year, levels: [{id: vip, from: 100}]}`)}
purchase p1 100.00 2026-01-05 -> +100 none>vip
redeem r1 100                 -> -100 balance 0 tier vip unchanged
`);
  });
});
