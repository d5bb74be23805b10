import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/lib/assert.ts';
import { type Rounding, scale } from '../../src/lib/integer.ts';

/** By the definition of rounding, in exact arithmetic. */
function exact(value: number, numerator: number, denominator: number, rounding: Rounding): bigint {
  const product = BigInt(value) * BigInt(numerator);
  const divisor = BigInt(denominator);
  const whole = product / divisor;
  const rest = product % divisor;
  const up = rounding === 'ceil' ? rest > 0n : rounding === 'nearest' ? 2n * rest >= divisor : false;
  return up ? whole + 1n : whole;
}

describe('scale', () => {
  it('is exact for all sizes, as BigInt says', () => {
    const any = fc.oneof(
      fc.integer({ min: 0, max: 1_000 }),
      fc.integer({ min: 0, max: 1_000_000_000_000 }),
      fc.maxSafeNat(),
    );
    const rounding = fc.constantFrom<Rounding>('floor', 'nearest', 'ceil');
    fc.assert(
      fc.property(any, any, any, rounding, (value, numerator, denominatorLessOne, rounding) => {
        const denominator = Math.min(denominatorLessOne + 1, Number.MAX_SAFE_INTEGER);
        const wanted = exact(value, numerator, denominator, rounding);
        if (wanted > BigInt(Number.MAX_SAFE_INTEGER)) {
          expect(() => scale(value, numerator, denominator, rounding)).toThrow(InvariantError);
        } else expect(scale(value, numerator, denominator, rounding)).toBe(Number(wanted));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    // The quotient as a double is 3.0000000000000000 and would round up.
    [9_007_199_254_740_990, 1, 9_007_199_254_740_991, 'floor', 0],
    [9_007_199_254_740_991, 1, 9_007_199_254_740_991, 'floor', 1],
    [9_007_199_254_740_990, 1, 9_007_199_254_740_991, 'ceil', 1],
    [1, 1, 2, 'nearest', 1],
    [1, 1, 3, 'nearest', 0],
    [2, 1, 3, 'nearest', 1],
    [0, 5, 7, 'ceil', 0],
    [1_000_000_000_000, 1_000_000, 1_000_000, 'floor', 1_000_000_000_000],
  ] as const)('%d * %d / %d, %s, is %d', (value, numerator, denominator, rounding, result) => {
    expect(scale(value, numerator, denominator, rounding)).toBe(result);
  });
});
