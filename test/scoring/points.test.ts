/** Points for an amount: rate, rounding and multiplier, and that returns take back exactly what was given. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccrualTerms } from '../../src/program/program.ts';
import { basePoints, bonusPoints } from '../../src/scoring/points.ts';
import { check } from './table.ts';

const shop = (earn: string, tiers = '') => `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, ${earn}}
${tiers}
---
`;

describe('rounding', () => {
  it('floor, the default, gives no point for a fraction', () => {
    check(`${shop('points: 1, per: 10')}
purchase p1 9.99 2026-01-05  -> 0
purchase p2 10.00            -> +1
purchase p3 19.99            -> +1
purchase p4 0.00             -> 0 balance 2
`);
  });

  it('nearest gives half a point upwards', () => {
    check(`${shop('points: 1, per: 10, rounding: nearest')}
purchase p1 4.99 2026-01-05 -> 0
purchase p2 5.00            -> +1
purchase p3 14.99           -> +1
purchase p4 15.00           -> +2
`);
    // An odd number of minor units has no exact half.
    check(`${shop('points: 1, per: 0.03, rounding: nearest')}
purchase p1 0.01 2026-01-05 -> 0
purchase p2 0.02            -> +1
purchase p3 0.04            -> +1
purchase p4 0.05            -> +2
`);
  });

  it('ceil gives a point for any fraction, none for nothing', () => {
    check(`${shop('points: 1, per: 10, rounding: ceil')}
purchase p1 0.00 2026-01-05 -> 0
purchase p2 0.01            -> +1
purchase p3 10.00           -> +1
purchase p4 10.01           -> +2
`);
  });

  it('counts in the minor unit of the currency', () => {
    check(`
program: yen
version: 1
timezone: Asia/Tokyo
currency: JPY
earn: {id: base, points: 1, per: 100}
---
purchase p1 199 2026-01-05 -> +1
`);
    check(`
program: dinar
version: 1
timezone: UTC
currency: KWD
earn: {id: base, points: 1, per: 0.005}
---
purchase p1 1.999 2026-01-05 -> +399
`);
    // Forints are spent whole, but ISO 4217 counts them in hundredths.
    check(`
program: forint
version: 1
timezone: UTC
currency: HUF
earn: {id: base, points: 1, per: 100}
---
purchase p1 199.99 2026-01-05 -> +1
`);
  });
});

describe('known defects of other systems', () => {
  it('a low rate gives a small purchase nothing and a large one all', () => {
    check(`${shop('points: 1, per: 1000')}
purchase p1 196000.00 2026-01-05 -> +196
`);
    check(`${shop('points: 1, per: 1000')}
purchase p1 999.99 2026-01-05    -> 0
`);
  });

  it('buy 1,000, return 100 of it: points for 900', () => {
    check(`${shop('points: 1, per: 1')}
purchase p1 1000.00 2026-01-05 -> +1000
return r1 of p1 100.00         -> -100 balance 900
`);
  });

  it('spending all points leaves the level alone', () => {
    check(`${shop('points: 1, per: 1', 'tiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 100}]}')}
purchase p1 100.00 2026-01-05 -> +100 tier vip
adjust a1 -100                -> -100 balance 0 tier vip unchanged
`);
  });
});

describe('multipliers', () => {
  const LEVELS =
    'tiers: {id: main, window: {days: 365}, levels: [{id: base, from: 0}, {id: gold, from: 100, multiplier: 1.5}]}';

  it('rule and multiplier are rounded as one product: 0.7 x 1.5 is 1, not 0', () => {
    check(`${shop('points: 1, per: 1', LEVELS)}
purchase p1 100.00 2026-01-05 -> +100 base>gold
purchase p2 0.70              -> +1
purchase p3 0.66              -> 0
purchase p4 0.67              -> +1
purchase p5 10.00             -> +15
`);
  });

  it('the purchase that reaches a level does not earn by it yet', () => {
    check(`${shop('points: 1, per: 1', LEVELS)}
purchase p1 200.00 2026-01-05 -> +200 base>gold
purchase p2 200.00            -> +300
`);
  });

  it('a return takes back by the level of its purchase, not by the level of today', () => {
    check(`${shop('points: 1, per: 1', LEVELS)}
purchase p1 100.00 2026-01-05 -> +100 base>gold
purchase p2 50.00             -> +75
return r1 of p1               -> -100 tier base gold>base
return r2 of p2               -> -75 balance 0
`);
  });
});

const amount = fc.integer({ min: 0, max: 1_000_000 });
const terms: fc.Arbitrary<AccrualTerms> = fc.record({
  programVersion: fc.constant(1),
  ruleId: fc.constant('base'),
  walletId: fc.constant('points'),
  per: fc.constant('money'),
  rounded: fc.constant('rule'),
  back: fc.constant('earned'),
  levelId: fc.constant('gold'),
  rate: fc.record({
    points: fc.integer({ min: 1, max: 1_000 }),
    perMinor: fc.integer({ min: 1, max: 100_000 }),
    rounding: fc.constantFrom('floor', 'nearest', 'ceil'),
  }),
  multiplierMilli: fc.integer({ min: 1_000, max: 100_000 }),
});

it('points are what rounding the exact fraction gives, and more spend never earns less', () => {
  fc.assert(
    fc.property(amount, amount, terms, (one, other, rule) => {
      const total = (minor: number) => basePoints(minor, rule) + bonusPoints(minor, rule);
      const { points, perMinor, rounding } = rule.rate;
      const numerator = BigInt(one) * BigInt(points) * BigInt(rule.multiplierMilli);
      const denominator = BigInt(perMinor) * 1000n;
      const whole = numerator / denominator;
      const rest = numerator % denominator;
      const up = rounding === 'ceil' ? rest > 0n : rounding === 'nearest' ? 2n * rest >= denominator : false;
      expect(total(one)).toBe(Number(up ? whole + 1n : whole));
      expect(Math.sign(total(one) - total(other)) * Math.sign(one - other)).toBeGreaterThanOrEqual(0);
    }),
  );
});
