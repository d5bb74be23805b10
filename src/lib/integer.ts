/**
 * Exact integer arithmetic on money and points. Products may pass 2^53, so the division is done in BigInt when they do;
 * that is rare (an amount of billions), and the common case stays in plain numbers.
 */
import { assert } from './assert.ts';

export type Rounding = 'floor' | 'nearest' | 'ceil';

/** `value * numerator / denominator`, rounded. All are integers, value and numerator >= 0, denominator > 0. Half rounds up. */
export function scale(value: number, numerator: number, denominator: number, rounding: Rounding): number {
  const product = value * numerator;
  if (product > Number.MAX_SAFE_INTEGER - denominator) return scaleBig(value, numerator, denominator, rounding);
  if (rounding === 'floor') return floorDivide(product, denominator);
  if (rounding === 'ceil') return floorDivide(product + denominator - 1, denominator);
  return floorDivide(product + Math.floor(denominator / 2), denominator);
}

/** Of safe non-negative integers. The division may round up to the next whole number, which multiplying back, being exact, shows. */
function floorDivide(dividend: number, divisor: number): number {
  const quotient = Math.floor(dividend / divisor);
  return quotient * divisor > dividend ? quotient - 1 : quotient;
}

function scaleBig(value: number, numerator: number, denominator: number, rounding: Rounding): number {
  const product = BigInt(value) * BigInt(numerator);
  const divisor = BigInt(denominator);
  const addend = rounding === 'floor' ? 0n : rounding === 'ceil' ? divisor - 1n : divisor / 2n;
  const result = Number((product + addend) / divisor);
  assert(Number.isSafeInteger(result), () => `${value} * ${numerator} / ${denominator} is not a safe integer`);
  return result;
}

/**
 * A whole number in parts as large as the weights, that add up to it: each part is rounded down, and what is left goes to the
 * largest remainders, the first of equals first. All integers >= 0; weights that are all 0 get nothing but the first, all.
 */
export function share(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((before, weight) => before + weight, 0);
  if (sum === 0) return weights.map((_, index) => (index === 0 ? total : 0));
  const parts = weights.map((weight) => scale(total, weight, sum, 'floor'));
  const remainders = weights.map((weight, index) => ({ index, rest: remainder(total, weight, sum) }));
  remainders.sort((one, other) => (one.rest === other.rest ? one.index - other.index : one.rest > other.rest ? -1 : 1));
  let left = total - parts.reduce((before, part) => before + part, 0);
  for (const { index } of remainders) {
    if (left === 0) break;
    parts[index] = (parts[index] as number) + 1;
    left -= 1;
  }
  return parts;
}

function remainder(total: number, weight: number, sum: number): bigint {
  return (BigInt(total) * BigInt(weight)) % BigInt(sum);
}
