/** Points spent at the till: at once, or held and captured, and what comes back of them. */
import { describe, expect, it } from 'vitest';
import { HOLDS_MAX } from '../../src/limits.ts';
import { adjustmentEvent } from '../helpers/events.ts';
import { Desk, firstWallet, programOf } from './harness.ts';
import { check } from './table.ts';

const shop = (wallet: string) => `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
wallets: [{id: points, ${wallet}}]
---
`;
const WORTH = 'redeem: {points: 100, worth: 1.00}';
const EXPIRES = `${WORTH}, expiry: {after: {days: 30}}`;

describe('a redemption', () => {
  it('spends the soonest to expire, then the oldest, and says what it pays', () => {
    check(`${shop(EXPIRES)}
purchase p1 100.00 2026-01-05 -> +100
purchase p2 100.00 2026-01-10 -> +100
redeem r1 150 2026-01-12      -> -150 worth 1.50 balance 50 lots 2026-01-10:50
resend r1                     -> duplicate -150 balance 50
`);
  });

  it('spends the newest first where the wallet says so', () => {
    check(`${shop(`${EXPIRES}, spend: newest`)}
purchase p1 100.00 2026-01-05 -> +100
purchase p2 100.00 2026-01-10 -> +100
redeem r1 150 2026-01-12      -> -150 lots 2026-01-05:50
reverse v1 of r1 60           -> +60 lots 2026-01-05:100,2026-01-10:10
`);
  });

  it('pays an amount of money, a fraction of a point rounded up', () => {
    check(`${shop('redeem: {points: 3, worth: 0.10}')}
purchase p1 100.00 2026-01-05 -> +100
redeem r1 worth 1.00          -> -30 worth 1.00 balance 70
redeem r2 worth 0.01          -> -1 worth 0.03 balance 69
`);
  });

  it('is refused below the minimum, above the maximum, off the step, and beyond what there is, in this order', () => {
    check(`${shop('redeem: {points: 100, worth: 1.00, minimum: 20, maximum: 90, step: 10}')}
purchase p1 50.00 2026-01-05 -> +50
redeem r1 15                 -> below_minimum points
redeem r1 95                 -> above_maximum points
redeem r1 25                 -> not_a_step points
redeem r1 worth 0.25         -> not_a_step amount
redeem r1 60                 -> insufficient_points points balance 50
redeem r1 50                 -> -50 balance 0
redeem r2 20                 -> insufficient_points points
`);
    check(`${shop('rounding: floor')}
redeem r1 10 2026-01-05             -> wallet_not_redeemable wallet
redeem r1 10 wallet=miles           -> wallet_not_found wallet
`);
  });

  it('does not spend what has expired though no tick has come, and a refusal leaves no trace', () => {
    check(`${shop(EXPIRES)}
purchase p1 100.00 2026-01-05 -> +100
redeem r1 100 2026-02-05      -> insufficient_points points
purchase p2 10.00 2026-02-05  -> +10 expired 2026-02-05:100 balance 10
`);
  });

  it('comes back into its lots with their own last day, in parts that add up', () => {
    check(`${shop(EXPIRES)}
purchase p1 100.00 2026-01-05 -> +100
purchase p2 100.00 2026-01-10 -> +100
redeem r1 150 2026-01-12      -> lots 2026-01-10:50
reverse v1 of r1 60           -> +60 lots 2026-01-05:10,2026-01-10:100
reverse v2 of r1              -> +90 lots 2026-01-05:100,2026-01-10:100
reverse v3 of r1              -> reversal_exceeds_redemption points
reverse v3 of r1 1            -> reversal_exceeds_redemption points
reverse v3 of p1              -> original_not_a_redemption originalId
reverse v3 of zz              -> original_not_found originalId
resend v1                     -> duplicate +60 balance 200
`);
  });

  it('that comes back after its last day expires at once', () => {
    check(`${shop(EXPIRES)}
purchase p1 100.00 2026-01-05 -> +100
redeem r1 100 2026-01-12      -> balance 0
reverse v1 of r1 2026-03-01   -> +100 expired 2026-02-05:100 balance 0
`);
  });

  it('repays a debt first when it comes back', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05 -> +100
redeem r1 100                 -> balance 0
return x1 of p1 30.00         -> -30 balance -30
reverse v1 of r1              -> +100 balance 70 lots 2026-01-05:70
`);
  });

  it('has one winner when fifty tills race for the last points', () => {
    const desk = new Desk(programOf({ wallets: [{ id: 'points', redeem: { points: 100, worth: 1 } }] }));
    const now = Date.UTC(2026, 0, 5);
    const head = { memberId: '42', occurredAt: 0 };
    desk.score(adjustmentEvent({ ...head, points: 100 }), now);
    const sale = { store: '', terminal: '', wallet: '', points: 100, amount: -1 };
    const codes = Array.from(
      { length: 50 },
      (_, till) => desk.score({ ...head, ...sale, type: 'redemption', id: `r${till}` }, now).code,
    );
    expect(codes.filter((code) => code === 'scored')).toHaveLength(1);
    expect(codes.filter((code) => code === 'insufficient_points')).toHaveLength(49);
    expect(firstWallet(desk.member).balance).toBe(0);
  });
});

describe('a hold', () => {
  it('sets points aside until they are captured; the rest is released', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05      -> +100
hold h1 80 2026-01-05T13:00        -> -80 worth 0.80 balance 20 held 80 due 2026-01-05T13:15
redeem r1 30                       -> insufficient_points points
capture c1 of h1 50                -> +30 worth 0.50 balance 50 held 0 due never
resend h1                          -> duplicate -80 balance 50
capture c2 of h1                   -> hold_over originalId
release l1 of h1                   -> hold_over originalId
reverse v1 of c1                   -> +50 balance 100
`);
  });

  it('is released by the till, or by time', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05            -> +100
hold h1 60 2026-01-05T13:00              -> held 60
release l1 of h1                         -> +60 balance 100 held 0
hold h2 70 2026-01-05T14:00              -> held 70
capture c0 of h2 2026-01-05T14:15        -> hold_over originalId
tick 2026-01-05T14:14:59.999             -> held 70 released none
tick 2026-01-05T14:15                    -> held 0 balance 100 released h2:70
capture c1 of h2                         -> hold_over originalId
capture c1 of p1                         -> original_not_a_hold originalId
release l2 of zz                         -> original_not_found originalId
`);
  });

  it('runs out before an event that comes later, whether or not a tick did', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05            -> +100
hold h1 60 2026-01-05T13:00              -> balance 40
redeem r1 100 2026-01-05T13:30           -> -100 released h1:60 balance 0
`);
  });

  it('keeps its points from expiring while it lasts, and no longer', () => {
    check(`${shop(`redeem: {points: 100, worth: 1.00, holdMinutes: 120}, expiry: {after: {days: 0}}`)}
purchase p1 100.00 2026-01-05T22:00 -> +100
hold h1 60 2026-01-05T23:00         -> balance 40
tick 2026-01-06T00:30               -> expired 2026-01-06:40 balance 0 held 60
capture c1 of h1 50                 -> +10 expired 2026-01-06:10 balance 0 held 0
`);
  });

  it('captures no more than it holds', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05 -> +100
hold h1 60                    -> held 60
capture c1 of h1 61           -> capture_exceeds_hold points
capture c1 of h1              -> 0 worth 0.60 balance 40 held 0
`);
  });

  it('is refused where too many are open', () => {
    check(`${shop(WORTH)}
purchase p1 1000.00 2026-01-05   -> +1000
repeat ${HOLDS_MAX} hold h# 1    -> held ${HOLDS_MAX}
hold more 1                      -> too_many_holds
release l1 of h1                 -> +1
hold more 1                      -> -1 held ${HOLDS_MAX}
`);
  });
});

describe('points that paid for returned goods', () => {
  it('come back in proportion, into the lots they came from, in parts that add up', () => {
    check(`${shop(EXPIRES)}
purchase p1 100.00 2026-01-05                    -> +100
redeem r1 100 2026-01-06                         -> worth 1.00 balance 0
purchase p2 3.00 2026-01-06 paid=1.00 by=r1      -> +2 lots 2026-01-06:2
return x1 of p2 1.00 2026-01-07                  -> +32 balance 34 lots 2026-01-05:33,2026-01-06:1
return x2 of p2 2026-01-07                       -> +66 balance 100 lots 2026-01-05:100
`);
  });

  it('come back no further than they have not come back by themselves', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05                    -> +100
redeem r1 100                                    -> balance 0
purchase p2 2.00 paid=1.00 by=r1                 -> +1
reverse v1 of r1 80                              -> +80
return x1 of p2                                  -> +19 balance 100
`);
  });

  it('are found in old chunks, and not missed where there are none', () => {
    check(`${shop(WORTH)}
purchase p1 100.00 2026-01-05                    -> +100
redeem r1 50                                     -> balance 50
purchase p2 1.00 paid=0.50 by=r1                 -> 0
purchase p3 1.00 by=zz                           -> +1
repeat 70 purchase f# 1.00                       -> +1
return x1 of p2                                  -> +50
return x2 of p3                                  -> -1
`);
  });
});

describe('a wallet that redeems by itself', () => {
  it('does so after the level has been judged: both happen', () => {
    check(`
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
wallets: [{id: points, redeem: {points: 100, worth: 1.00, automaticAt: 100}}]
tiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 100}]}
---
purchase p1 99.00 2026-01-05 -> +99 redeemed none balance 99
purchase p2 1.00             -> +1 none>vip redeemed 100 balance 0
purchase p3 250.00           -> +250 redeemed 200 balance 50
`);
  });

  it('does so when time makes the points available, and when a hold runs out', () => {
    const wallet = 'redeem: {points: 100, worth: 1.00, automaticAt: 100}';
    check(`${shop(`${wallet}, pending: {days: 14}`)}
purchase p1 250.00 2026-01-05 -> pending 250 redeemed none
tick 2026-01-19               -> redeemed 200 pending 0 balance 50
purchase p2 60.00 2026-01-05  -> +60 redeemed 100 balance 10
`);
    check(`${shop(wallet)}
purchase p1 99.00 2026-01-05T10:00 -> +99
hold h1 60                         -> balance 39 due 2026-01-05T10:15
purchase p2 50.00                  -> +50 redeemed none balance 89
read 2026-01-05T10:15              -> balance 49
tick 2026-01-05T10:15              -> released h1:60 redeemed 100 balance 49 due never
`);
  });

  it('does not redeem what came too late to be spent', () => {
    check(`${shop('redeem: {points: 100, worth: 1.00, automaticAt: 100}, expiry: {after: {days: 10}}')}
purchase p1 150.00 2026-01-05 now 2026-02-01 -> +150 redeemed none expired 2026-01-16:150 balance 0
`);
  });

  it('has nothing left that could expire', () => {
    check(`${shop('redeem: {points: 100, worth: 1.00, automaticAt: 100}, expiry: {after: {days: 10}}')}
purchase p1 100.00 2026-01-05 -> redeemed 100 balance 0 due never
`);
  });
});
