/** Several wallets and rules, what of a purchase counts, and where fractions are rounded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { FUZZ_TIMES } from './generator.ts';
import { Desk, firstWallet, programOf } from './harness.ts';
import { check } from './table.ts';

const shop = (rest: string) => `
program: shop
version: 1
timezone: UTC
currency: USD
${rest}
---
`;

describe('several wallets', () => {
  const TWO = shop(`
wallets: [{id: points}, {id: cash, rounding: nearest, expiry: {after: {days: 30}}, redeem: {points: 100, worth: 1.00}}]
earn: [{id: base, points: 1, per: 1}, {id: back, wallet: cash, points: 2, per: 1}]`);

  it('are earned, spent, returned and expire each by themselves', () => {
    check(`${TWO}
purchase p1 10.30 2026-01-05   -> +10 +21:cash balance 10 balance:cash 21 rules base:10,back:21
redeem r1 11 wallet=cash       -> -11:cash balance:cash 10 worth 0.11 balance 10
return x1 of p1 5.00           -> -5 -10:cash balance 5 balance:cash 0
adjust a1 +7 wallet=cash       -> +7:cash balance:cash 7
adjust a2 +7                   -> +7 balance 12
adjust a3 +7 wallet=miles      -> wallet_not_found wallet
tick 2026-02-05                -> balance 12 balance:cash 0 expired 2026-02-05:7
`);
  });

  it('come with a new program, and stay', () => {
    const one = shop('earn: {id: base, points: 1, per: 1}');
    const two = TWO.replace('version: 1', 'version: 2');
    check(`${one}${two}
purchase p1 10.00 2026-01-05   -> +10 balance 10
program 2
purchase p2 10.00              -> +10 +20:cash balance 20 balance:cash 20
return x1 of p1                -> -10 0:cash balance 10
`);
  });
});

describe('rules', () => {
  const RULES = shop(`
earn:
  - {id: base, points: 1, per: 1}
  - {id: tea, points: 3, per: 1, when: {categories: [tea]}}
  - {id: mug, points: 50, each: piece, when: {skus: [MUG]}}
  - {id: visit, points: 5, each: purchase, when: {stores: [s1, s2]}}
  - {id: large, points: 20, each: purchase, when: {from: 50.00, below: 100.00}}`);

  it('each give their points where they apply', () => {
    check(`${RULES}
purchase p1 (A x1 10.00) 2026-01-05                          -> +10 rules base:10
purchase p2 (A x1 10.00, B/tea x2 5.00)                      -> +30 rules base:15,tea:15
purchase p3 (MUG x2 20.00) store=s1                          -> +125 rules base:20,mug:100,visit:5
purchase p4 49.99                                            -> rules base:49
purchase p5 50.00                                            -> rules base:50,large:20
purchase p6 100.00                                           -> rules base:100
`);
  });

  it('give back what their goods earned', () => {
    check(`${RULES}
purchase p1 (MUG x2 20.00, B/tea x1 5.00) store=s1 2026-01-05 -> rules base:25,tea:15,mug:100,visit:5
return r1 of p1 (MUG x1)                                     -> rules base:-10,tea:0,mug:-50,visit:0
return r2 of p1 (B x1)                                       -> rules base:-5,tea:-15,mug:0,visit:0
return r3 of p1                                              -> rules base:-10,tea:0,mug:-50,visit:-5 balance 0
`);
  });

  it('for some of the goods are for a purchase while some of those are left of it', () => {
    check(`${shop('earn: [{id: mug, points: 50, each: purchase, when: {skus: [MUG]}}]')}
purchase p1 (MUG x2 20.00, B x1 5.00) 2026-01-05 -> +50
return r1 of p1 (MUG x1)                         -> 0
return r2 of p1 (MUG x1)                         -> -50 balance 0
return r3 of p1                                  -> 0
`);
  });

  it('cost goods of unknown origin what they would earn if they were bought now', () => {
    check(`${RULES.replace('---', 'returns: {unmatched: deduct}\n---')}
adjust a1 +500 2026-01-05                        -> +500
return r1 (MUG x2 20.00)                         -> -120 rules base:-20,mug:-100
return r2 (MUG x1, B x1 60.00) store=s1          -> -135 rules base:-60,mug:-50,visit:-5,large:-20
return r3 (B x1)                                 -> 0
`);
  });

  it('that all give nothing leave a purchase that can still come back', () => {
    check(`${shop('earn: [{id: tea, points: 3, per: 1, when: {categories: [tea]}}]')}
purchase p1 10.00 2026-01-05 -> 0 rules none
return r1 of p1              -> 0 balance 0
`);
  });
});

describe('what counts of a purchase', () => {
  const policy = (earnOn: string) =>
    shop(
      `earnOn: ${earnOn}\nearn: {id: base, points: 1, per: 1}\ntiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 1000}]}`,
    );

  it.each([
    ['gross', 70],
    ['net-of-discounts', 60],
    ['net-of-points', 40],
  ])('%s', (earnOn, points) => {
    check(`${policy(earnOn)}
purchase p1 100.00 discount=10.00 paid=20.00 tax=15.00 tip=10.00 giftCards=5.00 2026-01-05 -> +${points} spend ${points}.00
resend p1                                                                                  -> duplicate +${points}
purchase p1 100.00 discount=10.00 paid=20.00 tax=15.00 tip=10.00 2026-01-05                -> duplicate_with_different_content giftCards
`);
  });

  it('what a coupon paid for altogether comes back by the piece', () => {
    check(`${policy('gross')}
purchase p1 (A x2 10.00) discount=10.00 2026-01-05 -> +10 spend 10.00
return r1 of p1 (A x1)                             -> -5 spend 5.00
return r2 of p1                                    -> -5 spend 0.00 balance 0
`);
  });

  it('what was paid comes back, and with it the share of it that counted', () => {
    check(`${policy('net-of-points')}
purchase p1 110.00 tax=10.00 2026-01-05 -> +100 spend 100.00
return r1 of p1 55.00                   -> -50 spend 50.00
return r2 of p1                         -> -50 spend 0.00 balance 0
`);
  });

  it('coupons are spread over the lines by price, to the last cent', () => {
    check(`${policy('net-of-points')}
purchase p1 (A x1 10.00, B x1 10.00, C x1 10.00) discount=10.00 2026-01-05 -> +20 spend 20.00
return r1 of p1 (A x1)                                                      -> spend 13.33
return r2 of p1 (B x1)                                                      -> spend 6.66
return r3 of p1 (C x1)                                                      -> spend 0.00 balance 0
`);
  });
});

describe('fractions are rounded', () => {
  const rules = 'earn: [{id: one, points: 1, per: 3}, {id: two, points: 1, per: 3}]';
  const wallet = (rounding: string) => shop(`wallets: [{id: points, ${rounding}}]\n${rules}`);

  it('for each rule', () => {
    check(`${wallet('rounded: rule')}
purchase p1 (A x1 5.00, B x1 5.00) 2026-01-05 -> +6 rules one:3,two:3
`);
  });

  it('for each line', () => {
    check(`${wallet('rounded: line')}
purchase p1 (A x1 5.00, B x1 5.00) 2026-01-05 -> +4 rules one:2,two:2
return r1 of p1 (A x1)                        -> -2 rules one:-1,two:-1
`);
  });

  it('for the basket, whose points the rules share', () => {
    check(`${wallet('rounded: basket')}
purchase p1 10.00 2026-01-05                  -> +6 rules one:3,two:3
purchase p2 11.00                             -> +7 rules one:4,two:3
return r1 of p2 1.00                          -> -1 rules one:-1,two:0
`);
    check(`${wallet('rounded: basket, rounding: nearest')}
purchase p1 7.00 2026-01-05                   -> +5 rules one:3,two:2
purchase p2 5.00                              -> +3 rules one:2,two:1
`);
    // What of it moves from rule to rule is not left to the member once more.
    check(`${wallet('rounded: basket, rounding: nearest, returns: within-balance').replace('per: 3', 'per: 1')}
purchase p1 1.80 2026-01-05                   -> +2 rules one:2,two:0
adjust a1 -2                                  -> balance 0
return r1 of p1 0.50                          -> 0 rules one:-1,two:1 balance 0
`);
    // Whatever a return takes back.
    check(`${wallet('rounded: basket').replace('---', 'returns: {back: proportional}\n---')}
purchase p1 11.00 2026-01-05                  -> +7 rules one:4,two:3
return r1 of p1 5.50                          -> -4 rules one:-2,two:-2
return r2 of p1                               -> -3 balance 0
`);
  });
});

it('a basket is rounded as its wallet says, and no rule says otherwise', () => {
  const wallets = [{ id: 'points', rounded: 'basket' }];
  const earn = [{ id: 'base', points: 1, per: 1, rounding: 'ceil' }];
  expect(() => programOf({ wallets, earn })).toThrow(
    'earn[0].rounding: expected floor, as points rounds its baskets, got ceil',
  );
});

describe('any sequence of partial returns', () => {
  const line = fc.record({
    sku: fc.constantFrom('A', 'B', 'MUG'),
    category: fc.constantFrom('', 'tea'),
    quantity: fc.integer({ min: 1, max: 3 }),
    amount: fc.integer({ min: 0, max: 3_000 }),
  });
  const piece = fc.oneof(
    fc.record({ amount: fc.integer({ min: 0, max: 2_000 }), lines: fc.constant([]) }),
    fc.record({
      amount: fc.constant(NOT_GIVEN),
      lines: fc.array(
        fc.record({
          sku: line.map(({ sku }) => sku),
          quantity: fc.integer({ min: 1, max: 2 }),
          amount: fc.constant(NOT_GIVEN),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    }),
  );
  const options = fc.record({
    rounded: fc.constantFrom('rule', 'line', 'basket'),
    rounding: fc.constantFrom('floor', 'nearest', 'ceil'),
    back: fc.constantFrom('earned', 'proportional'),
    pending: fc.constantFrom(undefined, { days: 14 }),
    earnOn: fc.constantFrom('gross', 'net-of-discounts', 'net-of-points'),
  });
  const deductions = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 300 }), fc.nat({ max: 300 }));

  it('ends at exactly nothing, in every wallet, whatever the rules, the rounding and the coupons', () => {
    fc.assert(
      fc.property(
        options,
        fc.array(line, { minLength: 1, maxLength: 4 }),
        deductions,
        fc.array(piece, { maxLength: 5 }),
        ({ rounded, rounding, back, pending, earnOn }, lines, parts, pieces) => {
          const wallet = { rounding, rounded, ...(pending === undefined ? {} : { pending }) };
          const desk = new Desk(
            programOf({
              earnOn,
              wallets: [
                { id: 'points', ...wallet },
                { id: 'cash', ...wallet },
              ],
              earn: [
                { id: 'base', points: 7, per: 3 },
                { id: 'tea', points: 5, per: 7, when: { categories: ['tea'] } },
                { id: 'mug', points: 3, each: 'piece', when: { skus: ['MUG'] } },
                { id: 'row', points: 2, each: 'line' },
                { id: 'visit', points: 11, each: 'purchase' },
                { id: 'back', wallet: 'cash', points: 3, per: 2 },
              ],
              tiers: { id: 'main', window: { days: 365 }, levels: [{ id: 'base', from: 0, multiplier: 1.37 }] },
              returns: { back },
            }),
          );
          const now = Date.UTC(2026, 0, 5);
          const amount = lines.reduce((sum, one) => sum + one.amount, 0);
          const [discount, tax, paidWithPoints] = parts.map((part) => Math.min(part, Math.floor(amount / 3))) as [
            number,
            number,
            number,
          ];
          const given = { ...NO_DEDUCTIONS, discount, tax, paidWithPoints };
          expect(desk.score(purchaseEvent({ id: 'p1', amount, lines, deductions: given }), now).code).toBe('scored');
          const head = { memberId: '42', occurredAt: 0, store: '', terminal: '', currency: '', originalId: 'p1' };
          for (const [index, part] of pieces.entries()) {
            desk.score({ ...head, type: 'return', id: `r${index}`, ...part }, now);
            for (const { balance, pending: waits } of desk.member.wallets) {
              expect(balance).toBeGreaterThanOrEqual(0);
              expect(waits.every((value) => value >= 0)).toBe(true);
            }
          }
          desk.score({ ...head, type: 'return', id: 'rest', amount: NOT_GIVEN, lines: [] }, now);
          for (const walletId of ['points', 'cash']) {
            expect(desk.entries().reduce((sum, entry) => sum + pointsOf(entry, walletId), 0)).toBe(0);
          }
          expect(desk.member.wallets.map(({ balance, lots, pending: waits }) => [balance, lots, waits])).toEqual([
            [0, [], []],
            [0, [], []],
          ]);
          expect(desk.member.windowSpend).toBe(0);
          expect(firstWallet(desk.member).balance).toBe(0);
        },
      ),
      { numRuns: 200 * FUZZ_TIMES },
    );
  });
});
