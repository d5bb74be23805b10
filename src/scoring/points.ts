/** How many points an award is worth, what it still gives after returns, and what an entry moved. */
import { scale, share } from '../lib/integer.ts';
import { type AccrualTerms, type Award, EVERYTHING } from '../program/program.ts';
import { sumOfDays } from './days.ts';
import type { Accrual, AccrualLine, Entry, ReversalPart } from './entry.ts';

/** Points of one award: what the rule alone gives, and what the level's multiplier adds. */
export interface AwardedPoints {
  readonly terms: AccrualTerms;
  readonly base: number;
  readonly bonus: number;
}

/** What has come back of a purchase: as its entry says, or as a return that is being worked out would have it. */
export interface Returned {
  readonly returnedAmount: number;
  readonly lines: readonly AccrualLine[];
}

/** What the rule alone gives for money that counts, or for so many pieces, lines or purchases. */
export function basePoints(quantity: number, { rate }: AccrualTerms): number {
  return scale(quantity, rate.points, rate.perMinor, rate.rounding);
}

/** What the level's multiplier adds to it. Rule and multiplier are rounded as one product, so 0.7 x 1.5 is 1, not 0. */
export function bonusPoints(quantity: number, terms: AccrualTerms): number {
  const { rate, multiplierMilli } = terms;
  if (multiplierMilli === 1000) return 0;
  const total = scale(quantity, rate.points * multiplierMilli, rate.perMinor * 1000, rate.rounding);
  return total - basePoints(quantity, terms);
}

/** What a purchase comes to in the till: goods come back for this, coupons do not. */
export function paidFor({ amount, deductions }: Pick<Accrual, 'amount' | 'deductions'>): number {
  return amount - deductions.discount;
}

/**
 * The points of every award of a purchase of which some may have come back. Returns take back the difference of two such
 * answers, so any sequence of partial returns adds up to exactly what was earned.
 */
export function awardedPoints(accrual: Accrual, returned: Returned): AwardedPoints[] {
  // What a return takes back is said for a program as a whole.
  if (accrual.awards[0]?.terms.back !== 'proportional') return givenBy(accrual, returned);
  return givenBy(accrual, untouched(accrual)).map((given) => proportional(given, accrual, returned));
}

/** What the rest of a purchase gives. */
function givenBy(accrual: Accrual, returned: Returned): AwardedPoints[] {
  const points = accrual.awards.map((award) => pointsOfAward(accrual, award, returned));
  return accrual.awards.some(({ terms }) => terms.rounded === 'basket')
    ? roundBaskets(accrual, returned, points)
    : points;
}

function untouched({ lines }: Accrual): Returned {
  return { returnedAmount: 0, lines: lines.map((line) => ({ ...line, returnedQuantity: 0, returnedAmount: 0 })) };
}

/** The share that what is left has in what was paid, or in the pieces where nothing was. */
function proportional(
  { terms, base, bonus }: AwardedPoints,
  accrual: Accrual,
  { returnedAmount, lines }: Returned,
): AwardedPoints {
  const paid = paidFor(accrual);
  const whole = paid > 0 ? paid : sum(lines.map(({ quantity }) => quantity));
  if (whole === 0) return { terms, base, bonus };
  const back = paid > 0 ? returnedAmount : sum(lines.map(({ returnedQuantity }) => returnedQuantity));
  const { rounding } = terms.rate;
  const baseLeft = scale(base, whole - back, whole, rounding);
  return { terms, base: baseLeft, bonus: scale(base + bonus, whole - back, whole, rounding) - baseLeft };
}

function pointsOfAward(accrual: Accrual, { terms, lines }: Award, returned: Returned): AwardedPoints {
  if (terms.per === 'money' && terms.rounded !== 'line' && lines === EVERYTHING) {
    return pointsFor(countedLeft(accrual, returned), terms);
  }
  const quantities = quantitiesOf(accrual, terms, lines, returned);
  if (terms.rounded !== 'line') return pointsFor(sum(quantities), terms);
  const points = quantities.map((quantity) => pointsFor(quantity, terms));
  return { terms, base: sum(points.map(({ base }) => base)), bonus: sum(points.map(({ bonus }) => bonus)) };
}

function pointsFor(quantity: number, terms: AccrualTerms): AwardedPoints {
  return { terms, base: basePoints(quantity, terms), bonus: bonusPoints(quantity, terms) };
}

/**
 * What is left of the money that counted: of everything that was paid, as large a share as has not come back; of what a coupon
 * paid for altogether, of the pieces.
 */
export function countedLeft(accrual: Accrual, { returnedAmount, lines }: Returned): number {
  const { counted } = accrual;
  const paid = paidFor(accrual);
  if (paid === 0 && counted > 0) {
    const pieces = sum(lines.map(({ quantity }) => quantity));
    const back = sum(lines.map(({ returnedQuantity }) => returnedQuantity));
    return pieces === 0 ? counted : scale(counted, pieces - back, pieces, 'floor');
  }
  if (returnedAmount === 0 || counted === paid) return counted - Math.min(returnedAmount, counted);
  return scale(counted, paid - returnedAmount, paid, 'floor');
}

/** What each line that an award is for still brings to it; one number for the purchase where it has no lines. */
function quantitiesOf(accrual: Accrual, { per }: AccrualTerms, lines: readonly number[], returned: Returned): number[] {
  const all = returned.lines;
  const isMeant = lines === EVERYTHING || lines.length === 0 ? undefined : new Set(lines);
  const meant = <T>(values: readonly T[]): T[] => values.filter((_, index) => isMeant?.has(index) ?? true);
  switch (per) {
    case 'money': {
      const counted = countedLeft(accrual, returned);
      return all.length === 0 ? [counted] : meant(share(counted, paidForLines(accrual, returned)));
    }
    case 'piece':
      return meant(all).map(({ quantity, returnedQuantity }) => quantity - returnedQuantity);
    case 'line':
      return meant(all).map(({ quantity, returnedQuantity }) => (returnedQuantity < quantity ? 1 : 0));
    case 'purchase': {
      const isOfMoney = isMeant === undefined && paidFor(accrual) > 0;
      const isLeft = isOfMoney
        ? returned.returnedAmount < paidFor(accrual)
        : meant(all).some(({ quantity, returnedQuantity }) => returnedQuantity < quantity);
      return [isLeft ? 1 : 0];
    }
  }
}

/** What is left of each line in money that was paid: coupons are spread over the lines by price. */
function paidForLines(accrual: Accrual, { lines }: Returned): number[] {
  const paid = shareOfLines(accrual);
  return lines.map(({ returnedAmount }, index) => Math.max(0, (paid[index] as number) - returnedAmount));
}

/** What was paid for each line, coupons spread over them by price, so that lines add up to what was paid. */
export function shareOfLines(accrual: Pick<Accrual, 'amount' | 'deductions' | 'lines'>): number[] {
  const amounts = accrual.lines.map(({ amount }) => amount);
  return accrual.deductions.discount === 0 ? amounts : share(paidFor(accrual), amounts);
}

/** Rules that share a basket's rounding: what the exact sum rounds to, shared by largest remainder. */
function roundBaskets(accrual: Accrual, returned: Returned, points: readonly AwardedPoints[]): AwardedPoints[] {
  const result = points.slice();
  const wallets = new Set(
    accrual.awards.filter(({ terms }) => terms.rounded === 'basket').map(({ terms }) => terms.walletId),
  );
  for (const walletId of wallets) {
    const members = accrual.awards.flatMap(({ terms }, index) =>
      terms.walletId === walletId && terms.rounded === 'basket' ? [index] : [],
    );
    const exact = members.map((index) => {
      const { terms, lines } = accrual.awards[index] as Award;
      const quantity =
        terms.per === 'money' && lines === EVERYTHING
          ? countedLeft(accrual, returned)
          : sum(quantitiesOf(accrual, terms, lines, returned));
      return exactPoints(quantity, terms);
    });
    const totals = shareFractions(exact, (accrual.awards[members[0] ?? 0] as Award).terms);
    for (const [place, index] of members.entries()) {
      const { terms, base } = points[index] as AwardedPoints;
      const total = totals[place] as number;
      const alone = terms.multiplierMilli === 1000 ? total : Math.min(base, total);
      result[index] = { terms, base: alone, bonus: total - alone };
    }
  }
  return result;
}

interface Exact {
  readonly above: bigint;
  readonly below: bigint;
}

function exactPoints(quantity: number, { rate, multiplierMilli }: AccrualTerms): Exact {
  return {
    above: BigInt(quantity) * BigInt(rate.points) * BigInt(multiplierMilli),
    below: BigInt(rate.perMinor) * 1000n,
  };
}

function shareFractions(parts: readonly Exact[], { rate }: AccrualTerms): number[] {
  const below = parts.reduce((product, part) => product * part.below, 1n);
  const aboves = parts.map((part) => part.above * (below / part.below));
  const above = aboves.reduce((total, part) => total + part, 0n);
  const addend = rate.rounding === 'floor' ? 0n : rate.rounding === 'ceil' ? below - 1n : below / 2n;
  let left = (above + addend) / below - aboves.reduce((total, part) => total + part / below, 0n);
  const result = aboves.map((part) => Number(part / below));
  const order = aboves.map((part, index) => ({ index, rest: part % below }));
  order.sort((one, other) => (one.rest === other.rest ? one.index - other.index : one.rest > other.rest ? -1 : 1));
  for (const { index } of order) {
    if (left === 0n) break;
    result[index] = (result[index] as number) + 1;
    left -= 1n;
  }
  return result;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** What an entry moved when it was made, by wallet, signed: into what is available or pending, or out of it, or into debt. */
export function movedBy(entry: Entry): ReadonlyMap<string, number> {
  const moved = new Map<string, number>();
  const add = (walletId: string, points: number): void => {
    moved.set(walletId, (moved.get(walletId) ?? 0) + points);
  };
  switch (entry.kind) {
    case 'accrual':
      for (const { terms, base, bonus } of earnedPoints(entry)) add(terms.walletId, base + bonus);
      break;
    case 'reversal':
    case 'void':
      for (const { takes, restored } of entry.parts) {
        for (const take of takes) add(take.walletId, take.expired + take.forgiven - take.base - take.bonus);
        if (restored !== undefined) add(restored.walletId, restored.points);
      }
      break;
    case 'redemption':
    case 'hold':
      add(entry.walletId, -entry.points);
      break;
    case 'capture':
      add(entry.walletId, entry.released);
      break;
    case 'release':
    case 'adjustment':
      add(entry.walletId, entry.points);
      break;
    case 'redemption_reversal':
      add(entry.restored.walletId, entry.restored.points);
      break;
    case 'expiration':
      add(entry.walletId, 0 - sumOfDays(entry.earned, -Infinity, Infinity));
      break;
    case 'settlement':
    case 'exception':
    case 'exception_end':
    case 'enrolment':
      break;
  }
  return moved;
}

/** What a purchase earned, before anything came back. */
export function earnedPoints(accrual: Accrual): AwardedPoints[] {
  if (isPlain(accrual)) return accrual.awards.map(({ terms }) => pointsFor(accrual.counted, terms));
  return awardedPoints(accrual, accrual.returnedAmount === 0 && noneReturned(accrual) ? accrual : untouched(accrual));
}

function noneReturned({ lines }: Accrual): boolean {
  return lines.every(({ returnedQuantity }) => returnedQuantity === 0);
}

/** Whether every rule is for all money that counts and rounded by itself, as most are: then each can be worked out alone. */
export function isPlain({ awards }: Accrual): boolean {
  for (const { terms, lines } of awards) {
    if (lines !== EVERYTHING || terms.per !== 'money' || terms.rounded !== 'rule') return false;
  }
  return true;
}

/** What a plain award gives for money that counts. */
export function plainPoints(counted: number, terms: AccrualTerms): number {
  return basePoints(counted, terms) + bonusPoints(counted, terms);
}

/** What an entry moved in one wallet. Asked of every purchase, so the plain ones are answered without making anything. */
export function pointsOf(entry: Entry, walletId: string): number {
  if (entry.kind !== 'accrual' || !isPlain(entry)) return movedBy(entry).get(walletId) ?? 0;
  let points = 0;
  for (const { terms } of entry.awards) if (terms.walletId === walletId) points += plainPoints(entry.counted, terms);
  return points;
}

/** Of what came back: points of a wallet that had paid for it. */
export function restoredPoints(parts: readonly ReversalPart[], walletId: string): number {
  let points = 0;
  for (const { restored } of parts) if (restored?.walletId === walletId) points += restored.points;
  return points;
}
