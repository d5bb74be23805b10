/** Points that wait until goods can no longer come back, voids and confirmations. */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const shop = (wallet: string, zone = 'UTC') => `
program: shop
version: 1
timezone: ${zone}
currency: USD
earn: {id: base, points: 1, per: 1}
wallets: [{id: points, ${wallet}}]
---
`;

describe('pending points', () => {
  it('can be spent from a day on, at its first instant', () => {
    check(`${shop('pending: {days: 14}, redeem: {points: 100, worth: 1.00}', 'America/New_York')}
purchase p1 100.00 2026-03-01     -> +100 balance 0 pending 100 due 2026-03-15
redeem r1 100                     -> insufficient_points points
tick 2026-03-14T23:59:59.999      -> pending 100
tick 2026-03-15T00:00             -> pending 0 balance 100 lots 2026-03-01:100
redeem r1 100                     -> -100 balance 0
`);
    check(`${shop('pending: {months: 1}')}
purchase p1 10.00 2026-01-31      -> due 2026-02-28
`);
  });

  it('can be spent from the next of some dates on', () => {
    check(`${shop('pending: {on: ["01-01", "07-01"]}')}
purchase p1 10.00 2026-01-05      -> due 2026-07-01
purchase p2 10.00 2026-07-01      -> pending 10 balance 10 due 2027-01-01
`);
  });

  it('wait for a confirmation', () => {
    check(`${shop('pending: {until: confirmed}')}
purchase p1 10.00 2026-01-05      -> +10 pending 10 due never
purchase p2 20.00                 -> +20 pending 30
confirm f1 of p1 2026-03-01       -> 0 pending 20 balance 10
confirm f2 of p1                  -> nothing_pending originalId
confirm f2 of f1                  -> original_not_a_purchase originalId
confirm f2 of zz                  -> original_not_found originalId
resend f1                         -> duplicate 0 balance 10
return r1 of p1                   -> -10 pending 20 balance 0
return r2 of p2 5.00              -> -5 pending 15 balance 0
confirm f3 of p2                  -> pending 0 balance 15
`);
  });

  it('are confirmed before their day, and then settled', () => {
    check(`${shop('pending: {days: 14}')}
purchase p1 10.00 2026-01-05      -> pending 10
confirm f1 of p1                  -> pending 0 balance 10 due never
purchase p2 10.00 2026-01-06      -> pending 10
confirm f2 of p2 2026-01-20       -> nothing_pending originalId
`);
  });

  it('have nothing to confirm where points do not wait', () => {
    check(`${shop('rounding: floor')}
purchase p1 10.00 2026-01-05      -> balance 10
confirm f1 of p1                  -> nothing_pending originalId
`);
  });

  it('of a purchase that gave none are not those of its day', () => {
    check(`${shop('pending: {until: confirmed}')}
purchase p1 0.00 2026-01-05       -> 0
purchase p2 10.00                 -> +10 pending 10
purchase p3 20.00                 -> +20 pending 30
return r1 of p3                   -> -20 pending 10
confirm f1 of p1                  -> nothing_pending originalId pending 10
confirm f1 of p3                  -> nothing_pending originalId pending 10
`);
  });

  it('are taken first by a return, then what is open', () => {
    check(`${shop('pending: {days: 14}')}
purchase p1 50.00 2026-01-01      -> pending 50
tick 2026-01-15                   -> pending 0 balance 50
purchase p2 20.00 2026-01-16      -> pending 20 balance 50
return r1 of p2 15.00             -> -15 pending 5 balance 50
return r2 of p1 2026-01-17        -> -50 pending 5 balance 0
`);
  });

  it('repay a debt when they can be spent', () => {
    check(`${shop('pending: {days: 1}')}
purchase p1 10.00 2026-01-05      -> pending 10
adjust a1 -4                      -> balance -4 pending 10
tick 2026-01-06                   -> balance 6 lots 2026-01-05:6 pending 0
`);
  });

  it('keep the last day of the day they were earned, and a purchase renews them', () => {
    check(`${shop('pending: {days: 20}, expiry: {after: {days: 30}, renew: activity}')}
purchase p1 10.00 2026-01-01      -> pending 10
purchase p2 10.00 2026-01-11      -> pending 20
tick 2026-02-05                   -> pending 0 balance 20 expires 2026-02-11:20
`);
    check(`${shop('pending: {days: 20}, expiry: {after: {days: 10}}')}
purchase p1 10.00 2026-01-01      -> pending 10
tick 2026-01-21T00:00             -> pending 0 expired 2026-01-21:10 balance 0
`);
  });

  it('that come too late to wait can be spent at once', () => {
    check(`${shop('pending: {days: 14}, expiry: {after: {days: 20}}')}
purchase p1 10.00 2026-01-05 now 2026-01-20  -> +10 pending 0 balance 10 expires 2026-01-26:10
purchase p2 10.00 2026-01-05 now 2026-02-20  -> +10 balance 0 expired 2026-01-26:10,2026-01-26:10
`);
  });
});

describe('how far a return may take', () => {
  it('unlimited: into a debt, which the next points repay', () => {
    check(`${shop('returns: unlimited')}
purchase p1 70.00 2026-01-05 -> +70
adjust a1 -20                -> balance 50
return r1 of p1              -> -70 balance -20
purchase p2 30.00            -> +30 balance 10
`);
  });

  it('within-balance: down to nothing', () => {
    check(`${shop('returns: within-balance')}
purchase p1 70.00 2026-01-05 -> +70
adjust a1 -20                -> balance 50
return r1 of p1              -> -50 balance 0 rules base:-70,forgiven:20
purchase p2 30.00            -> +30 balance 30
`);
  });

  it('only-pending: nothing that can be spent', () => {
    check(`${shop('returns: only-pending')}
purchase p1 70.00 2026-01-05 -> +70
return r1 of p1              -> 0 balance 70 rules base:-70,forgiven:70
`);
    check(`${shop('returns: only-pending, pending: {days: 14}')}
purchase p1 30.00 2026-01-01 -> pending 30
tick 2026-01-15              -> balance 30
purchase p2 50.00 2026-01-16 -> pending 50
return r1 of p1              -> -30 balance 30 pending 20
`);
    // Of what is pending, the soonest to expire goes first.
    check(`${shop('returns: only-pending, pending: {days: 14}')}
purchase p1 30.00 2026-01-01 -> pending 30
tick 2026-01-15              -> balance 30
purchase p2 20.00 2026-01-16 -> pending 20
purchase p3 20.00 2026-01-17 -> pending 40
return r1 of p1              -> -30 pending 10
tick 2026-01-30              -> pending 10 balance 30
`);
  });

  it('of goods no purchase is found for, too', () => {
    for (const [policy, line] of [
      ['unlimited', 'return r1 70.00 -> -70 balance -20 rules base:-70'],
      ['within-balance', 'return r1 70.00 -> -50 balance 0 rules base:-70,forgiven:20'],
      ['only-pending', 'return r1 70.00 -> 0 balance 50 rules base:-70,forgiven:70'],
    ]) {
      check(`${shop(`returns: ${policy}`).replace('---', 'returns: {unmatched: deduct}\n---')}
purchase p1 50.00 2026-01-05 -> +50
${line}
`);
    }
  });
});

describe('a void', () => {
  it('takes a purchase back as a whole while its day lasts', () => {
    check(`${shop('rounding: floor')}
purchase p1 10.00 2026-01-05T09:00 -> +10
purchase p2 5.00                   -> +5
void v1 of p1 2026-01-05T23:59     -> -10 balance 5
void v2 of p1                      -> purchase_returned originalId
return r1 of p1                    -> return_exceeds_original amount
void v2 of p2 2026-01-06T00:00     -> purchase_settled originalId
void v2 of v1                      -> original_not_a_purchase originalId
void v2 of zz                      -> original_not_found originalId
resend v1                          -> duplicate -10 balance 5
`);
  });

  it('is as if the purchase had never been, whatever the wallet says of returns', () => {
    for (const policy of ['within-balance', 'only-pending']) {
      check(`${shop(`returns: ${policy}`)}
purchase p1 70.00 2026-01-05 -> +70
adjust a1 -20                -> balance 50
void v1 of p1                -> -70 balance -20
`);
    }
  });

  it('takes it back while its points wait, unless some of it has come back', () => {
    check(`${shop('pending: {days: 14}')}
purchase p1 10.00 2026-01-05       -> pending 10
purchase p2 20.00 2026-01-05       -> pending 30
return r1 of p2 5.00 2026-01-10    -> -5
void v1 of p2                      -> purchase_returned originalId
void v1 of p1 2026-01-18T23:59     -> -10 pending 15
purchase p3 10.00 2026-01-18       -> pending 25
confirm f1 of p3                   -> balance 10
void v2 of p3                      -> purchase_settled originalId
void v2 of p2 2026-01-19           -> purchase_returned originalId
`);
  });
});
