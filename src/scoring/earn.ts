/** Which rules apply to a purchase, and what of it counts. */
import { type Award, type EarnCondition, EVERYTHING, type Program } from '../program/program.ts';
import { NO_DEDUCTIONS, type Purchase } from './event.ts';

/** Minor units that earn and qualify. */
export function countedOf({ earnOn }: Program, { amount, deductions }: Purchase): number {
  if (deductions === NO_DEDUCTIONS) return amount;
  const { discount, paidWithPoints, tax, tip, giftCards } = deductions;
  let counted = amount - tax - tip - giftCards;
  if (earnOn !== 'gross') counted -= discount;
  if (earnOn === 'net-of-points') counted -= paidWithPoints;
  return counted;
}

/** What a purchase is given on a level, '' for none. `counted` is what of its amount counts. */
export function awardsFor({ earn }: Program, levelId: string, event: Purchase, counted: number): readonly Award[] {
  const always = earn.always?.get(levelId) ?? earn.always?.get('');
  if (always !== undefined) return always;
  const awards: Award[] = [];
  for (const { when, terms: byLevel } of earn.rules) {
    const terms = byLevel.get(levelId) ?? byLevel.get('');
    const lines = when === undefined ? EVERYTHING : linesThatMeet(when, event, counted);
    if (terms !== undefined && lines !== undefined) awards.push({ terms, lines });
  }
  return awards;
}

/** Undefined where the rule does not apply. */
function linesThatMeet(
  { skus, categories, stores, fromMinor, belowMinor }: EarnCondition,
  { store, lines }: Purchase,
  counted: number,
): readonly number[] | undefined {
  if (stores !== undefined && !stores.has(store)) return undefined;
  if (counted < fromMinor || counted >= belowMinor) return undefined;
  if (skus === undefined && categories === undefined) return EVERYTHING;
  const meant = lines.flatMap(({ sku, category }, index) =>
    (skus?.has(sku) ?? true) && (categories?.has(category) ?? true) ? [index] : [],
  );
  return meant.length === 0 ? undefined : meant;
}
