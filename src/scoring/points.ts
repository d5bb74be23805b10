/** How many points an amount is worth under given terms, and what an accrual still gives after returns. */
import { scale } from '../lib/integer.ts';
import type { AccrualTerms } from '../program/program.ts';
import { sumOfDays } from './days.ts';
import type { Accrual, Entry } from './entry.ts';

/** What the rule alone gives. */
export function basePoints(amount: number, { rate }: AccrualTerms): number {
  return scale(amount, rate.points, rate.perMinor, rate.rounding);
}

/** What the level's multiplier adds to it. Rule and multiplier are rounded as one product, so 0.7 x 1.5 is 1, not 0. */
export function bonusPoints(amount: number, terms: AccrualTerms): number {
  const { rate, multiplierMilli } = terms;
  if (multiplierMilli === 1000) return 0;
  const total = scale(amount, rate.points * multiplierMilli, rate.perMinor * 1000, rate.rounding);
  return total - basePoints(amount, terms);
}

/**
 * The points that returning `amount` of a purchase takes back: what it gives now less what the rest would have given. Taken
 * as a difference of totals, any sequence of partial returns adds up to exactly what was earned.
 */
export function pointsOfReturn(accrual: Accrual, amount: number): { base: number; bonus: number } {
  const before = accrual.amount - accrual.returnedAmount;
  const after = before - amount;
  const { terms } = accrual;
  return {
    base: basePoints(before, terms) - basePoints(after, terms),
    bonus: bonusPoints(before, terms) - bonusPoints(after, terms),
  };
}

/** What an entry moved when it was made, signed. */
export function pointsOf(entry: Entry): number {
  switch (entry.kind) {
    case 'accrual':
      return basePoints(entry.amount, entry.terms) + bonusPoints(entry.amount, entry.terms);
    case 'reversal':
      return entry.parts.reduce((sum, { base, bonus, expired }) => sum - base - bonus + expired, 0);
    case 'adjustment':
      return entry.points;
    case 'enrolment':
      return 0;
    case 'expiration':
      return 0 - sumOfDays(entry.earned, -Infinity, Infinity);
  }
}
