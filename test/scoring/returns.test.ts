/** Returns: named whole, by amount and by line, in any order; unnamed, matched to the latest purchases. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOT_GIVEN, type Return, type ReturnLine } from '../../src/scoring/event.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { Desk, firstWallet, programOf } from './harness.ts';
import { check } from './table.ts';

const shop = (options = '', earn = 'points: 1, per: 1') => `
program: shop
version: 1
timezone: Europe/London
currency: GBP
earn: {id: base, ${earn}}
${options}
---
`;

describe('a return that names its purchase', () => {
  it('whole', () => {
    check(`${shop()}
purchase p1 40.00 (A x1 10.00, B x2 30.00) 2026-01-05 -> +40 lots 2026-01-05:40
return r1 of p1 2026-01-07                            -> -40 balance 0 lots none
`);
  });

  it('by line, at its share of what was paid; the last one takes what is left', () => {
    check(`${shop('', 'points: 1, per: 0.01')}
purchase p1 10.00 (A x3 10.00) 2026-01-05 -> +1000
return r1 of p1 (A x1)                    -> -333
return r2 of p1 (A x1)                    -> -333
return r3 of p1 (A x1)                    -> -334 balance 0
`);
  });

  it('by line over two lines of one SKU', () => {
    check(`${shop()}
purchase p1 50.00 (A x1 10.00, A x2 40.00) 2026-01-05 -> +50
return r1 of p1 (A x2)                                -> -30
return r2 of p1 (A x1)                                -> -20 balance 0
`);
  });

  it('by amount, then the rest', () => {
    check(`${shop()}
purchase p1 40.00 (A x1 10.00, B x1 30.00) 2026-01-05 -> +40
return r1 of p1 15.00                                 -> -15
return r2 of p1 (B x1)                                -> -25 balance 0
return r3 of p1 (A x1)                                -> 0 balance 0
return r4 of p1 0.01                                  -> return_exceeds_original amount
`);
  });

  it('by the refund the till gave, which may differ from the share', () => {
    check(`${shop()}
purchase p1 40.00 (A x2 20.00, B x1 20.00) 2026-01-05 -> +40
return r1 of p1 (A x1 5.00)                           -> -5
return r2 of p1 (A x1 0.00)                           -> 0
return r3 of p1                                       -> -35 balance 0
`);
  });

  it('a piece that came back for less than it cost leaves its rest to no other piece', () => {
    check(`${shop()}
purchase p1 20.00 (A x1 10.00, A x1 10.00) 2026-01-05 -> +20
return r1 of p1 (A x1 6.00)                           -> -6
return r2 of p1 (A x1)                                -> -10
return r3 of p1 (A x1)                                -> return_exceeds_original lines[0]
return r4 of p1                                       -> -4 balance 0
`);
  });

  it('an amount that is all that is left is the whole purchase: its goods are gone', () => {
    check(`${shop()}
purchase p1 40.00 (A x1 10.00, B x1 30.00) 2026-01-05 -> +40
return r1 of p1 40.00  -> -40
return r2 of p1 (A x1) -> return_exceeds_original lines[0]
`);
  });

  it('free goods come back for nothing', () => {
    check(`${shop()}
purchase p1 10.00 (A x1 10.00, GIFT x1 0.00) 2026-01-05 -> +10
return r1 of p1 (GIFT x1) -> 0 balance 10
return r2 of p1 (GIFT x1) -> return_exceeds_original lines[0]
return r3 of p1 (A x1)    -> -10 balance 0
purchase p2 0.00          -> 0
return r4 of p2           -> 0 balance 0
`);
  });

  it('of a purchase long ago, sealed in a chunk', () => {
    check(`${shop()}
purchase p1 40.00 (A x1 10.00, B x1 30.00) 2026-01-05 -> +40
repeat 100 purchase f# 1.00 2026-01-06                -> balance 140
return r1 of p1 (B x1)                                -> -30 balance 110
repeat 100 purchase g# 1.00 2026-01-07                -> balance 210
return r1 of p1 (B x1)                                -> duplicate -30 balance 210
return r2 of p1 (B x1)                                -> return_exceeds_original lines[0]
return r3 of p1                                       -> -10 balance 200
`);
  });
});

describe('worked examples', () => {
  it('a coupon is not counted twice', () => {
    check(`${shop()}
purchase p1 40.00 (A x1 40.00) 2026-01-05 -> +40
return r1 of p1                           -> -40 balance 0
`);
    // 50 and 20 with a coupon of 10 on the first.
    check(`${shop()}
purchase p1 60.00 (A x1 40.00, B x1 20.00) 2026-01-05 -> +60
return r1 of p1 (B x1 20.00)                          -> -20 balance 40
return r2 of p1                                       -> -40 balance 0
`);
    // The same with the coupon spread over both, and the till refunds the price before it.
    check(`${shop()}
purchase p1 60.00 (A x1 42.86, B x1 17.14) 2026-01-05 -> +60
return r1 of p1 (B x1 20.00)                          -> -20 balance 40
return r2 of p1 (A x1)                                -> -40 balance 0
return r3 of p1 (A x1 1.00)                           -> return_exceeds_original lines[0]
`);
  });

  it('spend 100, refund 75: 25 left, and the level falls with it', () => {
    check(`${shop('tiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 100}]}')}
purchase p1 100.00 2026-01-05 -> +100 none>vip
return r1 of p1 75.00         -> -75 balance 25 vip>none
`);
  });

  it('fractions floor on the way in and on the way back, and the two cancel', () => {
    check(`${shop('', 'points: 1, per: 10')}
purchase p1 15.00 2026-01-05 -> +1
return r1 of p1 5.00         -> 0
return r2 of p1 0.01         -> -1
return r3 of p1              -> 0 balance 0
`);
  });
});

it.each(['floor', 'nearest', 'ceil'])('any sequence of returns takes back what was earned (%s)', (rounding) => {
  const skus = ['A', 'B', 'C'];
  const purchaseLine = fc.record({
    sku: fc.constantFrom(...skus),
    category: fc.constant(''),
    quantity: fc.integer({ min: 1, max: 5 }),
    amount: fc.integer({ min: 0, max: 3_000 }),
  });
  const returnLine: fc.Arbitrary<ReturnLine> = fc.record({
    sku: fc.constantFrom(...skus),
    quantity: fc.integer({ min: 1, max: 3 }),
    amount: fc.oneof(fc.constant(NOT_GIVEN), fc.integer({ min: 0, max: 1_000 })),
  });
  const piece = fc.oneof(
    fc.record({
      amount: fc.constant(NOT_GIVEN),
      lines: fc.array(returnLine, { minLength: 1, maxLength: 3 }),
      named: fc.boolean(),
    }),
    fc.record({ amount: fc.integer({ min: 0, max: 2_000 }), lines: fc.constant([]), named: fc.constant(true) }),
  );
  fc.assert(
    fc.property(
      fc.array(purchaseLine, { maxLength: 4 }),
      fc.array(piece, { maxLength: 8 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 2_000 }),
      (lines, pieces, points, perMinor) => {
        const desk = new Desk(programOf({ earn: { id: 'base', points, per: perMinor / 100, rounding } }));
        const now = Date.UTC(2026, 0, 5);
        const shared = { memberId: '42', occurredAt: 0, store: '', terminal: '', currency: '' };
        const amount = lines.length === 0 ? 1_234 : lines.reduce((sum, line) => sum + line.amount, 0);
        desk.score(purchaseEvent({ id: 'p1', amount, lines }), now);
        const earned = firstWallet(desk.member).balance;
        let before = earned;
        const returned = (id: string, part: Pick<Return, 'amount' | 'lines'>, originalId: string): void => {
          desk.score({ ...shared, type: 'return', id, originalId, ...part }, now);
          expect(firstWallet(desk.member).balance).toBeGreaterThanOrEqual(0);
          expect(firstWallet(desk.member).balance).toBeLessThanOrEqual(before);
          before = firstWallet(desk.member).balance;
        };
        for (const [index, { amount, lines, named }] of pieces.entries()) {
          returned(`r${index}`, { amount, lines }, named ? 'p1' : '');
        }
        returned('rest', { amount: NOT_GIVEN, lines: [] }, 'p1');
        expect(firstWallet(desk.member).balance).toBe(0);
        expect(desk.member.windowSpend).toBe(0);
        expect(desk.entries().reduce((sum, entry) => sum + pointsOf(entry, 'points'), 0)).toBe(0);
      },
    ),
  );
});

describe('a return that names no purchase', () => {
  it('is matched to the latest purchases first, over as many as it takes', () => {
    check(`${shop()}
purchase p1 10.00 (A x1 10.00) 2026-01-05              -> +10
purchase p2 24.00 (A x2 24.00) 2026-01-06              -> +24
purchase p3 5.00 (B x1 5.00) 2026-01-07                -> +5
return r1 (A x1) 2026-01-08                            -> -12 lots 2026-01-05:10,2026-01-06:12,2026-01-07:5
return r2 (A x2) 2026-01-08                            -> -22 lots 2026-01-07:5
return r3 (A x1) 2026-01-08                            -> 0 balance 5
; what was matched is gone from its purchase too
return r4 of p1 (A x1)                                 -> return_exceeds_original lines[0]
`);
  });

  it('brings several goods at once, each from its own purchase', () => {
    check(`${shop()}
purchase p1 10.00 (A x1 10.00) 2026-01-05      -> +10
purchase p2 20.00 (B x1 20.00) 2026-01-06      -> +20
purchase p3 7.00 (A x1 7.00) 2026-01-07        -> +7
return r1 (A x1, B x1, A x1) 2026-01-08        -> -37 balance 0
`);
  });

  it('does not find goods of a purchase that was returned by amount as a whole', () => {
    check(`${shop()}
purchase p1 10.00 (A x1 10.00) 2026-01-05 -> +10
purchase p2 10.00 (A x1 10.00) 2026-01-06 -> +10
return r1 of p2 10.00                     -> -10 lots 2026-01-05:10
return r2 (A x1)                          -> -10 lots none
`);
  });

  it('finds only what was bought before it, within matchDays', () => {
    check(`${shop('returns: {matchDays: 30}')}
purchase p1 10.00 (A x1 10.00) 2026-01-05T12:00:00.000 -> +10
return r1 (A x1) 2026-02-04T12:00:00.001               -> 0 balance 10
return r2 (A x1) 2026-02-04T12:00:00.000               -> -10 balance 0
purchase p2 10.00 (A x1 10.00) 2026-03-01              -> +10
return r3 (A x1) 2026-02-28                            -> 0 balance 10
`);
  });

  it('ignores what it does not find', () => {
    check(`${shop('returns: {unmatched: ignore}')}
purchase p1 10.00 (A x1 10.00) 2026-01-05 -> +10
return r1 (A x3 30.00)                    -> -10 balance 0
return r2 20.00                           -> 0 balance 0
`);
  });

  it('deducts what it does not find, at the refund given, from the latest spend', () => {
    const tiers = 'tiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 50, multiplier: 2}]}';
    check(`${shop(`returns: {unmatched: deduct}\n${tiers}`)}
purchase p1 60.00 (A x1 60.00) 2026-01-05 -> +60 none>vip
purchase p2 10.00 (B x1 10.00) 2026-01-06 -> +20 spend 70.00 lots 2026-01-05:60,2026-01-06:20
; one matched (60.00, earned plain), two unknown at 5.00 each, earned as a vip would today
return r1 (A x3 15.00) 2026-01-07         -> -80 balance 0 vip>none spend 0.00
`);
    check(`${shop(`returns: {unmatched: deduct}\n${tiers}`)}
purchase p1 60.00 2026-01-05              -> +60 none>vip
; goods of unknown price cost nothing
return r1 (A x1)                          -> 0 balance 60
; 5.00 as a vip earns it, from the oldest lot
return r2 5.00                            -> -10 balance 50 spend 55.00 tier vip
return r3 100.00                          -> -200 balance -150 spend 0.00 vip>none
`);
  });

  it('refuses what it does not find as a whole', () => {
    check(`${shop('returns: {unmatched: refuse}')}
purchase p1 10.00 (A x1 10.00) 2026-01-05 -> +10
return r1 (A x2)                          -> nothing_to_match balance 10
return r1 (A x1)                          -> -10 balance 0
`);
  });

  it('looks back through sealed chunks, and no further than it must', () => {
    check(`${shop()}
purchase p1 50.00 (A x5 50.00) 2026-01-05          -> +50
repeat 70 purchase f# 1.00 (B x1 1.00) 2026-01-06  -> balance 120
purchase p2 20.00 (A x1 20.00) 2026-01-07          -> balance 140
repeat 70 purchase g# 1.00 (B x1 1.00) 2026-01-08  -> balance 210
return r1 (A x3)                                   -> -40 balance 170
return r2 (A x3)                                   -> -30 balance 140
return r3 (B x140)                                 -> -140 balance 0
`);
  });
});
